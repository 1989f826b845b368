#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A platform, a vTPM and an unmodified guest, by hand: boot, evidence from the host and from inside, and what kill -9 does not lose.
. "$(dirname "$0")/../../tools/harness.sh"

# altered FILTER: the path of the policy with this change
altered() { jq "$1" "$WORK/policy" >"$WORK/altered.policy" && echo "$WORK/altered.policy"; }

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect_refusal "pki init does not overwrite" pki.exists "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
expect_refusal "a platform that does not run is said to be so" daemon.unreachable "$TCBIND" platform status "$WORK/A"
if platform_start A; then ok "platform run says ready"; else not_ok "platform run says ready"; fi
supervisor=$platform_pid
expect_refusal "a second run of the same platform is refused" platform.running "$TCBIND" platform run "$WORK/A"
expect "the AK comes from the MSR bank" [ "$("$TCBIND" platform status "$WORK/A" --json | jq -r .ak_source)" = msr ]

newest_enclave() { children_of "$(process_of sgxsim A)" | tail -n 1; }
before=$(newest_enclave)
id=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
expect "vtpm create" [ "$(vtpm_member A "$id" state)" = new ]
expect_refusal "an id is used once" vtpm.exists "$TCBIND" vtpm create --platform "$WORK/A" --id "$id"
for _ in $(seq 100); do [ "$(newest_enclave)" -gt "$before" ] && break; sleep 0.05; done
sleep 0.5
spare=$(newest_enclave) # the enclave that is kept ready; the next who needs one has it
expect_refusal "no evidence before the VM runs" vtpm.not-running \
	"$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce 00 -o "$WORK/none"
expect_refusal "a nonce is 1 to 64 bytes" api.member \
	"$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce "$(printf '%0130d' 0)" -o "$WORK/none"

guest_start g "$(vtpm_socket A "$id")" tpm-crb
expect "a guest boots with tpm-crb" guest_wait g
expect "in the enclave that was ready, which has its data channel" [ -e "/proc/$spare/fd/0" ]
expect "and another is ready" [ "$(newest_enclave)" -gt "$spare" ]
expect "the guest reads PCRs" guest_run g 'tpm2_pcrread sha256:0 | grep -q 0x'
expect "the vTPM is running" [ "$(vtpm_member A "$id" state)" = running ]
expect "attest from the host" "$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce 0011 -o "$WORK/host.ev"
expect "policy from-evidence" "$TCBIND" policy from-evidence "$WORK/host.ev" -o "$WORK/policy"
expect "verify accepts it" "$TCBIND" verify "$WORK/host.ev" --policy "$WORK/policy" --nonce 0011
expect_status "not without its nonce" 4 "$TCBIND" verify "$WORK/host.ev" --policy "$WORK/policy"
expect "and names the platform" [ "$("$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$WORK/policy" --json |
	jq -r '[.verdict, .platform.name, .vtpm.id, .vtpm.generation, .ak_source] | join(" ")')" = "trusted A $id 1 msr" ]
expect "the host's own PCR 16 moves on" env "TPM2TOOLS_TCTI=swtpm:path=$WORK/A/run/ptpm.sock" tpm2_pcrextend \
	"16:sha256=$(printf '%064d' 1)"
expect "and its next quote is over what it is now" sh -c "'$TCBIND' attest --platform '$WORK/A' --id $id --nonce 0013 -o '$WORK/moved-on.ev' &&
	'$TCBIND' verify '$WORK/moved-on.ev' --policy '$WORK/policy' --nonce 0013"
expect_check "a wrong nonce is refused" evidence.nonce "$TCBIND" verify "$WORK/host.ev" --policy "$WORK/policy" --nonce 0012
expect_check "a test root is refused by a production policy" quote.root.untrusted \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered 'del(.roots)')"
expect_check "an enclave that the policy does not list is refused" vtpm.enclave \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered '.enclaves.vtpm[0].mrenclave = ("00" * 32)')"
expect_check "an older enclave SVN is refused" platform.pse \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered '.enclaves.pse[0].min_isv_svn = 2')"
expect_check "a generation that is behind is refused" policy.generation.behind \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered '.vtpms[0].min_generation = 2')"
expect_check "another platform than the listed is refused" platform.unlisted \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered '.platforms.unlisted = "refuse" | .platforms.listed = []')"
expect_check "another platform PCR is refused" platform.pcr \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered '.platform_pcrs["0"] = ("00" * 32)')"
expect_check "expired collateral is refused" quote.collateral.expired \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$WORK/policy" --at 2031-01-01T00:00:00Z
expect_refusal "a policy with an unknown member is refused, with its place" "line " \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered '.surprise = 1')"
expect "what the host has booted is shown by name" sh -c "'$TCBIND' show '$WORK/host.ev' | grep -q 'PCR  0  EV_S_CRTM_VERSION .*tcbind simulated firmware'"
expect "the policy is a good one, and explained" sh -c "'$TCBIND' policy check '$WORK/policy' && '$TCBIND' policy explain '$WORK/policy' | grep -q '^  A is listed'"
"$TCBIND" show "$WORK/host.ev" --json | jq '{version: 1, events: [.platform_log[].digest]}' >"$WORK/known.json"
known='.reference_values = [{file: "known.json", layer: "platform"}] | .logs.platform.known_pcrs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]'
expect "a boot of known events only is accepted" "$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered "$known")"
jq 'del(.events[-1])' "$WORK/known.json" >"$WORK/fewer.json" && mv "$WORK/fewer.json" "$WORK/known.json"
expect_check "one that nobody vouches for is refused" platform.log.unknown "$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$(altered "$known")"
guest_run g 'base64 /sys/kernel/security/tpm0/binary_bios_measurements' | base64 -d >"$WORK/guest.log"
guest_run g 'base64 /sys/kernel/security/ima/binary_runtime_measurements' | base64 -d >"$WORK/guest.ima"
wanted=$(altered '.logs.guest = {required: true, must: [{pcr: 4, type: "EV_SEPARATOR"}], replayed_pcrs: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}')
expect "the guest's own logs lead to what its vTPM quotes" \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$wanted" --guest-log "$WORK/guest.log" --guest-ima "$WORK/guest.ima"
expect_check "where they are wanted they must be given" guest.log.missing "$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$wanted"
head -c -1 "$WORK/guest.log" >"$WORK/cut.log"
expect_check "a guest log that is cut is refused" guest.log.malformed "$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$wanted" --guest-log "$WORK/cut.log"
expect_check "the host's log is not the guest's" guest.log.replay \
	"$TCBIND" verify "$WORK/host.ev" --nonce 0011 --policy "$wanted" --guest-log "$WORK/A/run/event-log.bin"
refused=0 tried=0 size=$(stat -c %s "$WORK/host.ev")
for ((at = 0; at < size; at += 61)); do
	cp "$WORK/host.ev" "$WORK/flipped.ev"
	flip "$WORK/flipped.ev" "$at"
	"$TCBIND" verify "$WORK/flipped.ev" --policy "$WORK/policy" --nonce 0011 >/dev/null 2>&1
	case $? in 1 | 3) refused=$((refused + 1)) ;; esac # not trusted, malformed
	tried=$((tried + 1))
done
expect "one flipped bit is refused, $tried places tried" [ "$tried" -gt 100 -a "$refused" = "$tried" ]
expect "the guest writes a nonce and gets evidence" guest_run g '
	printf fresh-nonce >n && tpm2_nvwrite 0x01400102 -i n && tpm2_nvread 0x01400104 2>/dev/null | grep -q "^ok"'
expect "its summary and pages agree" guest_run g '
	tpm2_nvread 0x01400103 -o sum 2>/dev/null
	size=$((0x$(hexdump -n 4 -e "4/1 \"%02x\"" sum)))
	page=0x01400110; : >ev
	while [ $(stat -c %s ev) -lt $size ]; do tpm2_nvread $(printf 0x%08x $page) 2>/dev/null >>ev; page=$((page + 1)); done
	head -c $size ev | sha256sum | cut -d " " -f 1 >got
	tail -c 32 sum | hexdump -v -e "32/1 \"%02x\"" >wanted
	[ $size -gt 8000 ] && [ "$(cat got)" = "$(cat wanted)" ]'
expect "the guest cannot forge evidence" guest_run g '
	tpm2_nvread 0x01400110 -o before 2>/dev/null && [ -s before ] && [ -s n ] || exit 1
	if tpm2_nvwrite 0x01400110 -i n 2>said; then echo written; exit 1; fi
	cat said && grep -qi 0x12f said && tpm2_nvread 0x01400110 -o after 2>/dev/null && cmp before after'
expect "the guest reads its EK certificate and the issuer's" guest_ek_chain g "$WORK/g"
expect "the PSE issued it, with its quote" sh -c "openssl verify -partial_chain -trusted '$WORK/g.issuer' '$WORK/g.ek' &&
	openssl x509 -in '$WORK/g.issuer' -noout -text | grep -q 1.3.6.1.5.5.7.1.35"
expect_same "it is the EK's at 0x8101000A" "$(guest_run g 'tpm2_readpublic -Q -c 0x8101000a -f pem -o ek.pem && cat ek.pem')" \
	"$(openssl x509 -in "$WORK/g.ek" -noout -pubkey)"
expect "a secret is sealed, an NV index written" guest_run g '
	echo a-secret-of-the-guest >s && tpm2_createprimary -Q -C o -c p.ctx && tpm2_create -Q -C p.ctx -i s -u u -r r &&
	tpm2_load -Q -C p.ctx -u u -r r -c k.ctx && tpm2_evictcontrol -Q -C o -c k.ctx 0x81000001 &&
	tpm2_nvdefine -Q 0x1500001 -s 8 && printf acknowl >w && tpm2_nvwrite 0x1500001 -i w'

for text in a-secret-of-the-guest acknowl; do expect_without "the host's files hold no plaintext: $text" $text "$WORK/A/vtpm" "$WORK/A/store"; done

# Killed at once: the enclave, then QEMU, then the daemon. What was acknowledged is there again each time.
kill_each "the vTPM's enclave and the spare one" $(children_of "$(process_of sgxsim A)" | tail -n 2)
kill_hard QEMU "$guest_pid"
daemon=$(process_of tcbindd A)
kill_hard "the daemon" "$daemon"
for _ in $(seq 100); do
	now=$(process_of tcbindd A)
	[ -n "$now" ] && [ "$now" != "$daemon" ] && [ "$(grep -c . <<<"$("$TCBIND" vtpm list --platform "$WORK/A" 2>/dev/null)")" = 1 ] && break
	sleep 0.1
done
guest_start h "$(vtpm_socket A "$id")" tpm-tis
expect "after kill -9 of enclave, QEMU and daemon a guest boots again, with tpm-tis" guest_wait h
expect "the sealed secret unseals, the NV index reads" guest_run h '
	[ "$(tpm2_unseal -c 0x81000001)" = a-secret-of-the-guest ] && [ "$(tpm2_nvread 0x1500001 -s 7)" = acknowl ]'

# PSE or MigE killed: the daemon starts over with both, and the guest's next boot finds what it left.
for service in pse mige; do
	kill_hard QEMU "$guest_pid"
	kill_hard $service "$(enclaves_of A $service)"
	"$TCBIND" vtpm show --platform "$WORK/A" --id "$id" >/dev/null 2>&1
	guest_start "k$service" "$(vtpm_socket A "$id" 2>/dev/null || echo "$WORK/A/vtpm/$id/ctrl.sock")" tpm-crb
	if ! guest_wait "k$service" >/dev/null; then # it was the first to need what was killed
		kill -9 "$guest_pid"; wait "$guest_pid" 2>/dev/null
		guest_start "l$service" "$WORK/A/vtpm/$id/ctrl.sock" tpm-crb
		guest_wait "l$service" >/dev/null
		last=l$service
	else
		last=k$service
	fi
	expect "after kill -9 of $service the guest boots, and reads what it wrote" guest_run "$last" '[ "$(tpm2_nvread 0x1500001 -s 7)" = acknowl ]'
	expect "and its evidence is good" sh -c "$TCBIND attest --platform $WORK/A --id $id --nonce 77 -o $WORK/killed.ev &&
		$TCBIND policy from-evidence $WORK/killed.ev -o $WORK/killed.policy && $TCBIND verify $WORK/killed.ev --policy $WORK/killed.policy --nonce 77"
done

# A QEMU that is none.
for answer in garbage '{"QMP": {}}' '{' "$(head -c 300000 /dev/zero | tr '\\0' '[')"; do
	rm -f "$WORK/fake.qmp"
	printf '%s\r\n' "$answer" >"$WORK/fake.answer"
	timeout 20 socat "unix-listen:$WORK/fake.qmp,fork" "system:cat $WORK/fake.answer; sleep 2" 2>/dev/null &
	fake=$!
	for _ in $(seq 50); do [ -S "$WORK/fake.qmp" ] && break; sleep 0.05; done
	expect_refusal "a QMP peer that says ${answer:0:12} is refused" "^tcbind: qmp.broken" timeout 15 "$TCBIND" migrate --platform "$WORK/A" --id "$id" \
		--qmp "$WORK/fake.qmp" --to-platform 127.0.0.1:1 --to-qmp "$WORK/fake.qmp"
	kill $fake 2>/dev/null; wait $fake 2>/dev/null
done

# The state of before, put back by the host.
kill "$guest_pid"; wait "$guest_pid" 2>/dev/null
cp "$WORK/A/vtpm/$id/state" "$WORK/old-state"
guest_start i "$(vtpm_socket A "$id")" tpm-crb
expect "the guest goes on" guest_wait i
expect "and writes" guest_run i 'printf newer77 >w && tpm2_nvwrite 0x1500001 -i w'
kill "$guest_pid"; wait "$guest_pid" 2>/dev/null
for _ in $(seq 50); do [ "$(vtpm_member A "$id" state)" = running ] || break; sleep 0.1; done
sleep 0.5
cp "$WORK/A/vtpm/$id/state" "$WORK/new-state"
cp "$WORK/old-state" "$WORK/A/vtpm/$id/state"
expect_refusal "an old state put back is refused" ledger.state.old \
	"$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce 00 -o "$WORK/none"
cp "$WORK/new-state" "$WORK/A/vtpm/$id/state"
flip "$WORK/A/vtpm/$id/state" 500
expect_refusal "an altered state is refused" seal.foreign \
	"$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce 00 -o "$WORK/none"
cp "$WORK/new-state" "$WORK/A/vtpm/$id/state"

other=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
kill_hard "the daemon" "$(process_of tcbindd A)"; sleep 1
for _ in $(seq 50); do "$TCBIND" platform status "$WORK/A" >/dev/null 2>&1 && break; sleep 0.1; done
cp "$WORK/new-state" "$WORK/A/vtpm/$other/state"
expect_refusal "a state copied to a second VM is refused" vtpm.state.other \
	"$TCBIND" attest --platform "$WORK/A" --id "$other" --nonce 00 -o "$WORK/none"

expect "the platform has processes" [ "$(pgrep -cf "$WORK/A")" -ge 3 ]
kill "$supervisor"; wait "$supervisor" 2>/dev/null
expect_same "none is left when the platform stops" "$(pgrep -cf "$WORK/A")" 0
done_testing
