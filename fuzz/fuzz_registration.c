// SPDX-License-Identifier: MIT
/* A registration (host/registration.h). The first byte is the number of descriptors that come with
 * it, the rest is the message. Must reach: every member. Properties: what is accepted can be used as
 * it stands, and after registration_end() no descriptor is open, whatever came. */
#include <string.h>
#include <unistd.h>

#include "edge/vtpm.h"
#include "fuzz/target.h"
#include "host/registration.h"

/* The lowest descriptor that is free. */
static int next_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	if (fd >= 0)
		(void)close(fd);
	return fd;
}

static void check_name(const char *name)
{
	MUST_HOLD(memchr(name, 0, REGISTRATION_NAME_MAX) != NULL);
	MUST_HOLD(name[0] != 0 && strchr(name, '/') == NULL && strcmp(name, "..") != 0);
}

static void check_key(const struct swtpm_key *key)
{
	MUST_HOLD(key->size == 0 || key->size == 16 || key->size == 32);
}

static void check_accepted(const struct registration *r)
{
	MUST_HOLD(r->fds[FD_STATE_DIR] >= 0);
	for (size_t i = 0; i < REGISTRATION_FD_NAMES; i++)
		for (size_t k = 0; k < i; k++)
			MUST_HOLD(r->fds[i] < 0 || r->fds[i] != r->fds[k]);
	check_name(r->state);
	check_name(r->volatile_state);
	check_key(&r->file_key);
	check_key(&r->migration_key);
	MUST_HOLD(r->mode <= 0777 && r->startup >= -1 && r->startup <= 1);
	MUST_HOLD(r->keys < 1u << KEY_COUNT && r->pcr_banks <= BANKS_ALL);
	MUST_HOLD(memchr(r->later, 0, sizeof r->later) != NULL);
	MUST_HOLD(r->creates || (r->keys == 0 && r->pcr_banks == 0 && r->later[0] == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before = next_descriptor();
	struct descriptors came = {0};
	struct registration r;
	struct diagnosis d = {0};
	size_t count;

	if (size < 1 || size > REGISTRATION_MAX)
		return 0;
	count = data[0] % (DESCRIPTORS_MAX + 1);
	while (came.count < count)
		came.fds[came.count++] = dup(STDIN_FILENO);
	if (registration_read(span_of(data + 1, size - 1), &came, &r, &d) == TCB_OK) {
		MUST_HOLD(d.code[0] == 0);
		check_accepted(&r);
	} else {
		MUST_HOLD(strcmp(d.code, "registrar.message") == 0 || strcmp(d.code, "registrar.key") == 0);
	}
	MUST_HOLD(came.count == 0);
	if (registration_has_channel(&r))
		for (int i = FD_CONTROL_LISTENER; i < REGISTRATION_FD_NAMES; i += 2) {
			int fd = registration_take(&r, (enum registration_fd)i);

			if (fd >= 0)
				(void)close(fd);
		}
	registration_end(&r);
	MUST_HOLD(next_descriptor() == before);
	return 0;
}
