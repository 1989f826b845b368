// SPDX-License-Identifier: MIT
/* PEM (RFC 7468). The text around the base64 is nobody's signed statement, so line ends are taken as tools leave them: lines of any length,
 * LF or CR LF, blank lines, no line end between two blocks. Everything else is strict, so that a text has one meaning: no text before, between
 * or after blocks, no other white space, base64 with its padding and without spare bits. OpenSSL's reader is not used: it skips text that it
 * does not know, knows encrypted bodies, and would ask a terminal for their passphrase. */
#ifndef TCBIND_VERIFY_APPRAISE_PEM_H
#define TCBIND_VERIFY_APPRAISE_PEM_H

#include "core/error.h"
#include "core/reader.h"
#include "core/writer.h"

/* Takes one block, "-----BEGIN label-----" to "-----END label-----", and the line ends before and after it; its bytes, at least one, are
 * appended to `w`. TCB_MALFORMED: something else stands there; `r` is as it was. */
enum tcb_error pem_take(struct reader *r, const char *label, struct writer *w) MUST_USE;

/* Takes base64 in lines of any length, up to a '-' or the end; the bytes are appended to `w`. TCB_MALFORMED: something else stands there. */
enum tcb_error pem_take_base64(struct reader *r, struct writer *w) MUST_USE;

/* Where a person's own file is read by OpenSSL's reader after all, its pem_password_cb: there is no passphrase, and nobody is asked. */
int pem_no_passphrase(char *buffer, int size, int writing, void *context);

#endif
