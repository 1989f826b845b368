// SPDX-License-Identifier: MIT
/* All bytes, or false: the peer or the disk is at its end. Both go on after a signal. */
#ifndef TCBIND_HOST_IO_H
#define TCBIND_HOST_IO_H

#include <stdbool.h>

#include "core/span.h"

/* To a socket; a peer that is gone is no signal. */
bool io_send(int fd, struct span bytes);
/* To a file or a device. */
bool io_write(int fd, struct span bytes);
/* Opens /dev/null as each of the descriptors 0, 1 and 2 that is closed, so that nothing else gets their numbers. Call it first in main(). */
void io_fill_standard(void);
/* Closes it, if it is open, and makes it -1. */
void io_close(int *fd);

#endif
