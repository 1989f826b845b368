// SPDX-License-Identifier: MIT
#include "tests/enclave/rig/rig.h"

#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "edge/frame.h"
#include "edge/host.h"
#include "edge/mige.h"
#include "edge/pse.h"
#include "sgxsim/pki.h"
#include "sgxsim/sigstruct.h"
#include "tests/enclave/fake_tee.h"
#include "tests/enclave/rig/ptpm.h"

int pse_main(void);
int mige_main(void);

enum { ROOTS_MAX = 2, PLATFORMS_MAX = 4, CONNECTIONS_MAX = 256 };

/* A connection that one MigE asked for, and the number that it has at the other. */
struct connection {
	struct rig_platform *from, *to;
	uint64_t number, inbound;
};

static struct {
	char dir[64];
	struct rig_platform *platforms[PLATFORMS_MAX];
	struct connection connections[CONNECTIONS_MAX];
	unsigned connection_count;
	uint64_t inbound;
	const struct rig_platform *closed_by;
	rig_network *network;
	size_t chunk;
	void (*interlude)(void);
} rig;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "rig: %s\n", what);
	abort();
}

/* ---- roots and platforms ---- */

static void path_of(char *ret_path, size_t capacity, const char *name, int number)
{
	must((size_t)snprintf(ret_path, capacity, "%s/%s%d", rig.dir, name, number) < capacity, "path");
}

void rig_pki(int root)
{
	static const uint8_t signature_file[SIGSTRUCT_SIZE];
	char path[128];

	if (rig.dir[0] == '\0') {
		(void)snprintf(rig.dir, sizeof rig.dir, "/tmp/tcbind-rig.XXXXXX");
		must(mkdtemp(rig.dir) != NULL, "mkdtemp");
		path_of(path, sizeof path, "acm.sig", 0);
		must(file_write(path, SPAN_OF(signature_file), 0600, NULL) == TCB_OK, "acm.sig");
	}
	path_of(path, sizeof path, "pki", root);
	must(pki_init(path, NULL) == TCB_OK, "pki_init");
}

void rig_issue_collateral(int root, const struct pki_collateral_options *options, struct file_bytes *ret_document)
{
	char dir[128], path[160];

	path_of(dir, sizeof dir, "pki", root);
	(void)snprintf(path, sizeof path, "%s/collateral.cbor", dir);
	file_free(ret_document);
	must(pki_issue_collateral(dir, options, NULL) == TCB_OK && file_read(path, ret_document, NULL) == TCB_OK, "collateral");
}

void rig_end(void)
{
	char command[128];

	(void)snprintf(command, sizeof command, "rm -rf '%s'", rig.dir);
	must(system(command) == 0, "rm");
	rig.dir[0] = '\0';
}

static void fuse(struct rig_platform *p, int root, int number)
{
	char dir[128], pki[128], sig[128], path[160];

	path_of(dir, sizeof dir, "platform", number);
	path_of(pki, sizeof pki, "pki", root);
	path_of(sig, sizeof sig, "acm.sig", 0);
	must(mkdir(dir, 0700) == 0, "mkdir");
	must(processor_fuse(dir, pki, sig, NULL) == TCB_OK, "processor_fuse");
	must(processor_reset(&p->processor, dir, NULL) == TCB_OK, "processor_reset");
	(void)snprintf(path, sizeof path, "%s/collateral.cbor", dir);
	must(file_read(path, &p->collateral, NULL) == TCB_OK, "collateral");
}

void rig_platform_init(struct rig_platform *p, int root, const char *name)
{
	static int made;
	struct writer w = WRITER_OF(p->ak_public);
	int place = 0;

	wipe(p, sizeof *p);
	while (place < PLATFORMS_MAX && rig.platforms[place] != NULL)
		place++;
	must(place < PLATFORMS_MAX, "platforms");
	rig.platforms[place] = p;
	fuse(p, root, made++);
	(void)snprintf(p->name, sizeof p->name, "%s", name);
	(void)snprintf(p->address, sizeof p->address, "%s:1", name);
	p->pse_identity = fake_identity(ROLE_PSE);
	p->mige_identity = fake_identity(ROLE_MIGE);
	must(crypto_p256_new(&p->ak) == TCB_OK && fake_ak_public(p->ak, &w) == TCB_OK, "AK");
	p->ak_public_size = w.size;
	memcpy(p->processor.bank.ak_public, p->ak_public, w.size);
	p->processor.bank.size = w.size;
	p->processor.bank.locked = true;
}

void rig_platform_end(struct rig_platform *p)
{
	rig_kill(&p->pse);
	rig_kill(&p->mige);
	EVP_PKEY_free(p->ak);
	EVP_PKEY_free(p->processor.fuses.pck);
	EVP_PKEY_free(p->processor.attestation);
	file_free(&p->collateral);
	for (int i = 0; i < PLATFORMS_MAX; i++)
		if (rig.platforms[i] == p)
			rig.platforms[i] = NULL;
	wipe(p, sizeof *p);
}

/* ---- the host of PSE and MigE ---- */

static struct rig_stored *slot_of(struct rig_platform *p, uint8_t slot)
{
	switch (slot) {
	case STORE_PSE_LEDGER:
	case STORE_PSE_LEDGER_STEP: return &p->ledger;
	case STORE_MIGE_JOURNAL: return &p->journal;
	default: return NULL;
	}
}

static enum tcb_error serve_store(struct rig_platform *p, struct span body, struct diagnosis *d)
{
	struct reader r = reader_of(body);
	struct rig_stored *stored;
	struct span bytes;
	uint8_t slot;

	TRY(reader_u8(&r, &slot));
	TRY(reader_sized(&r, LIMIT_STATE, &bytes));
	TRY(reader_end(&r));
	if (p->store_fails)
		return diagnose(d, TCB_PLATFORM, "store.full", "no room", "room", "make room");
	stored = slot_of(p, slot);
	if (stored == NULL)
		return TCB_OK;
	if (slot != STORE_PSE_LEDGER_STEP)
		stored->size = 0;
	if (stored == &p->ledger) /* with what it is */
		bytes = body;
	if (stored->size + bytes.size > sizeof stored->bytes)
		return TCB_LIMIT;
	memcpy(stored->bytes + stored->size, bytes.data, bytes.size);
	stored->size += bytes.size;
	return TCB_OK;
}

static enum tcb_error serve_quote(struct rig_platform *p, struct span body, struct writer *ret)
{
	static uint8_t quote_bytes[LIMIT_QUOTE];
	const struct rig_platform *by = p->quotes_from != NULL ? p->quotes_from : p;
	struct host_platform_quote answer = {0};
	struct writer w = WRITER_OF(quote_bytes);
	struct reader r = reader_of(body);
	struct digest256 commitment;

	TRY(reader_copy(&r, commitment.bytes, sizeof commitment.bytes));
	TRY(reader_end(&r));
	TRY(fake_quote(by->ak, &commitment, by->pcr0, &w));
	TRY(writer_end(&w, &answer.quote));
	host_platform_quote_encode(ret, &answer);
	return TCB_OK;
}

/* To the PSE, from its platform's enclave `number`; its answer is the sized reply already. */
static enum tcb_error ask_pse(struct rig_platform *p, uint64_t number, struct span message, struct writer *ret,
			      struct diagnosis *d)
{
	static uint8_t body_bytes[LIMIT_FRAME];
	const struct peer_message m = { .session = number, .message = message };
	struct writer w = WRITER_OF(body_bytes);
	struct span body, answer;
	struct peer_reply reply;
	struct diagnosis of_reply;
	struct reader r;

	peer_message_encode(&w, &m);
	TRY(writer_end(&w, &body));
	TRY(enclave_link_call(&p->pse.link, CALL_PSE_PEER, body, &answer, d));
	TRY(peer_reply_decode(answer, &reply));
	if (reply.error == TCB_OK) {
		writer_sized(ret, reply.bytes);
		return TCB_OK;
	}
	r = reader_of(reply.bytes);
	TRY(diagnosis_decode(&r, &of_reply));
	return diagnose_again(d, reply.error, &of_reply);
}

static enum tcb_error peer_decode(struct span body, uint8_t *ret_role, struct span *ret_message)
{
	struct reader r = reader_of(body);

	TRY(reader_u8(&r, ret_role));
	TRY(reader_sized(&r, LIMIT_LOCAL_MESSAGE, ret_message));
	return reader_end(&r);
}

static enum tcb_error serve(void *context, enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct rig_enclave *e = context;
	struct rig_platform *p = e->platform;
	struct span message;
	uint8_t role;

	switch (call) {
	case CALL_HOST_STORE: return serve_store(p, body, d);
	case CALL_HOST_PTPM_QUOTE: return serve_quote(p, body, ret);
	case CALL_HOST_TIME: writer_u64(ret, p->now_s != 0 ? p->now_s : (uint64_t)time(NULL)); return TCB_OK;
	case CALL_HOST_COLLATERAL: writer_sized(ret, file_span(&p->collateral)); return TCB_OK;
	case CALL_HOST_PEER:
		TRY(peer_decode(body, &role, &message));
		return role == ROLE_PSE ? ask_pse(p, e->link.session, message, ret, d) : TCB_REFUSED;
	default: return TCB_MALFORMED;
	}
}

/* ---- processes ---- */

static _Noreturn void run(struct rig_enclave *e, const struct enclave_identity *identity, int fd, int (*enclave_main)(void))
{
	fake_tee_become(&e->platform->processor, identity);
	fake_tee_attach(fd);
	if (identity->isv_prod_id == ROLE_MIGE)
		fake_tee_steal_quote(e->platform->stolen_quote);
	(void)enclave_main();
	_exit(0);
}

static void spawn(struct rig_platform *p, struct rig_enclave *e, const struct enclave_identity *identity,
		  int (*enclave_main)(void))
{
	int fds[2];

	rig_kill(e);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
	e->platform = p;
	(void)fflush(NULL);
	e->pid = fork();
	must(e->pid >= 0, "fork");
	if (e->pid == 0) {
		(void)close(fds[0]);
		run(e, identity, fds[1], enclave_main);
	}
	(void)close(fds[1]);
	must(enclave_link_attach(fds[0], identity, serve, e, &e->link) == TCB_OK, "memory");
}

void rig_kill(struct rig_enclave *e)
{
	if (e->pid == 0)
		return;
	(void)kill(e->pid, SIGKILL);
	(void)waitpid(e->pid, NULL, 0);
	e->pid = 0;
	enclave_link_close(&e->link);
}

int rig_exit_status(struct rig_enclave *e)
{
	int status = 0;

	for (int i = 0; i < 200; i++) {
		if (waitpid(e->pid, &status, WNOHANG) == e->pid) {
			e->pid = 0;
			enclave_link_close(&e->link);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
		}
		(void)usleep(10000);
	}
	return -1;
}

void rig_spawn_pse(struct rig_platform *p)
{
	spawn(p, &p->pse, &p->pse_identity, pse_main);
}

static uint8_t start_bytes[LIMIT_STATE + 1024];

enum tcb_error rig_start_pse(struct rig_platform *p, struct span *ret_certified_ak, struct diagnosis *d)
{
	const struct pse_start m = { .platform_name = span_of_text(p->name),
				     .stored_ledger = span_of(p->ledger.bytes, p->ledger.size) };
	struct writer w = WRITER_OF(start_bytes);
	struct span body, answer;
	struct reader r;

	rig_spawn_pse(p);
	pse_start_encode(&w, &m);
	TRY(writer_end(&w, &body));
	TRY(enclave_link_call(&p->pse.link, CALL_PSE_START, body, &answer, d));
	r = reader_of(answer);
	TRY(reader_sized(&r, LIMIT_FRAME, ret_certified_ak));
	return reader_end(&r);
}

enum tcb_error rig_start_mige(struct rig_platform *p, struct diagnosis *d)
{
	const struct mige_start m = { .address = span_of_text(p->address), .platform_name = span_of_text(p->name),
				      .sealed_journal = span_of(p->journal.bytes, p->journal.size) };
	struct writer w = WRITER_OF(start_bytes);
	struct span body;

	spawn(p, &p->mige, &p->mige_identity, mige_main);
	mige_start_encode(&w, &m);
	TRY(writer_end(&w, &body));
	return enclave_link_call(&p->mige.link, CALL_MIGE_START, body, NULL, d);
}

void rig_start(struct rig_platform *p)
{
	struct span certified_ak;

	must(rig_start_pse(p, &certified_ak, NULL) == TCB_OK, "PSE");
	must(rig_start_mige(p, NULL) == TCB_OK, "MigE");
}

/* ---- the network ---- */

void rig_set_network(rig_network *network, size_t chunk)
{
	rig.network = network;
	rig.chunk = chunk;
}

unsigned rig_connections(void)
{
	return rig.connection_count;
}

const struct rig_platform *rig_closed_by(void)
{
	return rig.closed_by;
}

void rig_reset_connections(void)
{
	rig.closed_by = NULL;
	rig.connection_count = 0;
}

/* A step with bytes of its own: a link's are the next call's. */
struct kept_step {
	struct mige_step step;
	uint8_t bytes[LIMIT_FRAME], reply[LIMIT_LOCAL_MESSAGE];
	char address[LIMIT_ADDRESS + 1];
};

static bool keep(struct span body, struct kept_step *ret)
{
	if (mige_step_decode(body, &ret->step) != TCB_OK)
		return false;
	memcpy(ret->bytes, ret->step.bytes.data, ret->step.bytes.size);
	memcpy(ret->reply, ret->step.reply.data, ret->step.reply.size);
	memcpy(ret->address, ret->step.address.data, ret->step.address.size);
	ret->address[ret->step.address.size] = '\0';
	ret->step.bytes.data = ret->bytes;
	ret->step.reply.data = ret->reply;
	return true;
}

/* False: the MigE is not there. */
static bool net(struct rig_platform *p, uint64_t connection, bool closed, struct span bytes, struct kept_step *ret)
{
	static uint8_t body_bytes[LIMIT_FRAME];
	const struct mige_net m = { .connection = connection, .closed = closed, .bytes = bytes };
	struct writer w = WRITER_OF(body_bytes);
	struct span body, answer;

	mige_net_encode(&w, &m);
	return p->mige.pid != 0 && writer_end(&w, &body) == TCB_OK &&
	       enclave_link_call(&p->mige.link, CALL_MIGE_NET, body, &answer, NULL) == TCB_OK && keep(answer, ret);
}

/* Delivers in chunks; what the receiver wants to send, or tells, is gathered in `ret`. */
static bool deliver(struct rig_platform *from, struct rig_platform *to, uint64_t connection, uint8_t *bytes, size_t size,
		    struct kept_step *ret)
{
	static struct kept_step part;
	size_t chunk = rig.chunk != 0 ? rig.chunk : size;

	*ret = (struct kept_step){0};
	if (rig.network != NULL && !rig.network(from, bytes, size))
		return false;
	for (size_t at = 0; at < size; at += chunk) {
		if (!net(to, connection, false, span_of(bytes + at, size - at < chunk ? size - at : chunk), &part))
			return false;
		must(ret->step.bytes.size + part.step.bytes.size <= sizeof ret->bytes, "too many bytes");
		memcpy(ret->bytes + ret->step.bytes.size, part.bytes, part.step.bytes.size);
		ret->step.bytes = span_of(ret->bytes, ret->step.bytes.size + part.step.bytes.size);
		ret->step.connection = part.step.connection;
		ret->step.close |= part.step.close;
		if (!part.step.answered)
			continue;
		ret->step.answered = true;
		memcpy(ret->reply, part.reply, part.step.reply.size);
		ret->step.reply = span_of(ret->reply, part.step.reply.size);
		return true;
	}
	return true;
}

static struct connection *connect_to(struct rig_platform *from, uint64_t number, const char *address)
{
	struct connection *c;

	for (int i = 0; i < PLATFORMS_MAX; i++) {
		if (rig.platforms[i] == NULL || strcmp(rig.platforms[i]->address, address) != 0)
			continue;
		must(rig.connection_count < CONNECTIONS_MAX, "connections");
		c = &rig.connections[rig.connection_count++];
		*c = (struct connection){ .from = from, .to = rig.platforms[i], .number = number,
					  .inbound = MIGE_CONNECTION_INBOUND | ++rig.inbound };
		return c;
	}
	return NULL;
}

static struct connection *find_connection(const struct rig_platform *from, uint64_t number)
{
	for (unsigned i = 0; i < rig.connection_count; i++)
		if (rig.connections[i].from == from && rig.connections[i].number == number && rig.connections[i].to != NULL)
			return &rig.connections[i];
	return NULL;
}

void rig_set_interlude(void (*interlude)(void))
{
	rig.interlude = interlude;
}

/* Carries what MigE `p` wants to send and brings what comes back, until its vTPM is answered. */
static bool carry(struct rig_platform *p, struct kept_step *step)
{
	static struct kept_step other;
	void (*interlude)(void) = rig.interlude;

	if (interlude != NULL && !step->step.answered) {
		rig.interlude = NULL;
		interlude();
	}
	for (int rounds = 0; !step->step.answered; rounds++) {
		struct connection *c = step->step.address.size > 0
					       ? connect_to(p, step->step.connection, step->address)
					       : find_connection(p, step->step.connection);
		uint64_t number = step->step.connection;
		bool alive = c != NULL && c->to->mige.pid != 0 &&
			     deliver(p, c->to, c->inbound, step->bytes, step->step.bytes.size, &other);

		must(rounds < 1000, "a hand-over without end");
		if (alive && other.step.close)
			rig.closed_by = c->to;
		if (alive && other.step.bytes.size > 0)
			alive = deliver(c->to, p, number, other.bytes, other.step.bytes.size, step);
		else
			alive = false;
		if (step->step.answered)
			return true;
		if (alive && !other.step.close && !step->step.close)
			continue;
		if (c != NULL)
			c->to = NULL; /* closed */
		if (!net(p, number, true, span_of(NULL, 0), step))
			return false;
	}
	return true;
}

static enum tcb_error ask_mige(struct rig_platform *p, uint64_t number, struct span message, struct writer *ret,
			       struct diagnosis *d)
{
	static uint8_t body_bytes[LIMIT_FRAME];
	struct kept_step *step = calloc(1, sizeof *step); /* an interlude asks meanwhile */
	const struct peer_message m = { .session = number, .message = message };
	struct writer w = WRITER_OF(body_bytes);
	struct span body, answer;
	enum tcb_error error;

	must(step != NULL, "memory");
	peer_message_encode(&w, &m);
	error = writer_end(&w, &body);
	if (error == TCB_OK)
		error = enclave_link_call(&p->mige.link, CALL_MIGE_PEER, body, &answer, d);
	if (error == TCB_OK && (!keep(answer, step) || !carry(p, step)))
		error = TCB_PLATFORM;
	if (error == TCB_OK)
		writer_sized(ret, step->step.reply);
	free(step);
	return error;
}

unsigned rig_tidy(struct rig_platform *p, uint64_t round)
{
	static struct kept_step step;
	uint8_t body_bytes[8];
	struct writer w = WRITER_OF(body_bytes);
	struct span answer;

	writer_u64(&w, round);
	for (unsigned asked = 0;; asked++) {
		must(asked < 1000, "a round without end");
		if (enclave_link_call(&p->mige.link, CALL_MIGE_TIDY, SPAN_OF(body_bytes), &answer, NULL) != TCB_OK)
			return asked;
		must(keep(answer, &step), "step");
		if (step.step.answered)
			return asked;
		must(carry(p, &step) && step.step.reply.size == 0, "an answer with nothing in it");
	}
}

/* ---- vTPM enclaves ---- */

void rig_vtpm_init(struct rig_vtpm *v, struct rig_platform *p, uint64_t number)
{
	*v = (struct rig_vtpm){ .platform = p, .number = number, .identity = fake_identity(ROLE_VTPM),
				.pse = { .peer_role = ROLE_PSE }, .mige = { .peer_role = ROLE_MIGE } };
}

static enum tcb_error serve_vtpm(void *context, enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	const struct rig_vtpm *v = context;
	struct span message;
	uint8_t role;

	if (call != CALL_HOST_PEER)
		return TCB_REFUSED;
	TRY(peer_decode(body, &role, &message));
	return role == ROLE_PSE ? ask_pse(v->platform, v->number, message, ret, d)
				: ask_mige(v->platform, v->number, message, ret, d);
}

enum tcb_error rig_ask(struct rig_vtpm *v, enum enclave_role role, enum local_request request, struct span body,
		       struct span *ret_reply, struct diagnosis *d)
{
	struct session *session = role == ROLE_PSE ? &v->pse : &v->mige;

	fake_tee_become(&v->platform->processor, &v->identity);
	fake_tee_host(serve_vtpm, v);
	return session_call(session, request, body, ret_reply, d);
}
