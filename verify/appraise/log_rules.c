// SPDX-License-Identifier: MIT
/* Logs judged by the quoted PCRs and the policy. Called for the platform (by the MigE too) and for the guest. */
#include "verify/appraise/log_rules.h"

#include <stdio.h>

#include "verify/appraise/event_text.h"
#include "verify/appraise/ima.h"
#include "verify/appraise/pcrs.h"
#include "verify/appraise/reference.h"

enum { IMA_PCR = 10 };

#define DEFAULT_REPLAYED 0xffffu
#define DYNAMIC_PCRS 0x7e0000u

/* Constant texts: a check keeps no copy. */
static const struct layer_codes {
	const char *layer, *malformed, *large, *sha1, *missing, *replay, *ima, *ima_large, *ima_missing, *ima_uncovered, *known, *must, *must_not;
} layer_codes[LAYERS] = {
	[LAYER_PLATFORM] = { .layer = "platform", .malformed = "platform.log.malformed", .large = "platform.log.large",
			     .sha1 = "platform.log.sha1", .missing = "platform.log.missing", .replay = "platform.log.replay",
			     .ima = "platform.ima.malformed", .ima_large = "platform.ima.large", .ima_missing = "platform.ima.missing",
			     .ima_uncovered = "platform.ima.uncovered", .known = "platform.log.unknown", .must = "platform.log.absent",
			     .must_not = "platform.log.forbidden" },
	[LAYER_GUEST] = { .layer = "guest", .malformed = "guest.log.malformed", .large = "guest.log.large", .sha1 = "guest.log.sha1",
			  .missing = "guest.log.missing", .replay = "guest.log.replay", .ima = "guest.ima.malformed",
			  .ima_large = "guest.ima.large", .ima_missing = "guest.ima.missing", .ima_uncovered = "guest.ima.uncovered",
			  .known = "guest.log.unknown", .must = "guest.log.absent", .must_not = "guest.log.forbidden" },
};

/* One judgement under way. */
struct judging {
	struct boot_logs logs; /* the IMA list: once replayed, the entries that the quote vouches for */
	const struct policy_log *rules;
	const struct reference_values *references;
	enum policy_layer layer;
	const struct layer_codes *codes;
	uint32_t replayed; /* PCRs whose events the quote vouches for */
	struct checks *checks;
};

static bool has_rules(const struct policy_log *rules)
{
	return rules->required || rules->known != 0 || rules->must_count > 0 || rules->must_not_count > 0;
}

/* ---- replay ---- */

static bool replay_firmware(const struct judging *j, struct digest256 pcrs[LIMIT_PCRS])
{
	enum tcb_error error = event_log_replay(j->logs.firmware, pcrs);

	if (error == TCB_LIMIT)
		return check_that(j->checks, j->codes->layer, "event_log", j->codes->large, false, "a log of at most 256 KiB",
				  "a larger one");
	return check_that(j->checks, j->codes->layer, "event_log", j->codes->sha1, error != TCB_REFUSED,
			  "a log with SHA-256 digests", "an older log, of SHA-1 alone") &&
	       check_that(j->checks, j->codes->layer, "event_log", j->codes->malformed, error == TCB_OK,
			  "a TCG crypto-agile log", "something else");
}

/* Extends `pcrs` by what the quote vouches for, and forgets the entries behind it: rules are not for them. */
static bool replay_ima(struct judging *j, const struct digest256 *quoted, struct digest256 pcrs[LIMIT_PCRS], struct ima_covered *ret_covered)
{
	enum tcb_error error = ima_replay(j->logs.ima, quoted, pcrs, ret_covered);

	if (error == TCB_LIMIT)
		return check_that(j->checks, j->codes->layer, "ima_log", j->codes->ima_large, false, "an IMA list of at most 16 MiB",
				  "a larger one");
	if (!check_that(j->checks, j->codes->layer, "ima_log", j->codes->ima, error == TCB_OK, "an IMA list of known templates",
			"something else"))
		return false;
	j->logs.ima.size = ret_covered->size;
	return true;
}

/* Entries that were added between the quote and the reading of the list. */
static void note_uncovered_ima(const struct judging *j, const struct ima_covered *covered)
{
	char text[CHECK_TEXT_MAX];

	if (covered->behind == 0)
		return;
	(void)snprintf(text, sizeof text, "the quote covers %zu entries; the %zu behind them are not judged", covered->entries,
		       covered->behind);
	check_not_run(j->checks, j->codes->layer, "ima_log", j->codes->ima_uncovered, text);
}

static bool check_replayed(const struct judging *j, const struct digest256 replayed[LIMIT_PCRS], const struct digest256 *pcrs)
{
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
		if ((j->replayed & 1u << pcr) != 0 && memcmp(&replayed[pcr], &pcrs[pcr], sizeof pcrs[pcr]) != 0)
			return check_bytes(j->checks, j->codes->layer, pcr_name(pcr), j->codes->replay, SPAN_OF(pcrs[pcr].bytes),
					   SPAN_OF(replayed[pcr].bytes));
	return check_that(j->checks, j->codes->layer, "event_log", j->codes->replay, true, "leads to the quoted PCRs",
			  "leads to the quoted PCRs");
}

/* An IMA list that is not there, although something was measured where it would be. */
static void note_missing_ima(const struct judging *j, const struct digest256 replayed[LIMIT_PCRS], const struct digest256 *pcrs)
{
	if (j->logs.ima.size == 0 && (j->replayed & 1u << IMA_PCR) == 0 &&
	    memcmp(&replayed[IMA_PCR], &pcrs[IMA_PCR], sizeof pcrs[0]) != 0)
		check_not_run(j->checks, j->codes->layer, "ima_log", j->codes->ima_missing,
			      "PCR 10 has measurements of the running system, and there is no list of them");
}

static bool check_replay(struct judging *j, const struct digest256 pcrs[LIMIT_PCRS])
{
	struct digest256 replayed[LIMIT_PCRS];
	struct ima_covered covered = {0};

	if (!replay_firmware(j, replayed))
		return false;
	j->replayed = j->rules->has_replayed ? j->rules->replayed : DEFAULT_REPLAYED & ~(1u << IMA_PCR);
	j->replayed |= event_log_pcrs(j->logs.firmware) & DYNAMIC_PCRS;
	if (j->logs.ima.size > 0 && !replay_ima(j, pcrs, replayed, &covered))
		return false;
	j->replayed |= covered.extended;
	note_missing_ima(j, replayed, pcrs);
	note_uncovered_ima(j, &covered);
	return check_replayed(j, replayed, pcrs);
}

/* ---- rules ---- */

/* What rules see of an event or of an IMA entry. */
struct item {
	uint32_t pcr;
	bool is_event; /* and not an IMA entry */
	bool excused;  /* from being known */
	struct span digest;
	struct log_event event;
	struct span path; /* of an IMA entry */
};

static bool matches(const struct policy_event *rule, const struct item *item)
{
	return (!rule->has_pcr || rule->pcr == item->pcr) && (!rule->has_type || (item->is_event && rule->type == item->event.type)) &&
	       (!rule->has_digest || span_equal(SPAN_OF(rule->digest.bytes), item->digest));
}

typedef bool item_visitor(const struct judging *j, const struct item *item, void *context);

/* Each item of a replayed PCR, until a visitor says false. The logs have been walked before: they are whole. */
static bool visit(const struct judging *j, item_visitor *visitor, void *context)
{
	struct span ima = j->logs.ima;
	struct event_log log;
	struct log_event e;
	struct ima_entry entry;
	bool end = false;

	if (event_log_open(j->logs.firmware, &log) != TCB_OK)
		return false;
	while (event_log_next(&log, &end, &e) == TCB_OK && !end) {
		struct item item = { .pcr = e.pcr, .is_event = true, .digest = e.digest, .event = e };

		if (e.extends && (j->replayed & 1u << e.pcr) != 0 && !visitor(j, &item, context))
			return false;
	}
	while (ima_next(&ima, &end, &entry) == TCB_OK && !end) {
		struct item item = { .pcr = entry.pcr, .excused = span_is_text(entry.path, "boot_aggregate"), .path = entry.path };

		if (!entry.violation)
			item.digest = entry.file_digest;
		if (!visitor(j, &item, context))
			return false;
	}
	return true;
}

/* Stops at the first match. */
static bool is_no_match(const struct judging *j, const struct item *item, void *context)
{
	(void)j;
	return !matches(context, item);
}

static const char *describe_rule(const struct policy_event *rule, char ret_text[CHECK_TEXT_MAX])
{
	const char *name = rule->has_type ? event_type_name(rule->type) : NULL;
	size_t size = (size_t)snprintf(ret_text, CHECK_TEXT_MAX, "%s", name != NULL ? name : "an event");

	if (rule->has_type && name == NULL)
		size += (size_t)snprintf(ret_text + size, CHECK_TEXT_MAX - size, " of type %u", rule->type);
	if (rule->has_pcr)
		size += (size_t)snprintf(ret_text + size, CHECK_TEXT_MAX - size, " in PCR %u", rule->pcr);
	if (rule->has_digest)
		size += (size_t)snprintf(ret_text + size, CHECK_TEXT_MAX - size, " of ");
	for (size_t i = 0; rule->has_digest && i < SHA256_SIZE && size + 3 <= CHECK_TEXT_MAX; i++)
		size += (size_t)snprintf(ret_text + size, CHECK_TEXT_MAX - size, "%02x", rule->digest.bytes[i]);
	return ret_text;
}

static bool is_kept(const struct judging *j, const struct policy_event *rule, bool wanted)
{
	struct policy_event copy = *rule;
	bool vouched = !rule->has_pcr || (j->replayed & 1u << rule->pcr) != 0;

	return vouched && !visit(j, is_no_match, &copy) == wanted;
}

/* Each rule that is not kept has its own check; if all are, one says so for them. */
static bool check_events(const struct judging *j, const struct policy_event *rules, size_t count, bool wanted)
{
	const char *code = wanted ? j->codes->must : j->codes->must_not;
	char text[CHECK_TEXT_MAX], other[CHECK_TEXT_MAX];
	bool passed = true;

	for (size_t i = 0; i < count; i++) {
		if (is_kept(j, &rules[i], wanted))
			continue;
		(void)describe_rule(&rules[i], text);
		(void)snprintf(other, sizeof other, "no %.150s", text);
		passed = check_that(j->checks, j->codes->layer, "event_log.rules", code, false, wanted ? text : other,
				    rules[i].has_pcr && (j->replayed & 1u << rules[i].pcr) == 0
					    ? "a PCR that no log was replayed to: nobody vouches for its events"
				    : wanted ? other : text);
	}
	if (count > 0 && passed)
		(void)check_that(j->checks, j->codes->layer, "event_log.rules", code, true, wanted ? "all events that must be there"
											    : "no event that must not be there",
				 wanted ? "all" : "none");
	return passed;
}

/* Keeps the first that nobody vouches for. */
static bool is_known(const struct judging *j, const struct item *item, void *context)
{
	if ((j->rules->known & 1u << item->pcr) == 0 || item->excused ||
	    reference_knows_event(j->references, j->layer, item->digest))
		return true;
	*(struct item *)context = *item;
	return false;
}

/* "PCR 4, EV_EFI_BOOT_SERVICES_APPLICATION, DIGEST, what it says of itself", cut where it must be. */
static void describe_item(const struct item *item, char ret_text[CHECK_TEXT_MAX])
{
	const char *name = item->is_event ? event_type_name(item->event.type) : "IMA";
	char words[EVENT_TEXT_MAX] = "", digest[2 * SHA256_SIZE + 1] = "violated";

	for (size_t i = 0; i < item->digest.size && i < SHA256_SIZE; i++)
		(void)snprintf(digest + 2 * i, 3, "%02x", item->digest.data[i]);
	if (item->is_event)
		event_describe(&item->event, words);
	else
		text_append(words, item->path);
	(void)snprintf(ret_text, CHECK_TEXT_MAX, "PCR %u, %.40s, %s%s%.40s", item->pcr, name != NULL ? name : "event", digest,
		       words[0] != '\0' ? ", " : "", words);
}

static bool check_known(const struct judging *j)
{
	struct item stranger = {0};
	char got[CHECK_TEXT_MAX] = "only such";
	bool known = visit(j, is_known, &stranger);

	if (!known)
		describe_item(&stranger, got);
	return check_that(j->checks, j->codes->layer, "event_log.known", j->codes->known, known, "events that are reference values", got);
}

static bool check_rules(const struct judging *j)
{
	bool passed = check_events(j, j->rules->must, j->rules->must_count, true);

	passed &= check_events(j, j->rules->must_not, j->rules->must_not_count, false);
	if ((j->rules->known & ~j->replayed) != 0)
		return check_that(j->checks, j->codes->layer, "event_log.known", j->codes->known, false,
				  "every event in a known PCR told by a log that is replayed", "a known PCR that no log was replayed to");
	return (j->rules->known == 0 || check_known(j)) && passed;
}

bool logs_appraise(const struct boot_logs *logs, const struct digest256 pcrs[LIMIT_PCRS], const struct policy *policy,
		   enum policy_layer layer, struct checks *checks)
{
	struct judging j = { .logs = *logs, .rules = &policy->logs[layer], .references = policy->references, .layer = layer,
			     .codes = &layer_codes[layer], .checks = checks };

	if (logs->firmware.size == 0) {
		if (has_rules(j.rules) || logs->ima.size > 0)
			return check_that(checks, j.codes->layer, "event_log", j.codes->missing, false, "a firmware's log", "none");
		check_not_run(checks, j.codes->layer, "event_log", j.codes->missing, "no log");
		return true;
	}
	return check_replay(&j, pcrs) && check_rules(&j);
}
