// SPDX-License-Identifier: MIT
#include "tests/enclave/fake_tee.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "edge/frame.h"
#include "edge/instruction.h"
#include "edge/launch.h"
#include "enclave/tee/tee.h"

static struct {
	struct processor *processor;
	struct enclave_identity self;
	int fd; /* -1: in process */
	enclave_service *host;
	void *context;
	struct span stolen_quote;
	/* in process: what the enclave has written, and what it can read */
	uint8_t out[2 * (LIMIT_FRAME + FRAME_HEAD_SIZE)], in[LIMIT_FRAME + FRAME_HEAD_SIZE];
	size_t out_size, in_size, in_read;
	enum tcb_error posted; /* how what was posted last ended; the next call's */
	struct diagnosis posted_d;
} fake = { .fd = -1 };

void fake_processor(struct processor *p, uint8_t seed)
{
	*p = (struct processor){0};
	memset(p->fuses.root.bytes, seed, sizeof p->fuses.root.bytes);
	memset(p->epoch.bytes, seed, sizeof p->epoch.bytes);
	memset(p->report_key_id, seed, sizeof p->report_key_id);
}

struct enclave_identity fake_identity(enum enclave_role role)
{
	struct enclave_identity identity = { .isv_prod_id = (uint16_t)role, .isv_svn = 1,
					     .attributes = SGX_FLAG_INIT | SGX_FLAG_MODE64 };

	memset(identity.mrsigner, 0x51, sizeof identity.mrsigner);
	memset(identity.mrenclave, 0xe0 + (int)role, sizeof identity.mrenclave);
	return identity;
}

void fake_tee_become(struct processor *p, const struct enclave_identity *self)
{
	fake.processor = p;
	fake.self = *self;
}

void fake_tee_host(enclave_service *host, void *context)
{
	fake.host = host;
	fake.context = context;
	fake.out_size = fake.in_size = fake.in_read = 0;
	fake.posted = TCB_OK;
}

void fake_tee_attach(int fd)
{
	fake.fd = fd;
}

void fake_tee_steal_quote(struct span quote)
{
	fake.stolen_quote = quote;
}

/* ---- the stream ---- */

void tee_lock_memory(void) {}

void tee_enter(void (*prepare)(void))
{
	(void)prepare;
	if (crypto_init() != TCB_OK)
		tee_abort("libcrypto");
}

_Noreturn void tee_abort(const char *reason)
{
	if (fake.fd >= 0)
		_exit(70);
	(void)fprintf(stderr, "tee_abort: %s\n", reason);
	abort();
}

static enum tcb_error serve(const struct frame_head *call, struct span asked, struct writer *body, struct diagnosis *d)
{
	TRY(fake.host(fake.context, (enum call)call->call, asked, body, d));
	return body->error;
}

/* The host answers into `in`, unless the call is posted. */
static void answer_call(const struct frame_head *call, struct span asked)
{
	struct writer head = writer_of(fake.in, FRAME_HEAD_SIZE);
	struct writer body = writer_of(fake.in + FRAME_HEAD_SIZE, LIMIT_FRAME);
	struct frame_head answer = { .kind = FRAME_OCALL_RETURN, .call = call->call };
	struct diagnosis d = {0};

	if (call->kind == FRAME_OCALL_POSTED) {
		fake.posted = serve(call, asked, &body, &fake.posted_d);
		return;
	}
	answer.error = fake.posted;
	d = fake.posted_d;
	fake.posted = TCB_OK;
	if (answer.error == TCB_OK) {
		d = (struct diagnosis){0};
		answer.error = serve(call, asked, &body, &d);
	}
	if (answer.error != TCB_OK) {
		body = writer_of(fake.in + FRAME_HEAD_SIZE, LIMIT_FRAME);
		diagnosis_encode(&body, &d);
	}
	answer.body_size = (uint32_t)body.size;
	frame_head_encode(&head, &answer);
	fake.in_size = FRAME_HEAD_SIZE + body.size;
	fake.in_read = 0;
}

/* What stands in `out`, frame by frame; taken out before it is served, since the host may make this process another enclave meanwhile. */
static void answer_calls(void)
{
	struct frame_head head;

	while (fake.out_size >= FRAME_HEAD_SIZE && frame_head_decode(span_of(fake.out, FRAME_HEAD_SIZE), &head) == TCB_OK &&
	       fake.out_size >= FRAME_HEAD_SIZE + head.body_size) {
		uint8_t *asked = malloc(head.body_size + 1u);

		if (asked == NULL)
			abort();
		memcpy(asked, fake.out + FRAME_HEAD_SIZE, head.body_size);
		fake.out_size -= FRAME_HEAD_SIZE + head.body_size;
		memmove(fake.out, fake.out + FRAME_HEAD_SIZE + head.body_size, fake.out_size);
		answer_call(&head, span_of(asked, head.body_size));
		free(asked);
	}
}

void tee_stream_write(struct span bytes)
{
	while (fake.fd >= 0 && bytes.size > 0) {
		ssize_t put = send(fake.fd, bytes.data, bytes.size, MSG_NOSIGNAL);

		if (put <= 0)
			_exit(0);
		bytes = span_from(bytes, (size_t)put);
	}
	if (fake.fd >= 0)
		return;
	if (bytes.size > 0)
		memcpy(fake.out + fake.out_size, bytes.data, bytes.size);
	fake.out_size += bytes.size;
	answer_calls();
}

void tee_stream_read(uint8_t *ret_bytes, size_t size)
{
	if (fake.fd >= 0) {
		if (size > 0 && recv(fake.fd, ret_bytes, size, MSG_WAITALL) != (ssize_t)size)
			_exit(0);
		return;
	}
	if (fake.in_size - fake.in_read < size)
		tee_abort("nothing to read");
	memcpy(ret_bytes, fake.in + fake.in_read, size);
	fake.in_read += size;
}

void tee_release(void *bytes, size_t size)
{
	wipe(bytes, size);
}

/* ---- no data channel ---- */

bool tee_stream_pending(void)
{
	return false;
}

bool tee_data_open(void)
{
	return false;
}

void tee_data_close(void)
{
}

enum tee_event tee_data_wait(void)
{
	return TEE_STREAM;
}

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

static enum tcb_error issue(enum instruction instruction, const struct span *parts, size_t count, uint8_t *ret_bytes,
			    size_t capacity, size_t *ret_size)
{
	uint8_t request_bytes[1024];
	struct writer w = WRITER_OF(request_bytes), answer = writer_of(ret_bytes, capacity);
	struct span request;

	writer_u8(&w, (uint8_t)instruction);
	for (size_t i = 0; i < count; i++)
		writer_bytes(&w, parts[i]);
	TRY(writer_end(&w, &request));
	TRY(processor_execute(fake.processor, &fake.self, request, &answer));
	TRY(writer_end(&answer, NULL));
	*ret_size = answer.size;
	return TCB_OK;
}

enum tcb_error tee_self(struct enclave_identity *ret_self)
{
	*ret_self = fake.self;
	return TCB_OK;
}

enum tcb_error tee_target_info(uint8_t ret_target[SGX_TARGETINFO_SIZE])
{
	size_t size;

	return issue(INSTRUCTION_TARGET_INFO, NULL, 0, ret_target, SGX_TARGETINFO_SIZE, &size);
}

enum tcb_error tee_report(const uint8_t target[SGX_TARGETINFO_SIZE], const uint8_t report_data[SGX_REPORT_DATA_SIZE],
			  uint8_t ret_report[SGX_REPORT_SIZE])
{
	const struct span parts[] = { span_of(target, SGX_TARGETINFO_SIZE), span_of(report_data, SGX_REPORT_DATA_SIZE) };
	size_t size;

	return issue(INSTRUCTION_REPORT, parts, 2, ret_report, SGX_REPORT_SIZE, &size);
}

/* Offsets of the REPORT body: Intel SDM vol. 3D, table 35-21. */
enum tcb_error tee_report_check(const uint8_t report[SGX_REPORT_SIZE], struct enclave_identity *ret_peer,
				uint8_t ret_report_data[SGX_REPORT_DATA_SIZE])
{
	const struct span key_id = span_of(report + SGX_REPORT_BODY_SIZE, 32);
	struct reader attributes = reader_of(span_of(report + 48, 8)), ids = reader_of(span_of(report + 256, 4));
	uint8_t key[16], mac[16];
	size_t size;

	TRY(issue(INSTRUCTION_REPORT_KEY, &key_id, 1, key, sizeof key, &size));
	TRY(crypto_cmac(key, span_of(report, SGX_REPORT_BODY_SIZE), mac));
	if (memcmp(mac, report + SGX_REPORT_BODY_SIZE + 32, sizeof mac) != 0)
		return TCB_CRYPTO;
	memcpy(ret_peer->mrenclave, report + 64, 32);
	memcpy(ret_peer->mrsigner, report + 128, 32);
	TRY(reader_u64_le(&attributes, &ret_peer->attributes));
	TRY(reader_u16_le(&ids, &ret_peer->isv_prod_id));
	TRY(reader_u16_le(&ids, &ret_peer->isv_svn));
	memcpy(ret_report_data, report + 320, SGX_REPORT_DATA_SIZE);
	return TCB_OK;
}

/* EGETKEY gives 128 bits; `which` is the last byte of KEYID. */
static enum tcb_error seal_key_half(const struct tee_svn *svn, uint8_t which, uint8_t ret_half[16])
{
	const uint8_t isv_svn[2] = { (uint8_t)(svn->isv_svn >> 8), (uint8_t)svn->isv_svn }, key_id[32] = { [31] = which };
	const struct span parts[] = { SPAN_OF(isv_svn), SPAN_OF(svn->cpu_svn), SPAN_OF(key_id) };
	size_t size;

	return issue(INSTRUCTION_SEAL_KEY, parts, 3, ret_half, 16, &size);
}

/* As tee/sim does it: what an enclave process sealed, a test opens. */
enum tcb_error tee_seal_key(const struct tee_svn *svn, const uint8_t key_id[32], struct secret256 *ret_key)
{
	SECRET struct secret256 root;

	TRY(seal_key_half(svn, 0, root.bytes));
	TRY(seal_key_half(svn, 1, root.bytes + 16));
	return crypto_hkdf(SPAN_OF(root.bytes), span_of(key_id, 32), span_of_text("tcbind seal key"), ret_key->bytes, sizeof ret_key->bytes);
}

enum tcb_error tee_quote(const uint8_t report_data[SGX_REPORT_DATA_SIZE], uint8_t *ret_quote, size_t capacity,
			 size_t *ret_size)
{
	const struct span part = span_of(report_data, SGX_REPORT_DATA_SIZE);

	if (fake.stolen_quote.size > 0) {
		memcpy(ret_quote, fake.stolen_quote.data, fake.stolen_quote.size);
		*ret_size = fake.stolen_quote.size;
		return TCB_OK;
	}
	return issue(INSTRUCTION_QUOTE, &part, 1, ret_quote, capacity, ret_size);
}

enum tcb_error tee_read_ak_bank(struct ak_bank *ret_bank)
{
	const struct ak_registers *bank = &fake.processor->bank;

	if (fake.self.isv_prod_id != ROLE_PSE && fake.self.isv_prod_id != ROLE_ACM)
		return TCB_REFUSED;
	*ret_bank = (struct ak_bank){ .locked = bank->locked, .epoch = fake.processor->epoch,
				      .ak_public_size = bank->size };
	memcpy(ret_bank->ak_public, bank->ak_public, bank->size);
	return TCB_OK;
}

enum tcb_error tee_write_ak_bank(struct span ak_public)
{
	(void)ak_public;
	return TCB_REFUSED;
}

enum tcb_error tee_lock_ak_bank(void)
{
	return TCB_REFUSED;
}
