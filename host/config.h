// SPDX-License-Identifier: MIT
/* A platform's configuration, DIR/platform.json. */
#ifndef TCBIND_HOST_CONFIG_H
#define TCBIND_HOST_CONFIG_H

#include <limits.h>
#include <stddef.h>

#include "core/error.h"
#include "core/limits.h"

struct platform_config {
	char dir[PATH_MAX];               /* absolute */
	char name[LIMIT_NAME + 1];
	char listen[LIMIT_ADDRESS + 1];   /* HOST:PORT of the MigE */
	char ptpm[256];                   /* "swtpm", or a TCTI */
};

/* Code: platform.config. */
enum tcb_error config_read(const char *dir, struct platform_config *ret_config, struct diagnosis *d) MUST_USE;
enum tcb_error config_write(const struct platform_config *config, struct diagnosis *d) MUST_USE;
/* The TCTI by which the pTPM is reached: the setting, or that of the swtpm which stands in. */
enum tcb_error config_tcti(const struct platform_config *config, char *ret_tcti, size_t capacity, struct diagnosis *d) MUST_USE;

#endif
