// SPDX-License-Identifier: MIT
/* The physical TPM's attestation key: where the ACM makes it and the daemon uses it. */
#ifndef TCBIND_EDGE_PTPM_H
#define TCBIND_EDGE_PTPM_H

/* ECC P-256, restricted signing, persistent (endorsement hierarchy). */
#define PTPM_AK_HANDLE 0x81010003u

#endif
