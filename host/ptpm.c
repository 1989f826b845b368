// SPDX-License-Identifier: MIT
#include "host/ptpm.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "crypto/crypto.h"
#include "edge/ptpm.h"
#include "edge/tpm_quote.h"
#include "host/merkle.h"

enum { BATCH_MAX = 4096, ATTEMPTS = 4, QUIET_MS = 60, GATHER_MS = 1000 };

/* One asker; lives on its stack until `done`. */
struct request {
	const struct digest256 *commitment;
	struct writer *out;
	enum tcb_error error;
	TSS2_RC why; /* the physical TPM's, or its TSS's */
	bool done;
	struct request *next;
};

struct ptpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR ak;
	pthread_t worker;
	pthread_mutex_t lock;
	pthread_cond_t arrived, answered;
	struct request *waiting;
	bool stop;
	unsigned quotes, arrivals;
	/* the worker's, which alone makes quotes */
	TSS2_RC why;                       /* the last command's outcome */
	bool pcrs_known;                   /* as of the last quote */
	uint8_t pcrs[TPM_QUOTE_PCRS_SIZE];
};

struct platform_quote {
	TPM2B_ATTEST *attest;
	uint8_t signature[LIMIT_TPM_SIGNATURE];
	size_t signature_size;
};

static const TPML_PCR_SELECTION all_pcrs = {
	.count = 1,
	.pcrSelections = { { .hash = TPM2_ALG_SHA256, .sizeofSelect = 3, .pcrSelect = { 0xff, 0xff, 0xff } } },
};

static bool read_eight(struct ptpm *p, unsigned first, uint8_t *ret_pcrs)
{
	TPML_PCR_SELECTION selection = { .count = 1, .pcrSelections = { { .hash = TPM2_ALG_SHA256, .sizeofSelect = 3 } } };
	TPML_DIGEST *values = NULL;
	bool ok;

	selection.pcrSelections[0].pcrSelect[first / 8] = 0xff;
	p->why = Esys_PCR_Read(p->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &selection, NULL, NULL, &values);
	ok = p->why == TSS2_RC_SUCCESS && values->count == 8;
	for (unsigned i = 0; ok && i < 8; i++) {
		ok = values->digests[i].size == SHA256_SIZE;
		if (ok)
			memcpy(ret_pcrs + (first + i) * SHA256_SIZE, values->digests[i].buffer, SHA256_SIZE);
	}
	Esys_Free(values);
	return ok;
}

static bool read_pcrs(struct ptpm *p, uint8_t ret_pcrs[TPM_QUOTE_PCRS_SIZE])
{
	for (unsigned first = 0; first < LIMIT_PCRS; first += 8)
		if (!read_eight(p, first, ret_pcrs))
			return false;
	return true;
}

static bool quote_once(struct ptpm *p, const struct digest256 *root, struct platform_quote *ret_quote)
{
	TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	TPM2B_DATA qualifying = { .size = sizeof root->bytes };
	TPMT_SIGNATURE *signature = NULL;
	size_t offset = 0;
	bool ok;

	memcpy(qualifying.buffer, root->bytes, sizeof root->bytes);
	p->why = Esys_Quote(p->esys, p->ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &qualifying, &scheme, &all_pcrs, &ret_quote->attest,
			    &signature);
	ok = p->why == TSS2_RC_SUCCESS &&
	     Tss2_MU_TPMT_SIGNATURE_Marshal(signature, ret_quote->signature, sizeof ret_quote->signature, &offset) ==
		     TSS2_RC_SUCCESS;
	ret_quote->signature_size = offset;
	Esys_Free(signature);
	return ok;
}

/* Whether the quote is over the values at hand: TPMS_QUOTE_INFO's pcrDigest (TPM 2.0 Part 2, 10.12.1). */
static bool is_over(const TPM2B_ATTEST *attest, const uint8_t pcrs[TPM_QUOTE_PCRS_SIZE])
{
	struct digest256 digest;
	TPMS_ATTEST quoted;
	size_t offset = 0;

	return Tss2_MU_TPMS_ATTEST_Unmarshal(attest->attestationData, attest->size, &offset, &quoted) == TSS2_RC_SUCCESS &&
	       crypto_sha256(span_of(pcrs, TPM_QUOTE_PCRS_SIZE), &digest) == TCB_OK &&
	       span_equal(SPAN_OF(digest.bytes), span_of(quoted.attested.quote.pcrDigest.buffer, quoted.attested.quote.pcrDigest.size));
}

/* A platform's PCRs hardly ever change: those known are read again only where a quote turns out to be over others. */
static enum tcb_error quote(struct ptpm *p, const struct digest256 *root, struct platform_quote *ret_quote)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if ((!p->pcrs_known && !read_pcrs(p, p->pcrs)) || !quote_once(p, root, ret_quote))
			return TCB_PLATFORM;
		p->quotes++;
		p->pcrs_known = is_over(ret_quote->attest, p->pcrs);
		if (p->pcrs_known)
			return TCB_OK;
		Esys_Free(ret_quote->attest);
		ret_quote->attest = NULL;
	}
	return TCB_PLATFORM;
}

static enum tcb_error write_document(const struct ptpm *p, const struct platform_quote *pq, const struct merkle_path *path, size_t count, size_t index,
				     struct writer *out)
{
	struct tpm_quote q = {
		.attest = span_of(pq->attest->attestationData, pq->attest->size),
		.signature = span_of(pq->signature, pq->signature_size),
		.pcrs = SPAN_OF(p->pcrs),
		.has_path = true,
		.leaf_index = index,
		.leaf_count = count,
	};

	q.path = span_of(path->nodes, path->count * SHA256_SIZE);
	tpm_quote_encode(out, &q);
	return writer_end(out, NULL);
}

static void serve_batch(struct ptpm *p, struct request **batch, size_t count)
{
	static struct digest256 commitments[BATCH_MAX]; /* the worker's alone */
	struct merkle_path *paths = calloc(count, sizeof *paths);
	struct platform_quote pq = {0};
	struct digest256 root;
	enum tcb_error error;

	for (size_t i = 0; i < count; i++)
		commitments[i] = *batch[i]->commitment;
	error = paths != NULL ? merkle_tree(commitments, count, &root, paths) : TCB_INTERNAL;
	if (error == TCB_OK)
		error = quote(p, &root, &pq);
	for (size_t i = 0; i < count; i++) {
		batch[i]->error = error == TCB_OK ? write_document(p, &pq, &paths[i], count, i, batch[i]->out) : error;
		batch[i]->why = p->why;
	}
	Esys_Free(pq.attest);
	free(paths);
}

static struct timespec in_ms(long ms)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += (t.tv_nsec / 1000000 + ms) / 1000;
	t.tv_nsec = (t.tv_nsec / 1000000 + ms) % 1000 * 1000000 + t.tv_nsec % 1000000;
	return t;
}

static bool is_past(const struct timespec *t)
{
	struct timespec now = in_ms(0);

	return now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

/* With the lock held, after a quote during which others came: a crowd. Waits until no more come for a moment, or for as long as a slow TPM's
 * quote would have taken. Who asks alone never waits. */
static void gather(struct ptpm *p)
{
	const struct timespec end = in_ms(GATHER_MS);
	unsigned seen;

	do {
		const struct timespec quiet = in_ms(QUIET_MS);

		seen = p->arrivals;
		while (p->arrivals == seen && !p->stop && pthread_cond_timedwait(&p->arrived, &p->lock, &quiet) == 0)
			;
	} while (p->arrivals != seen && !p->stop && !is_past(&end));
}

static void *work(void *context)
{
	static struct request *batch[BATCH_MAX];
	struct ptpm *p = context;
	size_t count;

	(void)pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		for (count = 0; p->waiting != NULL && count < BATCH_MAX; count++) {
			batch[count] = p->waiting;
			p->waiting = p->waiting->next;
		}
		if (count == 0) {
			(void)pthread_cond_wait(&p->arrived, &p->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&p->lock);
		serve_batch(p, batch, count);
		(void)pthread_mutex_lock(&p->lock);
		for (size_t i = 0; i < count; i++)
			batch[i]->done = true;
		(void)pthread_cond_broadcast(&p->answered);
		if (p->waiting != NULL)
			gather(p);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

enum tcb_error ptpm_open(const char *tcti, struct ptpm **ret_ptpm, struct diagnosis *d)
{
	struct ptpm *p = calloc(1, sizeof *p);
	bool ok = p != NULL && Tss2_TctiLdr_Initialize(tcti, &p->tcti) == TSS2_RC_SUCCESS &&
		  Esys_Initialize(&p->esys, p->tcti, NULL) == TSS2_RC_SUCCESS &&
		  Esys_TR_FromTPMPublic(p->esys, PTPM_AK_HANDLE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &p->ak) ==
			  TSS2_RC_SUCCESS;

	if (ok) {
		(void)pthread_mutex_init(&p->lock, NULL);
		(void)pthread_cond_init(&p->arrived, NULL);
		(void)pthread_cond_init(&p->answered, NULL);
		ok = pthread_create(&p->worker, NULL, work, p) == 0;
	}
	if (!ok) {
		free(p);
		return diagnose_found(d, TCB_PLATFORM, "ptpm.connect", "a physical TPM with the ACM's attestation key",
				      "start the platform with `tcbind platform run`", "no such TPM at %s", tcti);
	}
	*ret_ptpm = p;
	return TCB_OK;
}

void ptpm_close(struct ptpm *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->stop = true;
	(void)pthread_cond_signal(&p->arrived);
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_join(p->worker, NULL);
	Esys_Finalize(&p->esys);
	Tss2_TctiLdr_Finalize(&p->tcti);
	free(p);
}

enum tcb_error ptpm_quote(struct ptpm *p, const struct digest256 *commitment, struct writer *out, struct diagnosis *d)
{
	struct request request = { .commitment = commitment, .out = out };

	(void)pthread_mutex_lock(&p->lock);
	request.next = p->waiting;
	p->waiting = &request;
	p->arrivals++;
	(void)pthread_cond_signal(&p->arrived);
	while (!request.done)
		(void)pthread_cond_wait(&p->answered, &p->lock);
	(void)pthread_mutex_unlock(&p->lock);
	if (request.error == TCB_OK)
		return TCB_OK;
	return diagnose_found(d, request.error, "ptpm.quote", "a TPM2_Quote by the AK", "check the physical TPM", "a physical TPM that answers 0x%x: %s",
			      (unsigned)request.why, Tss2_RC_Decode(request.why));
}

unsigned ptpm_quote_count(struct ptpm *p)
{
	unsigned count;

	(void)pthread_mutex_lock(&p->lock);
	count = p->quotes;
	(void)pthread_mutex_unlock(&p->lock);
	return count;
}
