// SPDX-License-Identifier: MIT
/* unseal_state PLATFORM ENCLAVE-IMAGE SEALED-FILE: what only the enclave can read, for a test that owns the processor's fuses. Prints the
 * plaintext, so that tests know which byte strings must be nowhere outside. */
#include <stdio.h>
#include <stdlib.h>

#include "core/reader.h"
#include "crypto/crypto.h"
#include "edge/instruction.h"
#include "sgxsim/file.h"
#include "sgxsim/processor.h"
#include "sgxsim/sigstruct.h"

#define STATE_LABEL "tcbind vTPM state v2"

enum { HEAD_SIZE = 8 + 2 + 16 + 32 + 12 };

static struct processor processor;

/* KEYID 0 or 1. */
static enum tcb_error egetkey(const struct enclave_identity *identity, struct span svn, uint8_t which, uint8_t ret_key[16])
{
	uint8_t request_bytes[64], answer_bytes[64], key_id[32] = { [31] = which };
	struct writer request = WRITER_OF(request_bytes), answer = WRITER_OF(answer_bytes);

	writer_u8(&request, INSTRUCTION_SEAL_KEY);
	writer_bytes(&request, svn);
	writer_bytes(&request, SPAN_OF(key_id));
	TRY(processor_execute(&processor, identity, span_of(request_bytes, request.size), &answer));
	memcpy(ret_key, answer_bytes, 16);
	return TCB_OK;
}

static enum tcb_error unseal(const struct enclave_identity *identity, struct span sealed, uint8_t *ret_plain)
{
	struct span svn = span_of(sealed.data + 8, 2 + 16), key_id = span_of(sealed.data + 26, 32);
	struct secret256 halves, key;
	uint8_t aad[HEAD_SIZE + sizeof STATE_LABEL - 1];

	TRY(egetkey(identity, svn, 0, halves.bytes));
	TRY(egetkey(identity, svn, 1, halves.bytes + 16));
	TRY(crypto_hkdf(SPAN_OF(halves.bytes), key_id, span_of_text("tcbind seal key"), key.bytes, sizeof key.bytes));
	memcpy(aad, sealed.data, HEAD_SIZE);
	memcpy(aad + HEAD_SIZE, STATE_LABEL, sizeof STATE_LABEL - 1);
	return crypto_open(&key, sealed.data + 58, SPAN_OF(aad), span_of(sealed.data + HEAD_SIZE, sealed.size - HEAD_SIZE),
			   ret_plain);
}

int main(int argc, char **argv)
{
	struct file_bytes image = {0}, signature = {0}, sealed = {0};
	struct enclave_identity identity;
	struct diagnosis d = {0};
	char path[4096];
	uint8_t *plain;

	if (argc != 4 || crypto_init() != TCB_OK)
		return 2;
	(void)snprintf(path, sizeof path, "%s.sig", argv[2]);
	if (processor_reset(&processor, argv[1], &d) != TCB_OK || file_read(argv[2], &image, &d) != TCB_OK ||
	    file_read(path, &signature, &d) != TCB_OK || file_read(argv[3], &sealed, &d) != TCB_OK ||
	    sigstruct_check(file_span(&signature), file_span(&image), &identity, &d) != TCB_OK ||
	    sealed.size < HEAD_SIZE + AES_GCM_TAG_SIZE)
		return 1;
	plain = malloc(sealed.size);
	if (plain == NULL || unseal(&identity, file_span(&sealed), plain) != TCB_OK)
		return 1;
	return fwrite(plain, sealed.size - HEAD_SIZE - AES_GCM_TAG_SIZE, 1, stdout) == 1 ? 0 : 1;
}
