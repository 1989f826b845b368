// SPDX-License-Identifier: MIT
/* Which directories of users have a vTPM of this platform: DIR/places/UUID says where it was when it was made, opened
 * or ended last. Nobody tells the platform when such a
 * directory is deleted; whoever asks sees here which are gone, and may have the platform forget their vTPMs. */
#ifndef TCBIND_HOST_DIRECTORIES_H
#define TCBIND_HOST_DIRECTORIES_H

#include <jansson.h>

#include "host/daemon.h"

/* The place's vTPM (place->id) is there; its newest sealed state has this digest. What cannot be noted is not: then
 * the vTPM is never said to be gone, and its directory gets a new TPM if a crash leaves it empty. */
void directories_note(const struct daemon *daemon, const struct place *place, const struct digest256 *newest);
/* vTPMs of this platform that were in this place when they were noted last, and are open nowhere else: the place
 * should have the state of one of them. `*ret_lost`: the place is on another device than one of them was, or has some
 * of their files still, so that the state was not removed on purpose. Returns how many. */
#define DIRECTORIES_FOUND_MAX 16
size_t directories_find(struct daemon *daemon, const struct place *place, struct uuid ret_ids[DIRECTORIES_FOUND_MAX], bool *ret_lost);
bool directories_know(const struct daemon *daemon, const struct uuid *id);
void directories_forget(const struct daemon *daemon, const struct uuid *id);

/* An array of {"id", "directory"}, the caller's: vTPMs that nobody has open, of directories that are no longer there, or that have no state of theirs any
 * more. A directory is gone where the file system on which it was is there without it: one that is not mounted is not. A directory that was renamed is;
 * until its vTPM was started there once. */
json_t *directories_gone(struct daemon *daemon);
/* The same, of those which the platform has dropped now: no state of theirs opens any more. One whose newest state is another than was noted is not
 * among them: it was used since, somewhere else. */
enum tcb_error directories_drop_gone(struct daemon *daemon, json_t **ret_dropped, struct diagnosis *d) MUST_USE;

#endif
