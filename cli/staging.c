// SPDX-License-Identifier: MIT
/* A new directory gets its name only when everything in it is there. */
#include "cli/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum tcb_error failed(const char *path, struct diagnosis *d)
{
	return diagnose_found(d, TCB_PLATFORM, "file.write", "a directory that can be made there",
			      "check that its parent is there, who owns it, and the space on the disk", "%s: %s", path,
			      strerror(errno));
}

/* The target without its trailing slashes, absolute: its parent must be there. */
static enum tcb_error name_target(const char *target, struct staging *s, struct diagnosis *d)
{
	char copy[PATH_MAX], parent[PATH_MAX];
	const char *base;
	size_t size = strlen(target);

	while (size > 1 && target[size - 1] == '/')
		size--;
	if ((size_t)snprintf(copy, sizeof copy, "%.*s", (int)size, target) >= sizeof copy) {
		errno = ENAMETOOLONG;
		return failed(target, d);
	}
	base = strrchr(copy, '/') != NULL ? strrchr(copy, '/') + 1 : copy;
	if ((size_t)snprintf(s->target, sizeof s->target, "%s", base) >= sizeof s->target)
		return TCB_LIMIT;
	if (realpath(dirname(copy), parent) == NULL)
		return failed(target, d);
	(void)snprintf(copy, sizeof copy, "%s", s->target);
	if ((size_t)snprintf(s->target, sizeof s->target, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, copy) <
	    sizeof s->target)
		return TCB_OK;
	errno = ENAMETOOLONG;
	return failed(target, d);
}

/* SIGINT, SIGTERM and SIGHUP would leave half a directory, which may have keys in it. */
static void block_signals(sigset_t *ret_before)
{
	sigset_t ends;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &ends, ret_before);
}

enum tcb_error staging_begin(const char *target, const char *code_exists, struct staging *ret_s, struct diagnosis *d)
{
	struct staging s;
	struct stat st;

	TRY(name_target(target, &s, d));
	if (lstat(s.target, &st) == 0)
		return diagnose_found(d, TCB_PLATFORM, code_exists, "a name that is free", "name a new directory",
				      "%s, which is there", target);
	if ((size_t)snprintf(s.parent, sizeof s.parent, "%s.new-XXXXXX", s.target) >= sizeof s.parent) {
		errno = ENAMETOOLONG;
		return failed(target, d);
	}
	block_signals(&s.signals);
	if (mkdtemp(s.parent) == NULL) {
		(void)sigprocmask(SIG_SETMASK, &s.signals, NULL);
		return failed(target, d);
	}
	(void)snprintf(s.dir, sizeof s.dir, "%s/new", s.parent);
	*ret_s = s;
	return TCB_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static bool sync_parent(const struct staging *s)
{
	char copy[PATH_MAX];
	int fd;
	bool ok;

	(void)snprintf(copy, sizeof copy, "%s", s->target);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 && syncfs(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

enum tcb_error staging_end(struct staging *s, enum tcb_error error, struct diagnosis *d)
{
	if (error == TCB_OK && (renameat2(AT_FDCWD, s->dir, AT_FDCWD, s->target, RENAME_NOREPLACE) != 0 || !sync_parent(s)))
		error = failed(s->target, d);
	(void)nftw(s->parent, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)sigprocmask(SIG_SETMASK, &s->signals, NULL);
	return error;
}
