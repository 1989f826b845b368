// SPDX-License-Identifier: MIT
/* A PCK chain in PEM. Must reach: pem_take(), x509_decode(), pck_chain_decode(), pck_facts_decode(). Property: the text is the one text of its
 * certificates. */
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/span.h"
#include "fuzz/target.h"
#include "verify/appraise/pck.h"

static void check_text(struct span pem, X509 *const chain[3])
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	size_t size;

	MUST_HOLD(bio != NULL);
	for (int i = 0; i < 3; i++)
		MUST_HOLD(PEM_write_bio_X509(bio, chain[i]) == 1);
	size = (size_t)BIO_get_mem_data(bio, &text);
	if (pem.data[pem.size - 1] == 0)
		pem.size--;
	MUST_HOLD(span_equal(pem, span_of(text, size)));
	BIO_free(bio);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pck_facts facts;
	X509 *chain[3];

	if (pck_chain_decode(span_of(data, size), chain) != TCB_OK)
		return 0;
	check_text(span_of(data, size), chain);
	if (pck_facts_decode(chain[0], &facts) == TCB_OK)
		MUST_HOLD(facts.sgx_type <= 2);
	for (int i = 0; i < 3; i++)
		X509_free(chain[i]);
	return 0;
}
