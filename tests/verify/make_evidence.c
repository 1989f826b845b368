// SPDX-License-Identifier: MIT
/* make_evidence DIR: good evidence of the test fleet with its policy, for tests that judge it from outside: DIR/evidence, DIR/policy,
 * DIR/nonce (hexadecimal), and DIR/evidence.2, DIR/nonce.2 of another vTPM and request, and DIR/evidence.moved, DIR/nonce.moved of the
 * first vTPM after a hand-over, and DIR/evidence.folded, DIR/nonce.folded of the second after four. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/tpm_name.h"
#include "edge/custody_summary.h"
#include "enclave/lib/cose_sign.h"
#include "sgxsim/file.h"
#include "tests/verify/fleet.h"

static struct fleet fleet;

static void save(const char *dir, const char *name, struct span bytes)
{
	char path[4096];

	if (path_join(path, sizeof path, dir, name, NULL) != TCB_OK || file_write(path, bytes, 0644, NULL) != TCB_OK)
		exit(1);
}

static void save_nonce(const char *dir, const char *name, const struct fleet_evidence *e)
{
	char hex[2 * sizeof e->nonce + 1];

	for (size_t i = 0; i < sizeof e->nonce; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", e->nonce[i]);
	save(dir, name, span_of_text(hex));
}

static struct rig_platform b;

/* A vTPM's evidence after it was handed over to platform b. */
static void save_after_move(const char *dir, struct attester *vm, EVP_PKEY *pse_key, const char *name, const char *nonce_name)
{
	static struct parts parts;
	struct fleet_evidence moved = {0};

	attester_move(vm, &b, pse_key);
	attester_attest(vm, &parts);
	save(dir, name, parts_sign(&parts, vm->residence));
	memcpy(moved.nonce, vm->nonce, sizeof moved.nonce);
	save_nonce(dir, nonce_name, &moved);
}

/* Three hand-overs lie behind it, of which a summary is left: two from platform a, one from another. */
static void fold_three(struct attester *vm)
{
	struct custody_summary s = { .id = vm->id, .first_generation = 1, .last_generation = 3, .first_time_s = 1600000000,
				     .last_time_s = 1600000002, .stay_count = 1, .others = 1, .last = {{5}} };
	uint8_t payload[LIMIT_CUSTODY_SUMMARY], signed_summary[LIMIT_CUSTODY_SUMMARY];
	struct writer w = WRITER_OF(payload), signed_writer = WRITER_OF(signed_summary);
	struct custody_chain chain = {0};

	assert_int_equal(tpm_name_of(span_of(vm->platform->ak_public, vm->platform->ak_public_size), &s.at_ak), TCB_OK);
	s.stays[0] = (struct custody_stay){ .name = span_of_text("a"), .ak = s.at_ak, .count = 2 };
	assert_int_equal(crypto_p256_public(vm->mige_key, &s.mige_key), TCB_OK);
	custody_summary_encode(&w, &s);
	assert_int_equal(cose_sign(vm->mige_key, CUSTODY_SUMMARY_TYPE, span_of(payload, w.size), &signed_writer), TCB_OK);
	chain.summary = span_of(signed_summary, signed_writer.size);
	attester_set_chain(vm, &chain);
	vm->last_custody = s.last;
	vm->generation = 4;
}

/* DIR/evidence.moved: of the first vTPM. DIR/evidence.folded: of the second, whose older hand-overs are folded. */
static void save_moved(const char *dir)
{
	struct attester *vm = &fleet.vtpms[0];
	EVP_PKEY *pse_key;

	rig_platform_init(&b, 0, "b");
	memcpy(b.pcr0, vm->platform->pcr0, sizeof b.pcr0);
	assert_int_equal(crypto_p256_new(&pse_key), TCB_OK);
	save_after_move(dir, vm, pse_key, "evidence.moved", "nonce.moved");
	fold_three(&fleet.vtpms[1]);
	save_after_move(dir, &fleet.vtpms[1], pse_key, "evidence.folded", "nonce.folded");
	EVP_PKEY_free(pse_key);
	rig_platform_end(&b);
}

int main(int argc, char **argv)
{
	struct fleet_evidence evidence[4];

	if (argc != 2 && argc != 3)
		return 2;
	rig_pki(0);
	fleet_init(&fleet, 1, 2);
	for (size_t i = 0; argc == 3 && i < fleet.vtpm_count; i++) { /* other vTPMs, whose guests have booted something else */
		fleet.vtpms[i].id.bytes[1] = fleet.vtpms[i].guest_pcr0[0] = 1;
		attester_attest(&fleet.vtpms[i], fleet.parts[i]);
	}
	fleet_attest(&fleet, 4, 4, evidence);
	save(argv[1], "evidence", span_of(evidence[0].bytes, evidence[0].size));
	save(argv[1], "evidence.2", span_of(evidence[3].bytes, evidence[3].size));
	save_nonce(argv[1], "nonce", &evidence[0]);
	save_nonce(argv[1], "nonce.2", &evidence[3]);
	save(argv[1], "policy", span_of_text(fleet_policy(&fleet)));
	save_moved(argv[1]);
	for (size_t i = 0; i < 4; i++)
		free(evidence[i].bytes);
	fleet_end(&fleet);
	rig_end();
	return 0;
}
