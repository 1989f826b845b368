// SPDX-License-Identifier: MIT
/* libtcbind-verify: judges tcbind's evidence, and DCAP quotes. docs/api.md tells it by example.
 *
 * What is given is borrowed for the call only; what is returned is the caller's and has its own `_free`, which takes NULL. A function
 * that fails leaves its `ret_` arguments untouched. Nothing here reads a clock, a file (but where a path is given) or the environment,
 * and there is no state but in the objects. Several threads may use one context and one policy at the same time; a result or key is for
 * reading by any number of threads, too.
 *
 * Judging never fails because of what was judged: bytes that are no evidence give a result, whose verdict says so. */
#ifndef TCBIND_VERIFY_H
#define TCBIND_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TCBIND_API __attribute__((visibility("default")))

/* The version of the library that runs, "0.1.0". The soname changes when a program must be compiled again. */
TCBIND_API const char *tcbind_verify_version(void);

enum tcbind_error {
	TCBIND_OK = 0,
	TCBIND_ERROR_ARGUMENT = 1,  /* NULL or a size that the call does not take */
	TCBIND_ERROR_MALFORMED = 2, /* a policy, certificate, key or collateral that does not decode */
	TCBIND_ERROR_FILE = 3,      /* a file that cannot be read */
	TCBIND_ERROR_MEMORY = 4,
	TCBIND_ERROR_INTERNAL = 5,  /* of libcrypto, or a thread that cannot be started */
};

/* For people; NUL-terminated. `code` is stable. NULL may be given where one is asked for. */
struct tcbind_failure {
	char code[64];
	char found[256];  /* with line and column, in a policy */
	char wanted[256];
	char action[256];
};

/* ---- context: what is remembered between verifications ---- */

typedef struct tcbind_context tcbind_context;

/* Remembers up to `platforms` judgements of a platform's quote with its collateral (about 16 KiB each), and sixteen times as many
 * signatures (48 bytes each), of those that passed; older ones make room. All of the fixed part is allocated here. 0: nothing is remembered.
 * What is remembered never changes a result: only the same bytes under the same policy, at a time inside every window, are recalled. */
TCBIND_API enum tcbind_error tcbind_context_new(size_t platforms, tcbind_context **ret_context);
TCBIND_API void tcbind_context_free(tcbind_context *context);

/* How often a platform's judgement was recalled, and how often it was made. */
TCBIND_API void tcbind_context_counts(const tcbind_context *context, uint64_t *ret_recalled, uint64_t *ret_made);

/* ---- policy: what is accepted (docs/policy.md) ---- */

typedef struct tcbind_policy tcbind_policy;

/* JSON. Without `roots` in it, Intel's root is the only one. */
TCBIND_API enum tcbind_error tcbind_policy_parse(const void *json, size_t size, tcbind_policy **ret_policy,
						 struct tcbind_failure *failure);
/* The same from a file. Reference values that it names are read too, from beside it; a policy that was parsed, not loaded, and names some
 * trusts nothing. */
TCBIND_API enum tcbind_error tcbind_policy_load(const char *path, tcbind_policy **ret_policy, struct tcbind_failure *failure);
/* One more root, a certificate in PEM or DER. The first takes the place of Intel's, where the JSON names none.
 * Not while another thread uses the policy. */
TCBIND_API enum tcbind_error tcbind_policy_add_root(tcbind_policy *policy, const void *certificate, size_t size,
						    struct tcbind_failure *failure);
TCBIND_API void tcbind_policy_free(tcbind_policy *policy);

/* ---- verification ---- */

/* Zero the members that are not used. */
struct tcbind_request {
	const void *evidence; /* or a quote, for tcbind_verify_quote() */
	size_t evidence_size;
	const void *nonce;    /* what the requester sent, 1..64 bytes; none: TCBIND_NOT_JUDGED unless the policy says that it is optional */
	size_t nonce_size;
	const void *collateral; /* the common JSON shape; none: what the evidence brings. A quote brings none */
	size_t collateral_size;
	uint64_t time_s;      /* the time of the check, Unix seconds */
	const void *guest_log; /* the guest's TCG event log, as the requester got it from the guest; none: its own PCRs are all there is */
	size_t guest_log_size;
	const void *guest_ima; /* the guest's IMA list, likewise */
	size_t guest_ima_size;
	/* For former platforms in the custody chain whose processors the other collateral is not for; the common JSON shape; none. */
	const void *custody_collateral;
	size_t custody_collateral_size;
};

typedef struct tcbind_result tcbind_result;

/* The whole judgement, in one call; there is no way to ask for a part. TCBIND_OK: there is a result, good or bad.
 * Without memory: TCBIND_ERROR_MEMORY. Collateral that does not decode: TCBIND_ERROR_MALFORMED. `context` may be NULL. */
TCBIND_API enum tcbind_error tcbind_verify(tcbind_context *context, const tcbind_policy *policy, const struct tcbind_request *request,
					   tcbind_result **ret_result, struct tcbind_failure *failure);
/* One DCAP quote. Of the policy, roots and TCB rules are used. */
TCBIND_API enum tcbind_error tcbind_verify_quote(tcbind_context *context, const tcbind_policy *policy,
						 const struct tcbind_request *request, tcbind_result **ret_result,
						 struct tcbind_failure *failure);
/* `count` evidences by `threads` (1..256) threads, of which the caller's is one. `ret_results` takes `count` pointers; a request that
 * had no result has NULL there, and the first such error is returned when all is done. */
TCBIND_API enum tcbind_error tcbind_verify_batch(tcbind_context *context, const tcbind_policy *policy,
						 const struct tcbind_request *requests, size_t count, unsigned threads,
						 tcbind_result **ret_results);
TCBIND_API void tcbind_result_free(tcbind_result *result);

/* ---- result ---- */

/* Also the exit statuses of `tcbind verify`. */
enum tcbind_verdict {
	TCBIND_TRUSTED = 0,
	TCBIND_NOT_TRUSTED = 1,
	TCBIND_NOT_EVIDENCE = 3, /* "malformed" */
	TCBIND_NOT_JUDGED = 4,   /* something needed was missing, and nothing failed */
};

TCBIND_API enum tcbind_verdict tcbind_result_verdict(const tcbind_result *result);
/* "trusted", "not-trusted", "malformed", "not-judged". */
TCBIND_API const char *tcbind_verdict_name(enum tcbind_verdict verdict);

enum tcbind_check_result { TCBIND_CHECK_NOT_RUN = 0, TCBIND_CHECK_PASS = 1, TCBIND_CHECK_FAIL = 2 };

struct tcbind_check {
	enum tcbind_check_result result; /* not-run is never a pass */
	const char *layer;    /* "evidence", "quote", "platform", "vtpm", "guest", "custody", "policy" */
	const char *field;
	const char *expected; /* bytes as hexadecimal digits, cut with "..." */
	const char *got;
	const char *code;     /* stable: tcbind_explain(), `tcbind explain` */
	int needed;           /* not-run, and no verdict without it: the reason of TCBIND_NOT_JUDGED */
};

/* In the order in which they were made. Texts live as long as the result. NULL beyond the last. */
TCBIND_API size_t tcbind_result_check_count(const tcbind_result *result);
TCBIND_API const struct tcbind_check *tcbind_result_check(const tcbind_result *result, size_t index);

/* One hand-over of a vTPM from a platform to another. */
struct tcbind_hand_over {
	const char *from, *to; /* the policy's name for a platform that it lists, else the platform's own */
	uint64_t time_s;       /* by the clock of the platform that gave the vTPM away */
	uint64_t generation;   /* that ended with it */
};

/* A platform of hand-overs that are too long ago to be told one by one. */
struct tcbind_stay {
	const char *platform;
	uint64_t hand_overs; /* that began there */
};

/* Where a vTPM has been. New members are added at the end. */
struct tcbind_custody {
	size_t hand_over_count;
	const struct tcbind_hand_over *hand_overs; /* the newest, oldest first */
	uint64_t folded_count;                     /* older ones, of which a signed summary is left; 0: none */
	uint64_t folded_first_s, folded_last_s;    /* when the first and the last of them were */
	size_t stay_count;
	const struct tcbind_stay *stays;
	uint64_t other_count; /* of folded hand-overs, those from platforms that are not in `stays` */
};

/* What was claimed, and, where the verdict is TCBIND_TRUSTED, is so. "" or 0 where the judgement did not come so far. New members are
 * added at the end. */
struct tcbind_claims {
	const char *platform_name; /* the policy's, for a platform that it lists */
	const char *vtpm_id;       /* a UUID */
	uint64_t generation;       /* of the vTPM: its residence, counted from 1 */
	const char *ak_source;     /* "msr" or "enrolled" */
	const char *tee;           /* "SGX" or "TDX" */
	const char *tcb_status;    /* as TCB info spells it; "NotSupported" where no level was reached */
	size_t advisory_count;
	const char *const *advisory_ids;
	const uint8_t *nonce;      /* the evidence's own */
	size_t nonce_size;
	uint64_t judged_at_s;      /* the request's time_s */
	uint64_t custody_count;    /* hand-overs behind it */
	const struct tcbind_custody *custody; /* NULL: the judgement did not come so far, or of a quote */
};

TCBIND_API const struct tcbind_claims *tcbind_result_claims(const tcbind_result *result);

/* docs/result.schema.json. The same judgement gives the same text. */
TCBIND_API enum tcbind_error tcbind_result_json(const tcbind_result *result, char **ret_text);

typedef struct tcbind_key tcbind_key;

/* A P-256 private key in PEM, not encrypted. */
TCBIND_API enum tcbind_error tcbind_key_parse(const void *pem, size_t size, tcbind_key **ret_key, struct tcbind_failure *failure);
TCBIND_API void tcbind_key_free(tcbind_key *key);
/* The public key as a JWKS (RFC 7517) with one key: with it others check what tcbind_result_ear() signs. */
TCBIND_API enum tcbind_error tcbind_key_jwks(const tcbind_key *key, char **ret_text);
/* An EAT attestation result (draft-ietf-rats-ear-04) as a JWT, ES256 by `key`, issued at this time. */
TCBIND_API enum tcbind_error tcbind_result_ear(const tcbind_result *result, const tcbind_key *key, uint64_t issued_at_s,
					       char **ret_jwt);
/* The same in the profile that drafts before -03 had: tag:github.com,2023:veraison/ear. */
TCBIND_API enum tcbind_error tcbind_result_ear_2023(const tcbind_result *result, const tcbind_key *key, uint64_t issued_at_s,
						    char **ret_jwt);
TCBIND_API void tcbind_text_free(char *text);

/* What a failed check with this code means, and what to do; false (0) for a code that no check has. */
TCBIND_API int tcbind_explain(const char *code, const char **ret_meaning, const char **ret_action);

#ifdef __cplusplus
}
#endif
#endif
