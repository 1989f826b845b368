// SPDX-License-Identifier: MIT
#include "host/external.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/reader.h"
#include "core/wipe.h"
#include "crypto/crypto.h"
#include "edge/blob.h"
#include "host/aside.h"
#include "host/directories.h"
#include "host/key_name.h"
#include "host/swtpm_file.h"
#include "host/vtpms.h"

#define BACKUP_SUFFIX ".swtpm"

static void free_span(struct span *bytes)
{
	if (bytes->size > 0)
		wipe((void *)(uintptr_t)bytes->data, bytes->size);
	free((void *)(uintptr_t)bytes->data);
	*bytes = span_of(NULL, 0);
}

void external_wipe(struct external *e)
{
	free_span(&e->permanent);
	free_span(&e->volatile_state);
	wipe(e, sizeof *e);
}

void external_log(const struct host_vtpm *v, const struct diagnosis *d)
{
	json_t *line = json_pack("{s:{s:s, s:s, s:s, s:s}}", "log", "code", d->code, "found", d->found, "wanted", d->wanted,
				 "action", d->action);
	char *text = json_dumps(line, JSON_COMPACT);

	if (text != NULL)
		(void)!send(v->external->owner_fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	free(text);
	json_decref(line);
}

static void set_id(struct host_vtpm *v, const struct uuid *id)
{
	v->id = v->place.id = *id;
	uuid_format(id, v->id_text);
}

/* Whose state the place has: its newest, which the platform may still keep. */
struct occupant {
	bool known;
	struct uuid id;
	struct digest256 digest; /* of its state */
};

static struct occupant look_who_is_there(const struct host_vtpm *v)
{
	struct place place = v->place;
	enum place_content content;
	struct span file, sealed;
	struct occupant o = {0};

	place.pending = false;
	if (place_look(&place, &file, &content, &o.id, &sealed, NULL) != TCB_OK)
		return o;
	place.id = o.id;
	o.known = content == PLACE_OURS && aside_take(&place, v->daemon->store_dir, &file, &sealed, NULL) == TCB_OK &&
		  crypto_sha256(sealed, &o.digest) == TCB_OK;
	free((void *)(uintptr_t)file.data);
	return o;
}

/* Its state is gone with this: there is nothing that the platform need remember it for. */
static void drop_replaced(struct host_vtpm *v, const struct occupant *before)
{
	struct diagnosis d = {0};

	if (before->known && memcmp(&before->id, &v->id, sizeof v->id) != 0 &&
	    vtpms_drop(v->daemon, &before->id, &before->digest, NULL, &d) != TCB_OK)
		external_log(v, &d);
}

static void note_place(const struct host_vtpm *v)
{
	if (v->status.state != VTPM_MOVED && v->status.state != VTPM_INCOMING)
		directories_note(v->daemon, &v->place, &v->status.digest);
}

static enum tcb_error create_from(struct host_vtpm *v, struct vtpm_create m, struct diagnosis *d)
{
	const struct occupant before = look_who_is_there(v);

	TRY(uuid_random(&m.id));
	set_id(v, &m.id);
	TRY(vtpm_create_state(v, &m, d));
	drop_replaced(v, &before);
	note_place(v);
	return TCB_OK;
}

/* What has come is the place's from now on. */
static enum tcb_error settle_arrival(struct host_vtpm *v, struct diagnosis *d)
{
	const struct occupant before = look_who_is_there(v);

	place_remove_volatile(&v->place); /* of what was here before */
	TRY(place_settle(&v->place, d));
	aside_drop(&v->place, v->daemon->store_dir); /* if it was here before, and lost its power */
	v->place.log = v->daemon->log;
	drop_replaced(v, &before);
	note_place(v);
	return TCB_OK;
}

/* A new vTPM, from nothing or from another program's TPM. */
static enum tcb_error create(struct host_vtpm *v, struct span permanent, struct span volatile_state, struct diagnosis *d)
{
	return create_from(v, (struct vtpm_create){ .tpm_state = permanent, .tpm_volatile = volatile_state }, d);
}

enum tcb_error external_create(struct host_vtpm *v, uint16_t keys, uint8_t pcr_banks, struct diagnosis *d)
{
	TRY(vtpms_claim_place(v, d));
	TRY(vtpm_launch(v, d));
	return create_from(v, (struct vtpm_create){ .keys = keys, .pcr_banks = pcr_banks }, d);
}

/* ---- keys that take their time ---- */

enum tcb_error external_postpone(struct host_vtpm *v, const char *names, struct diagnosis *d)
{
	return place_put_later(&v->place, span_of_text(names), d);
}

static enum tcb_error make_keys(struct host_vtpm *v, struct span names, struct diagnosis *d)
{
	while (names.size > 0) {
		const uint8_t *end = memchr(names.data, '\n', names.size);
		size_t size = end != NULL ? (size_t)(end - names.data) : names.size;
		enum vtpm_key key;
		uint8_t body;

		if (key_of_name(span_of(names.data, size), &key) != TCB_OK)
			return diagnose(d, TCB_MALFORMED, "vtpm.later", "a file of postponed keys with something else in it",
					"what this program wrote", "remove the file beside the state");
		body = (uint8_t)key;
		TRY(enclave_link_call(&v->link, CALL_VTPM_ADD_KEY, span_of(&body, 1), NULL, d));
		size += end != NULL ? 1 : 0;
		names = span_from(names, size);
	}
	return TCB_OK;
}

enum tcb_error external_finish(struct host_vtpm *v, struct diagnosis *d)
{
	enum tcb_error error;
	struct span names;

	TRY(place_get_later(&v->place, &names, d));
	if (names.size == 0)
		return TCB_OK;
	error = make_keys(v, names, d);
	free((void *)(uintptr_t)names.data);
	return error == TCB_OK ? place_put_later(&v->place, span_of(NULL, 0), d) : error;
}

/* A vTPM is of use without these keys: a failure is told, and is tried again the next time. */
static void finish_if_off(struct host_vtpm *v)
{
	struct diagnosis d = {0};

	if ((v->status.state == VTPM_NEW || v->status.state == VTPM_STOPPED) && external_finish(v, &d) != TCB_OK)
		external_log(v, &d);
}

/* ---- what swtpm kept in the directory ---- */

static enum tcb_error keep_backup(const struct host_vtpm *v, const char *name, struct span file, struct diagnosis *d)
{
	char backup[NAME_MAX];

	(void)snprintf(backup, sizeof backup, "%s%s", name, BACKUP_SUFFIX);
	return file.size > 0 ? store_put(v->place.dir, backup, file, d) : TCB_OK;
}

static enum tcb_error import_files(struct host_vtpm *v, struct span permanent_file, struct diagnosis *d)
{
	const struct swtpm_key *key = &v->external->file_key;
	struct span volatile_file, permanent = {0}, volatile_state = {0}, permanent_part, volatile_part;
	enum tcb_error error;

	TRY(store_get(v->place.dir, v->place.volatile_state, LIMIT_STATE, &volatile_file, d));
	swtpm_file_split(permanent_file, &permanent_part, &volatile_part);
	if (volatile_file.size > 0)
		volatile_part = volatile_file;
	error = swtpm_state_open(permanent_part, key, &permanent, d);
	if (error == TCB_OK && volatile_part.size > 0)
		error = swtpm_state_open(volatile_part, key, &volatile_state, d);
	if (error == TCB_OK)
		error = keep_backup(v, v->place.state, permanent_file, d);
	if (error == TCB_OK)
		error = keep_backup(v, v->place.volatile_state, volatile_file, d);
	if (error == TCB_OK)
		error = create(v, permanent, volatile_state, d);
	if (error == TCB_OK && volatile_file.size > 0)
		place_remove_volatile(&v->place);
	free_span(&permanent);
	free_span(&volatile_state);
	free((void *)(uintptr_t)volatile_file.data);
	return error;
}

/* Our TPM's volatile state is sealed with it: another program's could say of its PCRs what a host likes. The next CMD_INIT goes without it. */
static enum tcb_error refuse_volatile(struct host_vtpm *v, struct diagnosis *d)
{
	free_span(&v->external->volatile_state);
	return diagnose(d, TCB_REFUSED, "swtpm.volatile", "a volatile state of swtpm, without the TPM that it is of",
			"one that this vTPM gave, or none", "load swtpm's permanent state with it");
}

/* The newest state of this vTPM, whichever place it was written for: the PSE knows. */
static bool opens(void *context, struct span sealed)
{
	struct host_vtpm *v = context;

	if (vtpm_launch(v, NULL) != TCB_OK || vtpm_load_state(v, sealed, NULL) != TCB_OK)
		return false;
	if (v->status.state != VTPM_INCOMING) /* an empty place: the PSE is not asked about it */
		return true;
	vtpm_close_enclave(v);
	return false;
}

/* The vTPM's newest state is one that the platform keeps, if `opens` takes it; it is in its place then. */
static bool open_aside(struct host_vtpm *v)
{
	struct diagnosis why = {0};

	if (!aside_has(v->daemon->store_dir, &v->id))
		return false;
	vtpm_close_enclave(v);
	return vtpms_claim_place(v, &why) == TCB_OK && aside_take_of_another(&v->place, v->daemon->store_dir, opens, v, &why) == TCB_OK;
}

/* The file's state counts if the PSE says that it is the newest. Else the platform may have a newer one; but what is
 * there may be another platform's, which has the vTPM now, and is not written over for a state that does not open. */
static enum tcb_error open_ours(struct host_vtpm *v, struct span sealed, struct diagnosis *d)
{
	enum tcb_error error = vtpm_load_state(v, sealed, d);
	bool is_newest = error == TCB_OK && v->status.state != VTPM_MOVED && v->status.state != VTPM_INCOMING;

	if (error != TCB_OK && error != TCB_REFUSED && error != TCB_CRYPTO)
		return error;
	if (!is_newest && open_aside(v)) {
		error = TCB_OK;
	} else if (error == TCB_OK && !v->loaded) {
		TRY(vtpms_claim_place(v, d));
		TRY(vtpm_launch(v, d));
		error = vtpm_load_state(v, sealed, d);
	}
	TRY(error);
	if (is_newest)
		aside_drop(&v->place, v->daemon->store_dir);
	note_place(v);
	finish_if_off(v);
	return TCB_OK;
}

static enum tcb_error is_missing(const struct host_vtpm *v, const struct uuid *id, struct diagnosis *d)
{
	char text[UUID_TEXT_SIZE];

	uuid_format(id, text);
	return diagnose_found(d, TCB_REFUSED, "vtpm.missing", "the state file that was there",
			      "mount its file system, or put the file back; for a new TPM run swtpm_setup --overwrite, or have the old one forgotten by "
			      "`tcbind vtpm delete --gone`",
			      "no state in %s, where this platform had vTPM %s", v->place.state, text);
}

static void say(const struct host_vtpm *v, const char *code, const char *found, const char *wanted, const char *action)
{
	struct diagnosis d = {0};

	(void)diagnose(&d, TCB_OK, code, found, wanted, action);
	external_log(v, &d);
}

void external_tell_missing(struct host_vtpm *v)
{
	struct uuid ids[DIRECTORIES_FOUND_MAX];
	struct diagnosis d = {0};
	bool lost;

	if (!place_has_state(&v->place) && directories_find(v->daemon, &v->place, ids, &lost) > 0) {
		(void)is_missing(v, &ids[0], &d);
		external_log(v, &d);
	}
}

/* The state of the vTPM with this id, if the platform keeps it: it is in its place then, and opened. */
static enum tcb_error restore(struct host_vtpm *v, const struct uuid *id, bool *ret_restored, struct diagnosis *d)
{
	struct span file = {0}, sealed = {0};
	enum tcb_error error;

	v->place.id = *id;
	TRY(aside_take(&v->place, v->daemon->store_dir, &file, &sealed, d));
	*ret_restored = file.size > 0;
	if (file.size == 0)
		return TCB_OK;
	set_id(v, id);
	say(v, "vtpm.restored", "no state file where a vTPM ran", "its newest state", "nothing: the platform had it, and has put it back");
	error = open_ours(v, sealed, d);
	free((void *)(uintptr_t)file.data);
	return error;
}

/* There is no state. A place that never had one gets a new TPM; so does a directory that was emptied, as swtpm does
 * it, and that is said. If the state was removed while the TPM ran, the platform still has it. Else the state is lost:
 * a new TPM in its place is to be asked for. */
static enum tcb_error open_empty(struct host_vtpm *v, struct diagnosis *d)
{
	struct uuid ids[DIRECTORIES_FOUND_MAX];
	bool lost, restored = false;
	size_t count = directories_find(v->daemon, &v->place, ids, &lost);

	for (size_t i = 0; i < count && !restored; i++)
		TRY(restore(v, &ids[i], &restored, d));
	if (restored)
		return TCB_OK;
	if (count > 0 && lost)
		return is_missing(v, &ids[0], d);
	if (count > 0)
		say(v, "vtpm.emptied", "an empty directory, where this platform had a vTPM", "its state, if it was not removed on purpose",
		    "nothing if it was: a new TPM is made; else end it and put the old state back");
	return create(v, span_of(NULL, 0), span_of(NULL, 0), d);
}

/* A vTPM had come here, and power was lost before its state was put in its place. */
static enum tcb_error finish_arrival(struct host_vtpm *v, struct diagnosis *d)
{
	enum tcb_error error = TCB_OK;
	enum place_content content;
	struct span file, sealed;
	struct uuid id;

	v->place.pending = true;
	if (place_look(&v->place, &file, &content, &id, &sealed, NULL) == TCB_OK) {
		if (content == PLACE_OURS) {
			set_id(v, &id);
			if (opens(v, sealed))
				error = settle_arrival(v, d);
		}
		free((void *)(uintptr_t)file.data);
	}
	v->place.pending = false;
	return error;
}

enum tcb_error external_open(struct host_vtpm *v, struct diagnosis *d)
{
	enum place_content content;
	struct span file, sealed;
	enum tcb_error error;
	struct uuid id;

	TRY(vtpms_claim_place(v, d));
	if (v->external->permanent.size > 0)
		return create(v, v->external->permanent, v->external->volatile_state, d);
	if (v->external->volatile_state.size > 0)
		return refuse_volatile(v, d);
	TRY(finish_arrival(v, d));
	if (v->loaded)
		return TCB_OK;
	TRY(vtpm_launch(v, d)); /* if what had not come ended with its enclave */
	TRY(place_look(&v->place, &file, &content, &id, &sealed, d));
	if (content == PLACE_EMPTY && v->external->was_made) {
		error = diagnose(d, TCB_REFUSED, "vtpm.removed", "no state any more where a vTPM was made", "the state, to make its last keys",
				 "nothing, if it is wanted no more");
	} else if (content == PLACE_EMPTY) {
		error = open_empty(v, d);
	} else if (content == PLACE_OURS) {
		place_remember(&v->place, file);
		set_id(v, &id);
		error = open_ours(v, sealed, d);
	} else {
		place_remember(&v->place, file);
		error = import_files(v, file, d);
	}
	free((void *)(uintptr_t)file.data);
	return error;
}

/* ---- blobs ---- */

/* The state in the directory is of this vTPM: it comes back to where it was. */
static bool is_here(const struct host_vtpm *v, const struct uuid *id)
{
	struct place place = v->place;
	enum place_content content;
	struct span file, sealed;
	struct uuid there;

	if (v->loaded)
		return memcmp(&v->id, id, sizeof *id) == 0;
	place.pending = false;
	if (place_look(&place, &file, &content, &there, &sealed, NULL) != TCB_OK)
		return false;
	free((void *)(uintptr_t)file.data);
	return content == PLACE_OURS && memcmp(&there, id, sizeof *id) == 0;
}

static void switch_off(struct host_vtpm *v)
{
	if (v->loaded)
		(void)!enclave_link_call(&v->link, CALL_VTPM_SHUTDOWN, span_of(NULL, 0), NULL, NULL);
	vtpm_close_enclave(v);
}

/* The vTPM comes back to where it was: the state that it left here opens. If it does not open, the place is as good as
 * empty: the platform knows a newer state (after a crash in the midst of a move to another directory, say), or another
 * platform has written it (shared storage). */
static enum tcb_error come_back(struct host_vtpm *v, const struct uuid *id, bool *ret_back, struct diagnosis *d)
{
	struct diagnosis why = {0};
	enum tcb_error error;

	*ret_back = is_here(v, id);
	if (!*ret_back || v->loaded)
		return TCB_OK;
	TRY(vtpm_launch(v, d));
	error = external_open(v, &why);
	if (error == TCB_OK)
		return TCB_OK;
	vtpm_close_enclave(v);
	*ret_back = false;
	return error == TCB_REFUSED || error == TCB_CRYPTO ? TCB_OK : diagnose_again(d, error, &why);
}

static enum tcb_error make_place(struct host_vtpm *v, const struct uuid *id, struct diagnosis *d)
{
	const struct vtpm_create m = { .id = *id, .incoming = true };
	bool back;

	TRY(come_back(v, id, &back, d));
	v->external->given_back = back;
	if (back)
		return TCB_OK;
	switch_off(v);
	TRY(vtpms_claim_place(v, d));
	TRY(vtpm_launch(v, d));
	set_id(v, id);
	v->place.pending = true;
	return vtpm_create_state(v, &m, d);
}

static enum tcb_error take_foreign(struct host_vtpm *v, uint32_t type, struct span blob, struct diagnosis *d)
{
	struct external *e = v->external;
	struct span *place = type == BLOB_PERMANENT ? &e->permanent : &e->volatile_state;

	if (e->incoming)
		return diagnose(d, TCB_REFUSED, "vtpm.blob.foreign",
				"a blob of swtpm, or of nobody, where a hand-over was expected",
				"the blobs of a vTPM that tcbind hands over",
				"migrate from a tcbind host; to take over a TPM of swtpm, start it here once from "
				"its state file, without --migration incoming");
	switch_off(v);
	free_span(place);
	return swtpm_state_open(blob, e->migration_key.size > 0 ? &e->migration_key : &e->file_key, place, d);
}

/* An enclave's sealed bytes (enclave/lib/seal.h says what begins them). */
static bool is_sealed(struct span blob)
{
	static const char head[] = "TCBSEAL2";

	return blob.size > strlen(head) && memcmp(blob.data, head, strlen(head)) == 0;
}

enum tcb_error external_expect(struct host_vtpm *v, struct span body, bool *ret_taken, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct span blob, aad, sealed;
	struct blob_head head;
	uint32_t type;

	*ret_taken = false;
	TRY(reader_u32(&r, &type));
	TRY(reader_sized(&r, LIMIT_STATE, &blob));
	TRY(reader_end(&r));
	if (type < BLOB_PERMANENT || type > BLOB_SAVESTATE)
		return TCB_MALFORMED;
	*ret_taken = type == BLOB_SAVESTATE || blob.size == 0;
	if (*ret_taken)
		return TCB_OK; /* nothing that a TPM 2 has */
	if (type == BLOB_VOLATILE && is_sealed(blob))
		return TCB_OK; /* a moment of this vTPM, for its enclave */
	if (blob_decode(blob, &head, &aad, &sealed) == TCB_OK)
		return type == BLOB_PERMANENT ? make_place(v, &head.id, d) : TCB_OK;
	*ret_taken = true;
	return take_foreign(v, type, blob, d);
}

/* Its user removed the state's file, and gave the state back: the file comes back with it. */
static void make_file_anew(struct host_vtpm *v)
{
	if (!v->external->given_back || v->place.log == NULL || place_has_state(&v->place))
		return;
	v->place.may_make = true;
	log_settle(v->place.log, &v->place);
	v->place.may_make = false;
}

enum tcb_error external_initialised(struct host_vtpm *v, struct diagnosis *d)
{
	free_span(&v->external->permanent);
	free_span(&v->external->volatile_state);
	if (v->place.pending)
		return settle_arrival(v, d);
	make_file_anew(v);
	v->external->given_back = false;
	return TCB_OK;
}
