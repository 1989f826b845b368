// SPDX-License-Identifier: MIT
#include "tests/enclave/fake_store.h"

#include "core/reader.h"

static enum tcb_error store(void *context, enum call call, struct span body, struct writer *ret, struct diagnosis *d)
{
	struct fake_store *s = context;
	struct reader r = reader_of(body);
	struct span bytes;
	uint8_t slot;

	if (call == CALL_HOST_PEER) { /* an empty reply */
		writer_u32(ret, 0);
		return TCB_OK;
	}
	if (call != CALL_HOST_STORE)
		return TCB_MALFORMED;
	TRY(reader_u8(&r, &slot));
	TRY(reader_sized(&r, sizeof s->bytes, &bytes));
	TRY(reader_end(&r));
	if (s->fails)
		return diagnose(d, TCB_PLATFORM, "store.full", "no room", "room", "make room");
	if (slot != STORE_PSE_LEDGER_STEP)
		s->size = 0;
	if (slot == STORE_PSE_LEDGER || slot == STORE_PSE_LEDGER_STEP) /* with what it is */
		bytes = body;
	if (s->size + bytes.size > sizeof s->bytes)
		return TCB_LIMIT;
	memcpy(s->bytes + s->size, bytes.data, bytes.size);
	s->size += bytes.size;
	s->writes++;
	return TCB_OK;
}

void fake_store_begin(struct fake_store *s, uint8_t seed, enum enclave_role role)
{
	static struct processor processor;
	const struct enclave_identity identity = fake_identity(role);

	s->fails = false;
	s->writes = 0;
	s->size = 0;
	fake_processor(&processor, seed);
	fake_tee_become(&processor, &identity);
	fake_tee_host(store, s);
}
