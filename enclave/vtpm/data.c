// SPDX-License-Identifier: MIT
/* The data channel in the enclave's own hands: a command costs no way through the host's daemon. Nothing new is trusted by it: who sends commands
 * was the host's choice before, too. */
#include "enclave/lib/dispatch.h"
#include "enclave/tee/tee.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/vtpm.h"

static struct data_channel channel;

static bool answer(struct span response, bool prefixed)
{
	static uint8_t bytes[LIMIT_TPM_COMMAND + 8];
	struct writer w = WRITER_OF(bytes);
	struct span whole;

	if (!prefixed)
		return tee_data_write(response);
	data_answer(&w, response, true);
	return writer_end(&w, &whole) == TCB_OK && tee_data_write(whole);
}

/* All commands that are whole. False: the channel is at its end. An error was answered on the channel; the host is to know of it. */
static bool serve_commands(struct vtpm *v, uint8_t *locality, enum tcb_error *ret_error, struct diagnosis *d)
{
	uint8_t status[DATA_STATUS_SIZE];
	struct span command, response;
	bool prefixed;

	for (;;) {
		switch (data_find(&channel, &command, &prefixed, locality)) {
		case DATA_INCOMPLETE: return true;
		case DATA_BAD:
			channel.size = 0;
			return answer(data_status(status, DATA_RC_COMMAND_SIZE), false);
		case DATA_COMMAND: break;
		}
		enclave_cancel_clear();
		*ret_error = vtpm_command(v, *locality, command, &response, d);
		data_drop(&channel, command);
		if (!answer(*ret_error == TCB_OK ? response : data_status(status, DATA_RC_FAILURE), prefixed))
			return false;
		if (*ret_error != TCB_OK || enclave_interrupted())
			return true;
	}
}

/* Who has just sent a command mostly sends the next at once: for a moment the data channel alone is waited for, which saves a look at both. */
static bool read_more(bool *ret_quiet)
{
	size_t got;

	if (!tee_data_read(channel.bytes + channel.size, sizeof channel.bytes - channel.size, &got))
		return false;
	channel.size += got;
	*ret_quiet = got == 0;
	if (*ret_quiet)
		engine_tidy();
	return true;
}

enum tcb_error data_serve(struct vtpm *v, const struct vtpm_serve *serve, struct vtpm_served *ret_served, struct diagnosis *d)
{
	enum { LOOK_AFTER = 8 }; /* reads, before the host is heard again */
	uint8_t locality = serve->locality;
	enum tcb_error error = TCB_OK;
	bool open = true, quiet = true;
	unsigned reads = 0;

	if (!tee_data_open())
		return diagnose(d, TCB_REFUSED, "vtpm.serve", "no data channel with the call", "one that this enclave can take",
				"send each command by a call");
	enclave_interrupt_begin();
	channel.prefixes = serve->prefixes;
	channel.size = serve->pending.size;
	(void)!vtpm_settle_in(v, NULL); /* where it fails, the first command is told why */
	if (channel.size > 0) {
		memcpy(channel.bytes, serve->pending.data, channel.size);
		open = serve_commands(v, &locality, &error, d);
	}
	while (open && error == TCB_OK && !enclave_interrupted()) {
		if ((quiet || ++reads % LOOK_AFTER == 0) && tee_data_wait() == TEE_STREAM)
			enclave_interrupt_read();
		else
			open = read_more(&quiet) && serve_commands(v, &locality, &error, d);
	}
	tee_data_close();
	if (error != TCB_OK && channel.size == 0) /* else what is pending must go back, and the guest was told of the error */
		return error;
	*ret_served = (struct vtpm_served){ .closed = !open, .locality = locality, .pending = span_of(channel.bytes, channel.size) };
	return TCB_OK;
}
