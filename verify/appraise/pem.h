// SPDX-License-Identifier: MIT
/* PEM (RFC 7468), strictly: one text for each sequence of bytes, nothing before, between or after. OpenSSL's reader is not used: it skips
 * text that it does not know, knows encrypted bodies, and would ask a terminal for their passphrase. */
#ifndef TCBIND_VERIFY_APPRAISE_PEM_H
#define TCBIND_VERIFY_APPRAISE_PEM_H

#include "core/error.h"
#include "core/reader.h"
#include "core/writer.h"

/* Takes "-----BEGIN label-----", lines of 64 characters (the last 1 to 64), "-----END label-----", each ended by LF; the bytes go to `w`.
 * `last_line_end`: whether the very last LF must be there; if not, the text may end without it. TCB_MALFORMED: anything else. */
enum tcb_error pem_take(struct reader *r, const char *label, bool last_line_end, struct writer *w) MUST_USE;

/* Where a person's own file is read by OpenSSL's reader after all, its pem_password_cb: there is no passphrase, and nobody is asked. */
int pem_no_passphrase(char *buffer, int size, int writing, void *context);

#endif
