/* The SGX extension of a PCK certificate, OID 1.2.840.113741.1.13.1 (DCAP notes 2.3). */
#ifndef TCBIND_SGXSIM_SGX_EXTENSION_H
#define TCBIND_SGXSIM_SGX_EXTENSION_H

#include "core/writer.h"

extern const uint8_t pki_fmspc[6]; /* of all simulated processors */

/* The extension's value, with a fresh PPID and platform instance id. */
enum tcb_error sgx_extension_write(struct writer *w) MUST_USE;

#endif
