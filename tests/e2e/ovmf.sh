#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A real boot on our vTPM: OVMF with secure boot, shim, GRUB and a Debian kernel measure each other by tpm-crb. The log that the guest's kernel kept
# replays to the vTPM's PCRs, by our replay and by tpm2-tools'. Then the firmware changes the PCR banks, and evidence still comes.
. "$(dirname "$0")/../../tools/harness.sh"
{ "$TOOLS/build-guest" "$BUILD/guest" && "$TOOLS/build-esp" "$BUILD/guest"; } >&2 || exit 1 # standard output is the test's
LOG=/sys/kernel/security/tpm0/binary_bios_measurements
measured="0 1 2 3 4 5 6 7 8 9 14"

# pcrs_of_guest: "PCR SHA-256" a line, as tpm2_pcrread says them
pcrs_of_guest() {
	guest_run g "tpm2_pcrread sha256:$(tr ' ' , <<<"$measured")" | sed -n 's/^ *\([0-9]*\) *: 0x\(.*\)/\1 \2/p' | tr A-F a-f
}
# read_log INTO
read_log() { guest_run g "base64 $LOG" | base64 -d >"$1" && [ -s "$1" ]; }
our_replay() { "$BUILD/tests/verify/replay_log" "$1"; }
their_replay() {
	tpm2_eventlog "$1" 2>/dev/null | awk '/^pcrs:/ { on = 1 } on && /^  sha/ { bank = $1 } on && bank == "sha256:" && /^ *[0-9]+ *:/ { sub(/0x/, ""); sub(/:/, " "); print $1, $2 }'
}
same() { [ -n "$1" ] && [ "$1" = "$2" ] || { diff <(echo "$1") <(echo "$2"); return 1; }; }
qmp() { printf '{"execute":"qmp_capabilities"}%s' "$1" | socat -t 1 - "unix-connect:$WORK/g.qmp" >/dev/null; }
press_f12() { qmp '{"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"f12"}]}}'; }
# console_wait TEXT: for two minutes
console_wait() {
	local _
	for _ in $(seq 600); do
		grep -aq "$1" "$WORK/g.console" 2>/dev/null && return
		sleep 0.2
	done
}
banks() { guest_run g 'tpm2_getcap pcrs' | sed -n 's/^ *- *\(sha[0-9]*\): \[ 0.*/\1/p' | xargs; }

"$TCBIND" pki init "$WORK/P"
"$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
expect "platform run says ready" platform_start A
id=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
guest_boot g "$(vtpm_socket A "$id")" tpm-crb -m 512
expect "OVMF, shim, GRUB and the kernel boot" guest_wait g 1 120
expect "secure boot was on, and the firmware left a log" guest_run g 'dmesg | grep -q "Secure boot enabled" && dmesg | grep -q TPMEventLog='
expect "the guest's log" read_log "$WORK/log"
pcrs=$(pcrs_of_guest)
expect "PCRs $measured were extended" [ "$(grep -cv ' 0*$' <<<"$pcrs")" = 11 ]
expect "our replay of the log gives the vTPM's PCRs" same "$pcrs" "$(our_replay "$WORK/log")"
expect "and so does tpm2_eventlog's" same "$pcrs" "$(their_replay "$WORK/log")"
digest=$(awk '$1 == 4 { print $2 }' <<<"$pcrs")
last=$(grep -obUa "Exit Boot Services Returned with Success" "$WORK/log" | tail -n 1 | cut -d : -f 1)
cp "$WORK/log" "$WORK/altered"
flip "$WORK/altered" $((last - 4 - 64 - 2 - 48 - 2 - 1)) # in its SHA-256 digest
expect "a log with another digest replays to something else" sh -c "! cmp -s '$WORK/log' '$WORK/altered' &&
	'$BUILD/tests/verify/replay_log' '$WORK/altered' >'$WORK/altered.pcrs' && [ \$(grep -cxF \"$pcrs\" '$WORK/altered.pcrs') = 10 ]"

expect "the guest reads evidence: the firmware has not taken its indices away" guest_evidence g first-nonce "$WORK/first"
expect "a policy from it, with the guest's PCRs" sh -c "'$TCBIND' policy from-evidence '$WORK/first' -o '$WORK/policy' &&
	[ \"\$(jq -r '.guest_pcrs[\"4\"]' '$WORK/policy')\" = $digest ]"
expect "it verifies" "$TCBIND" verify "$WORK/first" --policy "$WORK/policy" --nonce "$(printf first-nonce | od -An -v -tx1 | tr -d ' \n')"

expect "four banks are on" [ "$(banks)" = "sha1 sha256 sha384 sha512" ]
expect "the guest asks the firmware for SHA-256 alone" guest_run g 'echo "23 2" >/sys/class/tpm/tpm0/ppi/request'
guest_exchange g 'reboot -f' 3
console_wait "Press F12"
expect "the firmware wants a person to agree" grep -q "New PCRBanks is 0x2" "$WORK/g.console"
sleep 0.5
press_f12
expect "boots again" guest_wait g 2 120
expect "the firmware says: done" guest_run g 'grep -q "^23 0: Success" /sys/class/tpm/tpm0/ppi/response'
expect "SHA-256 alone is on" [ "$(banks)" = sha256 ]
expect "the guest's log" read_log "$WORK/log"
expect "our replay of the log gives the vTPM's PCRs" same "$(pcrs_of_guest)" "$(our_replay "$WORK/log")"
expect "evidence after a reboot and with other banks" guest_evidence g second-nonce "$WORK/second"
expect "verifies, with the PCRs of the first boot" "$TCBIND" verify "$WORK/second" --policy "$WORK/policy" \
	--nonce "$(printf second-nonce | od -An -v -tx1 | tr -d ' \n')"
done_testing
