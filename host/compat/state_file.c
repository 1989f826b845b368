// SPDX-License-Identifier: MIT
/* Fed by: the command line of its user, and the state that is there. */
#include "host/compat/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/in_place.h"
#include "host/swtpm_file.h"

static bool open_file(const struct settings *s, int dir_fd, int *ret_fd)
{
	struct stat st;
	int fd = openat(dir_fd, s->state_name, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			s->state_mode);

	if (fd >= 0 && (fstat(fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))) {
		(void)close(fd);
		errno = EINVAL;
		return false;
	}
	*ret_fd = fd;
	return fd >= 0;
}

bool state_file_open(const struct settings *s, int *ret_dir_fd, int *ret_file_fd,
		     char ret_path[PATH_MAX + 128])
{
	struct stat st;

	(void)snprintf(ret_path, PATH_MAX + 128, "%s", s->state_dir);
	*ret_file_fd = -1;
	*ret_dir_fd = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir_fd < 0) {
		if (stat(s->state_dir, &st) != 0)
			errno = ENOENT;
		return false;
	}
	if (!s->state_is_file)
		return faccessat(*ret_dir_fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0;
	(void)snprintf(ret_path, PATH_MAX + 128, "%s/%s", s->state_dir, s->state_name);
	return open_file(s, *ret_dir_fd, ret_file_fd);
}

/* ---- what is there ---- */

static size_t size_of(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, 0) == 0 ? (size_t)st.st_size : 0;
}

static bool look_into_file(const struct settings *s, int dir_fd, struct state_sizes *ret_sizes)
{
	int fd = openat(dir_fd, s->state_name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct span bytes, permanent, volatile_state;
	bool ok;

	if (fd < 0)
		return errno == ENOENT;
	ok = in_place_read(fd, &bytes, NULL) == TCB_OK;
	(void)close(fd);
	if (!ok)
		return false;
	swtpm_file_split(bytes, &permanent, &volatile_state);
	*ret_sizes = (struct state_sizes){permanent.size, volatile_state.size};
	free((void *)(uintptr_t)bytes.data);
	return true;
}

bool state_file_sizes(const struct settings *s, struct state_sizes *ret_sizes)
{
	int dir_fd = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = dir_fd >= 0;

	*ret_sizes = (struct state_sizes){0};
	if (ok && s->state_is_file)
		ok = look_into_file(s, dir_fd, ret_sizes);
	else if (ok)
		*ret_sizes = (struct state_sizes){size_of(dir_fd, s->state_name),
						  size_of(dir_fd, s->volatile_name)};
	if (dir_fd >= 0)
		(void)close(dir_fd);
	return ok;
}
