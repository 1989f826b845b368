#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# TPMs that are in lockout, since a guest tried passwords or machines lost their power: evidence comes in any case. The attestation keys have no password that
# could be tried.
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/fronts.sh"

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
export TCBIND_PLATFORM=$WORK/A
attest() {
	local id
	for _ in $(seq 100); do
		id=$("$TCBIND" vtpm list --platform "$WORK/A" | awk '/running/ { print $1; exit }')
		[ -n "$id" ] && break
		sleep 0.05
	done
	timeout 20 "$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce 0011 -o "$WORK/evidence"
}

# The physical TPM loses its power, after it has quoted: a TPM counts that as a password that may have been tried.
for power_cut in $(seq 5); do
	if platform_start A; then ok "run $power_cut"; else not_ok "run $power_cut"; fi
	front v not-need-init,startup-clear
	expect "a vTPM gives evidence" attest
	kill_hard "the physical TPM" "$(pgrep -f "swtpm socket .*dir=$WORK/A/ptpm")"
	wait "$platform_pid" 2>/dev/null
	end v "$front"
done
platform_start A
front v not-need-init,startup-clear
expect "and once more" attest

# The guest's owner has it locked at once.
# TPM2_DictionaryAttackParameters: newMaxTries 0
no_tries=$(tr -d ' ' <<<'8002 00000027 0000013a 4000000a 00000009 40000009 0000 00 0000 00000000 000003e8 000003e8')
# TPM2_GetCapability: TPM_PT_PERMANENT, whose bit 9 is inLockout
permanent=$(tr -d ' ' <<<'8001 00000016 0000017a 00000006 00000200 00000001')
expect "a guest's TPM is set to no tries" [ "$(talk v $no_tries | cut -c 13-20)" = 00000000 ]
expect "and is in lockout" [ $((0x$(talk v $permanent | tail -c 8) & 0x200)) != 0 ]
expect "it gives evidence" attest
end v "$front"
done_testing
