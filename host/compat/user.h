/* Users of this machine, asked of its own tools: swtpm is linked without what would find them in every directory service. */
#ifndef TCBIND_HOST_COMPAT_USER_H
#define TCBIND_HOST_COMPAT_USER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct user {
	char name[256], home[PATH_MAX];
	uid_t uid;
	gid_t gid;
};

/* By name or number. False: there is none. */
bool user_find(const char *name, struct user *ret);

/* --runas: this process becomes that user (name or number), with its groups. False: said why on stderr, as `program`. */
bool user_become(const char *program, const char *name);

#endif
