// SPDX-License-Identifier: MIT
/* Where a vTPM's files are: its directory of the platform, or one that a user of swtpm's interface named. There the sealed state stands
 * under swtpm's name, owned by the directory's owner, behind a head that says whose it is:
 *   "tcbind vTPM v1\n\0" (16 bytes) | id 16 | sealed state
 *   "tcbind vTPM k1\n\0" (16 bytes) | id 16 | HMAC-SHA256 of the id 32 | sealed state    where its user gave a key (swtpm's --key)
 * The key protects nothing that the seal does not: who gives a wrong one, or none, is refused as by swtpm. */
#ifndef TCBIND_HOST_PLACE_H
#define TCBIND_HOST_PLACE_H

#include <limits.h>

#include "core/ids.h"
#include "core/limits.h"
#include "edge/calls.h"
#include "host/log.h"
#include "host/store.h"
#include "host/swtpm_state.h"

struct place {
	char dir[PATH_MAX];
	char state[NAME_MAX - 16], volatile_state[NAME_MAX - 16]; /* file names */
	bool external;                                            /* a user's directory */
	unsigned mode;                                            /* external: of the state file; 0: as store_put() makes it */
	const struct swtpm_key *key; /* external: its user's --key, which a state that was written with one does not open without; NULL or empty: none */
	bool pending;   /* a vTPM is coming in: its state is written beside the one that is there until it has come */
	struct uuid id; /* of what is written */
	uint64_t tag;   /* place_tag(): tells this place of the vTPM from its others; 0: the platform's own */
	bool in_place;  /* external: the state is written into `file_fd` (in_place.h); `dir` has what stands beside it */
	int file_fd;
	char user_dir[64]; /* external: the directory that its user named, as a path in /proc/self/fd */
	struct { bool is; struct digest256 digest; } known; /* external: what the state's file held when it was last read or written here */
	bool may_make;  /* external: a state's file that its user removed is made anew */
	struct store_log *log; /* NULL: each state goes to its file at once */
	struct log_mark mark;
};

/* Both are external and write the same file. */
bool place_same(const struct place *a, const struct place *b);

/* The place's tag: of the directory's number, which stays where it is renamed or found by another path, and the state's name. */
uint64_t place_tag(const struct place *p);

/* Whose the place's states are in the log. */
static inline struct log_owner place_owner(const struct place *p)
{
	return (struct log_owner){ .id = p->id, .place = p->tag };
}

/* Durable; a state that goes to the log: after log_wait(). */
enum tcb_error place_put(struct place *p, enum store_slot slot, struct span bytes, struct diagnosis *d) MUST_USE;

/* Writes the state to its file, durably. Code: place.changed (another program has written an external place's file
 * since this daemon read or wrote it: the other platform of a migration with shared storage, or a restored backup). */
enum tcb_error place_write(struct place *p, struct span sealed, struct diagnosis *d) MUST_USE;

/* The same at the end, for a state that the log keeps until this returns. A file that its user removed is not made
 * anew, unless `may_make` is set: no new name appears in a directory that is being removed. Code: place.removed. */
enum tcb_error place_write_last(struct place *p, struct span sealed, struct diagnosis *d) MUST_USE;

/* What the place's state file is. */
enum place_content { PLACE_EMPTY, PLACE_OURS, PLACE_FOREIGN };
/* Code: swtpm.key. An external place's file (that of what is coming in, where it is pending), in memory that free() releases (`ret_file`); `ret_sealed`
 * borrows from it. Foreign: `ret_sealed` is the whole. */
enum tcb_error place_look(const struct place *p, struct span *ret_file, enum place_content *ret_content,
			  struct uuid *ret_id, struct span *ret_sealed, struct diagnosis *d) MUST_USE;
/* `file` is what an external place's file holds now, as place_look() returned it. */
void place_remember(struct place *p, struct span file);
/* The pending state becomes the place's. */
enum tcb_error place_settle(struct place *p, struct diagnosis *d) MUST_USE;
bool place_has_state(const struct place *p);
void place_remove_volatile(const struct place *p);

/* STORE_VTPM_CERTIFICATES' file: nobody but this host reads it, and it comes again with every certificate. Memory that free() releases; empty: none. */
enum tcb_error place_get_certificates(const struct place *p, struct span *ret_bytes, struct diagnosis *d) MUST_USE;
bool place_has_certificates(const struct place *p);
void place_remove_certificates(const struct place *p);

/* What is still to be done before the vTPM is used, in a file beside its state: outlives this daemon. Empty: nothing (any more). */
enum tcb_error place_put_later(const struct place *p, struct span text, struct diagnosis *d) MUST_USE;
/* In memory that free() releases. */
enum tcb_error place_get_later(const struct place *p, struct span *ret_text, struct diagnosis *d) MUST_USE;
bool place_has_later(const struct place *p);

#endif
