// SPDX-License-Identifier: MIT
/* The PCK chain in a quote, and the SGX extension of its leaf. All bytes are hostile: nothing is signed yet when they are decoded. */
#include "verify/appraise/pck.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "core/reader.h"
#include "verify/appraise/pem.h"

#define SGX_OID "1.2.840.113741.1.13.1"

/* ---- the chain ---- */

#define CERTIFICATE_MAX 4096

static enum tcb_error take_certificate(struct reader *r, X509 **ret_certificate)
{
	uint8_t bytes[CERTIFICATE_MAX];
	struct writer w = WRITER_OF(bytes);
	struct span der;

	TRY(pem_take(r, "CERTIFICATE", &w));
	TRY(writer_end(&w, &der));
	return x509_decode(der, ret_certificate);
}

enum tcb_error pck_chain_decode(struct span pem, X509 *ret_chain[3])
{
	struct reader r = reader_of(pem);
	X509 *chain[3] = {0};
	bool ok = true;

	for (int i = 0; ok && i < 3; i++)
		ok = take_certificate(&r, &chain[i]) == TCB_OK;
	if (ok && r.rest.size == 1 && r.rest.data[0] == 0)
		r.rest.size = 0;
	if (!ok || r.rest.size != 0) {
		for (int i = 0; i < 3; i++)
			X509_free(chain[i]);
		return TCB_MALFORMED;
	}
	memcpy(ret_chain, chain, sizeof chain);
	return TCB_OK;
}

/* ---- the SGX extension ---- */

/* One DER value: tag and content. */
static enum tcb_error take_der(struct reader *r, uint8_t *ret_tag, struct span *ret_content)
{
	uint8_t length;
	uint16_t size;

	TRY(reader_u8(r, ret_tag));
	TRY(reader_u8(r, &length));
	size = length;
	if (length == 0x81) {
		TRY(reader_u8(r, &length));
		if (length < 0x80)
			return TCB_MALFORMED;
		size = length;
	} else if (length == 0x82) {
		TRY(reader_u16(r, &size));
		if (size < 0x100)
			return TCB_MALFORMED;
	} else if (length > 0x7f) {
		return TCB_MALFORMED;
	}
	return reader_bytes(r, size, ret_content);
}

/* SEQUENCE { OID, value }: the arcs after the SGX OID, and the value. */
static enum tcb_error take_member(struct reader *r, struct span *ret_arcs, uint8_t *ret_tag, struct span *ret_value)
{
	static const uint8_t prefix[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
	struct span member, oid;
	struct reader inner;
	uint8_t tag;

	TRY(take_der(r, &tag, &member));
	if (tag != 0x30)
		return TCB_MALFORMED;
	inner = reader_of(member);
	TRY(take_der(&inner, &tag, &oid));
	if (tag != 0x06 || oid.size <= sizeof prefix || memcmp(oid.data, prefix, sizeof prefix) != 0)
		return TCB_MALFORMED;
	*ret_arcs = span_of(oid.data + sizeof prefix, oid.size - sizeof prefix);
	TRY(take_der(&inner, ret_tag, ret_value));
	return reader_end(&inner);
}

static enum tcb_error copy_exactly(struct span value, uint8_t tag, uint8_t *ret_bytes, size_t size)
{
	if (tag != 0x04 || value.size != size)
		return TCB_MALFORMED;
	memcpy(ret_bytes, value.data, size);
	return TCB_OK;
}

static enum tcb_error integer_of(struct span value, uint8_t tag, uint32_t max, uint32_t *ret_number)
{
	uint32_t number = 0;

	if (tag != 0x02 || value.size == 0 || value.size > 3 || value.data[0] > 0x7f)
		return TCB_MALFORMED;
	for (size_t i = 0; i < value.size; i++)
		number = number << 8 | value.data[i];
	if (number > max)
		return TCB_MALFORMED;
	*ret_number = number;
	return TCB_OK;
}

/* .2: sixteen component SVNs, PCESVN, CPUSVN; each exactly once, in order. */
static enum tcb_error decode_tcb(struct span group, struct pck_facts *f)
{
	struct reader r = reader_of(group);
	struct span arcs, value;
	uint32_t number;
	uint8_t tag;

	for (uint8_t component = 1; component <= 18; component++) {
		TRY(take_member(&r, &arcs, &tag, &value));
		if (arcs.size != 2 || arcs.data[0] != 2 || arcs.data[1] != component)
			return TCB_MALFORMED;
		if (component == 18) {
			TRY(copy_exactly(value, tag, f->cpu_svn, sizeof f->cpu_svn));
			continue;
		}
		TRY(integer_of(value, tag, component == 17 ? UINT16_MAX : UINT8_MAX, &number));
		if (component == 17)
			f->pce_svn = (uint16_t)number;
		else
			f->component_svn[component - 1] = (uint8_t)number;
	}
	return reader_end(&r);
}

/* .7: dynamic platform, cached keys, SMT enabled; each one BOOLEAN in DER. */
static enum tcb_error decode_configuration(struct span group, struct pck_facts *f)
{
	bool *const flags[] = { &f->dynamic_platform, &f->cached_keys, &f->smt_enabled };
	struct reader r = reader_of(group);
	struct span arcs, value;
	uint8_t tag;

	for (uint8_t flag = 1; flag <= 3; flag++) {
		TRY(take_member(&r, &arcs, &tag, &value));
		if (arcs.size != 2 || arcs.data[0] != 7 || arcs.data[1] != flag || tag != 0x01 || value.size != 1 ||
		    (value.data[0] != 0 && value.data[0] != 0xff))
			return TCB_MALFORMED;
		*flags[flag - 1] = value.data[0] != 0;
	}
	return reader_end(&r);
}

/* .5: 0 standard, 1 scalable, 2 scalable with integrity. */
static enum tcb_error sgx_type_of(struct span value, uint8_t tag, uint8_t *ret_type)
{
	if (tag != 0x0a || value.size != 1 || value.data[0] > 2)
		return TCB_MALFORMED;
	*ret_type = value.data[0];
	return TCB_OK;
}

static enum tcb_error decode_member(uint8_t arc, uint8_t tag, struct span value, struct pck_facts *f)
{
	switch (arc) {
	case 1: return copy_exactly(value, tag, f->ppid, sizeof f->ppid);
	case 2: return tag == 0x30 ? decode_tcb(value, f) : TCB_MALFORMED;
	case 3: return copy_exactly(value, tag, f->pce_id, sizeof f->pce_id);
	case 4: return copy_exactly(value, tag, f->fmspc, sizeof f->fmspc);
	case 5: return sgx_type_of(value, tag, &f->sgx_type);
	case 6: return copy_exactly(value, tag, f->platform_instance_id, sizeof f->platform_instance_id);
	case 7: return tag == 0x30 ? decode_configuration(value, f) : TCB_MALFORMED;
	default: return TCB_MALFORMED;
	}
}

enum tcb_error pck_extension_decode(struct span extension, struct pck_facts *ret_facts)
{
	enum { ALWAYS = 0x3e, PLATFORM_CA = 0xc0 }; /* bit (1 << arc) */
	struct reader r = reader_of(extension), inner;
	struct pck_facts f = {0};
	unsigned seen = 0;
	struct span arcs, value;
	uint8_t tag;

	TRY(take_der(&r, &tag, &value));
	TRY(reader_end(&r));
	if (tag != 0x30)
		return TCB_MALFORMED;
	inner = reader_of(value);
	while (inner.rest.size > 0) {
		TRY(take_member(&inner, &arcs, &tag, &value));
		if (arcs.size != 1 || arcs.data[0] < 1 || arcs.data[0] > 7 || (seen & 1u << arcs.data[0]) != 0)
			return TCB_MALFORMED;
		seen |= 1u << arcs.data[0];
		TRY(decode_member(arcs.data[0], tag, value, &f));
	}
	f.of_platform_ca = seen == (ALWAYS | PLATFORM_CA);
	if (seen != ALWAYS && !f.of_platform_ca)
		return TCB_MALFORMED;
	*ret_facts = f;
	return TCB_OK;
}

enum tcb_error pck_facts_decode(const X509 *leaf, struct pck_facts *ret_facts)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(SGX_OID, 1);
	int at = oid != NULL ? X509_get_ext_by_OBJ(leaf, oid, -1) : -1;
	const ASN1_OCTET_STRING *value = at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(leaf, at)) : NULL;
	bool once = at >= 0 && X509_get_ext_by_OBJ(leaf, oid, at) < 0;

	ASN1_OBJECT_free(oid);
	if (value == NULL || !once)
		return TCB_MALFORMED;
	return pck_extension_decode(span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)), ret_facts);
}
