// SPDX-License-Identifier: MIT
/* QE identity, version 2: which quoting enclave may have made a quote (DCAP notes 2.5, step 4). As tcb.c. */
#include "core/json.h"
#include "verify/appraise/tcb.h"
#include "verify/appraise/tcb_document.h"

#define LAYER "quote"

struct masked {
	uint8_t wanted[16], mask[16];
};

struct identity {
	struct masked misc, attributes;
	uint8_t signer[32];
	uint64_t product, number;
	struct span levels;
};

static enum tcb_error find_masked(struct span document, const char *name, const char *mask_name, size_t size,
				  struct masked *ret_masked)
{
	TRY(document_hex(document, name, ret_masked->wanted, size));
	return document_hex(document, mask_name, ret_masked->mask, size);
}

static enum tcb_error decode_identity(struct span document, struct identity *id)
{
	TRY(find_masked(document, "miscselect", "miscselectMask", 4, &id->misc));
	TRY(find_masked(document, "attributes", "attributesMask", 16, &id->attributes));
	TRY(document_hex(document, "mrsigner", id->signer, sizeof id->signer));
	TRY(document_uint(document, "isvprodid", UINT16_MAX, &id->product));
	TRY(document_uint(document, "tcbEvaluationDataNumber", UINT32_MAX, &id->number));
	return json_find(document, "tcbLevels", &id->levels);
}

static bool check_masked(struct checks *c, const char *field, const struct masked *m, const uint8_t *got, size_t size)
{
	uint8_t masked[16];

	for (size_t i = 0; i < size; i++)
		masked[i] = got[i] & m->mask[i];
	return check_bytes(c, LAYER, field, "quote.qe.identity", span_of(m->wanted, size), span_of(masked, size));
}

/* The REPORT body of the quote's QE (DCAP notes 2.1). */
static bool check_report(const struct identity *id, const uint8_t *body, struct checks *checks)
{
	uint8_t misc_be[4]; /* JSON has the number big-endian, the REPORT little-endian */

	for (int i = 0; i < 4; i++)
		misc_be[i] = body[16 + 3 - i];
	return check_masked(checks, "qe.miscselect", &id->misc, misc_be, 4) &&
	       check_masked(checks, "qe.attributes", &id->attributes, body + 48, 16) &&
	       check_bytes(checks, LAYER, "qe.mrsigner", "quote.qe.identity", SPAN_OF(id->signer), span_of(body + 128, 32)) &&
	       check_that(checks, LAYER, "qe.isvprodid", "quote.qe.identity",
			  id->product == (uint64_t)(body[256] | body[257] << 8), "the identity's", "another");
}

bool qe_identity_appraise(struct span text, struct span qe_report, bool tdx, uint64_t now_s, struct checks *checks,
			  struct quote_claims *claims, enum tcb_status *ret_status)
{
	const uint8_t *body = qe_report.data;
	struct svn_level level = {0};
	struct identity id = {0};
	struct span document;
	enum tcb_error error;

	if (!check_that(checks, LAYER, "qeIdentity", "quote.qe.malformed", json_check(text, NULL) == TCB_OK, "strict JSON",
			"something else"))
		return false;
	document = json_value(text);
	if (!document_check(checks, "quote.qe.version", document, tdx ? "TD_QE" : "QE", 2, now_s) ||
	    !check_that(checks, LAYER, "qeIdentity", "quote.qe.malformed", decode_identity(document, &id) == TCB_OK,
			"all members of version 2", "a member is missing") ||
	    !check_report(&id, body, checks))
		return false;
	claims->marks.qe_number = (uint32_t)id.number;
	error = svn_level_find(id.levels, (uint64_t)(body[258] | body[259] << 8), &level, NULL);
	if (error == TCB_OK)
		error = advisories_take(level.text, claims);
	if (error != TCB_OK)
		return check_that(checks, LAYER, "qe.isvsvn", error == TCB_REFUSED ? "quote.qe.level" : "quote.qe.malformed", false,
				  "a level that is reached", error == TCB_REFUSED ? "none" : "malformed levels");
	*ret_status = level.status;
	if (level.date_s < claims->tcb_date_s)
		claims->tcb_date_s = level.date_s;
	return check_that(checks, LAYER, "qe.isvsvn", "quote.qe.level", true, "a level that is reached", "none");
}
