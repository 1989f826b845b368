// SPDX-License-Identifier: MIT
/* TPM 2.0 Part 3, by hand: a handful of commands with the empty password. Fed by: the new TPM, through the daemon. */
#include "host/compat/setup_tpm.h"

#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "host/compat/client.h"
#include "host/io.h"

enum { PATIENCE_MS = 120000, HEADER_SIZE = 10, NV_CHUNK = 1024, RC_NV_DEFINED = 0x14c };
enum { ST_NO_SESSIONS = 0x8001, ST_SESSIONS = 0x8002, CAP_PCRS = 5, RS_PW = 0x40000009, RH_OWNER = 0x40000001, RH_PLATFORM = 0x4000000c };
enum { ALG_RSA = 0x0001, ALG_AES = 0x0006, ALG_SHA256 = 0x000b, ALG_SHA384 = 0x000c, ALG_NULL = 0x0010, ALG_ECC = 0x0023, ALG_CFB = 0x0043,
       CURVE_P384 = 4 };
enum { CC_EVICT = 0x120, CC_NV_DEFINE = 0x12a, CC_PCR_ALLOCATE = 0x12b, CC_CREATE_PRIMARY = 0x131, CC_NV_WRITE = 0x137,
       CC_NV_WRITE_LOCK = 0x138, CC_NV_READ = 0x14e, CC_FLUSH = 0x165, CC_NV_READ_PUBLIC = 0x169, CC_READ_PUBLIC = 0x173,
       CC_GET_CAPABILITY = 0x17a };

#define STORAGE_KEY 0x81000001u
#define STORAGE_ATTRIBUTES 0x00030472u /* fixedTPM fixedParent sensitiveDataOrigin userWithAuth noDA restricted decrypt */
/* PPWRITE 0, WRITEDEFINE 13, PPREAD 16, OWNERREAD 17, AUTHREAD 18, NO_DA 25, PLATFORMCREATE 30 */
#define NV_ATTRIBUTES (1u << 0 | 1u << 16 | 1u << 17 | 1u << 18 | 1u << 25 | 1u << 30)
#define NV_WRITEDEFINE (1u << 13)

static const struct { const char *name; uint16_t algorithm; } banks[] = { /* in enum pcr_bank's order */
	{ "sha1", 0x0004 }, { "sha256", ALG_SHA256 }, { "sha384", ALG_SHA384 }, { "sha512", 0x000d },
};

enum { BANKS = sizeof banks / sizeof banks[0] };

/* ---- one command ---- */

struct command {
	uint8_t bytes[LIMIT_TPM_COMMAND];
	struct writer w;
	bool sessions;
};

/* Handles follow, then authorize(), then parameters. */
static void begin(struct command *c, uint32_t code, bool sessions)
{
	c->w = WRITER_OF(c->bytes);
	c->sessions = sessions;
	writer_u16(&c->w, sessions ? ST_SESSIONS : ST_NO_SESSIONS);
	writer_u32(&c->w, 0); /* the size, when it is known */
	writer_u32(&c->w, code);
}

static void authorize(struct command *c)
{
	writer_u32(&c->w, 9);
	writer_u32(&c->w, RS_PW);
	writer_u16(&c->w, 0);
	writer_u8(&c->w, 0);
	writer_u16(&c->w, 0);
}

static enum tcb_error receive(int fd, uint8_t ret_bytes[LIMIT_TPM_COMMAND], struct span *ret_answer)
{
	struct reader r = reader_of(span_of(ret_bytes, HEADER_SIZE));
	uint16_t tag;
	uint32_t size;

	if (!client_read(fd, ret_bytes, HEADER_SIZE, PATIENCE_MS))
		return TCB_PLATFORM;
	TRY(reader_u16(&r, &tag));
	TRY(reader_u32(&r, &size));
	if (size < HEADER_SIZE || size > LIMIT_TPM_COMMAND)
		return TCB_MALFORMED;
	if (!client_read(fd, ret_bytes + HEADER_SIZE, size - HEADER_SIZE, PATIENCE_MS))
		return TCB_PLATFORM;
	*ret_answer = span_of(ret_bytes, size);
	return TCB_OK;
}

/* `ret_handle`: NULL where none is returned. `ret_parameters`: borrowed until the next command. */
static enum tcb_error run(int fd, struct command *c, uint32_t *ret_code, uint32_t *ret_handle, struct reader *ret_parameters)
{
	static uint8_t answer_bytes[LIMIT_TPM_COMMAND];
	struct writer size = writer_of(c->bytes + 2, 4);
	struct span command, answer, skip;
	struct reader r;

	TRY(writer_end(&c->w, &command));
	writer_u32(&size, (uint32_t)command.size);
	if (!io_write(fd, command))
		return TCB_PLATFORM;
	TRY(receive(fd, answer_bytes, &answer));
	r = reader_of(answer);
	TRY(reader_bytes(&r, 6, &skip));
	TRY(reader_u32(&r, ret_code));
	if (*ret_code != 0)
		return TCB_REFUSED;
	if (ret_handle != NULL)
		TRY(reader_u32(&r, ret_handle));
	if (c->sessions)
		TRY(reader_bytes(&r, 4, &skip)); /* the parameters' size */
	*ret_parameters = r;
	return TCB_OK;
}

/* run(), with what is not done put into words. */
static enum tcb_error ask(int fd, struct command *c, const char *what, uint32_t *ret_handle, struct reader *ret_parameters,
			  struct diagnosis *d)
{
	uint32_t code = 0;
	enum tcb_error error = run(fd, c, &code, ret_handle, ret_parameters);

	if (error == TCB_REFUSED)
		return diagnose_found(d, error, "setup.tpm", "a TPM that does it", "see the log", "%s: the TPM answers 0x%x", what, code);
	return error == TCB_OK ? TCB_OK
			       : diagnose(d, error, "setup.link", "a TPM that does not answer", "an answer", "see the daemon's log");
}

/* ---- PCR banks ---- */

static bool is_listed(const char *names, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = names; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
			return true;
	return false;
}

uint8_t setup_tpm_known_banks(const char *names)
{
	unsigned known = 0;

	for (size_t i = 0; i < BANKS; i++)
		known |= is_listed(names, banks[i].name) ? 1u << i : 0;
	return (uint8_t)known;
}

static void append(char text[PCR_BANKS_TEXT], const char *name)
{
	size_t size = strlen(text);

	(void)snprintf(text + size, PCR_BANKS_TEXT - size, "%s%s", size > 0 ? "," : "", name);
}

void setup_tpm_bank_names(uint8_t known, char ret_names[PCR_BANKS_TEXT])
{
	ret_names[0] = '\0';
	for (size_t i = 0; i < BANKS; i++)
		if ((known >> i & 1) != 0)
			append(ret_names, banks[i].name);
}

/* Algorithms of the banks that the TPM has, active or not; at most BANKS. */
static enum tcb_error read_banks(int fd, uint16_t ret_algorithms[BANKS], uint32_t *ret_count, struct diagnosis *d)
{
	struct command c;
	struct span skip;
	struct reader r;
	uint32_t capability;
	uint8_t more, size;

	begin(&c, CC_GET_CAPABILITY, false);
	writer_u32(&c.w, CAP_PCRS);
	writer_u32(&c.w, 0);
	writer_u32(&c.w, 64);
	TRY(ask(fd, &c, "its PCR banks", NULL, &r, d));
	TRY(reader_u8(&r, &more));
	TRY(reader_u32(&r, &capability));
	TRY(reader_u32(&r, ret_count));
	if (*ret_count > BANKS)
		return TCB_LIMIT;
	for (uint32_t i = 0; i < *ret_count; i++) {
		TRY(reader_u16(&r, &ret_algorithms[i]));
		TRY(reader_u8(&r, &size));
		TRY(reader_bytes(&r, size, &skip));
	}
	return TCB_OK;
}

static const char *bank_name(uint16_t algorithm)
{
	for (size_t i = 0; i < BANKS; i++)
		if (banks[i].algorithm == algorithm)
			return banks[i].name;
	return "unknown";
}

enum tcb_error setup_tpm_banks(int fd, const char *names, char ret_active[PCR_BANKS_TEXT], char ret_all[PCR_BANKS_TEXT],
			       struct diagnosis *d)
{
	uint16_t algorithms[BANKS];
	struct command c;
	struct reader r;
	uint32_t count;

	ret_active[0] = ret_all[0] = '\0';
	TRY(read_banks(fd, algorithms, &count, d));
	begin(&c, CC_PCR_ALLOCATE, true);
	writer_u32(&c.w, RH_PLATFORM);
	authorize(&c);
	writer_u32(&c.w, count);
	for (uint32_t i = 0; i < count; i++) {
		const char *name = bank_name(algorithms[i]);
		bool active = is_listed(names, name);

		append(ret_all, name);
		if (active)
			append(ret_active, name);
		writer_u16(&c.w, algorithms[i]);
		writer_u8(&c.w, 3);
		for (int byte = 0; byte < 3; byte++)
			writer_u8(&c.w, active ? 0xff : 0);
	}
	TRY(ask(fd, &c, "PCR banks", NULL, &r, d));
	return TCB_OK;
}

/* ---- storage primary key ---- */

static void put_storage_template(struct writer *w, unsigned rsa_bits)
{
	bool small = rsa_bits == 2048;

	writer_u16(w, rsa_bits > 0 ? ALG_RSA : ALG_ECC);
	writer_u16(w, small ? ALG_SHA256 : ALG_SHA384);
	writer_u32(w, STORAGE_ATTRIBUTES);
	writer_u16(w, 0);
	writer_u16(w, ALG_AES);
	writer_u16(w, small ? 128 : 256);
	writer_u16(w, ALG_CFB);
	writer_u16(w, ALG_NULL);
	if (rsa_bits > 0) {
		writer_u16(w, (uint16_t)rsa_bits);
		writer_u32(w, 0);
		writer_u16(w, (uint16_t)(rsa_bits / 8));
		writer_zeros(w, rsa_bits / 8);
	} else {
		writer_u16(w, CURVE_P384);
		writer_u16(w, ALG_NULL);
		for (int coordinate = 0; coordinate < 2; coordinate++) {
			writer_u16(w, 48);
			writer_zeros(w, 48);
		}
	}
}

enum tcb_error setup_tpm_storage_key(int fd, unsigned rsa_bits, struct diagnosis *d)
{
	uint8_t template_bytes[LIMIT_TPM_PUBLIC];
	struct writer t = WRITER_OF(template_bytes);
	struct command c;
	struct reader r;
	uint32_t handle;

	put_storage_template(&t, rsa_bits);
	begin(&c, CC_CREATE_PRIMARY, true);
	writer_u32(&c.w, RH_OWNER);
	authorize(&c);
	writer_u16(&c.w, 4); /* no authorization, no data */
	writer_u32(&c.w, 0);
	writer_tpm2b(&c.w, span_of(template_bytes, t.size));
	writer_u16(&c.w, 0);
	writer_u32(&c.w, 0);
	TRY(ask(fd, &c, "a storage primary key", &handle, &r, d));
	begin(&c, CC_EVICT, true);
	writer_u32(&c.w, RH_OWNER);
	writer_u32(&c.w, handle);
	authorize(&c);
	writer_u32(&c.w, STORAGE_KEY);
	TRY(ask(fd, &c, "the storage primary key's handle", NULL, &r, d));
	begin(&c, CC_FLUSH, false);
	writer_u32(&c.w, handle);
	TRY(ask(fd, &c, "the transient key's end", NULL, &r, d));
	return TCB_OK;
}

/* ---- EK templates ---- */

/* `public` with zeros, or nothing, for what makes the key this one: as the EK Credential Profile has its templates. */
static enum tcb_error template_of(struct span public, struct writer *w)
{
	struct reader r = reader_of(public);
	uint16_t type, name_algorithm;
	size_t unique_size, fixed;
	struct span policy;
	uint32_t attributes;

	TRY(reader_u16(&r, &type));
	TRY(reader_u16(&r, &name_algorithm));
	TRY(reader_u32(&r, &attributes));
	TRY(reader_tpm2b(&r, &policy));
	unique_size = type == ALG_RSA ? 2 + (name_algorithm == ALG_SHA256 ? 256 : 384) : 2 * (2 + 48);
	if (public.size < unique_size)
		return TCB_MALFORMED;
	fixed = public.size - unique_size;
	writer_bytes(w, span_of(public.data, fixed));
	if (type == ALG_RSA && name_algorithm == ALG_SHA256) {
		writer_u16(w, 256);
		writer_zeros(w, 256);
	} else {
		writer_zeros(w, type == ALG_RSA ? 2 : 4);
	}
	return writer_end(w, NULL);
}

static enum tcb_error define(int fd, uint32_t index, uint32_t attributes, uint16_t size, struct diagnosis *d)
{
	struct command c;
	struct reader r;

	begin(&c, CC_NV_DEFINE, true);
	writer_u32(&c.w, RH_PLATFORM);
	authorize(&c);
	writer_u16(&c.w, 0);
	writer_u16(&c.w, 14);
	writer_u32(&c.w, index);
	writer_u16(&c.w, ALG_SHA256);
	writer_u32(&c.w, attributes);
	writer_u16(&c.w, 0);
	writer_u16(&c.w, size);
	TRY(ask(fd, &c, "an NV index", NULL, &r, d));
	return TCB_OK;
}

enum tcb_error setup_tpm_template(int fd, uint32_t handle, uint32_t index, bool lock, struct diagnosis *d)
{
	uint8_t template_bytes[LIMIT_TPM_PUBLIC];
	struct writer t = WRITER_OF(template_bytes);
	struct command c;
	struct span public;
	struct reader r;

	begin(&c, CC_READ_PUBLIC, false);
	writer_u32(&c.w, handle);
	TRY(ask(fd, &c, "the EK", NULL, &r, d));
	TRY(reader_tpm2b(&r, &public));
	TRY(template_of(public, &t));
	TRY(define(fd, index, NV_ATTRIBUTES | (lock ? NV_WRITEDEFINE : 0), (uint16_t)t.size, d));
	begin(&c, CC_NV_WRITE, true);
	writer_u32(&c.w, RH_PLATFORM);
	writer_u32(&c.w, index);
	authorize(&c);
	writer_tpm2b(&c.w, span_of(template_bytes, t.size));
	writer_u16(&c.w, 0);
	TRY(ask(fd, &c, "the EK's template", NULL, &r, d));
	if (!lock)
		return TCB_OK;
	begin(&c, CC_NV_WRITE_LOCK, true);
	writer_u32(&c.w, RH_PLATFORM);
	writer_u32(&c.w, index);
	authorize(&c);
	TRY(ask(fd, &c, "the lock on an EK's template", NULL, &r, d));
	return TCB_OK;
}

/* ---- reading ---- */

static enum tcb_error read_size(int fd, uint32_t index, size_t *ret_size, struct diagnosis *d)
{
	struct command c;
	struct span public;
	struct reader r;

	begin(&c, CC_NV_READ_PUBLIC, false);
	writer_u32(&c.w, index);
	TRY(ask(fd, &c, "a certificate's index", NULL, &r, d));
	TRY(reader_tpm2b(&r, &public));
	if (public.size < 2)
		return TCB_MALFORMED;
	*ret_size = (size_t)public.data[public.size - 2] << 8 | public.data[public.size - 1];
	return TCB_OK;
}

enum tcb_error setup_tpm_read(int fd, uint32_t index, uint8_t *ret_bytes, size_t capacity, size_t *ret_size, struct diagnosis *d)
{
	struct command c;
	struct span piece;
	struct reader r;
	size_t size = 0;

	TRY(read_size(fd, index, &size, d));
	if (size > capacity)
		return TCB_LIMIT;
	for (size_t at = 0; at < size; at += piece.size) {
		size_t want = size - at < NV_CHUNK ? size - at : NV_CHUNK;

		begin(&c, CC_NV_READ, true);
		writer_u32(&c.w, index);
		writer_u32(&c.w, index);
		authorize(&c);
		writer_u16(&c.w, (uint16_t)want);
		writer_u16(&c.w, (uint16_t)at);
		TRY(ask(fd, &c, "a certificate", NULL, &r, d));
		TRY(reader_tpm2b(&r, &piece));
		if (piece.size != want)
			return TCB_MALFORMED;
		memcpy(ret_bytes + at, piece.data, piece.size);
	}
	*ret_size = size;
	return TCB_OK;
}
