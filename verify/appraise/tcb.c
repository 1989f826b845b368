// SPDX-License-Identifier: MIT
/* TCB info, version 3: the document, the level that a processor reaches, and the TDX module (DCAP notes 2.5, steps 1 to 3). Called by quote.c on
 * a text that TCB Signing has signed; decoded as if it were hostile. */
#include "verify/appraise/tcb.h"

#include <stdio.h>
#include <strings.h>

#include "core/json.h"
#include "verify/appraise/tcb_document.h"

#define LAYER "quote"

enum { COMPONENTS = 16, LEVELS_MAX = 64 };

/* ---- levels ---- */

/* sixteen {"svn": n} */
static enum tcb_error decode_components(struct span array, uint8_t ret_svn[COMPONENTS])
{
	struct span rest = array, element;
	uint64_t svn;
	size_t count = 0;

	if (!json_opens_array(array))
		return TCB_MALFORMED;
	while (json_next_element(&rest, &element)) {
		if (count == COMPONENTS)
			return TCB_MALFORMED;
		TRY(document_uint(element, "svn", UINT8_MAX, &svn));
		ret_svn[count++] = (uint8_t)svn;
	}
	return count == COMPONENTS ? TCB_OK : TCB_MALFORMED;
}

struct level {
	uint8_t sgx[COMPONENTS], tdx[COMPONENTS];
	uint64_t pce_svn, date_s;
	enum tcb_status status;
	struct span text; /* the level's object */
};

static enum tcb_error decode_level(struct span object, bool tdx, struct level *ret_level)
{
	struct span tcb, value, status;
	struct level l = { .text = object };

	TRY(json_find(object, "tcb", &tcb));
	TRY(json_find(tcb, "sgxtcbcomponents", &value));
	TRY(decode_components(value, l.sgx));
	TRY(document_uint(tcb, "pcesvn", UINT16_MAX, &l.pce_svn));
	if (tdx) {
		TRY(json_find(tcb, "tdxtcbcomponents", &value));
		TRY(decode_components(value, l.tdx));
	}
	TRY(document_time(object, "tcbDate", &l.date_s));
	TRY(document_text(object, "tcbStatus", &status));
	/* results of an evaluation are no statuses of a document */
	if (!tcb_status_parse(status, &l.status) || (l.status > TCB_OUT_OF_DATE_CONFIGURATION_NEEDED && l.status != TCB_REVOKED))
		return TCB_MALFORMED;
	*ret_level = l;
	return TCB_OK;
}

/* Levels descend as Intel sorts them: by the SGX components from the first, then the TDX components, then PCESVN. So the first level that is
 * reached is the best one, and no level stands twice. */
static bool is_below(const struct level *level, const struct level *before)
{
	int order = memcmp(level->sgx, before->sgx, sizeof level->sgx);

	if (order == 0)
		order = memcmp(level->tdx, before->tdx, sizeof level->tdx);
	return order < 0 || (order == 0 && level->pce_svn < before->pce_svn);
}

/* A level's bytes from `first` on are all reached. */
static bool all_at_least(const uint8_t *got, const uint8_t *level, unsigned first)
{
	for (unsigned i = first; i < COMPONENTS; i++)
		if (got[i] < level[i])
			return false;
	return true;
}

/* Bytes 0 and 1 of a TEE TCB SVN are the module's, and judged by its identity, if it has a version. */
static unsigned first_td_component(const uint8_t svn[COMPONENTS])
{
	return svn[1] > 0 ? 2 : 0;
}

struct levels_found {
	bool sgx, platform;
	struct level newest, of_sgx, of_platform;
};

static void match_level(const struct level *level, const struct pck_facts *pck, const struct td_tcb *td, struct levels_found *f)
{
	if (f->platform || !all_at_least(pck->component_svn, level->sgx, 0) || pck->pce_svn < level->pce_svn)
		return;
	if (!f->sgx) {
		f->sgx = true;
		f->of_sgx = *level;
	}
	if (td != NULL && !all_at_least(td->svn, level->tdx, first_td_component(td->svn)))
		return;
	f->platform = true;
	f->of_platform = *level;
}

/* The first levels that are reached. TCB_REFUSED: none. All levels are decoded: a malformed document is refused whole. */
static enum tcb_error find_levels(struct span levels, const struct pck_facts *pck, const struct td_tcb *td,
				  struct levels_found *ret_found)
{
	struct levels_found f = {0};
	struct span rest = levels, object;
	struct level level, before = {0};
	size_t count = 0;

	if (!json_opens_array(levels))
		return TCB_MALFORMED;
	while (json_next_element(&rest, &object)) {
		TRY(decode_level(object, td != NULL, &level));
		if (count == LEVELS_MAX || (count > 0 && !is_below(&level, &before)))
			return TCB_MALFORMED;
		if (count++ == 0)
			f.newest = level;
		before = level;
		match_level(&level, pck, td, &f);
	}
	*ret_found = f;
	return f.platform ? TCB_OK : TCB_REFUSED;
}

/* ---- the TDX module ---- */

/* The identity "TDX_nn" among tdxModuleIdentities; case does not count. Two of one name are malformed. */
static enum tcb_error find_module(struct span document, uint8_t version, struct span *ret_module)
{
	struct span rest, object, id, found = {0};
	char wanted[8];

	(void)snprintf(wanted, sizeof wanted, "tdx_%02x", version);
	TRY(json_find(document, "tdxModuleIdentities", &rest));
	while (json_next_element(&rest, &object)) {
		TRY(document_text(object, "id", &id));
		if (id.size != strlen(wanted) || strncasecmp((const char *)id.data, wanted, id.size) != 0)
			continue;
		if (found.data != NULL)
			return TCB_MALFORMED;
		found = object;
	}
	if (found.data == NULL)
		return TCB_REFUSED;
	*ret_module = found;
	return TCB_OK;
}

static bool check_module_identity(struct span module, const struct td_tcb *td, struct checks *c)
{
	uint8_t signer[48], attributes[8], seam_attributes[8];

	for (int i = 0; i < 8; i++)
		seam_attributes[i] = (uint8_t)(td->seam_attributes >> (8 * i));
	if (document_hex(module, "mrsigner", signer, sizeof signer) != TCB_OK ||
	    document_hex(module, "attributes", attributes, sizeof attributes) != TCB_OK)
		return check_that(c, LAYER, "tdxModule", "quote.tdx.module", false, "mrsigner and attributes", "none");
	return check_bytes(c, LAYER, "mrsignerseam", "quote.tdx.module", SPAN_OF(signer), SPAN_OF(td->mr_signer_seam)) &&
	       check_bytes(c, LAYER, "seamattributes", "quote.tdx.module", SPAN_OF(attributes), SPAN_OF(seam_attributes)) &&
	       check_that(c, LAYER, "seamattributes", "quote.tdx.module", td->seam_attributes == 0, "zeros", "others");
}

static bool check_module(struct span document, const struct td_tcb *td, struct checks *c, struct quote_claims *claims,
			 enum tcb_status *ret_status)
{
	struct span module, levels;
	struct svn_level level;

	*ret_status = TCB_UP_TO_DATE;
	if (td->svn[1] == 0)
		return check_that(c, LAYER, "tdxModule", "quote.tdx.module",
				  json_find(document, "tdxModule", &module) == TCB_OK, "a TDX module", "none") &&
		       check_module_identity(module, td, c);
	if (!check_that(c, LAYER, "tdxModuleIdentities", "quote.tdx.module",
			find_module(document, td->svn[1], &module) == TCB_OK && json_find(module, "tcbLevels", &levels) == TCB_OK &&
				svn_level_find(levels, td->svn[0], &level, NULL) == TCB_OK &&
				advisories_take(level.text, claims) == TCB_OK,
			"an identity and a level of the quote's module", "none"))
		return false;
	*ret_status = level.status;
	claims->tcb_date_s = level.date_s < claims->tcb_date_s ? level.date_s : claims->tcb_date_s;
	return check_module_identity(module, td, c);
}

/* The module that runs now (tee_tcb_svn2), by the newest level. */
static void judge_running(struct span document, const struct td_tcb *td, const struct level *newest, struct tcb_findings *f)
{
	struct span module, levels;
	struct svn_level level;
	uint64_t newest_svn;

	f->running = RUNNING_BELOW;
	if (!td->has_svn2 || !all_at_least(td->svn2, newest->tdx, first_td_component(td->svn2)))
		return;
	if (td->svn2[1] == 0)
		f->running = RUNNING_NEWEST;
	else if (find_module(document, td->svn2[1], &module) != TCB_OK || json_find(module, "tcbLevels", &levels) != TCB_OK ||
		 svn_level_find(levels, UINT16_MAX, &level, &newest_svn) != TCB_OK)
		f->running = RUNNING_UNKNOWN;
	else if (td->svn2[0] >= newest_svn)
		f->running = RUNNING_NEWEST;
}

/* ---- the document ---- */

static bool check_processor(struct span document, const struct pck_facts *pck, struct checks *checks, struct quote_claims *claims,
			    struct span *ret_levels)
{
	uint8_t fmspc[6], pce_id[2];
	uint64_t number = 0, type;

	if (!check_that(checks, LAYER, "tcbInfo", "quote.tcbinfo.malformed",
			document_hex(document, "fmspc", fmspc, sizeof fmspc) == TCB_OK &&
				document_hex(document, "pceId", pce_id, sizeof pce_id) == TCB_OK &&
				document_uint(document, "tcbType", 0, &type) == TCB_OK &&
				document_uint(document, "tcbEvaluationDataNumber", UINT32_MAX, &number) == TCB_OK &&
				json_find(document, "tcbLevels", ret_levels) == TCB_OK,
			"all members of version 3, tcbType 0", "a member is missing, or another"))
		return false;
	claims->marks.tcb_number = (uint32_t)number;
	return check_bytes(checks, LAYER, "fmspc", "quote.tcbinfo.fmspc", SPAN_OF(pck->fmspc), SPAN_OF(fmspc)) &&
	       check_bytes(checks, LAYER, "pceid", "quote.tcbinfo.pceid", SPAN_OF(pck->pce_id), SPAN_OF(pce_id));
}

static bool check_levels(struct span levels, const struct pck_facts *pck, const struct td_tcb *td, struct checks *checks,
			 struct quote_claims *claims, struct levels_found *ret_found)
{
	enum tcb_error error = find_levels(levels, pck, td, ret_found);

	if (error == TCB_REFUSED)
		return check_that(checks, LAYER, "tcbLevels", "quote.tcb.unsupported", false, "a level that is reached", "none");
	if (error == TCB_OK)
		error = advisories_take(ret_found->of_platform.text, claims);
	return check_that(checks, LAYER, "tcbLevels", "quote.tcbinfo.malformed", error == TCB_OK,
			  "levels of sixteen components, descending, with dates, known statuses and advisories", "others");
}

bool tcb_info_appraise(struct span text, const struct pck_facts *pck, const struct td_tcb *td, uint64_t now_s,
		       struct checks *checks, struct quote_claims *claims, struct tcb_findings *ret_findings)
{
	struct tcb_findings f = { .module = TCB_UP_TO_DATE };
	struct levels_found found = {0};
	struct span document, levels;

	if (!check_that(checks, LAYER, "tcbInfo", "quote.tcbinfo.malformed", json_check(text, NULL) == TCB_OK, "strict JSON",
			"something else"))
		return false;
	document = json_value(text);
	if (!document_check(checks, "quote.tcbinfo.version", document, td != NULL ? "TDX" : "SGX", 3, now_s) ||
	    !check_processor(document, pck, checks, claims, &levels) || !check_levels(levels, pck, td, checks, claims, &found))
		return false;
	f.platform = found.of_platform.status;
	f.sgx = found.of_sgx.status;
	claims->tcb_date_s = found.of_platform.date_s;
	if (td != NULL) {
		if (!check_module(document, td, checks, claims, &f.module))
			return false;
		judge_running(document, td, &found.newest, &f);
	}
	*ret_findings = f;
	return true;
}
