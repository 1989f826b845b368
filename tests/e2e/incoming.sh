#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A place that waits for a hand-over takes no TPM of swtpm; and an id whose directory was removed by hand can be deleted.
. "$(dirname "$0")/../../tools/harness.sh"
"$TCBIND" pki init "$WORK/P" 2>/dev/null && "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A 2>/dev/null ||
	{ echo "Bail out! no platform"; exit 1; }
expect "the platform starts" platform_start A
export TCBIND_PLATFORM=$WORK/A

# serve NAME PROGRAM [OPTIONS...]: the program's control socket is $WORK/NAME.ctrl
serve() {
	mkdir -p "$WORK/$1.d"
	"$2" socket --tpm2 --tpmstate "dir=$WORK/$1.d" --ctrl "type=unixio,path=$WORK/$1.ctrl" --log "file=$WORK/$1.log" "${@:3}" \
		>/dev/null 2>&1 &
	pids+=($!)
	for _ in $(seq 100); do [ -S "$WORK/$1.ctrl" ] && return; sleep 0.1; done
}
vtpm() { "$TCBIND" vtpm "$1" --platform "$WORK/A" "${@:2}"; }
ioctl() { swtpm_ioctl --unix "$WORK/$1.ctrl" "${@:2}"; }

# ---- a blob of swtpm ----

serve theirs "$(command -v swtpm)" --flags not-need-init,startup-clear
expect "swtpm gives its TPM" ioctl theirs --save permanent "$WORK/blob"
ioctl theirs -s
serve waits "$BUILD/host/compat/swtpm" --migration incoming
expect_refusal "a place that waits for a hand-over takes no blob of swtpm" 0x9 ioctl waits --load permanent "$WORK/blob"
expect "and its log says why" grep -q vtpm.blob.foreign "$WORK/waits.log"
expect "nothing of it is kept" sh -c "! ls '$WORK/waits.d' | grep -q permall"
ioctl waits -s
serve takes "$BUILD/host/compat/swtpm"
expect "a place that does not wait for one takes it over" sh -c "
	swtpm_ioctl --unix '$WORK/takes.ctrl' --load permanent '$WORK/blob' && swtpm_ioctl --unix '$WORK/takes.ctrl' -i"
ioctl takes -s

id=11111111-2222-4333-8444-555555555555
expect "a place of the platform, for a vTPM that comes" vtpm create --id $id --incoming
# One connection, as QEMU has: CMD_SET_STATEBLOB, then CMD_INIT.
{
	printf '\0\0\0\15\0\0\0\0\0\0\0\1%b' "$(printf '%08x' "$(stat -c %s "$WORK/blob")" | sed 's/../\\x&/g')"
	cat "$WORK/blob"
	sleep 0.5
	printf '\0\0\0\2\0\0\0\0'
	sleep 1
} | timeout 20 socat -t 1 - "unix-connect:$(vtpm_socket A $id)" | od -An -v -tx1 | tr -d ' \n' >"$WORK/answers"
expect "it takes no blob of swtpm either" grep -qx 0000000000000101 "$WORK/answers"
expect "and the platform's log says why" grep -q "$id: vtpm.blob.foreign" "$WORK/A.err"

# ---- an id that is only in the ledger ----

id=99999999-2222-4333-8444-555555555555
vtpm create --id $id >/dev/null 2>&1
ln -s "$(vtpm_socket A $id)" "$WORK/used.ctrl"
expect "a vTPM is used" ioctl used -i
ioctl used --stop
kill "$platform_pid"; wait "$platform_pid" 2>/dev/null
rm -r "$WORK/A/vtpm/$id"
expect "its directory is removed by hand, and the platform starts" platform_start A
expect_refusal "the platform has no such vTPM" vtpm.unknown vtpm show --id $id
expect_refusal "and its id is taken" ledger.id.taken vtpm create --id $id
expect "it can be deleted" vtpm delete --id $id
expect_refusal "once" vtpm.unknown vtpm delete --id $id
expect "then the id is free" vtpm create --id $id
expect_refusal "an id that never was is not deleted" vtpm.unknown vtpm delete --id 00000000-2222-4333-8444-555555555555
done_testing
