// SPDX-License-Identifier: MIT
/* The file of collateral_state.h. It is the relying party's own; a damaged one is refused, never taken for empty. */
#include "verify/lib/collateral_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/json.h"
#include "verify/lib/files.h"

#define STATE_MAX_BYTES (256u * 1024u)

/* ---- decoding ---- */

static enum tcb_error find_hex(struct span object, const char *name, uint8_t *ret_bytes, size_t size)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_hex(value, ret_bytes, size);
}

static enum tcb_error find_uint(struct span object, const char *name, uint64_t max, uint64_t *ret_number)
{
	struct span value;

	TRY(json_find(object, name, &value));
	return json_uint(value, max, ret_number);
}

static enum tcb_error decode_family(struct span object, struct collateral_seen_family *f)
{
	uint64_t tcb, qe;
	struct span tee;

	TRY(find_hex(object, "root", f->root.bytes, sizeof f->root.bytes));
	TRY(find_hex(object, "fmspc", f->fmspc, sizeof f->fmspc));
	TRY(json_find(object, "tee", &tee));
	TRY(find_uint(object, "tcb", UINT32_MAX, &tcb));
	TRY(find_uint(object, "qe", UINT32_MAX, &qe));
	f->tdx = span_is_text(tee, "\"TDX\"");
	f->tcb_number = (uint32_t)tcb;
	f->qe_number = (uint32_t)qe;
	return f->tdx || span_is_text(tee, "\"SGX\"") ? TCB_OK : TCB_MALFORMED;
}

static enum tcb_error decode_issuer(struct span object, struct collateral_seen_issuer *i)
{
	TRY(find_hex(object, "issuer", i->key.bytes, sizeof i->key.bytes));
	TRY(find_uint(object, "number", INT64_MAX, &i->age.number));
	return find_uint(object, "this_update", INT64_MAX, &i->age.this_update_s);
}

enum tcb_error collateral_seen_decode(struct span json, struct collateral_seen *ret_seen)
{
	struct collateral_seen *seen = ret_seen;
	struct span object, families, crls, element;
	uint64_t version;

	*seen = (struct collateral_seen){0};
	TRY(json_check(json, NULL));
	object = json_value(json);
	TRY(find_uint(object, "version", 1, &version));
	TRY(json_find(object, "families", &families));
	TRY(json_find(object, "crls", &crls));
	if (version != 1 || !json_opens_array(families) || !json_opens_array(crls))
		return TCB_MALFORMED;
	while (json_next_element(&families, &element)) {
		if (seen->family_count == COLLATERAL_SEEN_FAMILIES_MAX)
			return TCB_LIMIT;
		TRY(decode_family(element, &seen->families[seen->family_count]));
		seen->family_count++;
	}
	while (json_next_element(&crls, &element)) {
		if (seen->issuer_count == COLLATERAL_SEEN_ISSUERS_MAX)
			return TCB_LIMIT;
		TRY(decode_issuer(element, &seen->issuers[seen->issuer_count]));
		seen->issuer_count++;
	}
	return TCB_OK;
}

/* ---- encoding ---- */

static void put_hex(FILE *f, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		(void)fprintf(f, "%02x", bytes[i]);
}

static void put_family(FILE *f, const struct collateral_seen_family *family)
{
	(void)fprintf(f, "  {\"root\": \"");
	put_hex(f, family->root.bytes, sizeof family->root.bytes);
	(void)fprintf(f, "\", \"tee\": \"%s\", \"fmspc\": \"", family->tdx ? "TDX" : "SGX");
	put_hex(f, family->fmspc, sizeof family->fmspc);
	(void)fprintf(f, "\", \"tcb\": %" PRIu32 ", \"qe\": %" PRIu32 "}", family->tcb_number, family->qe_number);
}

static void put_issuer(FILE *f, const struct collateral_seen_issuer *issuer)
{
	(void)fprintf(f, "  {\"issuer\": \"");
	put_hex(f, issuer->key.bytes, sizeof issuer->key.bytes);
	(void)fprintf(f, "\", \"number\": %" PRIu64 ", \"this_update\": %" PRIu64 "}", issuer->age.number, issuer->age.this_update_s);
}

/* Memory that free() releases; NULL when there is none. */
static char *encode(const struct collateral_seen *seen, size_t *ret_size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_size);
	bool ok;

	if (f == NULL)
		return NULL;
	(void)fprintf(f, "{\"version\": 1,\n \"families\": [\n");
	for (size_t i = 0; i < seen->family_count; i++) {
		put_family(f, &seen->families[i]);
		(void)fprintf(f, "%s\n", i + 1 < seen->family_count ? "," : "");
	}
	(void)fprintf(f, " ],\n \"crls\": [\n");
	for (size_t i = 0; i < seen->issuer_count; i++) {
		put_issuer(f, &seen->issuers[i]);
		(void)fprintf(f, "%s\n", i + 1 < seen->issuer_count ? "," : "");
	}
	(void)fprintf(f, " ]}\n");
	ok = ferror(f) == 0;
	ok = fclose(f) == 0 && ok;
	if (!ok) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- the file ---- */

static enum tcb_error take_lock(const char *path, int *ret_fd, struct diagnosis *d)
{
	char lock[PATH_MAX];
	int fd = -1, locked = -1;

	if (snprintf(lock, sizeof lock, "%s.lock", path) < (int)sizeof lock)
		fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	while (fd >= 0 && (locked = flock(fd, LOCK_EX)) != 0 && errno == EINTR)
		;
	if (locked == 0) {
		*ret_fd = fd;
		return TCB_OK;
	}
	if (fd >= 0)
		(void)close(fd);
	return diagnose_found(d, TCB_PLATFORM, "file.write", "a lock beside the state", "check the directory's owner and mode",
			      "%s.lock: %s", path, strerror(errno));
}

static enum tcb_error load(struct collateral_state *state, struct diagnosis *d)
{
	uint8_t *bytes;
	size_t size;
	enum tcb_error error;

	TRY(files_read(state->path, STATE_MAX_BYTES, true, &bytes, &size, d));
	if (bytes == NULL)
		return TCB_OK;
	error = collateral_seen_decode(span_of(bytes, size), &state->seen);
	free(bytes);
	if (error == TCB_OK)
		return TCB_OK;
	return diagnose_found(d, TCB_PLATFORM, "state.malformed", "a state that this program wrote",
			      "restore it; or remove it, and old collateral can be replayed once more", "%s", state->path);
}

enum tcb_error collateral_state_open(const char *path, struct collateral_state *ret_state, struct diagnosis *d)
{
	enum tcb_error error;

	*ret_state = (struct collateral_state){ .path = path, .lock_fd = -1 };
	TRY(take_lock(path, &ret_state->lock_fd, d));
	error = load(ret_state, d);
	if (error != TCB_OK)
		collateral_state_close(ret_state);
	return error;
}

void collateral_state_close(struct collateral_state *state)
{
	if (state->lock_fd >= 0)
		(void)close(state->lock_fd);
	state->lock_fd = -1;
}

enum tcb_error collateral_state_raise(struct collateral_state *state, const struct collateral_marks *marks, struct diagnosis *d)
{
	struct collateral_seen raised = state->seen;
	size_t size = 0;
	char *text;
	enum tcb_error error;

	if (collateral_seen_raise(&raised, marks) != TCB_OK)
		return diagnose_found(d, TCB_LIMIT, "state.full", "256 families and 64 issuers at most", "keep one state for each purpose",
				      "%s", state->path);
	if (memcmp(&raised, &state->seen, sizeof raised) == 0)
		return TCB_OK;
	text = encode(&raised, &size);
	if (text == NULL)
		return TCB_INTERNAL;
	error = files_replace(state->path, span_of(text, size), d);
	free(text);
	if (error == TCB_OK)
		state->seen = raised;
	return error;
}
