// SPDX-License-Identifier: MIT
/* Reads collateral for programs; what it says is judged by quote_appraise(). The files' contents are hostile, their names are the caller's. */
#include "verify/lib/collateral_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify/lib/files.h"

/* One part of the collateral and the names under which a directory may have it; exactly one must be there. */
struct part_names {
	const char *names[7];
};

/* Those in camel case, and IntelSGXRootCA, are Intel's own. */
static const struct part_names tcb_info_names = {{"tcb_info.json", "tcbinfo.json", "tcbInfo.json"}};
static const struct part_names tcb_info_chain_names = {{"tcb_info_issuer_chain.pem", "tcb_info_issuer_chain", "tcbSignChain.pem"}};
static const struct part_names qe_identity_names = {{"qe_identity.json", "qeidentity.json", "qeIdentity.json"}};
static const struct part_names qe_identity_chain_names = {
	{"qe_identity_issuer_chain.pem", "qe_identity_issuer_chain", "tcbSignChain.pem"}};
static const struct part_names pck_crl_names = {
	{"pck_crl.der", "pck_crl.pem", "pck_crl.crl", "pck_crl.hex", "pck_crl", "intermediateCaCrl.der", "intermediateCaCrl.pem"}};
static const struct part_names pck_crl_chain_names = {{"pck_crl_issuer_chain.pem", "pck_crl_issuer_chain", "pckSignChain.pem"}};
static const struct part_names root_crl_names = {{"root_ca_crl.der", "root_ca_crl.pem", "root_ca_crl.crl", "root_ca_crl.hex",
						  "root_ca_crl", "IntelSGXRootCA.der", "rootCaCrl.der"}};

static enum tcb_error join(const char *dir, const char *name, char ret_path[PATH_MAX], struct diagnosis *d)
{
	if (snprintf(ret_path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		return diagnose(d, TCB_LIMIT, "file.read", "a path that is too long", "a shorter one", "move the directory");
	return TCB_OK;
}

static enum tcb_error find_name(const char *dir, const struct part_names *part, char ret_path[PATH_MAX], struct diagnosis *d)
{
	char path[PATH_MAX];
	bool found = false;

	for (size_t i = 0; i < sizeof part->names / sizeof part->names[0] && part->names[i] != NULL; i++) {
		TRY(join(dir, part->names[i], path, d));
		if (access(path, F_OK) != 0)
			continue;
		if (found)
			return diagnose_found(d, TCB_MALFORMED, "collateral.file", "one of them", "remove the one that is not meant",
					      "%s and %s", ret_path, path);
		memcpy(ret_path, path, sizeof path);
		found = true;
	}
	return found ? TCB_OK
		     : diagnose_found(d, TCB_PLATFORM, "collateral.file", "a directory with all parts (docs/dcap.md)",
				      "save the service's answer there", "no %s in %s", part->names[0], dir);
}

struct part {
	char path[PATH_MAX];
	struct span bytes; /* of the file, copied to the memory */
};

static enum tcb_error read_part(const char *dir, const struct part_names *names, struct writer *w, struct part *ret_part,
				struct diagnosis *d)
{
	size_t start = w->size, size;
	uint8_t *bytes;

	TRY(find_name(dir, names, ret_part->path, d));
	TRY(files_read(ret_part->path, LIMIT_COLLATERAL, false, &bytes, &size, d));
	writer_bytes(w, span_of(bytes, size));
	free(bytes);
	if (w->error != TCB_OK)
		return diagnose_found(d, TCB_LIMIT, "file.large", "collateral of 192 KiB at most", "check that the files are the right ones",
				      "%s", dir);
	ret_part->bytes = span_of(w->data + start, size);
	return TCB_OK;
}

/* Says of which file an error is. */
static enum tcb_error in_file(const struct part *part, enum tcb_error error, struct diagnosis *d)
{
	struct diagnosis of_bytes;

	if (error == TCB_OK || d == NULL)
		return error;
	of_bytes = *d;
	*d = (struct diagnosis){0};
	return diagnose_found(d, error, of_bytes.code, of_bytes.wanted, of_bytes.action, "%s: %s", part->path, of_bytes.found);
}

static enum tcb_error read_response(const char *dir, const struct part_names *names, const char *member, struct writer *w,
				    struct span *ret_text, struct p256_signature *ret_signature, struct diagnosis *d)
{
	struct part part;

	TRY(read_part(dir, names, w, &part, d));
	return in_file(&part, collateral_response_decode(part.bytes, member, ret_text, ret_signature, d), d);
}

static enum tcb_error read_chain(const char *dir, const struct part_names *names, struct writer *w, struct span *ret_pem,
				 struct diagnosis *d)
{
	struct part part;

	TRY(read_part(dir, names, w, &part, d));
	return in_file(&part, collateral_chain_decode(part.bytes, w, ret_pem, d), d);
}

static enum tcb_error read_crl(const char *dir, const struct part_names *names, struct writer *w, struct span *ret_der,
			       struct diagnosis *d)
{
	struct part part;

	TRY(read_part(dir, names, w, &part, d));
	return in_file(&part, collateral_crl_decode(part.bytes, w, ret_der, d), d);
}

static enum tcb_error load_directory(const char *dir, struct collateral_memory *memory, struct collateral *ret_collateral,
				     struct diagnosis *d)
{
	struct writer w = WRITER_OF(memory->bytes);
	struct collateral_parts p = {0};

	TRY(read_response(dir, &tcb_info_names, "tcbInfo", &w, &p.tcb_info, &p.tcb_info_signature, d));
	TRY(read_chain(dir, &tcb_info_chain_names, &w, &p.tcb_info_chain, d));
	TRY(read_response(dir, &qe_identity_names, "enclaveIdentity", &w, &p.qe_identity, &p.qe_identity_signature, d));
	TRY(read_chain(dir, &qe_identity_chain_names, &w, &p.qe_identity_chain, d));
	TRY(read_crl(dir, &pck_crl_names, &w, &p.pck_crl, d));
	TRY(read_chain(dir, &pck_crl_chain_names, &w, &p.pck_crl_chain, d));
	TRY(read_crl(dir, &root_crl_names, &w, &p.root_crl, d));
	return collateral_assemble(&p, &w, ret_collateral, d);
}

static enum tcb_error load_document(const char *path, struct collateral_memory *memory, struct collateral *ret_collateral,
				    struct diagnosis *d)
{
	uint8_t *bytes;
	size_t size;
	enum tcb_error error;

	TRY(files_read(path, 4 * LIMIT_COLLATERAL, false, &bytes, &size, d));
	error = collateral_json_decode(span_of(bytes, size), memory, ret_collateral, d);
	free(bytes);
	return error;
}

enum tcb_error collateral_load(const char *path, struct collateral_memory *memory, struct collateral *ret_collateral,
			       struct diagnosis *d)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return load_directory(path, memory, ret_collateral, d);
	return load_document(path, memory, ret_collateral, d);
}
