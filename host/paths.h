// SPDX-License-Identifier: MIT
/* Where the programs and enclaves of this build stand: TCBIND_LIBEXEC, else beside the running program as installed
 * (../libexec/tcbind), else the build tree. */
#ifndef TCBIND_HOST_PATHS_H
#define TCBIND_HOST_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/* `name`: "tcbindd", "sgxsim", "acm.enclave", "pse.enclave", "mige.enclave", "vtpm.enclave". Code: path.program. */
enum tcb_error path_program(const char *name, char *ret_path, size_t capacity, struct diagnosis *d) MUST_USE;
/* The swtpm that stands in for a physical TPM: the first in PATH that is not the one of host/compat/. Code: path.swtpm. */
enum tcb_error path_real_swtpm(char *ret_path, size_t capacity, struct diagnosis *d) MUST_USE;
/* Whether the sockets of a platform at `dir`, an absolute path, have paths that bind() takes: those of its programs,
 * and with `with_vtpms` those of its vTPMs, which are longer. Code: path.long. */
enum tcb_error path_check_sockets(const char *dir, bool with_vtpms, struct diagnosis *d) MUST_USE;
/* DIR/name; code: path.long. */
enum tcb_error path_in(const char *dir, const char *name, char *ret_path, size_t capacity, struct diagnosis *d) MUST_USE;

#endif
