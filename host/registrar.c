// SPDX-License-Identifier: MIT
/* The listener for registrations (host/registration.h), with a thread for each connection. */
#include "host/registrar.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "host/accept.h"
#include "host/paths.h"
#include "host/registered.h"

/* One a daemon. `users` counts before accept(), so that a registration is seen either there or in the socket's queue. */
static struct listener {
	struct daemon *daemon;
	int fd;
	atomic_uint users;
} listener = { .fd = -1 };

static void *serve_registration(void *context)
{
	registered_serve(listener.daemon, (int)(intptr_t)context);
	atomic_fetch_sub(&listener.users, 1);
	return NULL;
}

static bool start_registration(int fd, const pthread_attr_t *attributes)
{
	pthread_t thread;

	if (pthread_create(&thread, attributes, serve_registration, (void *)(intptr_t)fd) == 0)
		return true;
	(void)close(fd);
	return false;
}

static void *accept_registrations(void *context)
{
	struct listener *l = context;
	struct pollfd ready = { .fd = l->fd, .events = POLLIN };
	pthread_attr_t attributes;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	while (poll(&ready, 1, -1) > 0 || errno == EINTR) {
		int fd;

		atomic_fetch_add(&l->users, 1);
		fd = accept_connection(l->fd, registered_refuse);
		if (fd < 0 || !start_registration(fd, &attributes))
			atomic_fetch_sub(&l->users, 1);
	}
	return NULL;
}

enum tcb_error registrar_start(struct daemon *daemon, struct diagnosis *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	pthread_t thread;

	listener.daemon = daemon;
	listener.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	TRY(path_in(daemon->config.dir, "run/registrar.sock", address.sun_path, sizeof address.sun_path, d));
	(void)unlink(address.sun_path);
	if (listener.fd < 0 || bind(listener.fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(address.sun_path, 0600) != 0 || listen(listener.fd, 64) != 0 ||
	    pthread_create(&thread, NULL, accept_registrations, &listener) != 0)
		return diagnose_found(d, TCB_PLATFORM, "registrar.socket", "a socket that can be made", "check DIR/run",
				      "%s: %s", address.sun_path, strerror(errno));
	return TCB_OK;
}

static bool is_idle(void)
{
	struct pollfd queue = { .fd = listener.fd, .events = POLLIN };

	return atomic_load(&listener.users) == 0 && poll(&queue, 1, 0) == 0;
}

static void *watch_idle(void *context)
{
	const struct timespec step = { .tv_nsec = 100 * 1000 * 1000 };
	unsigned seconds = (unsigned)(uintptr_t)context, steps = 0;
	char path[PATH_MAX + 16];
	int lock;

	(void)snprintf(path, sizeof path, "%s/../lock", listener.daemon->config.dir);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (;;) {
		(void)nanosleep(&step, NULL);
		steps = is_idle() ? steps + 1 : 0;
		if (steps < seconds * 10 || flock(lock, LOCK_EX | LOCK_NB) != 0)
			continue;
		if (is_idle())
			break;
		(void)flock(lock, LOCK_UN);
	}
	(void)kill(getpid(), SIGTERM); /* the lock goes with the process */
	return NULL;
}

void registrar_end_when_idle(unsigned seconds)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, watch_idle, (void *)(uintptr_t)seconds) != 0)
		(void)kill(getpid(), SIGTERM);
}
