// SPDX-License-Identifier: MIT
/* Addresses of Migration Enclaves: the last colon divides host and port, and IPv6 addresses stand in brackets. */
#include "host/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"

enum { PATIENCE_S = 15 };

struct host_and_port {
	char host[LIMIT_ADDRESS + 1], port[6];
};

static bool copy_host(struct span host, char ret_host[LIMIT_ADDRESS + 1])
{
	bool bracketed = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
	struct span name = bracketed ? span_of(host.data + 1, host.size - 2) : host;

	if (name.size == 0 || name.size > LIMIT_ADDRESS || (!bracketed && memchr(name.data, ':', name.size) != NULL))
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
			return false;
	memcpy(ret_host, name.data, name.size);
	ret_host[name.size] = '\0';
	return true;
}

/* getaddrinfo() takes 99999 and means 34463: the port is judged here. */
static bool copy_port(struct span port, char ret_port[6])
{
	if (port.size == 0 || port.size > 5)
		return false;
	for (size_t i = 0; i < port.size; i++)
		if (port.data[i] < '0' || port.data[i] > '9')
			return false;
	memcpy(ret_port, port.data, port.size);
	ret_port[port.size] = '\0';
	return strtoul(ret_port, NULL, 10) >= 1 && strtoul(ret_port, NULL, 10) <= 65535;
}

static enum tcb_error split(struct span address, struct host_and_port *ret_parts, struct diagnosis *d)
{
	const uint8_t *colon = memrchr(address.data, ':', address.size);
	size_t host_size = colon != NULL ? (size_t)(colon - address.data) : 0;

	if (colon != NULL && address.size <= LIMIT_ADDRESS && copy_host(span_of(address.data, host_size), ret_parts->host) &&
	    copy_port(span_of(colon + 1, address.size - host_size - 1), ret_parts->port))
		return TCB_OK;
	return diagnose_found(d, TCB_MALFORMED, "address.form",
			      "HOST:PORT, with a port from 1 to 65535 and an IPv6 address in brackets", "correct the address",
			      "'%.*s'", (int)address.size, (const char *)address.data);
}

static enum tcb_error resolve(struct span address, bool listening, struct addrinfo **ret_found, struct diagnosis *d)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = listening ? AI_PASSIVE : 0 };
	struct host_and_port parts;
	int status;

	TRY(split(address, &parts, d));
	status = getaddrinfo(parts.host, parts.port, &hints, ret_found);
	if (status == 0)
		return TCB_OK;
	return diagnose_found(d, TCB_PLATFORM, "address.host", "a host name or address that resolves on this machine",
			      "correct the name, or add it to DNS or /etc/hosts", "'%s': %s", parts.host,
			      status == EAI_SYSTEM ? strerror(errno) : gai_strerror(status));
}

enum tcb_error address_check(struct span address, struct diagnosis *d)
{
	struct host_and_port parts;

	return split(address, &parts, d);
}

/* 0.0.0.0 and :: are every address of this machine: another machine that is told so reaches itself. */
static bool is_wildcard(const struct addrinfo *a)
{
	if (a->ai_family == AF_INET)
		return ((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr.s_addr == htonl(INADDR_ANY);
	return a->ai_family == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr);
}

/* Binds for a moment. The error number, 0 if that worked. A port that is in use may be free when the platform runs. */
static int try_bind(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;

	if (fd >= 0)
		(void)close(fd);
	return error == EADDRINUSE || error == EACCES ? 0 : error;
}

enum tcb_error address_check_local(struct span address, struct diagnosis *d)
{
	struct addrinfo *found;
	bool wildcard = false;
	int error = EADDRNOTAVAIL;

	TRY(resolve(address, true, &found, d));
	for (const struct addrinfo *a = found; a != NULL && error != 0; a = a->ai_next) {
		wildcard |= is_wildcard(a);
		error = try_bind(a);
	}
	freeaddrinfo(found);
	if (!wildcard && error == 0)
		return TCB_OK;
	return diagnose_found(d, TCB_PLATFORM, "address.local", "one address of this machine that other platforms can reach",
			      "choose one that `ip address` shows", "'%.*s': %s", (int)address.size,
			      (const char *)address.data, wildcard ? "every address of whichever machine reads it" : strerror(error));
}

/* Both ways to open one, 0 or the error number. */
static int open_listener(int fd, const struct addrinfo *a)
{
	const int yes = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	return bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 64) == 0 ? 0 : errno;
}

void address_limit_sends(int fd)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static int open_connection(int fd, const struct addrinfo *a)
{
	address_limit_sends(fd); /* connect() too: socket(7) */
	return connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno == EINPROGRESS ? ETIMEDOUT : errno;
}

/* The first address of the host at which `open` works. */
static enum tcb_error open_first(struct span address, bool listening, int *ret_fd, struct diagnosis *d)
{
	struct addrinfo *found;
	int fd = -1, error = 0;

	TRY(resolve(address, listening, &found, d));
	for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		error = fd < 0 ? errno : listening ? open_listener(fd, a) : open_connection(fd, a);
		if (fd >= 0 && error != 0) {
			(void)close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd < 0 && listening)
		return diagnose_found(d, TCB_PLATFORM, "address.listen", "an address of this machine whose port is free",
				      "stop what uses it, or change `listen` in platform.json", "%.*s: %s", (int)address.size,
				      (const char *)address.data, strerror(error));
	if (fd < 0)
		return diagnose_found(d, TCB_PLATFORM, "address.connect", "a platform that listens there",
				      "see that it runs, and that the network lets connections through", "%.*s: %s",
				      (int)address.size, (const char *)address.data, strerror(error));
	*ret_fd = fd;
	return TCB_OK;
}

enum tcb_error address_listen(struct span address, int *ret_fd, struct diagnosis *d)
{
	return open_first(address, true, ret_fd, d);
}

enum tcb_error address_connect(struct span address, int *ret_fd, struct diagnosis *d)
{
	return open_first(address, false, ret_fd, d);
}

bool address_same(struct span a, struct span b)
{
	struct addrinfo *of_a = NULL, *of_b = NULL;
	bool same = span_equal(a, b);

	if (!same && resolve(a, false, &of_a, NULL) == TCB_OK && resolve(b, false, &of_b, NULL) == TCB_OK)
		for (const struct addrinfo *x = of_a; x != NULL; x = x->ai_next)
			for (const struct addrinfo *y = of_b; y != NULL; y = y->ai_next)
				same |= x->ai_addrlen == y->ai_addrlen && memcmp(x->ai_addr, y->ai_addr, x->ai_addrlen) == 0;
	if (of_a != NULL)
		freeaddrinfo(of_a);
	if (of_b != NULL)
		freeaddrinfo(of_b);
	return same;
}
