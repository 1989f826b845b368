// SPDX-License-Identifier: MIT
/* Names of keys in messages and files of the host: "p384", "rsa2048", "rsa3072", each also with
 * "-signs" or "-both" behind it. */
#ifndef TCBIND_HOST_KEY_NAME_H
#define TCBIND_HOST_KEY_NAME_H

#include "core/error.h"
#include "edge/vtpm.h"

/* Returns TCB_MALFORMED if no key has that name. */
enum tcb_error key_of_name(struct span name, enum vtpm_key *ret_key) MUST_USE;

#endif
