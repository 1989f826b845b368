// SPDX-License-Identifier: MIT
#include "verify/appraise/age.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/json.h"

enum { DAY_S = 86400 };

static bool check_one(struct span text, const char *field, uint32_t max_days, uint64_t now_s, struct checks *checks)
{
	uint64_t issued_s = 0, age_days;
	char wanted[48], got[48];
	struct span date;
	bool known;

	known = json_check(text, NULL) == TCB_OK && json_find(json_value(text), "issueDate", &date) == TCB_OK &&
		json_time(date, &issued_s) == TCB_OK && issued_s <= now_s;
	age_days = (now_s - issued_s) / DAY_S;
	(void)snprintf(wanted, sizeof wanted, "issued at most %" PRIu32 " days ago", max_days);
	(void)snprintf(got, sizeof got, known ? "%" PRIu64 " days ago" : "no date before now", age_days);
	return check_value(checks, "quote", field, "quote.collateral.old", known && now_s - issued_s <= (uint64_t)max_days * DAY_S, wanted,
			  got);
}

bool collateral_check_age(struct span document, const struct policy *policy, uint64_t now_s, struct checks *checks)
{
	uint32_t days = policy->max_collateral_age_days;
	struct collateral c;

	return days == 0 || (collateral_decode(document, &c) == TCB_OK &&
			     check_one(c.tcb_info, "tcbInfo.issueDate", days, now_s, checks) &&
			     check_one(c.qe_identity, "enclaveIdentity.issueDate", days, now_s, checks));
}
