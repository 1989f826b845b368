// SPDX-License-Identifier: MIT
#include "host/compat/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/compat/state_file.h"

/* libvirt and the tools look for these words, each of which holds; their order and spacing are swtpm's. Not among them:
 * "tpm-1.2", "cmdarg-profile" (there is one profile), "cmdarg-print-info", "tpmstate-dir-backend-opt-backup". */
int report_capabilities(void)
{
	(void)puts("{ \"type\": \"swtpm\", \"features\": [ \"tpm-2.0\", \"tpm-send-command-header\", \"flags-opt-startup\", "
		   "\"flags-opt-disable-auto-shutdown\", \"ctrl-opt-terminate\", \"cmdarg-seccomp\", \"cmdarg-key-fd\", "
		   "\"cmdarg-pwd-fd\", \"cmdarg-print-states\", \"cmdarg-chroot\", \"cmdarg-migration\", \"nvram-backend-dir\", "
		   "\"nvram-backend-file\", \"rsa-keysize-1024\", \"rsa-keysize-2048\", \"rsa-keysize-3072\", "
		   "\"cmdarg-print-profiles\", \"tpmstate-opt-lock\", \"tpmstate-dir-backend-opt-fsync\" ], "
		   "\"version\": \"" SWTPM_VERSION "\" }");
	return EXIT_SUCCESS;
}

int report_profiles(void)
{
	(void)puts("{ \"AvailableProfiles\": [ { \"Name\": \"null\", \"Description\": \"All algorithms and commands of libtpms\" } ] }");
	return EXIT_SUCCESS;
}

int report_states(const struct settings *s)
{
	static const char *const names[] = { "permall", "volatilestate" };
	struct state_sizes sizes;
	bool any = false;

	if (!state_file_sizes(s, &sizes)) {
		(void)fprintf(stderr, "swtpm: Could not access the TPM state directory %s: %s\n", s->state_dir, strerror(errno));
		return EXIT_FAILURE;
	}
	(void)fputs("{ \"type\": \"swtpm\", \"states\": [", stdout);
	for (size_t i = 0; i < 2; i++) {
		size_t size = i == 0 ? sizes.permanent : sizes.volatile_state;

		if (size == 0)
			continue;
		(void)printf("%s {\"name\": \"%s\", \"size\": %zu}", any ? "," : "", names[i], size);
		any = true;
	}
	(void)fputs(any ? " ] }" : "] }", stdout); /* no end of line, as swtpm has none here */
	return EXIT_SUCCESS;
}
