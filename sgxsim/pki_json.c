// SPDX-License-Identifier: MIT
#include "sgxsim/pki_json.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/hex.h"
#include "sgxsim/certificate.h"
#include "sgxsim/file.h"
#include "sgxsim/qe.h"
#include "sgxsim/sgx_extension.h"

/* Text that grows in a fixed field; `full` latches. */
struct text {
	char *at;
	size_t left;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->left) {
		t->full = true;
		return;
	}
	t->at += n;
	t->left -= (size_t)n;
}

static void put_hex(struct text *t, struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		put(t, "%02X", bytes.data[i]);
}

static void put_time(struct text *t, int64_t seconds)
{
	time_t at = (time_t)seconds;
	char text[32];
	struct tm tm;

	(void)gmtime_r(&at, &tm);
	(void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	put(t, "\"%s\"", text);
}

static void put_window(struct text *t, const struct pki_collateral_options *o)
{
	put(t, ",\"issueDate\":");
	put_time(t, o->issued_s);
	put(t, ",\"nextUpdate\":");
	put_time(t, o->next_update_s);
}

static void put_level(struct text *t, const struct pki_collateral_options *o, unsigned svn, unsigned pce_svn,
		      const char *status)
{
	put(t, "{\"tcb\":{\"sgxtcbcomponents\":[");
	for (int i = 0; i < 16; i++)
		put(t, "%s{\"svn\":%u}", i > 0 ? "," : "", svn);
	put(t, "],\"pcesvn\":%u},\"tcbDate\":", pce_svn);
	put_time(t, o->issued_s);
	put(t, ",\"tcbStatus\":\"%s\"", status);
	if (svn < o->up_to_date_svn)
		put(t, ",\"advisoryIDs\":[\"TCBIND-SA-00001\"]");
	put(t, "}");
}

static bool make_tcb_info(const struct pki_collateral_options *o, char *ret_text, size_t capacity)
{
	struct text t = { .at = ret_text, .left = capacity };

	put(&t, "{\"id\":\"SGX\",\"version\":3");
	put_window(&t, o);
	put(&t, ",\"fmspc\":\"");
	put_hex(&t, span_of(pki_fmspc, 6));
	put(&t, "\",\"pceId\":\"0000\",\"tcbType\":0,\"tcbEvaluationDataNumber\":%u,\"tcbLevels\":[",
	    o->evaluation_number);
	put_level(&t, o, o->up_to_date_svn, PKI_PCE_SVN, "UpToDate");
	put(&t, ",");
	put_level(&t, o, 1, 5, "OutOfDate");
	put(&t, "]}");
	return !t.full;
}

static bool make_qe_identity(const struct pki_collateral_options *o, char *ret_text, size_t capacity)
{
	struct text t = { .at = ret_text, .left = capacity };

	put(&t, "{\"id\":\"QE\",\"version\":2");
	put_window(&t, o);
	put(&t, ",\"tcbEvaluationDataNumber\":%u,\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\","
		"\"attributes\":\"11000000000000000000000000000000\","
		"\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",\"mrsigner\":\"",
	    o->evaluation_number);
	put_hex(&t, SPAN_OF(qe_identity.mrsigner));
	put(&t, "\",\"isvprodid\":%u,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%u},\"tcbDate\":", qe_identity.isv_prod_id,
	    QE_ISV_SVN);
	put_time(&t, o->issued_s);
	put(&t, ",\"tcbStatus\":\"UpToDate\"}]}");
	return !t.full;
}

enum tcb_error pki_texts_make(const struct pki_collateral_options *options, struct pki_texts *ret_texts)
{
	if (!make_tcb_info(options, ret_texts->tcb_info, sizeof ret_texts->tcb_info) ||
	    !make_qe_identity(options, ret_texts->qe_identity, sizeof ret_texts->qe_identity))
		return TCB_LIMIT;
	return TCB_OK;
}

/* ---- the file ---- */

static void set_hex(json_t *object, const char *name, struct span bytes)
{
	char *hex = malloc(bytes.size * 2 + 1);

	if (hex == NULL)
		return;
	hex_encode(bytes, hex);
	(void)json_object_set_new(object, name, json_string(hex));
	free(hex);
}

static void set_text(json_t *object, const char *name, struct span text)
{
	(void)json_object_set_new(object, name, json_stringn((const char *)text.data, text.size));
}

static void set_chain(json_t *object, const char *name, X509 *first, X509 *second)
{
	char *a = NULL, *b = NULL;
	size_t a_size = 0, b_size = 0;

	if (certificate_pem(first, &a, &a_size) == TCB_OK && certificate_pem(second, &b, &b_size) == TCB_OK)
		(void)json_object_set_new(object, name, json_sprintf("%.*s%.*s", (int)a_size, a, (int)b_size, b));
	OPENSSL_free(a);
	OPENSSL_free(b);
}

enum tcb_error pki_save_json(const struct collateral *c, X509 *tcb_signing, X509 *root, X509 *platform_ca,
			     const char *dir, struct diagnosis *d)
{
	json_t *object = json_object();
	char path[4096], *text;
	enum tcb_error error;

	set_chain(object, "pck_crl_issuer_chain", platform_ca, root);
	set_hex(object, "root_ca_crl", c->root_crl);
	set_hex(object, "pck_crl", c->pck_crl);
	set_chain(object, "tcb_info_issuer_chain", tcb_signing, root);
	set_text(object, "tcb_info", c->tcb_info);
	set_hex(object, "tcb_info_signature", SPAN_OF(c->tcb_info_signature.bytes));
	set_chain(object, "qe_identity_issuer_chain", tcb_signing, root);
	set_text(object, "qe_identity", c->qe_identity);
	set_hex(object, "qe_identity_signature", SPAN_OF(c->qe_identity_signature.bytes));
	text = json_dumps(object, JSON_INDENT(1));
	json_decref(object);
	error = text != NULL ? path_join(path, sizeof path, dir, "collateral.json", d) : TCB_INTERNAL;
	if (error == TCB_OK)
		error = file_write(path, span_of_text(text), 0644, d);
	free(text);
	return error;
}
