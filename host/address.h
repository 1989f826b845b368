/* SPDX-License-Identifier: MIT */
/* Addresses of Migration Enclaves, HOST:PORT: their form, and the TCP sockets behind them. */
#ifndef TCBIND_HOST_ADDRESS_H
#define TCBIND_HOST_ADDRESS_H

#include <stdbool.h>

#include "core/error.h"
#include "core/span.h"

/* HOST:PORT of at most LIMIT_ADDRESS bytes, with a host that is not empty and a port from 1 to 65535. IPv6 addresses
 * stand in brackets. Code: address.form. */
enum tcb_error address_check(struct span address, struct diagnosis *d) MUST_USE;
/* An address of this machine, which other machines can use as well: it resolves here, and it is no wildcard.
 * Codes: address.form, address.host, address.local. */
enum tcb_error address_check_local(struct span address, struct diagnosis *d) MUST_USE;
/* A listening socket. Codes: address.form, address.host, address.listen. */
enum tcb_error address_listen(struct span address, int *ret_fd, struct diagnosis *d) MUST_USE;
/* From now on a send on the socket fails once the peer has taken nothing for 15 seconds. */
void address_limit_sends(int fd);
/* A connected socket, with address_limit_sends(); waits at most 15 seconds for each address of the host. Codes: address.form, address.host,
 * address.connect. */
enum tcb_error address_connect(struct span address, int *ret_fd, struct diagnosis *d) MUST_USE;
/* Whether two addresses name the same port of the same host, by name or by what the names resolve to. */
bool address_same(struct span a, struct span b);

#endif
