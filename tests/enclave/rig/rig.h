// SPDX-License-Identifier: MIT
/* Platforms for tests: the real PSE and MigE, each in a process of its own on a processor under a test root, a stand-in for the physical TPM, and
 * the test itself as the untrusted host, as the network, and as vTPM enclaves. */
#ifndef TCBIND_TESTS_ENCLAVE_RIG_RIG_H
#define TCBIND_TESTS_ENCLAVE_RIG_RIG_H

#include <openssl/types.h>
#include <sys/types.h>

#include "edge/calls.h"
#include "enclave/lib/session.h"
#include "host/enclave_link.h"
#include "sgxsim/file.h"
#include "sgxsim/processor.h"

struct rig_platform;

struct rig_enclave {
	struct rig_platform *platform;
	pid_t pid; /* 0: not running */
	struct enclave_link link;
};

struct rig_stored {
	size_t size;
	uint8_t bytes[LIMIT_STATE];
};

struct rig_platform {
	char name[16], address[32];
	struct processor processor;
	struct enclave_identity pse_identity, mige_identity;
	EVP_PKEY *ak;
	size_t ak_public_size;
	uint8_t ak_public[LIMIT_TPM_PUBLIC];
	uint8_t pcr0[SHA256_SIZE]; /* the others are zeros */
	struct file_bytes collateral;
	uint64_t now_s; /* 0: the real time */
	bool store_fails;
	struct rig_platform *quotes_from; /* another platform's TPM answers: a relay */
	struct span stolen_quote; /* not empty: the MigE's processor gives this one, of another's enclave */
	struct rig_enclave pse, mige;
	struct rig_stored ledger, journal;
};

/* What may happen between two MigEs: bytes of `from` to be altered; false: they are lost, and the connection with them. */
typedef bool rig_network(const struct rig_platform *from, uint8_t *bytes, size_t size);

/* A test root; at most two at a time. Ends the test on failure, as all here. */
void rig_pki(int root);
void rig_end(void);
/* Collateral of this root, issued anew; `ret_document` is freed and filled. */
struct pki_collateral_options;
void rig_issue_collateral(int root, const struct pki_collateral_options *options, struct file_bytes *ret_document);

/* A processor under `root` with a locked AK bank, PSE and MigE not started. */
void rig_platform_init(struct rig_platform *p, int root, const char *name);
void rig_platform_end(struct rig_platform *p);

/* The process alone, not yet called. */
void rig_spawn_pse(struct rig_platform *p);
/* Starts from what is stored; the first error is returned. */
enum tcb_error rig_start_pse(struct rig_platform *p, struct span *ret_certified_ak, struct diagnosis *d);
enum tcb_error rig_start_mige(struct rig_platform *p, struct diagnosis *d);
void rig_start(struct rig_platform *p);
/* SIGKILL; what it has stored stays. */
void rig_kill(struct rig_enclave *e);
/* How an enclave ended: its exit status, or -1 while it runs. */
int rig_exit_status(struct rig_enclave *e);

/* The network between platforms; NULL: a good one. `chunk`: bytes that arrive at a time, 0: all. */
void rig_set_network(rig_network *network, size_t chunk);
/* Connections made since the last reset, which forgets them all. */
unsigned rig_connections(void);
void rig_reset_connections(void);
/* A round of CALL_MIGE_TIDY, carried through the network: how many sources were asked. */
unsigned rig_tidy(struct rig_platform *p, uint64_t round);
/* The source whose MigE closed a connection last: it refused its peer. */
const struct rig_platform *rig_closed_by(void);

/* Called once, when the next hand-over has begun and before any byte is carried. */
void rig_set_interlude(void (*interlude)(void));

/* A vTPM enclave of the test on this platform, with its own host number. */
struct rig_vtpm {
	struct rig_platform *platform;
	uint64_t number;
	struct enclave_identity identity;
	struct session pse, mige;
};

void rig_vtpm_init(struct rig_vtpm *v, struct rig_platform *p, uint64_t number);
/* session_call() as this vTPM; a hand-over is carried through the network before it returns. */
enum tcb_error rig_ask(struct rig_vtpm *v, enum enclave_role role, enum local_request request, struct span body,
		       struct span *ret_reply, struct diagnosis *d) MUST_USE;

#endif
