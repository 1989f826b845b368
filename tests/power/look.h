// SPDX-License-Identifier: MIT
/* What a program makes of the files that a power cut left: ours.c for tcbind, theirs.c for swtpm.
 */
#ifndef TCBIND_TESTS_POWER_LOOK_H
#define TCBIND_TESTS_POWER_LOOK_H

#include "tests/power/history.h"

/* What was found of one vTPM. */
struct finding {
	unsigned opens;       /* states that open, in whatever phase */
	unsigned acts;        /* of these: states with which it may act here */
	unsigned least, most; /* numbers in the states that open */
	bool torn;            /* a file stands under a state's name, and nothing reads it */
	char why[160];        /* why the last state did not open */
};

struct looker {
	const char *const *parts; /* of the tree, that the program writes; ends with NULL */
	/* Reads what concerns all vTPMs. False: the program does not start; `ret_why` says why. */
	bool (*begin)(const char *image, char ret_why[160]);
	void (*look)(const char *image, const struct expected *e, struct finding *ret);
	void (*end)(void);
};

/* Of the platform `platform`, a directory whose processor made the seals. The platform is "A" in
 * the tree. NULL: only `parts` are needed. */
const struct looker *look_ours(const char *platform, const char *build);
const struct looker *look_theirs(void);

#endif
