// SPDX-License-Identifier: MIT
#include "crypto/tpm_name.h"

#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"

#define TPM_ALG_SHA256 0x000b

enum tcb_error tpm_name_of(struct span tpmt_public, struct tpm_name *ret_name)
{
	struct reader r = reader_of(tpmt_public);
	struct writer w = WRITER_OF(ret_name->bytes);
	struct digest256 digest;
	uint16_t type, name_algorithm;

	TRY(reader_u16(&r, &type));
	TRY(reader_u16(&r, &name_algorithm));
	if (name_algorithm != TPM_ALG_SHA256)
		return TCB_MALFORMED;
	TRY(crypto_sha256(tpmt_public, &digest));
	writer_u16(&w, TPM_ALG_SHA256);
	writer_bytes(&w, SPAN_OF(digest.bytes));
	return writer_end(&w, NULL);
}
