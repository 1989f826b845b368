// SPDX-License-Identifier: MIT
/* Recovery of states from the log (recover.h). */
#include "host/recover.h"

#include <unistd.h>

#include "host/aside.h"
#include "host/paths.h"
#include "host/uuid.h"

void recover_journal_place(const struct daemon *daemon, struct place *ret_place)
{
	*ret_place = (struct place){.state = "mige.journal"};
	memset(ret_place->id.bytes, 0xff, sizeof ret_place->id.bytes); /* no vTPM's */
	memcpy(ret_place->dir, daemon->store_dir, sizeof ret_place->dir);
}

/* Where the daemon itself knows the place: there. `*ret_put` false: its user knows it. */
static enum tcb_error put_in_place(const struct daemon *daemon, const struct log_owner *owner,
				   struct span sealed, bool *ret_put, struct diagnosis *d)
{
	char dir[PATH_MAX], text[UUID_TEXT_SIZE];
	struct place journal;

	recover_journal_place(daemon, &journal);
	*ret_put = true;
	if (memcmp(&owner->id, &journal.id, sizeof journal.id) == 0)
		return place_write(&journal, sealed, d);
	uuid_format(&owner->id, text);
	TRY(path_in(daemon->vtpm_dir, text, dir, sizeof dir, d));
	*ret_put = owner->place == 0 && access(dir, F_OK) == 0;
	return *ret_put ? store_put(dir, "state", sealed, d) : TCB_OK;
}

/* What the log has of a place is newer than what was put aside for it before: an older state that stayed
 * aside would be taken for the newest. */
enum tcb_error recover_state(void *context, const struct log_owner *owner, struct span sealed,
			     struct diagnosis *d)
{
	const struct daemon *daemon = context;
	bool put;

	TRY(put_in_place(daemon, owner, sealed, &put, d));
	if (!put)
		return aside_keep(daemon->store_dir, owner, sealed, d);
	aside_drop_of(owner, daemon->store_dir);
	return TCB_OK;
}
