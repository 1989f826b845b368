// SPDX-License-Identifier: MIT
/* What swtpm's small tools share: which TPM they mean, and a connection to it. */
#ifndef TCBIND_HOST_COMPAT_CLIENT_H
#define TCBIND_HOST_COMPAT_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

#define CLIENT_COPYRIGHT "Copyright (c) tcbind's authors"

/* The last option given counts. */
struct client_target {
	const char *unix_path, *device; /* NULL: not that */
	char host[256];                 /* empty: not by TCP */
	char port[8];
};

/* "[HOST]:[PORT]", as --tcp has it. False: said why. */
bool client_parse_tcp(const char *text, unsigned default_port, struct client_target *ret_target);
/* A connection (or the open device); -1: said why on stderr. */
int client_connect(const struct client_target *target);
/* All bytes in time, or false. */
bool client_read(int fd, uint8_t *ret_bytes, size_t size, int patience_ms);

#endif
