// SPDX-License-Identifier: MIT
/* What a verifier has seen of collateral, kept in a file, so that old collateral that is still inside its window is not taken again:
 *   {"version": 1, "families": [{"root", "tee", "fmspc", "tcb", "qe"}], "crls": [{"issuer", "number", "this_update"}]}
 * root and issuer: SHA-256 of a key (SubjectPublicKeyInfo), in hexadecimal; tee: "SGX" or "TDX"; tcb and qe: evaluation numbers; this_update:
 * Unix time. */
#ifndef TCBIND_VERIFY_LIB_COLLATERAL_STATE_H
#define TCBIND_VERIFY_LIB_COLLATERAL_STATE_H

#include "verify/appraise/collateral_marks.h"

struct collateral_state {
	const char *path; /* borrowed */
	int lock_fd;      /* of PATH.lock: one user at a time, from open to close */
	struct collateral_seen seen;
};

/* Opens, waiting for other users; a file that is not there is an empty state. A state that does not decode is refused: whoever lost it must
 * say so by removing it. Codes: file.read, file.write, state.malformed. */
enum tcb_error collateral_state_open(const char *path, struct collateral_state *ret_state, struct diagnosis *d) MUST_USE;
/* Raises to `marks`, which are of collateral that passed, durably; writes nothing when nothing rose. Codes: file.write, state.full. */
enum tcb_error collateral_state_raise(struct collateral_state *state, const struct collateral_marks *marks, struct diagnosis *d) MUST_USE;
void collateral_state_close(struct collateral_state *state);

/* The document alone. */
enum tcb_error collateral_seen_decode(struct span json, struct collateral_seen *ret_seen) MUST_USE;

#endif
