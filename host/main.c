// SPDX-License-Identifier: MIT
/* tcbindd DIR: the untrusted daemon of one platform ("domain 0"). Rights: the platform's files and sockets, the physical TPM.
 * Secrets: none, everything it keeps is ciphertext. Fed by: enclaves, QEMU, its HTTP clients, other platforms. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/accept.h"
#include "host/agent.h"
#include "host/api.h"
#include "host/io.h"
#include "host/paths.h"
#include "host/recover.h"
#include "host/registrar.h"
#include "host/settle.h"
#include "host/spare.h"

static enum tcb_error start(struct daemon *daemon, const char *dir, struct diagnosis *d)
{
	char tcti[512];

	TRY(crypto_init());
	TRY(config_read(dir, &daemon->config, d));
	TRY(path_in(daemon->config.dir, "store", daemon->store_dir, sizeof daemon->store_dir, d));
	TRY(path_in(daemon->config.dir, "vtpm", daemon->vtpm_dir, sizeof daemon->vtpm_dir, d));
	TRY(path_program("vtpm.enclave", daemon->vtpm_image, sizeof daemon->vtpm_image, d));
	TRY(config_tcti(&daemon->config, tcti, sizeof tcti, d));
	TRY(ptpm_open(tcti, &daemon->ptpm, d));
	TRY(log_open(daemon->store_dir, recover_state, daemon, &daemon->log, d));
	TRY(services_start(daemon, d));
	TRY(spare_start(daemon, d));
	TRY(agent_start(daemon, d));
	TRY(settle_start(daemon, d));
	TRY(vtpms_start(daemon, d));
	TRY(registrar_start(daemon, d));
	return api_start(daemon, d);
}

/* Orderly: every vTPM is told, so that its TPM does not count a hard power-off. */
static void stop(struct daemon *daemon)
{
	static struct host_vtpm *vtpms[VTPMS_MAX];
	size_t count = vtpms_list(daemon, vtpms);

	for (size_t i = 0; i < count; i++)
		vtpm_rest(vtpms[i]);
	log_settle(daemon->log, &daemon->journal);
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	const struct rlimit none = {0};
	struct rlimit files;
	struct diagnosis d = {0};
	enum tcb_error error;
	sigset_t signals;
	int received;

	if ((argc != 2 && !(argc == 4 && strcmp(argv[2], "--idle-exit") == 0)) || argv[1][0] == '-') {
		(void)fputs("usage: tcbindd DIR [--idle-exit SECONDS]\n", stderr);
		return 2;
	}
	io_fill_standard();
	(void)setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* some five for each vTPM */
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	/* Buffers of a frame's size are pages of their own, of which only those that are used cost memory; and threads share their heaps. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	(void)mallopt(M_ARENA_MAX, 2);
	(void)signal(SIGPIPE, SIG_IGN);
	accept_prepare();
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	error = start(&daemon, argv[1], &d);
	if (error != TCB_OK) {
		(void)diagnose(&d, error, "daemon.start", tcb_error_name(error), "a daemon that starts", "see above");
		log_diagnosis("start", &d);
		return 1;
	}
	(void)puts("ready");
	(void)fflush(stdout);
	if (argc == 4)
		registrar_end_when_idle((unsigned)atoi(argv[3]));
	(void)sigwait(&signals, &received);
	stop(&daemon);
	return 0;
}
