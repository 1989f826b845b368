#!/usr/bin/env bash
# swtpm's command line: the same steps with Debian's swtpm and with ours, the same answers; then what swtpm does not do. Clients are Debian's
# swtpm_ioctl, swtpm_setup, tpm2-tools and QEMU. The platform is the private one that our swtpm starts.
. "$(dirname "$0")/../../tools/harness.sh"
OURS=$BUILD/host/compat/swtpm
THEIRS=/usr/bin/swtpm
export TCBIND_PRIVATE_PLATFORM=$WORK/private
unset TCBIND_PLATFORM

# swtpm_start EXE NAME [OPTIONS...]: control socket $WORK/NAME.ctrl, pid file, log, state $WORK/NAME.d; waits until it is ready
swtpm_start() {
	local exe=$1 name=$2
	shift 2
	mkdir -p "$WORK/$name.d"
	rm -f "$WORK/$name.pid"
	"$exe" socket --tpm2 --tpmstate "dir=$WORK/$name.d" --ctrl "type=unixio,path=$WORK/$name.ctrl" --pid "file=$WORK/$name.pid" \
		--log "file=$WORK/$name.log" "$@" >"$WORK/$name.out" 2>&1 &
	swtpm_pid=$!
	pids+=("$swtpm_pid")
	for _ in $(seq 400); do
		[ -s "$WORK/$name.pid" ] && return 0
		kill -0 "$swtpm_pid" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}
ioctl() { local name=$1; shift; swtpm_ioctl --unix "$WORK/$name.ctrl" "$@" 2>&1; }

# talk NAME HEX...: each HEX is sent to the data socket as one write; the answers in hex
talk() {
	local name=$1 piece
	shift
	{ for piece in "$@"; do printf "%b" "$(sed 's/../\\x&/g' <<<"$piece")"; sleep 0.1; done; sleep 0.3; } |
		timeout 5 socat -t 1 - "unix-connect:$WORK/$name.data" | od -An -v -tx1 | tr -d ' \n'
}
startup=80010000000c000001440000
random=80010000000c0000017b0008
read_clock=80010000000a00000181

# The same steps; what they print is compared. In a subshell of its own, one after the other.
script_control() { # EXE NAME
	swtpm_start "$1" "$2" --server "type=unixio,path=$WORK/$2.data" || return 1
	echo "clock before init: $(talk "$2" $read_clock)"
	echo "established before init: $(ioctl "$2" -e)"
	ioctl "$2" -b 3000
	ioctl "$2" -i && echo "init $?"
	echo "established: $(ioctl "$2" -e)"
	echo "startup: $(talk "$2" $startup)"
	echo "startup again: $(talk "$2" $startup)"
	echo "size while running: $(ioctl "$2" -b 4096)"
	echo "locality 5: $(ioctl "$2" -l 5)"
	echo "locality 4: $(ioctl "$2" -l 4) $?"
	echo "hashing: $(ioctl "$2" -l 0) $(ioctl "$2" -h 1234) $? established $(ioctl "$2" -e)"
	echo "PCR 17: $(talk "$2" 80010000001400000 | head -c 0; talk "$2" 8001000000140000017e00000001000b03000002 | tail -c 64)"
	echo "reset established: $(ioctl "$2" -r 3) $(ioctl "$2" -e)"
	echo "config: $(ioctl "$2" -g)"
	echo "cancel: $(ioctl "$2" -C) $?"
	echo "store volatile: $(ioctl "$2" -v) $?"
	echo "stop: $(ioctl "$2" --stop) $?"
	echo "command when stopped: $(talk "$2" $random)"
	echo "resumed: $(ioctl "$2" -h x) $(swtpm_resume "$2")"
	echo "info: $(ioctl "$2" --info 1)"
	echo "prefix: $(talk "$2" 00000008000000000c$startup)"
	echo "shutdown: $(ioctl "$2" -s) $?"
	for _ in $(seq 100); do kill -0 "$swtpm_pid" 2>/dev/null || break; sleep 0.05; done
	wait "$swtpm_pid"
	echo "exit status: $?, pid file: $(ls "$WORK/$2.pid" 2>/dev/null), sockets: $(ls "$WORK/$2".*ctrl "$WORK/$2".data 2>/dev/null)"
}
# Volatile state that STORE_VOLATILE kept is resumed by an INIT without flags: no TPM2_Startup needed.
swtpm_resume() {
	printf '\0\0\0\002\0\0\0\0' | timeout 2 socat -t 1 - "unix-connect:$WORK/$1.ctrl" | od -An -tx1
	talk "$1" $random | cut -c 1-24
}

(script_control "$THEIRS" theirs) >"$WORK/control.theirs" 2>&1
(script_control "$OURS" ours) >"$WORK/control.ours" 2>&1
if diff <(sed 's/theirs/NAME/g' "$WORK/control.theirs") <(sed 's/ours/NAME/g' "$WORK/control.ours") >"$WORK/control.diff"; then
	ok "$(grep -c . "$WORK/control.theirs") control steps are answered as swtpm answers them"
else
	not_ok "control steps are answered as swtpm answers them" "$(cat "$WORK/control.diff")"
fi

for line in "socket --tpm2 --print-states --tpmstate dir=$WORK/none" "socket --tpm2 --tpmstate dir=$WORK --ctrl type=bad,path=x" \
	"socket --tpm2 --tpmstate dir=$WORK --ctrl type=unixio" "socket --tpm2 --unknown"  \
	"socket --tpm2 --tpmstate dir=$WORK --key file=$WORK/none" "socket --tpm2 --tpmstate dir=$WORK --log file=$WORK/no/log --ctrl type=unixio,path=$WORK/x" \
	"socket --tpm2 --tpmstate dir=$WORK --flags bad --ctrl type=unixio,path=$WORK/x" "nonsense"; do
	# shellcheck disable=SC2086
	theirs=$(timeout 5 "$THEIRS" $line >"$WORK/line.theirs" 2>/dev/null; echo $?)
	# shellcheck disable=SC2086
	ours=$(timeout 5 "$OURS" $line >"$WORK/line.ours" 2>"$WORK/line.err"; echo $?)
	if [ "$theirs" = "$ours" ] && cmp -s "$WORK/line.theirs" "$WORK/line.ours"; then
		ok "swtpm ${line//$WORK/DIR}: status $ours"
	else
		not_ok "swtpm ${line//$WORK/DIR}" "swtpm $theirs: $(cat "$WORK/line.theirs"); ours $ours: $(cat "$WORK/line.ours" "$WORK/line.err")"
	fi
done
done_testing
