/* An appraisal policy: what a relying party, or a VM's owner, accepts. One JSON form (docs/policy.md) serves
 * `tcbind verify`, the service and, inside the vTPM's state, the MigE. Decoding is pure: files that a
 * policy names (roots, collateral) are loaded by the caller and set by policy_add_root(). */
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
#define POLICY_PCRS_MAX 24

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

/* What one role's enclave must be: any of its accepted measurements, or its signer with a least SVN. */
struct policy_enclave {
	enum enclave_role role;
	bool has_mrenclave, has_mrsigner;
	uint8_t mrenclave[32];
	uint8_t mrsigner[32];
	uint16_t min_isv_svn;
};

struct policy_platform {
	char name[LIMIT_NAME + 1];
	struct tpm_name ak_name;
	bool has_ppid;
	uint8_t ppid[16]; /* of the PCK certificate */
};

struct policy_vtpm {
	struct uuid id;
	bool has_ek_name;
	struct tpm_name ek_name;
	uint64_t min_generation;
};

/* One PCR (SHA-256 bank) and the value that it must have. */
struct policy_pcr {
	uint8_t index;
	struct digest256 value;
};

enum policy_unlisted { UNLISTED_REFUSE, UNLISTED_BY_CUSTODY, UNLISTED_ACCEPT };

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
	bool allow_migration; /* owner's word to the MigE; default true */
};

/* The built-in default of an owner who gave none: same root and signer, UpToDate, MSR only, any platform. */
void policy_default(struct policy *ret_policy);
/* Decodes JSON; a diagnosis names line and column. The document is `{}` at least. */
enum tcb_error policy_decode(struct span json, struct policy *ret_policy, struct diagnosis *d) MUST_USE;
struct checks;

/* An enclave of a role, judged by the policy's entries for that role: measurement, or signer and SVN; never DEBUG, ISVPRODID the role's. */
bool policy_check_enclave(const struct policy *policy, enum enclave_role role, const struct enclave_identity *enclave,
			  const char *layer, const char *code, struct checks *checks);
enum tcb_error policy_add_root(struct policy *policy, struct span root_certificate_der) MUST_USE;

#endif
