// SPDX-License-Identifier: MIT
/* The identifier by which certificates name a key (RFC 5280, 4.2.1.1 and 4.2.1.2): the leftmost 160 bits of the SHA-256 of the public key's
 * bits (RFC 7093, section 2, method 1). */
#ifndef TCBIND_CRYPTO_KEY_ID_H
#define TCBIND_CRYPTO_KEY_ID_H

#include "core/error.h"
#include "core/ids.h"

#define KEY_ID_SIZE 20

/* Of a P-256 key, whose bits are the uncompressed point. */
enum tcb_error key_id_of(const struct p256_point *key, uint8_t ret_id[KEY_ID_SIZE]) MUST_USE;

#endif
