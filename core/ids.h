// SPDX-License-Identifier: MIT
/* Fixed-size values that nearly every part handles. All are plain bytes, never cast from a buffer. */
#ifndef TCBIND_CORE_IDS_H
#define TCBIND_CORE_IDS_H

#include <stdint.h>

#define SHA256_SIZE 32
#define P256_POINT_SIZE 64     /* x || y, big-endian: how SGX quotes and our documents carry public keys */
#define P256_SIGNATURE_SIZE 64 /* r || s, big-endian (COSE ES256, SGX) */
#define TPM_NAME_SIZE 34       /* nameAlg (SHA-256) || digest: TPM 2.0 Part 1, section 16 */
#define UUID_SIZE 16
#define EPOCH_SIZE 16
#define HANDOVER_ID_SIZE 16
#define PPID_SIZE 16           /* names a processor: in its PCK certificate */
#define SGX_REPORT_DATA_SIZE 64
#define SGX_REPORT_SIZE 432
#define SGX_REPORT_BODY_SIZE 384
#define SGX_TARGETINFO_SIZE 512
#define SGX_CPUSVN_SIZE 16

struct digest256 {
	uint8_t bytes[SHA256_SIZE];
};

struct p256_point {
	uint8_t bytes[P256_POINT_SIZE];
};

struct p256_signature {
	uint8_t bytes[P256_SIGNATURE_SIZE];
};

struct tpm_name {
	uint8_t bytes[TPM_NAME_SIZE];
};

struct uuid {
	uint8_t bytes[UUID_SIZE];
};

/* Drawn by the processor at each platform reset; tells one boot from another. */
struct boot_epoch {
	uint8_t bytes[EPOCH_SIZE];
};

struct handover_id {
	uint8_t bytes[HANDOVER_ID_SIZE];
};

/* The roles an enclave can have; ISVPRODID of its signature. */
enum enclave_role {
	ROLE_ACM = 1,
	ROLE_PSE = 2,
	ROLE_MIGE = 3,
	ROLE_VTPM = 4,
	ROLE_DRIVER = 5,
};

/* Who an enclave is, as its processor states it (Intel SDM vol. 3D, REPORT). */
struct enclave_identity {
	uint8_t mrenclave[32];
	uint8_t mrsigner[32];
	uint16_t isv_prod_id; /* an enum enclave_role for ours */
	uint16_t isv_svn;
	uint64_t attributes;  /* ATTRIBUTES.FLAGS */
};

#define SGX_FLAG_INIT 0x1u
#define SGX_FLAG_DEBUG 0x2u
#define SGX_FLAG_MODE64 0x4u
#define SGX_FLAG_PROVISION_KEY 0x10u
#define SGX_FLAG_EINITTOKEN_KEY 0x20u
#define SGX_FLAGS_KNOWN 0x4f7u /* the above, CET, KSS, AEX_NOTIFY: all others are reserved */

#endif
