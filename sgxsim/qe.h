// SPDX-License-Identifier: MIT
/* The simulated quoting enclave's identity: in quotes (quote.c) and in the PKI's QE identity (pki.c). */
#ifndef TCBIND_SGXSIM_QE_H
#define TCBIND_SGXSIM_QE_H

#include "core/ids.h"

#define QE_ISV_SVN 8

extern const struct enclave_identity qe_identity;

#endif
