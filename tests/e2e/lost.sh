#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A vTPM whose state file is not where it was: it never becomes a new TPM in silence, and no state is written over.
[ -z "${OWN_MOUNTS:-}" ] && unshare -m true 2>/dev/null && OWN_MOUNTS=1 exec unshare -m --propagation private "$0"
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/fronts.sh"
export TCBIND_PLATFORM=$WORK/A
ID=6f3b2b0e-7c1d-4e55-9c68-0d2f3a4b5c6d

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
expect "platform run says ready" platform_start A

state() { echo "$WORK/$1/tpm2-00.permall"; }
# begin DIR: its TPM is started, its pid in $front; refused: its log's end, and 1
begin() {
	: >"$WORK/$1/log" 2>/dev/null
	front "$1"
	ioctl "$1" -i >/dev/null 2>&1 && talk "$1" 80010000000c000001440000 >/dev/null && return
	end "$1" "$front"
	cat "$WORK/$1/log"
	return 1
}
# ek DIR: the public P-256 EK of the TPM that runs; two TPMs never share it
ek() { talk "$1" 80010000000e000001738101000a; }
# is_same DIR: what starts there is the TPM with $key; it ends again
is_same() {
	local now
	begin "$1" || return
	now=$(ek "$1")
	end "$1" "$front"
	[ "${#now}" -gt 100 ] && [ "$now" = "$key" ]
}
# known DIR: a TPM is made there, its EK in $key; it runs
known() { begin "$1" && key=$(ek "$1") && [ "${#key}" -gt 100 ]; }
log_says() { for _ in $(seq 50); do grep -q "$2" "$WORK/$1/log" && return; sleep 0.02; done; cat "$WORK/$1/log"; return 1; }

# ---- removed while it ran ----
mkdir -p "$WORK"/{back,removed,crashed,gone,again,emptied,disk,short,other}
expect "a TPM runs" known back
save() { ioctl "$1" --save permanent "$WORK/blob" && ioctl "$1" --save volatile "$WORK/blob.volatile"; }
expect "its state is saved" save back
rm "$(state back)"
ioctl back --stop; ioctl back --load permanent "$WORK/blob"; ioctl back --load volatile "$WORK/blob.volatile"
expect "its file is removed, and its state is loaded back" ioctl back -i
expect "the file is there again" [ -s "$(state back)" ]
expect "it is the same TPM" [ "$(ek back)" = "$key" ]
end back "$front"
expect "also when it is started again" is_same back

expect "another runs" known removed
rm "$(state removed)"
end removed "$front"
expect "its file was removed: it does not come back at the end" [ ! -e "$(state removed)" ]
expect "but the next start has the same TPM" is_same removed
expect "and says so" log_says removed vtpm.restored

expect "another runs" known crashed
rm "$(state crashed)"
kill_hard "the daemon" "$(process_of tcbindd A)"
wait "$front" 2>/dev/null
wait_for_daemon A
expect "its file was removed, and the daemon killed: the next start has the same TPM" is_same crashed

# ---- removed while it was off ----
expect "another runs" known gone
end gone "$front"
mv "$(state gone)" "$WORK/gone.state"
expect_refusal "without its state file it does not start" "vtpm.missing: found no state" begin gone
ask_twice() {
	local status
	front gone
	ioctl gone -i
	ioctl gone -i
	status=$?
	end gone "$front"
	return $status
}
expect_refusal "also when it is asked twice" 0x101 ask_twice
expect "and nothing is made" [ ! -e "$(state gone)" ]
mv "$WORK/gone.state" "$(state gone)"
expect "with its file put back it is the same TPM" is_same gone
: >"$(state gone)"
expect_refusal "an empty file is as good as none" vtpm.missing begin gone
expect "swtpm_setup makes another when it is told to" "$FRONTS/swtpm_setup" --tpm2 --tpm-state "$WORK/gone" --overwrite --logfile "$WORK/gone.setup"
expect "its log says which one was there" grep -q "vtpm.missing: found no state" "$WORK/gone.setup"
expect "that starts" begin gone
end gone "$front"

known again; end again "$front"
rm "$(state again)"
expect_refusal "one is removed" vtpm.missing begin again
"$TCBIND" vtpm delete --platform "$WORK/A" --gone >"$WORK/forgotten" 2>&1
expect "and forgotten" grep "$WORK/again" "$WORK/forgotten"
expect "then a new one starts there" begin again
expect "which is another" [ "$(ek again)" != "$key" ]
end again "$front"

known emptied; end emptied "$front"
mkdir "$WORK/emptied.kept" && cp "$WORK/emptied"/tpm2* "$WORK/emptied.kept"
find "$WORK/emptied" -type f -delete
expect "a directory that was emptied gets a new TPM, as with swtpm" begin emptied
expect "but not in silence" log_says emptied vtpm.emptied
expect "it is another" [ "$(ek emptied)" != "$key" ]
rm "$(state emptied)"
key=$(ek emptied)
end emptied "$front"
expect "of the two that were there, the newer one's state is put back" is_same emptied

if [ -n "${OWN_MOUNTS:-}" ] && mount -t tmpfs none "$WORK/disk" 2>/dev/null; then
	kill "$platform_pid" && wait "$platform_pid" 2>/dev/null
	platform_start A # in the same mounts
	known disk; end disk "$front"
	umount "$WORK/disk"
	expect_refusal "one whose file system is not mounted does not start" vtpm.missing begin disk
	expect "and cannot be forgotten by that" sh -c "! $TCBIND vtpm list --platform $WORK/A --gone | grep -q $WORK/disk"
else
	skip "one whose file system is not mounted does not start" "no mounts of its own here"
fi

# ---- another state was put there while it ran ----
known other; end other "$front"
cp "$(state other)" "$WORK/other.state"
other=$key
known short
cp "$WORK/other.state" "$(state short)"
end short "$front"
expect "a state that was put there while another TPM ran is not written over" cmp "$WORK/other.state" "$(state short)"
rm "$(state other)"; key=$other
expect "and starts" is_same short

# ---- the platform's own directory ----
expect "a vTPM of the platform's own" "$TCBIND" vtpm create --platform "$WORK/A" --id $ID
own() { "$FRONTS/swtpm_ioctl" --unix "$WORK/A/vtpm/$ID/ctrl.sock" -i && "$FRONTS/swtpm_ioctl" --unix "$WORK/A/vtpm/$ID/ctrl.sock" -s; }
expect "starts" own
mv "$WORK/A/vtpm/$ID/state" "$WORK/own.state"
expect_refusal "without its state file it does not" 0x101 own
expect "and nothing is made" [ ! -e "$WORK/A/vtpm/$ID/state" ]
mv "$WORK/own.state" "$WORK/A/vtpm/$ID/state"
expect "with it, it does" own
done_testing
