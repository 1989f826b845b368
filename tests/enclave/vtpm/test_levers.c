// SPDX-License-Identifier: MIT
/* libtpms as it is, and with the levers and after a rehearsal, from one permanent state: the same primary keys, and each does what the other's keys
 * ask for.
 *   test_levers PLAIN-PROBE LEVERED-PROBE */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"

enum {
	CREATE_PRIMARY = 0x131, CREATE = 0x153, LOAD = 0x157, SIGN = 0x15d, VERIFY = 0x177, ECDH_ZGEN = 0x154, ECDH_KEYGEN = 0x163,
	RSA_ENCRYPT = 0x174, RSA_DECRYPT = 0x159, STARTUP = 0x144,
};

static const char *probes[2]; /* plain, levered */
static char state_path[] = "/tmp/tcbind-levers.XXXXXX";

struct engine {
	pid_t pid;
	int in, out;
	uint8_t bytes[LIMIT_TPM_COMMAND];
};

static struct engine engines[2];

static void start(struct engine *e, const char *probe, const char *state, bool rehearsed)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	e->pid = fork();
	assert_true(e->pid >= 0);
	if (e->pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execl(probe, probe, state, rehearsed ? "rehearsed" : NULL, NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	e->in = in[1];
	e->out = out[0];
}

static void end(struct engine *e)
{
	(void)close(e->in);
	(void)close(e->out);
	(void)waitpid(e->pid, NULL, 0);
}

static void read_all(int fd, uint8_t *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, bytes + done, size - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
}

/* ---- commands; an authorized one has an empty password ---- */

/* The response after its header, borrowed until the engine's next; the handle that comes first in it, if `ret_handle` wants one. */
static struct span command(struct engine *e, uint32_t code, const uint32_t *handle, bool authorized, struct span parameters,
			   uint32_t *ret_handle)
{
	uint8_t bytes[LIMIT_TPM_COMMAND], head[4];
	struct writer w = WRITER_OF(bytes);
	struct span whole;
	struct reader r;
	uint32_t size, rc;
	uint16_t tag;

	writer_u32(&w, 0); /* the probe's size */
	writer_u16(&w, authorized ? 0x8002 : 0x8001);
	writer_u32(&w, 0);
	writer_u32(&w, code);
	if (handle != NULL)
		writer_u32(&w, *handle);
	if (authorized) {
		writer_u32(&w, 9);
		writer_u32(&w, 0x40000009);
		writer_zeros(&w, 5);
	}
	writer_bytes(&w, parameters);
	assert_int_equal(writer_end(&w, &whole), TCB_OK);
	w = writer_of(bytes, 10);
	writer_u32(&w, (uint32_t)whole.size - 4);
	writer_u16(&w, authorized ? 0x8002 : 0x8001);
	writer_u32(&w, (uint32_t)whole.size - 4);
	do { /* TPM_RC_RETRY: once, before the first authorization */
		assert_int_equal(write(e->in, whole.data, whole.size), whole.size);
		read_all(e->out, head, sizeof head);
		r = reader_of(SPAN_OF(head));
		assert_int_equal(reader_u32(&r, &size), TCB_OK);
		assert_true(size >= 10 && size <= sizeof e->bytes);
		read_all(e->out, e->bytes, size);
		r = reader_of(span_of(e->bytes, size));
		assert_int_equal(reader_u16(&r, &tag), TCB_OK);
		assert_int_equal(reader_u32(&r, &size), TCB_OK);
		assert_int_equal(reader_u32(&r, &rc), TCB_OK);
	} while (rc == 0x922);
	if (rc != 0)
		fail_msg("command 0x%x: 0x%x", code, rc);
	if (ret_handle != NULL)
		assert_int_equal(reader_u32(&r, ret_handle), TCB_OK);
	if (authorized)
		assert_int_equal(reader_u32(&r, &size), TCB_OK); /* of the parameters */
	return r.rest;
}

static struct span take(struct span *from)
{
	struct reader r = reader_of(*from);
	struct span bytes;

	assert_int_equal(reader_tpm2b(&r, &bytes), TCB_OK);
	*from = r.rest;
	return bytes;
}

struct key {
	const char *name;
	uint16_t type, curve; /* 1 RSA, 0x23 ECC */
	bool parent;
};

static const struct key keys[] = {
	{ "RSA-2048", 1, 0, false }, { "P-256", 0x23, 3, false }, { "P-384", 0x23, 4, false }, { "P-521", 0x23, 5, false },
};
static const struct key parent_key = { "P-256 parent", 0x23, 3, true };

static void put_template(struct writer *w, const struct key *k)
{
	uint8_t bytes[128];
	struct writer t = WRITER_OF(bytes);

	writer_u16(&t, k->type);
	writer_u16(&t, 0x000b);
	writer_u32(&t, k->parent ? 0x00030072 : 0x00060072);
	writer_u16(&t, 0);
	if (k->parent) {
		writer_u16(&t, 6);
		writer_u16(&t, 128);
		writer_u16(&t, 0x43);
	} else {
		writer_u16(&t, 0x10);
	}
	writer_u16(&t, 0x10);
	if (k->type == 1) {
		writer_u16(&t, 2048);
		writer_u32(&t, 0);
		writer_u16(&t, 0);
	} else {
		writer_u16(&t, k->curve);
		writer_u16(&t, 0x10);
		writer_u32(&t, 0);
	}
	writer_tpm2b(w, span_of(t.data, t.size));
}

/* What TPM2_Create and TPM2_CreatePrimary take. */
static struct span creation(const struct key *k, uint8_t *bytes, size_t capacity)
{
	struct writer w = writer_of(bytes, capacity);
	struct span parameters;

	writer_u16(&w, 4);
	writer_u32(&w, 0);
	put_template(&w, k);
	writer_u16(&w, 0);
	writer_u32(&w, 0);
	assert_int_equal(writer_end(&w, &parameters), TCB_OK);
	return parameters;
}

static uint32_t create_primary(struct engine *e, const struct key *k, struct span *ret_rest)
{
	const uint32_t owner = 0x40000001;
	uint8_t bytes[256];
	uint32_t handle;

	*ret_rest = command(e, CREATE_PRIMARY, &owner, true, creation(k, bytes, sizeof bytes), &handle);
	return handle;
}

static void flush(struct engine *e, uint32_t handle)
{
	uint8_t bytes[4];
	struct writer w = WRITER_OF(bytes);

	writer_u32(&w, handle);
	(void)command(e, 0x165, NULL, false, SPAN_OF(bytes), NULL);
}

static struct span sign(struct engine *e, const struct key *k, uint32_t handle)
{
	uint8_t bytes[128], digest[32] = { 7, 7, 7 };
	struct writer w = WRITER_OF(bytes);
	struct span response, parameters, rest;

	writer_tpm2b(&w, SPAN_OF(digest));
	writer_u16(&w, k->type == 1 ? 0x14 : 0x18);
	writer_u16(&w, 0x0b);
	writer_u16(&w, 0x8024);
	writer_u32(&w, 0x40000007);
	writer_u16(&w, 0);
	assert_int_equal(writer_end(&w, &parameters), TCB_OK);
	response = command(e, SIGN, &handle, true, parameters, NULL);
	rest = span_of(response.data, response.size - 5); /* without the session's part */
	return rest;
}

static void verify(struct engine *e, uint32_t handle, struct span signature)
{
	uint8_t bytes[1024], digest[32] = { 7, 7, 7 };
	struct writer w = WRITER_OF(bytes);
	struct span parameters;

	writer_tpm2b(&w, SPAN_OF(digest));
	writer_bytes(&w, signature);
	assert_int_equal(writer_end(&w, &parameters), TCB_OK);
	(void)command(e, VERIFY, &handle, false, parameters, NULL);
}

/* Public area, name, creation data and ticket. */
static void test_primary_keys_are_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct span a, b;
		uint8_t copy[LIMIT_TPM_COMMAND];
		uint32_t handle = create_primary(&engines[0], &keys[i], &a);

		memcpy(copy, a.data, a.size);
		a = span_of(copy, a.size);
		flush(&engines[0], handle);
		handle = create_primary(&engines[1], &keys[i], &b);
		assert_true(a.size > 100 && span_equal(a, b));
		flush(&engines[1], handle);
	}
}

static void test_each_verifies_the_others_signatures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		uint8_t copy[2][1024];
		struct span rest, signature[2];
		uint32_t handle[2];

		for (int side = 0; side < 2; side++) {
			handle[side] = create_primary(&engines[side], &keys[i], &rest);
			signature[side] = sign(&engines[side], &keys[i], handle[side]);
			memcpy(copy[side], signature[side].data, signature[side].size);
			signature[side] = span_of(copy[side], signature[side].size);
		}
		for (int side = 0; side < 2; side++) {
			verify(&engines[side], handle[side], signature[1 - side]);
			flush(&engines[side], handle[side]);
		}
		if (keys[i].type == 1) /* RSASSA leaves nothing to chance */
			assert_true(span_equal(signature[0], signature[1]));
	}
}

static void test_a_shared_secret_is_the_same(void **state)
{
	(void)state;
	for (size_t i = 1; i < sizeof keys / sizeof keys[0]; i++) {
		struct span rest, z, point, parameters, response;
		uint8_t copy[1024], bytes[512];
		struct writer w = WRITER_OF(bytes);
		uint32_t plain = create_primary(&engines[0], &keys[i], &rest);
		uint32_t levered = create_primary(&engines[1], &keys[i], &rest);

		response = command(&engines[0], ECDH_KEYGEN, &plain, false, span_of(NULL, 0), NULL);
		memcpy(copy, response.data, response.size);
		rest = span_of(copy, response.size);
		z = take(&rest);
		point = take(&rest);
		writer_tpm2b(&w, point);
		assert_int_equal(writer_end(&w, &parameters), TCB_OK);
		response = command(&engines[1], ECDH_ZGEN, &levered, true, parameters, NULL);
		assert_true(span_equal(take(&response), z));
		flush(&engines[0], plain);
		flush(&engines[1], levered);
	}
}

static void test_what_one_encrypts_the_other_decrypts(void **state)
{
	uint8_t bytes[512], copy[512];
	struct writer w = WRITER_OF(bytes);
	struct span rest, parameters, cipher, response;
	uint32_t plain = create_primary(&engines[0], &keys[0], &rest), levered = create_primary(&engines[1], &keys[0], &rest);

	(void)state;
	writer_tpm2b(&w, span_of_text("a secret"));
	writer_u16(&w, 0x17);
	writer_u16(&w, 0x0b);
	writer_u16(&w, 0);
	assert_int_equal(writer_end(&w, &parameters), TCB_OK);
	response = command(&engines[0], RSA_ENCRYPT, &plain, false, parameters, NULL);
	cipher = take(&response);
	memcpy(copy, cipher.data, cipher.size);
	cipher = span_of(copy, cipher.size);
	w = WRITER_OF(bytes);
	writer_tpm2b(&w, cipher);
	writer_u16(&w, 0x17);
	writer_u16(&w, 0x0b);
	writer_u16(&w, 0);
	assert_int_equal(writer_end(&w, &parameters), TCB_OK);
	response = command(&engines[1], RSA_DECRYPT, &levered, true, parameters, NULL);
	assert_true(span_is_text(take(&response), "a secret"));
	flush(&engines[0], plain);
	flush(&engines[1], levered);
}

/* A key that one made (its own random numbers) is the same key in the other. */
static void made_here_loaded_there(struct engine *here, struct engine *there, const struct key *k)
{
	uint8_t bytes[256], copy[2048], signed_bytes[1024];
	struct span rest, response, private, public, signature;
	uint32_t parent[2] = { create_primary(here, &parent_key, &rest), create_primary(there, &parent_key, &rest) };
	uint32_t handle[2];

	response = command(here, CREATE, &parent[0], true, creation(k, bytes, sizeof bytes), NULL);
	memcpy(copy, response.data, response.size);
	rest = span_of(copy, response.size);
	private = take(&rest);
	public = take(&rest);
	rest = span_of(private.data - 2, private.size + public.size + 4);
	(void)command(here, LOAD, &parent[0], true, rest, &handle[0]);
	(void)command(there, LOAD, &parent[1], true, rest, &handle[1]);
	signature = sign(there, k, handle[1]);
	memcpy(signed_bytes, signature.data, signature.size);
	verify(here, handle[0], span_of(signed_bytes, signature.size));
	flush(here, handle[0]);
	flush(there, handle[1]);
	flush(here, parent[0]);
	flush(there, parent[1]);
}

static void test_a_key_of_one_is_the_same_in_the_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		made_here_loaded_there(&engines[0], &engines[1], &keys[i]);
		made_here_loaded_there(&engines[1], &engines[0], &keys[i]);
	}
}

static const uint8_t clear[2];

/* New TPMs of engines that stood by: each has seeds of its own. */
static void test_a_rehearsal_leaves_nothing(void **state)
{
	static uint8_t publics[2][1024];
	size_t sizes[2];
	char path[] = "/tmp/tcbind-levers.XXXXXX";

	(void)state;
	(void)close(mkstemp(path));
	for (int i = 0; i < 2; i++) {
		struct engine e;
		struct span rest;

		(void)unlink(path);
		start(&e, probes[1], path, true);
		(void)command(&e, STARTUP, NULL, false, SPAN_OF(clear), NULL);
		(void)create_primary(&e, &keys[1], &rest);
		rest = take(&rest);
		sizes[i] = rest.size;
		memcpy(publics[i], rest.data, rest.size);
		end(&e);
	}
	(void)unlink(path);
	assert_true(sizes[0] > 64 && sizes[0] == sizes[1]);
	assert_memory_not_equal(publics[0], publics[1], sizes[0]);
}

static int set_up(void **state)
{
	int fd = mkstemp(state_path);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	(void)unlink(state_path);
	for (int side = 0; side < 2; side++) { /* one after the other: the first makes the state */
		start(&engines[side], probes[side], state_path, side == 1);
		(void)command(&engines[side], STARTUP, NULL, false, SPAN_OF(clear), NULL);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++)
		end(&engines[side]);
	(void)unlink(state_path);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_primary_keys_are_the_same),
		cmocka_unit_test(test_each_verifies_the_others_signatures),
		cmocka_unit_test(test_a_shared_secret_is_the_same),
		cmocka_unit_test(test_what_one_encrypts_the_other_decrypts),
		cmocka_unit_test(test_a_key_of_one_is_the_same_in_the_other),
		cmocka_unit_test(test_a_rehearsal_leaves_nothing),
	};

	if (argc != 3)
		return 2;
	probes[0] = argv[1];
	probes[1] = argv[2];
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
