// SPDX-License-Identifier: MIT
/* Measured launch: an enclave's image is read once into a sealed memfd, judged there, and that very memfd is run. */
#ifndef TCBIND_SGXSIM_LAUNCH_H
#define TCBIND_SGXSIM_LAUNCH_H

#include <sys/stat.h>
#include <sys/types.h>

#include "core/error.h"
#include "core/ids.h"

/* A running enclave, as the processor holds it. Descriptors are owned. */
struct enclave {
	struct enclave_identity identity;
	pid_t pid;
	int instruction_fd; /* our end of its instruction channel (seqpacket) */
	int stream_fd;      /* the host's end of its stream */
};

/* Loads PATH and PATH.sig into `ret_memfd` and judges them; the caller owns the memfd. */
enum tcb_error enclave_load(const char *path, struct enclave_identity *ret_identity, int *ret_memfd,
			    struct diagnosis *d) MUST_USE;
/* Runs a judged image: empty environment, two descriptors, killed with its parent. */
enum tcb_error enclave_start(int memfd, const struct enclave_identity *identity, struct enclave *ret_enclave,
			     struct diagnosis *d) MUST_USE;
/* Runs a judged image as a zygote: one descriptor, the other end of `ret_fd`. */
enum tcb_error enclave_start_zygote(int memfd, pid_t *ret_pid, int *ret_fd, struct diagnosis *d) MUST_USE;
/* An enclave's two channels: our ends in `e`, its own in `ret_theirs` (stream, instructions). */
enum tcb_error enclave_channels(struct enclave *e, int ret_theirs[2], struct diagnosis *d) MUST_USE;

#endif
