// SPDX-License-Identifier: MIT
/* A policy in sentences, for whoever has to answer for it. Judges nothing. */
#include "cli/policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "verify/appraise/event_text.h"
#include "verify/appraise/evidence.h"
#include "verify/appraise/intel_root.h"
#include "verify/appraise/tcb.h"

static const char *const layer_names[LAYERS] = { [LAYER_PLATFORM] = "host", [LAYER_GUEST] = "guest" };

static void print_hex(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		(void)printf("%02x", bytes[i]);
}

static void explain_processor(const struct policy *p)
{
	const char *separator = "";

	(void)printf("The processor\n");
	for (size_t i = 0; i < p->root_count; i++) {
		(void)printf("  Its certificate chain may end at the root whose key has the SHA-256 ");
		print_hex(p->roots[i].bytes, SHA256_SIZE);
		(void)printf("%s.\n", memcmp(&p->roots[i], &intel_root_spki, sizeof intel_root_spki) == 0 ? " (Intel's)" : "");
	}
	(void)printf("  Its TCB status must be one of: ");
	for (unsigned status = TCB_UP_TO_DATE; status < TCB_REVOKED; status++) {
		if ((p->accepted_statuses & 1u << status) == 0)
			continue;
		(void)printf("%s%s", separator, tcb_status_name((enum tcb_status)status));
		separator = ", ";
	}
	(void)printf("%s.\n", p->accepted_statuses == 0 ? "none: nothing is trusted" : "");
	if (p->min_tcb_evaluation_number > 0)
		(void)printf("  Collateral must have the evaluation number %" PRIu32 " or a higher one.\n", p->min_tcb_evaluation_number);
	if (p->max_collateral_age_days > 0)
		(void)printf("  Collateral must be at most %" PRIu32 " days old.\n", p->max_collateral_age_days);
	(void)printf("  The physical TPM's key must come from the processor's register%s.\n",
		     p->accept_enrolled ? ", or have been enrolled by its operator" : " (not from an enrolment)");
}

static void explain_role(const struct policy *p, enum enclave_role role, const char *name, const char *otherwise)
{
	bool any = false;

	for (size_t i = 0; i < p->enclave_count; i++) {
		const struct policy_enclave *e = &p->enclaves[i];

		if (e->role != role)
			continue;
		(void)printf("  %s may be ", any ? "  or it" : name);
		if (e->has_mrenclave) {
			(void)printf("the enclave ");
			print_hex(e->mrenclave, 32);
		}
		if (e->has_mrsigner) {
			(void)printf("%s", e->has_mrenclave ? ", signed by " : "any enclave of the signer ");
			print_hex(e->mrsigner, 32);
		}
		(void)printf(", with SVN %u or higher.\n", e->min_isv_svn);
		any = true;
	}
	if (!any)
		(void)printf("  %s: %s.\n", name, otherwise);
}

static void explain_clock(const struct policy_clock *c, const char *whose, const char *indent)
{
	if (c->safe)
		(void)printf("%s%s must say that its clock was not set back.\n", indent, whose);
	if (c->has_reset_count)
		(void)printf("%s%s must have been reset exactly %" PRIu32 " times.\n", indent, whose, c->reset_count);
	if (c->min_reset_count > 0)
		(void)printf("%s%s must have been reset at least %" PRIu32 " times.\n", indent, whose, c->min_reset_count);
	if (c->has_restart_count)
		(void)printf("%s%s must have resumed exactly %" PRIu32 " times since.\n", indent, whose, c->restart_count);
	if (c->min_restart_count > 0)
		(void)printf("%s%s must have resumed at least %" PRIu32 " times since.\n", indent, whose, c->min_restart_count);
}

static void explain_platforms(const struct policy *p)
{
	static const char *const unlisted[] = {
		[UNLISTED_REFUSE] = "Any other platform is refused.",
		[UNLISTED_BY_CUSTODY] = "Another platform is accepted only if each hand-over to it, from one that is listed, is proven.",
		[UNLISTED_ACCEPT] = "Any other platform is accepted, too.",
	};

	(void)printf("The platform\n");
	for (size_t i = 0; i < p->platform_count; i++) {
		const struct policy_platform *e = &p->platforms[i];

		(void)printf("  %s is listed, by the name of its AK, ", e->name);
		print_hex(e->ak_name.bytes, TPM_NAME_SIZE);
		(void)printf("%s.\n", e->has_ppid ? ", and by its processor" : "");
		explain_clock(&e->clock, "Its TPM", "    ");
	}
	if (p->platform_count == 0 && p->unlisted_platforms != UNLISTED_ACCEPT)
		(void)printf("  None is listed: no platform is accepted.\n");
	else
		(void)printf("  %s\n", unlisted[p->unlisted_platforms]);
	explain_clock(&p->clocks[LAYER_PLATFORM], "A platform's TPM", "  ");
	if (p->limits_hand_overs)
		(void)printf("  A VM may have been handed over at most %" PRIu32 " times.\n", p->max_hand_overs);
	if (p->custody_listed_only)
		(void)printf("  A VM may have been on listed platforms only.\n");
}

static void explain_owner_policy(const struct policy_vtpm *v)
{
	char text[CHECK_TEXT_MAX];

	if (!v->has_owner_policy)
		return;
	owner_policy_text(&v->owner_policy, text);
	if (strcmp(text, "none") == 0)
		(void)printf("    It must have been made without an owner's policy.\n");
	else
		(void)printf("    It must have been made with the owner's policy whose SHA-256 is %s.\n", text);
}

static void explain_vtpms(const struct policy *p)
{
	(void)printf("The vTPM\n");
	for (size_t i = 0; i < p->vtpm_count; i++) {
		const struct policy_vtpm *v = &p->vtpms[i];

		(void)printf("  ");
		print_hex(v->id.bytes, UUID_SIZE);
		(void)printf(" is accepted%s from generation %" PRIu64 " on.\n", v->has_ek_name ? ", with the EK that it had," : "",
			     v->min_generation);
		explain_owner_policy(v);
		explain_clock(&v->clock, "It", "    ");
	}
	(void)printf("  %s\n", p->vtpm_count > 0 ? "Any other vTPM is refused." : "Any vTPM is accepted.");
	(void)printf("  Its seeds must %s.\n", p->accept_imported ? "have been made by tcbind, or imported from another program's state"
								    : "have been made by tcbind (not imported)");
	explain_clock(&p->clocks[LAYER_GUEST], "A vTPM", "  ");
}

/* ---- what was booted ---- */

static void explain_set(uint32_t bits)
{
	const char *separator = "";

	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		if ((bits & 1u << pcr) == 0)
			continue;
		(void)printf("%s%u", separator, pcr);
		separator = ", ";
	}
}

static void explain_event(const struct policy_event *e)
{
	const char *name = e->has_type ? event_type_name(e->type) : NULL;

	if (e->has_type && name == NULL)
		(void)printf("an event of type %" PRIu32, e->type);
	else
		(void)printf("an event%s%s", name != NULL ? " " : "", name != NULL ? name : "");
	if (e->has_pcr)
		(void)printf(" in PCR %" PRIu32, e->pcr);
	if (e->has_digest) {
		(void)printf(" with the digest ");
		print_hex(e->digest.bytes, SHA256_SIZE);
	}
}

static void explain_log(const struct policy_log *log)
{
	if (log->required)
		(void)printf("  The event log must be there.\n");
	if (log->has_replayed) {
		(void)printf("  The event log must lead to PCRs ");
		explain_set(log->replayed);
		(void)printf(".\n");
	} else {
		(void)printf("  If there is an event log, it must lead to PCRs 0 to 15 (10 only with an IMA list).\n");
	}
	if (log->known != 0) {
		(void)printf("  Every event in PCRs ");
		explain_set(log->known);
		(void)printf(" must be a reference value.\n");
	}
	for (size_t i = 0; i < log->must_count; i++) {
		(void)printf("  The log must have ");
		explain_event(&log->must[i]);
		(void)printf(".\n");
	}
	for (size_t i = 0; i < log->must_not_count; i++) {
		(void)printf("  The log must not have ");
		explain_event(&log->must_not[i]);
		(void)printf(".\n");
	}
}

static unsigned count_values(const struct policy *p, enum policy_layer layer, unsigned pcr)
{
	const struct policy_pcr *list = layer == LAYER_PLATFORM ? p->platform_pcrs : p->guest_pcrs;
	size_t count = layer == LAYER_PLATFORM ? p->platform_pcr_count : p->guest_pcr_count;
	unsigned values = 0;

	for (size_t i = 0; i < count; i++)
		values += list[i].index == pcr;
	for (size_t i = 0; p->references != NULL && i < p->references->pcr_count; i++)
		values += p->references->pcrs[i].layer == layer && p->references->pcrs[i].pcr.index == pcr;
	return values;
}

static void explain_boot(const struct policy *p, enum policy_layer layer)
{
	(void)printf("What the %s has booted\n", layer_names[layer]);
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		unsigned values = count_values(p, layer, pcr);

		if (values == 1)
			(void)printf("  PCR %u must have the value given for it.\n", pcr);
		else if (values > 1)
			(void)printf("  PCR %u must have one of the %u values given for it.\n", pcr, values);
	}
	explain_log(&p->logs[layer]);
	for (size_t i = 0; i < p->reference_count; i++)
		if (p->reference_files[i].layer == layer)
			(void)printf("  Reference values are in %s%s.\n", p->reference_files[i].file,
				     p->reference_files[i].has_signer ? ", which must be signed by the key given" : "");
}

void policy_explain(const struct policy *p)
{
	(void)printf("Evidence is trusted when all of this holds.\n");
	explain_processor(p);
	(void)printf("The enclaves (never a DEBUG one)\n");
	explain_role(p, ROLE_PSE, "The PSE", "none is named; tcbind verify refuses every one, a MigE takes those of its own signer");
	explain_role(p, ROLE_VTPM, "The vTPM's", "none is named; tcbind verify refuses every one");
	explain_role(p, ROLE_MIGE, "The MigE", "none is named; a MigE takes those of its own signer");
	explain_platforms(p);
	explain_vtpms(p);
	explain_boot(p, LAYER_PLATFORM);
	explain_boot(p, LAYER_GUEST);
	(void)printf("Freshness\n  A nonce %s.\n", p->require_nonce ? "must be given: without one, evidence is not judged"
							  : "is checked if one is given; old evidence is accepted without one");
	(void)printf("Migration\n  The VM %s.\n", p->allow_migration ? "may be handed over to a platform of which all of this holds"
								       : "may not be handed over");
}
