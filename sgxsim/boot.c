// SPDX-License-Identifier: MIT
#include "sgxsim/boot.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "core/reader.h"
#include "edge/instruction.h"
#include "sgxsim/launch.h"

enum { TPM_HEADER_SIZE = 10 };

bool serve_instruction(struct processor *p, const struct enclave_identity *identity, int fd)
{
	static uint8_t request[INSTRUCTION_MAX], answer[INSTRUCTION_MAX];
	struct writer w = writer_of(answer + 1, sizeof answer - 1);
	ssize_t got = recv(fd, request, sizeof request, 0);
	enum tcb_error error;

	if (got <= 0)
		return false;
	error = processor_execute(p, identity, span_of(request, (size_t)got), &w);
	if (error == TCB_OK)
		error = writer_end(&w, NULL);
	answer[0] = (uint8_t)error;
	return send(fd, answer, error == TCB_OK ? 1 + w.size : 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

/* The bus: exactly one TPM command from the ACM, its response back. False: the ACM closed its end, or broke the bus. */
static bool relay_command(int stream, TSS2_TCTI_CONTEXT *tcti)
{
	uint8_t bytes[LIMIT_TPM_COMMAND];
	struct reader r = reader_of(span_of(bytes, TPM_HEADER_SIZE));
	size_t size = sizeof bytes;
	uint32_t command_size;
	uint16_t tag;

	if (recv(stream, bytes, TPM_HEADER_SIZE, MSG_WAITALL) != TPM_HEADER_SIZE)
		return false;
	if (reader_u16(&r, &tag) != TCB_OK || reader_u32(&r, &command_size) != TCB_OK ||
	    command_size < TPM_HEADER_SIZE || command_size > sizeof bytes)
		return false;
	if (command_size > TPM_HEADER_SIZE &&
	    recv(stream, bytes + TPM_HEADER_SIZE, command_size - TPM_HEADER_SIZE, MSG_WAITALL) !=
		    (ssize_t)(command_size - TPM_HEADER_SIZE))
		return false;
	if (Tss2_Tcti_Transmit(tcti, command_size, bytes) != TSS2_RC_SUCCESS ||
	    Tss2_Tcti_Receive(tcti, &size, bytes, TSS2_TCTI_TIMEOUT_BLOCK) != TSS2_RC_SUCCESS)
		return false;
	return send(stream, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Serves the ACM's two channels until it closed both. */
static void serve_acm(struct processor *p, const struct enclave *acm, TSS2_TCTI_CONTEXT *tcti)
{
	struct pollfd fds[2] = {
		{ .fd = acm->instruction_fd, .events = POLLIN },
		{ .fd = acm->stream_fd, .events = POLLIN },
	};

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].fd >= 0 && fds[0].revents != 0 && !serve_instruction(p, &acm->identity, fds[0].fd))
			fds[0].fd = -1;
		if (fds[1].fd >= 0 && fds[1].revents != 0 && !relay_command(fds[1].fd, tcti))
			fds[1].fd = -1;
	}
}

static enum tcb_error run_acm(struct processor *p, int memfd, const struct enclave_identity *identity,
			      TSS2_TCTI_CONTEXT *tcti, struct diagnosis *d)
{
	struct enclave acm;
	int status = 0;

	TRY(enclave_start(memfd, identity, &acm, d));
	serve_acm(p, &acm, tcti);
	(void)close(acm.instruction_fd);
	(void)close(acm.stream_fd);
	if (waitpid(acm.pid, &status, 0) != acm.pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return diagnose_found(d, TCB_PLATFORM, "acm.failed", "an ACM that ends with status 0",
				      "check that the physical TPM answers", "wait status 0x%x", (unsigned)status);
	if (!p->bank.locked)
		return diagnose(d, TCB_REFUSED, "acm.bank.unlocked", "an ACM that ended with the AK bank unlocked",
				"the AK written and locked", "do not start this platform with this ACM");
	return TCB_OK;
}

enum tcb_error boot_acm(struct processor *p, const char *acm_path, const char *tcti_text, struct diagnosis *d)
{
	struct enclave_identity identity;
	TSS2_TCTI_CONTEXT *tcti = NULL;
	enum tcb_error error;
	int memfd;

	TRY(enclave_load(acm_path, &identity, &memfd, d));
	error = processor_judge_acm(p, &identity, d);
	if (error == TCB_OK && Tss2_TctiLdr_Initialize(tcti_text, &tcti) != TSS2_RC_SUCCESS)
		error = diagnose_found(d, TCB_PLATFORM, "ptpm.bus", "a physical TPM that can be reached",
				       "check the platform's `ptpm` setting", "no TPM at %s", tcti_text);
	if (error == TCB_OK)
		error = run_acm(p, memfd, &identity, tcti, d);
	Tss2_TctiLdr_Finalize(&tcti);
	(void)close(memfd);
	return error;
}
