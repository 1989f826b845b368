// SPDX-License-Identifier: MIT
/* What tcbind makes of the files that a power cut left: the host's own recovery of the log, then
 * the enclaves' own code that opens ledger, journal and states, on the processor that sealed them.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/reader.h"
#include "crypto/crypto.h"
#include "edge/calls.h"
#include "enclave/lib/outbox.h"
#include "enclave/lib/seal.h"
#include "enclave/lib/session.h"
#include "enclave/mige/journal.h"
#include "enclave/pse/ledger.h"
#include "host/recover.h"
#include "host/uuid.h"
#include "sgxsim/file.h"
#include "sgxsim/sigstruct.h"
#include "tests/enclave/fake_tee.h"
#include "tests/power/look.h"

#define STATE_LABEL "tcbind vTPM state v2"
#define STATE_NAME  "tpm2-00.permall"

enum { JOURNAL_SESSION = 1, VTPM_SESSION = 2 };

static struct processor processor;
static struct enclave_identity pse, mige, vtpm;
static struct daemon daemon_;
static struct ledger ledger;
static struct journal journal;
static struct session to_pse = {.peer_role = ROLE_PSE};
static uint8_t plain_bytes[LIMIT_STATE];

/* Nothing that the checker writes needs to be durable. */
int fsync(int fd)
{
	(void)fd;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

/* ---- the MigE's session with the PSE ---- */

static enum tcb_error serve_journal(enum local_request request, struct span body,
				    struct writer *ret, struct diagnosis *d)
{
	struct journal_version m;
	bool ahead;

	if (request == LOCAL_JOURNAL_CHECK)
		return TCB_OK;
	TRY(journal_version_decode(body, &m));
	if (request == LOCAL_JOURNAL_COMMIT)
		return register_commit_journal(&ledger, &m, JOURNAL_SESSION, d);
	TRY(register_open_journal(&ledger, &m, JOURNAL_SESSION, &ahead, d));
	writer_bool(ret, ahead);
	return TCB_OK;
}

enum tcb_error session_call(struct session *s, enum local_request request, struct span body,
			    struct span *ret_reply, struct diagnosis *d)
{
	static uint8_t reply_bytes[64];
	struct writer reply = WRITER_OF(reply_bytes);

	s->open = true;
	TRY(serve_journal(request, body, &reply, d));
	return writer_end(&reply, ret_reply);
}

/* ---- the platform ---- */

static enum tcb_error host_of_enclaves(void *context, enum call call, struct span body,
				       struct writer *ret, struct diagnosis *d)
{
	(void)context;
	(void)call;
	(void)body;
	(void)ret;
	(void)d;
	return TCB_OK; /* what is posted is not read again */
}

static bool explain(char ret_why[160], const char *what, enum tcb_error error,
		    const struct diagnosis *d)
{
	(void)snprintf(ret_why, 160, "%s: %s: %.90s", what, tcb_error_name(error),
		       d->code[0] != '\0' ? d->code : "no code");
	return false;
}

static enum tcb_error load_ledger(struct diagnosis *d)
{
	static uint8_t stored_bytes[LIMIT_FRAME];
	struct writer w = WRITER_OF(stored_bytes);
	struct span snapshot, stored;

	TRY(store_get(daemon_.store_dir, "pse.ledger", LIMIT_STATE, &snapshot, d));
	if (snapshot.size > 0) {
		writer_u8(&w, STORE_PSE_LEDGER);
		writer_sized(&w, snapshot);
	}
	free((void *)(uintptr_t)snapshot.data);
	writer_bytes(&w, log_steps(daemon_.log));
	TRY(writer_end(&w, &stored));
	fake_tee_become(&processor, &pse);
	return ledger_load(&ledger, stored, d);
}

static enum tcb_error load_journal(struct diagnosis *d)
{
	struct span sealed;
	enum tcb_error error;

	TRY(store_get(daemon_.store_dir, "mige.journal", LIMIT_STATE, &sealed, d));
	fake_tee_become(&processor, &mige);
	memset(&journal, 0, sizeof journal);
	to_pse.open = false;
	journal.pse = &to_pse;
	error = journal_open(&journal, sealed, d);
	outbox_send(span_of(NULL, 0));
	free((void *)(uintptr_t)sealed.data);
	return error;
}

static bool begin(const char *image, char ret_why[160])
{
	struct diagnosis d = {0};
	enum tcb_error error;

	(void)snprintf(daemon_.store_dir, sizeof daemon_.store_dir, "%s/A/store", image);
	(void)snprintf(daemon_.vtpm_dir, sizeof daemon_.vtpm_dir, "%s/A/vtpm", image);
	fake_tee_host(host_of_enclaves, NULL);
	error = log_open(daemon_.store_dir, recover_state, &daemon_, &daemon_.log, &d);
	if (error != TCB_OK)
		return explain(ret_why, "the log", error, &d);
	error = load_ledger(&d);
	if (error != TCB_OK)
		return explain(ret_why, "the ledger", error, &d);
	error = load_journal(&d);
	return error == TCB_OK || explain(ret_why, "the MigE's journal", error, &d);
}

static void end(void)
{
	if (daemon_.log != NULL)
		log_close(daemon_.log);
	daemon_.log = NULL;
}

/* ---- states ---- */

/* The number in a TPM's state; 0 and no name: none yet. */
static void find_value(struct span tpm, char *ret_name, unsigned *ret_number)
{
	*ret_name = '\0';
	*ret_number = 0;
	for (const uint8_t *at = tpm.data, *last = tpm.data + tpm.size; at + VALUE_SIZE <= last;
	     at++) {
		at = memchr(at, VALUE_PREFIX[0], (size_t)(last - at));
		if (at == NULL || at + VALUE_SIZE > last || value_read(at, ret_name, ret_number))
			return;
	}
}

/* The head of a state: enclave/vtpm/state.c. `ret_tpm` is what follows. */
static enum tcb_error read_state(struct span sealed, struct ledger_entry *ret_entry,
				 struct span *ret_rest, struct diagnosis *d)
{
	struct span plain, magic;
	struct reader r;

	fake_tee_become(&processor, &vtpm);
	TRY(seal_open(STATE_LABEL, sealed, plain_bytes, sizeof plain_bytes, &plain, d));
	r = reader_of(plain);
	*ret_entry = (struct ledger_entry){0};
	TRY(reader_copy(&r, ret_entry->previous.bytes, sizeof ret_entry->previous.bytes));
	TRY(reader_bytes(&r, 8, &magic));
	TRY(reader_copy(&r, ret_entry->id.bytes, sizeof ret_entry->id.bytes));
	TRY(reader_copy(&r, ret_entry->lineage.bytes, sizeof ret_entry->lineage.bytes));
	TRY(reader_u64(&r, &ret_entry->generation));
	TRY(reader_u64(&r, &ret_entry->version));
	*ret_rest = r.rest;
	return crypto_sha256(sealed, &ret_entry->digest);
}

/* Asks the ledger as a vTPM enclave does at its start. The ledger stays as it is. */
static enum tcb_error ask_ledger(const struct ledger_entry *entry, struct ledger_lease *ret_lease,
				 struct diagnosis *d)
{
	static struct ledger before;
	enum tcb_error error;

	before = ledger;
	fake_tee_become(&processor, &pse);
	error = register_open(&ledger, entry, VTPM_SESSION, ret_lease, d);
	outbox_send(span_of(NULL, 0));
	ledger = before;
	return error;
}

static void count_state(struct span sealed, const struct expected *e, struct finding *f)
{
	struct ledger_entry entry;
	struct ledger_lease lease;
	struct diagnosis d = {0};
	enum tcb_error error;
	struct span rest;
	unsigned number;
	char name;

	error = read_state(sealed, &entry, &rest, &d);
	f->torn |= error == TCB_CRYPTO || error == TCB_MALFORMED;
	if (error == TCB_OK)
		error = ask_ledger(&entry, &lease, &d);
	if (error != TCB_OK) {
		(void)explain(f->why, "a state", error, &d);
		return;
	}
	find_value(rest, &name, &number);
	if (name != e->name && (name != '\0' || e->low > 0))
		return; /* another's */
	f->least = f->opens == 0 || number < f->least ? number : f->least;
	f->most = number > f->most ? number : f->most;
	f->opens++;
	f->acts += lease.phase == LEDGER_HERE;
}

static void count_own(const char *dir, const struct expected *e, struct finding *f)
{
	struct span sealed;

	if (store_get(dir, "state", LIMIT_STATE, &sealed, NULL) != TCB_OK || sealed.size == 0)
		return;
	count_state(sealed, e, f);
	free((void *)(uintptr_t)sealed.data);
}

/* What the daemon makes of a place of a user (host/external.c). */
enum in_place_of_user { NOTHING, STATE, REFUSED /* it does not look any further */ };

/* A state file that is written where it stands, as `file://` names it. */
static bool is_file(const char *place)
{
	const size_t size = strlen(place);

	return size > 4 && strcmp(place + size - 4, ".img") == 0;
}

static struct place place_at(const char *path, bool pending)
{
	struct place place = {.external = true, .state = STATE_NAME, .pending = pending};

	(void)snprintf(place.dir, sizeof place.dir, "%s", path);
	place.in_place = is_file(path);
	place.file_fd = place.in_place ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	return place;
}

/* What is there, or is coming in. */
static enum in_place_of_user count_place(const char *path, bool pending, const struct expected *e,
					 struct finding *f)
{
	struct place place = place_at(path, pending);
	enum place_content content = PLACE_EMPTY;
	enum tcb_error error = TCB_OK;
	struct span file = {0}, sealed;
	struct uuid id;

	if (!place.in_place || place.file_fd >= 0) /* a file that is not there is made */
		error = place_look(&place, &file, &content, &id, &sealed, NULL);
	if (place.file_fd >= 0)
		(void)close(place.file_fd);
	if (error != TCB_OK || content == PLACE_FOREIGN)
		f->torn = true;
	if (error == TCB_OK && content == PLACE_OURS)
		count_state(sealed, e, f);
	free((void *)(uintptr_t)file.data);
	if (error != TCB_OK || content == PLACE_FOREIGN)
		return REFUSED;
	return content == PLACE_EMPTY ? NOTHING : STATE;
}

/* Whether the platform knows that the vTPM of this file aside.ID.TAG is in the directory
 * (host/directories.h). */
static bool is_noted(const char *image, const char *aside, const char *dir)
{
	char notes[PATH_MAX], text[UUID_TEXT_SIZE], wanted[DIR_SIZE + 2], *note;
	struct span bytes;
	struct uuid id;
	bool found;

	for (size_t i = 0; i < UUID_SIZE; i++)
		if (sscanf(aside + strlen("aside.") + 2 * i, "%2hhx", &id.bytes[i]) != 1)
			return false;
	uuid_format(&id, text);
	(void)snprintf(notes, sizeof notes, "%s/A/places", image);
	(void)snprintf(wanted, sizeof wanted, "%.*s\"",
		       (int)(is_file(dir) ? (size_t)(strrchr(dir, '/') - dir) : strlen(dir)), dir);
	if (store_get(notes, text, PATH_MAX, &bytes, NULL) != TCB_OK || bytes.size == 0)
		return false;
	note = strndup((const char *)bytes.data, bytes.size);
	found = note != NULL && strstr(note, wanted) != NULL && note[bytes.size - 1] == '}';
	free(note);
	free((void *)(uintptr_t)bytes.data);
	return found;
}

/* Where the place has no state, a note tells the daemon whose state to look for. */
static void count_aside(const char *image, bool has_state, const struct expected *e,
			struct finding *f)
{
	DIR *store = opendir(daemon_.store_dir);
	struct dirent *entry;
	struct span sealed;

	while (store != NULL && (entry = readdir(store)) != NULL) {
		if (strncmp(entry->d_name, "aside.", 6) != 0 ||
		    (!has_state && !is_noted(image, entry->d_name, e->dir)) ||
		    store_get(daemon_.store_dir, entry->d_name, LIMIT_STATE, &sealed, NULL) !=
			TCB_OK)
			continue;
		count_state(sealed, e, f);
		free((void *)(uintptr_t)sealed.data);
	}
	if (store != NULL)
		(void)closedir(store);
}

static void count_user(const char *image, const struct expected *e, struct finding *f)
{
	char path[PATH_MAX];
	enum in_place_of_user there;

	(void)snprintf(path, sizeof path, "%s/%s", image, e->dir);
	there = count_place(path, false, e, f);
	if (!is_file(path))
		(void)count_place(path, true, e, f);
	if (e->other[0] != '\0') {
		(void)snprintf(path, sizeof path, "%s/%s", image, e->other);
		(void)count_place(path, false, e, f);
		(void)count_place(path, true, e, f);
	}
	if (there != REFUSED)
		count_aside(image, there == STATE, e, f);
}

static void look(const char *image, const struct expected *e, struct finding *ret)
{
	char dir[PATH_MAX];

	*ret = (struct finding){0};
	(void)snprintf(dir, sizeof dir, "%s/%s", image, e->dir);
	if (strncmp(e->dir, "A/", 2) == 0)
		count_own(dir, e, ret);
	else
		count_user(image, e, ret);
	ret->torn = ret->torn && ret->opens == 0; /* else the daemon writes it anew */
}

/* ---- start ---- */

static struct enclave_identity identity_of(const char *build, const char *role)
{
	struct file_bytes image = {0}, signature = {0};
	struct enclave_identity identity;
	char path[PATH_MAX], signature_path[PATH_MAX + 8];
	struct diagnosis d = {0};

	(void)snprintf(path, sizeof path, "%s/enclave/%s/%s.enclave", build, role, role);
	(void)snprintf(signature_path, sizeof signature_path, "%s.sig", path);
	if (file_read(path, &image, &d) != TCB_OK ||
	    file_read(signature_path, &signature, &d) != TCB_OK ||
	    sigstruct_check(file_span(&signature), file_span(&image), &identity, &d) != TCB_OK)
		errx(2, "%s: %s", path, d.code);
	file_free(&image);
	file_free(&signature);
	return identity;
}

const struct looker *look_ours(const char *platform, const char *build)
{
	static const char *const parts[] = {"A/store", "A/vtpm", "A/places",
					    "A/files", "users",  NULL};
	static const struct looker looker = {
	    .parts = parts, .begin = begin, .look = look, .end = end};
	struct diagnosis d = {0};

	if (platform == NULL)
		return &looker;
	if (crypto_init() != TCB_OK || processor_reset(&processor, platform, &d) != TCB_OK)
		errx(2, "%s: %s", platform, d.code);
	pse = identity_of(build, "pse");
	mige = identity_of(build, "mige");
	vtpm = identity_of(build, "vtpm");
	return &looker;
}
