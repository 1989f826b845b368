#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tcbind demo: the whole story on this machine. Two platforms, each with its processor, physical TPM and daemon; a real Linux guest under QEMU;
# evidence from inside and outside; a live migration under load; then attacks, each of which must be refused for its own reason.
# Uses only the tcbind command, QEMU and the guest's own tpm2-tools. Exit 0 only if every step went as it must.
# The guest image is made first, where it is missing. Without a platform, an image or a guest that boots nothing more can be shown: the script then ends 1 and
# says why.
here=$(cd "$(dirname "$0")" && pwd)
tools=$here/../../tools
if [ -d "$here/tools" ]; then # as installed: the image stays with the user
	tools=$here/tools
	export TCBIND_GUEST=${TCBIND_GUEST:-${XDG_CACHE_HOME:-${HOME:?or TCBIND_GUEST must name a directory for the guest image}/.cache}/tcbind/guest}
fi
. "$tools/harness.sh"

rows=() failures=0 started=$SECONDS
# step NAME EXPECTATION COMMAND...: EXPECTATION is `ok`, or the code with which the command must be refused: it then ends with 1 to 123 and prints a line
# "tcbind: CODE". Returns 1 if it did not go so.
step() {
	local name=$1 wanted=$2 begun=$EPOCHREALTIME output status result
	shift 2
	[ -t 1 ] && printf '\r\033[K... %s' "$name"
	output=$("$@" 2>&1)
	status=$?
	if [ "$wanted" = ok ] && [ $status -eq 0 ]; then
		result=ok
	elif [ "$wanted" != ok ] && was_refused $status && grep -qxF -- "tcbind: $wanted" <<<"$output"; then
		result=refused
	else
		result=FAILED
		failures=$((failures + 1))
	fi
	row "$name" "$result" "$([ "$wanted" = ok ] || echo "$wanted")" "$begun"
	[ $result != FAILED ] || { printf '%s\n' "$output" | tail -n 12 | sed 's/^/    /'; return 1; }
}
row() { # NAME RESULT REASON BEGUN
	local seconds
	seconds=$(awk -v a="$4" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
	rows+=("$(printf '%-66s %-8s %-28s %6s' "$1" "$2" "$3" "$seconds")")
	[ -t 1 ] && printf '\r\033[K'
	printf '%s\n' "${rows[-1]}"
}
chapter() { printf '\n%s\n' "$1"; rows+=("" "$1"); }
# give_up FOUND DO: what comes next needs what has failed
give_up() {
	printf '\ntcbind: demo.stopped\n  found:  %s\n  wanted: every step before the next one\n  do:     %s\n' "$1" "$2" >&2
	exit 1
}
verify() { "$TCBIND" verify "$WORK/$1" --policy "${2:-$WORK/policy}" ${3:+--nonce "$3"}; }
# judge EVIDENCE POLICY [OPTION...]: as `tcbind verify`; prints the first check that failed as step() wants it
judge() {
	local status
	"$TCBIND" verify "$WORK/$1" --policy "$2" "${@:3}" --json >"$WORK/judgement"
	status=$?
	echo "tcbind: $(failed_check "$WORK/judgement")"
	return $status
}
# policy_with FILTER EVIDENCE NONCE
policy_with() { jq "$1" "$WORK/policy" >"$WORK/altered.policy" && judge "$2" "$WORK/altered.policy" --nonce "$3"; }
says() { [ "$("$TCBIND" verify "$WORK/$1" --policy "$2" --nonce "$3" --json | jq -r '[.verdict, .platform.name, .vtpm.generation, .ak_source] | join(" ")')" = "$4" ]; }
address_of() { jq -r .listen "$WORK/$1/platform.json"; }
wait_file() { local i; for i in $(seq 100); do [ -e "$1" ] && return 0; sleep 0.1; done; return 1; }
# platform_runs NAME: in this shell, which ends what it has started
platform_runs() {
	local begun=$EPOCHREALTIME name="platform $1: ACM, MSR lock, firmware, PSE, MigE, daemon"
	if platform_start "$1"; then row "$name" ok "" "$begun"; return; fi
	row "$name" FAILED "" "$begun"
	give_up "platform $1 did not start" "read what it says above"
}
# must_boot STEP GUEST
must_boot() {
	step "$1" ok guest_wait "$2" || give_up "the guest did not boot, so there is no VM to speak of" \
		"read its console and QEMU's words above; the image is in $GUEST (remove that directory to have it made anew)"
}
flip_last() { # FILE INTO: one bit
	local byte at
	at=$(($(stat -c %s "$1") - 1))
	cp "$1" "$2"
	byte=$(od -An -tu1 -j $at -N 1 "$1")
	printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$2" bs=1 seek=$at conv=notrunc status=none
}
hex_of() { printf %s "$1" | od -An -tx1 | tr -d ' \n'; }
# host_finds_nothing: the guest at B still reads its secrets, and none of the files of both hosts has them
host_finds_nothing() {
	guest_run b '[ "$(tpm2_unseal -c 0x81000001)" = a-secret-of-the-guest ] && [ "$(tpm2_nvread 0x1500001 -s 7)" = acknowl ]' || return 1
	holds_none a-secret-of-the-guest "$WORK"/{A,B}/{vtpm,store} && holds_none acknowl "$WORK"/{A,B}/{vtpm,store}
}
# qemu_refused GUEST: QEMU of that name has ended because its TPM answered CMD_INIT with TPM_FAIL (0x101)
qemu_refused() {
	local i
	for i in $(seq 80); do grep -q 0x101 "$WORK/$1.qemu" && break; sleep 0.1; done
	grep -q 0x101 "$WORK/$1.qemu" && echo "tcbind: 0x101"
	cat "$WORK/$1.qemu"
	return 1
}

[ -s "$GUEST/stamp" ] || echo "the guest image is made once, in $GUEST"
"$TOOLS/build-guest" "$GUEST" || give_up "no guest image could be made in $GUEST" "see that apt can download Debian's packages, then try again"

chapter "Two platforms"
step "a test root, with collateral in Intel's shapes" ok "$TCBIND" pki init "$WORK/P"
for name in A B; do
	step "platform $name: processor fused, physical TPM" ok "$TCBIND" platform init "$WORK/$name" --pki "$WORK/P" --name $name
	platform_runs $name
done
id=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
step "a vTPM on A, a place for it on B" ok "$TCBIND" vtpm create --platform "$WORK/B" --id "$id" --incoming ||
	give_up "no vTPM could be made" "read what the step says above"

chapter "A guest on A"
guest_start a "$(vtpm_socket A "$id")" tpm-crb
source_pid=$guest_pid
must_boot "Linux boots with tpm-crb" a
step "the guest reads evidence itself, with tpm2-tools alone" ok guest_evidence a from-the-guest "$WORK/a.guest.ev"
step "the host asks, too" ok "$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce aa01 -o "$WORK/a.ev"
step "policy from that evidence: this VM, wherever it moves to" ok "$TCBIND" policy from-evidence "$WORK/a.ev" -o "$WORK/policy" --allow-moves
step "verify: the guest's own evidence answers its nonce" ok verify a.guest.ev "$WORK/policy" "$(hex_of from-the-guest)"
step "verify: names platform A, generation 1, AK from the MSR" ok says a.ev "$WORK/policy" aa01 "trusted A 1 msr"
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
step "its TPM was at work while it moved" ok guest_was_loaded b
step "the secret unseals, NV and PCRs are as they were" ok guest_run b '
	[ "$(tpm2_unseal -c 0x81000001)" = a-secret-of-the-guest ] && [ "$(tpm2_nvread 0x1500001 -s 7)" = acknowl ] &&
	tpm2_pcrread sha256:0,10 | cmp - pcrs'
step "the guest reads evidence on B" ok guest_evidence b after-the-move "$WORK/b.guest.ev"
step "and the host" ok "$TCBIND" attest --platform "$WORK/B" --id "$id" --nonce bb02 -o "$WORK/b.ev"
step "verify: names platform B, generation 2, reached from A" ok says b.ev "$WORK/policy" bb02 "trusted B 2 msr"
step "policy from both" ok "$TCBIND" policy from-evidence "$WORK/a.ev" "$WORK/b.ev" -o "$WORK/both"

chapter "Attacks: each must be refused, for its own reason"
step "evidence of A after the move to B" policy.generation.behind judge a.ev "$WORK/both" --nonce aa01
step "replayed evidence" evidence.nonce judge a.ev "$WORK/policy" --nonce bb02
step "wrong nonce" evidence.nonce judge b.ev "$WORK/both" --nonce bb03
flip_last "$WORK/b.ev" "$WORK/flipped"
step "one bit of the evidence altered" evidence.signature judge flipped "$WORK/both" --nonce bb02
step "a platform that the policy does not list" platform.unlisted policy_with '.platforms.unlisted = "refuse"' b.ev bb02
step "another enclave than the listed" vtpm.enclave policy_with '.enclaves.vtpm[0].mrenclave = ("00" * 32)' a.ev aa01
step "an older enclave SVN" platform.pse policy_with '.enclaves.pse[0].min_isv_svn = 2' a.ev aa01
step "another platform PCR: a firmware that is not the known one" platform.pcr policy_with '.platform_pcrs["0"] = ("00" * 32)' a.ev aa01
step "another guest PCR" guest.pcr policy_with '.guest_pcrs["0"] = ("00" * 32)' a.ev aa01
step "TCB evaluation older than the policy's minimum" quote.tcbinfo.old policy_with '.tcb.min_evaluation_number = 18' a.ev aa01
step "a test root in a production policy" quote.root.untrusted policy_with 'del(.roots)' a.ev aa01
step "expired collateral" quote.collateral.expired judge a.ev "$WORK/policy" --nonce aa01 --at 2031-01-01T00:00:00Z
kill "$source_pid" 2>/dev/null; wait "$source_pid" 2>/dev/null
guest_start c "$(vtpm_socket A "$id")" tpm-crb
step "the source resumed after the grant: QEMU is refused" 0x101 qemu_refused c
step "  by its vTPM enclave, and said to be moved" ok [ "$(vtpm_member A "$id" state)" = moved ]
jq '.platforms.unlisted = "refuse" | del(.vtpms, .guest_pcrs)' "$WORK/policy" >"$WORK/owner.json"
kept=$("$TCBIND" vtpm create --platform "$WORK/A" --policy "$WORK/owner.json" --json | jq -r .id)
"$TCBIND" vtpm create --platform "$WORK/B" --id "$kept" --incoming >/dev/null
guest_start d "$(vtpm_socket A "$kept")" tpm-crb
must_boot "a second guest, whose owner allows platform A only" d
guest_start e "$(vtpm_socket B "$kept")" tpm-crb -incoming defer
wait_file "$WORK/e.qmp"
step "a destination refused by the owner's policy" migrate.failed "$TCBIND" migrate --platform "$WORK/A" --id "$kept" \
	--qmp "$WORK/d.qmp" --to-platform "$(address_of B)" --to-qmp "$WORK/e.qmp"
step "  for the reason that the source's MigE gave" ok grep -q platform.unlisted "$WORK/B.err"
step "  and the guest goes on at A" ok guest_run d 'tpm2_getrandom -Q 8 -o /dev/null'
step "state opened by the host: nothing to be read in its files" ok host_finds_nothing
kill "$guest_pid" 2>/dev/null
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
