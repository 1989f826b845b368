// SPDX-License-Identifier: MIT
/* IMA's list (kernel: security/integrity/ima/ima_fs.c, ima_template_lib.c). The kernel writes it; the quoted PCR 10 vouches for it. */
#include "verify/appraise/ima.h"

#include <openssl/evp.h>

#include "core/reader.h"
#include "crypto/crypto.h"

enum { SHA1_SIZE = 20, NAME_MAX_BYTES = 64, OLD_NAME_SIZE = 256, FIELDS_MAX = 5 };

/* Every template but the oldest is a run of sized fields: digest, name, and what more it has. */
static const struct {
	const char *name;
	unsigned fields;
} templates[] = {
	{"ima-ng", 2}, {"ima-ngv2", 2}, {"ima-sig", 3}, {"ima-sigv2", 3}, {"ima-buf", 3}, {"ima-modsig", 5},
};

static enum tcb_error sha1(struct span bytes, uint8_t ret_digest[SHA1_SIZE])
{
	return EVP_Digest(bytes.data, bytes.size, ret_digest, NULL, EVP_sha1(), NULL) == 1 ? TCB_OK : TCB_INTERNAL;
}

static enum tcb_error read_sized_le(struct reader *r, struct span *ret_bytes)
{
	uint32_t size;

	TRY(reader_u32_le(r, &size));
	return reader_bytes(r, size, ret_bytes);
}

/* A name with its closing NUL and none before. */
static enum tcb_error take_path(struct span name, struct span *ret_path)
{
	if (name.size == 0 || memchr(name.data, 0, name.size) != name.data + name.size - 1)
		return TCB_MALFORMED;
	*ret_path = span_of(name.data, name.size - 1);
	return TCB_OK;
}

/* d-ng: "sha256:" NUL digest; d-ngv2: "ima:sha256:" NUL digest. */
static enum tcb_error take_digest(struct span field, struct ima_entry *entry)
{
	const uint8_t *nul = field.size > 0 ? memchr(field.data, 0, field.size) : NULL;

	if (nul == NULL || nul == field.data || nul[-1] != ':')
		return TCB_MALFORMED;
	entry->algorithm = span_of(field.data, (size_t)(nul - 1 - field.data));
	entry->file_digest = span_of(nul + 1, (size_t)(field.data + field.size - (nul + 1)));
	return TCB_OK;
}

static unsigned fields_of(struct span name)
{
	for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++)
		if (span_is_text(name, templates[i].name))
			return templates[i].fields;
	return 0;
}

/* Any template but `ima`: the data is sized, and what is hashed are its bytes. */
static enum tcb_error read_fields(struct reader *r, struct ima_entry *entry, uint8_t ret_sha1[SHA1_SIZE])
{
	unsigned fields = fields_of(entry->template_name);
	struct span data, field[FIELDS_MAX];
	struct reader f;

	if (fields == 0)
		return TCB_MALFORMED;
	TRY(read_sized_le(r, &data));
	f = reader_of(data);
	for (unsigned i = 0; i < fields; i++)
		TRY(read_sized_le(&f, &field[i]));
	TRY(reader_end(&f));
	TRY(take_digest(field[0], entry));
	TRY(take_path(field[1], &entry->path));
	TRY(crypto_sha256(data, &entry->digest));
	return sha1(data, ret_sha1);
}

/* `ima`: an SHA-1 and a name; what is hashed is the name filled up with zeros. */
static enum tcb_error read_oldest(struct reader *r, struct ima_entry *entry, uint8_t ret_sha1[SHA1_SIZE])
{
	uint8_t hashed[SHA1_SIZE + OLD_NAME_SIZE] = {0};
	struct span name;

	TRY(reader_bytes(r, SHA1_SIZE, &entry->file_digest));
	TRY(read_sized_le(r, &name));
	if (name.size >= OLD_NAME_SIZE || memchr(name.data, 0, name.size) != NULL)
		return TCB_MALFORMED;
	entry->path = name;
	memcpy(hashed, entry->file_digest.data, SHA1_SIZE);
	memcpy(hashed + SHA1_SIZE, name.data, name.size);
	TRY(crypto_sha256(SPAN_OF(hashed), &entry->digest));
	return sha1(SPAN_OF(hashed), ret_sha1);
}

enum tcb_error ima_next(struct span *rest, bool *ret_end, struct ima_entry *ret_entry)
{
	static const uint8_t zeros[SHA1_SIZE];
	struct reader r = reader_of(*rest);
	struct ima_entry entry = {0};
	uint8_t own[SHA1_SIZE];
	struct span digest;

	if (rest->size == 0) {
		*ret_end = true;
		return TCB_OK;
	}
	TRY(reader_u32_le(&r, &entry.pcr));
	TRY(reader_bytes(&r, SHA1_SIZE, &digest));
	TRY(read_sized_le(&r, &entry.template_name));
	if (entry.pcr >= LIMIT_PCRS || entry.template_name.size > NAME_MAX_BYTES)
		return TCB_MALFORMED;
	TRY(span_is_text(entry.template_name, "ima") ? read_oldest(&r, &entry, own) : read_fields(&r, &entry, own));
	entry.violation = span_equal(digest, SPAN_OF(zeros));
	if (entry.violation)
		memset(entry.digest.bytes, 0xff, SHA256_SIZE);
	else if (!span_equal(digest, SPAN_OF(own)))
		return TCB_MALFORMED;
	*rest = r.rest;
	*ret_entry = entry;
	*ret_end = false;
	return TCB_OK;
}

static bool leads_to(const struct digest256 *pcrs, uint32_t extended, const struct digest256 *quoted)
{
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
		if ((extended & 1u << pcr) != 0 && memcmp(&pcrs[pcr], &quoted[pcr], sizeof pcrs[pcr]) != 0)
			return false;
	return true;
}

enum tcb_error ima_replay(struct span list, const struct digest256 quoted[LIMIT_PCRS], struct digest256 pcrs[LIMIT_PCRS],
			  struct ima_covered *ret_covered)
{
	struct ima_covered all = {0}, covered = {0};
	struct digest256 at_covered[LIMIT_PCRS];
	struct span rest = list;
	struct ima_entry e;
	bool end = false;

	if (list.size > LIMIT_IMA_LOG)
		return TCB_LIMIT;
	for (;;) {
		TRY(ima_next(&rest, &end, &e));
		if (end)
			break;
		TRY(crypto_sha256_all((struct span[]){SPAN_OF(pcrs[e.pcr].bytes), SPAN_OF(e.digest.bytes)}, 2, &pcrs[e.pcr]));
		all.extended |= 1u << e.pcr;
		all.entries++;
		all.size = list.size - rest.size;
		if (quoted != NULL && leads_to(pcrs, all.extended, quoted)) {
			covered = all;
			memcpy(at_covered, pcrs, sizeof at_covered);
		}
	}
	if (covered.entries > 0)
		memcpy(pcrs, at_covered, sizeof at_covered);
	else
		covered = all;
	covered.behind = all.entries - covered.entries;
	*ret_covered = covered;
	return TCB_OK;
}
