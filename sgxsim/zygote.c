// SPDX-License-Identifier: MIT
#include "sgxsim/zygote.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/descriptors.h"

/* ---- images ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void end_zygote(struct image *image)
{
	if (image->zygote == 0)
		return;
	(void)close(image->zygote_fd);
	(void)kill(image->zygote, SIGKILL);
	(void)waitpid(image->zygote, NULL, 0);
	image->zygote = 0;
}

enum tcb_error image_load(struct image *image, const char *path, struct diagnosis *d)
{
	struct image new = {0};
	char signature[4200];

	(void)snprintf(signature, sizeof signature, "%s.sig", path);
	/* Looked at before it is read: what is changed meanwhile looks different the next time. */
	if (strlen(path) < sizeof new.path && stat(path, &new.seen) == 0 && stat(signature, &new.signature_seen) == 0) {
		if (strcmp(image->path, path) == 0 && same_file(&image->seen, &new.seen) &&
		    same_file(&image->signature_seen, &new.signature_seen))
			return TCB_OK;
		memcpy(new.path, path, strlen(path) + 1);
	}
	TRY(enclave_load(path, &new.identity, &new.memfd, d));
	if (image->path[0] != '\0') {
		end_zygote(image); /* its enclaves live on */
		(void)close(image->memfd);
	}
	*image = new;
	return TCB_OK;
}

/* ---- launch ---- */

static enum tcb_error failed(struct image *image, struct diagnosis *d)
{
	end_zygote(image);
	return diagnose(d, TCB_PLATFORM, "sgx.launch", "a zygote that does not answer", "an enclave process", "look at the machine's limits");
}

static bool has_ended(const struct image *image)
{
	char byte;

	return recv(image->zygote_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static enum tcb_error start_zygote(struct image *image, struct diagnosis *d)
{
	const struct timeval patience = { .tv_sec = 5 };

	if (image->zygote != 0 && has_ended(image)) /* killed, when nobody asked it for anything */
		end_zygote(image);
	if (image->zygote != 0)
		return TCB_OK;
	TRY(enclave_start_zygote(image->memfd, &image->zygote, &image->zygote_fd, d));
	(void)setsockopt(image->zygote_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return TCB_OK;
}

enum tcb_error image_start(struct image *image, struct enclave *ret_enclave, struct diagnosis *d)
{
	static const uint8_t request[1] = { 1 };
	struct enclave e = { .identity = image->identity };
	int theirs[2];
	int32_t pid = 0;

	if (image->identity.isv_prod_id != ROLE_VTPM)
		return enclave_start(image->memfd, &image->identity, ret_enclave, d); /* one a platform */
	TRY(start_zygote(image, d));
	TRY(enclave_channels(&e, theirs, d));
	if (!send_descriptors(image->zygote_fd, SPAN_OF(request), theirs, 2) || recv(image->zygote_fd, &pid, sizeof pid, 0) != sizeof pid || pid <= 0) {
		(void)close(e.stream_fd);
		(void)close(e.instruction_fd);
		pid = 0;
	}
	(void)close(theirs[0]);
	(void)close(theirs[1]);
	if (pid == 0)
		return failed(image, d);
	e.pid = pid;
	*ret_enclave = e;
	return TCB_OK;
}
