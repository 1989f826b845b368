// SPDX-License-Identifier: MIT
/* Every call across the boundary between host and enclaves, on one page: number, body, return.
 * Notation: `sized` = u32 length and bytes; `tpm2b` = u16 length and bytes; all integers big-endian.
 * Bodies with more than two members have a struct with encode and decode side by side in edge/<part>.h. */
#ifndef TCBIND_EDGE_CALLS_H
#define TCBIND_EDGE_CALLS_H

enum call {
	/* ---- host -> PSE (edge/pse.h) ---- */
	CALL_PSE_START = 0x0201, /* pse_start: name, stored ledger (may be empty)  -> sized certified AK */
	CALL_PSE_PEER = 0x0202,  /* (u64 session, sized message)...                -> (u8 error, sized reply or diagnosis)... */
	CALL_PSE_FORGET = 0x0203, /* u64 session: that enclave is gone             -> nothing */
	CALL_PSE_SNAPSHOT = 0x0204, /* nothing: it stores STORE_PSE_LEDGER         -> nothing */
	CALL_PSE_DROP = 0x0205,  /* uuid, digest of its newest state or nothing: it is wanted no more -> u8 0: its newest is another */

	/* ---- host -> MigE (edge/mige.h) ---- */
	CALL_MIGE_START = 0x0301, /* mige_start: address, name, sealed journal     -> nothing */
	CALL_MIGE_PEER = 0x0302,  /* u64 session, sized message                    -> mige_step */
	CALL_MIGE_NET = 0x0303,   /* u64 connection, u8 closed, sized bytes        -> mige_step */
	CALL_MIGE_FORGET = 0x0304, /* u64 session: that enclave is gone            -> nothing */
	CALL_MIGE_TIDY = 0x0305,  /* u64 round, from 1, counting up: has the journal shrink -> mige_step; answered at once: nothing is left in this round */

	/* ---- host -> vTPM (edge/vtpm.h) ---- */
	CALL_VTPM_CREATE = 0x0401, /* vtpm_create: id, incoming, policy, recovery, keys -> vtpm_status */
	CALL_VTPM_LOAD = 0x0402,   /* uuid, sized sealed state                     -> vtpm_status */
	CALL_VTPM_INIT = 0x0403,   /* u32 enum vtpm_init_flag, or-ed               -> vtpm_status */
	CALL_VTPM_STOP = 0x0404,   /* nothing                                      -> vtpm_status */
	CALL_VTPM_COMMAND = 0x0405, /* u8 locality, sized TPM command              -> sized TPM response */
	CALL_VTPM_GET_BLOB = 0x0406, /* u32 type                                   -> sized blob (ciphertext) */
	CALL_VTPM_SET_BLOB = 0x0407, /* u32 type, sized blob                       -> nothing */
	CALL_VTPM_RESUME = 0x0408, /* nothing: after a cancelled migration         -> vtpm_status */
	CALL_VTPM_ATTEST = 0x0409, /* sized nonce                                  -> sized evidence */
	CALL_VTPM_GET_ESTABLISHED = 0x040a,   /* nothing                           -> u8 bit */
	CALL_VTPM_RESET_ESTABLISHED = 0x040b, /* u8 locality                       -> nothing */
	CALL_VTPM_HASH_START = 0x040c, /* nothing (locality 4)                     -> nothing */
	CALL_VTPM_HASH_DATA = 0x040d,  /* sized bytes                              -> nothing */
	CALL_VTPM_HASH_END = 0x040e,   /* nothing                                  -> nothing */
	CALL_VTPM_STORE_VOLATILE = 0x040f, /* nothing                              -> nothing */
	CALL_VTPM_BUFFER_SIZE = 0x0410, /* u32 wanted, 0 = ask                     -> u32 size, u32 min, u32 max */
	CALL_VTPM_INFO = 0x0411,        /* u64 flags                               -> sized JSON text */
	CALL_VTPM_SHUTDOWN = 0x0412,    /* nothing: saves what must be saved       -> vtpm_status */
	CALL_VTPM_ADD_KEY = 0x0414,     /* u8 enum vtpm_key, of a vTPM that is off -> vtpm_status */
	CALL_VTPM_STATUS = 0x0413,      /* nothing                                 -> vtpm_status */
	CALL_VTPM_STANDBY = 0x0416, /* nothing, before it has a vTPM: opens its sessions -> nothing */
	CALL_VTPM_SERVE = 0x0415, /* vtpm_serve, and a descriptor: answers commands on it until it ends or FRAME_INTERRUPT -> vtpm_served */

	/* ---- enclave -> host (edge/host.h) ---- */
	CALL_HOST_STORE = 0x0801,  /* u8 slot, sized bytes; see enum store_slot    -> nothing */
	CALL_HOST_PEER = 0x0802,   /* u8 enum enclave_role, sized message          -> sized reply */
	CALL_HOST_PTPM_QUOTE = 0x0803, /* 32-byte commitment                       -> host_platform_quote */
	CALL_HOST_TIME = 0x0804,   /* nothing                                      -> u64 seconds, Unix time */
	CALL_HOST_COLLATERAL = 0x0805, /* nothing                                  -> sized collateral document */
};

/* Slots of CALL_HOST_STORE; the host keeps the newest of each, whole, for each enclave; of STORE_PSE_LEDGER_STEP all since the newest
 * STORE_PSE_LEDGER, in order. Answered when durable; but STORE_VTPM_STATE, STORE_MIGE_JOURNAL and STORE_PSE_LEDGER_STEP in the order in which they were stored,
 * and at the latest when a CALL_HOST_PEER to the PSE is answered: one write makes both durable, and those of other vTPMs. */
enum store_slot {
	STORE_PSE_LEDGER = 1,
	STORE_MIGE_JOURNAL = 2,
	STORE_VTPM_STATE = 3,
	STORE_VTPM_VOLATILE = 4,
	STORE_PSE_CERTIFIED_AK = 5,
	STORE_PSE_LEDGER_STEP = 6,
	STORE_VTPM_CERTIFICATES = 7, /* in plain, for who manages the host: {u32 NV index, sized DER}... */
	STORE_PSE_ISSUER = 8,        /* the same: DER of the certificate that vTPMs' certificates are issued under, of this boot */
};

#endif
