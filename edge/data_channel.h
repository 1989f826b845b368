// SPDX-License-Identifier: MIT
/* The data channel that QEMU and swtpm's other users have: TPM commands, collected by their size
 * field however they were cut or joined. Where `prefixes` is set, a command may have the TCG prefix:
 * u32 8, u8 locality, u32 size. Its answer is then u32 size, response, u32 0. The host reads the
 * channel, or the vTPM enclave to which the host has handed it (CALL_VTPM_SERVE). */
#ifndef TCBIND_EDGE_DATA_CHANNEL_H
#define TCBIND_EDGE_DATA_CHANNEL_H

#include "core/limits.h"
#include "core/span.h"
#include "core/writer.h"

#define DATA_PENDING_MAX (LIMIT_TPM_COMMAND + 32)
#define DATA_STATUS_SIZE 10

enum { DATA_RC_FAILURE = 0x101, DATA_RC_COMMAND_SIZE = 0x142 };

/* Bytes that are not a whole command yet. */
struct data_channel {
	bool prefixes; /* a TCG prefix is taken. Not on a VM's channel, where its guest would choose its locality. */
	size_t size;
	uint8_t bytes[DATA_PENDING_MAX];
};

enum data_found { DATA_INCOMPLETE, DATA_COMMAND, DATA_BAD /* nobody can tell where the next command starts */ };

/* The first command, borrowed from the channel until it is dropped. A prefix that is whole sets
 * `*locality`. A prefix where none is taken is DATA_BAD. */
enum data_found data_find(const struct data_channel *c, struct span *ret_command, bool *ret_prefixed, uint8_t *locality);
void data_drop(struct data_channel *c, struct span command);

/* A response that is a code alone. */
struct span data_status(uint8_t ret_bytes[DATA_STATUS_SIZE], uint32_t code);
/* The answer to a command: the response, in what its prefix asks for. At most the response and 8 bytes. */
void data_answer(struct writer *w, struct span response, bool prefixed);

#endif
