/* The Migration Enclave: what this process is. main.c holds the only one. */
#ifndef TCBIND_ENCLAVE_MIGE_MIGE_H
#define TCBIND_ENCLAVE_MIGE_MIGE_H

#include <openssl/types.h>

#include "core/ids.h"
#include "core/limits.h"
#include "edge/mige.h"
#include "enclave/lib/session.h"
#include "enclave/mige/journal.h"

struct mige {
	bool started;
	size_t address_size, name_size;
	uint8_t address[LIMIT_ADDRESS], name[LIMIT_NAME];
	EVP_PKEY *key; /* of this start of this enclave: TLS, custody records */
	struct p256_point public;
	struct session_server sessions; /* vTPMs of this platform */
	struct session pse;
	struct journal journal;
};

#endif
