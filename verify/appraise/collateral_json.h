/* Collateral in the common JSON shape: PEM issuer chains, hex DER CRLs, signed texts with hex signatures. */
#ifndef TCBIND_VERIFY_APPRAISE_COLLATERAL_JSON_H
#define TCBIND_VERIFY_APPRAISE_COLLATERAL_JSON_H

#include "core/limits.h"
#include "edge/collateral.h"

/* Memory for what must be decoded; the collateral borrows from it. */
struct collateral_memory {
	uint8_t bytes[LIMIT_COLLATERAL];
};

/* Code: collateral.malformed. */
enum tcb_error collateral_json_decode(struct span json, struct collateral_memory *memory,
				      struct collateral *ret_collateral, struct diagnosis *d) MUST_USE;

#endif
