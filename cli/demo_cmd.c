// SPDX-License-Identifier: MIT
/* tcbind demo: the whole story on this machine; cli/demo/demo.sh tells it with the commands that everyone has. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"

static int demo(const struct command *command, int argc, char **argv)
{
	struct diagnosis d = {0};
	char self[PATH_MAX], build[PATH_MAX + 4];
	ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);

	if (!arguments_parse(command, argc, argv, NULL))
		return EXIT_USAGE;
	self[size > 0 ? size : 0] = '\0';
	(void)snprintf(build, sizeof build, "%s/..", dirname(self));
	if (setenv("BUILD", build, 1) == 0)
		(void)execlp("bash", "bash", DEMO_SCRIPT, (char *)NULL);
	(void)diagnose_found(&d, TCB_PLATFORM, "demo.start", "bash and the source tree that this program was built from",
			     "run it from its build tree", "%s: %s", DEMO_SCRIPT, strerror(errno));
	return report_failure(TCB_PLATFORM, &d);
}

const struct command demo_commands[] = {
	{"demo", "shows the whole story on this machine", NULL, demo},
	{0},
};
