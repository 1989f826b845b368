// SPDX-License-Identifier: MIT
/* Quotes and collateral under a test root, every key of which the test has: what they say is true until a test alters one thing and has all signed
 * again. SGX v3, TDX v4 and v5. Certificates and CRLs are sgxsim's: there is no other signer. */
#ifndef TCBIND_TESTS_VERIFY_QUOTE_RIG_H
#define TCBIND_TESTS_VERIFY_QUOTE_RIG_H

#include "sgxsim/certificate.h"
#include "sgxsim/sgx_extension.h"
#include "verify/appraise/quote.h"

enum rig_kind { RIG_SGX3, RIG_TDX4, RIG_TDX5 };

enum { RIG_HEADER = 48, RIG_REPORT = 384, RIG_TD15 = 648, RIG_DAY_S = 86400 };

struct rig_bytes {
	size_t size;
	uint8_t bytes[4096];
};

struct quote_rig {
	enum rig_kind kind;
	uint64_t now_s;     /* the time of the check; all windows are ten days around `made_s` */
	uint64_t made_s;
	struct issuer root, platform_ca, tcb_signing, pck;
	EVP_PKEY *attestation;
	struct sgx_extension processor;

	/* the quote, before it is signed */
	uint8_t header[RIG_HEADER], body[RIG_TD15], qe_report[RIG_REPORT], qe_auth[32];
	char chain[8192]; /* PEM */
	bool bind_qe;     /* the QE report names the attestation key; false: its data is the test's */

	/* the collateral, before it is signed */
	char tcb_info[16384], qe_identity[4096];
	struct rig_bytes root_crl, pck_crl;

	/* signed, by quote_rig_sign() */
	size_t quote_size;
	uint8_t quote[16384];
	struct rig_bytes ders[3];
	struct collateral collateral;

	struct policy policy; /* accepts UpToDate under this root */
	struct checks checks;
	struct quote_claims claims;
};

/* All valid and UpToDate; ends the test on failure, as all here. `made_s` 0: the real time. */
void quote_rig_init(struct quote_rig *r, enum rig_kind kind, uint64_t made_s);
void quote_rig_end(struct quote_rig *r);

/* A certificate anew: `request` with the usual window where it has none; the chain is put together again. */
void quote_rig_issue(struct quote_rig *r, const struct issuer *signer, struct certificate_request request, struct issuer *replaced);
/* The PCK anew, from r->processor. */
void quote_rig_issue_pck(struct quote_rig *r);
/* Puts the quote's PEM chain together again. */
void quote_rig_put_chain(struct quote_rig *r);
/* A CRL with these certificates (NULL: end); its window starts at `from_s`. */
void quote_rig_crl(const struct quote_rig *r, const struct issuer *issuer, X509 *const *revoked, uint64_t from_s,
		   struct rig_bytes *ret_crl);
/* The first `from` in a text becomes `to`; it must be there. */
void quote_rig_edit(char *text, size_t capacity, const char *from, const char *to);
#define RIG_EDIT(array, from, to) quote_rig_edit(array, sizeof(array), from, to)

/* Signs all as it is now. */
void quote_rig_sign(struct quote_rig *r);
enum tcb_error quote_rig_appraise(struct quote_rig *r);
/* Signs and appraises: trusted. */
void quote_rig_trusted(struct quote_rig *r);
/* Signs and appraises: the first failed check has this code. */
void quote_rig_refused(struct quote_rig *r, const char *code);
/* Appraises what is signed: the first failed check has this code. */
void quote_rig_refused_as_is(struct quote_rig *r, const char *code);

/* Where things are in the body. */
uint8_t *quote_rig_sgx(struct quote_rig *r);
uint8_t *quote_rig_td(struct quote_rig *r);

#endif
