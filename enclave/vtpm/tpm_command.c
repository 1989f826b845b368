// SPDX-License-Identifier: MIT
#include "enclave/vtpm/tpm_command.h"

#include "enclave/vtpm/engine.h"

enum { TAG_NO_SESSIONS = 0x8001, TAG_SESSIONS = 0x8002, RC_RETRY = 0x922, RETRIES = 8 };

void tpm_begin(struct tpm_command *c, enum tpm_cc code, bool sessions)
{
	c->w = WRITER_OF(c->bytes);
	writer_u16(&c->w, sessions ? TAG_SESSIONS : TAG_NO_SESSIONS);
	writer_u32(&c->w, 0); /* size, set by tpm_run() */
	writer_u32(&c->w, code);
}

void tpm_authorize(struct tpm_command *c, uint32_t session, struct span auth)
{
	writer_u32(&c->w, (uint32_t)(4 + 2 + 1 + 2 + auth.size));
	writer_u32(&c->w, session);
	writer_u16(&c->w, 0); /* nonceCaller */
	writer_u8(&c->w, session == TPM_RS_PW ? 0 : 1); /* continueSession: we flush it ourselves */
	writer_tpm2b(&c->w, auth);
}

static enum tcb_error read_response(struct span response, uint32_t *ret_handle, struct reader *ret_parameters,
				    uint32_t *ret_code)
{
	struct reader r = reader_of(response);
	uint32_t size, code, parameters_size;
	struct span parameters;
	uint16_t tag;

	TRY(reader_u16(&r, &tag));
	TRY(reader_u32(&r, &size));
	TRY(reader_u32(&r, &code));
	*ret_code = code;
	if (code != 0)
		return TCB_REFUSED;
	if (ret_handle != NULL)
		TRY(reader_u32(&r, ret_handle));
	if (tag == TAG_SESSIONS) {
		TRY(reader_u32(&r, &parameters_size));
		TRY(reader_bytes(&r, parameters_size, &parameters));
		r = reader_of(parameters);
	}
	*ret_parameters = r;
	return TCB_OK;
}

enum tcb_error tpm_run(struct tpm_command *c, uint32_t *ret_handle, struct reader *ret_parameters, uint32_t *ret_code)
{
	struct writer size = writer_of(c->bytes + 2, 4);
	struct span command, response;
	enum tcb_error error;
	uint32_t code = 0;

	TRY(writer_end(&c->w, &command));
	writer_u32(&size, (uint32_t)command.size);
	for (int i = 0; i < RETRIES; i++) { /* a TPM may test an algorithm before its first use */
		TRY(engine_process(0, command, &response));
		error = read_response(response, ret_handle, ret_parameters, &code);
		if (code != RC_RETRY)
			break;
	}
	if (ret_code != NULL)
		*ret_code = code;
	return error;
}

uint32_t tpm_command_code(struct span command)
{
	struct reader r = reader_of(command);
	uint32_t size, code;
	uint16_t tag;

	if (reader_u16(&r, &tag) != TCB_OK || reader_u32(&r, &size) != TCB_OK || reader_u32(&r, &code) != TCB_OK)
		return 0;
	return code;
}
