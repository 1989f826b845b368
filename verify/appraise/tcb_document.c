// SPDX-License-Identifier: MIT
/* Shared by tcb.c and qe_identity.c. The documents are signed by TCB Signing, but decoded as if they were not. */
#include "verify/appraise/tcb_document.h"

#include <stdio.h>

#include "core/json.h"
#include "verify/appraise/tcb.h"

#define LAYER "quote"

enum tcb_error document_text(struct span object, const char *name, struct span *ret_text)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_text(value, ret_text);
}

enum tcb_error document_uint(struct span object, const char *name, uint64_t max, uint64_t *ret_number)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_uint(value, max, ret_number);
}

enum tcb_error document_hex(struct span object, const char *name, uint8_t *ret_bytes, size_t size)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_hex(value, ret_bytes, size);
}

enum tcb_error document_time(struct span object, const char *name, uint64_t *ret_seconds)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_time(value, ret_seconds);
}

void tcb_narrow(struct span text, uint64_t *from_s, uint64_t *until_s)
{
	struct span document = json_value(text);
	uint64_t issued, next;

	if (document_time(document, "issueDate", &issued) != TCB_OK || document_time(document, "nextUpdate", &next) != TCB_OK) {
		*from_s = UINT64_MAX;
		*until_s = 0;
		return;
	}
	*from_s = issued > *from_s ? issued : *from_s;
	*until_s = next < *until_s ? next : *until_s;
}

bool document_check(struct checks *c, const char *code, struct span document, const char *id, uint64_t version, uint64_t now_s)
{
	uint64_t issued, next, found_version;
	struct span found_id;
	char got[96];

	if (!check_that(c, LAYER, id, code,
			document_text(document, "id", &found_id) == TCB_OK && span_is_text(found_id, id) &&
				document_uint(document, "version", 9, &found_version) == TCB_OK && found_version == version,
			"a document of this id and version", "another, or none"))
		return false;
	if (document_time(document, "issueDate", &issued) != TCB_OK || document_time(document, "nextUpdate", &next) != TCB_OK)
		return check_that(c, LAYER, "issueDate", code, false, "issueDate and nextUpdate, dates of the calendar in UTC",
				  "none");
	if (issued <= now_s && now_s <= next) /* a pass says nothing of when: it may be recalled later (memo.h) */
		return check_that(c, LAYER, id, "quote.collateral.expired", true, "a time inside its window",
				  "a time inside its window");
	(void)snprintf(got, sizeof got, "valid %llu to %llu, checked at %llu", (unsigned long long)issued,
		       (unsigned long long)next, (unsigned long long)now_s);
	return check_that(c, LAYER, id, "quote.collateral.expired", false, "a time inside its window", got);
}

static enum tcb_error decode_svn_level(struct span object, uint64_t *ret_svn, struct svn_level *ret_level)
{
	struct svn_level level = { .text = object };
	struct span tcb, status;

	TRY(json_find(object, "tcb", &tcb));
	TRY(document_uint(tcb, "isvsvn", UINT16_MAX, ret_svn));
	TRY(document_time(object, "tcbDate", &level.date_s));
	TRY(document_text(object, "tcbStatus", &status));
	if (!tcb_status_parse(status, &level.status) ||
	    (level.status != TCB_UP_TO_DATE && level.status != TCB_OUT_OF_DATE && level.status != TCB_REVOKED))
		return TCB_MALFORMED;
	*ret_level = level;
	return TCB_OK;
}

enum tcb_error svn_level_find(struct span levels, uint64_t svn, struct svn_level *ret_level, uint64_t *ret_newest_svn)
{
	struct span rest = levels, object;
	struct svn_level found = {0}, level;
	uint64_t level_svn = 0, before = UINT64_MAX, newest = 0;

	if (!json_opens_array(levels))
		return TCB_MALFORMED;
	while (json_next_element(&rest, &object)) {
		TRY(decode_svn_level(object, &level_svn, &level));
		if (level_svn >= before)
			return TCB_MALFORMED;
		newest = before == UINT64_MAX ? level_svn : newest;
		before = level_svn;
		if (found.text.data == NULL && svn >= level_svn)
			found = level;
	}
	if (found.text.data == NULL)
		return TCB_REFUSED;
	*ret_level = found;
	if (ret_newest_svn != NULL)
		*ret_newest_svn = newest;
	return TCB_OK;
}

static bool is_advisory(struct span text)
{
	if (text.size == 0 || text.size >= QUOTE_ADVISORY_SIZE)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	return true;
}

static enum tcb_error take_advisory(struct span text, struct quote_claims *claims)
{
	for (size_t i = 0; i < claims->advisory_count; i++)
		if (span_is_text(text, claims->advisories[i]))
			return TCB_OK;
	if (claims->advisory_count == QUOTE_ADVISORIES_MAX)
		return TCB_LIMIT;
	memcpy(claims->advisories[claims->advisory_count], text.data, text.size);
	claims->advisories[claims->advisory_count++][text.size] = '\0';
	return TCB_OK;
}

enum tcb_error advisories_take(struct span level, struct quote_claims *claims)
{
	struct span rest, element, text;

	if (json_find(level, "advisoryIDs", &rest) != TCB_OK)
		return TCB_OK; /* a level without */
	if (!json_opens_array(rest))
		return TCB_MALFORMED;
	while (json_next_element(&rest, &element)) {
		TRY(json_text(element, &text));
		if (!is_advisory(text))
			return TCB_MALFORMED;
		TRY(take_advisory(text, claims));
	}
	return TCB_OK;
}
