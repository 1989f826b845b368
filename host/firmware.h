// SPDX-License-Identifier: MIT
/* What the firmware and boot loader of a simulated platform do to its physical TPM: measure, extend, log. On hardware this is
 * not run: the real firmware has done it. */
#ifndef TCBIND_HOST_FIRMWARE_H
#define TCBIND_HOST_FIRMWARE_H

#include "core/error.h"

/* Extends the SHA-256 bank of the TPM at `tcti` and writes the TCG crypto-agile log (PC Client Platform Firmware Profile,
 * section 10) to `log_path`. `programs` are files whose digests are measured into PCR 9, in order, by their base names. */
enum tcb_error firmware_measure(const char *tcti, const char *const *programs, unsigned program_count,
				const char *log_path, struct diagnosis *d) MUST_USE;

/* At the platform's orderly end, as an operating system's: TPM2_Shutdown(CLEAR). Without it the TPM counts towards a lockout. */
void firmware_shut_down(const char *tcti);

#endif
