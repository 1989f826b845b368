#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# QEMU's migration stream, captured to a file: nothing of what the vTPM holds is in it. What it holds is known, because the test owns the
# simulated processor's fuses and unseals the state. Then the guest goes on: a captured stream is a cancelled migration.
. "$(dirname "$0")/../../tools/harness.sh"

"$TCBIND" pki init "$WORK/P" && "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
if platform_start A; then ok "a platform runs"; else not_ok "a platform runs"; fi
id=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
guest_start g "$(vtpm_socket A "$id")" tpm-crb
expect "a guest boots" guest_wait g
expect "and uses its TPM, without reading its public keys" guest_run g 'tpm2_getrandom -Q 8 -o /dev/null && tpm2_pcrextend 16:sha256=$(echo x | sha256sum | cut -d " " -f 1)'

# Switched off, its newest state is in its file; switched on again, it is the TPM whose secrets are known.
kill "$guest_pid"; wait "$guest_pid" 2>/dev/null
for _ in $(seq 50); do [ "$(vtpm_member A "$id" state)" = running ] || break; sleep 0.1; done
"$BUILD/tests/sgxsim/unseal_state" "$WORK/A" "$BUILD/enclave/vtpm/vtpm.enclave" "$WORK/A/vtpm/$id/state" |
	tail -c +105 >"$WORK/plain" # without the digest, magic, id, lineage, generation and version: a blob's head names them
expect "the test can unseal the state" [ "$(stat -c %s "$WORK/plain")" -gt 4000 ]
expect_refusal "the search finds what is there" "^looked for [1-9][0-9]*, found [1-9]" "$BUILD/tests/sgxsim/find_windows" "$WORK/plain" "$WORK/plain"

guest_start g "$(vtpm_socket A "$id")" tpm-crb
expect "the guest boots again" guest_wait g
qmp() { printf '%s\n' '{"execute":"qmp_capabilities"}' "$@" | timeout 5 socat -t 3 - "unix-connect:$WORK/g.qmp,shut-none"; }
qmp "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"exec:cat >$WORK/stream\"}}" >/dev/null
for _ in $(seq 100); do qmp '{"execute":"query-migrate"}' | grep -q '"status": "completed"' && break; done
expect "the stream is whole, and carries the vTPM's blobs" grep -aq TCBMIG02 "$WORK/stream"
output=$("$BUILD/tests/sgxsim/find_windows" "$WORK/plain" "$WORK/stream" "$WORK/A/vtpm/$id/state" "$WORK/A/store/log.0" "$WORK/A/store/log.1")
if [ $? = 0 ] && [ "$(stat -c %s "$WORK/stream")" -gt 100000 ]; then ok "nothing of the state is in stream, state file or the log with the journal"; else not_ok "nothing of the state is in stream, state file or the log with the journal" "$output"; fi
expect "the vTPM is escrowed" [ "$(vtpm_member A "$id" state)" = escrowed ]
qmp '{"execute":"cont"}' >/dev/null
expect "the guest goes on: the hand-over is revoked" guest_run g 'tpm2_readpublic -Q -c 0x8101000a'
expect "and the vTPM runs" [ "$(vtpm_member A "$id" state)" = running ]
done_testing
