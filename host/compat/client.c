// SPDX-License-Identifier: MIT
/* Connections of swtpm_ioctl and swtpm_bios. Fed by: the command line of their user. */
#include "host/compat/client.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/io.h"

bool client_parse_tcp(const char *text, unsigned default_port, struct client_target *ret_target)
{
	const char *colon = strrchr(text, ':');
	size_t size = colon != NULL ? (size_t)(colon - text) : strlen(text);
	unsigned long port = default_port;
	char *end;

	if (size >= sizeof ret_target->host) {
		(void)fprintf(stderr, "The host's name is too long.\n");
		return false;
	}
	if (colon != NULL && colon[1] != '\0') {
		port = strtoul(colon + 1, &end, 10);
		if (*end != '\0') {
			(void)fprintf(stderr, "Invalid port '%s'\n", colon + 1);
			return false;
		}
		if (port > 65535) {
			(void)fprintf(stderr, "Port '%s' outside valid range.\n", colon + 1);
			return false;
		}
	}
	*ret_target = (struct client_target){ .host = "127.0.0.1" };
	if (size > 0) {
		memcpy(ret_target->host, text, size);
		ret_target->host[size] = '\0';
	}
	(void)snprintf(ret_target->port, sizeof ret_target->port, "%u", (unsigned)port & 0xffff);
	return true;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >= sizeof address.sun_path) {
		(void)fprintf(stderr, "Socket path is too long.\n");
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	(void)fprintf(stderr, "Could not connect using UnixIO socket: %s\n", strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static int connect_tcp(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };
	struct addrinfo *found, *a;
	int fd = -1, error = getaddrinfo(host, port, &hints, &found);

	if (error != 0) {
		(void)fprintf(stderr, "getaddrinfo failed on host '%s': %s\n", host, gai_strerror(error));
		return -1;
	}
	for (a = found; a != NULL; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		error = errno;
		if (fd >= 0)
			(void)close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	if (fd < 0)
		(void)fprintf(stderr, "Could not connect to host '%s' on port '%s' using TCP socket: %s\n", host, port,
			      strerror(error));
	return fd;
}

int client_connect(const struct client_target *target)
{
	int fd;

	if (target->unix_path != NULL)
		return connect_unix(target->unix_path);
	if (target->host[0] != '\0')
		return connect_tcp(target->host, target->port);
	fd = open(target->device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		(void)fprintf(stderr, "Unable to open device '%s'.\n", target->device);
	return fd;
}

bool client_read(int fd, uint8_t *ret_bytes, size_t size, int patience_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	while (size > 0) {
		ssize_t got = poll(&ready, 1, patience_ms) > 0 ? read(fd, ret_bytes, size) : 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		ret_bytes += got;
		size -= (size_t)got;
	}
	return true;
}
