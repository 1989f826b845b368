// SPDX-License-Identifier: MIT
/* The lease: what a vTPM enclave may answer only while the PSE's ledger says that it is the one. */
#include "core/reader.h"
#include "enclave/vtpm/engine.h"
#include "enclave/vtpm/tpm_command.h"
#include "enclave/vtpm/vtpm.h"

enum { TAG_NO_SESSIONS = 0x8001, TAG_SESSIONS = 0x8002, PASSWORD_SESSION_SIZE = 9 };

/* TPM 2.0 Part 3. Without sessions these use no key, no authorization value and no protected NV data.
 * Whatever is not here needs the lease. */
static bool is_harmless(uint32_t code)
{
	switch (code) {
	case 0x142: /* IncrementalSelfTest */
	case 0x143: /* SelfTest */
	case TPM_CC_STARTUP:
	case TPM_CC_SHUTDOWN:
	case 0x146: /* StirRandom */
	case TPM_CC_FLUSH_CONTEXT:
	case TPM_CC_NV_READ_PUBLIC:
	case 0x16b: /* PolicyAuthValue */
	case 0x16c: /* PolicyCommandCode */
	case 0x16f: /* PolicyLocality */
	case 0x171: /* PolicyOR */
	case TPM_CC_READ_PUBLIC:
	case 0x178: /* ECC_Parameters */
	case TPM_CC_GET_CAPABILITY:
	case 0x17b: /* GetRandom */
	case 0x17c: /* GetTestResult */
	case 0x17d: /* Hash */
	case TPM_CC_PCR_READ:
	case 0x17f: /* PolicyPCR */
	case 0x180: /* PolicyRestart */
	case 0x181: /* ReadClock */
	case TPM_CC_POLICY_GET_DIGEST:
	case 0x18a: /* TestParms */
	case 0x18c: /* PolicyPassword */
		return true;
	default: return false;
	}
}

static bool changes_pcr(uint32_t code)
{
	return code == 0x13c || code == 0x13d || code == 0x182; /* PCR_Event, PCR_Reset, PCR_Extend */
}

/* Behind the PCR's handle: one session, with an empty password. */
static bool has_empty_password(struct reader r)
{
	uint32_t pcr, size, session;
	uint16_t nonce, password;
	uint8_t attributes;

	return reader_u32(&r, &pcr) == TCB_OK && reader_u32(&r, &size) == TCB_OK && size == PASSWORD_SESSION_SIZE &&
	       reader_u32(&r, &session) == TCB_OK && session == TPM_RS_PW && reader_u16(&r, &nonce) == TCB_OK &&
	       nonce == 0 && reader_u8(&r, &attributes) == TCB_OK && reader_u16(&r, &password) == TCB_OK && password == 0;
}

bool lease_needed(struct span command)
{
	struct reader r = reader_of(command);
	uint32_t size, code;
	uint16_t tag;

	if (reader_u16(&r, &tag) != TCB_OK || reader_u32(&r, &size) != TCB_OK || reader_u32(&r, &code) != TCB_OK)
		return false; /* no command: the TPM answers an error */
	if (tag == TAG_NO_SESSIONS)
		return !is_harmless(code);
	return tag != TAG_SESSIONS || !changes_pcr(code) || !has_empty_password(r);
}

/* Its hand-over was revoked, or given back by the destination. */
static void go_on(struct vtpm *v)
{
	if (v->record.state == VTPM_ESCROWED || v->record.state == VTPM_MOVED)
		v->record.state = engine_running() ? VTPM_RUNNING : VTPM_STOPPED;
	v->out.active = false;
}

enum tcb_error lease_ensure(struct vtpm *v, struct diagnosis *d)
{
	struct ledger_lease lease;

	TRY(state_lease(v, &lease, d));
	if (lease.phase == LEDGER_ESCROWED) {
		v->out.handover = lease.handover;
		TRY(handover_revoke(v, d));
		TRY(state_lease(v, &lease, d));
	}
	switch (lease.phase) {
	case LEDGER_HERE: go_on(v); return TCB_OK;
	case LEDGER_MOVED: v->record.state = VTPM_MOVED; return handover_refuse_moved(d);
	case LEDGER_ESCROWED:
	case LEDGER_DROPPED: break;
	}
	return diagnose(d, TCB_PLATFORM, "vtpm.lease", "a hand-over that is still open", "one that is revoked", "try again");
}
