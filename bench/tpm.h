// SPDX-License-Identifier: MIT
/* A TPM client on a data socket, as bare as a client can be: whole commands out, whole responses in. Anything unexpected ends the bench. */
#ifndef TCBIND_BENCH_TPM_H
#define TCBIND_BENCH_TPM_H

#include "core/reader.h"
#include "core/writer.h"

enum tpm_code {
	TPM_NV_DEFINE = 0x12a, TPM_CREATE_PRIMARY = 0x131, TPM_NV_WRITE = 0x137, TPM_STARTUP = 0x144, TPM_CREATE = 0x153, TPM_LOAD = 0x157,
	TPM_QUOTE = 0x158, TPM_SIGN = 0x15d, TPM_CONTEXT_LOAD = 0x161, TPM_CONTEXT_SAVE = 0x162, TPM_FLUSH = 0x165,
	TPM_START_AUTH_SESSION = 0x176, TPM_GET_RANDOM = 0x17b, TPM_PCR_READ = 0x17e, TPM_PCR_EXTEND = 0x182,
};

/* A command, ready to be sent. */
struct tpm_request {
	size_t size;
	uint8_t bytes[1024];
};

/* `handles`: how many of `handle`, the first of them authorized by an empty password if `authorized`. */
void tpm_request_make(struct tpm_request *ret, enum tpm_code code, const uint32_t *handles, size_t count, bool authorized,
		      struct span parameters);
/* The response's bytes after its header, borrowed until the next call of this thread. TPM_RC_RETRY is asked again. */
struct span tpm_send(int fd, const struct tpm_request *request);
/* The same, also the code; no end of the bench. */
uint32_t tpm_try(int fd, const struct tpm_request *request, struct span *ret_rest);

void tpm_make_random(struct tpm_request *ret);
void tpm_make_pcr_read(struct tpm_request *ret);
void tpm_make_pcr_extend(struct tpm_request *ret);
void tpm_make_create_primary(struct tpm_request *ret, bool rsa, bool parent);
void tpm_make_create(struct tpm_request *ret, uint32_t parent);
void tpm_make_sign(struct tpm_request *ret, uint32_t key, bool rsa);
void tpm_make_quote(struct tpm_request *ret, uint32_t key);
void tpm_make_nv_write(struct tpm_request *ret, uint32_t index, uint32_t value);
void tpm_make_startup(struct tpm_request *ret);

uint32_t tpm_create_primary(int fd, bool rsa, bool parent);
void tpm_flush(int fd, uint32_t handle);
/* 32 bytes that their authorization (empty) writes. */
void tpm_define_nv(int fd, uint32_t index);

#endif
