// SPDX-License-Identifier: MIT
/* The recovery of states that a crash left in the log, when the daemon starts again. */
#ifndef TCBIND_HOST_RECOVER_H
#define TCBIND_HOST_RECOVER_H

#include "host/daemon.h"

/* The place of the MigE's journal when it is not in the log. */
void recover_journal_place(const struct daemon *daemon, struct place *ret_place);

/* For log_open(), with a `const struct daemon *` whose directories are set. A state goes to its
 * place in the platform's directory, durably. The state of a user's directory is kept aside
 * (aside.h) until its vTPM is opened there. */
log_recover recover_state;

#endif
