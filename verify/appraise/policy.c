// SPDX-License-Identifier: MIT
/* Policies: the whole of JSON's form, and the judging of enclaves. Measured as part of the MigE: no files, no allocation. */
#include "verify/appraise/policy.h"

#include <openssl/x509.h>
#include <stdio.h>

#include "verify/appraise/checks.h"
#include "verify/appraise/intel_root.h"
#include "verify/appraise/pck.h"
#include "verify/appraise/policy_decode.h"
#include "verify/appraise/tcb.h"

enum tcb_error policy_refuse(struct decoding *x, struct span at, const char *wanted)
{
	unsigned line, column;

	json_locate(x->text, at.data, &line, &column);
	return diagnose_found(x->d, TCB_MALFORMED, "policy.malformed", wanted, "see docs/policy.md",
			      "line %u, column %u: '%.*s'", line, column, at.size < 40 ? (int)at.size : 40,
			      (const char *)at.data);
}

/* ---- objects by tables ---- */

static enum tcb_error decode_hex(struct decoding *x, const struct member *m, struct span value, uint8_t *ret_bytes)
{
	char wanted[64];

	if (json_hex(value, ret_bytes, m->size) == TCB_OK)
		return TCB_OK;
	(void)snprintf(wanted, sizeof wanted, "%s: %zu hexadecimal digits", m->name, 2 * m->size);
	return policy_refuse(x, value, wanted);
}

static enum tcb_error decode_uint(struct decoding *x, const struct member *m, struct span value, uint8_t *ret_number)
{
	uint64_t max = m->kind == MEMBER_UINT16 ? UINT16_MAX : m->kind == MEMBER_UINT32 ? UINT32_MAX : INT64_MAX, number;
	char wanted[64];

	if (json_uint(value, max, &number) != TCB_OK) {
		(void)snprintf(wanted, sizeof wanted, "%s: a number from 0 to %llu", m->name, (unsigned long long)max);
		return policy_refuse(x, value, wanted);
	}
	if (m->kind == MEMBER_UINT16)
		memcpy(ret_number, &(uint16_t){(uint16_t)number}, sizeof(uint16_t));
	else if (m->kind == MEMBER_UINT32)
		memcpy(ret_number, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
	else
		memcpy(ret_number, &number, sizeof number);
	return TCB_OK;
}

static enum tcb_error decode_member(struct decoding *x, const struct member *m, struct span value)
{
	uint8_t *place;

	if (m->decode != NULL) /* at the top there is no entry */
		return m->decode(x, value);
	place = (uint8_t *)x->entry + m->offset;
	if (m->has != 0)
		*((bool *)x->entry + m->has) = true;
	switch (m->kind) {
	case MEMBER_HEX: return decode_hex(x, m, value, place);
	case MEMBER_BOOL:
		return json_bool(value, (bool *)place) == TCB_OK ? TCB_OK : policy_refuse(x, value, "true or false");
	default: return decode_uint(x, m, value, place);
	}
}

static enum tcb_error check_required(struct decoding *x, struct span object, const struct member *members, size_t count)
{
	struct span value;
	char wanted[64];

	for (size_t i = 0; i < count; i++) {
		if (members[i].required && json_find(object, members[i].name, &value) != TCB_OK) {
			(void)snprintf(wanted, sizeof wanted, "an object with a member %s", members[i].name);
			return policy_refuse(x, object, wanted);
		}
	}
	return TCB_OK;
}

enum tcb_error policy_members(struct decoding *x, struct span object, const struct member *members, size_t count)
{
	struct span rest = object, name, value;

	if (!json_opens_object(object))
		return policy_refuse(x, object, "an object");
	while (json_next_member(&rest, &name, &value)) {
		size_t i = 0;

		while (i < count && !span_is_text(name, members[i].name))
			i++;
		if (i == count)
			return policy_refuse(x, name, "a member that policies have here");
		TRY(decode_member(x, &members[i], value));
	}
	return check_required(x, object, members, count);
}

enum tcb_error policy_entry(struct decoding *x, struct span object, const struct member *members, size_t count, void *ret_entry)
{
	struct decoding inner = { .text = x->text, .policy = x->policy, .entry = ret_entry, .d = x->d };

	return policy_members(&inner, object, members, count);
}

enum tcb_error policy_list(struct decoding *x, struct span array, member_decoder *decode)
{
	struct span rest = array, value;

	if (!json_opens_array(array))
		return policy_refuse(x, array, "an array");
	while (json_next_element(&rest, &value))
		TRY(decode(x, value));
	return TCB_OK;
}

/* ---- members; each gets its value ---- */

static enum tcb_error decode_version(struct decoding *x, struct span value)
{
	uint64_t version;

	return json_uint(value, 1, &version) == TCB_OK && version == 1 ? TCB_OK : policy_refuse(x, value, "version 1");
}

/* Kept for people: a root is known by its key. */
static enum tcb_error decode_file(struct decoding *x, struct span value)
{
	struct span text;

	return json_text(value, &text) == TCB_OK && text.size > 0 && text.size <= POLICY_FILE_NAME_MAX
		       ? TCB_OK
		       : policy_refuse(x, value, "a file's name of at most 255 bytes, without escapes");
}

static enum tcb_error decode_root(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"file", decode_file},
		{"spki_sha256", NULL, MEMBER_HEX, 0, SHA256_SIZE, 0, true},
	};

	if (x->policy->root_count == POLICY_ROOTS_MAX)
		return policy_refuse(x, value, "at most 8 roots");
	TRY(policy_entry(x, value, MEMBERS(members), &x->policy->roots[x->policy->root_count]));
	x->policy->root_count++;
	return TCB_OK;
}

static enum tcb_error decode_roots(struct decoding *x, struct span value) { return policy_list(x, value, decode_root); }

static enum tcb_error decode_status(struct decoding *x, struct span value)
{
	enum tcb_status status;
	struct span name;

	if (json_text(value, &name) != TCB_OK || !tcb_status_parse(name, &status) || status >= TCB_REVOKED)
		return policy_refuse(x, value, "a TCB status that can be accepted");
	x->policy->accepted_statuses |= 1u << status;
	return TCB_OK;
}

static enum tcb_error decode_accept(struct decoding *x, struct span value)
{
	x->policy->accepted_statuses = 0;
	return policy_list(x, value, decode_status);
}

static enum tcb_error decode_tcb(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"accept", decode_accept},
		{"min_evaluation_number", NULL, MEMBER_UINT32, offsetof(struct policy, min_tcb_evaluation_number)},
		{"min_root_crl_number", NULL, MEMBER_UINT64, offsetof(struct policy, min_root_crl_number)},
		{"min_pck_crl_number", NULL, MEMBER_UINT64, offsetof(struct policy, min_pck_crl_number)},
	};

	return policy_entry(x, value, MEMBERS(members), x->policy);
}

static enum tcb_error decode_source(struct decoding *x, struct span value)
{
	x->policy->accept_enrolled |= span_is_text(value, "\"enrolled\"");
	return span_is_text(value, "\"enrolled\"") || span_is_text(value, "\"msr\"")
		       ? TCB_OK
		       : policy_refuse(x, value, "msr or enrolled");
}

static enum tcb_error decode_sources(struct decoding *x, struct span value) { return policy_list(x, value, decode_source); }

static enum tcb_error decode_origin(struct decoding *x, struct span value)
{
	x->policy->accept_imported |= span_is_text(value, "\"imported\"");
	return span_is_text(value, "\"imported\"") || span_is_text(value, "\"manufactured\"")
		       ? TCB_OK
		       : policy_refuse(x, value, "manufactured or imported");
}

static enum tcb_error decode_origins(struct decoding *x, struct span value) { return policy_list(x, value, decode_origin); }

static enum tcb_error decode_enclave(struct decoding *x, struct span value, enum enclave_role role)
{
	static const struct member members[] = {
		{"mrenclave", NULL, MEMBER_HEX, offsetof(struct policy_enclave, mrenclave), 32,
		 offsetof(struct policy_enclave, has_mrenclave)},
		{"mrsigner", NULL, MEMBER_HEX, offsetof(struct policy_enclave, mrsigner), 32,
		 offsetof(struct policy_enclave, has_mrsigner)},
		{"min_isv_svn", NULL, MEMBER_UINT16, offsetof(struct policy_enclave, min_isv_svn)},
	};
	struct policy_enclave e = { .role = role };

	if (x->policy->enclave_count == POLICY_ENCLAVES_MAX)
		return policy_refuse(x, value, "at most 16 enclaves");
	TRY(policy_entry(x, value, MEMBERS(members), &e));
	if (!e.has_mrenclave && !e.has_mrsigner)
		return policy_refuse(x, value, "an mrenclave or an mrsigner");
	x->policy->enclaves[x->policy->enclave_count++] = e;
	return TCB_OK;
}

static enum tcb_error decode_pse(struct decoding *x, struct span value) { return decode_enclave(x, value, ROLE_PSE); }
static enum tcb_error decode_mige(struct decoding *x, struct span value) { return decode_enclave(x, value, ROLE_MIGE); }
static enum tcb_error decode_vtpm(struct decoding *x, struct span value) { return decode_enclave(x, value, ROLE_VTPM); }
static enum tcb_error decode_pses(struct decoding *x, struct span value) { return policy_list(x, value, decode_pse); }
static enum tcb_error decode_miges(struct decoding *x, struct span value) { return policy_list(x, value, decode_mige); }
static enum tcb_error decode_vtpm_enclaves(struct decoding *x, struct span value) { return policy_list(x, value, decode_vtpm); }

static enum tcb_error decode_enclaves(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"pse", decode_pses}, {"mige", decode_miges}, {"vtpm", decode_vtpm_enclaves},
	};

	return policy_members(x, value, MEMBERS(members));
}

static enum tcb_error decode_unlisted(struct decoding *x, struct span value)
{
	if (span_is_text(value, "\"refuse\""))
		x->policy->unlisted_platforms = UNLISTED_REFUSE;
	else if (span_is_text(value, "\"custody\""))
		x->policy->unlisted_platforms = UNLISTED_BY_CUSTODY;
	else if (span_is_text(value, "\"accept\""))
		x->policy->unlisted_platforms = UNLISTED_ACCEPT;
	else
		return policy_refuse(x, value, "refuse, custody or accept");
	return TCB_OK;
}

static enum tcb_error decode_name(struct decoding *x, struct span value)
{
	struct policy_platform *p = x->entry;
	struct span text;

	if (json_text(value, &text) != TCB_OK || text.size == 0 || text.size > LIMIT_NAME)
		return policy_refuse(x, value, "a name of 1 to 64 bytes, without escapes");
	memcpy(p->name, text.data, text.size);
	return TCB_OK;
}

static enum tcb_error decode_platform_clock(struct decoding *x, struct span value)
{
	return policy_clock_decode(x, value, &((struct policy_platform *)x->entry)->clock);
}

static enum tcb_error decode_vtpm_clock(struct decoding *x, struct span value)
{
	return policy_clock_decode(x, value, &((struct policy_vtpm *)x->entry)->clock);
}

static enum tcb_error decode_platform(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"name", decode_name, .required = true},
		{"ak_name", NULL, MEMBER_HEX, offsetof(struct policy_platform, ak_name), TPM_NAME_SIZE, 0, true},
		{"ppid", NULL, MEMBER_HEX, offsetof(struct policy_platform, ppid), 16, offsetof(struct policy_platform, has_ppid)},
		{"clock", decode_platform_clock},
	};

	if (x->policy->platform_count == POLICY_PLATFORMS_MAX)
		return policy_refuse(x, value, "at most 256 platforms");
	TRY(policy_entry(x, value, MEMBERS(members), &x->policy->platforms[x->policy->platform_count]));
	x->policy->platform_count++;
	return TCB_OK;
}

static enum tcb_error decode_listed(struct decoding *x, struct span value) { return policy_list(x, value, decode_platform); }

static enum tcb_error decode_platforms(struct decoding *x, struct span value)
{
	static const struct member members[] = { {"unlisted", decode_unlisted}, {"listed", decode_listed} };

	return policy_members(x, value, MEMBERS(members));
}

static enum tcb_error decode_owner_policy(struct decoding *x, struct span value)
{
	struct policy_vtpm *v = x->entry;

	v->has_owner_policy = true;
	if (span_is_text(value, "\"none\"") || json_hex(value, v->owner_policy.bytes, SHA256_SIZE) == TCB_OK)
		return TCB_OK;
	return policy_refuse(x, value, "owner_policy: 64 hexadecimal digits, or none");
}

static enum tcb_error decode_one_vtpm(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"id", NULL, MEMBER_HEX, offsetof(struct policy_vtpm, id), UUID_SIZE, 0, true},
		{"ek_name", NULL, MEMBER_HEX, offsetof(struct policy_vtpm, ek_name), TPM_NAME_SIZE,
		 offsetof(struct policy_vtpm, has_ek_name)},
		{"owner_policy", decode_owner_policy},
		{"min_generation", NULL, MEMBER_UINT64, offsetof(struct policy_vtpm, min_generation)},
		{"clock", decode_vtpm_clock},
	};

	if (x->policy->vtpm_count == POLICY_VTPMS_MAX)
		return policy_refuse(x, value, "at most 256 vTPMs");
	TRY(policy_entry(x, value, MEMBERS(members), &x->policy->vtpms[x->policy->vtpm_count]));
	x->policy->vtpm_count++;
	return TCB_OK;
}

static enum tcb_error decode_vtpms(struct decoding *x, struct span value) { return policy_list(x, value, decode_one_vtpm); }

static enum tcb_error decode_migration(struct decoding *x, struct span value)
{
	static const struct member members[] = { {"allow", NULL, MEMBER_BOOL, offsetof(struct policy, allow_migration)} };

	return policy_entry(x, value, MEMBERS(members), x->policy);
}

void policy_default(struct policy *ret_policy)
{
	*ret_policy = (struct policy){
		.accepted_statuses = 1u << TCB_UP_TO_DATE,
		.unlisted_platforms = UNLISTED_ACCEPT,
		.require_nonce = true,
		.allow_migration = true,
	};
}

enum tcb_error policy_decode(struct span json, struct policy *ret_policy, struct diagnosis *d)
{
	static const struct member members[] = {
		{"version", decode_version},
		{"roots", decode_roots},
		{"tcb", decode_tcb},
		{"ak_source", decode_sources},
		{"vtpm_origin", decode_origins},
		{"enclaves", decode_enclaves},
		{"platforms", decode_platforms},
		{"vtpms", decode_vtpms},
		{"platform_pcrs", policy_decode_platform_pcrs},
		{"guest_pcrs", policy_decode_guest_pcrs},
		{"logs", policy_decode_logs},
		{"clocks", policy_decode_clocks},
		{"reference_values", policy_decode_references},
		{"custody", policy_decode_custody},
		{"freshness", policy_decode_freshness},
		{"migration", decode_migration},
	};
	struct decoding x = { .text = json, .policy = ret_policy, .d = d };

	if (json.size > LIMIT_POLICY)
		return diagnose(d, TCB_LIMIT, "policy.large", "more than 64 KiB", "a policy of at most 64 KiB", "split it");
	TRY(json_check(json, d));
	policy_default(ret_policy);
	ret_policy->unlisted_platforms = UNLISTED_REFUSE;
	TRY(policy_members(&x, json_value(json), MEMBERS(members)));
	if (ret_policy->root_count == 0) /* production: Intel's root and no other */
		ret_policy->roots[ret_policy->root_count++] = intel_root_spki;
	return TCB_OK;
}

enum tcb_error policy_add_root(struct policy *policy, struct span root_certificate_der)
{
	X509 *root;
	enum tcb_error error;

	if (policy->root_count == POLICY_ROOTS_MAX)
		return TCB_LIMIT;
	TRY(x509_decode(root_certificate_der, &root));
	error = x509_spki_digest(root, &policy->roots[policy->root_count]);
	X509_free(root);
	TRY(error);
	policy->root_count++;
	return TCB_OK;
}

static bool entry_accepts(const struct policy_enclave *entry, const struct enclave_identity *enclave)
{
	return (!entry->has_mrenclave || memcmp(entry->mrenclave, enclave->mrenclave, sizeof entry->mrenclave) == 0) &&
	       (!entry->has_mrsigner || memcmp(entry->mrsigner, enclave->mrsigner, sizeof entry->mrsigner) == 0) &&
	       enclave->isv_svn >= entry->min_isv_svn;
}

bool policy_check_enclave(const struct policy *policy, enum enclave_role role, const struct enclave_identity *enclave,
			  const char *layer, const char *code, struct checks *checks)
{
	char got[CHECK_TEXT_MAX] = "";
	bool accepted = false;

	for (size_t i = 0; i < policy->enclave_count; i++)
		accepted |= policy->enclaves[i].role == role && entry_accepts(&policy->enclaves[i], enclave);
	accepted &= enclave->isv_prod_id == role && (enclave->attributes & SGX_FLAG_DEBUG) == 0;
	checks_hex(SPAN_OF(enclave->mrenclave), got);
	(void)snprintf(got + 64, sizeof got - 64, " role %u, SVN %u%s", enclave->isv_prod_id, enclave->isv_svn,
		       (enclave->attributes & SGX_FLAG_DEBUG) != 0 ? ", DEBUG" : "");
	return check_value(checks, layer, "enclave", code, accepted, "an enclave that the policy lists, not DEBUG", got);
}

const struct policy_platform *policy_find_platform(const struct policy *policy, const struct tpm_name *ak_name)
{
	for (size_t i = 0; i < policy->platform_count; i++)
		if (memcmp(&policy->platforms[i].ak_name, ak_name, sizeof *ak_name) == 0)
			return &policy->platforms[i];
	return NULL;
}
