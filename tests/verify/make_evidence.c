// SPDX-License-Identifier: MIT
/* make_evidence DIR: good evidence of the test fleet with its policy, for tests that judge it from outside: DIR/evidence, DIR/policy,
 * DIR/nonce (hexadecimal), and DIR/evidence.2, DIR/nonce.2 of another vTPM and request, and DIR/evidence.moved, DIR/nonce.moved of the
 * first vTPM after a hand-over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
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

/* DIR/evidence.moved: of the first vTPM, after it was handed over to platform b. */
static void save_moved(const char *dir)
{
	static struct rig_platform b;
	static struct parts parts;
	struct attester *vm = &fleet.vtpms[0];
	struct fleet_evidence moved = {0};
	EVP_PKEY *pse_key;

	rig_platform_init(&b, 0, "b");
	memcpy(b.pcr0, vm->platform->pcr0, sizeof b.pcr0);
	assert_int_equal(crypto_p256_new(&pse_key), TCB_OK);
	attester_move(vm, &b, pse_key);
	attester_attest(vm, &parts);
	save(dir, "evidence.moved", parts_sign(&parts, vm->residence));
	memcpy(moved.nonce, vm->nonce, sizeof moved.nonce);
	save_nonce(dir, "nonce.moved", &moved);
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
