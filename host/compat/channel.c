// SPDX-License-Identifier: MIT
#include "host/compat/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool failed(const char *what, const char *where)
{
	(void)fprintf(stderr, "swtpm: Could not %s %s: %s\n", what, where, strerror(errno));
	return false;
}

static bool open_unix(const struct channel *c, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, c->path, sizeof address.sun_path);
	(void)unlink(c->path);
	*ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*ret_fd < 0 || bind(*ret_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(c->path, c->mode) != 0 ||
	    ((c->uid != (uid_t)-1 || c->gid != (gid_t)-1) && chown(c->path, c->uid, c->gid) != 0) || listen(*ret_fd, 8) != 0)
		return failed("open UnixIO socket", c->path);
	return true;
}

static bool open_tcp(const struct channel *c, int *ret_fd)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)c->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)c->port) };
	bool is_v4 = inet_pton(AF_INET, c->address, &v4.sin_addr) == 1;
	const struct sockaddr *address = is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
	const int on = 1;

	if (!is_v4 && inet_pton(AF_INET6, c->address, &v6.sin6_addr) != 1)
		return failed("use the address", c->address);
	v6.sin6_scope_id = c->interface[0] != '\0' ? if_nametoindex(c->interface) : 0;
	*ret_fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*ret_fd < 0 || setsockopt(*ret_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(*ret_fd, address, is_v4 ? sizeof v4 : sizeof v6) != 0 || listen(*ret_fd, 8) != 0)
		return failed("open TCP socket", c->address);
	return true;
}

bool channel_open(const struct channel *c, int *ret_fd, bool *ret_connected)
{
	int listening = 0;
	socklen_t size = sizeof listening;

	*ret_fd = -1;
	*ret_connected = false;
	switch (c->kind) {
	case CHANNEL_NONE: return true;
	case CHANNEL_UNIX: return open_unix(c, ret_fd);
	case CHANNEL_TCP: return open_tcp(c, ret_fd);
	case CHANNEL_FD:
	case CHANNEL_CONNECTED: break;
	}
	*ret_fd = c->fd; /* of whoever started us: swtpm_setup passes a connection where others pass a listener */
	if (getsockopt(c->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0)
		return failed("use the given descriptor as", "a socket");
	*ret_connected = listening == 0;
	return true;
}

void channel_remove(const struct channel *c)
{
	if (c->kind == CHANNEL_UNIX)
		(void)unlink(c->path);
}
