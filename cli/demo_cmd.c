// SPDX-License-Identifier: MIT
/* tcbind demo: the whole story on this machine; cli/demo/demo.sh tells it with the commands that everyone has. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"

/* The script of the tree that `self` stands in: where it was installed, else the source tree that it was built from. */
static bool find_script(const char *self_dir, char *ret_path, size_t capacity)
{
	if ((size_t)snprintf(ret_path, capacity, "%s/../libexec/tcbind/demo/demo.sh", self_dir) < capacity &&
	    access(ret_path, R_OK) == 0)
		return true;
	(void)snprintf(ret_path, capacity, "%s", DEMO_SCRIPT);
	return access(ret_path, R_OK) == 0;
}

static int demo(const struct command *command, int argc, char **argv)
{
	struct diagnosis d = {0};
	char self[PATH_MAX], copy[PATH_MAX], build[PATH_MAX + 4], script[PATH_MAX + 64];
	ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *dir;

	if (!arguments_parse(command, argc, argv, NULL))
		return EXIT_USAGE;
	self[size > 0 ? size : 0] = '\0';
	(void)snprintf(copy, sizeof copy, "%s", self);
	dir = dirname(copy);
	(void)snprintf(build, sizeof build, "%s/..", dir);
	if (find_script(dir, script, sizeof script) && setenv("BUILD", build, 1) == 0 && setenv("TCBIND_PROGRAM", self, 1) == 0)
		(void)execlp("bash", "bash", script, (char *)NULL);
	(void)diagnose_found(&d, TCB_PLATFORM, "demo.start", "bash, and the script that comes with this program",
			     "install bash; build and install tcbind again", "%s: %s", script, strerror(errno));
	return report_failure(TCB_PLATFORM, &d);
}

const struct command demo_commands[] = {
	{"demo", "shows the whole story on this machine", NULL, demo},
	{0},
};
