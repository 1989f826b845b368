// SPDX-License-Identifier: MIT
/* The control channel of a vTPM's front, on a vTPM without an enclave. The first byte says whether
 * the TPM runs and how many descriptors come with the first bytes; the rest is what a client sends
 * before it closes. Must reach: every handler of host/front_control.c. Property: the front answers
 * or ends the connection, and no descriptor stays open. */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/target.h"
#include "host/front.h"
#include "tests/descriptor_count.h"

enum { INPUT_MAX = 64 * 1024, RUNNING = 1, LOCALITY_4_REFUSED = 2, DATA_FIXED = 4, DESCRIPTORS_SHIFT = 4 };

/* The lowest descriptor that is free. */
static int next_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	if (fd >= 0)
		(void)close(fd);
	return fd;
}

static void serve(struct front *f, int peer)
{
	struct front_client *client = &f->clients[0];
	uint8_t answers[65536];

	while (client->fd >= 0 && front_control_serve(f, client)) {
		MUST_HOLD(client->received_fd < 0);
		while (recv(peer, answers, sizeof answers, MSG_DONTWAIT) > 0)
			;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t body[LIMIT_FRAME], answer[LIMIT_FRAME];
	static struct host_vtpm vtpm;
	struct front_options options = { .control_listener = -1, .data_listener = -1, .owner = -1 };
	struct front f = { .v = &vtpm, .options = &options, .data = { .fd = -1 }, .last_client = -1,
			   .body = body, .answer = answer };
	int pair[2], fds[16], before = next_descriptor();
	size_t count;

	if (size < 2 || size > INPUT_MAX ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return 0;
	count = data[0] >> DESCRIPTORS_SHIFT;
	for (size_t i = 0; i < count; i++)
		fds[i] = pair[1];
	f.running = (data[0] & RUNNING) != 0;
	options.reject_locality_4 = (data[0] & LOCALITY_4_REFUSED) != 0;
	options.data_fixed = (data[0] & DATA_FIXED) != 0;
	f.clients[0] = (struct front_client){ .fd = pair[0], .received_fd = -1 };
	MUST_HOLD(send_with_descriptors(pair[1], span_of(data + 1, size - 1), fds, count));
	(void)shutdown(pair[1], SHUT_WR);
	serve(&f, pair[1]);
	MUST_HOLD(f.clients[0].received_fd < 0);
	if (f.data.fd >= 0)
		(void)close(f.data.fd);
	if (f.last_client >= 0)
		(void)close(f.last_client);
	if (f.clients[0].fd >= 0)
		(void)close(f.clients[0].fd);
	(void)close(pair[1]);
	MUST_HOLD(next_descriptor() == before);
	return 0;
}
