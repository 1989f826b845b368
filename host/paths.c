// SPDX-License-Identifier: MIT
#include "host/paths.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Where the build tree has them, from a program's own folder (build/cli, build/host). */
static const struct { const char *name, *in_build; } programs[] = {
	{"tcbind", "../cli"},
	{"tcbindd", "../host"},
	{"sgxsim", "../sgxsim"},
	{"acm.enclave", "../sgxsim"},
	{"pse.enclave", "../enclave/pse"},
	{"mige.enclave", "../enclave/mige"},
	{"vtpm.enclave", "../enclave/vtpm"},
};

static bool try_path(char *ret_path, size_t capacity, const char *dir, const char *sub, const char *name)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof path, "%s/%s/%s", dir, sub, name) >= sizeof path || realpath(path, real) == NULL ||
	    stat(real, &st) != 0 || !S_ISREG(st.st_mode) || access(real, X_OK) != 0 || strlen(real) >= capacity)
		return false;
	memcpy(ret_path, real, strlen(real) + 1);
	return true;
}

enum tcb_error path_program(const char *name, char *ret_path, size_t capacity, struct diagnosis *d)
{
	const char *libexec = getenv("TCBIND_LIBEXEC");
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *dir;

	if (libexec != NULL && try_path(ret_path, capacity, libexec, ".", name))
		return TCB_OK;
	self[size > 0 ? size : 0] = '\0';
	dir = dirname(self);
	if (libexec == NULL && (try_path(ret_path, capacity, dir, "../libexec/tcbind", name) ||
				try_path(ret_path, capacity, dir, ".", name) ||
				try_path(ret_path, capacity, dir, "..", name) ||
				try_path(ret_path, capacity, dir, "../../../bin", name)))
		return TCB_OK;
	for (size_t i = 0; libexec == NULL && i < sizeof programs / sizeof programs[0]; i++) {
		char below[64]; /* from host/compat/, one folder deeper */

		(void)snprintf(below, sizeof below, "../%s", programs[i].in_build);
		if (strcmp(programs[i].name, name) == 0 && (try_path(ret_path, capacity, dir, programs[i].in_build, name) ||
							     try_path(ret_path, capacity, dir, below, name)))
			return TCB_OK;
	}
	return diagnose_found(d, TCB_PLATFORM, "path.program", "the programs of one build together",
			      "build it, or set TCBIND_LIBEXEC to where it is installed", "no %s beside %s", name, dir);
}

/* Installed or built, ours stands in a folder of this name. */
static bool is_our_swtpm(const char *path)
{
	char real[PATH_MAX];

	return realpath(path, real) == NULL || strstr(real, "/swtpm-compat/") != NULL || strstr(real, "/host/compat/") != NULL;
}

enum tcb_error path_real_swtpm(char *ret_path, size_t capacity, struct diagnosis *d)
{
	static const char *const standard = "/usr/local/bin:/usr/bin:/bin";
	const char *path = getenv("PATH");

	for (int pass = 0; pass < 2; pass++, path = standard) {
		while (path != NULL && *path != '\0') {
			size_t size = strcspn(path, ":");

			if ((size_t)snprintf(ret_path, capacity, "%.*s/swtpm", (int)size, path) < capacity &&
			    access(ret_path, X_OK) == 0 && !is_our_swtpm(ret_path))
				return TCB_OK;
			path += size + (path[size] == ':');
		}
	}
	return diagnose(d, TCB_PLATFORM, "path.swtpm", "no swtpm that could stand in for a physical TPM", "Debian's package swtpm",
			"install swtpm, or name a physical TPM with --ptpm");
}

enum tcb_error path_in(const char *dir, const char *name, char *ret_path, size_t capacity, struct diagnosis *d)
{
	if ((size_t)snprintf(ret_path, capacity, "%s/%s", dir, name) < capacity)
		return TCB_OK;
	return diagnose_found(d, TCB_LIMIT, "path.long", "a shorter path (unix sockets take 107 bytes)",
			      "use a shorter platform directory", "%s/%s", dir, name);
}

enum tcb_error path_check_sockets(const char *dir, bool with_vtpms, struct diagnosis *d)
{
	static const char longest[] = "run/registrar.sock", of_vtpm[] = "vtpm/00000000-0000-0000-0000-000000000000/ctrl.sock";
	const size_t name_size = with_vtpms ? sizeof of_vtpm : sizeof longest; /* with the slash before it */
	const size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1 - name_size;

	if (strlen(dir) <= max)
		return TCB_OK;
	return diagnose_found(d, TCB_LIMIT, "path.long", "a shorter path, since the paths of unix sockets have at most 107 bytes",
			      "name a directory with a shorter path", "%zu bytes, at most %zu fit: %.150s", strlen(dir), max, dir);
}
