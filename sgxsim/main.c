// SPDX-License-Identifier: MIT
/* sgxsim DIR --ptpm TCTI --acm IMAGE: one simulated SGX processor, the parent of every enclave of one platform.
 * Trusted: it stands in for hardware. Rights: starts enclaves; reads DIR/processor. Descriptors: launch socket, one channel
 * an enclave. Fed by: enclaves (instructions), the untrusted host (launch requests). Its death is a platform reset. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/reader.h"
#include "crypto/crypto.h"
#include "edge/descriptors.h"
#include "edge/frame.h"
#include "edge/launch.h"
#include "edge/memory_lock.h"
#include "sgxsim/boot.h"
#include "sgxsim/file.h"
#include "sgxsim/zygote.h"

enum { ENCLAVES_MAX = 4096, IMAGES_MAX = 4 };

struct machine {
	struct processor processor;
	int epoll_fd, listen_fd;
	struct image images[IMAGES_MAX]; /* PSE, MigE, vTPM; the oldest is replaced */
	size_t next_image;
	struct enclave enclaves[ENCLAVES_MAX]; /* pid 0: free */
};

static void complain(const struct diagnosis *d)
{
	(void)fprintf(stderr, "sgxsim: %s: found %s; wanted %s; %s\n", d->code, d->found, d->wanted, d->action);
}

static bool watch(struct machine *m, int fd, uint32_t index)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .u32 = index } };

	return epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The place of an image: its own, or the one to be replaced. */
static struct image *find_image(struct machine *m, const char *path)
{
	for (size_t i = 0; i < IMAGES_MAX; i++)
		if (strcmp(m->images[i].path, path) == 0)
			return &m->images[i];
	return &m->images[m->next_image++ % IMAGES_MAX];
}

static enum tcb_error start(struct machine *m, const char *path, struct enclave **ret_enclave, struct diagnosis *d)
{
	struct image *image = find_image(m, path);
	uint32_t index = 0;

	while (index < ENCLAVES_MAX && m->enclaves[index].pid != 0)
		index++;
	if (index == ENCLAVES_MAX)
		return diagnose(d, TCB_LIMIT, "sgx.limit", "no room for another enclave", "fewer enclaves", "stop some");
	TRY(image_load(image, path, d));
	if (image->identity.isv_prod_id == ROLE_ACM)
		return diagnose(d, TCB_REFUSED, "sgx.launch.acm", "the ACM, asked for after the reset", "an enclave",
				"reset the platform to run the ACM");
	TRY(image_start(image, &m->enclaves[index], d));
	(void)fcntl(m->enclaves[index].instruction_fd, F_SETFL, O_NONBLOCK);
	if (!watch(m, m->enclaves[index].instruction_fd, index))
		return TCB_INTERNAL;
	*ret_enclave = &m->enclaves[index];
	return TCB_OK;
}

/* The answer to a launch request; the stream's descriptor goes with it. */
static void answer(int fd, enum tcb_error error, const struct enclave *e, const struct diagnosis *d)
{
	uint8_t bytes[LAUNCH_ANSWER_MAX + 1024];
	struct writer w = WRITER_OF(bytes);

	writer_u8(&w, (uint8_t)error);
	if (error == TCB_OK) {
		enclave_identity_encode(&w, &e->identity);
		writer_u32(&w, (uint32_t)e->pid);
	} else {
		diagnosis_encode(&w, d);
	}
	(void)send_descriptors(fd, span_of(bytes, w.size), error == TCB_OK ? &e->stream_fd : NULL, error == TCB_OK ? 1 : 0);
}

static void serve_launch(struct machine *m)
{
	uint8_t request[2 + LAUNCH_PATH_MAX];
	const struct timeval patience = { .tv_sec = 2 };
	char path[LAUNCH_PATH_MAX + 1] = "";
	struct enclave *e = NULL;
	struct diagnosis d = {0};
	struct span text;
	struct reader r;
	ssize_t got;
	enum tcb_error error;
	int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	got = recv(fd, request, sizeof request, 0); /* the host writes a request at once */
	r = reader_of(span_of(request, got > 0 ? (size_t)got : 0));
	error = reader_tpm2b(&r, &text);
	if (error == TCB_OK)
		error = text.size > 0 && text.size <= LAUNCH_PATH_MAX ? reader_end(&r) : TCB_MALFORMED;
	if (error == TCB_OK) {
		memcpy(path, text.data, text.size);
		error = start(m, path, &e, &d);
	}
	(void)diagnose(&d, error, "sgx.launch.malformed", "a launch request that does not decode", "edge/launch.h",
		       "use tcbindd of the same version");
	answer(fd, error, e, &d);
	if (e != NULL) {
		(void)close(e->stream_fd);
		e->stream_fd = -1;
	}
	(void)close(fd);
}

static void forget(struct enclave *e)
{
	(void)kill(e->pid, SIGKILL);
	(void)close(e->instruction_fd);
	(void)waitpid(e->pid, NULL, 0);
	*e = (struct enclave){0};
}

static _Noreturn void serve(struct machine *m)
{
	struct epoll_event events[64];

	for (;;) {
		int count = epoll_wait(m->epoll_fd, events, 64, -1);

		for (int i = 0; i < count; i++) {
			uint32_t index = events[i].data.u32;

			if (index == ENCLAVES_MAX)
				serve_launch(m);
			else if (m->enclaves[index].pid != 0 &&
				 !serve_instruction(&m->processor, &m->enclaves[index].identity,
						    m->enclaves[index].instruction_fd))
				forget(&m->enclaves[index]);
		}
	}
}

static enum tcb_error listen_at(struct machine *m, const char *dir, struct diagnosis *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	TRY(path_join(address.sun_path, sizeof address.sun_path, dir, "run/sgx.sock", d));
	(void)unlink(address.sun_path);
	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	m->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m->epoll_fd < 0 || m->listen_fd < 0 ||
	    bind(m->listen_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    chmod(address.sun_path, 0600) != 0 || listen(m->listen_fd, 64) != 0 ||
	    !watch(m, m->listen_fd, ENCLAVES_MAX))
		return diagnose_found(d, TCB_PLATFORM, "sgx.socket", "a socket that can be made", "check DIR/run",
				      "%s: %s", address.sun_path, strerror(errno));
	return TCB_OK;
}

int main(int argc, char **argv)
{
	static struct machine machine;
	static const struct option options[] = { {"ptpm", 1, NULL, 'p'}, {"acm", 1, NULL, 'a'}, {0} };
	const char *tcti = NULL, *acm = NULL;
	struct diagnosis d = {0};
	struct rlimit files;
	enum tcb_error error;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			tcti = optarg;
		else if (option == 'a')
			acm = optarg;
		else
			optind = argc;
	}
	if (optind + 1 != argc || tcti == NULL || acm == NULL) {
		(void)fputs("usage: sgxsim DIR --ptpm TCTI --acm IMAGE\n", stderr);
		return 2;
	}
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)memory_lock();
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* one for each enclave */
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	error = crypto_init();
	if (error == TCB_OK)
		error = processor_reset(&machine.processor, argv[optind], &d);
	if (error == TCB_OK)
		error = boot_acm(&machine.processor, acm, tcti, &d);
	if (error == TCB_OK)
		error = listen_at(&machine, argv[optind], &d);
	if (error != TCB_OK) {
		(void)diagnose(&d, error, "sgx.reset", tcb_error_name(error), "a platform reset", "see above");
		complain(&d);
		return 1;
	}
	(void)puts("ready");
	(void)fflush(stdout);
	serve(&machine);
}
