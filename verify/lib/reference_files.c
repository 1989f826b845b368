// SPDX-License-Identifier: MIT
#include "verify/lib/reference_files.h"

#include <stdio.h>
#include <stdlib.h>

#include "verify/lib/files.h"
#include "verify/lib/internal.h"

static enum tcb_error join(const char *policy_path, const char *name, char *ret_path, size_t capacity, struct diagnosis *d)
{
	const char *slash = strrchr(policy_path, '/');
	int directory = name[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - policy_path);

	return (size_t)snprintf(ret_path, capacity, "%.*s%s", directory, policy_path, name) < capacity
		       ? TCB_OK
		       : diagnose(d, TCB_PLATFORM, "file.read", name, "a path of a few thousand bytes at most", "move the policy");
}

static enum tcb_error load_one(const struct policy_reference *source, const char *policy_path, struct reference_values *values,
			       struct diagnosis *d)
{
	uint8_t *bytes = NULL;
	enum tcb_error error;
	char path[4096];
	size_t size = 0;

	TRY(join(policy_path, source->file, path, sizeof path, d));
	TRY(files_read(path, LIMIT_REFERENCE_FILE, false, &bytes, &size, d));
	error = reference_add(values, source, span_of(bytes, size), d);
	free(bytes);
	return error;
}

enum tcb_error reference_files_load(const struct policy *policy, const char *policy_path, struct reference_values *ret_values,
				    struct diagnosis *d)
{
	reference_init(ret_values);
	for (size_t i = 0; i < policy->reference_count; i++)
		TRY(load_one(&policy->reference_files[i], policy_path, ret_values, d));
	return TCB_OK;
}
