// SPDX-License-Identifier: MIT
/* States that could not be put in their place when they were brought out of the log: it was not at hand (a user's directory, after a crash), or its disk was
 * full. In the platform's store, as aside.ID.TAG, until their vTPM is opened there again. */
#ifndef TCBIND_HOST_ASIDE_H
#define TCBIND_HOST_ASIDE_H

#include "host/place.h"

enum tcb_error aside_keep(const char *store_dir, const struct log_owner *owner, struct span sealed, struct diagnosis *d) MUST_USE;
bool aside_has(const char *store_dir, const struct uuid *id);
/* Brings it to its place, if there is one; `ret_sealed` is then replaced by it, and `ret_file` owns it (free()). */
enum tcb_error aside_take(struct place *p, const char *store_dir, struct span *ret_file, struct span *ret_sealed, struct diagnosis *d) MUST_USE;
/* The same of one that another place of this vTPM left, whose file may have been moved here: the one that `opens` says yes to. TCB_REFUSED: there is none. */
enum tcb_error aside_take_of_another(struct place *p, const char *store_dir, bool (*opens)(void *context, struct span sealed), void *context,
				     struct diagnosis *d) MUST_USE;

/* What is aside of this place is old: another state has come here. Of all places: that vTPM is wanted no more. */
void aside_drop(const struct place *p, const char *store_dir);
void aside_drop_of(const struct log_owner *owner, const char *store_dir);
void aside_drop_all(const char *store_dir, const struct uuid *id);

#endif
