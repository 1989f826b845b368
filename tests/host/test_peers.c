// SPDX-License-Identifier: MIT
/* host/config, host/address: to which addresses a platform connects when a blob names one, and for how
 * long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/address.h"
#include "host/config.h"

#define MEMBERS "\"name\":\"A\",\"listen\":\"127.0.0.1:7000\",\"ptpm\":\"swtpm\""

static char dir[] = "/tmp/tcbind-peers.XXXXXX";
static struct platform_config config;

static enum tcb_error read_config(const char *json, struct diagnosis *d)
{
	char path[sizeof dir + 32];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/platform.json", dir);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(json, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return config_read(dir, &config, d);
}

static bool is_peer(const char *address)
{
	struct diagnosis d = {0};
	bool is = config_check_peer(&config, span_of_text(address), &d) == TCB_OK;

	assert_string_equal(d.code, is ? "" : "agent.peer");
	return is;
}

static void without_peers_any_address(void **state)
{
	(void)state;
	assert_int_equal(read_config("{" MEMBERS "}", NULL), TCB_OK);
	assert_true(is_peer("10.0.0.1:7000"));
}

static void peers_and_no_others(void **state)
{
	(void)state;
	assert_int_equal(read_config("{" MEMBERS ",\"peers\":[\"b.example:7000\",\"[::1]:7001\"]}", NULL), TCB_OK);
	assert_true(is_peer("b.example:7000"));
	assert_true(is_peer("[::1]:7001"));
	assert_false(is_peer("b.example:7001"));
	assert_false(is_peer("b.example:70000"));
	assert_false(is_peer(""));
	assert_int_equal(read_config("{" MEMBERS ",\"peers\":[]}", NULL), TCB_OK);
	assert_false(is_peer("b.example:7000"));
}

static void what_is_no_list_of_peers(void **state)
{
	static const char *const lists[] = {"\"b.example:7000\"", "null", "[1]", "[\"/run/x.sock\"]", "[\"b.example\"]"};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct diagnosis d = {0};
		char json[256];

		(void)snprintf(json, sizeof json, "{" MEMBERS ",\"peers\":%s}", lists[i]);
		assert_int_equal(read_config(json, &d), TCB_MALFORMED);
		assert_true(d.code[0] != 0);
	}
}

static void paths_are_no_addresses(void **state)
{
	static const char *const addresses[] = {"/run/x.sock", "unix:/run/x.sock:1", "", ":7000", "a:0", "a b:7000"};
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
		assert_int_equal(address_connect(span_of_text(addresses[i]), &fd, NULL), TCB_MALFORMED);
}

/* A peer that takes nothing does not hold a thread for ever. */
static void sends_are_limited(void **state)
{
	struct timeval patience = {0};
	socklen_t size = sizeof patience;
	int listener, fd, port;
	char address[64];

	(void)state;
	for (port = 20000; port < 20100; port++) {
		(void)snprintf(address, sizeof address, "127.0.0.1:%d", port);
		if (address_listen(span_of_text(address), &listener, NULL) == TCB_OK)
			break;
	}
	assert_int_equal(address_connect(span_of_text(address), &fd, NULL), TCB_OK);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, &size), 0);
	assert_true(patience.tv_sec > 0 && patience.tv_sec <= 60);
	(void)close(fd);
	(void)close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_peers_any_address), cmocka_unit_test(peers_and_no_others),
		cmocka_unit_test(what_is_no_list_of_peers),  cmocka_unit_test(paths_are_no_addresses),
		cmocka_unit_test(sends_are_limited),
	};
	char path[sizeof dir + 16];
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	failed = cmocka_run_group_tests_name("host/peers", tests, NULL, NULL);
	(void)snprintf(path, sizeof path, "%s/platform.json", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	return failed;
}
