// SPDX-License-Identifier: MIT
#include "enclave/vtpm/engine.h"

#include <libtpms/tpm_error.h>
#include <libtpms/tpm_library.h>
#include <libtpms/tpm_nvfilename.h>
#include <libtpms/tpm_tis.h>
#include <malloc.h>
#include <stdlib.h>

#include "core/wipe.h"
#include "enclave/vtpm/pack.h"

static struct {
	bool running, changed, used, untidy; /* has run a command since it was started; has memory from its start */
	uint8_t locality;
	size_t permanent_size;
	uint8_t permanent[LIMIT_TPM_PERMANENT]; /* packed */
	unsigned char *response; /* libtpms' malloc */
	uint32_t response_capacity;
	char *info;
} engine;

/* In memory that free() releases; empty stays empty. */
static bool unpack_new(struct span packed, struct span *ret_plain)
{
	struct reader r = reader_of(packed);
	struct span plain = span_of(NULL, 0);
	uint8_t *bytes = NULL;
	uint32_t size = 0;
	bool ok = packed.size == 0 || (reader_u32(&r, &size) == TCB_OK && size <= LIMIT_TPM_PERMANENT && (bytes = malloc(size + 1u)) != NULL);

	if (packed.size > 0)
		ok = ok && unpack(packed, bytes, size, &plain) == TCB_OK;
	if (!ok) {
		free(bytes);
		return false;
	}
	*ret_plain = plain;
	return true;
}

/* ---- what libtpms asks of us ---- */

static TPM_RESULT nvram_init(void) { return TPM_SUCCESS; }
static TPM_RESULT io_init(void) { return TPM_SUCCESS; }

/* What SetState gave is not asked for; but libtpms reads back what it stored when it made a new TPM. */
static TPM_RESULT nvram_load(unsigned char **data, uint32_t *size, uint32_t number, const char *name)
{
	struct span plain;

	(void)number;
	if (strcmp(name, TPM_PERMANENT_ALL_NAME) != 0 || engine.permanent_size == 0)
		return TPM_RETRY; /* there is none */
	if (!unpack_new(span_of(engine.permanent, engine.permanent_size), &plain))
		return TPM_SIZE;
	*data = (unsigned char *)(uintptr_t)plain.data; /* libtpms frees it */
	*size = (uint32_t)plain.size;
	return TPM_SUCCESS;
}

static TPM_RESULT nvram_store(const unsigned char *data, uint32_t size, uint32_t number, const char *name)
{
	struct writer w = WRITER_OF(engine.permanent);

	(void)number;
	if (strcmp(name, TPM_PERMANENT_ALL_NAME) != 0)
		return TPM_SUCCESS; /* volatile state is fetched when it is wanted */
	pack(&w, span_of(data, size));
	if (writer_end(&w, NULL) != TCB_OK)
		return TPM_FAIL;
	if (w.size < engine.permanent_size)
		wipe(engine.permanent + w.size, engine.permanent_size - w.size);
	engine.permanent_size = w.size;
	engine.changed = true;
	return TPM_SUCCESS;
}

static TPM_RESULT nvram_delete(uint32_t number, const char *name, TPM_BOOL must_exist)
{
	(void)number;
	(void)name;
	(void)must_exist;
	return TPM_SUCCESS;
}

static TPM_RESULT io_locality(TPM_MODIFIER_INDICATOR *locality, uint32_t number)
{
	(void)number;
	*locality = engine.locality;
	return TPM_SUCCESS;
}

static TPM_RESULT io_presence(TPM_BOOL *presence, uint32_t number)
{
	(void)number;
	*presence = 0;
	return TPM_SUCCESS;
}

static bool register_callbacks(void)
{
	struct libtpms_callbacks callbacks = {
		.sizeOfStruct = sizeof callbacks,
		.tpm_nvram_init = nvram_init,
		.tpm_nvram_loaddata = nvram_load,
		.tpm_nvram_storedata = nvram_store,
		.tpm_nvram_deletename = nvram_delete,
		.tpm_io_init = io_init,
		.tpm_io_getlocality = io_locality,
		.tpm_io_getphysicalpresence = io_presence,
	};

	return TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2) == TPM_SUCCESS &&
	       TPMLIB_RegisterCallbacks(&callbacks) == TPM_SUCCESS;
}

/* ---- life ---- */

/* An empty state is not set: libtpms would take it for what stands in its storage. */
static bool set_state(enum TPMLIB_StateType type, struct span state)
{
	return state.size == 0 || TPMLIB_SetState(type, state.data, (uint32_t)state.size) == TPM_SUCCESS;
}

enum tcb_error engine_keep(struct span permanent)
{
	if (permanent.size > sizeof engine.permanent)
		return TCB_LIMIT;
	if (permanent.size > 0)
		memmove(engine.permanent, permanent.data, permanent.size); /* it may be our own buffer */
	engine.permanent_size = permanent.size;
	return TCB_OK;
}

/* libtpms writes all its state into one large block whenever it changes: the block stays, rather than being mapped and faulted in anew each time. */
static void keep_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 8 * LIMIT_TPM_PERMANENT);
	(void)mallopt(M_TRIM_THRESHOLD, 8 * LIMIT_TPM_PERMANENT);
}

enum tcb_error engine_start(struct span permanent, struct span volatile_state, struct diagnosis *d)
{
	struct span plain = {0};
	bool ok;

	engine_stop();
	keep_memory();
	ok = engine_keep(permanent) == TCB_OK && unpack_new(span_of(engine.permanent, engine.permanent_size), &plain);
	/* libtpms copies what it is given. */
	ok = ok && register_callbacks() && set_state(TPMLIB_STATE_PERMANENT, plain) &&
	     set_state(TPMLIB_STATE_VOLATILE, volatile_state) && TPMLIB_MainInit() == TPM_SUCCESS;
	if (plain.size > 0)
		wipe((void *)(uintptr_t)plain.data, plain.size);
	free((void *)(uintptr_t)plain.data);
	engine.untidy = true;
	engine.used = false;
	if (!ok)
		return diagnose(d, TCB_MALFORMED, "vtpm.engine", "a TPM state that libtpms does not start from",
				"the state of a libtpms of this version or an older one",
				"start it with the release that wrote it, or restore the newest state");
	engine.running = true;
	return TCB_OK;
}

uint32_t engine_version(void)
{
	return (uint32_t)TPMLIB_GetVersion();
}

void engine_stop(void)
{
	if (engine.running)
		TPMLIB_Terminate();
	engine.running = false;
}

static enum tcb_error start_up(struct span permanent, struct diagnosis *d)
{
	static const uint8_t startup_clear[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 0 };
	struct span response;

	TRY(engine_start(permanent, span_of(NULL, 0), d));
	return engine_process(0, SPAN_OF(startup_clear), &response);
}

enum tcb_error engine_rehearse(struct diagnosis *d)
{
	enum tcb_error error = start_up(span_of(NULL, 0), d);

	if (error == TCB_OK)
		error = start_up(engine_permanent(), d); /* which goes other ways */
	engine_stop();
	wipe(engine.permanent, engine.permanent_size);
	engine.permanent_size = 0;
	engine.changed = engine.untidy = false;
	return error;
}

void engine_tidy(void)
{
	if (!engine.untidy || !engine.used)
		return;
	engine.untidy = false;
	(void)malloc_trim(0);
}

bool engine_running(void)
{
	return engine.running;
}

enum tcb_error engine_process(uint8_t locality, struct span command, struct span *ret_response)
{
	static uint8_t bytes[LIMIT_TPM_COMMAND + 16];
	uint32_t size = 0;

	if (!engine.running)
		return TCB_WRONG_STATE;
	if (command.size > sizeof bytes)
		return TCB_LIMIT;
	engine.used = true;
	memcpy(bytes, command.data, command.size); /* libtpms takes it as writable */
	engine.locality = locality;
	if (TPMLIB_Process(&engine.response, &size, &engine.response_capacity, bytes, (uint32_t)command.size) !=
	    TPM_SUCCESS)
		return TCB_INTERNAL;
	*ret_response = span_of(engine.response, size);
	return TCB_OK;
}

struct span engine_permanent(void)
{
	return span_of(engine.permanent, engine.permanent_size);
}

bool engine_take_changed(void)
{
	bool changed = engine.changed;

	engine.changed = false;
	return changed;
}

enum tcb_error engine_volatile(uint8_t *ret_bytes, size_t capacity, size_t *ret_size)
{
	unsigned char *state = NULL;
	uint32_t size = 0;
	bool ok = engine.running && TPMLIB_GetState(TPMLIB_STATE_VOLATILE, &state, &size) == TPM_SUCCESS &&
		  size <= capacity;

	if (ok) {
		memcpy(ret_bytes, state, size);
		*ret_size = size;
	}
	free(state);
	return ok ? TCB_OK : TCB_INTERNAL;
}

/* ---- locality 4, tpmEstablished ---- */

static enum tcb_error result(TPM_RESULT r)
{
	return r == TPM_SUCCESS ? TCB_OK : TCB_INTERNAL;
}

enum tcb_error engine_established(bool *ret_bit)
{
	TPM_BOOL bit = 0;

	TRY(result(TPM_IO_TpmEstablished_Get(&bit)));
	*ret_bit = bit != 0;
	return TCB_OK;
}

enum tcb_error engine_reset_established(uint8_t locality)
{
	engine.locality = locality;
	return result(TPM_IO_TpmEstablished_Reset());
}

enum tcb_error engine_hash_start(void)
{
	engine.locality = 4;
	return result(TPM_IO_Hash_Start());
}

enum tcb_error engine_hash_data(struct span bytes)
{
	return result(TPM_IO_Hash_Data(bytes.data, (uint32_t)bytes.size));
}

enum tcb_error engine_hash_end(void)
{
	return result(TPM_IO_Hash_End());
}

uint32_t engine_buffer_size(uint32_t wanted, uint32_t *ret_min, uint32_t *ret_max)
{
	if (!engine.running)
		(void)register_callbacks();
	return TPMLIB_SetBufferSize(wanted, ret_min, ret_max);
}

enum tcb_error engine_info(uint64_t flags, struct span *ret_json)
{
	if (!engine.running)
		(void)register_callbacks();
	free(engine.info);
	engine.info = TPMLIB_GetInfo((enum TPMLIB_InfoFlags)flags);
	if (engine.info == NULL)
		return TCB_INTERNAL;
	*ret_json = span_of_text(engine.info);
	return TCB_OK;
}
