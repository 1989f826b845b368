// SPDX-License-Identifier: MIT
/* Enclaves on fibers, and tee.h for the code in them: the processor's instructions are those of
 * sgxsim. */
#include "simulate/enclave.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "crypto/crypto.h"
#include "edge/instruction.h"
#include "enclave/tee/tee.h"

enum { STACK = 1024 * 1024, SPARE_FIBERS = 64 };

static struct enclave *running, *all;
static uint64_t numbers;
static struct fiber *spare[SPARE_FIBERS];
static unsigned spare_count;

/* ---- life ---- */

struct enclave_identity enclave_identity_of(enum enclave_role role, uint16_t isv_svn, uint8_t build)
{
	struct enclave_identity identity = {.isv_prod_id = (uint16_t)role,
					    .isv_svn = isv_svn,
					    .attributes = SGX_FLAG_INIT | SGX_FLAG_MODE64};

	memset(identity.mrsigner, 0x51, sizeof identity.mrsigner);
	memset(identity.mrenclave, 0xe0 + (int)role, sizeof identity.mrenclave);
	identity.mrenclave[0] = (uint8_t)isv_svn;
	identity.mrenclave[1] = build;
	return identity;
}

static void run_enclave(void *context)
{
	struct enclave *e = context;

	(void)e->copy->main();
	abort();
}

struct enclave *enclave_start(struct platform *platform, struct processor *processor,
			      enum enclave_role role, uint16_t isv_svn, uint8_t build)
{
	struct enclave *e = calloc(1, sizeof *e);

	if (e == NULL)
		abort();
	e->platform = platform;
	e->processor = processor;
	e->self = enclave_identity_of(role, isv_svn, build);
	e->number = ++numbers;
	e->alive = true;
	e->users = 1;
	e->copy = module_take(role);
	e->fiber = spare_count > 0 ? spare[--spare_count] : fiber_new(STACK);
	fiber_begin(e->fiber, run_enclave, e);
	e->next = all;
	all = e;
	return e;
}

static void unlink_from_all(const struct enclave *e)
{
	struct enclave **at = &all;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
}

void enclave_kill(struct enclave *e)
{
	if (!e->alive)
		return;
	if (e == running)
		abort(); /* nobody kills while code runs */
	e->alive = false;
	unlink_from_all(e);
	module_give_back((enum enclave_role)e->self.isv_prod_id, e->copy);
	e->copy = NULL;
	if (spare_count < SPARE_FIBERS)
		spare[spare_count++] = e->fiber;
	e->fiber = NULL;
}

void enclave_hold(struct enclave *e) { e->users++; }

void enclave_release(struct enclave *e)
{
	if (--e->users > 0)
		return;
	enclave_kill(e);
	free(e->output);
	free(e);
}

struct enclave *enclave_current(void) { return running; }

struct enclave *enclave_first(void) { return all; }

/* ---- frames ---- */

/* Runs the enclave until it gives way. */
static void resume(struct enclave *e)
{
	struct enclave *before = running;

	e->resumed_from = fiber_current();
	running = e;
	fiber_switch(e->fiber);
	running = before;
	if (e->aborted != NULL)
		enclave_kill(e);
}

bool enclave_put(struct enclave *e, const struct frame_head *head, struct span body)
{
	uint8_t head_bytes[FRAME_HEAD_SIZE];
	struct writer w = WRITER_OF(head_bytes);

	if (!e->alive)
		return false;
	frame_head_encode(&w, head);
	e->input[0] = SPAN_OF(head_bytes);
	e->input[1] = body;
	e->output_size = e->output_used = 0;
	resume(e);
	return e->alive;
}

bool enclave_get(struct enclave *e, struct frame_head *ret_head, struct span *ret_body)
{
	const uint8_t *at = e->output + e->output_used;

	if (e->output_size - e->output_used < FRAME_HEAD_SIZE ||
	    frame_head_decode(span_of(at, FRAME_HEAD_SIZE), ret_head) != TCB_OK ||
	    e->output_size - e->output_used < FRAME_HEAD_SIZE + ret_head->body_size)
		return false;
	*ret_body = span_of(at + FRAME_HEAD_SIZE, ret_head->body_size);
	e->output_used += FRAME_HEAD_SIZE + ret_head->body_size;
	return true;
}

void tee_stream_read(uint8_t *ret_bytes, size_t size)
{
	struct enclave *e = running;

	while (size > 0) {
		struct span *from = e->input[0].size > 0 ? &e->input[0] : &e->input[1];
		size_t part = from->size < size ? from->size : size;

		if (part == 0) {
			fiber_switch(e->resumed_from);
			continue;
		}
		memcpy(ret_bytes, from->data, part);
		*from = span_of(from->data + part, from->size - part);
		ret_bytes += part;
		size -= part;
	}
}

void tee_stream_write(struct span bytes)
{
	struct enclave *e = running;

	if (e->output_size + bytes.size > e->output_capacity) {
		e->output_capacity = 2 * (e->output_size + bytes.size);
		e->output = realloc(e->output, e->output_capacity);
		if (e->output == NULL)
			abort();
	}
	if (bytes.size > 0)
		memcpy(e->output + e->output_size, bytes.data, bytes.size);
	e->output_size += bytes.size;
}

_Noreturn void tee_abort(const char *reason)
{
	running->aborted = reason;
	fiber_switch(running->resumed_from);
	abort();
}

void tee_lock_memory(void) {}

void tee_enter(void (*prepare)(void)) { (void)prepare; }

void tee_release(void *bytes, size_t size)
{
	const uintptr_t page = 4096;
	uintptr_t from = ((uintptr_t)bytes + page - 1) / page * page,
		  to = ((uintptr_t)bytes + size) / page * page;

	if (to <= from || madvise((void *)from, to - from, MADV_DONTNEED) != 0) {
		memset(bytes, 0, size);
		return;
	}
	memset(bytes, 0, from - (uintptr_t)bytes);
	memset((void *)to, 0, (uintptr_t)bytes + size - to);
}

/* ---- no data channel ---- */

bool tee_stream_pending(void) { return false; }

bool tee_data_open(void) { return false; }

void tee_data_close(void) {}

enum tee_event tee_data_wait(void) { return TEE_STREAM; }

bool tee_data_read(uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
	(void)ret_bytes;
	(void)capacity;
	*ret_size = 0;
	return false;
}

bool tee_data_write(struct span bytes)
{
	(void)bytes;
	return false;
}

/* ---- instructions ---- */

static enum tcb_error issue(enum instruction instruction, const struct span *parts, size_t count,
			    uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
	uint8_t request_bytes[1024];
	struct writer w = WRITER_OF(request_bytes), answer = writer_of(ret_bytes, capacity);
	struct span request;

	writer_u8(&w, (uint8_t)instruction);
	for (size_t i = 0; i < count; i++)
		writer_bytes(&w, parts[i]);
	TRY(writer_end(&w, &request));
	TRY(processor_execute(running->processor, &running->self, request, &answer));
	TRY(writer_end(&answer, NULL));
	*ret_size = answer.size;
	return TCB_OK;
}

enum tcb_error tee_self(struct enclave_identity *ret_self)
{
	*ret_self = running->self;
	return TCB_OK;
}

enum tcb_error tee_target_info(uint8_t ret_target[SGX_TARGETINFO_SIZE])
{
	size_t size;

	return issue(INSTRUCTION_TARGET_INFO, NULL, 0, ret_target, SGX_TARGETINFO_SIZE, &size);
}

enum tcb_error tee_report(const uint8_t target[SGX_TARGETINFO_SIZE],
			  const uint8_t report_data[SGX_REPORT_DATA_SIZE],
			  uint8_t ret_report[SGX_REPORT_SIZE])
{
	const struct span parts[] = {span_of(target, SGX_TARGETINFO_SIZE),
				     span_of(report_data, SGX_REPORT_DATA_SIZE)};
	size_t size;

	return issue(INSTRUCTION_REPORT, parts, 2, ret_report, SGX_REPORT_SIZE, &size);
}

/* Offsets of the REPORT body: Intel SDM vol. 3D, table 35-21. */
static enum tcb_error report_decode(const uint8_t report[SGX_REPORT_SIZE],
				    struct enclave_identity *ret_peer,
				    uint8_t ret_report_data[SGX_REPORT_DATA_SIZE])
{
	struct reader attributes = reader_of(span_of(report + 48, 8)),
		      ids = reader_of(span_of(report + 256, 4));

	memcpy(ret_peer->mrenclave, report + 64, 32);
	memcpy(ret_peer->mrsigner, report + 128, 32);
	TRY(reader_u64_le(&attributes, &ret_peer->attributes));
	TRY(reader_u16_le(&ids, &ret_peer->isv_prod_id));
	TRY(reader_u16_le(&ids, &ret_peer->isv_svn));
	memcpy(ret_report_data, report + 320, SGX_REPORT_DATA_SIZE);
	return TCB_OK;
}

enum tcb_error tee_report_check(const uint8_t report[SGX_REPORT_SIZE],
				struct enclave_identity *ret_peer,
				uint8_t ret_report_data[SGX_REPORT_DATA_SIZE])
{
	const struct span key_id = span_of(report + SGX_REPORT_BODY_SIZE, 32);
	uint8_t key[16], mac[16];
	size_t size;

	TRY(issue(INSTRUCTION_REPORT_KEY, &key_id, 1, key, sizeof key, &size));
	TRY(crypto_cmac(key, span_of(report, SGX_REPORT_BODY_SIZE), mac));
	if (memcmp(mac, report + SGX_REPORT_BODY_SIZE + 32, sizeof mac) != 0)
		return TCB_CRYPTO;
	return report_decode(report, ret_peer, ret_report_data);
}

enum tcb_error tee_seal_key(const struct tee_svn *svn, const uint8_t key_id[32],
			    struct secret256 *ret_key)
{
	const uint8_t isv_svn[2] = {(uint8_t)(svn->isv_svn >> 8), (uint8_t)svn->isv_svn};
	const struct span parts[] = {SPAN_OF(isv_svn), SPAN_OF(svn->cpu_svn), span_of(key_id, 32)};
	size_t size;

	memset(ret_key, 0, sizeof *ret_key);
	return issue(INSTRUCTION_SEAL_KEY, parts, 3, ret_key->bytes, sizeof ret_key->bytes, &size);
}

enum tcb_error tee_quote(const uint8_t report_data[SGX_REPORT_DATA_SIZE], uint8_t *ret_quote,
			 size_t capacity, size_t *ret_size)
{
	const struct span part = span_of(report_data, SGX_REPORT_DATA_SIZE);

	return issue(INSTRUCTION_QUOTE, &part, 1, ret_quote, capacity, ret_size);
}

enum tcb_error tee_read_ak_bank(struct ak_bank *ret_bank)
{
	const struct ak_registers *bank = &running->processor->bank;

	if (running->self.isv_prod_id != ROLE_PSE)
		return TCB_REFUSED;
	*ret_bank = (struct ak_bank){.locked = bank->locked,
				     .epoch = running->processor->epoch,
				     .ak_public_size = bank->size};
	memcpy(ret_bank->ak_public, bank->ak_public, bank->size);
	return TCB_OK;
}

enum tcb_error tee_write_ak_bank(struct span ak_public)
{
	(void)ak_public;
	return TCB_REFUSED;
}

enum tcb_error tee_lock_ak_bank(void) { return TCB_REFUSED; }
