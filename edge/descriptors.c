// SPDX-License-Identifier: MIT
/* Receiving descriptors. Nothing that the kernel installed in this process is left open by mistake. */
#include "edge/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Collects the descriptors of one control message. Returns false if one had no room; that one is closed. */
static bool collect(const struct cmsghdr *c, struct descriptors *all)
{
	size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool fits = true;

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
		if (all->count < DESCRIPTORS_MAX) {
			all->fds[all->count++] = fd;
		} else {
			(void)close(fd);
			fits = false;
		}
	}
	return fits;
}

void close_descriptors(struct descriptors *descriptors)
{
	for (size_t i = 0; i < descriptors->count; i++)
		(void)close(descriptors->fds[i]);
	descriptors->count = 0;
}

ssize_t receive_descriptors(int socket_fd, uint8_t *ret_bytes, size_t size, size_t most, struct descriptors *ret_descriptors)
{
	/* Room is counted in whole words, so that a buffer for one descriptor takes two: their number is judged here, not by the room. */
	union { char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))]; struct cmsghdr align; } control;
	struct iovec iov = { .iov_base = ret_bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	ssize_t got = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	bool all_fit = true;

	ret_descriptors->count = 0;
	ret_descriptors->no_room = false;
	if (got < 0)
		return got;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			all_fit &= collect(c, ret_descriptors);
	/* Cut although the buffer had room: the kernel could not install them (scm_detach_fds()). */
	ret_descriptors->no_room = all_fit && (message.msg_flags & MSG_CTRUNC) != 0 && ret_descriptors->count < DESCRIPTORS_MAX;
	if (!all_fit || ret_descriptors->count > most || (message.msg_flags & MSG_CTRUNC) != 0)
		close_descriptors(ret_descriptors);
	if ((message.msg_flags & MSG_TRUNC) == 0)
		return got;
	close_descriptors(ret_descriptors);
	errno = EMSGSIZE;
	return -1;
}

bool send_descriptors(int socket_fd, struct span bytes, const int *fds, size_t count)
{
	union { char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))]; struct cmsghdr align; } control = { .bytes = {0} };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (count > DESCRIPTORS_MAX)
		return false;
	if (count > 0) {
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
