// SPDX-License-Identifier: MIT
/* What tests of descriptor passing share. */
#ifndef TCBIND_TESTS_DESCRIPTOR_COUNT_H
#define TCBIND_TESTS_DESCRIPTOR_COUNT_H

#include <dirent.h>
#include <sys/socket.h>

#include "core/span.h"

/* How many descriptors this process has open. */
static inline unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		(void)closedir(dir);
	return count;
}

/* One message with up to 16 descriptors. */
static inline bool send_with_descriptors(int socket_fd, struct span bytes, const int *fds, size_t count)
{
	union { char bytes[CMSG_SPACE(16 * sizeof(int))]; struct cmsghdr align; } control = { .bytes = {0} };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count > 0) {
		struct cmsghdr *c;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(socket_fd, &message, MSG_NOSIGNAL) == (ssize_t)bytes.size;
}

#endif
