#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two platforms, one guest, live: what the vTPM held arrives, the evidence names the new platform, the old one is out, and the migration stream
# holds no secret. Then a destination that the owner's policy refuses.
. "$(dirname "$0")/../../tools/harness.sh"

"$TCBIND" pki init "$WORK/P"
for name in A B; do
	"$TCBIND" platform init "$WORK/$name" --pki "$WORK/P" --name $name
	if platform_start $name; then ok "platform $name runs"; else not_ok "platform $name runs" "$(cat "$WORK/$name.err")"; fi
done
address_of() { jq -r .listen "$WORK/$1/platform.json"; }

id=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
expect "an incoming place on B" "$TCBIND" vtpm create --platform "$WORK/B" --id "$id" --incoming
expect "it is incoming" [ "$(vtpm_member B "$id" state)" = incoming ]
guest_start a "$(vtpm_socket A "$id")" tpm-crb
source_pid=$guest_pid
expect "the guest boots on A" guest_wait a
expect "the guest seals, writes and extends" guest_run a '
	echo a-secret-of-the-guest >s && tpm2_createprimary -Q -C o -c p.ctx && tpm2_create -Q -C p.ctx -i s -u u -r r &&
	tpm2_load -Q -C p.ctx -u u -r r -c k.ctx && tpm2_evictcontrol -Q -C o -c k.ctx 0x81000001 &&
	tpm2_nvdefine -Q 0x1500001 -s 8 && printf acknowl >w && tpm2_nvwrite 0x1500001 -i w &&
	tpm2_pcrextend 16:sha256=$(echo x | sha256sum | cut -d " " -f 1) && tpm2_pcrread sha256:16 >/tmp/pcr16'
expect "evidence on A" "$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce aa01 -o "$WORK/a.ev"
expect "the guest's EK certificate, of A's PSE" guest_ek_chain a "$WORK/a"
expect "a policy from it" "$TCBIND" policy from-evidence "$WORK/a.ev" -o "$WORK/policy" --allow-moves

# The migration stream, copied to a file on its way.
guest_start b "$(vtpm_socket B "$id")" tpm-crb -incoming defer
for _ in $(seq 50); do [ -S "$WORK/b.qmp" ] && break; sleep 0.1; done
to() { "$TCBIND" migrate --platform "$WORK/A" --id "$id" --qmp "$WORK/a.qmp" --to-platform "$1" --to-qmp "$WORK/b.qmp"; }
expect_refusal "--to-platform that is the source" migrate.destination to "$(address_of A)"
expect_refusal "--to-platform that is not the destination's" migrate.destination to 127.0.0.1:1
expect_refusal "--to-platform that is no address" address.form to 127.0.0.1:99999
expect "then nothing has moved" [ "$(vtpm_member A "$id" state) $(vtpm_member B "$id" state)" = "running incoming" ]
guest_load a &
load=$!
expect "migrate, under load" "$TCBIND" migrate --platform "$WORK/A" --id "$id" --qmp "$WORK/a.qmp" \
	--to-platform "$(address_of B)" --to-qmp "$WORK/b.qmp"
wait $load
expect "its TPM was at work while it moved" guest_was_loaded b
cat "$WORK/A.err" "$WORK/B.err" | sed 's/^/# /'
expect "B says running, generation 2" [ "$(vtpm_member B "$id" state) $(vtpm_member B "$id" generation)" = "running 2" ]
expect "the secret unseals, NV and PCR are as they were" guest_run b '
	[ "$(tpm2_unseal -c 0x81000001)" = a-secret-of-the-guest ] && [ "$(tpm2_nvread 0x1500001 -s 7)" = acknowl ] &&
	tpm2_pcrread sha256:16 | cmp - /tmp/pcr16'
expect "the old platform's evidence is gone from the guest's indices" guest_run b '
	[ "$(tpm2_nvread 0x01400103 2>/dev/null | hexdump -n 4 -e "4/1 \"%02x\"")" = 00000000 ]'
expect "the guest's EK certificate, of B's PSE" guest_ek_chain b "$WORK/b"
expect "the same EK, under the new issuer only" sh -c "openssl verify -partial_chain -trusted '$WORK/b.issuer' '$WORK/b.ek' &&
	openssl verify -partial_chain -trusted '$WORK/a.issuer' '$WORK/a.ek' &&
	! openssl verify -partial_chain -trusted '$WORK/a.issuer' '$WORK/b.ek' &&
	[ \"\$(openssl x509 -in '$WORK/a.ek' -noout -pubkey)\" = \"\$(openssl x509 -in '$WORK/b.ek' -noout -pubkey)\" ]"
expect_refusal "A says that it has moved" vtpm.moved "$TCBIND" attest --platform "$WORK/A" --id "$id" --nonce bb02 -o "$WORK/none"
expect_refusal "and so does a migration from there" "name the platform that it is on now" to "$(address_of B)"
expect "evidence on B" "$TCBIND" attest --platform "$WORK/B" --id "$id" --nonce bb02 -o "$WORK/b.ev"
expect "verify names B, generation 2, reached from a listed platform" [ "$("$TCBIND" verify "$WORK/b.ev" --policy "$WORK/policy" \
	--nonce bb02 --json | jq -r '[.verdict, .platform.name, .vtpm.generation] | join(" ")')" = "trusted B 2" ]
"$TCBIND" policy from-evidence "$WORK/a.ev" "$WORK/b.ev" -o "$WORK/both" 2>/dev/null
expect "a policy from both accepts B" "$TCBIND" verify "$WORK/b.ev" --policy "$WORK/both" --nonce bb02
expect_check "A's evidence is refused after the move" policy.generation.behind "$TCBIND" verify "$WORK/a.ev" --policy "$WORK/both" --nonce aa01
expect_check "A's evidence does not answer the new nonce" evidence.nonce \
	"$TCBIND" verify "$WORK/a.ev" --policy "$WORK/policy" --nonce bb02

kill "$source_pid" "$guest_pid" 2>/dev/null
wait "$source_pid" "$guest_pid" 2>/dev/null
guest_start c "$(vtpm_socket A "$id")" tpm-crb
sleep 4
if grep -q vtpm.moved "$WORK/A.err"; then ok "the source refuses to run again"; else not_ok "the source refuses to run again" "$(cat "$WORK/A.err")"; fi
expect "A says moved" [ "$(vtpm_member A "$id" state)" = moved ]

# An owner who allows no other platform.
jq '.platforms.unlisted = "refuse"' "$WORK/policy" >"$WORK/owner"
jq 'del(.vtpms, .guest_pcrs)' "$WORK/owner" >"$WORK/owner.json"
kept=$("$TCBIND" vtpm create --platform "$WORK/A" --policy "$WORK/owner.json" --json | jq -r .id)
"$TCBIND" vtpm create --platform "$WORK/B" --id "$kept" --incoming >/dev/null
guest_start d "$(vtpm_socket A "$kept")" tpm-crb
kept_pid=$guest_pid
expect "a guest whose owner allows A only" guest_wait d
guest_start e "$(vtpm_socket B "$kept")" tpm-crb -incoming defer
for _ in $(seq 50); do [ -S "$WORK/e.qmp" ] && break; sleep 0.1; done
expect_refusal "its migration to B fails" migrate.failed "$TCBIND" migrate --platform "$WORK/A" --id "$kept" --qmp "$WORK/d.qmp" \
	--to-platform "$(address_of B)" --to-qmp "$WORK/e.qmp"
if grep -q platform.unlisted "$WORK/B.err"; then ok "and B's log says why"; else not_ok "and B's log says why" "$(cat "$WORK/B.err")"; fi
expect "the guest goes on at A" guest_run d 'tpm2_getrandom -Q 8 -o /dev/null'
kill "$kept_pid"; wait "$kept_pid" 2>/dev/null

# There and back: A is a platform that the vTPM has been on.
traveller=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
guest_start f "$(vtpm_socket A "$traveller")" tpm-crb
expect "a guest on A" guest_wait f
expect "writes" guest_run f 'tpm2_nvdefine -Q 0x1500001 -s 8 && printf journey >w && tpm2_nvwrite 0x1500001 -i w'
cp "$WORK/A/vtpm/$traveller/state" "$WORK/traveller.before"
move() { # FROM TO GUEST NEW
	"$TCBIND" vtpm create --platform "$WORK/$2" --id "$traveller" --incoming >/dev/null || return 1
	guest_start "$4" "$(vtpm_socket "$2" "$traveller")" tpm-crb -incoming defer
	for _ in $(seq 50); do [ -S "$WORK/$4.qmp" ] && break; sleep 0.1; done
	"$TCBIND" migrate --platform "$WORK/$1" --id "$traveller" --qmp "$WORK/$3.qmp" --to-platform "$(address_of "$2")" \
		--to-qmp "$WORK/$4.qmp"
}
if move A B f g >"$WORK/move" 2>&1; then ok "moves to B"; else not_ok "moves to B" "$(cat "$WORK/move")"; fi
if move B A g h >"$WORK/move" 2>&1; then ok "and back to A"; else not_ok "and back to A" "$(cat "$WORK/move" "$WORK/A.err")"; fi
expect "where it is in its third generation" [ "$(vtpm_member A "$traveller" state) $(vtpm_member A "$traveller" generation)" = "running 3" ]
expect "with what it wrote" guest_run h '[ "$(tpm2_nvread 0x1500001 -s 7)" = journey ]'
expect "evidence on A" "$TCBIND" attest --platform "$WORK/A" --id "$traveller" --nonce cc03 -o "$WORK/h.ev"
"$TCBIND" policy from-evidence "$WORK/h.ev" -o "$WORK/home" 2>/dev/null
expect "names A, with two hand-overs behind it" [ "$("$TCBIND" verify "$WORK/h.ev" --policy "$WORK/home" --nonce cc03 --json |
	jq -r '[.verdict, .platform.name, .vtpm.generation] | join(" ")')" = "trusted A 3" ]

# The power is cut at B after CMD_INIT is answered and before the first command.
kept=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
"$TCBIND" vtpm create --platform "$WORK/B" --id "$kept" --incoming >/dev/null
certificates_of() { "$TCBIND" vtpm show --platform "$WORK/$1" --id "$kept" --json | jq -r ".ek_certificates[] | select(.nv_index == \"$2\") | .pem"; }
mkfifo "$WORK/until"
"$(dirname "$0")/hand-over.py" move "$(vtpm_socket A "$kept")" "$(vtpm_socket B "$kept")" <"$WORK/until" >"$WORK/moved" 2>&1 &
mover=$!
exec 9>"$WORK/until"
for _ in $(seq 100); do [ -s "$WORK/moved" ] && break; sleep 0.05; done
expect "a vTPM moves up to CMD_INIT" [ "$(cat "$WORK/moved")" = moved ]
kill_hard "B's daemon" "$(process_of tcbindd B)"
exec 9>&-
wait $mover
for _ in $(seq 100); do "$TCBIND" vtpm list --platform "$WORK/B" 2>/dev/null | grep -q "$kept" && break; sleep 0.1; done
expect "it starts at B" "$(dirname "$0")/hand-over.py" start "$(vtpm_socket B "$kept")"
for place in A B; do certificates_of $place 0x01c00100 >"$WORK/$place.issuer.pem"; certificates_of $place 0x01c0000a >"$WORK/$place.ek.pem"; done
expect "with certificates of B's PSE" openssl verify -partial_chain -trusted "$WORK/B.issuer.pem" "$WORK/B.ek.pem"
expect "A had an issuer of its own" openssl verify -partial_chain -trusted "$WORK/A.issuer.pem" "$WORK/A.ek.pem"
expect "not of A's" sh -c "[ -s '$WORK/A.issuer.pem' ] && [ -s '$WORK/B.ek.pem' ] && ! cmp -s '$WORK/A.issuer.pem' '$WORK/B.issuer.pem' &&
	! openssl verify -partial_chain -trusted '$WORK/A.issuer.pem' '$WORK/B.ek.pem' 2>/dev/null"
expect_refusal "and A can start it no more" "result 0x" "$(dirname "$0")/hand-over.py" start "$(vtpm_socket A "$kept")"

# Whoever has a vTPM has told its source, B after its daemon started anew: A has nothing but its three vTPMs' ids, lineages and generations left.
# A grant, with its key, would take some 500 bytes more.
sleep 5
kill "$(process_of tcbindd A)"
for _ in $(seq 100); do [ "$(stat -c %s "$WORK/A/store/mige.journal" 2>/dev/null || echo 0)" -gt 0 ] && break; sleep 0.1; done
journal=$(stat -c %s "$WORK/A/store/mige.journal")
expect "A keeps no key" [ "${journal:-0}" -gt 0 -a "${journal:-0}" -lt 400 ]
done_testing
