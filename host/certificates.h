// SPDX-License-Identifier: MIT
/* A vTPM's certificates, as its enclave last gave them to its host (STORE_VTPM_CERTIFICATES): for who manages the host. Nothing is decided by them. */
#ifndef TCBIND_HOST_CERTIFICATES_H
#define TCBIND_HOST_CERTIFICATES_H

#include <jansson.h>

#include "host/place.h"

/* [{"nv_index": "0x01c00016", "pem": ...}...], empty where there are none; a new reference. */
json_t *certificates_json(const struct place *p);

#endif
