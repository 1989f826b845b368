// SPDX-License-Identifier: MIT
/* The processor's end of a zygote (enclave/tee/sim/zygote.h): one a measured image, which is executed from the same sealed memfd as any enclave. */
#ifndef TCBIND_SGXSIM_ZYGOTE_H
#define TCBIND_SGXSIM_ZYGOTE_H

#include "sgxsim/launch.h"

/* An image that was loaded and judged, kept for the next launch. Memory and descriptors are owned. */
struct image {
	char path[4096]; /* empty: none */
	struct stat seen, signature_seen;
	struct enclave_identity identity;
	int memfd;
	pid_t zygote; /* 0: none */
	int zygote_fd;
};

/* The image at `path`: loaded and judged where it is another file, or another content, than the one that `image` holds. */
enum tcb_error image_load(struct image *image, const char *path, struct diagnosis *d) MUST_USE;
/* An enclave of it: by its zygote where images of its role have one, else by executing it. */
enum tcb_error image_start(struct image *image, struct enclave *ret_enclave, struct diagnosis *d) MUST_USE;

#endif
