// SPDX-License-Identifier: MIT
#include "sgxsim/sgx_extension.h"

#include "core/ids.h"
#include "crypto/crypto.h"
#include "sgxsim/der.h"
#include "sgxsim/pki.h"

/* 1.2.840.113741.1.13.1, content octets */
static const uint8_t sgx_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
const uint8_t pki_fmspc[6] = {0x00, 0x7c, 0xb1, 0x4d, 0x00, 0x00};

/* {OID sgx.arcs, value}; `arcs` one or two further arcs. `value` is complete DER. */
static void put_member(struct writer *w, struct span arcs, struct span value)
{
	uint8_t oid[16], content[512];
	struct writer o = WRITER_OF(oid), c = WRITER_OF(content);
	struct span oid_bytes, member;

	writer_bytes(&o, SPAN_OF(sgx_oid));
	writer_bytes(&o, arcs);
	if (writer_end(&o, &oid_bytes) == TCB_OK)
		der_write(&c, DER_OID, oid_bytes);
	writer_bytes(&c, value);
	if (writer_end(&c, &member) == TCB_OK)
		der_write(w, DER_SEQUENCE, member);
	else
		w->error = TCB_LIMIT;
}

static void put_value(struct writer *w, struct span arcs, enum der_tag tag, struct span content)
{
	uint8_t value[64];
	struct writer v = WRITER_OF(value);
	struct span bytes = {0};

	der_write(&v, tag, content);
	if (writer_end(&v, &bytes) != TCB_OK)
		w->error = TCB_LIMIT;
	put_member(w, arcs, bytes);
}

static void put_integer(struct writer *w, struct span arcs, uint32_t number)
{
	uint8_t value[8];
	struct writer v = WRITER_OF(value);
	struct span bytes = {0};

	der_write_integer(&v, number);
	if (writer_end(&v, &bytes) != TCB_OK)
		w->error = TCB_LIMIT;
	put_member(w, arcs, bytes);
}

/* A member that is a sequence of members. */
static void put_group(struct writer *w, uint8_t arc, struct span members)
{
	uint8_t value[512];
	struct writer v = WRITER_OF(value);
	struct span bytes = {0};

	der_write(&v, DER_SEQUENCE, members);
	if (writer_end(&v, &bytes) != TCB_OK)
		w->error = TCB_LIMIT;
	put_member(w, span_of(&arc, 1), bytes);
}

static void put_tcb(const struct sgx_extension *x, struct writer *w)
{
	uint8_t members[480];
	struct writer m = WRITER_OF(members);
	struct span bytes = {0};

	for (uint8_t component = 1; component <= 16; component++)
		put_integer(&m, span_of((uint8_t[]){2, component}, 2), x->component_svn[component - 1]);
	put_integer(&m, span_of((uint8_t[]){2, 17}, 2), x->pce_svn);
	put_value(&m, span_of((uint8_t[]){2, 18}, 2), DER_OCTETS, SPAN_OF(x->component_svn));
	if (writer_end(&m, &bytes) != TCB_OK)
		w->error = TCB_LIMIT;
	put_group(w, 2, bytes);
}

static void put_configuration(struct writer *w)
{
	static const uint8_t yes = 0xff;
	uint8_t members[96];
	struct writer m = WRITER_OF(members);
	struct span bytes = {0};

	for (uint8_t flag = 1; flag <= 3; flag++) /* dynamic platform, cached keys, SMT enabled */
		put_value(&m, span_of((uint8_t[]){7, flag}, 2), DER_BOOLEAN, span_of(&yes, 1));
	if (writer_end(&m, &bytes) != TCB_OK)
		w->error = TCB_LIMIT;
	put_group(w, 7, bytes);
}

void sgx_extension_defaults(struct sgx_extension *ret_extension)
{
	struct sgx_extension x = { .pce_svn = PKI_PCE_SVN, .sgx_type = 1, .of_platform_ca = true };

	memset(x.component_svn, PKI_COMPONENT_SVN, sizeof x.component_svn);
	memcpy(x.fmspc, pki_fmspc, sizeof x.fmspc);
	*ret_extension = x;
}

enum tcb_error sgx_extension_write(const struct sgx_extension *extension, struct writer *w)
{
	uint8_t ppid[16], instance[16], content[1000];
	struct writer c = WRITER_OF(content);
	struct span bytes;

	TRY(crypto_random(ppid, sizeof ppid));
	TRY(crypto_random(instance, sizeof instance));
	put_value(&c, span_of((uint8_t[]){1}, 1), DER_OCTETS, SPAN_OF(ppid));
	put_tcb(extension, &c);
	put_value(&c, span_of((uint8_t[]){3}, 1), DER_OCTETS, SPAN_OF(extension->pce_id));
	put_value(&c, span_of((uint8_t[]){4}, 1), DER_OCTETS, SPAN_OF(extension->fmspc));
	put_value(&c, span_of((uint8_t[]){5}, 1), DER_ENUM, span_of(&extension->sgx_type, 1));
	if (extension->of_platform_ca) {
		put_value(&c, span_of((uint8_t[]){6}, 1), DER_OCTETS, SPAN_OF(instance));
		put_configuration(&c);
	}
	TRY(writer_end(&c, &bytes));
	der_write(w, DER_SEQUENCE, bytes);
	return w->error;
}
