// SPDX-License-Identifier: MIT
/* The certified AK: the processor's QUOTE over the physical TPM's attestation key, the PSE's key and the boot
 * epoch (DESIGN section 4, step 5).
 *   document = {1: bstr claims, 2: bstr quote}
 *   claims   = {1: bstr TPMT_PUBLIC of the AK, 2: bstr PSE key (x || y), 3: bstr boot epoch,
 *               4: uint AK source, 5: tstr platform name}
 *   quote's report data = SHA-256("tcbind certified AK v1" || claims) || 32 zero bytes */
#ifndef TCBIND_EDGE_CERTIFIED_AK_H
#define TCBIND_EDGE_CERTIFIED_AK_H

#include "core/cbor.h"
#include "core/ids.h"

#define CERTIFIED_AK_LABEL "tcbind certified AK v1"

enum ak_source { AK_SOURCE_MSR = 1, AK_SOURCE_ENROLLED = 2 };

struct certified_ak {
	struct span claims_bytes; /* as covered by the quote; decode points it at the document */
	struct span ak_public;    /* TPMT_PUBLIC */
	struct p256_point pse_key;
	struct boot_epoch epoch;
	enum ak_source ak_source;
	struct span platform_name;
	struct span quote; /* DCAP v3 */
};

/* The claims alone (all members but claims_bytes and quote). */
void certified_ak_claims_encode(struct writer *w, const struct certified_ak *ak);
/* The document, from claims_bytes and quote. */
void certified_ak_encode(struct writer *w, const struct certified_ak *ak);
enum tcb_error certified_ak_decode(struct span bytes, struct certified_ak *ret_ak) MUST_USE;

#endif
