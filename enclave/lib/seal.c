// SPDX-License-Identifier: MIT
#include "enclave/lib/seal.h"

#include "core/reader.h"
#include "crypto/crypto.h"
#include "enclave/tee/tee.h"

#define SEAL_MAGIC "TCBSEAL2"

enum { KEY_ID_SIZE = 32, SEAL_HEAD_SIZE = SEAL_OVERHEAD - AES_GCM_TAG_SIZE };

/* The key under which this enclave process writes. */
static struct {
	bool ready;
	struct tee_svn svn;
	uint8_t key_id[KEY_ID_SIZE];
	struct secret256 key;
} writing;

bool seal_is_sealed(struct span bytes)
{
	return bytes.size > strlen(SEAL_MAGIC) && span_is_text(span_of(bytes.data, strlen(SEAL_MAGIC)), SEAL_MAGIC);
}

/* "TCBSEAL" and another digit. */
static bool is_of_another_release(struct span sealed)
{
	static const char family[] = "TCBSEAL";
	size_t size = strlen(family);

	return sealed.size > size && span_is_text(span_of(sealed.data, size), family) && sealed.data[size] >= '0' &&
	       sealed.data[size] <= '9' && !seal_is_sealed(sealed);
}

/* CPUSVN stands first in a REPORT (SDM vol. 3D, REPORT); one to ourselves tells ours. */
static enum tcb_error read_svn(struct tee_svn *ret_svn)
{
	static const uint8_t data[SGX_REPORT_DATA_SIZE];
	uint8_t target[SGX_TARGETINFO_SIZE], report[SGX_REPORT_SIZE];
	struct enclave_identity self;

	TRY(tee_self(&self));
	TRY(tee_target_info(target));
	TRY(tee_report(target, data, report));
	ret_svn->isv_svn = self.isv_svn;
	memcpy(ret_svn->cpu_svn, report, sizeof ret_svn->cpu_svn);
	return TCB_OK;
}

enum tcb_error seal_prepare(void)
{
	if (writing.ready)
		return TCB_OK;
	TRY(read_svn(&writing.svn));
	TRY(crypto_random(writing.key_id, sizeof writing.key_id));
	TRY(tee_seal_key(&writing.svn, writing.key_id, &writing.key));
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
	writer_u16(out, writing.svn.isv_svn);
	writer_bytes(out, SPAN_OF(writing.svn.cpu_svn));
	writer_bytes(out, SPAN_OF(writing.key_id));
	writer_bytes(out, SPAN_OF(iv));
	writer_zeros(out, plain.size + AES_GCM_TAG_SIZE);
	TRY(writer_end(out, NULL));
	TRY(make_aad(span_of(out->data + start, SEAL_HEAD_SIZE), label, aad_bytes, sizeof aad_bytes, &aad));
	return crypto_seal(&writing.key, iv, aad, plain, out->data + start + SEAL_HEAD_SIZE);
}

struct seal_head {
	struct tee_svn svn;
	uint8_t key_id[KEY_ID_SIZE];
	uint8_t iv[AES_GCM_IV_SIZE];
};

static enum tcb_error head_decode(struct reader *r, struct seal_head *ret_head)
{
	struct span magic;

	TRY(reader_bytes(r, strlen(SEAL_MAGIC), &magic));
	if (!span_is_text(magic, SEAL_MAGIC))
		return TCB_MALFORMED;
	TRY(reader_u16(r, &ret_head->svn.isv_svn));
	TRY(reader_copy(r, ret_head->svn.cpu_svn, sizeof ret_head->svn.cpu_svn));
	TRY(reader_copy(r, ret_head->key_id, sizeof ret_head->key_id));
	TRY(reader_copy(r, ret_head->iv, sizeof ret_head->iv));
	return r->rest.size >= AES_GCM_TAG_SIZE ? TCB_OK : TCB_MALFORMED;
}

static enum tcb_error check_svn(const struct tee_svn *stored, struct diagnosis *d)
{
	struct tee_svn own;

	TRY(read_svn(&own));
	if (stored->isv_svn > own.isv_svn)
		return diagnose_found(d, TCB_REFUSED, "seal.svn", "state written by this enclave's version or an older one",
				      "run the newer enclave again: a downgrade does not read newer state",
				      "written with ISVSVN %u, this enclave has %u", stored->isv_svn, own.isv_svn);
	for (unsigned i = 0; i < sizeof own.cpu_svn; i++)
		if (stored->cpu_svn[i] > own.cpu_svn[i])
			return diagnose_found(d, TCB_REFUSED, "seal.svn",
					      "state written on this processor's microcode or an older one",
					      "load the newer microcode again: a downgrade does not read newer state",
					      "written with CPUSVN component %u at %u, this processor has %u", i + 1,
					      stored->cpu_svn[i], own.cpu_svn[i]);
	return TCB_OK;
}

bool seal_is_current(struct span sealed)
{
	struct reader r = reader_of(sealed);
	struct seal_head head;

	return seal_prepare() == TCB_OK && head_decode(&r, &head) == TCB_OK &&
	       head.svn.isv_svn == writing.svn.isv_svn &&
	       memcmp(head.svn.cpu_svn, writing.svn.cpu_svn, sizeof head.svn.cpu_svn) == 0;
}

enum tcb_error seal_open(const char *label, struct span sealed, uint8_t *ret_plain, size_t capacity,
			 struct span *ret_bytes, struct diagnosis *d)
{
	struct reader r = reader_of(sealed);
	uint8_t aad_bytes[SEAL_HEAD_SIZE + SEAL_LABEL_MAX];
	SECRET struct secret256 key = {0};
	struct seal_head head;
	struct span aad;

	if (is_of_another_release(sealed))
		return diagnose_found(d, TCB_REFUSED, "seal.release", "sealed bytes of this release (" SEAL_MAGIC ")",
				      "run the release that wrote them; CHANGELOG.md says which formats a release reads",
				      "sealed bytes of another release (%.8s)", (const char *)sealed.data);
	if (head_decode(&r, &head) != TCB_OK)
		return diagnose_found(d, TCB_MALFORMED, "seal.malformed", "a sealed file of tcbind",
				      "restore the file that the enclave wrote last", "%zu bytes that are none",
				      sealed.size);
	if (capacity < r.rest.size)
		return TCB_LIMIT;
	TRY(check_svn(&head.svn, d));
	TRY(tee_seal_key(&head.svn, head.key_id, &key));
	TRY(make_aad(span_of(sealed.data, SEAL_HEAD_SIZE), label, aad_bytes, sizeof aad_bytes, &aad));
	if (crypto_open(&key, head.iv, aad, r.rest, ret_plain) != TCB_OK)
		return diagnose(d, TCB_CRYPTO, "seal.foreign", "sealed bytes that this enclave cannot open",
				"bytes sealed on this processor by this signer and a release of one format, unaltered",
				"bring back the file that was written on this platform");
	*ret_bytes = span_of(ret_plain, r.rest.size - AES_GCM_TAG_SIZE);
	return TCB_OK;
}
