// SPDX-License-Identifier: MIT
#include "sgxsim/processor.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "core/hex.h"
#include "core/reader.h"
#include "crypto/crypto.h"
#include "edge/instruction.h"
#include "edge/launch.h"
#include "sgxsim/file.h"

enum { KEY_ID_SIZE = 32, KEY_SIZE = 16 };

/* ---- reset ---- */

static enum tcb_error read_fixed(const char *dir, const char *name, uint8_t *ret_bytes, size_t size,
				 struct diagnosis *d)
{
	struct file_bytes f = {0};
	char path[4096];
	bool fits;

	TRY(path_join(path, sizeof path, dir, name, d));
	TRY(file_read(path, &f, d));
	fits = f.size == size;
	if (fits)
		memcpy(ret_bytes, f.data, size);
	file_free(&f);
	return fits ? TCB_OK
		    : diagnose_found(d, TCB_MALFORMED, "sgx.fuses", "a fuse file of its size",
				     "make the platform anew with `tcbind platform init`", "%s has another size", path);
}

static enum tcb_error read_pck(const char *dir, struct fuses *fuses, struct diagnosis *d)
{
	struct file_bytes f = {0};
	char path[4096];
	FILE *key;

	TRY(path_join(path, sizeof path, dir, "pck-chain.pem", d));
	TRY(file_read(path, &f, d));
	if (f.size + 1 > sizeof fuses->pck_chain) {
		file_free(&f);
		return TCB_LIMIT;
	}
	memcpy(fuses->pck_chain, f.data, f.size);
	fuses->pck_chain[f.size] = 0; /* real quotes end their chain so */
	fuses->pck_chain_size = f.size + 1;
	file_free(&f);
	TRY(path_join(path, sizeof path, dir, "pck-key.pem", d));
	key = fopen(path, "re");
	if (key != NULL) {
		fuses->pck = PEM_read_PrivateKey(key, NULL, NULL, NULL);
		(void)fclose(key);
	}
	return fuses->pck != NULL ? TCB_OK
				  : diagnose(d, TCB_PLATFORM, "sgx.fuses", "no PCK key", "DIR/processor/pck-key.pem",
					     "make the platform anew with `tcbind platform init`");
}

static enum tcb_error read_fuses(const char *platform_dir, struct fuses *fuses, struct diagnosis *d)
{
	uint8_t svn[SGX_CPUSVN_SIZE + 2], acm_svn[2];
	char dir[4096];

	TRY(path_join(dir, sizeof dir, platform_dir, "processor", d));
	TRY(read_fixed(dir, "root-secret", fuses->root.bytes, sizeof fuses->root.bytes, d));
	TRY(read_fixed(dir, "acm-signer", fuses->acm_signer, sizeof fuses->acm_signer, d));
	TRY(read_fixed(dir, "acm-svn", acm_svn, sizeof acm_svn, d));
	fuses->acm_svn = (uint16_t)(acm_svn[0] | acm_svn[1] << 8);
	TRY(read_fixed(dir, "svn", svn, sizeof svn, d));
	memcpy(fuses->cpu_svn, svn, sizeof fuses->cpu_svn);
	fuses->pce_svn = (uint16_t)(svn[SGX_CPUSVN_SIZE] | svn[SGX_CPUSVN_SIZE + 1] << 8);
	return read_pck(dir, fuses, d);
}

enum tcb_error processor_derive(const struct processor *p, const char *purpose, struct span info, uint8_t *ret_key,
				size_t size)
{
	return crypto_hkdf(SPAN_OF(p->fuses.root.bytes), span_of_text(purpose), info, ret_key, size);
}

enum tcb_error processor_reset(struct processor *p, const char *platform_dir, struct diagnosis *d)
{
	uint8_t scalar[32];

	*p = (struct processor){0};
	TRY(read_fuses(platform_dir, &p->fuses, d));
	TRY(crypto_random(p->epoch.bytes, sizeof p->epoch.bytes));
	TRY(crypto_random(p->report_key_id, sizeof p->report_key_id));
	TRY(processor_derive(p, "quoting enclave's attestation key", span_of(NULL, 0), scalar, sizeof scalar));
	scalar[0] &= 0x7f; /* below the group's order */
	TRY(crypto_p256_from_scalar(scalar, &p->attestation));
	wipe(scalar, sizeof scalar);
	return crypto_p256_public(p->attestation, &p->attestation_public);
}

enum tcb_error processor_judge_acm(const struct processor *p, const struct enclave_identity *identity,
				   struct diagnosis *d)
{
	char found[65], fused[65], wanted[DIAGNOSIS_TEXT_MAX];

	hex_encode(SPAN_OF(identity->mrsigner), found);
	hex_encode(SPAN_OF(p->fuses.acm_signer), fused);
	if (identity->isv_prod_id != ROLE_ACM || (identity->attributes & SGX_FLAG_DEBUG) != 0 ||
	    memcmp(identity->mrsigner, p->fuses.acm_signer, sizeof p->fuses.acm_signer) != 0) {
		(void)snprintf(wanted, sizeof wanted, "an ACM of the signer that made this platform, %s", fused);
		return diagnose_found(d, TCB_REFUSED, "acm.signer", wanted,
				      "build with that signer's key (meson setup -Denclave_signer=FILE), or have "
				      "its owner sign these images (sign-enclaves); `tcbind version` prints a "
				      "build's signer",
				      "an enclave of role %u and signer %s", identity->isv_prod_id, found);
	}
	if (identity->isv_svn >= p->fuses.acm_svn)
		return TCB_OK;
	(void)snprintf(wanted, sizeof wanted, "an ACM of security version %u or newer (processor/acm-svn)",
		       p->fuses.acm_svn);
	return diagnose_found(d, TCB_REFUSED, "acm.svn", wanted,
			      "start the platform with the release that it was made with, or a newer one",
			      "an ACM of security version %u", identity->isv_svn);
}

/* ---- instructions ---- */

static void attributes_encode(struct writer *w, uint64_t flags)
{
	writer_u64_le(w, flags);
	writer_u64_le(w, 3); /* XFRM: x87 and SSE */
}

void processor_report_body(const struct processor *p, const struct enclave_identity *self,
			   const uint8_t report_data[SGX_REPORT_DATA_SIZE], struct writer *w)
{
	writer_bytes(w, SPAN_OF(p->fuses.cpu_svn));
	writer_zeros(w, 4 + 12 + 16); /* miscselect, reserved, isvextprodid */
	attributes_encode(w, self->attributes);
	writer_bytes(w, SPAN_OF(self->mrenclave));
	writer_zeros(w, 32);
	writer_bytes(w, SPAN_OF(self->mrsigner));
	writer_zeros(w, 32 + 64); /* reserved, configid */
	writer_u16_le(w, self->isv_prod_id);
	writer_u16_le(w, self->isv_svn);
	writer_zeros(w, 2 + 42 + 16); /* configsvn, reserved, isvfamilyid */
	writer_bytes(w, span_of(report_data, SGX_REPORT_DATA_SIZE));
}

static void target_info_encode(const struct enclave_identity *self, struct writer *w)
{
	writer_bytes(w, SPAN_OF(self->mrenclave));
	attributes_encode(w, self->attributes);
	writer_zeros(w, SGX_TARGETINFO_SIZE - 32 - 16);
}

/* The key that authenticates REPORTs for the enclave {mrenclave, attributes}: the first 48 bytes of its TARGETINFO. */
static enum tcb_error report_key(const struct processor *p, struct span target, struct span key_id,
				 uint8_t ret_key[KEY_SIZE])
{
	uint8_t info[48 + KEY_ID_SIZE];

	memcpy(info, target.data, 48);
	memcpy(info + 48, key_id.data, KEY_ID_SIZE);
	return processor_derive(p, "report key", SPAN_OF(info), ret_key, KEY_SIZE);
}

static enum tcb_error do_report(struct processor *p, const struct enclave_identity *self, struct reader *r,
				struct writer *w)
{
	uint8_t data[SGX_REPORT_DATA_SIZE], key[KEY_SIZE], mac[16];
	size_t start = w->size;
	struct span target;

	TRY(reader_bytes(r, SGX_TARGETINFO_SIZE, &target));
	TRY(reader_copy(r, data, sizeof data));
	TRY(reader_end(r));
	processor_report_body(p, self, data, w);
	TRY(writer_end(w, NULL));
	TRY(report_key(p, target, SPAN_OF(p->report_key_id), key));
	TRY(crypto_cmac(key, span_of(w->data + start, SGX_REPORT_BODY_SIZE), mac));
	writer_bytes(w, SPAN_OF(p->report_key_id));
	writer_bytes(w, SPAN_OF(mac));
	return TCB_OK;
}

static enum tcb_error do_report_key(const struct processor *p, const struct enclave_identity *self, struct reader *r,
				    struct writer *w)
{
	uint8_t target[SGX_TARGETINFO_SIZE], key[KEY_SIZE];
	struct writer t = WRITER_OF(target);
	struct span key_id;

	TRY(reader_bytes(r, KEY_ID_SIZE, &key_id));
	TRY(reader_end(r));
	target_info_encode(self, &t);
	TRY(report_key(p, SPAN_OF(target), key_id, key));
	writer_bytes(w, SPAN_OF(key));
	return TCB_OK;
}

static bool is_at_most(struct span cpu_svn, const uint8_t own[SGX_CPUSVN_SIZE])
{
	for (size_t i = 0; i < SGX_CPUSVN_SIZE; i++)
		if (cpu_svn.data[i] > own[i])
			return false;
	return true;
}

/* EGETKEY's rule: a key of a higher ISVSVN than one's own, or of a CPUSVN with a higher component than the
 * processor's, is not given. DEBUG enclaves get keys of their own. */
static enum tcb_error do_seal_key(const struct processor *p, const struct enclave_identity *self, struct reader *r,
				  struct writer *w)
{
	uint8_t info[128], key[KEY_SIZE];
	struct writer i = WRITER_OF(info);
	struct span cpu_svn, key_id, info_bytes;
	uint16_t isv_svn;

	TRY(reader_u16(r, &isv_svn));
	TRY(reader_bytes(r, SGX_CPUSVN_SIZE, &cpu_svn));
	TRY(reader_bytes(r, KEY_ID_SIZE, &key_id));
	TRY(reader_end(r));
	if (isv_svn > self->isv_svn || !is_at_most(cpu_svn, p->fuses.cpu_svn))
		return TCB_REFUSED;
	writer_bytes(&i, SPAN_OF(self->mrsigner));
	writer_u16(&i, self->isv_prod_id);
	writer_u16(&i, isv_svn);
	writer_u64(&i, self->attributes & SGX_FLAG_DEBUG);
	writer_bytes(&i, cpu_svn);
	writer_bytes(&i, key_id);
	TRY(writer_end(&i, &info_bytes));
	TRY(processor_derive(p, "seal key", info_bytes, key, sizeof key));
	writer_bytes(w, SPAN_OF(key));
	return TCB_OK;
}

static enum tcb_error do_quote(struct processor *p, const struct enclave_identity *self, struct reader *r,
			       struct writer *w)
{
	uint8_t data[SGX_REPORT_DATA_SIZE];

	TRY(reader_copy(r, data, sizeof data));
	TRY(reader_end(r));
	return processor_quote(p, self, data, w);
}

static enum tcb_error do_read_bank(const struct processor *p, struct writer *w)
{
	writer_bool(w, p->bank.locked);
	writer_bytes(w, SPAN_OF(p->epoch.bytes));
	writer_tpm2b(w, span_of(p->bank.ak_public, p->bank.size));
	return TCB_OK;
}

static enum tcb_error do_write_bank(struct processor *p, struct reader *r)
{
	struct span ak;

	TRY(reader_tpm2b(r, &ak));
	TRY(reader_end(r));
	if (p->bank.locked)
		return TCB_REFUSED; /* #GP, until the next reset */
	if (ak.size == 0 || ak.size > sizeof p->bank.ak_public)
		return TCB_LIMIT;
	memcpy(p->bank.ak_public, ak.data, ak.size);
	p->bank.size = ak.size;
	return TCB_OK;
}

static enum tcb_error do_lock_bank(struct processor *p)
{
	if (p->bank.size == 0)
		return TCB_WRONG_STATE;
	p->bank.locked = true;
	return TCB_OK;
}

/* Which roles may issue an instruction; the others fault. */
static bool permitted(enum instruction instruction, uint16_t role)
{
	switch (instruction) {
	case INSTRUCTION_READ_BANK: return role == ROLE_PSE || role == ROLE_ACM;
	case INSTRUCTION_WRITE_BANK:
	case INSTRUCTION_LOCK_BANK: return role == ROLE_ACM;
	default: return true;
	}
}

enum tcb_error processor_execute(struct processor *p, const struct enclave_identity *self, struct span request,
				 struct writer *answer)
{
	struct reader r = reader_of(request);
	uint8_t instruction;

	TRY(reader_u8(&r, &instruction));
	if (!permitted((enum instruction)instruction, self->isv_prod_id))
		return TCB_REFUSED;
	switch (instruction) {
	case INSTRUCTION_SELF: enclave_identity_encode(answer, self); return reader_end(&r);
	case INSTRUCTION_TARGET_INFO: target_info_encode(self, answer); return reader_end(&r);
	case INSTRUCTION_REPORT: return do_report(p, self, &r, answer);
	case INSTRUCTION_REPORT_KEY: return do_report_key(p, self, &r, answer);
	case INSTRUCTION_SEAL_KEY: return do_seal_key(p, self, &r, answer);
	case INSTRUCTION_QUOTE: return do_quote(p, self, &r, answer);
	case INSTRUCTION_READ_BANK: return do_read_bank(p, answer);
	case INSTRUCTION_WRITE_BANK: return do_write_bank(p, &r);
	case INSTRUCTION_LOCK_BANK: return do_lock_bank(p);
	default: return TCB_MALFORMED;
	}
}
