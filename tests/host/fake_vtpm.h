// SPDX-License-Identifier: MIT
/* A vTPM without an enclave, for tests and fuzzing of the front: host/vtpm_enclave.h as far as host/front*.c calls it. Each call is answered at once with
 * success and with bytes that are told from each other; commands come by CALL_VTPM_COMMAND, never by CALL_VTPM_SERVE. */
#ifndef TCBIND_TESTS_HOST_FAKE_VTPM_H
#define TCBIND_TESTS_HOST_FAKE_VTPM_H

enum {
	FAKE_BLOB_SIZE = 9000,
	FAKE_INFO_SIZE = 5000, /* without the NUL */
};

/* CALL_VTPM_INIT fails from now on, or does not. */
void fake_vtpm_refuse_init(int refuse);
/* The code of what was logged last. */
const char *fake_vtpm_logged(void);

#endif
