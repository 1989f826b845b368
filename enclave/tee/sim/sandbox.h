// SPDX-License-Identifier: MIT
/* What an enclave process of the simulated processor may still do: compute, and talk on its two descriptors. */
#ifndef TCBIND_ENCLAVE_TEE_SIM_SANDBOX_H
#define TCBIND_ENCLAVE_TEE_SIM_SANDBOX_H

#include <stdbool.h>

/* Allow-list seccomp (anything else kills the process), no new privileges, no dumps. False: do not go on. */
bool sandbox_enter(void);

#endif
