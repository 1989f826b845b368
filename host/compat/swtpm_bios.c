// SPDX-License-Identifier: MIT
/* swtpm_bios: what firmware says to a TPM 2 first, by its data channel. Its options, texts and exit statuses (0; 128: the TPM refuses; 255: no
 * connection) are swtpm's. Rights and secrets: its user's. Fed by: the command line and the TPM's answers. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/reader.h"
#include "core/writer.h"
#include "host/compat/client.h"
#include "host/compat/settings.h"
#include "host/io.h"

enum { PORT_DEFAULT = 6545, PATIENCE_MS = 60000, HEADER_SIZE = 10, ANSWER_MAX = 4096, STATUS_TPM = 128, STATUS_LINK = 255 };
enum { TAG_NO_SESSIONS = 0x8001, TAG_SESSIONS = 0x8002, CC_STARTUP = 0x144, CC_SELF_TEST = 0x142, CC_CHANGE_AUTH = 0x129,
       RH_PLATFORM = 0x4000000c, RS_PW = 0x40000009, AUTH_SIZE = 20 };

struct request {
	bool tpm2, no_startup, startup_only, self_test, lock_platform;
	uint16_t startup; /* TPM_SU */
	struct client_target target;
};

/* One command on a connection of its own (a server may close it after the answer). 0, or the exit status; said why. */
static int run_command(const struct client_target *target, struct span command, const char *name)
{
	uint8_t answer[ANSWER_MAX];
	struct reader r = reader_of(span_of(answer, HEADER_SIZE));
	uint32_t size = 0, code = 0;
	uint16_t tag;
	int fd = client_connect(target);
	bool ok = fd >= 0 && io_write(fd, command) && client_read(fd, answer, HEADER_SIZE, PATIENCE_MS) &&
		  reader_u16(&r, &tag) == TCB_OK && reader_u32(&r, &size) == TCB_OK && reader_u32(&r, &code) == TCB_OK &&
		  size >= HEADER_SIZE && size <= sizeof answer && client_read(fd, answer + HEADER_SIZE, size - HEADER_SIZE, PATIENCE_MS);

	if (fd >= 0)
		(void)close(fd);
	if (fd >= 0 && !ok)
		(void)fprintf(stderr, "Malformed response, or none.\n");
	if (!ok)
		return STATUS_LINK;
	if (code != 0)
		(void)printf("%s returned error code 0x%08x\n", name, code);
	return code != 0 ? STATUS_TPM : 0;
}

static void begin(struct writer *w, uint16_t tag, uint32_t size, uint32_t code)
{
	writer_u16(w, tag);
	writer_u32(w, size);
	writer_u32(w, code);
}

static int start_up(const struct request *q)
{
	uint8_t bytes[HEADER_SIZE + 2];
	struct writer w = WRITER_OF(bytes);

	begin(&w, TAG_NO_SESSIONS, sizeof bytes, CC_STARTUP);
	writer_u16(&w, q->startup);
	return run_command(&q->target, SPAN_OF(bytes), "TPM2_Startup");
}

static int test(const struct request *q)
{
	uint8_t bytes[HEADER_SIZE + 4];
	struct writer w = WRITER_OF(bytes);

	begin(&w, TAG_NO_SESSIONS, sizeof bytes, CC_SELF_TEST);
	writer_u32(&w, 0); /* no algorithms: what is left to test is told, not tested */
	return run_command(&q->target, SPAN_OF(bytes), "TPM2_IncrementalSelfTest");
}

/* The platform hierarchy to an authorization that nobody knows. */
static int lock_platform(const struct request *q)
{
	uint8_t bytes[HEADER_SIZE + 4 + 4 + 9 + 2 + AUTH_SIZE], auth[AUTH_SIZE];
	struct writer w = WRITER_OF(bytes);

	if (getrandom(auth, sizeof auth, 0) != sizeof auth) {
		(void)fprintf(stderr, "No random numbers.\n");
		return STATUS_LINK;
	}
	begin(&w, TAG_SESSIONS, sizeof bytes, CC_CHANGE_AUTH);
	writer_u32(&w, RH_PLATFORM);
	writer_u32(&w, 9); /* one session: the empty password */
	writer_u32(&w, RS_PW);
	writer_u16(&w, 0);
	writer_u8(&w, 0);
	writer_u16(&w, 0);
	writer_tpm2b(&w, SPAN_OF(auth));
	return run_command(&q->target, SPAN_OF(bytes), "TPM2_HierarchyChangeAuth");
}

static int run(const struct request *q)
{
	int status = q->no_startup ? 0 : start_up(q);

	if (status == 0 && !q->startup_only && q->self_test)
		status = test(q);
	if (status == 0 && !q->startup_only && q->lock_platform)
		status = lock_platform(q);
	return status;
}

/* ---- command line ---- */

enum { OPTION_DEVICE = 256, OPTION_TCP, OPTION_UNIX, OPTION_TPM2, OPTION_SELF_TEST, OPTION_ACTIVATED };

static const struct option options[] = {
	{"tpm-device", 1, NULL, OPTION_DEVICE}, {"tcp", 1, NULL, OPTION_TCP}, {"unix", 1, NULL, OPTION_UNIX}, {"tpm2", 0, NULL, OPTION_TPM2},
	{"c", 0, NULL, 'c'}, {"d", 0, NULL, 'd'}, {"h", 0, NULL, 'h'}, {"v", 0, NULL, 'v'}, {"n", 0, NULL, 'n'}, {"s", 0, NULL, 's'},
	{"o", 0, NULL, 'o'}, {"cs", 0, NULL, OPTION_SELF_TEST}, {"ea", 0, NULL, OPTION_ACTIVATED}, {"u", 0, NULL, 'u'}, {0},
};

static void usage(void)
{
	(void)printf("TPM emulator BIOS emulator version " SWTPM_VERSION ", " CLIENT_COPYRIGHT "\n\n"
		     "swtpm_bios --tpm2 [options]\n\n"
		     "The TPM:  --unix PATH | --tcp [HOST]:[PORT] (127.0.0.1, %d) | --tpm-device DEVICE (/dev/tpm0)\n\n"
		     "  -c   start up clear (as without options)   -s   start up from saved state   -n   do not start up\n"
		     "  -o   start up and nothing else             -cs  TPM2_IncrementalSelfTest\n"
		     "  -u   set the platform hierarchy's authorization to a random one\n"
		     "  -d, -ea  mean nothing to a TPM 2            -v   version   -h   this help\n",
		     PORT_DEFAULT);
}

static bool take_option(int option, struct request *q)
{
	switch (option) {
	case OPTION_DEVICE: q->target = (struct client_target){ .device = optarg }; return true;
	case OPTION_UNIX: q->target = (struct client_target){ .unix_path = optarg }; return true;
	case OPTION_TCP: return client_parse_tcp(optarg, PORT_DEFAULT, &q->target);
	case OPTION_TPM2: q->tpm2 = true; return true;
	case OPTION_SELF_TEST: q->self_test = true; return true;
	case 'c': q->startup = 0; return true;
	case 's': q->startup = 1; return true;
	case 'n': q->no_startup = true; return true;
	case 'o': q->startup_only = true; return true;
	case 'u': q->lock_platform = true; return true;
	case 'd':
	case OPTION_ACTIVATED: return true;
	case 'h': usage(); exit(EXIT_SUCCESS);
	default: usage(); return false; /* -v too ends 1, as swtpm's does */
	}
}

int main(int argc, char **argv)
{
	struct request q = { .target = { .device = getenv("TPM_DEVICE") } };
	const char *host = getenv("TCSD_TCP_DEVICE_HOSTNAME"), *port = getenv("TCSD_TCP_DEVICE_PORT");
	char text[512];
	int option;

	io_fill_standard();
	(void)signal(SIGPIPE, SIG_IGN);
	if (q.target.device == NULL)
		q.target.device = "/dev/tpm0";
	if (getenv("TCSD_USE_TCP_DEVICE") != NULL) {
		(void)snprintf(text, sizeof text, "%s:%s", host != NULL ? host : "localhost", port != NULL ? port : "");
		if (!client_parse_tcp(text, PORT_DEFAULT, &q.target))
			return EXIT_FAILURE;
	}
	while ((option = getopt_long_only(argc, argv, "", options, NULL)) != -1)
		if (!take_option(option, &q))
			return EXIT_FAILURE;
	if (!q.tpm2) {
		(void)fprintf(stderr, "This speaks to a TPM 2.0 and to nothing else: add --tpm2\n");
		return STATUS_TPM;
	}
	return run(&q);
}
