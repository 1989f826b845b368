// SPDX-License-Identifier: MIT
/* Expectations of a judged quote, by a table of its fields. */
#include "verify/appraise/quote_expect.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/hex.h"

#define LAYER "quote"

enum of_tee { OF_BOTH, OF_SGX, OF_TDX, OF_TD15, OF_INSTANCE };

struct bytes_field {
	const char *name;
	enum of_tee of;
	size_t offset, size; /* in struct quote_claims */
};

#define FIELD(name, of, member) { name, of, offsetof(struct quote_claims, member), sizeof(((struct quote_claims *)NULL)->member) }

static const struct bytes_field bytes_fields[] = {
	FIELD("reportdata", OF_BOTH, report_data),
	FIELD("fmspc", OF_BOTH, fmspc),
	FIELD("ppid", OF_BOTH, ppid),
	FIELD("qeid", OF_BOTH, qe_id),
	FIELD("platforminstanceid", OF_INSTANCE, platform_instance_id),
	FIELD("mrenclave", OF_SGX, enclave.mrenclave),
	FIELD("mrsigner", OF_SGX, enclave.mrsigner),
	FIELD("isvextprodid", OF_SGX, sgx.isv_ext_prod_id),
	FIELD("isvfamilyid", OF_SGX, sgx.isv_family_id),
	FIELD("configid", OF_SGX, sgx.config_id),
	FIELD("mrseam", OF_TDX, td.mr_seam),
	FIELD("mrsignerseam", OF_TDX, td.mr_signer_seam),
	FIELD("mrtd", OF_TDX, td.mr_td),
	FIELD("mrconfigid", OF_TDX, td.mr_config_id),
	FIELD("mrowner", OF_TDX, td.mr_owner),
	FIELD("mrownerconfig", OF_TDX, td.mr_owner_config),
	FIELD("rtmr0", OF_TDX, td.rtmr[0]),
	FIELD("rtmr1", OF_TDX, td.rtmr[1]),
	FIELD("rtmr2", OF_TDX, td.rtmr[2]),
	FIELD("rtmr3", OF_TDX, td.rtmr[3]),
	FIELD("mrservicetd", OF_TD15, td.mr_service_td),
};

struct number_field {
	const char *name;
	enum of_tee of;
	bool minimum;
	uint64_t (*of_claims)(const struct quote_claims *claims);
};

static uint64_t prod_id(const struct quote_claims *c) { return c->enclave.isv_prod_id; }
static uint64_t isv_svn(const struct quote_claims *c) { return c->enclave.isv_svn; }
static uint64_t config_svn(const struct quote_claims *c) { return c->sgx.config_svn; }
static uint64_t misc_select(const struct quote_claims *c) { return c->sgx.misc_select; }
static uint64_t attributes(const struct quote_claims *c) { return c->enclave.attributes; }
static uint64_t td_attributes(const struct quote_claims *c) { return c->td.td_attributes; }

static const struct number_field number_fields[] = {
	{"isvprodid", OF_SGX, false, prod_id},	     {"isvsvn", OF_SGX, false, isv_svn},	 {"min-isvsvn", OF_SGX, true, isv_svn},
	{"configsvn", OF_SGX, false, config_svn},    {"min-configsvn", OF_SGX, true, config_svn}, {"miscselect", OF_SGX, false, misc_select},
	{"attributes", OF_SGX, false, attributes}, {"tdattributes", OF_TDX, false, td_attributes},
};

static bool has_field(const struct quote_claims *claims, enum of_tee of)
{
	switch (of) {
	case OF_BOTH: return true;
	case OF_INSTANCE: return claims->has_platform_instance_id;
	case OF_SGX: return claims->tee == QUOTE_TEE_SGX;
	case OF_TDX: return claims->tee == QUOTE_TEE_TDX;
	default: return claims->tee == QUOTE_TEE_TDX && claims->td.has_td15;
	}
}

static enum tcb_error parse_hex(struct span text, uint8_t *ret_bytes, size_t size)
{
	if (text.size != 2 * size)
		return TCB_MALFORMED;
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return TCB_MALFORMED;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}
	return TCB_OK;
}

static enum tcb_error expect_bytes(const struct quote_claims *claims, const struct bytes_field *f, struct span text,
				   struct checks *checks, bool *ret_passed)
{
	uint8_t wanted[64];

	TRY(parse_hex(text, wanted, f->size));
	*ret_passed = has_field(claims, f->of)
			      ? check_bytes(checks, LAYER, f->name, "quote.expected", span_of(wanted, f->size),
					    span_of((const uint8_t *)claims + f->offset, f->size))
			      : check_that(checks, LAYER, f->name, "quote.expected", false, "a quote that has this field", "one without");
	return TCB_OK;
}

/* Decimal digits, or "0x" and hexadecimal ones. */
static enum tcb_error parse_number(struct span text, uint64_t *ret_number)
{
	bool is_hex = text.size > 2 && text.data[0] == '0' && text.data[1] == 'x';
	uint64_t base = is_hex ? 16 : 10, number = 0;

	if (text.size == 0)
		return TCB_MALFORMED;
	for (size_t i = is_hex ? 2 : 0; i < text.size; i++) {
		int digit = hex_digit(text.data[i]);

		if (digit < 0 || (uint64_t)digit >= base || number > (UINT64_MAX - (uint64_t)digit) / base)
			return TCB_MALFORMED;
		number = number * base + (uint64_t)digit;
	}
	*ret_number = number;
	return TCB_OK;
}

static enum tcb_error expect_number(const struct quote_claims *claims, const struct number_field *f, struct span text,
				    struct checks *checks, bool *ret_passed)
{
	uint64_t wanted, got = f->of_claims(claims);
	char expected[32], found[32];

	TRY(parse_number(text, &wanted));
	(void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)wanted);
	(void)snprintf(found, sizeof found, "%llu", (unsigned long long)got);
	if (!has_field(claims, f->of))
		*ret_passed = check_that(checks, LAYER, f->name, "quote.expected", false, "a quote that has this field", "one without");
	else if (f->minimum)
		*ret_passed = check_at_least(checks, LAYER, f->name, "quote.expected", wanted, got);
	else
		*ret_passed = check_value(checks, LAYER, f->name, "quote.expected", wanted == got, expected, found);
	return TCB_OK;
}

enum tcb_error quote_expect(const struct quote_claims *claims, const char *name, struct span text, struct checks *checks,
			    bool *ret_passed)
{
	for (size_t i = 0; i < sizeof bytes_fields / sizeof bytes_fields[0]; i++)
		if (strcmp(bytes_fields[i].name, name) == 0)
			return expect_bytes(claims, &bytes_fields[i], text, checks, ret_passed);
	for (size_t i = 0; i < sizeof number_fields / sizeof number_fields[0]; i++)
		if (strcmp(number_fields[i].name, name) == 0)
			return expect_number(claims, &number_fields[i], text, checks, ret_passed);
	return TCB_MALFORMED;
}

bool quote_expect_no_advisory(const struct quote_claims *claims, const char *advisory, struct checks *checks)
{
	bool applies = false;

	for (size_t i = 0; i < claims->advisory_count; i++)
		applies |= strcmp(claims->advisories[i], advisory) == 0;
	return check_that(checks, LAYER, "advisory_ids", "quote.advisory", !applies, "an advisory that does not apply", advisory);
}

bool quote_expect_plain(const struct quote_claims *claims, const char *layer, const char *code, struct checks *checks)
{
	static const struct sgx_settings none;
	const struct sgx_settings *s = &claims->sgx;

	return check_that(checks, layer, "settings", code,
			  claims->tee == QUOTE_TEE_SGX && s->config_svn == 0 &&
				  memcmp(s->config_id, none.config_id, sizeof none.config_id) == 0 &&
				  memcmp(s->isv_ext_prod_id, none.isv_ext_prod_id, sizeof none.isv_ext_prod_id) == 0 &&
				  memcmp(s->isv_family_id, none.isv_family_id, sizeof none.isv_family_id) == 0,
			  "an SGX enclave with no CONFIGID, CONFIGSVN, ISVEXTPRODID or ISVFAMILYID", "one with others, or none");
}
