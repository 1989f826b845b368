// SPDX-License-Identifier: MIT
/* The place that --tpmstate names, as swtpm and swtpm_setup find it on the disk. */
#ifndef TCBIND_HOST_COMPAT_STATE_FILE_H
#define TCBIND_HOST_COMPAT_STATE_FILE_H

#include "host/compat/settings.h"

/* The states that are there; 0: none of that kind. */
struct state_sizes {
	size_t permanent, volatile_state;
};

/* Opens the directory and, with file://, the file or device in it (else -1), which is made if it is
 * not there. The caller closes both. False: errno says why, `ret_path` what could not be opened. */
bool state_file_open(const struct settings *s, int *ret_dir_fd, int *ret_file_fd,
		     char ret_path[PATH_MAX + 128]);
/* Looks, and makes nothing. False: errno says why the place cannot be read. */
bool state_file_sizes(const struct settings *s, struct state_sizes *ret_sizes);

#endif
