// SPDX-License-Identifier: MIT
/* How policies are decoded: objects by tables of their members. Only policy.c and policy_rules.c include this. */
#ifndef TCBIND_VERIFY_APPRAISE_POLICY_DECODE_H
#define TCBIND_VERIFY_APPRAISE_POLICY_DECODE_H

#include "core/json.h"
#include "verify/appraise/policy.h"

/* One decode: the policy in the making, the text that diagnoses point into, and the entry that the members at hand belong to. */
struct decoding {
	struct span text;
	struct policy *policy;
	void *entry;
	struct diagnosis *d;
};

typedef enum tcb_error member_decoder(struct decoding *x, struct span value);

struct member {
	const char *name;
	member_decoder *decode; /* NULL: by the kind below, into the entry at `offset` */
	enum { MEMBER_OTHER, MEMBER_HEX, MEMBER_UINT16, MEMBER_UINT32, MEMBER_UINT64, MEMBER_BOOL } kind;
	size_t offset, size;
	size_t has;    /* offset of the bool that tells of it; 0: none. No entry starts with one that is used so. */
	bool required;
};

enum tcb_error policy_refuse(struct decoding *x, struct span at, const char *wanted);
/* Every member by its row; one that has none is refused, and an object without a required one. */
enum tcb_error policy_members(struct decoding *x, struct span object, const struct member *members, size_t count);
enum tcb_error policy_list(struct decoding *x, struct span array, member_decoder *decode);
/* An entry of its own: policy_members() into it. */
enum tcb_error policy_entry(struct decoding *x, struct span object, const struct member *members, size_t count, void *ret_entry);

#define MEMBERS(array) (array), sizeof(array) / sizeof((array)[0])

/* ---- policy_rules.c ---- */

member_decoder policy_decode_logs, policy_decode_clocks, policy_decode_references, policy_decode_custody, policy_decode_freshness;
/* {"0": "hex", "1": ["hex", ...]} */
member_decoder policy_decode_platform_pcrs, policy_decode_guest_pcrs;
/* One clock, into the struct policy_clock that the entry is. */
enum tcb_error policy_clock_decode(struct decoding *x, struct span value, struct policy_clock *ret_clock);

#endif
