// SPDX-License-Identifier: MIT
#include "enclave/lib/session_crypto.h"

#include <openssl/evp.h>

#include "core/limits.h"
#include "enclave/tee/tee.h"

enum tcb_error session_hello_new(EVP_PKEY **ret_key, struct session_hello *ret_hello)
{
	EVP_PKEY *key = NULL;

	TRY(tee_target_info(ret_hello->target));
	TRY(crypto_p256_new(&key));
	if (crypto_p256_public(key, &ret_hello->point) != TCB_OK) {
		EVP_PKEY_free(key);
		return TCB_INTERNAL;
	}
	*ret_key = key;
	return TCB_OK;
}

void session_hello_encode(struct writer *w, const struct session_hello *hello)
{
	writer_bytes(w, SPAN_OF(hello->point.bytes));
	writer_bytes(w, SPAN_OF(hello->target));
}

enum tcb_error session_hello_decode(struct reader *r, struct session_hello *ret_hello)
{
	TRY(reader_copy(r, ret_hello->point.bytes, sizeof ret_hello->point.bytes));
	return reader_copy(r, ret_hello->target, sizeof ret_hello->target);
}

enum tcb_error session_transcript(const struct session_hello *initiator, const struct session_hello *responder,
				  uint8_t ret_transcript[SHA256_SIZE])
{
	const struct span parts[] = {
		span_of_text("tcbind local session v1"),
		SPAN_OF(initiator->point.bytes),
		SPAN_OF(responder->point.bytes),
		SPAN_OF(initiator->target),
		SPAN_OF(responder->target),
	};
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, sizeof parts / sizeof parts[0], &digest));
	memcpy(ret_transcript, digest.bytes, sizeof digest.bytes);
	return TCB_OK;
}

/* SHA-256(label || transcript), zero padded. */
static enum tcb_error report_data_of(const char *label, const uint8_t transcript[SHA256_SIZE],
				     uint8_t ret_data[SGX_REPORT_DATA_SIZE])
{
	const struct span parts[] = { span_of_text(label), span_of(transcript, SHA256_SIZE) };
	struct digest256 digest;

	TRY(crypto_sha256_all(parts, 2, &digest));
	memset(ret_data, 0, SGX_REPORT_DATA_SIZE);
	memcpy(ret_data, digest.bytes, sizeof digest.bytes);
	return TCB_OK;
}

enum tcb_error session_report(const char *label, const uint8_t transcript[SHA256_SIZE],
			      const uint8_t peer_target[SGX_TARGETINFO_SIZE], uint8_t ret_report[SGX_REPORT_SIZE])
{
	uint8_t data[SGX_REPORT_DATA_SIZE];

	TRY(report_data_of(label, transcript, data));
	return tee_report(peer_target, data, ret_report);
}

static enum tcb_error check_peer(const struct enclave_identity *peer, unsigned roles, struct diagnosis *d)
{
	struct enclave_identity self;
	const char *found = NULL;

	TRY(tee_self(&self));
	if (!span_equal(SPAN_OF(peer->mrsigner), SPAN_OF(self.mrsigner)))
		found = "an enclave of another signer";
	else if (peer->isv_prod_id >= 32 || (roles & 1u << peer->isv_prod_id) == 0)
		found = "an enclave of another role";
	else if ((peer->attributes & SGX_FLAG_DEBUG) != 0)
		found = "a debug enclave";
	else if (peer->isv_svn < SESSION_MIN_SVN)
		found = "an enclave with an older ISVSVN";
	if (found == NULL)
		return TCB_OK;
	return diagnose(d, TCB_REFUSED, "session.peer", found,
			"an enclave of this signer, in the role that is asked for, not debug, SVN high enough",
			"run the enclaves of one release on this platform");
}

enum tcb_error session_check_report(const char *label, const uint8_t transcript[SHA256_SIZE],
				    const uint8_t report[SGX_REPORT_SIZE], unsigned roles,
				    struct enclave_identity *ret_peer, struct diagnosis *d)
{
	uint8_t wanted[SGX_REPORT_DATA_SIZE], got[SGX_REPORT_DATA_SIZE];
	struct enclave_identity peer;

	TRY(report_data_of(label, transcript, wanted));
	if (tee_report_check(report, &peer, got) != TCB_OK || memcmp(wanted, got, sizeof wanted) != 0)
		return diagnose(d, TCB_CRYPTO, "session.report", "a REPORT that does not check for this handshake",
				"a REPORT of this processor over this handshake's keys",
				"the host altered or mixed up a session: start the enclaves again");
	TRY(check_peer(&peer, roles, d));
	*ret_peer = peer;
	return TCB_OK;
}

enum tcb_error session_derive(EVP_PKEY *own, const struct p256_point *peer, const uint8_t transcript[SHA256_SIZE],
			      bool initiator, struct session_keys *ret_keys)
{
	SECRET struct secret256 shared = {0};
	struct span salt = span_of(transcript, SHA256_SIZE);
	struct secret256 *forward = initiator ? &ret_keys->send : &ret_keys->receive;
	struct secret256 *backward = initiator ? &ret_keys->receive : &ret_keys->send;

	TRY(crypto_ecdh(own, peer, &shared));
	TRY(crypto_hkdf(SPAN_OF(shared.bytes), salt, span_of_text("tcbind local I to R"), forward->bytes,
			sizeof forward->bytes));
	TRY(crypto_hkdf(SPAN_OF(shared.bytes), salt, span_of_text("tcbind local R to I"), backward->bytes,
			sizeof backward->bytes));
	ret_keys->sent = ret_keys->received = 0;
	return TCB_OK;
}

static void counter_iv(uint64_t counter, uint8_t ret_iv[AES_GCM_IV_SIZE])
{
	struct writer w = writer_of(ret_iv, AES_GCM_IV_SIZE);

	writer_u32(&w, 0);
	writer_u64(&w, counter);
}

enum tcb_error session_seal(struct session_keys *keys, struct span plain, struct writer *out)
{
	uint8_t iv[AES_GCM_IV_SIZE];
	size_t start = out->size;

	counter_iv(keys->sent, iv);
	writer_zeros(out, plain.size + AES_GCM_TAG_SIZE);
	TRY(writer_end(out, NULL));
	TRY(crypto_seal(&keys->send, iv, span_of(NULL, 0), plain, out->data + start));
	keys->sent++;
	return TCB_OK;
}

enum tcb_error session_open(struct session_keys *keys, struct span sealed, uint8_t *ret_plain, size_t capacity,
			    struct span *ret_bytes)
{
	uint8_t iv[AES_GCM_IV_SIZE];

	if (sealed.size < AES_GCM_TAG_SIZE)
		return TCB_MALFORMED;
	if (sealed.size - AES_GCM_TAG_SIZE > capacity)
		return TCB_LIMIT;
	counter_iv(keys->received, iv);
	TRY(crypto_open(&keys->receive, iv, span_of(NULL, 0), sealed, ret_plain));
	keys->received++;
	*ret_bytes = span_of(ret_plain, sealed.size - AES_GCM_TAG_SIZE);
	return TCB_OK;
}
