// SPDX-License-Identifier: MIT
#include "sgxsim/pki.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/crypto.h"
#include "edge/collateral.h"
#include "sgxsim/certificate.h"
#include "sgxsim/file.h"
#include "sgxsim/pki_json.h"
#include "sgxsim/sgx_extension.h"
#include "sgxsim/sigstruct.h"

#define DAY_S ((int64_t)24 * 60 * 60)
#define CERTIFICATE_LIFE_S (20 * 365 * DAY_S)
#define COLLATERAL_LIFE_S (365 * DAY_S)
#define SERIALS_MAX 1024
#define SERIAL_SIZE 16

/* The four certificates of a PKI. */
struct pki {
	struct issuer root, platform_ca, tcb_signing;
};

static void pki_wipe(struct pki *pki)
{
	issuer_wipe(&pki->root);
	issuer_wipe(&pki->platform_ca);
	issuer_wipe(&pki->tcb_signing);
}

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

void pki_collateral_defaults(struct pki_collateral_options *ret_options)
{
	*ret_options = (struct pki_collateral_options){
		.issued_s = now_s() - DAY_S, /* a verifier's clock may be behind */
		.next_update_s = now_s() + COLLATERAL_LIFE_S,
		.up_to_date_svn = PKI_COMPONENT_SVN,
		.evaluation_number = 17,
	};
}

static enum tcb_error make_directory(const char *path, struct diagnosis *d)
{
	if (mkdir(path, 0700) == 0)
		return TCB_OK;
	return diagnose_found(d, TCB_PLATFORM, errno == EEXIST ? "pki.exists" : "file.write",
			      "a directory that can be made", "name a new directory", "%s: %s", path, strerror(errno));
}

static enum tcb_error issue_all(struct pki *pki)
{
	struct certificate_request request = {
		.not_before_s = now_s() - DAY_S,
		.not_after_s = now_s() + CERTIFICATE_LIFE_S,
	};

	request.common_name = "Intel SGX Root CA";
	request.is_ca = true;
	request.path_length = 1;
	TRY(certificate_issue(NULL, &request, &pki->root));
	request.common_name = "Intel SGX PCK Platform CA";
	request.path_length = 0;
	TRY(certificate_issue(&pki->root, &request, &pki->platform_ca));
	request.common_name = "Intel SGX TCB Signing";
	request.is_ca = false;
	return certificate_issue(&pki->root, &request, &pki->tcb_signing);
}

static enum tcb_error save_all(const struct pki *pki, const char *dir, struct diagnosis *d)
{
	char path[4096];

	TRY(issuer_save(&pki->root, dir, "root", d));
	TRY(issuer_save(&pki->platform_ca, dir, "platform-ca", d));
	TRY(issuer_save(&pki->tcb_signing, dir, "tcb-signing", d));
	TRY(path_join(path, sizeof path, dir, "issued", d));
	return file_write(path, span_of(NULL, 0), 0600, d);
}

static enum tcb_error load_all(struct pki *pki, const char *dir, struct diagnosis *d)
{
	TRY(issuer_load(dir, "root", &pki->root, d));
	TRY(issuer_load(dir, "platform-ca", &pki->platform_ca, d));
	return issuer_load(dir, "tcb-signing", &pki->tcb_signing, d);
}

enum tcb_error pki_init(const char *dir, struct diagnosis *d)
{
	struct pki_collateral_options options;
	struct pki pki = {0};
	enum tcb_error error;

	TRY(make_directory(dir, d));
	error = issue_all(&pki);
	if (error == TCB_OK)
		error = save_all(&pki, dir, d);
	pki_wipe(&pki);
	TRY(error);
	pki_collateral_defaults(&options);
	return pki_issue_collateral(dir, &options, d);
}

/* ---- collateral ---- */

/* All DER that a collateral document borrows. */
struct ders {
	uint8_t *data[5];
	size_t size[5];
};

enum { DER_TCB_SIGNING, DER_ROOT, DER_ROOT_CRL, DER_PCK_CRL, DER_PLATFORM_CA, DER_COUNT };

static enum tcb_error make_ders(const struct pki *pki, const struct pki_collateral_options *o, struct span issued,
				struct ders *ret_ders)
{
	struct span serials[SERIALS_MAX];
	size_t count = 0;

	for (size_t at = 0; o->revoke_pck && at + SERIAL_SIZE <= issued.size && count < SERIALS_MAX; at += SERIAL_SIZE)
		serials[count++] = span_of(issued.data + at, SERIAL_SIZE);
	TRY(certificate_der(pki->tcb_signing.certificate, &ret_ders->data[DER_TCB_SIGNING],
			    &ret_ders->size[DER_TCB_SIGNING]));
	TRY(certificate_der(pki->root.certificate, &ret_ders->data[DER_ROOT], &ret_ders->size[DER_ROOT]));
	TRY(crl_issue(&pki->root, NULL, 0, o->issued_s, o->next_update_s, &ret_ders->data[DER_ROOT_CRL],
		      &ret_ders->size[DER_ROOT_CRL]));
	TRY(crl_issue(&pki->platform_ca, serials, count, o->issued_s, o->next_update_s, &ret_ders->data[DER_PCK_CRL],
		      &ret_ders->size[DER_PCK_CRL]));
	return certificate_der(pki->platform_ca.certificate, &ret_ders->data[DER_PLATFORM_CA],
			       &ret_ders->size[DER_PLATFORM_CA]);
}

static struct span der_span(const struct ders *ders, int which)
{
	return span_of(ders->data[which], ders->size[which]);
}

static enum tcb_error make_collateral(const struct pki *pki, const struct ders *ders, const struct pki_texts *texts,
				      struct collateral *ret_collateral)
{
	*ret_collateral = (struct collateral){
		.tcb_info = span_of_text(texts->tcb_info),
		.qe_identity = span_of_text(texts->qe_identity),
		.tcb_signing_certificate = der_span(ders, DER_TCB_SIGNING),
		.root_certificate = der_span(ders, DER_ROOT),
		.root_crl = der_span(ders, DER_ROOT_CRL),
		.pck_crl = der_span(ders, DER_PCK_CRL),
		.pck_crl_issuer = der_span(ders, DER_PLATFORM_CA),
	};
	TRY(crypto_sign(pki->tcb_signing.key, ret_collateral->tcb_info, &ret_collateral->tcb_info_signature));
	return crypto_sign(pki->tcb_signing.key, ret_collateral->qe_identity, &ret_collateral->qe_identity_signature);
}

static enum tcb_error save_cbor(const struct collateral *c, const char *dir, struct diagnosis *d)
{
	static uint8_t bytes[65536];
	struct writer w = WRITER_OF(bytes);
	struct span document;
	char path[4096];

	collateral_encode(&w, c);
	TRY(writer_end(&w, &document));
	TRY(path_join(path, sizeof path, dir, "collateral.cbor", d));
	return file_write(path, document, 0644, d);
}

static enum tcb_error issue(const struct pki *pki, const char *dir, const struct pki_collateral_options *o,
			    struct span issued, struct diagnosis *d)
{
	static struct pki_texts texts;
	struct ders ders = {0};
	struct collateral c;
	enum tcb_error error = pki_texts_make(o, &texts);

	if (error == TCB_OK)
		error = make_ders(pki, o, issued, &ders);
	if (error == TCB_OK)
		error = make_collateral(pki, &ders, &texts, &c);
	if (error == TCB_OK)
		error = save_cbor(&c, dir, d);
	if (error == TCB_OK)
		error = pki_save_json(&c, pki->tcb_signing.certificate, pki->root.certificate,
				      pki->platform_ca.certificate, dir, d);
	for (int i = 0; i < DER_COUNT; i++)
		OPENSSL_free(ders.data[i]);
	return error;
}

enum tcb_error pki_issue_collateral(const char *dir, const struct pki_collateral_options *options, struct diagnosis *d)
{
	struct file_bytes issued = {0};
	struct pki pki = {0};
	char path[4096];
	enum tcb_error error;

	TRY(path_join(path, sizeof path, dir, "issued", d));
	error = load_all(&pki, dir, d);
	if (error == TCB_OK)
		error = file_read(path, &issued, d);
	if (error == TCB_OK)
		error = issue(&pki, dir, options, file_span(&issued), d);
	file_free(&issued);
	pki_wipe(&pki);
	return error;
}

/* ---- one processor ---- */

/* Remembers a PCK's serial number, so that it can be revoked. */
static enum tcb_error note_issued(const char *pki_dir, const X509 *certificate, struct diagnosis *d)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	uint8_t serial[SERIAL_SIZE];
	char path[4096];
	FILE *f;
	bool ok = number != NULL && BN_bn2binpad(number, serial, sizeof serial) == SERIAL_SIZE;

	BN_free(number);
	TRY(path_join(path, sizeof path, pki_dir, "issued", d));
	f = ok ? fopen(path, "ae") : NULL;
	ok = f != NULL && fwrite(serial, sizeof serial, 1, f) == 1;
	if (f != NULL)
		ok = fclose(f) == 0 && ok;
	return ok ? TCB_OK : diagnose_found(d, TCB_PLATFORM, "file.write", "a file that can be appended to",
					    "check the PKI directory's mode", "%s", path);
}

/* leaf, intermediate, root, as quotes carry them */
static enum tcb_error save_chain(const struct pki *pki, X509 *leaf, const char *dir, struct diagnosis *d)
{
	X509 *const chain[] = { leaf, pki->platform_ca.certificate, pki->root.certificate };
	uint8_t bytes[8192];
	struct writer w = WRITER_OF(bytes);
	struct span text;
	char path[4096], *pem;
	size_t size;

	for (size_t i = 0; i < 3; i++) {
		TRY(certificate_pem(chain[i], &pem, &size));
		writer_bytes(&w, span_of(pem, size));
		OPENSSL_free(pem);
	}
	TRY(writer_end(&w, &text));
	TRY(path_join(path, sizeof path, dir, "pck-chain.pem", d));
	return file_write(path, text, 0644, d);
}

static enum tcb_error make_pck(const struct pki *pki, const char *pki_dir, const char *dir, struct diagnosis *d)
{
	uint8_t extension[1024];
	struct writer w = WRITER_OF(extension);
	struct certificate_request request = {
		.common_name = "Intel SGX PCK Certificate",
		.not_before_s = now_s() - DAY_S,
		.not_after_s = now_s() + CERTIFICATE_LIFE_S,
	};
	struct sgx_extension processor;
	struct issuer pck = {0};
	enum tcb_error error;

	sgx_extension_defaults(&processor);
	TRY(sgx_extension_write(&processor, &w));
	TRY(writer_end(&w, &request.sgx));
	TRY(certificate_issue(&pki->platform_ca, &request, &pck));
	error = issuer_save(&pck, dir, "pck", d);
	if (error == TCB_OK)
		error = save_chain(pki, pck.certificate, dir, d);
	if (error == TCB_OK)
		error = note_issued(pki_dir, pck.certificate, d);
	issuer_wipe(&pck);
	return error;
}

static enum tcb_error save_bytes(const char *dir, const char *name, struct span bytes, struct diagnosis *d)
{
	char path[4096];

	TRY(path_join(path, sizeof path, dir, name, d));
	return file_write(path, bytes, 0600, d);
}

/* MRSIGNER and ISVSVN of the ACM's signature file: only this signer's ACMs will run on this processor, and
 * none that is older. */
static enum tcb_error fuse_acm(const char *dir, const char *acm_sig_path, struct diagnosis *d)
{
	enum { MODULUS_AT = 128, MODULUS_SIZE = 384, ISV_SVN_AT = 1026 }; /* of SIGSTRUCT (sigstruct.c) */
	struct file_bytes sigstruct = {0};
	struct digest256 signer;
	uint8_t svn[2] = {0};
	enum tcb_error error;

	TRY(file_read(acm_sig_path, &sigstruct, d));
	error = sigstruct.size == SIGSTRUCT_SIZE
			? crypto_sha256(span_of(sigstruct.data + MODULUS_AT, MODULUS_SIZE), &signer)
			: TCB_MALFORMED;
	if (error == TCB_OK)
		memcpy(svn, sigstruct.data + ISV_SVN_AT, sizeof svn);
	file_free(&sigstruct);
	TRY(error);
	TRY(save_bytes(dir, "acm-svn", SPAN_OF(svn), d));
	return save_bytes(dir, "acm-signer", SPAN_OF(signer.bytes), d);
}

static enum tcb_error copy_collateral(const char *platform_dir, const char *pki_dir, struct diagnosis *d)
{
	struct file_bytes f = {0};
	char path[4096];
	enum tcb_error error;

	TRY(path_join(path, sizeof path, pki_dir, "collateral.cbor", d));
	TRY(file_read(path, &f, d));
	error = save_bytes(platform_dir, "collateral.cbor", file_span(&f), d);
	file_free(&f);
	return error;
}

enum tcb_error processor_fuse(const char *platform_dir, const char *pki_dir, const char *acm_sig_path,
			      struct diagnosis *d)
{
	SECRET struct secret256 root = {0};
	uint8_t svn[SGX_CPUSVN_SIZE + 2];
	struct pki pki = {0};
	enum tcb_error error;
	char dir[4096];

	TRY(path_join(dir, sizeof dir, platform_dir, "processor", d));
	TRY(make_directory(dir, d));
	TRY(crypto_random(root.bytes, sizeof root.bytes));
	TRY(save_bytes(dir, "root-secret", SPAN_OF(root.bytes), d));
	memset(svn, PKI_COMPONENT_SVN, SGX_CPUSVN_SIZE);
	svn[SGX_CPUSVN_SIZE] = PKI_PCE_SVN;
	svn[SGX_CPUSVN_SIZE + 1] = 0;
	TRY(save_bytes(dir, "svn", SPAN_OF(svn), d));
	TRY(fuse_acm(dir, acm_sig_path, d));
	error = load_all(&pki, pki_dir, d);
	if (error == TCB_OK)
		error = make_pck(&pki, pki_dir, dir, d);
	pki_wipe(&pki);
	TRY(error);
	return copy_collateral(platform_dir, pki_dir, d);
}
