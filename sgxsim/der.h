// SPDX-License-Identifier: MIT
/* A little DER: enough for the SGX extension of a PCK certificate. Values nest by being copied. */
#ifndef TCBIND_SGXSIM_DER_H
#define TCBIND_SGXSIM_DER_H

#include "core/span.h"
#include "core/writer.h"

enum der_tag { DER_BOOLEAN = 0x01, DER_INTEGER = 0x02, DER_OCTETS = 0x04, DER_OID = 0x06, DER_ENUM = 0x0a, DER_SEQUENCE = 0x30 };

/* One value; at most 65,535 bytes. */
void der_write(struct writer *w, enum der_tag tag, struct span content);
/* INTEGER, non-negative, up to 32 bits. */
void der_write_integer(struct writer *w, uint32_t value);

#endif
