// SPDX-License-Identifier: MIT
/* Connections of the daemon's clients, also when no descriptor is left. */
#include "host/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock;
	int fd; /* -1: somebody else has taken it */
} aside = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

void accept_prepare(void)
{
	aside.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

enum tcb_error accept_no_descriptors(struct diagnosis *d)
{
	struct rlimit files = {0};

	(void)getrlimit(RLIMIT_NOFILE, &files);
	return diagnose_found(d, TCB_LIMIT, "daemon.descriptors", "about five descriptors for each vTPM that runs",
			      "raise the limit of `tcbind platform run` (ulimit -Hn, LimitNOFILE=), or end VMs",
			      "a platform that is out of descriptors: %llu may be open", (unsigned long long)files.rlim_cur);
}

/* Whether the next connection could be taken, and was refused. */
static bool refuse_next(int listener, void (*refuse)(int fd, const struct diagnosis *d))
{
	struct diagnosis d = {0};
	int fd;

	(void)pthread_mutex_lock(&aside.lock);
	if (aside.fd >= 0)
		(void)close(aside.fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0 && refuse != NULL) {
		(void)accept_no_descriptors(&d);
		refuse(fd, &d);
	}
	if (fd >= 0)
		(void)close(fd);
	aside.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)pthread_mutex_unlock(&aside.lock);
	return fd >= 0;
}

int accept_connection(int listener, void (*refuse)(int fd, const struct diagnosis *d))
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && !refuse_next(listener, refuse))
		(void)nanosleep(&pause, NULL);
	return fd;
}
