#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Migration with shared storage: two platforms, and one directory for the vTPM's state, as libvirt has it with NFS. The steps are QEMU's.
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/fronts.sh"

"$TCBIND" pki init "$WORK/P" >/dev/null 2>&1
for name in A B; do
	"$TCBIND" platform init "$WORK/$name" --pki "$WORK/P" --name $name >/dev/null 2>&1
	expect "platform $name runs" platform_start $name
done
STATE=$WORK/shared
FILE=$STATE/tpm2-00.permall
mkdir "$STATE" "$WORK/a" "$WORK/b"

# on PLATFORM DIR [incoming]: a TPM of the shared directory, its sockets and log in $WORK/DIR; pid in $front
on() {
	rm -f "$WORK/$2/ctrl" "$WORK/$2/data" "$WORK/$2/log"
	TCBIND_PLATFORM=$WORK/$1 "$FRONTS/swtpm" socket --tpm2 --tpmstate "dir=$STATE" --ctrl "type=unixio,path=$WORK/$2/ctrl" \
		--server "type=unixio,path=$WORK/$2/data" --log "file=$WORK/$2/log" --migration "release-lock-outgoing${3:+,$3}" >/dev/null 2>&1 &
	front=$!
	pids+=($front)
	for _ in $(seq 250); do [ -S "$WORK/$2/ctrl" ] && [ -S "$WORK/$2/data" ] && return; sleep 0.02; done
}
startup() { talk "$1" 80010000000c000001440000; }
ek() { talk "$1" 80010000000e000001738101000a; }
pcr() { talk "$1" 8001000000140000017e00000001000b03000001 | tail -c 64; }
extend() { talk "$1" "80020000004100000182000000100000000940000009000000000000000001000b$(printf '%064d' 7)"; }
# is_refused DIR: CMD_INIT; its log is printed
is_refused() {
	local status
	ioctl "$1" -i 2>&1
	status=$?
	sleep 0.3
	cat "$WORK/$1/log"
	return $status
}

on A a; source=$front
expect "a TPM runs on A" ioctl a -i
startup a >/dev/null
extend a >/dev/null
key=$(ek a) register=$(pcr a)
expect "it has an EK" [ "${#key}" -gt 100 ]
on B b incoming; destination=$front
expect "it moves to B, in the same directory" move a b
expect "it is the same TPM" [ "$(ek b)" = "$key" ]
expect "with its PCRs" [ "$(pcr b)" = "$register" ]
extend b >/dev/null
cp "$FILE" "$WORK/of-b"
end a "$source"
expect "the source's end leaves the state that B wrote" cmp "$FILE" "$WORK/of-b"
end b "$destination"
cp "$FILE" "$WORK/of-b"
on A a
expect_refusal "A does not start it any more, and says why" "seal.foreign" is_refused a
end a "$front"
expect "and leaves it alone" cmp "$FILE" "$WORK/of-b"
on B b; destination=$front
expect "B does" ioctl b -i
startup b >/dev/null
expect "it is the same TPM still" [ "$(ek b)" = "$key" ]

# ---- a migration that fails: the destination ends before it has the state ----
on A a incoming
expect "the state leaves B" sh -c "$FRONTS/swtpm_ioctl --unix $WORK/b/ctrl --save permanent $WORK/blob && $FRONTS/swtpm_ioctl --unix $WORK/b/ctrl --save volatile $WORK/blob.volatile"
expect "and comes to A" ioctl a --load permanent "$WORK/blob"
end a "$front"
expect "A ends before it starts it: B takes it back" ioctl b --lock-storage 300
expect "the source goes on" [ "$(ek b)" = "$key" ]
extend b >/dev/null
end b "$destination"
on B b; destination=$front
expect "also after its end" ioctl b -i
startup b >/dev/null
expect "as the same TPM" [ "$(ek b)" = "$key" ]

# ---- back, under a daemon that was killed meanwhile: what A kept of before is old ----
kill_hard "A's daemon" "$(process_of tcbindd A)"
wait_for_daemon A
on A a incoming; source=$destination destination=$front
expect "it moves back to A" move b a
expect "as the same TPM" [ "$(ek a)" = "$key" ]
cp "$FILE" "$WORK/of-a"
end b "$source"
expect "B's end leaves what A wrote" cmp "$FILE" "$WORK/of-a"
end a "$destination"
on A a
expect "and A starts it" ioctl a -i
startup a >/dev/null
expect "as the same TPM" [ "$(ek a)" = "$key" ]
end a "$front"
expect "nothing of what came in is left" [ ! -e "$FILE.incoming" ]
done_testing
