// SPDX-License-Identifier: MIT
/* A relying party in one file: is this VM, in this state, on hardware that I trust, now?
 *
 *   cc verify.c $(pkg-config --cflags --libs tcbind-verify) -o verify
 *   ./verify EVIDENCE POLICY NONCE-IN-HEX */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tcbind/verify.h>

static unsigned char *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	unsigned char *bytes = malloc(1 << 20);

	*ret_size = f != NULL && bytes != NULL ? fread(bytes, 1, 1 << 20, f) : 0;
	if (f != NULL)
		fclose(f);
	return bytes;
}

static size_t parse_hex(const char *hex, unsigned char *ret_bytes, size_t capacity)
{
	size_t size = 0;
	unsigned value;

	while (size < capacity && sscanf(hex + 2 * size, "%2x", &value) == 1)
		ret_bytes[size++] = (unsigned char)value;
	return size;
}

static void tell(const tcbind_result *result)
{
	const struct tcbind_claims *claims = tcbind_result_claims(result);
	const struct tcbind_check *check;
	size_t i;

	puts(tcbind_verdict_name(tcbind_result_verdict(result)));
	for (i = 0; (check = tcbind_result_check(result, i)) != NULL; i++)
		if (check->result == TCBIND_CHECK_FAIL)
			printf("  %s: expected %s, got %s\n", check->code, check->expected, check->got);
	if (tcbind_result_verdict(result) == TCBIND_TRUSTED)
		printf("  vTPM %s, generation %llu, on platform %s\n", claims->vtpm_id, (unsigned long long)claims->generation,
		       claims->platform_name);
}

int main(int argc, char **argv)
{
	unsigned char nonce[64];
	struct tcbind_request request;
	struct tcbind_failure failure;
	tcbind_context *context = NULL;
	tcbind_policy *policy = NULL;
	tcbind_result *result = NULL;
	unsigned char *evidence;
	int status;

	if (argc != 4) {
		fprintf(stderr, "usage: verify EVIDENCE POLICY NONCE-IN-HEX\n");
		return 2;
	}
	memset(&request, 0, sizeof request);
	memset(&failure, 0, sizeof failure);
	evidence = read_file(argv[1], &request.evidence_size);
	request.evidence = evidence;
	request.nonce = nonce;
	request.nonce_size = parse_hex(argv[3], nonce, sizeof nonce);
	request.time_s = (uint64_t)time(NULL);
	/* A program that judges many keeps the context, and its policy, for all of them. */
	if (tcbind_context_new(16, &context) != TCBIND_OK || tcbind_policy_load(argv[2], &policy, &failure) != TCBIND_OK ||
	    tcbind_verify(context, policy, &request, &result, &failure) != TCBIND_OK) {
		fprintf(stderr, "%s: found %s, wanted %s\n", failure.code, failure.found, failure.wanted);
		status = 4;
	} else {
		tell(result);
		status = (int)tcbind_result_verdict(result);
	}
	tcbind_result_free(result);
	tcbind_policy_free(policy);
	tcbind_context_free(context);
	free(evidence);
	return status;
}
