// SPDX-License-Identifier: MIT
/* The checker: sees what every enclave does and says, and holds it against the invariants of
 * docs/protocol.md. */
#ifndef TCBIND_SIMULATE_ORACLE_H
#define TCBIND_SIMULATE_ORACLE_H

#include <stdbool.h>

#include "simulate/enclave.h"
#include "simulate/tpm.h"

#define LINEAGES_MAX 16
#define HOLDERS_MAX  128
#define VALUES_MAX   4096

/* One enclave, in one stay there. */
struct holder {
	uint64_t enclave;
	unsigned residence;
	uint64_t superseded; /* when another had answered; 0: never */
};

/* One TPM, whatever its id. */
struct identity {
	uint8_t lineage[LINEAGE_SIZE];
	unsigned machine;     /* index */
	bool served;          /* has answered at least once */
	bool goes_on;         /* has answered since the faults stopped */
	unsigned answered_at; /* platforms, a bit each */
	unsigned wrong_pins;
	uint64_t acknowledged; /* the highest value of its counter that an answer told */
	uint64_t acknowledged_at;
	unsigned holder_count;
	struct holder holders[HOLDERS_MAX], *current;
	unsigned value_count;
	uint32_t values[VALUES_MAX]; /* that answers of increments gave */
	uint16_t sealed_svn;         /* of the enclave that had it last */
};

struct oracle {
	char violation[256]; /* the first; empty: none */
	uint64_t clock;      /* counts calls */
	uint64_t answers, handovers, wrong_pins;
	unsigned identity_count;
	struct identity identities[LINEAGES_MAX];
	bool finishing;
};

extern struct oracle oracle;

/* Before each frame of an enclave reaches the host. */
void oracle_frame(const struct enclave *e, const struct frame_head *head, struct span body);
void oracle_call_begins(const struct enclave *e, enum call call);
void oracle_call_ends(struct enclave *e, enum call call, enum tcb_error error);
/* The machine whose vTPM is created next in this enclave. */
struct identity *oracle_find(const uint8_t lineage[LINEAGE_SIZE]);
void oracle_violate(const char *invariant, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
