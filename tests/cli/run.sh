#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tcbind platform run as its operator meets it: Ctrl-C, parts that die or are slow, a daemon that hangs, another user's platform.
. "$(dirname "$0")/../../tools/harness.sh"
swtpm=$(command -v swtpm)
"$TCBIND" pki init "$WORK/P" 2>/dev/null && "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A 2>/dev/null ||
	{ echo "Bail out! no platform"; exit 1; }

# fake_swtpm SCRIPT: a directory for PATH, in which swtpm is this script; "$@" are swtpm's arguments
fake_swtpm() {
	rm -rf "$WORK/fake" && mkdir "$WORK/fake"
	{ echo '#!/bin/bash'; echo "$1"; } >"$WORK/fake/swtpm"
	chmod +x "$WORK/fake/swtpm"
}
# ended_within SECONDS PID: it has ended by then; its status in $ended
ended_within() {
	local i
	for ((i = 0; i < $1 * 10; i++)); do
		kill -0 "$2" 2>/dev/null || { wait "$2"; ended=$?; return 0; }
		sleep 0.1
	done
	return 1
}
seconds() { date +%s; }

# ---- parts that do not start ----

fake_swtpm 'for a; do case $a in file=*) log=${a#file=}; echo "the disk is full" >"${log%,*}"; exit 3;; esac; done'
from=$(seconds)
PATH=$WORK/fake:$PATH "$TCBIND" platform run "$WORK/A" >"$WORK/out" 2>"$WORK/err"
expect "a physical TPM that dies at once is not waited for" [ $(($(seconds) - from)) -lt 10 ]
expect "its end, its log's last line and its log are told" sh -c "grep -q 'status 3.*the disk is full' $WORK/err && grep -q 'read $WORK/A/run/ptpm.log' $WORK/err"
expect "ready is not said" [ ! -s "$WORK/out" ]

fake_swtpm "sleep 22; exec $swtpm \"\$@\""
platform_start_slowly() { PATH=$WORK/fake:$PATH "$TCBIND" platform run "$WORK/A" >"$WORK/A.out" 2>"$WORK/A.err" & platform_pid=$!; pids+=("$platform_pid"); }
platform_start_slowly
for _ in $(seq 400); do grep -q ready "$WORK/A.out" && break; sleep 0.1; done
expect "a slow start is told as slow, and waited for" sh -c "grep -q 'not ready after 20 seconds' $WORK/A.err && grep -q ready $WORK/A.out"
kill -TERM "$platform_pid"
expect "and ends on SIGTERM" ended_within 30 "$platform_pid"

fake_swtpm "sleep 1000"
platform_start_slowly
sleep 1
kill -INT "$platform_pid"
expect "Ctrl-C ends a start at once" ended_within 5 "$platform_pid"

# ---- Ctrl-C ----

# orderly: whether the platform's TPM was told of its end, as TPMA_STARTUP_CLEAR of its next start says (TPM 2.0 part 2, 8.6)
orderly() {
	local found
	"$swtpm" socket --tpm2 --tpmstate "dir=$WORK/A/ptpm" --server "type=unixio,path=$WORK/t" --ctrl "type=unixio,path=$WORK/t.ctrl" \
		--flags not-need-init,startup-clear --daemon --pid "file=$WORK/t.pid"
	found=$(tpm2_getcap -T "swtpm:path=$WORK/t" properties-variable | sed -n 's/^ *orderly: *//p')
	kill "$(cat "$WORK/t.pid")"
	while [ -e "$WORK/t.pid" ]; do sleep 0.1; done
	[ "$found" = 1 ]
}
for signal in INT HUP; do
	setsid "$TCBIND" platform run "$WORK/A" >"$WORK/A.out" 2>"$WORK/A.err" &
	for _ in $(seq 200); do grep -q ready "$WORK/A.out" && break; sleep 0.1; done
	run=$(pgrep -f "platform run $WORK/A")
	pids+=("$run")
	id=$("$TCBIND" vtpm create --platform "$WORK/A" --json 2>/dev/null | jq -r .id)
	rm -f "$WORK/initialised"
	{ printf '\0\0\0\2\0\0\0\0'; sleep 60; } | socat - "unix-connect:$WORK/A/vtpm/$id/ctrl.sock" >"$WORK/initialised" & # CMD_INIT
	pids+=($!)
	for _ in $(seq 300); do [ -s "$WORK/initialised" ] && break; sleep 0.1; done
	expect "SIG$signal: a vTPM runs" [ "$(vtpm_member A "$id" state)" = running ]
	groups=$(for pid in $run $(children_of "$run"); do ps -o pgid= -p "$pid"; done | sort -u | wc -l)
	expect "SIG$signal: each part has a process group of its own" [ "$groups" = 4 ]
	kill -"$signal" -"$run" # to the group, as a terminal does
	for _ in $(seq 300); do kill -0 "$run" 2>/dev/null || break; sleep 0.1; done
	expect "SIG$signal ends the platform" sh -c "! kill -0 $run 2>/dev/null"
	expect "SIG$signal: nothing is told as a death" sh -c "! grep -q 'died\|starting over\|found ' $WORK/A.err"
	if command -v tpm2_getcap >/dev/null; then
		expect "SIG$signal: the TPM was shut down" orderly
	else
		skip "SIG$signal: the TPM was shut down" "no tpm2-tools"
	fi
done

# ---- a daemon that hangs, a platform of another user ----

expect "the platform starts" platform_start A
locked() { [ "$(awk '/^VmLck/ { print $2 }' "/proc/$1/status")" -gt 0 ]; }
capabilities=$(awk '/^CapEff/ { print $2 }' /proc/self/status)
if [ "$(ulimit -Hl)" = unlimited ] || ((0x$capabilities >> 14 & 1)); then # CAP_IPC_LOCK
	processor=$(process_of sgxsim A)
	expect "the processor's secrets are not written to swap" locked "$processor"
	for pid in $(children_of "$processor"); do locked "$pid" && echo; done >"$WORK/locked"
	expect "nor those of PSE and MigE" [ "$(wc -l <"$WORK/locked")" = 2 ]
else
	skip "the processor's secrets are not written to swap" "memory may not be locked here without limit"
	skip "nor those of PSE and MigE" "memory may not be locked here without limit"
fi
daemon=$(process_of tcbindd A)
kill -STOP "$daemon"
export TCBIND_TIMEOUT=1
hangs() { expect_refusal "$1 of a daemon that hangs" daemon.silent timeout 20 "$TCBIND" "${@:2}"; }
hangs status platform status "$WORK/A"
hangs list vtpm list --platform "$WORK/A"
hangs show vtpm show --platform "$WORK/A" --id "$id"
hangs create vtpm create --platform "$WORK/A"
hangs delete vtpm delete --platform "$WORK/A" --id "$id"
hangs attest attest --platform "$WORK/A" --id "$id" --nonce 00 -o "$WORK/none"
hangs migrate migrate --platform "$WORK/A" --id "$id" --qmp "$WORK/none" --to-platform localhost:1 --to-qmp "$WORK/none"
unset TCBIND_TIMEOUT
kill -CONT "$daemon"
expect "it goes on" "$TCBIND" platform status "$WORK/A"

# ---- a state that is refused ----

state=$WORK/A/vtpm/$id/state
cp "$state" "$WORK/kept" && printf xxxx | dd of="$state" bs=1 seek=40 conv=notrunc 2>/dev/null
expect_refusal "evidence of a vTPM whose state was altered" seal.foreign "$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce 00 -o "$WORK/none"
expect "it is listed as refused, with the code" sh -c "'$TCBIND' vtpm list --platform '$WORK/A' | grep '$id  refused .*seal.foreign'"
expect "and shown" [ "$(vtpm_member A "$id" state) $(vtpm_member A "$id" refusal)" = "refused seal.foreign" ]
cp "$WORK/kept" "$state"
"$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce 00 -o "$WORK/none" 2>/dev/null # opens it
expect "the state is back, and so is the vTPM" [ "$(vtpm_member A "$id" state) $(vtpm_member A "$id" refusal)" = "stopped null" ]

# ---- an owner's policy that does not decode ----

printf '{\n "version": 1,\n "surprise": 1 }\n' >"$WORK/typo.json"
expect_refusal "an owner's policy with a typo, with its file and place" "typo.json: line 3, column 3: 'surprise'" \
	"$TCBIND" vtpm create --platform "$WORK/A" --policy "$WORK/typo.json"

# ---- another user ----

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$WORK"
	other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	cp "$TCBIND" "$WORK/tcbind" && chmod 755 "$WORK/tcbind"
	expect_refusal "status of another user's platform" daemon.permission other "$WORK/tcbind" platform status "$WORK/A"
	expect_refusal "attest of it" "it is of\|uid 65534" other "$WORK/tcbind" attest --platform "$WORK/A" --id "$id" --nonce 00 -o /dev/null
	expect_refusal "run of it" platform.permission other "$WORK/tcbind" platform run "$WORK/A"
else
	skip "another user's platform" "not root"
fi
expect_refusal "status of no platform" platform.config "$TCBIND" platform status "$WORK/P"
kill "$platform_pid"
wait "$platform_pid" 2>/dev/null
expect_refusal "status of one that does not run" "start it with" "$TCBIND" platform status "$WORK/A"

# ---- no descriptors left ----

(
	ulimit -n 40
	exec "$TCBIND" platform run "$WORK/A" >"$WORK/A.out" 2>"$WORK/A.err"
) &
platform_pid=$!
pids+=("$platform_pid")
for _ in $(seq 200); do grep -q ready "$WORK/A.out" && break; sleep 0.1; done
for n in $(seq 12); do
	mkdir "$WORK/s$n"
	TCBIND_PLATFORM=$WORK/A timeout 60 "$BUILD/host/compat/swtpm" socket --tpm2 --tpmstate "dir=$WORK/s$n" --ctrl "type=unixio,path=$WORK/s$n/c" \
		--flags not-need-init,startup-clear >"$WORK/s$n/out" 2>&1 &
	pids+=($!)
done
for _ in $(seq 100); do grep -q descriptors "$WORK"/s*/out && break; sleep 0.2; done
expect "a platform that is out of descriptors says so" grep -h "out of descriptors" "$WORK"/s*/out
expect "and names no other cause" sh -c "! grep -h 'one release\|same version' $WORK/s*/out"
expect "it goes on" kill -0 "$platform_pid"
done_testing
