#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How swtpm starts, and how it fails to: what its caller sees of sockets, descriptors, status and pid file, and where a user's private platform is.
. "$(dirname "$0")/../../tools/harness.sh"
COMPAT=$BUILD/host/compat
export TCBIND_PRIVATE_PLATFORM=$WORK/private
unset TCBIND_PLATFORM XDG_STATE_HOME
chmod 711 "$WORK"

# swtpm_run NAME [OPTIONS...]: in the foreground, state in $WORK/NAME.d
swtpm_run() {
	local name=$1
	shift
	mkdir -p "$WORK/$name.d"
	timeout 60 "$COMPAT/swtpm" socket --tpm2 --tpmstate "dir=$WORK/$name.d" --ctrl "type=unixio,path=$WORK/$name.ctrl" "$@"
}
ioctl() { "$COMPAT/swtpm_ioctl" --unix "$WORK/$1.ctrl" "${@:2}" 2>&1; }
# until_ok NAME COMMAND...: passes when the command does, within 20 s
until_ok() {
	local name=$1 _
	shift
	for _ in $(seq 200); do "$@" >/dev/null 2>&1 && break; sleep 0.1; done
	expect "$name" "$@"
}
capability="ptm capability is 0x1ffff"

# ---- the socket is there before the platform ----
# Who holds the lock beside a private platform keeps everybody from starting it: a start that takes as long as this test wants.
mkdir "$WORK/private"
exec 8>"$WORK/private/lock"
flock 8
swtpm_run early --pid "file=$WORK/early.pid" --log "file=$WORK/early.log" 8>&- &
early=$!; pids+=("$early")
until_ok "the control socket is there while the platform is not" test -S "$WORK/early.ctrl"
ioctl early -c >"$WORK/early.answer" 8>&- &
asker=$!; pids+=("$asker")
sleep 0.5
expect "a client that connects meanwhile waits" kill -0 "$asker"
expect "and there is no pid file yet" test ! -s "$WORK/early.pid"
flock -u 8
wait "$asker"
expect "it is answered when the platform has started" grep -qx "$capability" "$WORK/early.answer"
ioctl early -s >/dev/null
wait "$early"
expect "and the TPM ends as any other" test $? = 0

flock 8
swtpm_run told --log "file=$WORK/told.log" 8>&- &
told=$!; pids+=("$told")
for _ in $(seq 200); do [ -S "$WORK/told.ctrl" ] && break; sleep 0.05; done
expect "another has its socket while it waits" test -S "$WORK/told.ctrl"
kill "$(pgrep -P "$told")"
wait "$told"
expect "one that is told to end while it waits ends, and removes its socket" test ! -e "$WORK/told.ctrl"
flock -u 8
exec 8>&-

# ---- a start that fails ----
mkdir "$WORK/bad.d"
printf 'this is no state of a TPM' >"$WORK/bad.d/tpm2-00.permall"
for flag in not-need-init startup-clear startup-state; do
	expect_status "$flag with a state that is none: status 1" 1 swtpm_run bad --flags "$flag" --pid "file=$WORK/bad.pid" --log "file=$WORK/bad.log"
	expect "no pid file, no socket" sh -c "[ ! -e $WORK/bad.pid ] && [ ! -e $WORK/bad.ctrl ]"
done
expect "the log says why" grep -q "swtpm.state" "$WORK/bad.log"
expect_status "--daemon reports it, too" 1 swtpm_run bad --flags startup-clear --pid "file=$WORK/bad.pid" --log "file=$WORK/bad.log" --daemon
expect "and leaves no pid file" test ! -e "$WORK/bad.pid"
: >"$WORK/file"
expect_refusal "a platform that cannot be made is named, and the variable that names another" \
	"compat.home: found $WORK/file/private.*TCBIND_PRIVATE_PLATFORM" env TCBIND_PRIVATE_PLATFORM="$WORK/file/private" \
	"$COMPAT/swtpm" socket --tpm2 --tpmstate "dir=$WORK/bad.d" --ctrl "type=unixio,path=$WORK/bad.ctrl" --daemon

# ---- --daemon ----
expect "--daemon without --log lets go of a pipe" timeout 30 bash -c \
	"mkdir $WORK/pipe.d; '$COMPAT/swtpm' socket --tpm2 --tpmstate dir=$WORK/pipe.d --ctrl type=unixio,path=$WORK/pipe.ctrl --daemon 2>&1 | cat"
expect "and serves" sh -c "'$COMPAT/swtpm_ioctl' --unix $WORK/pipe.ctrl -c | grep -qx '$capability'"
ioctl pipe -s >/dev/null
for closed in "<&-" ">&-" "2>&-" "<&- >&- 2>&-"; do
	rm -f "$WORK/closed.pid"
	mkdir -p "$WORK/closed.d"
	(eval "'$COMPAT/swtpm' socket --tpm2 --tpmstate dir=$WORK/closed.d --ctrl type=unixio,path=$WORK/closed.ctrl \
		--server type=unixio,path=$WORK/closed.data --pid file=$WORK/closed.pid --log file=$WORK/closed.log --daemon $closed")
	expect "--daemon with $closed serves" sh -c "sleep 0.3; '$COMPAT/swtpm_ioctl' --unix $WORK/closed.ctrl -i && kill -0 \$(cat $WORK/closed.pid)"
	ioctl closed -s >/dev/null
done

# ---- where a private platform is ----
as_nobody() { # VARIABLE=VALUE...: swtpm of a user that no database knows, in /; waits for the platform, then ends
	setpriv --reuid 54321 --regid 54321 --clear-groups env -u TCBIND_PRIVATE_PLATFORM -u HOME "$@" sh -c \
		"timeout 60 '$COMPAT/swtpm' socket --tpm2 --tpmstate dir=$WORK/nobody.d --ctrl type=unixio,path=$WORK/nobody.d/ctrl --daemon && \
		'$COMPAT/swtpm_ioctl' --unix $WORK/nobody.d/ctrl -s"
}
if [ "$(id -u)" = 0 ] && setpriv --reuid 54321 --regid 54321 --clear-groups test -x "$COMPAT/swtpm"; then
	mkdir "$WORK/nobody.d" "$WORK/home" "$WORK/state" "$WORK/other"
	chown 54321:54321 "$WORK/nobody.d" "$WORK/home" "$WORK/state"
	chmod 777 "$WORK/other"
	expect "a user that no database knows: HOME" as_nobody "HOME=$WORK/home"
	expect "has the platform" test -d "$WORK/home/.local/state/tcbind/private/platform"
	expect "XDG_STATE_HOME comes before it" as_nobody "HOME=$WORK/home" "XDG_STATE_HOME=$WORK/state"
	expect "and has the platform" test -d "$WORK/state/tcbind/private/platform"
	expect_refusal "neither" "compat.home: found that user 54321 has no home.*TCBIND_PRIVATE_PLATFORM" as_nobody
	expect_refusal "a HOME that cannot be written" "compat.home: found /proc/.*Permission\|compat.home: found /proc/.*No such file" as_nobody HOME=/proc
	# HOME of another user, as sudo and libvirt leave it, does not count where the database knows a home.
	expect "HOME of somebody else is passed over" sh -c "setpriv --reuid $(id -u daemon) --clear-groups env -u TCBIND_PRIVATE_PLATFORM HOME=$WORK/other \
		'$COMPAT/swtpm' socket --tpm2 --tpmstate dir=$WORK/nobody.d --ctrl type=unixio,path=$WORK/other.ctrl 2>&1 | grep -v $WORK/other/ | grep -q compat.home"
else
	skip "where a private platform is" "needs root, and a build that other users can read"
fi
done_testing
