// SPDX-License-Identifier: MIT
/* Requests about the PSE's ledger, inside local sessions (edge/local.h). docs/protocol.md says what
 * each of them decides.
 *
 * The ledger has one register for each vTPM of the platform. A vTPM enclave acts as a TPM only while
 * it holds the register's lease. The MigE's journal has a register of its own in the same chain. */
#ifndef TCBIND_EDGE_LEDGER_H
#define TCBIND_EDGE_LEDGER_H

#include "core/ids.h"
#include "core/reader.h"
#include "core/writer.h"

#define INCARNATION_SIZE 16

/* Drawn by a vTPM enclave process when it starts. Tells it from every other process. */
struct incarnation {
	uint8_t bytes[INCARNATION_SIZE];
};

/* The phase of a vTPM on one platform. */
enum ledger_phase {
	LEDGER_HERE = 1,     /* the holder of the lease may act as the TPM */
	LEDGER_ESCROWED = 2, /* offered for a hand-over that is not decided */
	LEDGER_MOVED = 3,    /* granted to a destination: this generation never acts here again */
	LEDGER_DROPPED = 4,  /* deleted by the host before the source of its arrival was told: opens never */
};

/* LOCAL_LEDGER_CREATE, LOCAL_LEDGER_OPEN, LOCAL_LEDGER_COMMIT, LOCAL_LEDGER_ARRIVE: one state. */
struct ledger_entry {
	struct uuid id;
	struct digest256 lineage;  /* drawn when the TPM was made; the same for all its generations */
	uint64_t generation;
	uint64_t version;          /* counts writes over all generations, from 1 */
	struct digest256 digest;   /* SHA-256 of the sealed bytes */
	struct digest256 previous; /* of the version before; zeros for the first on this platform */
	struct incarnation incarnation; /* of the enclave that asks */
	bool resumes;              /* OPEN: this incarnation held the lease; its session broke */
	struct handover_id handover; /* ARRIVE: the hand-over by which it came; zeros otherwise */
};

void ledger_entry_encode(struct writer *w, const struct ledger_entry *m);
enum tcb_error ledger_entry_decode(struct span bytes, struct ledger_entry *ret_m) MUST_USE;

/* What LOCAL_LEDGER_OPEN and LOCAL_LEDGER_CHECK return. */
struct ledger_lease {
	enum ledger_phase phase;
	struct handover_id handover; /* ESCROWED, MOVED: which; zeros otherwise */
};

void ledger_lease_encode(struct writer *w, const struct ledger_lease *m);
enum tcb_error ledger_lease_decode(struct span bytes, struct ledger_lease *ret_m) MUST_USE;

/* LOCAL_LEDGER_OFFER: the holder will hand over this state, and no other, under this id. */
struct ledger_offer {
	struct uuid id;
	uint64_t version;
	struct digest256 digest;
	struct handover_id handover;
};

void ledger_offer_encode(struct writer *w, const struct ledger_offer *m);
enum tcb_error ledger_offer_decode(struct span bytes, struct ledger_offer *ret_m) MUST_USE;

/* LOCAL_LEDGER_EXPECT: a vTPM that is to arrive at this enclave. */
struct ledger_arrival {
	struct uuid id;
	struct digest256 lineage;
	uint64_t generation; /* that it will have here */
	struct handover_id handover;
};

void ledger_arrival_encode(struct writer *w, const struct ledger_arrival *m);
enum tcb_error ledger_arrival_decode(struct span bytes, struct ledger_arrival *ret_m) MUST_USE;

/* What a version of the MigE's journal changes in the register of a vTPM, in the same step. */
enum journal_change {
	JOURNAL_CHANGES_NONE = 0,
	JOURNAL_CHANGES_ESCROW = 1,  /* HERE, and offered under this id -> ESCROWED */
	JOURNAL_CHANGES_REVOKE = 2,  /* ESCROWED under this id -> HERE */
	JOURNAL_CHANGES_GRANT = 3,   /* ESCROWED under this id -> MOVED: the point of decision */
	JOURNAL_CHANGES_RETURN = 4,  /* MOVED under this id -> HERE: the destination gave it back */
	JOURNAL_CHANGES_SETTLE = 5,  /* the peer of the hand-over knows how it ended */
};

/* LOCAL_JOURNAL_OPEN, LOCAL_JOURNAL_COMMIT. The change is made in the same step as the version. */
struct journal_version {
	uint64_t version;
	struct digest256 digest, previous;
	enum journal_change change;
	struct uuid id;              /* zeros where nothing changes */
	struct handover_id handover;
};

void journal_version_encode(struct writer *w, const struct journal_version *m);
enum tcb_error journal_version_decode(struct span bytes, struct journal_version *ret_m) MUST_USE;

/* LOCAL_LEDGER_GRANTED, LOCAL_LEDGER_RENOUNCE. */
struct ledger_handover {
	struct uuid id;
	struct digest256 lineage;
	struct handover_id handover;
};

void ledger_handover_encode(struct writer *w, const struct ledger_handover *m);
enum tcb_error ledger_handover_decode(struct span bytes, struct ledger_handover *ret_m) MUST_USE;

#endif
