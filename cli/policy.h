// SPDX-License-Identifier: MIT
/* The parts of `tcbind policy`, each with its arguments behind its name. They return exit statuses. */
#ifndef TCBIND_CLI_POLICY_H
#define TCBIND_CLI_POLICY_H

#include "cli/arguments.h"
#include "verify/appraise/reference.h"

/* FILE... -o POLICY [--allow-moves] */
int policy_from_evidence(const struct command *command, int argc, char **argv);
extern const struct argument policy_from_evidence_arguments[];

/* What the policy demands, in sentences, to standard output. */
void policy_explain(const struct policy *policy);

#endif
