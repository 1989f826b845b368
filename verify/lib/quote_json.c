// SPDX-License-Identifier: MIT
#include "verify/lib/quote_json.h"

#include <stdio.h>
#include <time.h>

#include "verify/appraise/tcb.h"

static void set_hex(json_t *object, const char *name, const uint8_t *bytes, size_t size)
{
	char text[2 * 64 + 1] = "";

	for (size_t i = 0; i < size && i < 64; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	(void)json_object_set_new(object, name, json_string(text));
}
#define SET_HEX(object, name, array) set_hex(object, name, array, sizeof(array))

/* A 64-bit mask as a number in hexadecimal: JSON's own numbers are exact up to 53 bits only. */
static void set_mask(json_t *object, const char *name, uint64_t mask)
{
	char text[2 + 16 + 1];

	(void)snprintf(text, sizeof text, "0x%016llx", (unsigned long long)mask);
	(void)json_object_set_new(object, name, json_string(text));
}

static json_t *sgx_json(const struct quote_claims *c)
{
	json_t *object = json_pack("{s:I, s:I, s:I}", "isvprodid", (json_int_t)c->enclave.isv_prod_id, "isvsvn",
				   (json_int_t)c->enclave.isv_svn, "configsvn", (json_int_t)c->sgx.config_svn);

	set_mask(object, "attributes", c->enclave.attributes);
	SET_HEX(object, "mrenclave", c->enclave.mrenclave);
	SET_HEX(object, "mrsigner", c->enclave.mrsigner);
	SET_HEX(object, "configid", c->sgx.config_id);
	SET_HEX(object, "isvextprodid", c->sgx.isv_ext_prod_id);
	SET_HEX(object, "isvfamilyid", c->sgx.isv_family_id);
	return object;
}

static json_t *td_json(const struct quote_claims *c)
{
	json_t *object = json_pack("{s:b, s:b}", "sept_ve_disable", (c->td.td_attributes >> 28 & 1) != 0, "migratable",
				   (c->td.td_attributes >> 29 & 1) != 0);

	set_mask(object, "tdattributes", c->td.td_attributes);
	SET_HEX(object, "teetcbsvn", c->td.tee_tcb_svn);
	SET_HEX(object, "mrseam", c->td.mr_seam);
	SET_HEX(object, "mrtd", c->td.mr_td);
	SET_HEX(object, "mrconfigid", c->td.mr_config_id);
	SET_HEX(object, "mrowner", c->td.mr_owner);
	SET_HEX(object, "mrownerconfig", c->td.mr_owner_config);
	SET_HEX(object, "rtmr0", c->td.rtmr[0]);
	SET_HEX(object, "rtmr1", c->td.rtmr[1]);
	SET_HEX(object, "rtmr2", c->td.rtmr[2]);
	SET_HEX(object, "rtmr3", c->td.rtmr[3]);
	if (c->td.has_td15) {
		SET_HEX(object, "teetcbsvn2", c->td.tee_tcb_svn2);
		SET_HEX(object, "mrservicetd", c->td.mr_service_td);
	}
	return object;
}

static json_t *date_json(uint64_t at_s)
{
	time_t at = (time_t)at_s;
	char text[32] = "";
	struct tm tm;

	if (at_s == 0 || gmtime_r(&at, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_null();
	return json_string(text);
}

void quote_json_add(json_t *object, const struct quote_claims *c)
{
	bool tdx = c->tee == QUOTE_TEE_TDX;

	(void)json_object_set_new(object, "platform_tcb_status", json_string(tcb_status_name(c->platform_status)));
	(void)json_object_set_new(object, "tdx_module_tcb_status", json_string(tcb_status_name(c->module_status)));
	(void)json_object_set_new(object, "qe_tcb_status", json_string(tcb_status_name(c->qe_status)));
	(void)json_object_set_new(object, "tcb_date", date_json(c->tcb_date_s));
	(void)json_object_set_new(object, "tcb_evaluation_number", json_integer((json_int_t)c->tcb_evaluation_number));
	SET_HEX(object, "fmspc", c->fmspc);
	SET_HEX(object, "ppid", c->ppid);
	SET_HEX(object, "qe_id", c->qe_id);
	if (c->has_platform_instance_id)
		SET_HEX(object, "platform_instance_id", c->platform_instance_id);
	SET_HEX(object, "report_data", c->report_data);
	(void)json_object_set_new(object, tdx ? "td" : "enclave", tdx ? td_json(c) : sgx_json(c));
}
