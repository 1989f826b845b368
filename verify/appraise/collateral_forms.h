// SPDX-License-Identifier: MIT
/* The forms in which tools write the parts of collateral, each decided by its content. Nobody signs these forms: what they hold is judged by
 * quote_appraise(). Everything decoded is appended to a writer and borrowed from it. TCB_MALFORMED: none of the forms. */
#ifndef TCBIND_VERIFY_APPRAISE_COLLATERAL_FORMS_H
#define TCBIND_VERIFY_APPRAISE_COLLATERAL_FORMS_H

#include "core/error.h"
#include "core/ids.h"
#include "core/span.h"
#include "core/writer.h"

/* A text without the byte order mark before it (UTF-8's). */
struct span form_skip_mark(struct span text);

/* A JSON string, with its quotes, as the text it stands for; escapes of every serializer, \u among them, become UTF-8. */
enum tcb_error form_text(struct span value, struct writer *w, struct span *ret_text) MUST_USE;

/* A CRL's bytes: DER, PEM ("X509 CRL"), hexadecimal digits, or base64; line ends after it do not count. */
enum tcb_error form_crl(struct span bytes, struct writer *w, struct span *ret_der) MUST_USE;

/* A CRL in JSON: a string of the forms above but DER, or an array of its bytes. */
enum tcb_error form_json_crl(struct span value, struct writer *w, struct span *ret_der) MUST_USE;

/* A P-256 signature in JSON, r and s: 128 hexadecimal digits, base64 of 64 bytes, or an array of them. */
enum tcb_error form_json_signature(struct span value, struct p256_signature *ret_signature) MUST_USE;

/* An issuer chain: PEM; or the value of an HTTP header with %-escapes, or with '+' for spaces; or a dump of headers (`curl -D`), of which one ends
 * in "Issuer-Chain". */
enum tcb_error form_chain(struct span bytes, struct writer *w, struct span *ret_pem) MUST_USE;

#endif
