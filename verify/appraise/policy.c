#include "verify/appraise/policy.h"

#include <openssl/x509.h>
#include <stdio.h>

#include "core/json.h"
#include "verify/appraise/checks.h"
#include "verify/appraise/intel_root.h"
#include "verify/appraise/pck.h"
#include "verify/appraise/tcb.h"

/* One decode: the policy in the making, and where the first error stands. */
struct decoding {
	struct span text;
	struct policy *policy;
	struct diagnosis *d;
};

static enum tcb_error refuse(struct decoding *x, struct span at, const char *wanted)
{
	unsigned line, column;

	json_locate(x->text, at.data, &line, &column);
	return diagnose_found(x->d, TCB_MALFORMED, "policy.malformed", wanted, "see docs/policy.md",
			      "line %u, column %u: '%.*s'", line, column, at.size < 40 ? (int)at.size : 40,
			      (const char *)at.data);
}

/* ---- members; each gets its value ---- */

typedef enum tcb_error member_decoder(struct decoding *x, struct span value);

struct member {
	const char *name;
	member_decoder *decode;
};

/* Every member by its decoder; one that is not in the table is refused. */
static enum tcb_error decode_members(struct decoding *x, struct span object, const struct member *members, size_t count)
{
	struct span rest = object, name, value;

	if (!json_opens_object(object))
		return refuse(x, object, "an object");
	while (json_next_member(&rest, &name, &value)) {
		size_t i = 0;

		while (i < count && !span_is_text(name, members[i].name))
			i++;
		if (i == count)
			return refuse(x, name, "a member that policies have");
		TRY(members[i].decode(x, value));
	}
	return TCB_OK;
}

static enum tcb_error decode_list(struct decoding *x, struct span array, member_decoder *decode)
{
	struct span rest = array, value;

	if (!json_opens_array(array))
		return refuse(x, array, "an array");
	while (json_next_element(&rest, &value))
		TRY(decode(x, value));
	return TCB_OK;
}

static enum tcb_error optional_hex(struct decoding *x, struct span object, const char *name, uint8_t *ret_bytes,
				   size_t size, bool *ret_has)
{
	struct span value;

	*ret_has = json_find(object, name, &value) == TCB_OK;
	if (*ret_has && json_hex(value, ret_bytes, size) != TCB_OK)
		return refuse(x, value, "hexadecimal digits of the right number");
	return TCB_OK;
}

static enum tcb_error optional_uint(struct decoding *x, struct span object, const char *name, uint64_t max,
				    uint64_t *ret_number)
{
	struct span value;

	if (json_find(object, name, &value) == TCB_OK && json_uint(value, max, ret_number) != TCB_OK)
		return refuse(x, value, "a number in range");
	return TCB_OK;
}

static enum tcb_error decode_version(struct decoding *x, struct span value)
{
	uint64_t version;

	return json_uint(value, 1, &version) == TCB_OK && version == 1 ? TCB_OK : refuse(x, value, "version 1");
}

static enum tcb_error decode_root(struct decoding *x, struct span value)
{
	bool has;

	if (x->policy->root_count == POLICY_ROOTS_MAX)
		return refuse(x, value, "fewer roots");
	TRY(optional_hex(x, value, "spki_sha256", x->policy->roots[x->policy->root_count].bytes, SHA256_SIZE, &has));
	if (!has)
		return refuse(x, value, "a root with spki_sha256");
	x->policy->root_count++;
	return TCB_OK;
}

static enum tcb_error decode_roots(struct decoding *x, struct span value) { return decode_list(x, value, decode_root); }

static enum tcb_error decode_status(struct decoding *x, struct span value)
{
	enum tcb_status status;
	struct span name;

	if (json_text(value, &name) != TCB_OK || !tcb_status_parse(name, &status) || status >= TCB_REVOKED)
		return refuse(x, value, "a TCB status that can be accepted");
	x->policy->accepted_statuses |= 1u << status;
	return TCB_OK;
}

static enum tcb_error decode_accept(struct decoding *x, struct span value)
{
	x->policy->accepted_statuses = 0;
	return decode_list(x, value, decode_status);
}

static enum tcb_error decode_evaluation(struct decoding *x, struct span value)
{
	uint64_t number;

	if (json_uint(value, UINT32_MAX, &number) != TCB_OK)
		return refuse(x, value, "a number");
	x->policy->min_tcb_evaluation_number = (uint32_t)number;
	return TCB_OK;
}

static enum tcb_error decode_root_crl(struct decoding *x, struct span value)
{
	return json_uint(value, INT64_MAX, &x->policy->min_root_crl_number) == TCB_OK ? TCB_OK : refuse(x, value, "a number");
}

static enum tcb_error decode_pck_crl(struct decoding *x, struct span value)
{
	return json_uint(value, INT64_MAX, &x->policy->min_pck_crl_number) == TCB_OK ? TCB_OK : refuse(x, value, "a number");
}

static enum tcb_error decode_tcb(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"accept", decode_accept}, {"min_evaluation_number", decode_evaluation},
		{"min_root_crl_number", decode_root_crl}, {"min_pck_crl_number", decode_pck_crl},
	};

	return decode_members(x, value, members, 4);
}

static enum tcb_error decode_source(struct decoding *x, struct span value)
{
	x->policy->accept_enrolled |= span_is_text(value, "\"enrolled\"");
	return span_is_text(value, "\"enrolled\"") || span_is_text(value, "\"msr\"") ? TCB_OK
										  : refuse(x, value, "msr or enrolled");
}

static enum tcb_error decode_sources(struct decoding *x, struct span value) { return decode_list(x, value, decode_source); }

static enum tcb_error decode_origin(struct decoding *x, struct span value)
{
	x->policy->accept_imported |= span_is_text(value, "\"imported\"");
	return span_is_text(value, "\"imported\"") || span_is_text(value, "\"manufactured\"")
		       ? TCB_OK
		       : refuse(x, value, "manufactured or imported");
}

static enum tcb_error decode_origins(struct decoding *x, struct span value) { return decode_list(x, value, decode_origin); }

static enum tcb_error decode_enclave(struct decoding *x, struct span value, enum enclave_role role)
{
	struct policy_enclave e = { .role = role };
	uint64_t svn = 0;

	if (x->policy->enclave_count == POLICY_ENCLAVES_MAX)
		return refuse(x, value, "fewer enclaves");
	TRY(optional_hex(x, value, "mrenclave", e.mrenclave, sizeof e.mrenclave, &e.has_mrenclave));
	TRY(optional_hex(x, value, "mrsigner", e.mrsigner, sizeof e.mrsigner, &e.has_mrsigner));
	TRY(optional_uint(x, value, "min_isv_svn", UINT16_MAX, &svn));
	if (!e.has_mrenclave && !e.has_mrsigner)
		return refuse(x, value, "an mrenclave or an mrsigner");
	e.min_isv_svn = (uint16_t)svn;
	x->policy->enclaves[x->policy->enclave_count++] = e;
	return TCB_OK;
}

static enum tcb_error decode_pse(struct decoding *x, struct span value) { return decode_enclave(x, value, ROLE_PSE); }
static enum tcb_error decode_mige(struct decoding *x, struct span value) { return decode_enclave(x, value, ROLE_MIGE); }
static enum tcb_error decode_vtpm(struct decoding *x, struct span value) { return decode_enclave(x, value, ROLE_VTPM); }
static enum tcb_error decode_pses(struct decoding *x, struct span value) { return decode_list(x, value, decode_pse); }
static enum tcb_error decode_miges(struct decoding *x, struct span value) { return decode_list(x, value, decode_mige); }
static enum tcb_error decode_vtpm_enclaves(struct decoding *x, struct span value)
{
	return decode_list(x, value, decode_vtpm);
}

static enum tcb_error decode_enclaves(struct decoding *x, struct span value)
{
	static const struct member members[] = {
		{"pse", decode_pses}, {"mige", decode_miges}, {"vtpm", decode_vtpm_enclaves},
	};

	return decode_members(x, value, members, 3);
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
		return refuse(x, value, "refuse, custody or accept");
	return TCB_OK;
}

static enum tcb_error decode_platform(struct decoding *x, struct span value)
{
	struct policy_platform p = {0};
	struct span name, text;
	bool has;

	if (x->policy->platform_count == POLICY_PLATFORMS_MAX)
		return refuse(x, value, "fewer platforms");
	if (json_find(value, "name", &name) != TCB_OK || json_text(name, &text) != TCB_OK || text.size > LIMIT_NAME)
		return refuse(x, value, "a platform with a name of at most 64 bytes");
	memcpy(p.name, text.data, text.size);
	TRY(optional_hex(x, value, "ak_name", p.ak_name.bytes, sizeof p.ak_name.bytes, &has));
	if (!has)
		return refuse(x, value, "a platform with its ak_name");
	TRY(optional_hex(x, value, "ppid", p.ppid, sizeof p.ppid, &p.has_ppid));
	x->policy->platforms[x->policy->platform_count++] = p;
	return TCB_OK;
}

static enum tcb_error decode_listed(struct decoding *x, struct span value) { return decode_list(x, value, decode_platform); }

static enum tcb_error decode_platforms(struct decoding *x, struct span value)
{
	static const struct member members[] = { {"unlisted", decode_unlisted}, {"listed", decode_listed} };

	return decode_members(x, value, members, 2);
}

static enum tcb_error decode_one_vtpm(struct decoding *x, struct span value)
{
	struct policy_vtpm v = {0};
	bool has;

	if (x->policy->vtpm_count == POLICY_VTPMS_MAX)
		return refuse(x, value, "fewer vTPMs");
	TRY(optional_hex(x, value, "id", v.id.bytes, sizeof v.id.bytes, &has));
	if (!has)
		return refuse(x, value, "a vTPM with its id, 32 hexadecimal digits");
	TRY(optional_hex(x, value, "ek_name", v.ek_name.bytes, sizeof v.ek_name.bytes, &v.has_ek_name));
	TRY(optional_uint(x, value, "min_generation", INT64_MAX, &v.min_generation));
	x->policy->vtpms[x->policy->vtpm_count++] = v;
	return TCB_OK;
}

static enum tcb_error decode_vtpms(struct decoding *x, struct span value) { return decode_list(x, value, decode_one_vtpm); }

/* {"0": "hex", ...} */
static enum tcb_error decode_pcrs(struct decoding *x, struct span object, struct policy_pcr *ret_pcrs, size_t *ret_count)
{
	struct span rest = object, name, value;
	uint64_t index;

	if (!json_opens_object(object))
		return refuse(x, object, "an object");
	while (json_next_member(&rest, &name, &value)) {
		if (json_uint(name, LIMIT_PCRS - 1, &index) != TCB_OK || *ret_count == POLICY_PCRS_MAX ||
		    json_hex(value, ret_pcrs[*ret_count].value.bytes, SHA256_SIZE) != TCB_OK)
			return refuse(x, name, "a PCR from 0 to 23 and its SHA-256 value");
		ret_pcrs[(*ret_count)++].index = (uint8_t)index;
	}
	return TCB_OK;
}

static enum tcb_error decode_platform_pcrs(struct decoding *x, struct span value)
{
	return decode_pcrs(x, value, x->policy->platform_pcrs, &x->policy->platform_pcr_count);
}

static enum tcb_error decode_guest_pcrs(struct decoding *x, struct span value)
{
	return decode_pcrs(x, value, x->policy->guest_pcrs, &x->policy->guest_pcr_count);
}

static enum tcb_error decode_allow(struct decoding *x, struct span value)
{
	return json_bool(value, &x->policy->allow_migration) == TCB_OK ? TCB_OK : refuse(x, value, "true or false");
}

static enum tcb_error decode_migration(struct decoding *x, struct span value)
{
	static const struct member members[] = { {"allow", decode_allow} };

	return decode_members(x, value, members, 1);
}

void policy_default(struct policy *ret_policy)
{
	*ret_policy = (struct policy){
		.accepted_statuses = 1u << TCB_UP_TO_DATE,
		.unlisted_platforms = UNLISTED_ACCEPT,
		.allow_migration = true,
	};
}

enum tcb_error policy_decode(struct span json, struct policy *ret_policy, struct diagnosis *d)
{
	static const struct member members[] = {
		{"version", decode_version},     {"roots", decode_roots},
		{"tcb", decode_tcb},             {"ak_source", decode_sources},
		{"enclaves", decode_enclaves},   {"platforms", decode_platforms},
		{"vtpms", decode_vtpms},         {"platform_pcrs", decode_platform_pcrs},
		{"guest_pcrs", decode_guest_pcrs}, {"migration", decode_migration},
		{"vtpm_origin", decode_origins},
	};
	struct decoding x = { .text = json, .policy = ret_policy, .d = d };

	TRY(json_check(json, d));
	policy_default(ret_policy);
	ret_policy->unlisted_platforms = UNLISTED_REFUSE;
	TRY(decode_members(&x, json_value(json), members, sizeof members / sizeof members[0]));
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
	return check_that(checks, layer, "enclave", code, accepted, "an enclave that the policy lists, not DEBUG", got);
}
