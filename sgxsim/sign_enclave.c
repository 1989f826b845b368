// SPDX-License-Identifier: MIT
/* sign-enclave: measures an enclave image, and signs the measurement into IMAGE.sig. It trusts its
 * arguments, and does not execute the image. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/limits.h"
#include "sgxsim/file.h"
#include "sgxsim/sigstruct.h"

struct options {
	const char *key, *image, *out;
	uint16_t role, svn;
	bool debug, only_measure;
};

static const struct { const char *name; enum enclave_role role; } roles[] = {
	{"acm", ROLE_ACM}, {"pse", ROLE_PSE}, {"mige", ROLE_MIGE}, {"vtpm", ROLE_VTPM}, {"driver", ROLE_DRIVER},
};

static uint16_t role_of(const char *name)
{
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
		if (strcmp(roles[i].name, name) == 0)
			return (uint16_t)roles[i].role;
	return 0;
}

static bool parse(int argc, char **argv, struct options *ret_o)
{
	int option;

	*ret_o = (struct options){ .svn = 1 };
	while ((option = getopt(argc, argv, "k:r:s:o:dm")) != -1) {
		switch (option) {
		case 'k': ret_o->key = optarg; break;
		case 'r': ret_o->role = role_of(optarg); break;
		case 's': ret_o->svn = (uint16_t)atoi(optarg); break;
		case 'o': ret_o->out = optarg; break;
		case 'd': ret_o->debug = true; break;
		case 'm': ret_o->only_measure = true; break;
		default: return false;
		}
	}
	ret_o->image = optind < argc ? argv[optind] : NULL;
	return ret_o->image != NULL && ret_o->role != 0 &&
	       (ret_o->only_measure || (ret_o->key != NULL && ret_o->out != NULL));
}

static enum tcb_error measure(const struct options *o, struct enclave_identity *ret_identity,
			      struct diagnosis *d)
{
	struct file_bytes image = {0};
	enum tcb_error error;

	*ret_identity = (struct enclave_identity){ .isv_prod_id = o->role, .isv_svn = o->svn,
						   .attributes = SGX_FLAG_INIT | SGX_FLAG_MODE64 };
	if (o->debug)
		ret_identity->attributes |= SGX_FLAG_DEBUG;
	TRY(file_read(o->image, &image, d));
	error = enclave_measure(file_span(&image), ret_identity->attributes, ret_identity->mrenclave);
	file_free(&image);
	return error;
}

/* NULL if there is no private key in the file. The caller frees the key. */
static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f != NULL)
		(void)fclose(f);
	return key;
}

static enum tcb_error sign(const struct options *o, const struct enclave_identity *identity,
			   struct diagnosis *d)
{
	uint8_t sigstruct[SIGSTRUCT_SIZE];
	EVP_PKEY *key = read_key(o->key);
	bool key_read = key != NULL;
	enum tcb_error error = key_read ? sigstruct_sign(key, identity, sigstruct) : TCB_REFUSED;

	EVP_PKEY_free(key);
	if (error == TCB_REFUSED)
		return diagnose_found(d, error, "sgx.signer.key",
				      "an RSA-3072 private key with exponent 3, in PEM",
				      "make one: openssl genpkey -algorithm RSA -pkeyopt "
				      "rsa_keygen_bits:3072 -pkeyopt rsa_keygen_pubexp:3 -out FILE",
				      key_read ? "%s holds a key that SGX does not take"
					       : "%s holds no private key",
				      o->key);
	TRY(error);
	return file_write(o->out, SPAN_OF(sigstruct), 0644, d);
}

static enum tcb_error print_measurement(const struct enclave_identity *identity)
{
	char hex[65];

	hex_encode(SPAN_OF(identity->mrenclave), hex);
	return puts(hex) == EOF ? TCB_PLATFORM : TCB_OK;
}

int main(int argc, char **argv)
{
	struct enclave_identity identity;
	struct diagnosis d = {0};
	enum tcb_error error;
	struct options o;

	if (!parse(argc, argv, &o)) {
		(void)fputs("usage: sign-enclave -k KEY.pem -r ROLE [-s SVN] [-d] -o OUT IMAGE\n"
			    "       sign-enclave -m -r ROLE [-s SVN] [-d] IMAGE\n"
			    "ROLE: acm, pse, mige, vtpm or driver\n",
			    stderr);
		return 2;
	}
	error = measure(&o, &identity, &d);
	if (error == TCB_OK)
		error = o.only_measure ? print_measurement(&identity) : sign(&o, &identity, &d);
	if (error == TCB_OK)
		return 0;
	(void)diagnose(&d, error, "sgx.signer.failed", tcb_error_name(error),
		       "an image that can be signed", "report this");
	(void)fprintf(stderr, "sign-enclave: %s\n  found:  %s\n  wanted: %s\n  do:     %s\n", d.code,
		      d.found, d.wanted, d.action);
	return 1;
}
