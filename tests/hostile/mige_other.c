// SPDX-License-Identifier: MIT
/* A MigE of another release: it has no LOCAL_REVOKE, and refuses it as a request that it does not
 * know. For HOSTILE-HOST F6. */
#include "edge/local.h"

#define LOCAL_REVOKE ((enum local_request)250)
#include "enclave/mige/main.c"
