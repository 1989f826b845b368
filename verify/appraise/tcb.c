#include "verify/appraise/tcb.h"

#include <stdio.h>
#include <strings.h>

#include "core/json.h"
#include "core/reader.h"

#define LAYER "quote"

static const char *const status_names[] = {
	[TCB_UP_TO_DATE] = "UpToDate",
	[TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
	[TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
	[TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
	[TCB_OUT_OF_DATE] = "OutOfDate",
	[TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
	[TCB_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
	[TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
	[TCB_REVOKED] = "Revoked",
	[TCB_NOT_SUPPORTED] = "NotSupported",
};

const char *tcb_status_name(enum tcb_status status)
{
	return status_names[status];
}

bool tcb_status_parse(struct span name, enum tcb_status *ret_status)
{
	for (unsigned i = 0; i < sizeof status_names / sizeof status_names[0]; i++) {
		if (span_is_text(name, status_names[i])) {
			*ret_status = (enum tcb_status)i;
			return true;
		}
	}
	return false;
}

enum tcb_status tcb_converge(enum tcb_status platform, enum tcb_status other)
{
	if (other == TCB_REVOKED || other == TCB_NOT_SUPPORTED)
		return other;
	if (other != TCB_OUT_OF_DATE && other != TCB_OUT_OF_DATE_CONFIGURATION_NEEDED)
		return platform;
	switch (platform) {
	case TCB_UP_TO_DATE:
	case TCB_SW_HARDENING_NEEDED: return TCB_OUT_OF_DATE;
	case TCB_CONFIGURATION_NEEDED:
	case TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED: return TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
	default: return platform;
	}
}

/* ---- members ---- */

static enum tcb_error find_text(struct span object, const char *name, struct span *ret_text)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_text(value, ret_text);
}

static enum tcb_error find_uint(struct span object, const char *name, uint64_t max, uint64_t *ret_number)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_uint(value, max, ret_number);
}

static enum tcb_error find_hex(struct span object, const char *name, uint8_t *ret_bytes, size_t size)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_hex(value, ret_bytes, size);
}

static enum tcb_error find_time(struct span object, const char *name, uint64_t *ret_seconds)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_time(value, ret_seconds);
}

void tcb_narrow(struct span text, uint64_t *from_s, uint64_t *until_s)
{
	struct span document = json_value(text);
	uint64_t issued, next;

	if (find_time(document, "issueDate", &issued) != TCB_OK || find_time(document, "nextUpdate", &next) != TCB_OK) {
		*from_s = UINT64_MAX;
		*until_s = 0;
		return;
	}
	*from_s = issued > *from_s ? issued : *from_s;
	*until_s = next < *until_s ? next : *until_s;
}

static bool check_document(struct checks *c, const char *code, struct span document, const char *id, uint64_t version,
			   uint64_t now_s)
{
	uint64_t issued, next, found_version;
	struct span found_id;
	char got[64];

	if (!check_that(c, LAYER, id, code,
			find_text(document, "id", &found_id) == TCB_OK && span_is_text(found_id, id) &&
				find_uint(document, "version", 9, &found_version) == TCB_OK && found_version == version,
			"a document of this id and version", "another, or none"))
		return false;
	if (find_time(document, "issueDate", &issued) != TCB_OK || find_time(document, "nextUpdate", &next) != TCB_OK)
		return check_that(c, LAYER, "issueDate", code, false, "dates", "none");
	if (issued <= now_s && now_s <= next) /* a pass says nothing of when: it may be recalled later (memo.h) */
		return check_that(c, LAYER, id, "quote.collateral.expired", true, "a time inside its window",
				  "a time inside its window");
	(void)snprintf(got, sizeof got, "valid %llu to %llu, checked at %llu", (unsigned long long)issued,
		       (unsigned long long)next, (unsigned long long)now_s);
	return check_that(c, LAYER, id, "quote.collateral.expired", false, "a time inside its window", got);
}

/* ---- TCB info ---- */

/* sixteen {"svn": n} */
static enum tcb_error decode_components(struct span array, uint8_t ret_svn[16])
{
	struct span rest = array, element;
	uint64_t svn;
	size_t count = 0;

	while (json_next_element(&rest, &element)) {
		if (count == 16)
			return TCB_MALFORMED;
		TRY(find_uint(element, "svn", UINT8_MAX, &svn));
		ret_svn[count++] = (uint8_t)svn;
	}
	return count == 16 ? TCB_OK : TCB_MALFORMED;
}

struct level {
	uint8_t sgx[16], tdx[16];
	uint64_t pce_svn;
	enum tcb_status status;
	struct span text; /* the level's object */
};

static enum tcb_error decode_level(struct span object, bool tdx, struct level *ret_level)
{
	struct span tcb, value, status;

	TRY(json_find(object, "tcb", &tcb));
	TRY(json_find(tcb, "sgxtcbcomponents", &value));
	TRY(decode_components(value, ret_level->sgx));
	TRY(find_uint(tcb, "pcesvn", UINT16_MAX, &ret_level->pce_svn));
	if (tdx) {
		TRY(json_find(tcb, "tdxtcbcomponents", &value));
		TRY(decode_components(value, ret_level->tdx));
	}
	TRY(find_text(object, "tcbStatus", &status));
	ret_level->text = object;
	return tcb_status_parse(status, &ret_level->status) ? TCB_OK : TCB_MALFORMED;
}

static bool all_at_least(const uint8_t *got, const uint8_t *level, unsigned first)
{
	for (unsigned i = first; i < 16; i++)
		if (got[i] < level[i])
			return false;
	return true;
}

/* Levels must descend, for "the first that is reached" to be the best: no level is reached by all that reach one before it
 * and asks for more. */
static bool is_descending(const struct level *before, const struct level *level)
{
	bool above = all_at_least(level->sgx, before->sgx, 0) && level->pce_svn >= before->pce_svn;
	bool same = memcmp(level->sgx, before->sgx, sizeof level->sgx) == 0 && level->pce_svn == before->pce_svn;

	return same || !above;
}

/* The first level that the processor reaches. TCB_REFUSED: none. */
static enum tcb_error find_level(struct span levels, const struct pck_facts *pck, const struct td_tcb *td,
				 struct level *ret_level)
{
	struct span rest = levels, object;
	struct level level, before = {0};
	bool found = false, first = true;

	while (json_next_element(&rest, &object)) {
		TRY(decode_level(object, td != NULL, &level));
		if (!first && !is_descending(&before, &level))
			return TCB_MALFORMED;
		first = false;
		before = level;
		if (found || !all_at_least(pck->component_svn, level.sgx, 0) || pck->pce_svn < level.pce_svn)
			continue;
		if (td != NULL && !all_at_least(td->svn, level.tdx, td->svn[1] > 0 ? 2 : 0))
			continue;
		*ret_level = level;
		found = true; /* the rest is still decoded: a malformed document is refused whole */
	}
	return found ? TCB_OK : TCB_REFUSED;
}

static void take_advisories(struct span level, struct quote_claims *claims)
{
	struct span rest, element, text;

	if (json_find(level, "advisoryIDs", &rest) != TCB_OK)
		return;
	while (json_next_element(&rest, &element) && claims->advisory_count < 32)
		if (json_text(element, &text) == TCB_OK && text.size < sizeof claims->advisories[0]) {
			memcpy(claims->advisories[claims->advisory_count], text.data, text.size);
			claims->advisories[claims->advisory_count++][text.size] = '\0';
		}
}

/* The first of `levels` ({"tcb":{"isvsvn"},"tcbStatus"}) that `svn` reaches. */
static enum tcb_error find_svn_level(struct span levels, uint64_t svn, enum tcb_status *ret_status)
{
	struct span rest = levels, object, tcb, status;
	bool found = false;
	uint64_t level_svn;
	enum tcb_status level_status;

	while (json_next_element(&rest, &object)) {
		TRY(json_find(object, "tcb", &tcb));
		TRY(find_uint(tcb, "isvsvn", UINT16_MAX, &level_svn));
		TRY(find_text(object, "tcbStatus", &status));
		if (!tcb_status_parse(status, &level_status))
			return TCB_MALFORMED;
		if (!found && svn >= level_svn) {
			*ret_status = level_status;
			found = true;
		}
	}
	return found ? TCB_OK : TCB_REFUSED;
}

/* The identity "TDX_nn" among tdxModuleIdentities; case does not count. */
static enum tcb_error find_module(struct span document, uint8_t version, struct span *ret_module)
{
	struct span rest, object, id;
	char wanted[8];

	(void)snprintf(wanted, sizeof wanted, "tdx_%02x", version);
	TRY(json_find(document, "tdxModuleIdentities", &rest));
	while (json_next_element(&rest, &object)) {
		TRY(find_text(object, "id", &id));
		if (id.size == strlen(wanted) && strncasecmp((const char *)id.data, wanted, id.size) == 0) {
			*ret_module = object;
			return TCB_OK;
		}
	}
	return TCB_REFUSED;
}

static bool check_module(struct span document, const struct td_tcb *td, struct checks *c, enum tcb_status *ret_status)
{
	uint8_t signer[48], attributes[8], seam_attributes[8];
	struct span module, levels;

	for (int i = 0; i < 8; i++)
		seam_attributes[i] = (uint8_t)(td->seam_attributes >> (8 * i));
	if (td->svn[1] == 0) {
		*ret_status = TCB_UP_TO_DATE;
		if (json_find(document, "tdxModule", &module) != TCB_OK)
			return check_that(c, LAYER, "tdxModule", "quote.tdx.module", false, "a TDX module", "none");
	} else if (find_module(document, td->svn[1], &module) != TCB_OK ||
		   json_find(module, "tcbLevels", &levels) != TCB_OK ||
		   find_svn_level(levels, td->svn[0], ret_status) != TCB_OK) {
		return check_that(c, LAYER, "tdxModuleIdentities", "quote.tdx.module", false,
				  "an identity and a level of the quote's module", "none");
	}
	if (find_hex(module, "mrsigner", signer, sizeof signer) != TCB_OK ||
	    find_hex(module, "attributes", attributes, sizeof attributes) != TCB_OK)
		return check_that(c, LAYER, "tdxModule", "quote.tdx.module", false, "mrsigner and attributes", "none");
	return check_bytes(c, LAYER, "mrsignerseam", "quote.tdx.module", SPAN_OF(signer), SPAN_OF(td->mr_signer_seam)) &&
	       check_bytes(c, LAYER, "seamattributes", "quote.tdx.module", SPAN_OF(attributes), SPAN_OF(seam_attributes));
}

static bool relaunch_advised(struct span levels, const struct td_tcb *td, const struct level *level,
			     enum tcb_status module)
{
	struct level newest;
	struct span rest = levels, object;

	return td->has_svn2 && (level->status == TCB_OUT_OF_DATE || level->status == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED) &&
	       module == TCB_OUT_OF_DATE && json_next_element(&rest, &object) &&
	       decode_level(object, true, &newest) == TCB_OK &&
	       all_at_least(td->svn2, newest.tdx, td->svn2[1] > 0 ? 2 : 0);
}

bool tcb_info_appraise(struct span text, const struct pck_facts *pck, const struct td_tcb *td, uint64_t now_s,
		       struct checks *checks, struct quote_claims *claims, enum tcb_status *ret_module)
{
	uint8_t fmspc[6], pce_id[2];
	struct span document, levels;
	struct level level = {0};
	uint64_t number = 0;
	enum tcb_error error;

	*ret_module = TCB_UP_TO_DATE;
	if (!check_that(checks, LAYER, "tcbInfo", "quote.tcbinfo.malformed", json_check(text, NULL) == TCB_OK, "strict JSON",
			"something else"))
		return false;
	document = json_value(text);
	if (!check_document(checks, "quote.tcbinfo.version", document, td != NULL ? "TDX" : "SGX", 3, now_s))
		return false;
	if (find_hex(document, "fmspc", fmspc, sizeof fmspc) != TCB_OK ||
	    find_hex(document, "pceId", pce_id, sizeof pce_id) != TCB_OK ||
	    find_uint(document, "tcbEvaluationDataNumber", UINT32_MAX, &number) != TCB_OK ||
	    json_find(document, "tcbLevels", &levels) != TCB_OK)
		return check_that(checks, LAYER, "tcbInfo", "quote.tcbinfo.malformed", false, "all members of version 3",
				  "a member is missing");
	claims->tcb_evaluation_number = (uint32_t)number;
	if (!check_bytes(checks, LAYER, "fmspc", "quote.tcbinfo.fmspc", SPAN_OF(pck->fmspc), SPAN_OF(fmspc)) ||
	    !check_bytes(checks, LAYER, "pceid", "quote.tcbinfo.pceid", SPAN_OF(pck->pce_id), SPAN_OF(pce_id)))
		return false;
	error = find_level(levels, pck, td, &level);
	if (error == TCB_REFUSED) {
		claims->tcb_status = TCB_NOT_SUPPORTED;
		return check_that(checks, LAYER, "tcbLevels", "quote.tcb.unsupported", false, "a level that is reached", "none");
	}
	if (error != TCB_OK)
		return check_that(checks, LAYER, "tcbLevels", "quote.tcbinfo.malformed", false,
				  "levels of sixteen components, descending, with known statuses", "others");
	claims->tcb_status = level.status;
	take_advisories(level.text, claims);
	if (td != NULL) {
		if (!check_module(document, td, checks, ret_module))
			return false;
		if (relaunch_advised(levels, td, &level, *ret_module)) {
			claims->tcb_status = level.status == TCB_OUT_OF_DATE
						     ? TCB_TD_RELAUNCH_ADVISED
						     : TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED;
			*ret_module = TCB_UP_TO_DATE;
		}
	}
	return true;
}

/* ---- QE identity ---- */

struct masked {
	uint8_t wanted[16], mask[16];
};

static enum tcb_error find_masked(struct span document, const char *name, const char *mask_name, size_t size,
				  struct masked *ret_masked)
{
	TRY(find_hex(document, name, ret_masked->wanted, size));
	return find_hex(document, mask_name, ret_masked->mask, size);
}

static bool check_masked(struct checks *c, const char *field, const struct masked *m, const uint8_t *got, size_t size)
{
	uint8_t masked[16];

	for (size_t i = 0; i < size; i++)
		masked[i] = got[i] & m->mask[i];
	return check_bytes(c, LAYER, field, "quote.qe.identity", span_of(m->wanted, size), span_of(masked, size));
}

bool qe_identity_appraise(struct span text, struct span qe_report, bool tdx, uint64_t now_s, struct checks *checks,
			  enum tcb_status *ret_status)
{
	const uint8_t *body = qe_report.data;
	uint8_t misc_be[4], signer[32];
	struct masked misc, attributes;
	struct span document, levels;
	uint64_t product;
	enum tcb_error error;

	if (!check_that(checks, LAYER, "qeIdentity", "quote.qe.malformed", json_check(text, NULL) == TCB_OK, "strict JSON",
			"something else"))
		return false;
	document = json_value(text);
	if (!check_document(checks, "quote.qe.version", document, tdx ? "TD_QE" : "QE", 2, now_s))
		return false;
	if (find_masked(document, "miscselect", "miscselectMask", 4, &misc) != TCB_OK ||
	    find_masked(document, "attributes", "attributesMask", 16, &attributes) != TCB_OK ||
	    find_hex(document, "mrsigner", signer, sizeof signer) != TCB_OK ||
	    find_uint(document, "isvprodid", UINT16_MAX, &product) != TCB_OK ||
	    json_find(document, "tcbLevels", &levels) != TCB_OK)
		return check_that(checks, LAYER, "qeIdentity", "quote.qe.malformed", false, "all members of version 2",
				  "a member is missing");
	for (int i = 0; i < 4; i++) /* JSON has the number big-endian, the REPORT little-endian */
		misc_be[i] = body[16 + 3 - i];
	if (!check_masked(checks, "qe.miscselect", &misc, misc_be, 4) ||
	    !check_masked(checks, "qe.attributes", &attributes, body + 48, 16) ||
	    !check_bytes(checks, LAYER, "qe.mrsigner", "quote.qe.identity", SPAN_OF(signer), span_of(body + 128, 32)) ||
	    !check_that(checks, LAYER, "qe.isvprodid", "quote.qe.identity",
			product == (uint64_t)(body[256] | body[257] << 8), "the identity's", "another"))
		return false;
	error = find_svn_level(levels, (uint64_t)(body[258] | body[259] << 8), ret_status);
	if (error == TCB_REFUSED)
		*ret_status = TCB_NOT_SUPPORTED;
	return check_that(checks, LAYER, "qe.isvsvn", "quote.qe.level", error == TCB_OK, "a level that is reached",
			  error == TCB_REFUSED ? "none" : "a malformed level");
}
