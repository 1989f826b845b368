/* SPDX-License-Identifier: MIT */
/* What `tcbind explain` knows: a table for each area of the tree. Checks of the verifier have
 * theirs in verify/appraise/codes.c.
 *
 *   cli.c      commands, QMP, policies and files that a person names
 *   enclave.c  PSE, MigE, vTPM and what they share
 *   host.c     tcbindd, the platform's start and its store
 *   sgxsim.c   the simulated processor, its ACM and its PKI
 *   swtpm.c    the programs that stand in for swtpm, and its state files
 *   verify.c   files that a verifier reads
 *
 * The test verify/codes finds every code in the sources: a code without a row fails it, and so does
 * a row without a code. */
#ifndef TCBIND_CLI_EXPLAIN_EXPLAIN_H
#define TCBIND_CLI_EXPLAIN_EXPLAIN_H

#include "verify/appraise/codes.h"

/* The rows of one area, sorted by code; the last row has no code. */
extern const struct code_explanation explain_cli[], explain_enclave[], explain_host[],
    explain_sgxsim[], explain_swtpm[], explain_verify[];

#endif
