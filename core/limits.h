// SPDX-License-Identifier: MIT
/* Every size that crosses a boundary, on one page. Bytes unless the name says otherwise. */
#ifndef TCBIND_CORE_LIMITS_H
#define TCBIND_CORE_LIMITS_H

#define LIMIT_FRAME (3u * 1024u * 1024u)     /* one frame's body on a host stream */
#define LIMIT_TPM_COMMAND 4096u              /* libtpms' TPM_BUFFER_MAX */
#define LIMIT_TPM_PERMANENT (256u * 1024u)   /* libtpms' permanent state */
#define LIMIT_TPM_VOLATILE (128u * 1024u)    /* libtpms' volatile state */
#define LIMIT_STATE (512u * 1024u)           /* one vTPM's sealed state, or one of QEMU's state blobs */
#define LIMIT_EVIDENCE (512u * 1024u)        /* one evidence document, event logs included */
#define LIMIT_EVENT_LOG (256u * 1024u)       /* a TCG event log; the host's IMA list in one evidence */
#define LIMIT_IMA_LOG (16u * 1024u * 1024u)  /* an IMA list that a verifier is given by itself */
#define LIMIT_QUOTE (16u * 1024u)            /* a DCAP quote with its PCK chain */
#define LIMIT_COLLATERAL (192u * 1024u)      /* collateral document */
#define LIMIT_POLICY (16u * 1024u)           /* an owner's policy, JSON: it travels with each hand-over */
#define LIMIT_NONCE 64u                      /* a requester's nonce (1..64) */
#define LIMIT_NAME 64u                       /* a platform's name, UTF-8 */
#define LIMIT_ADDRESS 128u                   /* HOST:PORT */
#define LIMIT_TPM_PUBLIC 512u                /* a TPMT_PUBLIC */
#define LIMIT_TPM_ATTEST 512u                /* a TPMS_ATTEST of a quote */
#define LIMIT_TPM_SIGNATURE 600u             /* a TPMT_SIGNATURE, RSA-4096 included */
#define LIMIT_CUSTODY_RECORDS 8u             /* records in one custody chain; older hand-overs are in its summary (a count) */
#define LIMIT_CUSTODY_STAYS 8u               /* platforms that a custody summary names (a count) */
#define LIMIT_CUSTODY_PROOFS 2u              /* proofs in one custody chain (a count) */
#define LIMIT_CUSTODY_RECORD 1024u
#define LIMIT_CUSTODY_SUMMARY 2048u
#define LIMIT_CUSTODY_PROOF (LIMIT_QUOTE + 4096u)
#define LIMIT_CUSTODY (2u * LIMIT_CUSTODY_PROOF + 12u * 1024u) /* a custody chain, whole */
#define LIMIT_MERKLE_PATH 16u                /* nodes: 65,536 requests share one platform quote at most */
#define LIMIT_JSON_DEPTH 16u                 /* nesting of any JSON that we read */
#define LIMIT_LOCAL_MESSAGE (768u * 1024u)   /* one message between two enclaves of a platform */
#define LIMIT_PCRS 24u                       /* PCRs of a bank */

#endif
