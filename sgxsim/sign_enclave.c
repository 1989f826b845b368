// SPDX-License-Identifier: MIT
/* sign-enclave: writes IMAGE.sig. Build tool; trusts its arguments. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/limits.h"
#include "sgxsim/file.h"
#include "sgxsim/sigstruct.h"

struct options {
	const char *key, *image, *out;
	uint16_t role, svn;
	bool debug;
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
	while ((option = getopt(argc, argv, "k:r:s:o:d")) != -1) {
		switch (option) {
		case 'k': ret_o->key = optarg; break;
		case 'r': ret_o->role = role_of(optarg); break;
		case 's': ret_o->svn = (uint16_t)atoi(optarg); break;
		case 'o': ret_o->out = optarg; break;
		case 'd': ret_o->debug = true; break;
		default: return false;
		}
	}
	ret_o->image = optind < argc ? argv[optind] : NULL;
	return ret_o->key != NULL && ret_o->image != NULL && ret_o->out != NULL && ret_o->role != 0;
}

static bool sign(const struct options *o)
{
	struct enclave_identity identity = { .isv_prod_id = o->role, .isv_svn = o->svn,
					     .attributes = SGX_FLAG_INIT | SGX_FLAG_MODE64 };
	uint8_t sigstruct[SIGSTRUCT_SIZE];
	struct file_bytes image = {0};
	FILE *f = fopen(o->key, "re");
	EVP_PKEY *key = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	bool ok = key != NULL && file_read(o->image, &image, NULL) == TCB_OK;

	if (o->debug)
		identity.attributes |= SGX_FLAG_DEBUG;
	ok = ok && enclave_measure(file_span(&image), identity.attributes, identity.mrenclave) == TCB_OK &&
	     sigstruct_sign(key, &identity, sigstruct) == TCB_OK &&
	     file_write(o->out, SPAN_OF(sigstruct), 0644, NULL) == TCB_OK;
	if (f != NULL)
		(void)fclose(f);
	EVP_PKEY_free(key);
	file_free(&image);
	return ok;
}

int main(int argc, char **argv)
{
	struct options o;

	if (!parse(argc, argv, &o)) {
		(void)fputs("usage: sign-enclave -k KEY.pem -r acm|pse|mige|vtpm|driver [-s SVN] [-d] -o OUT IMAGE\n", stderr);
		return 2;
	}
	if (!sign(&o)) {
		(void)fprintf(stderr, "sign-enclave: cannot sign %s with %s\n", o.image, o.key);
		return 1;
	}
	return 0;
}
