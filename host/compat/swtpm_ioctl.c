// SPDX-License-Identifier: MIT
/* swtpm_ioctl: one control command to a TPM, by its control channel. Its options, texts and exit statuses are swtpm's. Rights and secrets: its user's.
 * Fed by: the command line, and what the TPM answers, which may be anything. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/reader.h"
#include "core/writer.h"
#include "host/compat/client.h"
#include "host/compat/settings.h"
#include "host/io.h"

enum { PORT_DEFAULT = 6545, PATIENCE_MS = 60000, CHUNK_MAX = 4096, BLOB_MAX = LIMIT_STATE };

enum {
	CMD_GET_CAPABILITY = 1, CMD_INIT, CMD_SHUTDOWN, CMD_GET_ESTABLISHED, CMD_SET_LOCALITY, CMD_HASH_START, CMD_HASH_DATA, CMD_HASH_END,
	CMD_CANCEL, CMD_STORE_VOLATILE, CMD_RESET_ESTABLISHED, CMD_GET_BLOB, CMD_SET_BLOB, CMD_STOP, CMD_GET_CONFIG,
	CMD_SET_BUFFER_SIZE = 0x11, CMD_GET_INFO, CMD_LOCK_STORAGE,
};

enum { RESULT_NON_FATAL = 0x800, INIT_DELETE_VOLATILE = 1, STATE_DECRYPTED = 1 };

/* What the command line asks for. */
struct request {
	int option; /* 0: nothing yet */
	const char *argument, *file;
	unsigned long number;
	struct client_target target;
};

static bool failed(const char *name)
{
	(void)fprintf(stderr, "Could not execute %s: %s\n", name, errno != 0 ? strerror(errno) : "no answer");
	return false;
}

/* Sends code and body, takes the result and, if it is a good one, `size` bytes more. False: said why. */
static bool transact(int fd, uint32_t code, struct span body, const char *name, uint8_t *ret_members, size_t size)
{
	uint8_t bytes[CHUNK_MAX + 64], answer[4];
	struct writer w = WRITER_OF(bytes);
	struct reader r = reader_of(SPAN_OF(answer));
	struct span whole;
	uint32_t result;

	errno = 0;
	writer_u32(&w, code);
	writer_bytes(&w, body);
	if (writer_end(&w, &whole) != TCB_OK || !io_write(fd, whole) || !client_read(fd, answer, sizeof answer, PATIENCE_MS) ||
	    reader_u32(&r, &result) != TCB_OK)
		return failed(name);
	if (result != 0 && (result & RESULT_NON_FATAL) == 0) {
		(void)fprintf(stderr, "TPM result from %s: 0x%x\n", name, result);
		return false;
	}
	return client_read(fd, ret_members, size, PATIENCE_MS) || failed(name);
}

static bool transact_u32(int fd, uint32_t code, uint32_t parameter, const char *name, uint8_t *ret_members, size_t size)
{
	uint8_t body[4];
	struct writer w = WRITER_OF(body);

	writer_u32(&w, parameter);
	return transact(fd, code, SPAN_OF(body), name, ret_members, size);
}

static bool simple(int fd, uint32_t code, const char *name)
{
	return transact(fd, code, span_of(NULL, 0), name, NULL, 0);
}

static uint32_t member(const uint8_t *members, size_t index)
{
	struct reader r = reader_of(span_of(members + 4 * index, 4));
	uint32_t value = 0;

	return reader_u32(&r, &value) == TCB_OK ? value : 0;
}

/* ---- the commands ---- */

static bool do_capability(int fd, const struct request *q)
{
	uint8_t members[4];

	(void)q;
	return transact(fd, CMD_GET_CAPABILITY, span_of(NULL, 0), "PTM_GET_CAPABILITY", members, sizeof members) &&
	       printf("ptm capability is 0x%x\n", member(members, 0)) > 0;
}

static bool do_init(int fd, const struct request *q)
{
	(void)q;
	return transact_u32(fd, CMD_INIT, INIT_DELETE_VOLATILE, "PTM_INIT", NULL, 0);
}

static bool do_established(int fd, const struct request *q)
{
	uint8_t members[4];

	(void)q;
	return transact(fd, CMD_GET_ESTABLISHED, span_of(NULL, 0), "PTM_GET_TPMESTABLISHED", members, sizeof members) &&
	       printf("tpmEstablished is %u\n", members[0]) > 0;
}

static bool do_locality(int fd, const struct request *q)
{
	const uint8_t body[4] = { (uint8_t)q->number };

	return q->option == 'r' ? transact(fd, CMD_RESET_ESTABLISHED, SPAN_OF(body), "PTM_RESET_TPMESTABLISHED", NULL, 0)
				: transact(fd, CMD_SET_LOCALITY, SPAN_OF(body), "PTM_SET_LOCALITY", NULL, 0);
}

static bool hash_piece(int fd, struct span piece)
{
	uint8_t body_bytes[CHUNK_MAX + 4];
	struct writer w = WRITER_OF(body_bytes);
	struct span body;

	writer_sized(&w, piece);
	return writer_end(&w, &body) == TCB_OK && transact(fd, CMD_HASH_DATA, body, "PTM_HASH_DATA", NULL, 0);
}

static bool hash_stdin(int fd)
{
	uint8_t piece[CHUNK_MAX];
	size_t size;

	while ((size = fread(piece, 1, sizeof piece, stdin)) > 0)
		if (!hash_piece(fd, span_of(piece, size)))
			return false;
	return true;
}

static bool hash_text(int fd, struct span text)
{
	while (text.size > 0) {
		size_t size = text.size < CHUNK_MAX ? text.size : CHUNK_MAX;

		if (!hash_piece(fd, span_of(text.data, size)))
			return false;
		text = span_from(text, size);
	}
	return true;
}

static bool do_hash(int fd, const struct request *q)
{
	return simple(fd, CMD_HASH_START, "PTM_HASH_START") &&
	       (strcmp(q->argument, "-") == 0 ? hash_stdin(fd) : hash_text(fd, span_of_text(q->argument))) &&
	       simple(fd, CMD_HASH_END, "PTM_HASH_END");
}

static bool do_cancel(int fd, const struct request *q) { (void)q; return simple(fd, CMD_CANCEL, "PTM_CANCEL_TPM_CMD"); }
static bool do_store(int fd, const struct request *q) { (void)q; return simple(fd, CMD_STORE_VOLATILE, "PTM_STORE_VOLATILE"); }
static bool do_stop(int fd, const struct request *q) { (void)q; return simple(fd, CMD_STOP, "PTM_STOP"); }
static bool do_shutdown(int fd, const struct request *q) { (void)q; return simple(fd, CMD_SHUTDOWN, "PTM_SHUTDOWN"); }

static bool do_config(int fd, const struct request *q)
{
	uint8_t members[4];

	(void)q;
	return transact(fd, CMD_GET_CONFIG, span_of(NULL, 0), "PTM_GET_CONFIG", members, sizeof members) &&
	       printf("ptm configuration flags: 0x%x\n", member(members, 0)) > 0;
}

static bool do_buffer_size(int fd, const struct request *q)
{
	uint8_t m[12];

	return transact_u32(fd, CMD_SET_BUFFER_SIZE, (uint32_t)q->number, "PTM_SET_BUFFERSIZE", m, sizeof m) &&
	       printf("TPM buffersize: %u\nminimum size  : %u\nmaximum size  : %u\n", member(m, 0), member(m, 1), member(m, 2)) > 0;
}

static bool do_lock_storage(int fd, const struct request *q)
{
	return transact_u32(fd, CMD_LOCK_STORAGE, (uint32_t)q->number, "PTM_LOCK_STORAGE", NULL, 0);
}

static bool do_info(int fd, const struct request *q)
{
	uint8_t body[16], members[8], piece[CHUNK_MAX];
	uint32_t offset = 0, total, length;

	do {
		struct writer w = WRITER_OF(body);

		writer_u64(&w, q->number);
		writer_u32(&w, offset);
		writer_u32(&w, 0);
		if (!transact(fd, CMD_GET_INFO, SPAN_OF(body), "PTM_GET_INFO", members, sizeof members))
			return false;
		total = member(members, 0);
		length = member(members, 1);
		if (length > sizeof piece || length == 0 || length > total - offset || !client_read(fd, piece, length, PATIENCE_MS))
			return failed("PTM_GET_INFO");
		offset += length;
		(void)fwrite(piece, 1, offset == total ? length - 1 : length, stdout); /* without the NUL */
	} while (offset < total);
	(void)putchar('\n');
	return true;
}

/* ---- state blobs ---- */

static bool blob_type(const char *name, uint32_t *ret_type)
{
	static const char *const names[] = { "permanent", "volatile", "savestate" };

	for (uint32_t i = 0; i < 3; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret_type = i + 1;
			return true;
		}
	}
	(void)fprintf(stderr, "Unknown TPM state type '%s'\n", name);
	return false;
}

static bool about_file(const char *what, const char *file, const char *why)
{
	(void)fprintf(stderr, "Could not %s file '%s'%s: %s\n", what, file, why, strerror(errno));
	return false;
}

static bool read_blob(int fd, uint32_t type, uint8_t *blob, size_t *ret_size)
{
	uint8_t body[12], m[12];
	struct writer w = WRITER_OF(body);

	writer_u32(&w, STATE_DECRYPTED);
	writer_u32(&w, type);
	writer_u32(&w, 0);
	if (!transact(fd, CMD_GET_BLOB, SPAN_OF(body), "PTM_GET_STATEBLOB", m, sizeof m))
		return false;
	*ret_size = member(m, 2);
	return (*ret_size <= BLOB_MAX && client_read(fd, blob, *ret_size, PATIENCE_MS)) || failed("PTM_GET_STATEBLOB");
}

static bool do_save(int fd, const struct request *q)
{
	uint8_t *blob = malloc(BLOB_MAX);
	size_t size = 0;
	uint32_t type;
	bool ok = false;
	int file = -1;

	if (blob != NULL && blob_type(q->argument, &type)) {
		file = open(q->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		ok = file >= 0 || about_file("open", q->file, " for writing");
		ok = ok && read_blob(fd, type, blob, &size) &&
		     (io_write(file, span_of(blob, size)) || about_file("write to", q->file, ""));
		if (file >= 0 && close(file) != 0)
			ok = false;
	}
	free(blob);
	return ok;
}

static bool read_file(const char *path, uint8_t *blob, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	bool ok;

	if (file == NULL)
		return about_file("open", path, " for reading");
	*ret_size = fread(blob, 1, BLOB_MAX + 1, file);
	ok = ferror(file) == 0 || about_file("read from", path, "");
	(void)fclose(file);
	return ok;
}

/* The result comes only after all data, so that no transact() is there for it. */
static bool send_blob(int fd, uint32_t type, struct span blob)
{
	uint8_t head[16], answer[4];
	struct writer w = WRITER_OF(head);

	writer_u32(&w, CMD_SET_BLOB);
	writer_u32(&w, 0); /* flags: whether it is encrypted shows in the blob itself */
	writer_u32(&w, type);
	writer_u32(&w, (uint32_t)blob.size);
	errno = 0;
	/* A TPM that refuses the size answers before it has read it all */
	if (!io_write(fd, SPAN_OF(head)) || (!io_write(fd, blob) && errno != EPIPE) ||
	    !client_read(fd, answer, sizeof answer, PATIENCE_MS))
		return failed("PTM_SET_STATEBLOB");
	if (member(answer, 0) == 0)
		return true;
	(void)fprintf(stderr, "TPM result from PTM_SET_STATEBLOB: 0x%x\n", member(answer, 0));
	return false;
}

static bool do_load(int fd, const struct request *q)
{
	uint8_t *blob = malloc(BLOB_MAX + 1);
	size_t size = 0;
	uint32_t type;
	bool ok = blob != NULL && blob_type(q->argument, &type) && read_file(q->file, blob, &size) &&
		  send_blob(fd, type, span_of(blob, size));

	free(blob);
	return ok;
}

/* ---- command line ---- */

enum { OPTION_DEVICE = 256, OPTION_TCP, OPTION_UNIX, OPTION_STOP, OPTION_SAVE, OPTION_LOAD, OPTION_INFO, OPTION_LOCK, OPTION_VERSION,
       OPTION_HELP };

static const struct option options[] = {
	{"tpm-device", 1, NULL, OPTION_DEVICE}, {"tcp", 1, NULL, OPTION_TCP}, {"unix", 1, NULL, OPTION_UNIX}, {"c", 0, NULL, 'c'},
	{"i", 0, NULL, 'i'}, {"stop", 0, NULL, OPTION_STOP}, {"s", 0, NULL, 's'}, {"e", 0, NULL, 'e'}, {"r", 1, NULL, 'r'},
	{"v", 0, NULL, 'v'}, {"C", 0, NULL, 'C'}, {"l", 1, NULL, 'l'}, {"h", 1, NULL, 'h'}, {"save", 1, NULL, OPTION_SAVE},
	{"load", 1, NULL, OPTION_LOAD}, {"g", 0, NULL, 'g'}, {"b", 1, NULL, 'b'}, {"info", 1, NULL, OPTION_INFO},
	{"lock-storage", 1, NULL, OPTION_LOCK}, {"version", 0, NULL, OPTION_VERSION}, {"help", 0, NULL, OPTION_HELP}, {0},
};

static const struct { int option; bool (*run)(int fd, const struct request *q); } commands[] = {
	{ 'c', do_capability }, { 'i', do_init }, { OPTION_STOP, do_stop }, { 's', do_shutdown }, { 'e', do_established },
	{ 'r', do_locality }, { 'l', do_locality }, { 'v', do_store }, { 'C', do_cancel }, { 'h', do_hash }, { OPTION_SAVE, do_save },
	{ OPTION_LOAD, do_load }, { 'g', do_config }, { 'b', do_buffer_size }, { OPTION_INFO, do_info }, { OPTION_LOCK, do_lock_storage },
};

static void version(void)
{
	(void)puts("TPM emulator control tool version " SWTPM_VERSION ", " CLIENT_COPYRIGHT);
}

static void usage(void)
{
	version();
	(void)printf("\nUsage: swtpm_ioctl command <device path>\n\n"
		     "The TPM:  --unix PATH | --tcp [HOST]:[PORT] (127.0.0.1, %d) | --tpm-device DEVICE\n\n"
		     "  -c                  what the TPM can be asked for        -i          switch it on\n"
		     "  --stop              switch it off                        -s          end its process\n"
		     "  -e                  its tpmEstablished bit               -r LOCALITY reset that bit\n"
		     "  -l LOCALITY         locality of commands that follow, 0 to 4\n"
		     "  -h DATA             hash DATA into PCR 17; -: standard input\n"
		     "  -v                  store its volatile state             -C          cancel a command\n"
		     "  --save TYPE FILE    state into a file; permanent, volatile or savestate\n"
		     "  --load TYPE FILE    state from a file into a TPM that is off\n"
		     "  -g                  which keys it has                    -b SIZE     its buffer's size; 0 asks\n"
		     "  --info FLAGS        about the TPM, as JSON\n"
		     "  --lock-storage N    take the state back after a migration that failed; N tries\n"
		     "  --version           --help\n",
		     PORT_DEFAULT);
}

static bool is_number(const char *text, unsigned long *ret_number)
{
	char *end;

	*ret_number = strtoul(text, &end, 0);
	return *text != '\0' && *end == '\0';
}

static bool complain(const char *format, const char *about)
{
	(void)fprintf(stderr, format, about);
	return false;
}

/* The argument of the command that was found. */
static bool check_argument(int option, struct request *q)
{
	switch (option) {
	case 'r':
	case 'l':
		if (!is_number(q->argument, &q->number))
			return complain("Could not get locality number from %s.\n", q->argument);
		return q->number <= 4 || complain("Locality outside valid range of [0..4].%s\n", "");
	case 'b': return is_number(q->argument, &q->number) || complain("Could not get buffersize from %s.\n", q->argument);
	case OPTION_INFO: return is_number(q->argument, &q->number) || complain("Cannot parse info flags.%s\n", "");
	case OPTION_LOCK: return is_number(q->argument, &q->number) || complain("Could not get the number of tries from %s.\n", q->argument);
	default: return true;
	}
}

static bool take_command(int option, int argc, char **argv, struct request *q)
{
	if (q->option != 0)
		return complain("Only one command may be given.%s\n", "");
	q->option = option;
	q->argument = optarg;
	if (option == OPTION_SAVE || option == OPTION_LOAD) {
		if (optind >= argc)
			return complain("Missing filename argument for --%s option\n", option == OPTION_SAVE ? "save" : "load");
		q->file = argv[optind++];
	}
	return check_argument(option, q);
}

static bool take_option(int option, int argc, char **argv, struct request *q)
{
	switch (option) {
	case OPTION_DEVICE: q->target = (struct client_target){ .device = optarg }; return true;
	case OPTION_UNIX: q->target = (struct client_target){ .unix_path = optarg }; return true;
	case OPTION_TCP: return client_parse_tcp(optarg, PORT_DEFAULT, &q->target);
	case OPTION_VERSION: version(); exit(EXIT_SUCCESS);
	case OPTION_HELP: usage(); exit(EXIT_SUCCESS);
	case '?': return false; /* getopt has said what it is */
	default: return take_command(option, argc, argv, q);
	}
}

int main(int argc, char **argv)
{
	struct request q = {0};
	int option, fd;

	io_fill_standard();
	(void)signal(SIGPIPE, SIG_IGN);
	while ((option = getopt_long_only(argc, argv, "", options, NULL)) != -1)
		if (!take_option(option, argc, argv, &q))
			return EXIT_FAILURE;
	if (q.option == 0)
		return complain("No valid command.%s\n", "") ? 0 : EXIT_FAILURE;
	if (q.target.unix_path == NULL && q.target.host[0] == '\0' && q.target.device == NULL && optind < argc)
		q.target.device = argv[optind];
	if (q.target.unix_path == NULL && q.target.host[0] == '\0') {
		(void)fprintf(stderr, q.target.device == NULL ? "Error: Missing device name.\n"
							     : "Unable to open device '%s'.\n", q.target.device);
		return EXIT_FAILURE; /* a CUSE device has no control channel that we speak */
	}
	fd = client_connect(&q.target);
	if (fd < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (commands[i].option == q.option)
			return commands[i].run(fd, &q) ? EXIT_SUCCESS : EXIT_FAILURE;
	return EXIT_FAILURE;
}
