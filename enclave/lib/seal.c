// SPDX-License-Identifier: MIT
#include "enclave/lib/seal.h"

#include "core/reader.h"
#include "crypto/crypto.h"
#include "enclave/tee/tee.h"

#define SEAL_MAGIC "TCBSEAL1"

enum { KEY_ID_SIZE = 32, SEAL_HEAD_SIZE = SEAL_OVERHEAD - AES_GCM_TAG_SIZE };

/* The key under which this enclave process writes. */
static struct {
	bool ready;
	uint16_t isv_svn;
	uint8_t key_id[KEY_ID_SIZE];
	struct secret256 key;
} writing;

bool seal_is_sealed(struct span bytes)
{
	return bytes.size > strlen(SEAL_MAGIC) && span_is_text(span_of(bytes.data, strlen(SEAL_MAGIC)), SEAL_MAGIC);
}

enum tcb_error seal_prepare(void)
{
	struct enclave_identity self;

	if (writing.ready)
		return TCB_OK;
	TRY(tee_self(&self));
	TRY(crypto_random(writing.key_id, sizeof writing.key_id));
	TRY(tee_seal_key(self.isv_svn, writing.key_id, &writing.key));
	writing.isv_svn = self.isv_svn;
	writing.ready = true;
	return TCB_OK;
}

static enum tcb_error make_aad(struct span head, const char *label, uint8_t *ret_bytes, size_t capacity,
			       struct span *ret_aad)
{
	struct writer w = writer_of(ret_bytes, capacity);

	writer_bytes(&w, head);
	writer_bytes(&w, span_of_text(label));
	return writer_end(&w, ret_aad);
}

enum tcb_error seal_bytes(const char *label, struct span plain, struct writer *out)
{
	uint8_t iv[AES_GCM_IV_SIZE], aad_bytes[SEAL_HEAD_SIZE + SEAL_LABEL_MAX];
	size_t start = out->size;
	struct span aad;

	TRY(seal_prepare());
	TRY(crypto_random(iv, sizeof iv));
	writer_bytes(out, span_of_text(SEAL_MAGIC));
	writer_u16(out, writing.isv_svn);
	writer_bytes(out, SPAN_OF(writing.key_id));
	writer_bytes(out, SPAN_OF(iv));
	writer_zeros(out, plain.size + AES_GCM_TAG_SIZE);
	TRY(writer_end(out, NULL));
	TRY(make_aad(span_of(out->data + start, SEAL_HEAD_SIZE), label, aad_bytes, sizeof aad_bytes, &aad));
	return crypto_seal(&writing.key, iv, aad, plain, out->data + start + SEAL_HEAD_SIZE);
}

struct seal_head {
	uint16_t isv_svn;
	uint8_t key_id[KEY_ID_SIZE];
	uint8_t iv[AES_GCM_IV_SIZE];
};

static enum tcb_error head_decode(struct reader *r, struct seal_head *ret_head)
{
	struct span magic;

	TRY(reader_bytes(r, strlen(SEAL_MAGIC), &magic));
	if (!span_is_text(magic, SEAL_MAGIC))
		return TCB_MALFORMED;
	TRY(reader_u16(r, &ret_head->isv_svn));
	TRY(reader_copy(r, ret_head->key_id, sizeof ret_head->key_id));
	TRY(reader_copy(r, ret_head->iv, sizeof ret_head->iv));
	return r->rest.size >= AES_GCM_TAG_SIZE ? TCB_OK : TCB_MALFORMED;
}

static enum tcb_error check_svn(uint16_t stored, struct diagnosis *d)
{
	struct enclave_identity self;

	TRY(tee_self(&self));
	if (stored <= self.isv_svn)
		return TCB_OK;
	return diagnose_found(d, TCB_REFUSED, "seal.svn", "state written by this enclave's version or an older one",
			      "run the newer enclave again: a downgrade does not read newer state",
			      "written with ISVSVN %u, this enclave has %u", stored, self.isv_svn);
}

enum tcb_error seal_open(const char *label, struct span sealed, uint8_t *ret_plain, size_t capacity,
			 struct span *ret_bytes, struct diagnosis *d)
{
	struct reader r = reader_of(sealed);
	uint8_t aad_bytes[SEAL_HEAD_SIZE + SEAL_LABEL_MAX];
	SECRET struct secret256 key = {0};
	struct seal_head head;
	struct span aad;

	if (head_decode(&r, &head) != TCB_OK)
		return diagnose_found(d, TCB_MALFORMED, "seal.malformed", "a sealed file of tcbind",
				      "restore the file that the enclave wrote last", "%zu bytes that are none",
				      sealed.size);
	if (capacity < r.rest.size)
		return TCB_LIMIT;
	TRY(check_svn(head.isv_svn, d));
	TRY(tee_seal_key(head.isv_svn, head.key_id, &key));
	TRY(make_aad(span_of(sealed.data, SEAL_HEAD_SIZE), label, aad_bytes, sizeof aad_bytes, &aad));
	if (crypto_open(&key, head.iv, aad, r.rest, ret_plain) != TCB_OK)
		return diagnose(d, TCB_CRYPTO, "seal.foreign", "sealed bytes that this enclave cannot open",
				"bytes sealed on this processor by this signer for this purpose, unaltered",
				"bring back the file that was written on this platform");
	*ret_bytes = span_of(ret_plain, r.rest.size - AES_GCM_TAG_SIZE);
	return TCB_OK;
}
