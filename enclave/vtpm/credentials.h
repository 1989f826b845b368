// SPDX-License-Identifier: MIT
/* The certificates in the vTPM's NV (DESIGN section 5): one a key, issued by this platform's PSE, at the usual indices (key_template.h), and the
 * issuer's, with the processor's QUOTE in it, from 0x01C00100 on (EK Credential Profile 2.5, section 2.2.1.5.2), zeros behind it. A vTPM with a P-384
 * EK, as swtpm_setup makes it, has a platform certificate over that key too, at 0x01C08000.
 *
 * They are written anew after each hand-over, after each boot of the platform, whose PSE has a new key then, and after TPM2_ChangeEPS, which makes
 * other keys of the same templates. An index that somebody else defined in the place of ours, with the platform's authorization, is never touched. */
#ifndef TCBIND_ENCLAVE_VTPM_CREDENTIALS_H
#define TCBIND_ENCLAVE_VTPM_CREDENTIALS_H

#include "enclave/vtpm/vtpm.h"

/* Whether each key that is there has its certificate, for the key that stands at its handle now, by the PSE of this boot. Makes EK and AK where they are
 * not; the TPM runs. True where that cannot be told now. */
bool credentials_current(struct vtpm *v);

/* Writes all of them, defining what is missing; the TPM runs. After TPM2_ChangeEPS also makes the keys again that had a certificate. An index that the
 * TPM does not let us define now (the guest's firmware took the platform authorization) is left for the next TPM2_Startup. */
enum tcb_error credentials_write(struct vtpm *v, struct diagnosis *d) MUST_USE;

#endif
