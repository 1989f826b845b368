// SPDX-License-Identifier: MIT
/* The keys that a vTPM has from its seeds: templates, persistent handles and where their certificates stand. TCG EK Credential
 * Profile 2.5, section 2.2 and annex B; TPM 2.0 Part 2, 12.2.4. */
#ifndef TCBIND_ENCLAVE_VTPM_KEY_TEMPLATE_H
#define TCBIND_ENCLAVE_VTPM_KEY_TEMPLATE_H

#include "core/writer.h"
#include "edge/local.h"
#include "edge/vtpm.h"

struct key_template {
	uint32_t handle;            /* persistent */
	uint32_t certificate_index; /* NV */
	enum certify_kind kind;
	void (*put)(struct writer *w); /* TPMT_PUBLIC, unique field as the profile wants it */
	size_t unique_size;            /* bytes at the template's end that a key replaces: its unique field */
};

const struct key_template *key_template_of(enum vtpm_key key);
/* One of those that stand at the P-384 EK's handle. */
bool key_is_p384(enum vtpm_key key);

#endif
