// SPDX-License-Identifier: MIT
/* Users of this machine, asked of its own tools: swtpm is linked without what would find them in every directory service. */
#ifndef TCBIND_HOST_COMPAT_USER_H
#define TCBIND_HOST_COMPAT_USER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct user {
	char name[256], home[PATH_MAX];
	uid_t uid;
	gid_t gid;
};

/* By name or number. False: there is none. */
bool user_find(const char *name, struct user *ret);

#define USER_GROUPS_MAX 1024

/* Whom --runas names. */
struct runas {
	struct user user;
	size_t group_count;
	gid_t groups[USER_GROUPS_MAX];
};

/* By name or number, before a chroot. False: said why on stderr, as `program`. */
bool user_find_runas(const char *program, const char *name, struct runas *ret);
/* This process becomes that user, with its groups. False: said why. */
bool user_become(const char *program, const struct runas *who);

#endif
