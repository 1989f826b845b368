// SPDX-License-Identifier: MIT
#include "host/compat/user.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The first line that the program writes, without its end. */
static bool ask(char *const argv[], char *ret_line, size_t capacity)
{
	int fds[2], status = 1;
	FILE *output;
	pid_t pid;
	bool ok;

	if (pipe(fds) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)close_range(3, ~0u, 0);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	(void)close(fds[1]);
	output = fdopen(fds[0], "r");
	ok = output != NULL && fgets(ret_line, (int)capacity, output) != NULL;
	if (output != NULL)
		(void)fclose(output);
	ok = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && ok;
	if (ok)
		ret_line[strcspn(ret_line, "\n")] = '\0';
	return ok;
}

/* name:password:uid:gid:description:home:shell */
bool user_find(const char *name, struct user *ret)
{
	char *const argv[] = { (char *)"/usr/bin/getent", (char *)"--", (char *)"passwd", (char *)(uintptr_t)name, NULL };
	char line[PATH_MAX + 1024], *rest = line, *fields[7];

	if (*name == '\0' || !ask(argv, line, sizeof line))
		return false;
	for (int i = 0; i < 7; i++)
		if ((fields[i] = strsep(&rest, ":")) == NULL)
			return false;
	*ret = (struct user){ .uid = (uid_t)strtoul(fields[2], NULL, 10), .gid = (gid_t)strtoul(fields[3], NULL, 10) };
	return (size_t)snprintf(ret->name, sizeof ret->name, "%s", fields[0]) < sizeof ret->name &&
	       (size_t)snprintf(ret->home, sizeof ret->home, "%s", fields[5]) < sizeof ret->home;
}

static bool find_groups(const char *name, struct runas *ret)
{
	char *const argv[] = { (char *)"/usr/bin/id", (char *)"-G", (char *)"--", (char *)(uintptr_t)name, NULL };
	char line[8192], *rest = line, *word;

	if (!ask(argv, line, sizeof line))
		return false;
	while ((word = strsep(&rest, " ")) != NULL && ret->group_count < USER_GROUPS_MAX)
		ret->groups[ret->group_count++] = (gid_t)strtoul(word, NULL, 10);
	return word == NULL;
}

bool user_find_runas(const char *program, const char *name, struct runas *ret)
{
	*ret = (struct runas){0};
	if (user_find(name, &ret->user) && find_groups(ret->user.name, ret))
		return true;
	(void)fprintf(stderr, "%s: Error: User '%s' does not exist.\n", program, name);
	return false;
}

bool user_become(const char *program, const struct runas *who)
{
	if (setgroups(who->group_count, who->groups) == 0 && setgid(who->user.gid) == 0 && setuid(who->user.uid) == 0)
		return true;
	(void)fprintf(stderr, "%s: Could not change to user %s: %s\n", program, who->user.name, strerror(errno));
	return false;
}
