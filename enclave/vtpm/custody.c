// SPDX-License-Identifier: MIT
/* The vTPM's custody chain (edge/custody.h). It is made and signed by Migration Enclaves; the vTPM
 * keeps it. */
#include "edge/custody.h"

#include "crypto/crypto.h"
#include "enclave/vtpm/vtpm.h"

static uint8_t chain_bytes[LIMIT_CUSTODY];

static enum tcb_error chain_of(const struct vtpm_record *record, struct custody_chain *ret_chain)
{
	*ret_chain = (struct custody_chain){0};
	return record->custody_size > 0
		   ? custody_chain_decode(span_of(record->custody, record->custody_size), ret_chain)
		   : TCB_OK;
}

enum tcb_error custody_append(struct vtpm_record *record, struct span custody_record,
			      struct span proof)
{
	struct writer w = WRITER_OF(chain_bytes);
	struct custody_chain chain;
	struct span encoded;

	TRY(chain_of(record, &chain));
	if (chain.record_count == LIMIT_CUSTODY_RECORDS)
		return TCB_LIMIT;
	chain.records[chain.record_count++] = custody_record;
	custody_chain_put_proof(&chain, proof);
	custody_chain_encode(&w, &chain);
	TRY(writer_end(&w, &encoded));
	TRY(crypto_sha256(custody_record, &record->last_custody));
	return custody_replace(record, encoded);
}

enum tcb_error custody_replace(struct vtpm_record *record, struct span chain)
{
	if (chain.size > sizeof record->custody)
		return TCB_LIMIT;
	memcpy(record->custody, chain.data, chain.size);
	record->custody_size = chain.size;
	return TCB_OK;
}

enum tcb_error custody_put(const struct vtpm_record *record, struct writer *w)
{
	struct custody_chain chain;

	TRY(chain_of(record, &chain));
	custody_chain_encode(w, &chain);
	return writer_end(w, NULL);
}
