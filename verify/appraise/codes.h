// SPDX-License-Identifier: MIT
/* Every check's code: what a failure means, and what to do. `tcbind explain` prints it; a test fails on a code without a row. */
#ifndef TCBIND_VERIFY_APPRAISE_CODES_H
#define TCBIND_VERIFY_APPRAISE_CODES_H

#include <stddef.h>

struct code_explanation {
	const char *code;
	const char *meaning;
	const char *action;
};

extern const struct code_explanation code_explanations[];
extern const size_t code_explanation_count;

/* NULL: no check has this code. */
const struct code_explanation *code_explain(const char *code);

#endif
