// SPDX-License-Identifier: MIT
/* The parts of `tcbind policy`, each with its arguments behind its name. They return exit statuses. */
#ifndef TCBIND_CLI_POLICY_H
#define TCBIND_CLI_POLICY_H

#include "verify/appraise/reference.h"

/* FILE... -o POLICY [--allow-moves] */
int policy_from_evidence(int argc, char **argv);

/* What the policy demands, in sentences, to standard output. */
void policy_explain(const struct policy *policy);

#endif
