#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tcbind demo: the whole story on this machine. Two platforms, each with its processor, physical TPM and daemon; a real Linux guest under QEMU;
# evidence from inside and outside; a live migration under load; then attacks, each of which must be refused for its own reason.
# Uses only the tcbind command, QEMU and the guest's own tpm2-tools. Exit 0 only if every step went as it must.
. "$(dirname "$0")/../../tools/harness.sh"

rows=() failures=0 started=$SECONDS
step() { # NAME EXPECTATION COMMAND...: EXPECTATION `ok`, or the code with which it must be refused
	local name=$1 wanted=$2 begun=$EPOCHREALTIME output status result
	shift 2
	[ -t 1 ] && printf '\r\033[K... %s' "$name"
	output=$("$@" 2>&1)
	status=$?
	if [ "$wanted" = ok ] && [ $status -eq 0 ]; then
		result=ok
	elif [ "$wanted" != ok ] && [ $status -ne 0 ] && grep -q -- "$wanted" <<<"$output"; then
		result=refused
	else
		result=FAILED
		failures=$((failures + 1))
	fi
	row "$name" "$result" "$([ "$wanted" = ok ] || echo "$wanted")" "$begun"
	[ $result != FAILED ] || printf '%s\n' "$output" | tail -n 12 | sed 's/^/    /'
}
row() { # NAME RESULT REASON BEGUN
	local seconds
	seconds=$(awk -v a="$4" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
	rows+=("$(printf '%-66s %-8s %-28s %6s' "$1" "$2" "$3" "$seconds")")
	[ -t 1 ] && printf '\r\033[K'
	printf '%s\n' "${rows[-1]}"
}
chapter() { printf '\n%s\n' "$1"; rows+=("" "$1"); }
policy_with() { jq "$1" "$WORK/policy" >"$WORK/altered.policy"; verify "$2" "$WORK/altered.policy"; }
nonce_of() { if [ "$1" = a.ev ]; then echo aa01; else echo bb02; fi; } # FILE: what it was asked for with
verify() { "$TCBIND" verify "$WORK/$1" --policy "${2:-$WORK/policy}" --nonce "${3:-$(nonce_of "$1")}"; }
says() { [ "$("$TCBIND" verify "$WORK/$1" --policy "$2" --nonce "$(nonce_of "$1")" --json | jq -r '[.verdict, .platform.name, .vtpm.generation, .ak_source] | join(" ")')" = "$3" ]; }
address_of() { jq -r .listen "$WORK/$1/platform.json"; }
wait_file() { local i; for i in $(seq 100); do [ -e "$1" ] && return 0; sleep 0.1; done; return 1; }
start_platform() { local begun=$EPOCHREALTIME; if platform_start "$1"; then row "$2" ok "" "$begun"; else row "$2" FAILED "" "$begun"; failures=$((failures + 1)); fi; }
flip() { # FILE OFFSET: one bit
	local byte
	cp "$WORK/$1" "$WORK/flipped"
	byte=$(od -An -tu1 -j "$2" -N 1 "$WORK/$1")
	printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$WORK/flipped" bs=1 seek="$2" conv=notrunc status=none
}
# The guest asks for evidence with tpm2-tools alone: nonce in, length and digest, pages out.
guest_evidence() { # GUEST NONCE FILE
	guest_run "$1" "
		printf '$2' >n && tpm2_nvwrite 0x01400102 -i n && tpm2_nvread 0x01400103 -o sum 2>/dev/null || exit 1
		size=\$((0x\$(hexdump -n 4 -e '4/1 \"%02x\"' sum))); page=\$((0x01400110)); : >ev
		while [ \$(stat -c %s ev) -lt \$size ]; do tpm2_nvread \$(printf 0x%08x \$page) 2>/dev/null >>ev; page=\$((page + 1)); done
		head -c \$size ev | base64" | base64 -d >"$WORK/$3"
	[ -s "$WORK/$3" ]
}
hex_of() { printf %s "$1" | od -An -tx1 | tr -d ' \n'; }

chapter "Two platforms"
step "a test root, with collateral in Intel's shapes" ok "$TCBIND" pki init "$WORK/P"
for name in A B; do
	step "platform $name: processor fused, physical TPM" ok "$TCBIND" platform init "$WORK/$name" --pki "$WORK/P" --name $name
	start_platform $name "platform $name: ACM, MSR lock, firmware, PSE, MigE, daemon"
done
id=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
step "a vTPM on A, a place for it on B" ok "$TCBIND" vtpm create --platform "$WORK/B" --id "$id" --incoming

chapter "A guest on A"
guest_start a "$(vtpm_socket A "$id")" tpm-crb
source_pid=$guest_pid
step "Linux boots with tpm-crb" ok guest_wait a
step "the guest reads evidence itself, with tpm2-tools alone" ok guest_evidence a from-the-guest a.guest.ev
step "the host asks, too" ok "$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce aa01 -o "$WORK/a.ev"
step "policy from that evidence: this VM, wherever it moves to" ok "$TCBIND" policy from-evidence "$WORK/a.ev" -o "$WORK/policy" --allow-moves
step "verify: the guest's own evidence answers its nonce" ok verify a.guest.ev "$WORK/policy" "$(hex_of from-the-guest)"
step "verify: names platform A, generation 1, AK from the MSR" ok says a.ev "$WORK/policy" "trusted A 1 msr"
step "the guest seals a secret and writes an NV index" ok guest_run a '
	echo a-secret-of-the-guest >s && tpm2_createprimary -Q -C o -c p.ctx && tpm2_create -Q -C p.ctx -i s -u u -r r &&
	tpm2_load -Q -C p.ctx -u u -r r -c k.ctx && tpm2_evictcontrol -Q -C o -c k.ctx 0x81000001 &&
	tpm2_nvdefine -Q 0x1500001 -s 8 && printf acknowl >w && tpm2_nvwrite 0x1500001 -i w && tpm2_pcrread sha256:0,10 >pcrs'

chapter "Live migration to B, under load"
guest_start b "$(vtpm_socket B "$id")" tpm-crb -incoming defer
wait_file "$WORK/b.qmp"
guest_load a &
load=$!
step "tcbind migrate" ok "$TCBIND" migrate --platform "$WORK/A" --id "$id" --qmp "$WORK/a.qmp" \
	--to-platform "$(address_of B)" --to-qmp "$WORK/b.qmp"
wait $load
step "the secret unseals, NV and PCRs are as they were" ok guest_run b '
	[ "$(tpm2_unseal -c 0x81000001)" = a-secret-of-the-guest ] && [ "$(tpm2_nvread 0x1500001 -s 7)" = acknowl ] &&
	tpm2_pcrread sha256:0,10 | cmp - pcrs'
step "the guest reads evidence on B" ok guest_evidence b after-the-move b.guest.ev
step "and the host" ok "$TCBIND" attest --platform "$WORK/B" --id "$id" --nonce bb02 -o "$WORK/b.ev"
step "verify: names platform B, generation 2, reached from A" ok says b.ev "$WORK/policy" "trusted B 2 msr"
step "policy from both" ok "$TCBIND" policy from-evidence "$WORK/a.ev" "$WORK/b.ev" -o "$WORK/both"

chapter "Attacks: each must be refused, for its own reason"
step "evidence of A after the move to B" policy.generation.behind verify a.ev "$WORK/both"
step "replayed evidence" evidence.nonce verify a.ev "$WORK/policy" bb02
step "wrong nonce" evidence.nonce verify b.ev "$WORK/both" bb03
flip b.ev 400
step "one bit of the evidence altered" "evidence\\.\\|malformed" verify flipped "$WORK/both" bb02
step "a platform that the policy does not list" platform.unlisted policy_with '.platforms.unlisted = "refuse"' b.ev
step "another enclave than the listed" vtpm.enclave policy_with '.enclaves.vtpm[0].mrenclave = ("00" * 32)' a.ev
step "an older enclave SVN" platform.pse policy_with '.enclaves.pse[0].min_isv_svn = 2' a.ev
step "another platform PCR: a firmware that is not the known one" platform.pcr policy_with '.platform_pcrs["0"] = ("00" * 32)' a.ev
step "another guest PCR" guest.pcr policy_with '.guest_pcrs["0"] = ("00" * 32)' a.ev
step "TCB evaluation older than the policy's minimum" quote.tcbinfo.old policy_with '.tcb.min_evaluation_number = 18' a.ev
step "a test root in a production policy" quote.root.untrusted policy_with 'del(.roots)' a.ev
step "expired collateral" quote.collateral.expired "$TCBIND" verify "$WORK/a.ev" --policy "$WORK/policy" --nonce aa01 --at 2031-01-01T00:00:00Z
kill "$source_pid" 2>/dev/null; wait "$source_pid" 2>/dev/null
guest_start c "$(vtpm_socket A "$id")" tpm-crb
step "the source resumed after the grant: QEMU is refused" 0x101 bash -c "for i in \$(seq 80); do grep -q 0x101 '$WORK/c.qemu' && break; sleep 0.1; done; cat '$WORK/c.qemu'; exit 1"
step "  by its vTPM enclave, and said to be moved" ok [ "$(vtpm_member A "$id" state)" = moved ]
jq '.platforms.unlisted = "refuse" | del(.vtpms, .guest_pcrs)' "$WORK/policy" >"$WORK/owner.json"
kept=$("$TCBIND" vtpm create --platform "$WORK/A" --policy "$WORK/owner.json" --json | jq -r .id)
"$TCBIND" vtpm create --platform "$WORK/B" --id "$kept" --incoming >/dev/null
guest_start d "$(vtpm_socket A "$kept")" tpm-crb
step "a second guest, whose owner allows platform A only" ok guest_wait d
guest_start e "$(vtpm_socket B "$kept")" tpm-crb -incoming defer
wait_file "$WORK/e.qmp"
step "a destination refused by the owner's policy" migrate.failed "$TCBIND" migrate --platform "$WORK/A" --id "$kept" \
	--qmp "$WORK/d.qmp" --to-platform "$(address_of B)" --to-qmp "$WORK/e.qmp"
step "  for the reason that the source's MigE gave" ok grep -q platform.unlisted "$WORK/B.err"
step "  and the guest goes on at A" ok guest_run d 'tpm2_getrandom -Q 8 -o /dev/null'
if grep -aqr -e a-secret-of-the-guest -e acknowl "$WORK/A/vtpm" "$WORK/A/store" "$WORK/B/vtpm" "$WORK/B/store"; then found=1; else found=0; fi
step "state opened by the host: nothing to be read in its files" ok [ $found = 0 ]
kill "$guest_pid" 2>/dev/null
printf X | dd of="$WORK/B/vtpm/$kept/state" bs=1 seek=300 conv=notrunc status=none
cp "$WORK/A/vtpm/$id/state" "$WORK/B/vtpm/$kept/state"
other=$("$TCBIND" vtpm create --platform "$WORK/B" --json | jq -r .id)
daemon=$(process_of tcbindd B)
cp "$WORK/B/vtpm/$id/state" "$WORK/B/vtpm/$other/state"
cp "$WORK/A/vtpm/$id/state" "$WORK/B/vtpm/$kept/state"
kill -9 "$daemon"
for _ in $(seq 100); do [ "$(process_of tcbindd B)" != "$daemon" ] && "$TCBIND" platform status "$WORK/B" >/dev/null 2>&1 && break; sleep 0.1; done
step "a state file copied to a second VM" vtpm.state.other "$TCBIND" attest --platform "$WORK/B" --id "$other" --nonce 00 -o "$WORK/none"
step "a state from another processor" seal.foreign "$TCBIND" attest --platform "$WORK/B" --id "$kept" --nonce 00 -o "$WORK/none"

printf '\n%-66s %-8s %-28s %6s\n' "step" "result" "refused with" "s"
printf '%s\n' "${rows[@]}"
printf '\n%d steps failed; %d seconds\n' "$failures" $((SECONDS - started))
[ "$failures" -eq 0 ]
