// SPDX-License-Identifier: MIT
/* What a client asked for and was told, by the marks in a trace. Each vTPM has a letter. Its NV
 * index holds a text with that letter and a number, which counts up. ask create A DIR    told
 * create A ask write A N       told write A N       told read A N ask move A DIR      told move A
 *   ask delete A        told delete A */
#ifndef TCBIND_TESTS_POWER_HISTORY_H
#define TCBIND_TESTS_POWER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/power/trace.h"

#define VALUE_PREFIX "power-" /* then the letter, "-", and eight digits */
enum { VALUE_SIZE = 16, VTPMS = 8, DIR_SIZE = 128 };

enum stage { NOT_THERE = 0, IN_CREATION, THERE, IN_MOVE, IN_DELETION, DELETED };

/* What must be found of a vTPM after a cut. */
struct expected {
	char name;
	enum stage stage;
	char dir[DIR_SIZE], other[DIR_SIZE]; /* below the root; `other`: where it moves to */
	unsigned low, high; /* the number that was acknowledged last; that was asked for last */
};

struct history {
	struct expected vtpms[VTPMS];
	size_t count;
};

/* Takes one mark in. Ends the program at one that it does not know. */
void history_note(struct history *h, const char *mark, size_t size);
/* The vTPM must be there. */
bool is_required(const struct expected *e);
/* The number in a value of this vTPM; false: it is none. */
bool value_read(const uint8_t *value, char *ret_name, unsigned *ret_number);

#endif
