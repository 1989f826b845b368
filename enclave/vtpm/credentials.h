// SPDX-License-Identifier: MIT
/* The certificates in the vTPM's NV (DESIGN section 5): one a key, issued by this platform's PSE, at the usual indices
 * (key_template.h), and the issuer's, with the processor's QUOTE in it, from 0x01C00100 on (EK Credential Profile 2.5,
 * section 2.2.1.5.2), zeros behind it. A vTPM with a P-384 EK, as swtpm_setup makes it, has a platform certificate over that key too,
 * at 0x01C08000. Anew after each hand-over: they name the platform that the vTPM is on. */
#ifndef TCBIND_ENCLAVE_VTPM_CREDENTIALS_H
#define TCBIND_ENCLAVE_VTPM_CREDENTIALS_H

#include "enclave/vtpm/vtpm.h"

/* Whether every key that is there has a certificate index. */
bool credentials_present(void);

/* Writes all of them, defining what is missing; the TPM runs. An index that the guest's firmware removed and that the TPM does not let us
 * define now (it took the platform authorization) is left for the next TPM2_Startup. */
enum tcb_error credentials_write(struct vtpm *v, struct diagnosis *d) MUST_USE;

#endif
