// SPDX-License-Identifier: MIT
/* Who finds the PSE idle carries what is asked until then: one call, then one write of the log for all of it. While that write is under way, the next
 * carries what came meanwhile. */
#include "host/ask_pse.h"

#include "edge/frame.h"
#include "edge/pse.h"
#include "host/scratch.h"

enum { HEADS = 64 }; /* bytes of a message's head and length, at most */

struct asker {
	struct peer_message message;
	struct writer *ret;
	struct diagnosis *d;
	enum tcb_error error;
	bool taken, answered;
	pthread_cond_t turn; /* it is answered, or is to carry */
	struct asker *next;
};

static struct {
	pthread_mutex_t lock;
	struct asker *first, **end;
	bool busy; /* one carries to the PSE */
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER, .end = &queue.first };

/* With the lock held: as many as one call takes, in order. */
static struct asker *take_askers(size_t *ret_size)
{
	struct asker *first = queue.first, **end = &queue.first;
	size_t size = 0;

	for (unsigned count = 0; *end != NULL && count < PSE_TOGETHER_MAX; count++) {
		size_t more = (*end)->message.message.size + HEADS;

		if (count > 0 && size + more > LIMIT_FRAME)
			break;
		size += more;
		(*end)->taken = true;
		end = &(*end)->next;
	}
	queue.first = *end;
	if (queue.first == NULL)
		queue.end = &queue.first;
	*end = NULL;
	*ret_size = size;
	return first;
}

/* With room for the steps that its answer may bring. */
static void lock_pse(struct daemon *daemon)
{
	(void)pthread_mutex_lock(&daemon->pse.lock);
	while (!log_steps_fit(daemon->log, PSE_TOGETHER_MAX)) {
		(void)pthread_mutex_unlock(&daemon->pse.lock);
		log_await_room(daemon->log, PSE_TOGETHER_MAX);
		(void)pthread_mutex_lock(&daemon->pse.lock);
	}
}

static void take_reply(struct asker *a, struct reader *replies)
{
	struct diagnosis d;
	struct peer_reply m;
	struct reader r;

	a->error = peer_reply_read(replies, &m);
	if (a->error != TCB_OK)
		return;
	a->error = m.error;
	if (m.error == TCB_OK) {
		writer_sized(a->ret, m.bytes);
		return;
	}
	r = reader_of(m.bytes);
	if (diagnosis_decode(&r, &d) == TCB_OK)
		(void)diagnose_again(a->d, m.error, &d);
}

static void carry(struct daemon *daemon, struct asker *askers, size_t size)
{
	uint8_t *SCRATCH(body_bytes, size);
	struct writer w = writer_of(body_bytes, size);
	struct diagnosis d = {0};
	struct span body, replies = {0};
	struct reader r;
	enum tcb_error error;

	for (struct asker *a = askers; a != NULL; a = a->next)
		peer_message_encode(&w, &a->message);
	lock_pse(daemon);
	error = writer_end(&w, &body);
	if (error == TCB_OK)
		error = enclave_link_call(&daemon->pse.link, CALL_PSE_PEER, body, &replies, &d);
	services_check(&daemon->pse, "the PSE");
	r = reader_of(replies);
	for (struct asker *a = askers; a != NULL; a = a->next)
		if (error == TCB_OK)
			take_reply(a, &r);
		else
			a->error = diagnose_again(a->d, error, &d);
	(void)pthread_mutex_unlock(&daemon->pse.lock);
}

/* With the lock held, which is given up meanwhile. */
static void carry_all(struct daemon *daemon)
{
	size_t size;
	struct asker *askers = take_askers(&size);
	bool is_alone = askers->next == NULL;

	queue.busy = true;
	(void)pthread_mutex_unlock(&queue.lock);
	carry(daemon, askers, size);
	(void)pthread_mutex_lock(&queue.lock);
	queue.busy = false;
	if (queue.first != NULL)
		(void)pthread_cond_signal(&queue.first->turn);
	(void)pthread_mutex_unlock(&queue.lock);
	if (is_alone)
		log_wait(daemon->log);
	else
		log_wait_own(daemon->log); /* the others' waits are not held */
	(void)pthread_mutex_lock(&queue.lock);
	while (askers != NULL) {
		struct asker *next = askers->next; /* it is gone as soon as it is answered */

		askers->answered = true;
		(void)pthread_cond_signal(&askers->turn);
		askers = next;
	}
}

enum tcb_error ask_pse(struct daemon *daemon, uint64_t session, struct span message, struct writer *ret, struct diagnosis *d)
{
	struct asker self = { .message = { .session = session, .message = message }, .ret = ret, .d = d, .turn = PTHREAD_COND_INITIALIZER };

	(void)pthread_mutex_lock(&queue.lock);
	*queue.end = &self;
	queue.end = &self.next;
	while (!self.answered)
		if (self.taken || queue.busy)
			(void)pthread_cond_wait(&self.turn, &queue.lock);
		else
			carry_all(daemon);
	(void)pthread_mutex_unlock(&queue.lock);
	(void)pthread_cond_destroy(&self.turn);
	return self.error;
}

enum tcb_error pse_drop(struct daemon *daemon, const struct uuid *id, const struct digest256 *newest, bool *ret_dropped, struct diagnosis *d)
{
	uint8_t body_bytes[UUID_SIZE + SHA256_SIZE];
	struct writer w = WRITER_OF(body_bytes);
	struct span answer = {0};
	enum tcb_error error;

	writer_bytes(&w, SPAN_OF(id->bytes));
	if (newest != NULL)
		writer_bytes(&w, SPAN_OF(newest->bytes));
	lock_pse(daemon);
	error = enclave_link_call(&daemon->pse.link, CALL_PSE_DROP, span_of(body_bytes, w.size), &answer, d);
	*ret_dropped = error == TCB_OK && answer.size == 1 && answer.data[0] == 1;
	services_check(&daemon->pse, "the PSE");
	(void)pthread_mutex_unlock(&daemon->pse.lock);
	if (error == TCB_OK)
		log_wait(daemon->log);
	return error;
}
