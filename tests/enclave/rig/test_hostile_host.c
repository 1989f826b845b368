// SPDX-License-Identifier: MIT
/* The real PSE and MigE under a host that makes up everything: calls in any order with altered, cut and foreign bodies, raw bytes in place of frames,
 * services that lie or fail. An enclave may refuse, or end itself; it does not crash. In the build with sanitizers this is a fuzz of the dispatch
 * loops. The numbers are from a seed (HOSTILE_SEED), so that a failure comes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "crypto/crypto.h"
#include "tests/edge/codecs.h"
#include "tests/enclave/rig/rig.h"

enum { ROUNDS = 150, CALLS = 12, ENDED_ITSELF = 70 };

static struct rig_platform platform;
static struct diagnosis d;
static uint64_t seed;
static enclave_service *honest;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % below;
}

static void alter(uint8_t *bytes, size_t *size, size_t capacity)
{
	for (uint32_t times = draw(4); times > 0 && *size > 0; times--) {
		size_t at = draw((uint32_t)*size);

		switch (draw(4)) {
		case 0: bytes[at] ^= (uint8_t)(1u << draw(8)); break;
		case 1: bytes[at] = (uint8_t)draw(256); break;
		case 2: *size = at; break;
		default:
			if (*size < capacity)
				bytes[(*size)++] = (uint8_t)draw(256);
		}
	}
}

/* A message of the edge, maybe another call's; maybe behind a session's number and a size; altered. */
static struct span make_body(void)
{
	static uint8_t bytes[LIMIT_FRAME], inner[LIMIT_FRAME];
	struct writer w = WRITER_OF(bytes), i = WRITER_OF(inner);
	size_t size;

	if (draw(8) == 0) { /* a number alone */
		writer_u64(&w, draw(3));
		return span_of(bytes, w.size);
	}
	codecs[draw((uint32_t)codec_count)].sample(&i);
	size = i.size;
	alter(inner, &size, sizeof inner);
	if (draw(2) == 0) {
		writer_u64(&w, draw(3));
		if (draw(4) == 0)
			writer_u8(&w, (uint8_t)draw(3));
		writer_sized(&w, span_of(inner, size));
	} else {
		writer_bytes(&w, span_of(inner, size));
	}
	assert_int_equal(w.error, TCB_OK);
	size = w.size;
	if (draw(3) == 0)
		alter(bytes, &size, sizeof bytes);
	return span_of(bytes, size);
}

/* What the enclave asks for: done, done and answered wrongly, or not done. */
static enum tcb_error lie(void *context, enum call call, struct span body, struct writer *ret, struct diagnosis *ret_d)
{
	struct span made;

	switch (draw(8)) {
	case 0: return (enum tcb_error)(1 + draw(7));
	case 1:
		made = make_body();
		writer_bytes(ret, made);
		return TCB_OK;
	default: return honest(context, call, body, ret, ret_d);
	}
}

static void send_noise(int fd)
{
	uint8_t noise[64];

	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)draw(256);
	if (draw(2) == 0) /* a head that is nearly one */
		memcpy(noise, (const uint8_t[]){0, 0, 0, 8, 1, 0, 2, 1, 0, 0, 0, 0}, 12);
	(void)!send(fd, noise, draw(sizeof noise) + 1, MSG_NOSIGNAL);
}

/* `calls`: the enclave's own; once in a while any number is called. */
static void torment(struct rig_enclave *e, const enum call *calls, uint32_t count)
{
	struct span answer;

	honest = e->link.serve;
	e->link.serve = lie;
	for (int i = 0; i < CALLS && e->link.fd >= 0; i++) {
		enum call call = draw(16) == 0 ? (enum call)draw(0x900) : calls[draw(count)];

		if (enclave_link_call(&e->link, call, make_body(), &answer, NULL) == TCB_OK)
			continue;
	}
	if (e->link.fd >= 0 && draw(2) == 0)
		send_noise(e->link.fd);
	enclave_link_close(&e->link);
}

static void check_end(struct rig_enclave *e, int round)
{
	int status = rig_exit_status(e);

	if (status != 0 && status != ENDED_ITSELF)
		fail_msg("round %d of seed %s: the enclave ended with %d", round, getenv("HOSTILE_SEED") ? getenv("HOSTILE_SEED") : "1", status);
}

static void pse(void **state)
{
	static const enum call calls[] = { CALL_PSE_START, CALL_PSE_PEER, CALL_PSE_FORGET, CALL_PSE_SNAPSHOT };
	struct span certified_ak;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		if (round % 3 == 0)
			rig_spawn_pse(&platform);
		else
			assert_int_equal(rig_start_pse(&platform, &certified_ak, &d), TCB_OK);
		torment(&platform.pse, calls, 4);
		check_end(&platform.pse, round);
		platform.ledger.size = 0; /* whatever was stored meanwhile */
	}
}

static void mige(void **state)
{
	static const enum call calls[] = { CALL_MIGE_START, CALL_MIGE_PEER, CALL_MIGE_NET, CALL_MIGE_FORGET, CALL_MIGE_TIDY };
	struct span certified_ak;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		platform.ledger.size = platform.journal.size = 0;
		assert_int_equal(rig_start_pse(&platform, &certified_ak, &d), TCB_OK);
		assert_int_equal(rig_start_mige(&platform, &d), TCB_OK);
		torment(&platform.mige, calls, 5);
		check_end(&platform.mige, round);
		rig_kill(&platform.pse);
	}
}

static int begin(void **state)
{
	const char *given = getenv("HOSTILE_SEED");

	(void)state;
	seed = given != NULL ? strtoull(given, NULL, 10) : 1;
	seed = seed * 0x9e3779b97f4a7c15u + 1;
	if (crypto_init() != TCB_OK)
		return -1;
	rig_pki(0);
	rig_platform_init(&platform, 0, "a");
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_platform_end(&platform);
	rig_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pse), cmocka_unit_test(mige) };

	return cmocka_run_group_tests_name("enclave/hostile-host", tests, begin, end);
}
