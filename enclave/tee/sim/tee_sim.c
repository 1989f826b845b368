// SPDX-License-Identifier: MIT
/* tee.h on the simulated processor. The process was born by sgxsim with two descriptors (edge/instruction.h): the host
 * stream, whose other end is the untrusted daemon, and the instruction channel, which is its identity. */
#include "enclave/tee/tee.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "edge/descriptors.h"
#include "edge/instruction.h"
#include "edge/launch.h"
#include "edge/memory_lock.h"
#include "enclave/tee/sim/sandbox.h"
#include "enclave/tee/sim/zygote.h"

static bool locks_memory;

void tee_lock_memory(void)
{
	locks_memory = true;
}

void tee_enter(void (*prepare)(void))
{
	if (crypto_init() != TCB_OK)
		tee_abort("libcrypto does not start");
	/* Else the first gmtime_r(), deep in X.509, would read the host's /etc/localtime: a file, and the host's word. */
	if (setenv("TZ", "UTC0", 1) != 0)
		tee_abort("no time zone");
	tzset();
	zygote_serve(prepare);
	if (locks_memory)
		(void)memory_lock(); /* a fork does not inherit locks; the sandbox permits none */
	if (!sandbox_enter())
		tee_abort("no sandbox, no enclave");
}

void tee_release(void *bytes, size_t size)
{
	const uintptr_t page = 4096;
	uintptr_t from = ((uintptr_t)bytes + page - 1) / page * page, to = ((uintptr_t)bytes + size) / page * page;

	if (to > from && madvise((void *)from, to - from, MADV_DONTNEED) == 0) { /* private memory without a file: zeros from now on */
		wipe(bytes, from - (uintptr_t)bytes);
		wipe((void *)to, (uintptr_t)bytes + size - to);
	} else {
		wipe(bytes, size);
	}
}

_Noreturn void tee_abort(const char *reason)
{
	(void)reason;
	_exit(70);
}

static int offered_fd = -1, data_fd = -1; /* came with the last frame; in use */

/* Reads from the host's stream. One descriptor may come with a frame; the one that came before is closed. */
static ssize_t receive(uint8_t *ret_bytes, size_t size)
{
	struct descriptors came;
	ssize_t got = receive_descriptors(ENCLAVE_STREAM_FD, ret_bytes, size, 1, &came);

	if (came.count == 0)
		return got;
	if (offered_fd >= 0)
		(void)close(offered_fd);
	offered_fd = came.fds[0];
	return got;
}

bool tee_data_open(void)
{
	tee_data_close();
	data_fd = offered_fd;
	offered_fd = -1;
	return data_fd >= 0;
}

void tee_data_close(void)
{
	if (data_fd >= 0)
		(void)close(data_fd);
	data_fd = -1;
}

/* Bytes of the stream that were read before they were asked for. The head and the body of a short frame come by one
 * read. */
static struct { uint8_t bytes[4096]; size_t used, size; } ahead;

static size_t take_ahead(uint8_t *ret_bytes, size_t size)
{
	size_t left = ahead.size - ahead.used, taken = size < left ? size : left;

	memcpy(ret_bytes, ahead.bytes + ahead.used, taken);
	ahead.used += taken;
	return taken;
}

bool tee_stream_pending(void)
{
	struct pollfd stream = { .fd = ENCLAVE_STREAM_FD, .events = POLLIN };

	return ahead.used < ahead.size || poll(&stream, 1, 0) > 0;
}

enum tee_event tee_data_wait(void)
{
	struct pollfd fds[2] = { { .fd = ENCLAVE_STREAM_FD, .events = POLLIN }, { .fd = data_fd, .events = POLLIN } };

	if (ahead.used < ahead.size)
		return TEE_STREAM;
	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			tee_abort("nothing to wait for");
	return fds[0].revents != 0 ? TEE_STREAM : TEE_DATA;
}

bool tee_data_read(uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
	ssize_t got = recv(data_fd, ret_bytes, capacity, 0);

	*ret_size = got > 0 ? (size_t)got : 0;
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool tee_data_write(struct span bytes)
{
	while (bytes.size > 0) {
		ssize_t put = send(data_fd, bytes.data, bytes.size, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		bytes = span_from(bytes, (size_t)put);
	}
	return true;
}

/* Waits for at least one byte. Ends the process if the host is gone. */
static size_t receive_some(uint8_t *ret_bytes, size_t size)
{
	ssize_t got;

	do
		got = receive(ret_bytes, size);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		_exit(0);
	return (size_t)got;
}

void tee_stream_read(uint8_t *ret_bytes, size_t size)
{
	size_t got = take_ahead(ret_bytes, size);

	while (got < size) {
		if (size - got >= sizeof ahead.bytes) { /* without a copy */
			got += receive_some(ret_bytes + got, size - got);
			continue;
		}
		ahead.used = 0;
		ahead.size = receive_some(ahead.bytes, sizeof ahead.bytes);
		got += take_ahead(ret_bytes + got, size - got);
	}
}

void tee_stream_write(struct span bytes)
{
	while (bytes.size > 0) {
		ssize_t put = send(ENCLAVE_STREAM_FD, bytes.data, bytes.size, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			_exit(0);
		bytes = span_from(bytes, (size_t)put);
	}
}

static uint8_t answer_bytes[INSTRUCTION_MAX];

/* Issues one instruction; the answer's body is borrowed until the next. */
static enum tcb_error issue(enum instruction instruction, const struct span *parts, size_t count,
			    struct span *ret_body)
{
	uint8_t request_bytes[1024];
	struct writer w = WRITER_OF(request_bytes);
	struct span request;
	ssize_t got;

	writer_u8(&w, (uint8_t)instruction);
	for (size_t i = 0; i < count; i++)
		writer_bytes(&w, parts[i]);
	TRY(writer_end(&w, &request));
	if (send(ENCLAVE_INSTRUCTION_FD, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size)
		_exit(0); /* platform reset */
	got = recv(ENCLAVE_INSTRUCTION_FD, answer_bytes, sizeof answer_bytes, 0);
	if (got < 1 || answer_bytes[0] > TCB_INTERNAL)
		_exit(0);
	if (answer_bytes[0] != TCB_OK)
		return (enum tcb_error)answer_bytes[0];
	*ret_body = span_of(answer_bytes + 1, (size_t)got - 1);
	return TCB_OK;
}

/* An answer of exactly `size` bytes. */
static enum tcb_error issue_fixed(enum instruction instruction, const struct span *parts, size_t count,
				  uint8_t *ret_bytes, size_t size)
{
	struct span body;

	TRY(issue(instruction, parts, count, &body));
	if (body.size != size)
		return TCB_INTERNAL;
	memcpy(ret_bytes, body.data, size);
	return TCB_OK;
}

enum tcb_error tee_self(struct enclave_identity *ret_self)
{
	static struct enclave_identity self;
	static bool known;
	struct span body;
	struct reader r;

	if (!known) {
		TRY(issue(INSTRUCTION_SELF, NULL, 0, &body));
		r = reader_of(body);
		TRY(enclave_identity_decode(&r, &self));
		known = true;
	}
	*ret_self = self;
	return TCB_OK;
}

enum tcb_error tee_target_info(uint8_t ret_target[SGX_TARGETINFO_SIZE])
{
	return issue_fixed(INSTRUCTION_TARGET_INFO, NULL, 0, ret_target, SGX_TARGETINFO_SIZE);
}

enum tcb_error tee_report(const uint8_t target[SGX_TARGETINFO_SIZE], const uint8_t report_data[SGX_REPORT_DATA_SIZE],
			  uint8_t ret_report[SGX_REPORT_SIZE])
{
	const struct span parts[] = { span_of(target, SGX_TARGETINFO_SIZE),
				      span_of(report_data, SGX_REPORT_DATA_SIZE) };

	return issue_fixed(INSTRUCTION_REPORT, parts, 2, ret_report, SGX_REPORT_SIZE);
}

static enum tcb_error report_decode(const uint8_t report[SGX_REPORT_SIZE], struct enclave_identity *ret_peer,
				    uint8_t ret_report_data[SGX_REPORT_DATA_SIZE])
{
	struct reader r = reader_of(span_of(report, SGX_REPORT_SIZE));
	struct span skip;

	TRY(reader_bytes(&r, 48, &skip));
	TRY(reader_u64_le(&r, &ret_peer->attributes));
	TRY(reader_bytes(&r, 8, &skip));
	TRY(reader_copy(&r, ret_peer->mrenclave, 32));
	TRY(reader_bytes(&r, 32, &skip));
	TRY(reader_copy(&r, ret_peer->mrsigner, 32));
	TRY(reader_bytes(&r, 96, &skip));
	TRY(reader_u16_le(&r, &ret_peer->isv_prod_id));
	TRY(reader_u16_le(&r, &ret_peer->isv_svn));
	TRY(reader_bytes(&r, 60, &skip));
	return reader_copy(&r, ret_report_data, SGX_REPORT_DATA_SIZE);
}

enum tcb_error tee_report_check(const uint8_t report[SGX_REPORT_SIZE], struct enclave_identity *ret_peer,
				uint8_t ret_report_data[SGX_REPORT_DATA_SIZE])
{
	const struct span key_id = span_of(report + SGX_REPORT_BODY_SIZE, 32);
	uint8_t key[16], mac[16];

	TRY(issue_fixed(INSTRUCTION_REPORT_KEY, &key_id, 1, key, sizeof key));
	TRY(crypto_cmac(key, span_of(report, SGX_REPORT_BODY_SIZE), mac));
	wipe(key, sizeof key);
	if (!span_equal_secret(SPAN_OF(mac), span_of(report + SGX_REPORT_BODY_SIZE + 32, sizeof mac)))
		return TCB_CRYPTO;
	return report_decode(report, ret_peer, ret_report_data);
}

/* One EGETKEY of 128 bits; `which` tells the two halves apart. */
static enum tcb_error seal_root_half(const struct tee_svn *svn, uint8_t which, uint8_t ret_key[16])
{
	const uint8_t isv_svn[2] = { (uint8_t)(svn->isv_svn >> 8), (uint8_t)svn->isv_svn }, id[32] = { [31] = which };
	const struct span parts[] = { SPAN_OF(isv_svn), SPAN_OF(svn->cpu_svn), SPAN_OF(id) };

	return issue_fixed(INSTRUCTION_SEAL_KEY, parts, 3, ret_key, 16);
}

/* Kept, so that not every key costs two instructions: a machine that starts waits for them. */
static enum tcb_error seal_root(const struct tee_svn *svn, const struct secret256 **ret_root)
{
	static struct { bool ready; struct tee_svn svn; struct secret256 root; } kept;

	if (!kept.ready || kept.svn.isv_svn != svn->isv_svn ||
	    memcmp(kept.svn.cpu_svn, svn->cpu_svn, sizeof svn->cpu_svn) != 0) {
		kept.ready = false;
		TRY(seal_root_half(svn, 0, kept.root.bytes));
		TRY(seal_root_half(svn, 1, kept.root.bytes + 16));
		kept.svn = *svn;
		kept.ready = true;
	}
	*ret_root = &kept.root;
	return TCB_OK;
}

enum tcb_error tee_seal_key(const struct tee_svn *svn, const uint8_t key_id[32], struct secret256 *ret_key)
{
	const struct secret256 *root;

	TRY(seal_root(svn, &root));
	return crypto_hkdf(SPAN_OF(root->bytes), span_of(key_id, 32), span_of_text("tcbind seal key"), ret_key->bytes, sizeof ret_key->bytes);
}

enum tcb_error tee_quote(const uint8_t report_data[SGX_REPORT_DATA_SIZE], uint8_t *ret_quote, size_t capacity,
			 size_t *ret_size)
{
	const struct span part = span_of(report_data, SGX_REPORT_DATA_SIZE);
	struct span body;

	TRY(issue(INSTRUCTION_QUOTE, &part, 1, &body));
	if (body.size > capacity)
		return TCB_LIMIT;
	memcpy(ret_quote, body.data, body.size);
	*ret_size = body.size;
	return TCB_OK;
}

enum tcb_error tee_read_ak_bank(struct ak_bank *ret_bank)
{
	struct ak_bank bank = {0};
	struct span body, ak;
	struct reader r;

	TRY(issue(INSTRUCTION_READ_BANK, NULL, 0, &body));
	r = reader_of(body);
	TRY(reader_bool(&r, &bank.locked));
	TRY(reader_copy(&r, bank.epoch.bytes, sizeof bank.epoch.bytes));
	TRY(reader_tpm2b(&r, &ak));
	TRY(reader_end(&r));
	if (ak.size > sizeof bank.ak_public)
		return TCB_LIMIT;
	memcpy(bank.ak_public, ak.data, ak.size);
	bank.ak_public_size = ak.size;
	*ret_bank = bank;
	return TCB_OK;
}

enum tcb_error tee_write_ak_bank(struct span ak_public)
{
	uint8_t size[2] = { (uint8_t)(ak_public.size >> 8), (uint8_t)ak_public.size };
	const struct span parts[] = { SPAN_OF(size), ak_public };
	struct span body;

	return ak_public.size > LIMIT_TPM_PUBLIC ? TCB_LIMIT : issue(INSTRUCTION_WRITE_BANK, parts, 2, &body);
}

enum tcb_error tee_lock_ak_bank(void)
{
	struct span body;

	return issue(INSTRUCTION_LOCK_BANK, NULL, 0, &body);
}
