#include "verify/lib/reference_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static enum tcb_error unreadable(const char *path, const char *why, struct diagnosis *d)
{
	return diagnose_found(d, TCB_PLATFORM, "file.read", "a file of reference values that can be read",
			      "check the policy's reference_values; their names start beside the policy", "%s: %s", path, why);
}

static enum tcb_error read_whole(const char *path, uint8_t *bytes, size_t capacity, size_t *ret_size, struct diagnosis *d)
{
	FILE *f = fopen(path, "re");
	size_t size;
	bool ok;

	if (f == NULL)
		return unreadable(path, strerror(errno), d);
	size = fread(bytes, 1, capacity, f);
	ok = ferror(f) == 0;
	(void)fclose(f);
	if (!ok || size == capacity)
		return unreadable(path, ok ? "larger than 4 MiB" : "cannot be read", d);
	*ret_size = size;
	return TCB_OK;
}

static enum tcb_error join(const char *policy_path, const char *name, char *ret_path, size_t capacity, struct diagnosis *d)
{
	const char *slash = strrchr(policy_path, '/');
	int directory = name[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - policy_path);

	return (size_t)snprintf(ret_path, capacity, "%.*s%s", directory, policy_path, name) < capacity
		       ? TCB_OK
		       : unreadable(name, "its path is too long", d);
}

enum tcb_error reference_files_load(const struct policy *policy, const char *policy_path, struct reference_values *ret_values,
				    struct diagnosis *d)
{
	const size_t capacity = LIMIT_REFERENCE_FILE + 1;
	uint8_t *bytes = policy->reference_count > 0 ? malloc(capacity) : NULL;
	enum tcb_error error = TCB_OK;
	char path[4096];
	size_t size = 0;

	reference_init(ret_values);
	if (policy->reference_count > 0 && bytes == NULL)
		return TCB_INTERNAL;
	for (size_t i = 0; i < policy->reference_count && error == TCB_OK; i++) {
		const struct policy_reference *source = &policy->reference_files[i];

		error = join(policy_path, source->file, path, sizeof path, d);
		if (error == TCB_OK)
			error = read_whole(path, bytes, capacity, &size, d);
		if (error == TCB_OK)
			error = reference_add(ret_values, source, span_of(bytes, size), d);
	}
	free(bytes);
	return error;
}
