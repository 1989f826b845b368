/* What libtpms calls in place of four functions (tools/lever-libtpms renames them in a copy of Debian's libtpms.a): the same results, faster.
 * libtpms 0.9 builds each NIST curve from its parameters, so that OpenSSL takes its generic field arithmetic; and it gives OpenSSL the CRT
 * exponents of an RSA key without the primes, so that OpenSSL does not use them. */
#ifndef TCBIND_ENCLAVE_VTPM_LEVERS_H
#define TCBIND_ENCLAVE_VTPM_LEVERS_H

#include <openssl/ec.h>
#include <openssl/rsa.h>

/* EC_GROUP_new_curve_GFp(): the named curve where p, a and b are one's. */
EC_GROUP *lever_EC_GROUP_new_curve_GFp(const BIGNUM *p, const BIGNUM *a, const BIGNUM *b, BN_CTX *ctx);
/* EC_GROUP_set_generator(): a named curve that has this generator and order already keeps its tables. */
int lever_EC_GROUP_set_generator(EC_GROUP *group, const EC_POINT *generator, const BIGNUM *order, const BIGNUM *cofactor);

/* libtpms' ExpDCacheFind(), ExpDCacheAdd(): what it computed last for an RSA key, its primes among it. Noted here for the next. */
BIGNUM *lever_ExpDCacheFind(const BIGNUM *p, const BIGNUM *n, const BIGNUM *e, BIGNUM **ret_q);
void lever_ExpDCacheAdd(const BIGNUM *p, const BIGNUM *n, const BIGNUM *e, const BIGNUM *q, const BIGNUM *d);
/* RSA_set0_crt_params(): with the primes, if those noted last are this key's. */
int lever_RSA_set0_crt_params(RSA *rsa, BIGNUM *dmp1, BIGNUM *dmq1, BIGNUM *iqmp);

#endif
