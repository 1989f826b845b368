// SPDX-License-Identifier: MIT
#include "host/firmware.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/writer.h"
#include "crypto/crypto.h"
#include "host/store.h"

enum { EV_NO_ACTION = 3, EV_SEPARATOR = 4, EV_S_CRTM_VERSION = 8, EV_IPL = 13, ALG_SHA256 = 0x000b };

struct measuring {
	ESYS_CONTEXT *esys;
	struct writer log;
};

/* TCG_PCR_EVENT with TCG_EfiSpecIDEvent: the log holds SHA-256 digests only. */
static void put_spec_id(struct writer *log)
{
	static const char signature[16] = "Spec ID Event03";

	writer_u32_le(log, 0);
	writer_u32_le(log, EV_NO_ACTION);
	writer_zeros(log, 20);
	writer_u32_le(log, 16 + 4 + 4 + 4 + 4 + 1);
	writer_bytes(log, SPAN_OF(signature));
	writer_u32_le(log, 0); /* platform class: client */
	writer_u8(log, 0);     /* version 2.0, errata 0 */
	writer_u8(log, 2);
	writer_u8(log, 0);
	writer_u8(log, 2); /* UINTN is 8 bytes */
	writer_u32_le(log, 1);
	writer_u16_le(log, ALG_SHA256);
	writer_u16_le(log, SHA256_SIZE);
	writer_u8(log, 0); /* no vendor info */
}

static enum tcb_error extend(struct measuring *m, uint32_t pcr, const struct digest256 *digest)
{
	TPML_DIGEST_VALUES values = { .count = 1, .digests = { { .hashAlg = TPM2_ALG_SHA256 } } };

	memcpy(values.digests[0].digest.sha256, digest->bytes, sizeof digest->bytes);
	return Esys_PCR_Extend(m->esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &values) ==
			       TSS2_RC_SUCCESS
		       ? TCB_OK
		       : TCB_PLATFORM;
}

/* TCG_PCR_EVENT2 */
static enum tcb_error measure(struct measuring *m, uint32_t pcr, uint32_t type, const struct digest256 *digest,
			      struct span event)
{
	writer_u32_le(&m->log, pcr);
	writer_u32_le(&m->log, type);
	writer_u32_le(&m->log, 1);
	writer_u16_le(&m->log, ALG_SHA256);
	writer_bytes(&m->log, SPAN_OF(digest->bytes));
	writer_u32_le(&m->log, (uint32_t)event.size);
	writer_bytes(&m->log, event);
	return extend(m, pcr, digest);
}

/* An event that is its own data. */
static enum tcb_error measure_text(struct measuring *m, uint32_t pcr, uint32_t type, struct span event)
{
	struct digest256 digest;

	TRY(crypto_sha256(event, &digest));
	return measure(m, pcr, type, &digest, event);
}

static enum tcb_error measure_program(struct measuring *m, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct digest256 digest;
	struct stat st;
	enum tcb_error error = TCB_PLATFORM;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *mapped = fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0
			       ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
			       : MAP_FAILED;

	if (mapped != MAP_FAILED) {
		error = crypto_sha256(span_of(mapped, (size_t)st.st_size), &digest);
		(void)munmap(mapped, (size_t)st.st_size);
	}
	if (fd >= 0)
		(void)close(fd);
	TRY(error);
	return measure(m, 9, EV_IPL, &digest, span_of_text(slash != NULL ? slash + 1 : path));
}

static enum tcb_error measure_all(struct measuring *m, const char *const *programs, unsigned program_count)
{
	static const uint8_t separator[4];
	struct utsname kernel;

	put_spec_id(&m->log);
	TRY(measure_text(m, 0, EV_S_CRTM_VERSION, span_of_text("tcbind simulated firmware 1")));
	for (uint32_t pcr = 0; pcr < 8; pcr++)
		TRY(measure_text(m, pcr, EV_SEPARATOR, SPAN_OF(separator)));
	if (uname(&kernel) == 0)
		TRY(measure_text(m, 8, EV_IPL, span_of_text(kernel.release)));
	for (unsigned i = 0; i < program_count; i++)
		TRY(measure_program(m, programs[i]));
	return writer_end(&m->log, NULL);
}

static enum tcb_error save_log(const char *path, struct span log, struct diagnosis *d)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];

	(void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
	return store_put(dir, slash + 1, log, d);
}

enum tcb_error firmware_measure(const char *tcti_text, const char *const *programs, unsigned program_count,
				const char *log_path, struct diagnosis *d)
{
	static uint8_t log_bytes[LIMIT_EVENT_LOG];
	struct measuring m = { .log = WRITER_OF(log_bytes) };
	TSS2_TCTI_CONTEXT *tcti = NULL;
	enum tcb_error error = TCB_PLATFORM;

	if (Tss2_TctiLdr_Initialize(tcti_text, &tcti) == TSS2_RC_SUCCESS &&
	    Esys_Initialize(&m.esys, tcti, NULL) == TSS2_RC_SUCCESS)
		error = measure_all(&m, programs, program_count);
	Esys_Finalize(&m.esys);
	Tss2_TctiLdr_Finalize(&tcti);
	if (error == TCB_OK)
		return save_log(log_path, span_of(log_bytes, m.log.size), d);
	return diagnose_found(d, error, "firmware.measure", "a physical TPM and programs to measure",
			      "check the platform's `ptpm` setting", "a failure at %s", tcti_text);
}

void firmware_shut_down(const char *tcti_text)
{
	TSS2_TCTI_CONTEXT *tcti = NULL;
	ESYS_CONTEXT *esys = NULL;

	if (Tss2_TctiLdr_Initialize(tcti_text, &tcti) == TSS2_RC_SUCCESS && Esys_Initialize(&esys, tcti, NULL) == TSS2_RC_SUCCESS)
		(void)Esys_Shutdown(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_SU_CLEAR);
	Esys_Finalize(&esys);
	Tss2_TctiLdr_Finalize(&tcti);
}
