// SPDX-License-Identifier: MIT
/* An appraisal policy: what a relying party, or a VM's owner, accepts. One JSON form (docs/policy.md, docs/policy.schema.json) serves
 * `tcbind verify`, the service and, inside the vTPM's state, the MigE. Decoding is pure: files that a policy names (roots, reference values)
 * are loaded by the caller and set by policy_add_root() and as `references`. A policy is large: static memory, not a stack. */
#ifndef TCBIND_VERIFY_APPRAISE_POLICY_H
#define TCBIND_VERIFY_APPRAISE_POLICY_H

#include "core/error.h"
#include "core/ids.h"
#include "core/limits.h"
#include "core/span.h"

#define POLICY_ROOTS_MAX 8
#define POLICY_ENCLAVES_MAX 16
#define POLICY_PLATFORMS_MAX 256
#define POLICY_VTPMS_MAX 256
#define POLICY_STATUSES_MAX 12
#define POLICY_PCRS_MAX 128     /* accepted values of all PCRs together */
#define POLICY_EVENTS_MAX 32    /* rules of one kind for one log */
#define POLICY_REFERENCES_MAX 8 /* files */
#define POLICY_FILE_NAME_MAX 255

enum tcb_status {
	TCB_UP_TO_DATE,
	TCB_SW_HARDENING_NEEDED,
	TCB_CONFIGURATION_NEEDED,
	TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
	TCB_OUT_OF_DATE,
	TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
	TCB_TD_RELAUNCH_ADVISED,
	TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
	TCB_REVOKED,
	TCB_NOT_SUPPORTED,
};

/* Whose boot: that of the host, told by its physical TPM, or the guest's, told by its vTPM. */
enum policy_layer { LAYER_PLATFORM, LAYER_GUEST, LAYERS };

/* What one role's enclave must be: any of its accepted measurements, or its signer with a least SVN. */
struct policy_enclave {
	enum enclave_role role;
	bool has_mrenclave, has_mrsigner;
	uint8_t mrenclave[32];
	uint8_t mrsigner[32];
	uint16_t min_isv_svn;
};

/* What a TPM's quote must say of its own life (TPMS_CLOCK_INFO). */
struct policy_clock {
	bool safe; /* the quote must say that the clock was not set back */
	bool has_reset_count, has_restart_count;
	uint32_t reset_count, restart_count; /* exactly, where there is one */
	uint32_t min_reset_count, min_restart_count;
};

struct policy_platform {
	char name[LIMIT_NAME + 1];
	struct tpm_name ak_name;
	bool has_ppid;
	uint8_t ppid[16]; /* of the PCK certificate */
	struct policy_clock clock; /* of its physical TPM */
};

struct policy_vtpm {
	struct uuid id;
	bool has_ek_name;
	struct tpm_name ek_name;
	bool has_owner_policy;
	struct digest256 owner_policy; /* SHA-256 of the policy that its owner gave; zeros: it has none */
	uint64_t min_generation;
	struct policy_clock clock;
};

/* One PCR (SHA-256 bank) and a value that it may have; several entries for one PCR are alternatives. */
struct policy_pcr {
	uint8_t index;
	struct digest256 value;
};

/* Events that have all of what is given. */
struct policy_event {
	bool has_pcr, has_type, has_digest;
	uint32_t pcr, type;
	struct digest256 digest; /* of an IMA entry: its file's */
};

struct policy_log {
	bool required;
	bool has_replayed;
	uint32_t replayed; /* bit i: PCR i must be what the log leads to; without it: 0..15, 10 only where there is an IMA list */
	uint32_t known;    /* bit i: every event in PCR i must be a reference value */
	size_t must_count, must_not_count;
	struct policy_event must[POLICY_EVENTS_MAX], must_not[POLICY_EVENTS_MAX];
};

/* A file of reference values, loaded by the caller. */
struct policy_reference {
	char file[POLICY_FILE_NAME_MAX + 1];
	enum policy_layer layer;
	bool has_signer;
	struct p256_point signer; /* the file must then be a CoRIM signed by this key */
};

enum policy_unlisted { UNLISTED_REFUSE, UNLISTED_BY_CUSTODY, UNLISTED_ACCEPT };

struct reference_values; /* verify/appraise/reference.h */

struct policy {
	size_t root_count;
	struct digest256 roots[POLICY_ROOTS_MAX]; /* SHA-256 of a root certificate's SubjectPublicKeyInfo */
	unsigned accepted_statuses;               /* bit (1u << enum tcb_status); never Revoked */
	uint32_t min_tcb_evaluation_number;
	uint64_t min_root_crl_number, min_pck_crl_number; /* CRLs with a lower number are refused; 0: none is */
	bool accept_enrolled;                     /* AK source `enrolled` besides `msr` */
	bool accept_imported;                     /* vTPMs whose seeds were once outside of an enclave */
	size_t enclave_count;
	struct policy_enclave enclaves[POLICY_ENCLAVES_MAX]; /* a role without an entry is refused by verifiers */
	enum policy_unlisted unlisted_platforms;
	size_t platform_count;
	struct policy_platform platforms[POLICY_PLATFORMS_MAX];
	size_t vtpm_count; /* 0: any vTPM */
	struct policy_vtpm vtpms[POLICY_VTPMS_MAX];
	size_t platform_pcr_count, guest_pcr_count;
	struct policy_pcr platform_pcrs[POLICY_PCRS_MAX], guest_pcrs[POLICY_PCRS_MAX];
	struct policy_log logs[LAYERS];
	struct policy_clock clocks[LAYERS]; /* for all, besides those of a listed platform or vTPM */
	size_t reference_count;
	struct policy_reference reference_files[POLICY_REFERENCES_MAX];
	const struct reference_values *references; /* NULL: not loaded; then a policy that names files trusts nothing */
	bool limits_hand_overs, custody_listed_only;
	uint32_t max_hand_overs;
	bool require_nonce; /* false only where the policy says that freshness is optional */
	uint32_t max_collateral_age_days; /* 0: its own windows suffice */
	bool allow_migration; /* owner's word to the MigE; default true */
};

/* The built-in default of an owner who gave none: same root and signer, UpToDate, MSR only, any platform. */
void policy_default(struct policy *ret_policy);
/* Decodes JSON; a diagnosis (code policy.malformed or json.malformed) names line and column and what was wanted. The document is `{}` at least.
 * On failure the policy is spoiled. */
enum tcb_error policy_decode(struct span json, struct policy *ret_policy, struct diagnosis *d) MUST_USE;
struct checks;

/* An enclave of a role, judged by the policy's entries for that role: measurement, or signer and SVN; never DEBUG, ISVPRODID the role's. */
bool policy_check_enclave(const struct policy *policy, enum enclave_role role, const struct enclave_identity *enclave,
			  const char *layer, const char *code, struct checks *checks);
/* The entry for an AK, or NULL. */
const struct policy_platform *policy_find_platform(const struct policy *policy, const struct tpm_name *ak_name);
enum tcb_error policy_add_root(struct policy *policy, struct span root_certificate_der) MUST_USE;

#endif
