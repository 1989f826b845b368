// SPDX-License-Identifier: MIT
#include "bench/tpm.h"

#include <sys/socket.h>

#include "bench/bench.h"

void tpm_request_make(struct tpm_request *ret, enum tpm_code code, const uint32_t *handles, size_t count, bool authorized,
		      struct span parameters)
{
	struct writer w = WRITER_OF(ret->bytes), head;

	writer_zeros(&w, 6);
	writer_u32(&w, code);
	for (size_t i = 0; i < count; i++)
		writer_u32(&w, handles[i]);
	if (authorized) {
		writer_u32(&w, 9);
		writer_u32(&w, 0x40000009);
		writer_zeros(&w, 5);
	}
	writer_bytes(&w, parameters);
	bench_check(writer_end(&w, NULL) == TCB_OK, "a command that is too long");
	ret->size = w.size;
	head = writer_of(ret->bytes, 6);
	writer_u16(&head, authorized ? 0x8002 : 0x8001);
	writer_u32(&head, (uint32_t)w.size);
}

uint32_t tpm_try(int fd, const struct tpm_request *request, struct span *ret_rest)
{
	static _Thread_local uint8_t bytes[8192];
	struct reader r;
	uint32_t size, code;
	size_t got = 0;
	uint16_t tag;

	bench_check(send(fd, request->bytes, request->size, MSG_NOSIGNAL) == (ssize_t)request->size, "send to a TPM");
	do {
		ssize_t n = recv(fd, bytes + got, sizeof bytes - got, 0);

		bench_check(n > 0, "a TPM that answers");
		got += (size_t)n;
		r = reader_of(span_of(bytes, got));
	} while (reader_u16(&r, &tag) != TCB_OK || reader_u32(&r, &size) != TCB_OK || got < size || got < 10);
	bench_check(reader_u32(&r, &code) == TCB_OK && got == size, "one response");
	*ret_rest = r.rest;
	return code;
}

struct span tpm_send(int fd, const struct tpm_request *request)
{
	struct span rest;
	uint32_t code;

	do
		code = tpm_try(fd, request, &rest);
	while (code == 0x922);
	if (code != 0)
		bench_fail("a TPM command was refused", code);
	return rest;
}

/* ---- commands ---- */

#define PARAMETERS(...)                                                                                                        \
	(struct span) { .data = (const uint8_t[]){ __VA_ARGS__ }, .size = sizeof((const uint8_t[]){ __VA_ARGS__ }) }

void tpm_make_startup(struct tpm_request *ret)
{
	tpm_request_make(ret, TPM_STARTUP, NULL, 0, false, PARAMETERS(0, 0));
}

void tpm_make_random(struct tpm_request *ret)
{
	tpm_request_make(ret, TPM_GET_RANDOM, NULL, 0, false, PARAMETERS(0, 32));
}

void tpm_make_pcr_read(struct tpm_request *ret)
{
	tpm_request_make(ret, TPM_PCR_READ, NULL, 0, false, PARAMETERS(0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0));
}

void tpm_make_pcr_extend(struct tpm_request *ret)
{
	const uint32_t pcr = 16;
	uint8_t bytes[64];
	struct writer w = WRITER_OF(bytes);

	writer_u32(&w, 1);
	writer_u16(&w, 0x0b);
	writer_zeros(&w, 32);
	tpm_request_make(ret, TPM_PCR_EXTEND, &pcr, 1, true, span_of(bytes, w.size));
}

/* TPMT_PUBLIC: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth; decrypt and restricted, or sign. */
static void put_creation(struct writer *w, bool rsa, bool parent)
{
	uint8_t bytes[64];
	struct writer t = WRITER_OF(bytes);

	writer_u16(&t, rsa ? 1 : 0x23);
	writer_u16(&t, 0x0b);
	writer_u32(&t, parent ? 0x00030072 : 0x00040072);
	writer_u16(&t, 0);
	writer_u16(&t, parent ? 6 : 0x10);
	if (parent) {
		writer_u16(&t, 128);
		writer_u16(&t, 0x43);
	}
	writer_u16(&t, 0x10);
	writer_u16(&t, rsa ? 2048 : 3);
	if (rsa)
		writer_u32(&t, 0);
	else
		writer_u16(&t, 0x10);
	writer_zeros(&t, rsa ? 2 : 4);
	writer_u16(w, 4);
	writer_u32(w, 0);
	writer_tpm2b(w, span_of(bytes, t.size));
	writer_zeros(w, 6);
}

void tpm_make_create_primary(struct tpm_request *ret, bool rsa, bool parent)
{
	const uint32_t owner = 0x40000001;
	uint8_t bytes[128];
	struct writer w = WRITER_OF(bytes);

	put_creation(&w, rsa, parent);
	tpm_request_make(ret, TPM_CREATE_PRIMARY, &owner, 1, true, span_of(bytes, w.size));
}

void tpm_make_create(struct tpm_request *ret, uint32_t parent)
{
	uint8_t bytes[128];
	struct writer w = WRITER_OF(bytes);

	put_creation(&w, false, false);
	tpm_request_make(ret, TPM_CREATE, &parent, 1, true, span_of(bytes, w.size));
}

void tpm_make_sign(struct tpm_request *ret, uint32_t key, bool rsa)
{
	uint8_t bytes[64];
	struct writer w = WRITER_OF(bytes);

	writer_u16(&w, 32);
	writer_zeros(&w, 32);
	writer_u16(&w, rsa ? 0x14 : 0x18);
	writer_u16(&w, 0x0b);
	writer_u16(&w, 0x8024);
	writer_u32(&w, 0x40000007);
	writer_u16(&w, 0);
	tpm_request_make(ret, TPM_SIGN, &key, 1, true, span_of(bytes, w.size));
}

void tpm_make_quote(struct tpm_request *ret, uint32_t key)
{
	tpm_request_make(ret, TPM_QUOTE, &key, 1, true,
			 PARAMETERS(0, 4, 1, 2, 3, 4, 0, 0x18, 0, 0x0b, 0, 0, 0, 1, 0, 0x0b, 3, 0xff, 0, 0));
}

void tpm_make_nv_write(struct tpm_request *ret, uint32_t index, uint32_t value)
{
	const uint32_t handles[] = { index, index };
	uint8_t bytes[64];
	struct writer w = WRITER_OF(bytes);

	writer_u16(&w, 32);
	writer_u32(&w, value);
	writer_zeros(&w, 28);
	writer_u16(&w, 0);
	tpm_request_make(ret, TPM_NV_WRITE, handles, 2, true, span_of(bytes, w.size));
}

uint32_t tpm_create_primary(int fd, bool rsa, bool parent)
{
	struct tpm_request request;
	struct reader r;
	uint32_t handle;

	tpm_make_create_primary(&request, rsa, parent);
	r = reader_of(tpm_send(fd, &request));
	bench_check(reader_u32(&r, &handle) == TCB_OK, "a key's handle");
	return handle;
}

void tpm_flush(int fd, uint32_t handle)
{
	struct tpm_request request;
	uint8_t bytes[4];
	struct writer w = WRITER_OF(bytes);

	writer_u32(&w, handle);
	tpm_request_make(&request, TPM_FLUSH, NULL, 0, false, SPAN_OF(bytes));
	(void)tpm_send(fd, &request);
}

void tpm_define_nv(int fd, uint32_t index)
{
	const uint32_t owner = 0x40000001;
	struct tpm_request request;
	uint8_t bytes[64];
	struct writer w = WRITER_OF(bytes);

	writer_u16(&w, 0);
	writer_u16(&w, 14);
	writer_u32(&w, index);
	writer_u16(&w, 0x0b);
	writer_u32(&w, 0x00040004); /* AUTHWRITE, AUTHREAD */
	writer_u16(&w, 0);
	writer_u16(&w, 32);
	tpm_request_make(&request, TPM_NV_DEFINE, &owner, 1, true, span_of(bytes, w.size));
	(void)tpm_send(fd, &request);
	tpm_make_nv_write(&request, index, 0);
	(void)tpm_send(fd, &request);
}
