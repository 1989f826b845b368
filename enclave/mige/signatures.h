/* Signatures that checked, so that certificates, collateral and CRLs of a platform seen before are not checked again while a machine stands
 * still. Signatures alone: they hold for ever; what is judged by a policy or by the time is judged anew. */
#ifndef TCBIND_ENCLAVE_MIGE_SIGNATURES_H
#define TCBIND_ENCLAVE_MIGE_SIGNATURES_H

#include "verify/appraise/memo.h"

/* The enclave's only memory of them: of the last 64. */
const struct memo *signatures_seen(void);

#endif
