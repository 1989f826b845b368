// SPDX-License-Identifier: MIT
/* Stands in for what a vTPM enclave puts into its TPM for a guest: keys, mailbox, certificates.
 * Nothing of it matters to who may run. */
#include "enclave/vtpm/credentials.h"
#include "enclave/vtpm/levers.h"
#include "enclave/vtpm/mailbox.h"

enum tcb_error mailbox_ensure(const struct secret256 *secret)
{
	(void)secret;
	return TCB_OK;
}

bool mailbox_is_request(struct span command, struct span *ret_nonce)
{
	(void)command;
	(void)ret_nonce;
	return false;
}

enum tcb_error mailbox_publish(const struct secret256 *secret, struct span evidence,
			       const char *reason)
{
	(void)secret;
	(void)evidence;
	(void)reason;
	return TCB_OK;
}

bool credentials_current(struct vtpm *v)
{
	(void)v;
	return true;
}

enum tcb_error credentials_write(struct vtpm *v, struct diagnosis *d)
{
	(void)v;
	(void)d;
	return TCB_OK;
}

enum tcb_error identity_ensure(struct vtpm_identity *ret_identity, struct diagnosis *d)
{
	(void)d;
	*ret_identity = (struct vtpm_identity){
	    .ek_size = 8, .ak_size = 8, .ek_public = "EK", .ak_public = "AK"};
	ret_identity->ek_name.bytes[1] = ret_identity->ak_name.bytes[1] = 0x0b;
	return TCB_OK;
}

enum tcb_error identity_make(enum vtpm_key key, struct diagnosis *d)
{
	(void)key;
	(void)d;
	return TCB_OK;
}

enum tcb_error identity_quote(const struct digest256 *qualifying, struct writer *out,
			      struct diagnosis *d)
{
	(void)d;
	writer_bytes(out, SPAN_OF(qualifying->bytes));
	return writer_end(out, NULL);
}

void levers_prepare(void) {}

void levers_on_cancel(bool (*cancelled)(void)) { (void)cancelled; }
