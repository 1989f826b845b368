// SPDX-License-Identifier: MIT
#include "host/certificates.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/reader.h"

enum { DER_MAX = 32768 };

/* What is no certificate is left out. */
static void append(json_t *list, uint32_t index, struct span der)
{
	const uint8_t *at = der.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
	BIO *bio = BIO_new(BIO_s_mem());
	char name[16], *pem = NULL;
	long size = 0;

	if (certificate != NULL && bio != NULL && PEM_write_bio_X509(bio, certificate) == 1)
		size = BIO_get_mem_data(bio, &pem);
	(void)snprintf(name, sizeof name, "0x%08x", index);
	if (size > 0)
		(void)json_array_append_new(list, json_pack("{s:s, s:o}", "nv_index", name, "pem", json_stringn(pem, (size_t)size)));
	BIO_free(bio);
	X509_free(certificate);
}

json_t *certificates_json(const struct place *p)
{
	json_t *list = json_array();
	struct span file, der;
	struct reader r;
	uint32_t index;

	if (place_get_certificates(p, &file, NULL) != TCB_OK)
		return list;
	r = reader_of(file);
	while (r.rest.size > 0 && reader_u32(&r, &index) == TCB_OK && reader_sized(&r, DER_MAX, &der) == TCB_OK)
		append(list, index, der);
	free((void *)(uintptr_t)file.data);
	return list;
}
