// SPDX-License-Identifier: MIT
/* Collateral in the forms that files have; the first byte says which. Must reach: collateral_json_decode(), collateral_assemble(),
 * collateral_response_decode(), collateral_crl_decode(), collateral_chain_decode(), collateral_seen_decode(), and quote_appraise() with a
 * document that decodes. Property: what is decoded lies in the memory or in the input. */
#include "fuzz/target.h"
#include "verify/appraise/collateral_json.h"
#include "verify/appraise/quote.h"
#include "verify/lib/collateral_state.h"

static struct collateral_memory memory;

static void must_be_within(struct span part, struct span in)
{
	bool in_memory = part.data >= memory.bytes && part.data + part.size <= memory.bytes + sizeof memory.bytes;

	MUST_HOLD(part.size == 0 || in_memory || (part.data >= in.data && part.data + part.size <= in.data + in.size));
}

static void try_document(struct span in)
{
	struct collateral c;
	struct diagnosis d = {0};

	if (collateral_json_decode(in, &memory, &c, &d) != TCB_OK) {
		MUST_HOLD(d.code[0] != '\0');
		return;
	}
	must_be_within(c.tcb_info, in);
	must_be_within(c.qe_identity, in);
	must_be_within(c.tcb_signing_certificate, in);
	must_be_within(c.root_certificate, in);
	must_be_within(c.pck_crl_issuer, in);
	must_be_within(c.root_crl, in);
	must_be_within(c.pck_crl, in);
	must_be_within(c.pck_chain, in);
}

static void try_response(struct span in)
{
	struct p256_signature signature;
	struct span text;

	if (collateral_response_decode(in, "tcbInfo", &text, &signature, NULL) == TCB_OK) {
		must_be_within(text, in);
		MUST_HOLD(text.size >= 2 && text.data[0] == '{' && text.data[text.size - 1] == '}');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct collateral_seen seen;
	struct writer w = WRITER_OF(memory.bytes);
	struct span in, part = {0};

	if (size < 1)
		return 0;
	in = span_of(data + 1, size - 1);
	switch (data[0] % 5) {
	case 0: try_document(in); break;
	case 1: try_response(in); break;
	case 2:
		if (collateral_crl_decode(in, &w, &part, NULL) == TCB_OK)
			must_be_within(part, in);
		break;
	case 3:
		if (collateral_chain_decode(in, &w, &part, NULL) == TCB_OK)
			must_be_within(part, in);
		break;
	default:
		if (collateral_seen_decode(in, &seen) == TCB_OK)
			MUST_HOLD(seen.family_count <= COLLATERAL_SEEN_FAMILIES_MAX && seen.issuer_count <= COLLATERAL_SEEN_ISSUERS_MAX);
	}
	return 0;
}
