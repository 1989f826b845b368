/* The keys that a vTPM has from its seeds: templates, persistent handles and where their certificates stand. TCG EK Credential
 * Profile 2.5, section 2.2 and annex B; TPM 2.0 Part 2, 12.2.4. */
#ifndef TCBIND_ENCLAVE_VTPM_KEY_TEMPLATE_H
#define TCBIND_ENCLAVE_VTPM_KEY_TEMPLATE_H

#include "core/writer.h"
#include "edge/local.h"

enum vtpm_key {
	KEY_EK_P256,  /* template L-2 */
	KEY_AK,       /* restricted signing, ECDSA P-256 with SHA-256 */
	KEY_EK_P384,  /* template H-3, as swtpm_setup makes it */
	KEY_EK_RSA2048, /* template L-1 */
	KEY_COUNT,
};

struct key_template {
	uint32_t handle;            /* persistent */
	uint32_t certificate_index; /* NV */
	enum certify_kind kind;
	void (*put)(struct writer *w); /* TPMT_PUBLIC, unique field as the profile wants it */
	size_t unique_size;            /* bytes at the template's end that a key replaces: its unique field */
};

const struct key_template *key_template_of(enum vtpm_key key);

#endif
