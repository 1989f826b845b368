#include "host/compat/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool user_become(const char *program, const char *name)
{
	const struct passwd *user = getpwnam(name);
	char *end;
	uid_t id = (uid_t)strtoul(name, &end, 10);

	if (user == NULL && *name != '\0' && *end == '\0')
		user = getpwuid(id);
	if (user == NULL) {
		(void)fprintf(stderr, "%s: Error: User '%s' does not exist.\n", program, name);
		return false;
	}
	if (initgroups(user->pw_name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0)
		return true;
	(void)fprintf(stderr, "%s: Could not change to user %s: %s\n", program, name, strerror(errno));
	return false;
}
