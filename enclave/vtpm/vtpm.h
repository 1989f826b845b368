// SPDX-License-Identifier: MIT
/* One vTPM: what this enclave process is. main.c holds the only one; the modules beside it work on it. */
#ifndef TCBIND_ENCLAVE_VTPM_VTPM_H
#define TCBIND_ENCLAVE_VTPM_VTPM_H

#include <openssl/types.h>

#include "core/ids.h"
#include "core/limits.h"
#include "core/wipe.h"
#include "edge/vtpm.h"
#include "enclave/lib/session.h"
#include "enclave/vtpm/identity.h"

#define VTPM_CERTIFIED_AK_MAX (LIMIT_QUOTE + 2048u)

/* Kinds of authorization that dictionary-attack protection counts (attempt.c), or-ed. */
enum attempt { ATTEMPT_OBJECT = 1, ATTEMPT_LOCKOUT = 2 };

/* What is sealed (state.c). The TPM's own permanent state is the engine's. Whether the vTPM was handed
 * over is not sealed: the PSE's ledger decides that (docs/protocol.md). */
struct vtpm_record {
	struct uuid id;
	struct digest256 lineage; /* drawn when the TPM was made; the same on every platform */
	uint64_t generation; /* 0: an empty place */
	uint64_t version;    /* of the newest sealed state, over all generations */
	enum vtpm_state state;
	uint8_t attempts;     /* enum attempt, or-ed: open; each counts as failed when the state is opened */
	uint32_t attempts_at; /* the TPM's lockout counter when they were opened */
	enum vtpm_origin origin;
	bool arrived; /* by a hand-over, and no command since: mailbox and certificates are the former platform's */
	struct secret256 secret; /* authorizes the mailbox's writes */
	struct digest256 last_custody; /* SHA-256 of the newest; zeros: none */
	size_t policy_size, recovery_size, custody_size;
	uint8_t policy[LIMIT_POLICY]; /* from here on: memory that is touched only as far as it is used */
	uint8_t recovery[P256_POINT_SIZE];
	uint8_t custody[LIMIT_CUSTODY]; /* the chain (edge/custody.h); nothing where it was never handed over */
};

/* One stay on one platform, in one enclave process: never stored. */
struct vtpm_residence {
	EVP_PKEY *key;
	struct p256_point public;
	size_t endorsement_size, certified_ak_size; /* 0: to be asked for */
	uint8_t endorsement[1024];
	uint8_t certified_ak[VTPM_CERTIFIED_AK_MAX];
	struct vtpm_identity identity; /* that the endorsement names */
};

/* A hand-over that this vTPM is the source of. */
struct vtpm_export {
	bool active;
	struct handover_id handover;
	size_t permanent_size, volatile_size; /* blobs, sealed */
	uint8_t permanent[LIMIT_STATE], volatile_state[LIMIT_STATE];
};

/* Blobs that QEMU gave, not yet redeemed. */
struct vtpm_import {
	size_t permanent_size, volatile_size;
	bool resumes; /* the volatile state alone, of this very vTPM: the next CMD_INIT resumes from it, once */
	uint8_t permanent[LIMIT_STATE], volatile_state[LIMIT_STATE];
};

struct vtpm {
	bool loaded;
	struct vtpm_record record;
	struct incarnation incarnation; /* of this process; drawn before its first ledger request */
	uint8_t attempts_owed; /* enum attempt: were open when this process opened the state; to be counted */
	bool leased; /* the ledger has a register for this record, and this process took its lease */
	struct digest256 digest; /* of the newest sealed state */
	struct ledger_entry unsure; /* a state whose commit was not answered; version 0: none */
	size_t volatile_size;
	uint8_t volatile_state[LIMIT_TPM_VOLATILE]; /* to resume from, plain */
	uint32_t last_command; /* TPM command code */
	bool ends_hard; /* INIT_NO_SHUTDOWN */
	bool started; /* the TPM takes commands: TPM2_Startup was answered, or it resumed from volatile state */
	struct session pse, mige;
	struct vtpm_residence residence;
	struct vtpm_export out;
	struct vtpm_import in;
};

/* ---- state.c: the sealed state ---- */

/* Seals the record and the engine's permanent state, has it stored and committed in the PSE's ledger.
 * Durable on TCB_OK. On TCB_PLATFORM it is not known whether it was committed. */
enum tcb_error state_save(struct vtpm *v, struct diagnosis *d) MUST_USE;
/* First save of a new vTPM, which takes the lease. An empty place is stored, but gets no register. */
enum tcb_error state_create(struct vtpm *v, struct diagnosis *d) MUST_USE;
/* First save of a vTPM that came by this hand-over: it is here, in one step, or it is not. */
enum tcb_error state_arrive(struct vtpm *v, const struct handover_id *handover, struct diagnosis *d) MUST_USE;
/* Whether this process still holds the lease, and in which phase the vTPM is. Opens a broken session
 * anew first. */
enum tcb_error state_lease(struct vtpm *v, struct ledger_lease *ret_lease, struct diagnosis *d) MUST_USE;
/* A request to the PSE about this vTPM, by a session that holds the lease. */
enum tcb_error state_ask_pse(struct vtpm *v, enum local_request request, struct span body,
			     struct span *ret_reply, struct diagnosis *d) MUST_USE;
/* Opens sealed bytes; refuses another vTPM's (vtpm.state.other) and what the ledger refuses. Fills the record; the TPM's state
 * is borrowed until the next call here. */
enum tcb_error state_load(struct vtpm *v, const struct vtpm_load *load, struct diagnosis *d) MUST_USE;
/* The TPM state that was loaded, to start the engine from. */
struct span state_loaded_tpm(const struct vtpm *v);
/* The record and a TPM state (the engine's, packed) as one document, for sealing here or for a hand-over. */
enum tcb_error state_encode(const struct vtpm_record *record, struct span tpm, struct writer *w) MUST_USE;
enum tcb_error state_decode(struct span bytes, struct vtpm_record *ret_record, struct span *ret_tpm) MUST_USE;

void record_copy(struct vtpm_record *ret, const struct vtpm_record *record);

/* ---- main.c ---- */

/* One command of the guest: the response, once all that it changed is durable. Borrowed until the next. */
enum tcb_error vtpm_command(struct vtpm *v, uint8_t locality, struct span command, struct span *ret_response,
			    struct diagnosis *d) MUST_USE;

/* What came by a hand-over is furnished for this platform: the former one's evidence and certificates are gone from its NV indices. Before the
 * first command (or with TPM2_Startup, where the move ended in a power cut); not before, since the machine stands still until CMD_INIT is answered. */
enum tcb_error vtpm_settle_in(struct vtpm *v, struct diagnosis *d) MUST_USE;

/* ---- data.c ---- */

/* Answers commands on the data channel that came with the call. Code: vtpm.serve where none can come: then by CALL_VTPM_COMMAND.
 * `ret_served` borrows until the next call here. */
enum tcb_error data_serve(struct vtpm *v, const struct vtpm_serve *serve, struct vtpm_served *ret_served,
			  struct diagnosis *d) MUST_USE;

/* ---- lease.c ---- */

/* Whether the response to this command needs the lease: all but the few commands that use neither a
 * key, nor an authorization value, nor protected NV data. */
bool lease_needed(struct span command);
/* This process holds the lease, and the vTPM is here; else nothing that needs it leaves. A hand-over
 * that is not decided is revoked: the machine goes on here. Codes: ledger.copy.superseded, vtpm.moved. */
enum tcb_error lease_ensure(struct vtpm *v, struct diagnosis *d) MUST_USE;

/* ---- attempt.c ---- */

/* Before a command is given to the TPM: if it may use an authorization that dictionary-attack
 * protection counts, the attempt is made durable first. At most one durable write a run. */
enum tcb_error attempt_charge(struct vtpm *v, struct span command, struct diagnosis *d) MUST_USE;
/* After a command was answered: keeps track of the sessions that use authorization values. */
void attempt_note(struct span command, struct span response);
/* The TPM starts. Sessions that it may still have are not known: each may use an authorization value. */
void attempt_forget_sessions(void);
/* Before a save: notes the TPM's lockout counter beside the attempts that are open. */
void attempt_note_counter(struct vtpm *v);
/* The TPM takes commands: attempts that were open when its state was opened count as failed. Durable
 * on TCB_OK; nothing may be answered before. */
enum tcb_error attempt_settle(struct vtpm *v, struct diagnosis *d) MUST_USE;

/* ---- evidence.c ---- */

/* Makes the key of the residence that begins next. */
enum tcb_error residence_reserve(void) MUST_USE;
/* A new residence: a fresh key, nothing of a former platform. */
enum tcb_error residence_begin(struct vtpm *v) MUST_USE;
/* Evidence for `nonce` (edge/evidence.h), borrowed until the next call. */
enum tcb_error evidence_make(struct vtpm *v, struct span nonce, struct span *ret_evidence, struct diagnosis *d) MUST_USE;

/* ---- custody.c ---- */

/* Adds the record of a hand-over, and the proof of the MigE that signed it, to the chain. TCB_LIMIT: the source's MigE made no room. */
enum tcb_error custody_append(struct vtpm_record *record, struct span custody_record, struct span proof) MUST_USE;
/* Replaces the chain by the same one, folded by our MigE. */
enum tcb_error custody_replace(struct vtpm_record *record, struct span chain) MUST_USE;
/* Appends the chain as evidence carries it. */
enum tcb_error custody_put(const struct vtpm_record *record, struct writer *w) MUST_USE;

/* ---- handover.c ---- */

enum tcb_error handover_export(struct vtpm *v, struct diagnosis *d) MUST_USE;
/* TCB_REFUSED, vtpm.moved: the hand-over was granted. */
enum tcb_error handover_refuse_moved(struct diagnosis *d) MUST_USE;
/* Goes on at the source, if the hand-over can still be revoked. */
enum tcb_error handover_revoke(struct vtpm *v, struct diagnosis *d) MUST_USE;
/* Redeems the blobs in v->in; on success the record and the engine are those of the new residence.
 * What was granted and cannot be adopted is given back. */
enum tcb_error handover_import(struct vtpm *v, struct diagnosis *d) MUST_USE;

#endif
