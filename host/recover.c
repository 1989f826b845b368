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

enum tcb_error recover_state(void *context, const struct log_owner *owner, struct span sealed,
			     struct diagnosis *d)
{
	const struct daemon *daemon = context;
	char dir[PATH_MAX], text[UUID_TEXT_SIZE];
	struct place journal;

	recover_journal_place(daemon, &journal);
	if (memcmp(&owner->id, &journal.id, sizeof journal.id) == 0)
		return place_write(&journal, sealed, d);
	uuid_format(&owner->id, text);
	TRY(path_in(daemon->vtpm_dir, text, dir, sizeof dir, d));
	return owner->place == 0 && access(dir, F_OK) == 0
		   ? store_put(dir, "state", sealed, d)
		   : aside_keep(daemon->store_dir, owner, sealed, d);
}
