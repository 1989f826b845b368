// SPDX-License-Identifier: MIT
/* A platform's configuration, DIR/platform.json. */
#ifndef TCBIND_HOST_CONFIG_H
#define TCBIND_HOST_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/limits.h"
#include "core/span.h"

#define PEERS_MAX 64

struct platform_config {
	char dir[PATH_MAX];               /* absolute */
	char name[LIMIT_NAME + 1];
	char listen[LIMIT_ADDRESS + 1];   /* HOST:PORT of the MigE */
	char ptpm[256];                   /* "swtpm", or a TCTI */
	bool has_peers;                   /* `peers` is there: connections go only to these */
	size_t peer_count;
	char peers[PEERS_MAX][LIMIT_ADDRESS + 1]; /* HOST:PORT, as they stand in blobs */
};

/* What the members must be, wherever they come from: a name that evidence can carry, an address of the right form, a
 * TCTI that fits. Codes: platform.name, address.form, platform.ptpm. */
enum tcb_error config_check(const struct platform_config *config, struct diagnosis *d) MUST_USE;
/* Whether tpm2-tss has the TCTI's module, and a `device:` is there. Nothing is connected to. Code: platform.ptpm. */
enum tcb_error config_check_tcti(const struct platform_config *config, struct diagnosis *d) MUST_USE;
/* The configuration of the platform at `dir`. Codes: platform.config (no platform, or a file that does not decode),
 * platform.permission (another user's), and those of config_check(). */
enum tcb_error config_read(const char *dir, struct platform_config *ret_config, struct diagnosis *d) MUST_USE;
/* Whether the platform may connect to that address for a hand-over. Code: agent.peer. */
enum tcb_error config_check_peer(const struct platform_config *config, struct span address, struct diagnosis *d) MUST_USE;
/* Writes platform.json into `dir`. Codes: platform.config, and those of config_check(). */
enum tcb_error config_write(const char *dir, const struct platform_config *config, struct diagnosis *d) MUST_USE;
/* The TCTI by which the pTPM is reached: the setting, or that of the swtpm which stands in. */
enum tcb_error config_tcti(const struct platform_config *config, char *ret_tcti, size_t capacity, struct diagnosis *d) MUST_USE;

#endif
