// SPDX-License-Identifier: MIT
/* The SGX extension of a PCK certificate, OID 1.2.840.113741.1.13.1 (DCAP notes 2.3). */
#ifndef TCBIND_SGXSIM_SGX_EXTENSION_H
#define TCBIND_SGXSIM_SGX_EXTENSION_H

#include "core/writer.h"

extern const uint8_t pki_fmspc[6]; /* of all simulated processors */

/* What a PCK certificate says of its processor. */
struct sgx_extension {
	uint8_t component_svn[16]; /* and the CPUSVN, as on real processors */
	uint16_t pce_svn;
	uint8_t fmspc[6], pce_id[2];
	uint8_t sgx_type;          /* 0 standard, 1 scalable, 2 scalable with integrity */
	bool of_platform_ca;       /* with a platform instance id and a configuration, as the Platform CA issues it */
};

/* A simulated processor as it is made. */
void sgx_extension_defaults(struct sgx_extension *ret_extension);
/* The extension's value, with a fresh PPID and platform instance id. */
enum tcb_error sgx_extension_write(const struct sgx_extension *extension, struct writer *w) MUST_USE;

#endif
