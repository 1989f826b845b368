// SPDX-License-Identifier: MIT
#include "host/compat/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* libvirt and the tools look for these words; their order and spacing are swtpm 0.7.1's. "tpm-1.2" is not among them. */
int report_capabilities(void)
{
	(void)puts("{ \"type\": \"swtpm\", \"features\": [ \"tpm-2.0\", \"tpm-send-command-header\", \"flags-opt-startup\", "
		   "\"cmdarg-seccomp\", \"cmdarg-key-fd\", \"cmdarg-pwd-fd\", \"cmdarg-print-states\", \"nvram-backend-dir\", "
		   "\"nvram-backend-file\", \"rsa-keysize-1024\", \"rsa-keysize-2048\", \"rsa-keysize-3072\" ], "
		   "\"version\": \"" SWTPM_VERSION "\" }");
	return EXIT_SUCCESS;
}

int report_states(const struct settings *s)
{
	const char *const files[] = { s->state_name, s->volatile_name };
	static const char *const names[] = { "permall", "volatilestate" };
	char path[PATH_MAX + 128];
	bool any = false;
	struct stat st;

	if (stat(s->state_dir, &st) != 0) {
		(void)fprintf(stderr, "swtpm: Could not access the TPM state directory %s: %s\n", s->state_dir, strerror(errno));
		return EXIT_FAILURE;
	}

	(void)fputs("{ \"type\": \"swtpm\", \"states\": [", stdout);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", s->state_dir, files[i]);
		if (stat(path, &st) != 0 || st.st_size == 0)
			continue;
		(void)printf("%s {\"name\": \"%s\", \"size\": %lld}", any ? "," : "", names[i], (long long)st.st_size);
		any = true;
	}
	(void)fputs(any ? " ] }" : "] }", stdout); /* no end of line, as swtpm has none here */
	return EXIT_SUCCESS;
}
