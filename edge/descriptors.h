// SPDX-License-Identifier: MIT
/* Descriptors that come and go with a message (SCM_RIGHTS), for every process that passes some: the daemon, the tools of host/compat/, the simulated
 * processor and its enclaves. Linux only; a library of its own, so that enclaves of another backend need not link it. */
#ifndef TCBIND_EDGE_DESCRIPTORS_H
#define TCBIND_EDGE_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/span.h"

#define DESCRIPTORS_MAX 8 /* of one message */

struct descriptors {
	size_t count;
	int fds[DESCRIPTORS_MAX]; /* the caller's to close; close-on-exec */
	bool no_room;             /* this process has no number free for one that came: RLIMIT_NOFILE */
};

/* One recvmsg(), and what it returns. At most `most` descriptors are kept. A message with more, or one whose descriptors did not all fit, keeps
 * none: all that the kernel installed are closed. A message of a SOCK_SEQPACKET socket that is longer than `size` is an error (EMSGSIZE). */
ssize_t receive_descriptors(int socket_fd, uint8_t *ret_bytes, size_t size, size_t most, struct descriptors *ret_descriptors);

/* Sends the bytes with `count` descriptors (at most DESCRIPTORS_MAX), in one message; they stay open here. Returns false if they did not all go. */
bool send_descriptors(int socket_fd, struct span bytes, const int *fds, size_t count);

/* Closes all, and keeps none. */
void close_descriptors(struct descriptors *descriptors);

#endif
