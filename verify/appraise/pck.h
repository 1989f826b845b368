// SPDX-License-Identifier: MIT
/* PCK certificates: the chain as quotes carry it, and what the leaf's SGX extension says of a processor (DCAP notes 2.3). */
#ifndef TCBIND_VERIFY_APPRAISE_PCK_H
#define TCBIND_VERIFY_APPRAISE_PCK_H

#include "verify/appraise/x509.h"

/* What the extension 1.2.840.113741.1.13.1 says of a processor. */
struct pck_facts {
	uint8_t ppid[16], cpu_svn[16], fmspc[6], pce_id[2];
	uint8_t component_svn[16];
	uint16_t pce_svn;
	uint8_t sgx_type;            /* 0 standard, 1 scalable, 2 scalable with integrity */
	bool of_platform_ca;         /* the members below are there: the Platform CA's certificates have them, the Processor CA's not */
	uint8_t platform_instance_id[16];
	bool dynamic_platform, cached_keys, smt_enabled;
};

/* Exactly three PEM certificates, one canonical text after the other, then at most one NUL. The caller frees each. */
enum tcb_error pck_chain_decode(struct span pem, X509 *ret_chain[3]) MUST_USE;
/* TCB_MALFORMED: the extension is not there exactly once, or not whole. */
enum tcb_error pck_facts_decode(const X509 *leaf, struct pck_facts *ret_facts) MUST_USE;
/* The extension's value: each member once, .1 to .5, and .6 with .7 or neither; nothing unknown. */
enum tcb_error pck_extension_decode(struct span extension, struct pck_facts *ret_facts) MUST_USE;

#endif
