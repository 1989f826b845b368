// SPDX-License-Identifier: MIT
#include "verify/lib/trust.h"

#include <stdbool.h>
#include <string.h>

const char *const trust_claim_names[TRUST_CLAIMS_END] = {
	[TRUST_INSTANCE_IDENTITY] = "instance-identity", [TRUST_CONFIGURATION] = "configuration",
	[TRUST_EXECUTABLES] = "executables",		 [TRUST_FILE_SYSTEM] = "file-system",
	[TRUST_HARDWARE] = "hardware",			 [TRUST_RUNTIME_OPAQUE] = "runtime-opaque",
	[TRUST_STORAGE_OPAQUE] = "storage-opaque",	 [TRUST_SOURCED_DATA] = "sourced-data",
};

struct rule {
	const char *prefix; /* of a code; the first that fits is the code's */
	enum trust_claim claim;
	int failure;
};

/* File system, memory, storage and sourced data: nothing in evidence speaks of them, so there is never a claim. Whether an enclave can be read by
 * its host (DEBUG) is configuration here: `runtime-opaque` would speak of the VM's memory. */
static const struct rule rules[] = {
	{"evidence.malformed", TRUST_INSTANCE_IDENTITY, TRUST_UNEXPECTED},
	{"evidence.large", TRUST_INSTANCE_IDENTITY, TRUST_UNEXPECTED},
	{"evidence.signature", TRUST_INSTANCE_IDENTITY, TRUST_CRYPTO_FAILED},
	{"evidence.", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED},
	{"platform.ak.binding", TRUST_INSTANCE_IDENTITY, TRUST_CRYPTO_FAILED},
	{"platform.ak.source", TRUST_CONFIGURATION, TRUST_CONTRAINDICATED},
	{"platform.ak.", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED},
	{"platform.pse", TRUST_EXECUTABLES, TRUST_CONTRAINDICATED},
	{"platform.tpm.signature", TRUST_INSTANCE_IDENTITY, TRUST_CRYPTO_FAILED},
	{"platform.tpm.commitment", TRUST_INSTANCE_IDENTITY, TRUST_CRYPTO_FAILED},
	{"platform.tpm.pcrs", TRUST_EXECUTABLES, TRUST_CRYPTO_FAILED},
	{"platform.tpm.", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED},
	{"platform.log", TRUST_EXECUTABLES, TRUST_CONTRAINDICATED},
	{"platform.ima", TRUST_EXECUTABLES, TRUST_CONTRAINDICATED},
	{"platform.unlisted", TRUST_INSTANCE_IDENTITY, TRUST_UNRECOGNIZED},
	{"platform.ppid", TRUST_INSTANCE_IDENTITY, TRUST_UNRECOGNIZED},
	{"platform.pcr", TRUST_EXECUTABLES, TRUST_CONTRAINDICATED},
	{"platform.", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED},
	{"vtpm.enclave", TRUST_EXECUTABLES, TRUST_CONTRAINDICATED},
	{"vtpm.endorsement.signature", TRUST_INSTANCE_IDENTITY, TRUST_CRYPTO_FAILED},
	{"vtpm.", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED},
	{"guest.quote.signature", TRUST_INSTANCE_IDENTITY, TRUST_CRYPTO_FAILED},
	{"guest.quote.commitment", TRUST_INSTANCE_IDENTITY, TRUST_CRYPTO_FAILED},
	{"guest.quote.pcrs", TRUST_EXECUTABLES, TRUST_CRYPTO_FAILED},
	{"guest.quote.", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED},
	{"guest.", TRUST_EXECUTABLES, TRUST_CONTRAINDICATED},
	{"custody.signature", TRUST_INSTANCE_IDENTITY, TRUST_CRYPTO_FAILED},
	{"custody.", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED},
	{"policy.vtpm.", TRUST_INSTANCE_IDENTITY, TRUST_UNRECOGNIZED},
	{"policy.", TRUST_INSTANCE_IDENTITY, TRUST_CONTRAINDICATED},
	{"quote.enclave.", TRUST_CONFIGURATION, TRUST_CONTRAINDICATED},
	{"quote.td.", TRUST_CONFIGURATION, TRUST_CONTRAINDICATED},
	{"quote.root.untrusted", TRUST_HARDWARE, TRUST_UNRECOGNIZED},
	{"quote.signature", TRUST_HARDWARE, TRUST_CRYPTO_FAILED},
	{"quote.chain.expired", TRUST_HARDWARE, TRUST_CONTRAINDICATED}, /* its signatures check */
	{"quote.chain", TRUST_HARDWARE, TRUST_CRYPTO_FAILED},
	{"quote.qe.report", TRUST_HARDWARE, TRUST_CRYPTO_FAILED},
	{"quote.qe.binding", TRUST_HARDWARE, TRUST_CRYPTO_FAILED},
	{"quote.", TRUST_HARDWARE, TRUST_CONTRAINDICATED},
};

int trust_of_code(const char *code, enum trust_claim *ret_claim, int *ret_failure)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (strncmp(code, rules[i].prefix, strlen(rules[i].prefix)) == 0) {
			*ret_claim = rules[i].claim;
			*ret_failure = rules[i].failure;
			return true;
		}
	}
	return false;
}

bool trust_is_pinned_pcr(const struct tcbind_check *c, const char *layer)
{
	return strcmp(c->layer, layer) == 0 && c->result == TCBIND_CHECK_PASS &&
	       (strcmp(c->code, "platform.pcr") == 0 || strcmp(c->code, "guest.pcr") == 0);
}

static bool pins(const tcbind_result *r, const char *layer, const char *pcr)
{
	for (size_t i = 0; i < tcbind_result_check_count(r); i++) {
		const struct tcbind_check *c = tcbind_result_check(r, i);

		if (trust_is_pinned_pcr(c, layer) && strcmp(c->field, pcr) == 0)
			return true;
	}
	return false;
}

/* Firmware and what it started: the policy named both PCRs, and they match. A policy that pins less approves no boot. */
static bool approves_boot(const tcbind_result *r, const char *layer)
{
	return pins(r, layer, "pcr0") && pins(r, layer, "pcr4");
}

void trust_vector(const tcbind_result *result, int ret_vector[TRUST_CLAIMS_END])
{
	bool up_to_date = strcmp(tcbind_result_claims(result)->tcb_status, "UpToDate") == 0;
	enum trust_claim claim;
	int failure;

	for (int i = 0; i < TRUST_CLAIMS_END; i++)
		ret_vector[i] = TRUST_NONE;
	if (tcbind_result_verdict(result) == TCBIND_TRUSTED) { /* all was judged, and passed */
		if (tcbind_result_claims(result)->vtpm_id[0] != '\0') /* a bare quote names no instance */
			ret_vector[TRUST_INSTANCE_IDENTITY] = TRUST_AFFIRMED;
		ret_vector[TRUST_CONFIGURATION] = TRUST_AFFIRMED;
		ret_vector[TRUST_HARDWARE] = up_to_date ? TRUST_AFFIRMED : TRUST_WARNING;
		if (approves_boot(result, "platform") && approves_boot(result, "guest"))
			ret_vector[TRUST_EXECUTABLES] = TRUST_APPROVED_BOOT;
		return;
	}
	for (size_t i = 0; i < tcbind_result_check_count(result); i++) {
		const struct tcbind_check *c = tcbind_result_check(result, i);

		if (c->result != TCBIND_CHECK_FAIL)
			continue;
		if (!trust_of_code(c->code, &claim, &failure)) {
			claim = TRUST_INSTANCE_IDENTITY;
			failure = TRUST_CONTRAINDICATED;
		}
		if (failure > ret_vector[claim])
			ret_vector[claim] = failure;
	}
}

const char *trust_status(const tcbind_result *result, const int vector[TRUST_CLAIMS_END])
{
	int worst = TRUST_NONE;

	for (int i = 0; i < TRUST_CLAIMS_END; i++)
		worst = vector[i] > worst ? vector[i] : worst;
	switch (tcbind_result_verdict(result)) {
	case TCBIND_TRUSTED: return worst >= TRUST_WARNING ? "warning" : "affirming";
	case TCBIND_NOT_TRUSTED: return "contraindicated";
	default: return "none";
	}
}
