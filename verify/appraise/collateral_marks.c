// SPDX-License-Identifier: MIT
/* Old collateral, told from newer. Who calls it has had the collateral judged whole; no byte here is hostile any more. */
#include "verify/appraise/collateral_marks.h"

#define LAYER "quote"

static bool is_family(const struct collateral_seen_family *f, const struct collateral_marks *m)
{
	return memcmp(&f->root, &m->root, sizeof f->root) == 0 && f->tdx == m->tdx && memcmp(f->fmspc, m->fmspc, sizeof f->fmspc) == 0;
}

static size_t find_family(const struct collateral_seen *seen, const struct collateral_marks *m)
{
	size_t i = 0;

	while (i < seen->family_count && !is_family(&seen->families[i], m))
		i++;
	return i;
}

static size_t find_issuer(const struct collateral_seen *seen, const struct digest256 *key)
{
	size_t i = 0;

	while (i < seen->issuer_count && memcmp(&seen->issuers[i].key, key, sizeof *key) != 0)
		i++;
	return i;
}

static bool check_crl(const struct collateral_seen *seen, const struct digest256 *key, const char *field,
		      const char *time_field, const struct crl_age *age, struct checks *checks)
{
	size_t at = find_issuer(seen, key);
	const struct crl_age none = {0}, *least = at < seen->issuer_count ? &seen->issuers[at].age : &none;

	return (int)check_at_least(checks, LAYER, field, "quote.crl.old", least->number, age->number) &
	       (int)check_at_least(checks, LAYER, time_field, "quote.crl.old", least->this_update_s, age->this_update_s);
}

bool collateral_seen_check(const struct collateral_seen *seen, const struct collateral_marks *marks, struct checks *checks)
{
	size_t at = find_family(seen, marks);
	const struct collateral_seen_family none = {0}, *least = at < seen->family_count ? &seen->families[at] : &none;

	return (int)check_at_least(checks, LAYER, "seen.tcbInfo", "quote.tcbinfo.old", least->tcb_number, marks->tcb_number) &
	       (int)check_at_least(checks, LAYER, "seen.qeIdentity", "quote.qe.old", least->qe_number, marks->qe_number) &
	       (int)check_crl(seen, &marks->root, "seen.root_crl.number", "seen.root_crl.thisUpdate", &marks->root_crl, checks) &
	       (int)check_crl(seen, &marks->pck_issuer, "seen.pck_crl.number", "seen.pck_crl.thisUpdate", &marks->pck_crl, checks);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void raise_crl(struct collateral_seen *seen, const struct digest256 *key, const struct crl_age *age)
{
	size_t at = find_issuer(seen, key);
	struct collateral_seen_issuer *issuer = &seen->issuers[at];

	if (at == seen->issuer_count) {
		seen->issuer_count++;
		*issuer = (struct collateral_seen_issuer){ .key = *key };
	}
	issuer->age.number = larger(issuer->age.number, age->number);
	issuer->age.this_update_s = larger(issuer->age.this_update_s, age->this_update_s);
}

enum tcb_error collateral_seen_raise(struct collateral_seen *seen, const struct collateral_marks *marks)
{
	size_t at = find_family(seen, marks);
	size_t issuers = (size_t)(find_issuer(seen, &marks->root) == seen->issuer_count) +
			 (size_t)(find_issuer(seen, &marks->pck_issuer) == seen->issuer_count);
	struct collateral_seen_family *family = &seen->families[at];

	if (at == COLLATERAL_SEEN_FAMILIES_MAX || seen->issuer_count + issuers > COLLATERAL_SEEN_ISSUERS_MAX)
		return TCB_LIMIT;
	if (at == seen->family_count) {
		seen->family_count++;
		*family = (struct collateral_seen_family){ .root = marks->root, .tdx = marks->tdx };
		memcpy(family->fmspc, marks->fmspc, sizeof family->fmspc);
	}
	family->tcb_number = (uint32_t)larger(family->tcb_number, marks->tcb_number);
	family->qe_number = (uint32_t)larger(family->qe_number, marks->qe_number);
	raise_crl(seen, &marks->root, &marks->root_crl);
	raise_crl(seen, &marks->pck_issuer, &marks->pck_crl);
	return TCB_OK;
}
