// SPDX-License-Identifier: MIT
/* verify/appraise/event_log, event_text and ima: logs of real boots lead to the PCRs that were read beside them; each trap of the format is
 * minded; what is altered, cut or of another format is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/writer.h"
#include "crypto/crypto.h"
#include "sgxsim/file.h"
#include "verify/appraise/event_text.h"
#include "verify/appraise/ima.h"

static const char *const boots[] = { "ovmf-linux", "shim-grub", "systemd-boot", "ima-ng", "ima-oldest" };
enum { BOOTS = sizeof boots / sizeof boots[0] };

static struct {
	struct file_bytes log, ima;
	struct digest256 pcrs[LIMIT_PCRS];
} real[BOOTS];

/* ---- real boots ---- */

static void load(const char *name, const char *ending, struct file_bytes *ret_file)
{
	char path[4096];

	(void)snprintf(path, sizeof path, "%s/%s.%s", getenv("LOGS"), name, ending);
	assert_int_equal(file_read(path, ret_file, NULL), TCB_OK);
}

static int load_all(void **state)
{
	(void)state;
	if (crypto_init() != TCB_OK)
		return -1;
	for (size_t i = 0; i < BOOTS; i++) {
		struct file_bytes text = {0};

		load(boots[i], "log", &real[i].log);
		load(boots[i], "ima", &real[i].ima);
		load(boots[i], "pcrs", &text);
		assert_int_equal(text.size, LIMIT_PCRS * 65);
		for (size_t pcr = 0; pcr < LIMIT_PCRS; pcr++)
			for (size_t at = 0; at < SHA256_SIZE; at++) {
				char pair[3] = { (char)text.data[pcr * 65 + 2 * at], (char)text.data[pcr * 65 + 2 * at + 1], '\0' };

				real[i].pcrs[pcr].bytes[at] = (uint8_t)strtoul(pair, NULL, 16);
			}
		file_free(&text);
	}
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < BOOTS; i++) {
		file_free(&real[i].log);
		file_free(&real[i].ima);
	}
	return 0;
}

static void real_logs_lead_to_the_pcrs(void **state)
{
	(void)state;
	for (size_t i = 0; i < BOOTS; i++) {
		struct digest256 pcrs[LIMIT_PCRS];
		struct ima_covered covered;

		assert_int_equal(event_log_replay(file_span(&real[i].log), pcrs), TCB_OK);
		assert_memory_not_equal(&pcrs[10], &real[i].pcrs[10], sizeof pcrs[10]); /* IMA's */
		assert_int_equal(ima_replay(file_span(&real[i].ima), NULL, pcrs, &covered), TCB_OK);
		assert_int_equal(covered.extended, 1u << 10);
		for (size_t pcr = 0; pcr < LIMIT_PCRS; pcr++)
			if (memcmp(&pcrs[pcr], &real[i].pcrs[pcr], sizeof pcrs[pcr]) != 0)
				fail_msg("%s: PCR %zu", boots[i], pcr);
		assert_int_equal(event_log_pcrs(file_span(&real[i].log)) & 0xff, 0xff);
	}
}

/* Cut anywhere, a log is malformed, or whole but leading elsewhere. */
static void cut_logs_lead_elsewhere(void **state)
{
	struct digest256 pcrs[LIMIT_PCRS];
	unsigned whole = 0;

	(void)state;
	for (size_t i = 0; i < BOOTS; i++) {
		struct ima_covered covered;

		for (size_t size = 0; size < real[i].log.size; size++) {
			if (event_log_replay(span_of(real[i].log.data, size), pcrs) != TCB_OK)
				continue;
			whole++;
			assert_memory_not_equal(pcrs, real[i].pcrs, 10 * sizeof pcrs[0]);
		}
		for (size_t size = 0; size < real[i].ima.size; size++) {
			pcrs_reset(pcrs);
			if (ima_replay(span_of(real[i].ima.data, size), NULL, pcrs, &covered) == TCB_OK)
				assert_memory_not_equal(&pcrs[10], &real[i].pcrs[10], sizeof pcrs[10]);
		}
	}
	assert_true(whole > 100); /* cut behind an event */
}

/* What the SHA-256 bank does not cover: the other banks' digests, types, and data. */
static bool is_covered(const struct file_bytes *log, size_t at)
{
	struct event_log walk;
	struct log_event e;
	bool end = false;

	assert_int_equal(event_log_open(file_span(log), &walk), TCB_OK);
	while (event_log_next(&walk, &end, &e) == TCB_OK && !end) {
		const uint8_t *place = log->data + at;

		if (place >= e.digest.data && place < e.digest.data + e.digest.size)
			return e.extends;
	}
	return false;
}

static void a_flipped_digest_leads_elsewhere(void **state)
{
	struct file_bytes *log = &real[1].log;
	struct digest256 pcrs[LIMIT_PCRS];
	unsigned covered = 0;

	(void)state;
	for (size_t at = 0; at < log->size; at++) {
		if (!is_covered(log, at))
			continue;
		covered++;
		log->data[at] ^= 0x10;
		assert_int_equal(event_log_replay(file_span(log), pcrs), TCB_OK);
		assert_memory_not_equal(pcrs, real[1].pcrs, sizeof pcrs);
		log->data[at] ^= 0x10;
	}
	assert_true(covered > 30 * SHA256_SIZE);
}

/* No byte of an IMA list but the head's PCR-free parts is idle: SHA-1 binds the data even where a violation does not. */
static void a_flipped_ima_list_is_noticed(void **state)
{
	unsigned idle = 0;

	(void)state;
	for (size_t i = 1; i < BOOTS; i++) {
		struct digest256 pcrs[LIMIT_PCRS];
		struct file_bytes *ima = &real[i].ima;
		struct ima_covered covered;

		for (size_t at = 0; at < ima->size; at++) {
			ima->data[at] ^= 0x10;
			pcrs_reset(pcrs);
			if (ima_replay(file_span(ima), NULL, pcrs, &covered) == TCB_OK &&
			    memcmp(&pcrs[10], &real[i].pcrs[10], sizeof pcrs[10]) == 0)
				idle++;
			ima->data[at] ^= 0x10;
		}
	}
	/* two violations in each of four lists, whose data no digest covers */
	assert_in_range(idle, 1, 4 * 2 * 120);
}

/* The texts of a log, one a line: "PCR TYPE [vouched] text". */
static const char *tell(const struct file_bytes *file)
{
	static char lines[64 * 1024];
	struct event_log log;
	struct log_event e;
	size_t size = 0;
	bool end = false;

	assert_int_equal(event_log_open(file_span(file), &log), TCB_OK);
	for (;;) {
		char text[EVENT_TEXT_MAX];

		assert_int_equal(event_log_next(&log, &end, &e), TCB_OK);
		if (end)
			break;
		event_describe(&e, text);
		assert_non_null(event_type_name(e.type));
		for (const char *c = text; *c != '\0'; c++)
			assert_in_range(*c, 0x20, 0x7e);
		size += (size_t)snprintf(lines + size, sizeof lines - size, "%u %s%s %s\n", e.pcr, event_type_name(e.type),
					 event_is_vouched(&e) ? " vouched" : "", text);
		assert_true(size < sizeof lines);
	}
	return lines;
}

static void assert_told(const char *lines, const char *wanted)
{
	if (strstr(lines, wanted) == NULL)
		fail_msg("nowhere: %s\nin:\n%s", wanted, lines);
}

static void events_have_names(void **state)
{
	const char *lines;

	(void)state;
	lines = tell(&real[1].log);
	assert_told(lines, "7 EV_EFI_VARIABLE_DRIVER_CONFIG vouched SecureBoot = 1\n");
	assert_told(lines, "4 EV_EFI_BOOT_SERVICES_APPLICATION \\EFI\\BOOT\\BOOTX64.EFI, ");
	assert_told(lines, "14 EV_IPL MokList\n");
	assert_told(lines, "0 EV_S_CRTM_VERSION vouched \n"); /* OVMF has none */
	assert_told(lines, "8 EV_IPL vouched kernel_cmdline: /vmlinuz console=ttyS0 quiet ima_policy=tcb\n");
	assert_told(lines, "8 EV_IPL vouched grub_cmd: linux /vmlinuz console=ttyS0 quiet ima_policy=tcb\n");
	assert_told(lines, "9 EV_IPL /initramfs.gz\n");
	assert_told(lines, "7 EV_EFI_VARIABLE_AUTHORITY vouched db, ");
	assert_told(lines, "5 EV_EFI_ACTION vouched Exit Boot Services Invocation\n");
	assert_told(lines, "0 EV_SEPARATOR vouched firmware hands over\n");
	assert_told(tell(&real[2].log), "tcbind.test=systemd-boot");
	assert_told(tell(&real[0].log), "9 EV_EVENT_TAG Linux initrd\n");
}

static void ima_entries_have_names(void **state)
{
	(void)state;
	for (size_t i = 1; i < BOOTS; i++) {
		struct span rest = file_span(&real[i].ima);
		unsigned violations = 0, busyboxes = 0;
		struct ima_entry e;
		bool end = false;

		for (bool first = true;; first = false) {
			assert_int_equal(ima_next(&rest, &end, &e), TCB_OK);
			if (end)
				break;
			assert_int_equal(first, span_is_text(e.path, "boot_aggregate"));
			violations += e.violation;
			busyboxes += span_is_text(e.path, "/bin/busybox");
			if (i != 4)
				assert_true(span_is_text(e.algorithm, "sha256") || e.violation);
			if (e.violation)
				assert_true(span_is_text(e.path, "/tmp/violated"));
		}
		assert_int_equal(busyboxes, 1);
		assert_true(violations >= 1);
	}
}

/* ---- made logs ---- */

static uint8_t memory[4096];
static struct writer made;

static void begin_log(struct span algorithms, uint32_t count)
{
	made = WRITER_OF(memory);
	writer_u32_le(&made, 0);
	writer_u32_le(&made, 3);
	writer_zeros(&made, 20);
	writer_u32_le(&made, (uint32_t)(16 + 12 + algorithms.size + 1));
	writer_bytes(&made, span_of("Spec ID Event03\0\0\0\0\0\0\2\0\2", 24));
	writer_u32_le(&made, count);
	writer_bytes(&made, algorithms);
	writer_u8(&made, 0);
}

static void begin_plain(void)
{
	begin_log(span_of("\x0b\0\x20\0", 4), 1);
}

static void put_event(uint32_t pcr, uint32_t type, uint8_t digest, struct span data)
{
	uint8_t bytes[SHA256_SIZE] = {digest};

	writer_u32_le(&made, pcr);
	writer_u32_le(&made, type);
	writer_u32_le(&made, 1);
	writer_u16_le(&made, 0x0b);
	writer_bytes(&made, SPAN_OF(bytes));
	writer_u32_le(&made, (uint32_t)data.size);
	writer_bytes(&made, data);
}

static enum tcb_error replay(struct digest256 pcrs[LIMIT_PCRS])
{
	struct span log;

	assert_int_equal(writer_end(&made, &log), TCB_OK);
	return event_log_replay(log, pcrs);
}

/* `start` in all bytes but the last, which is `last`; then one extension by the digest that put_event() makes of `digest`. */
static void assert_extended(const struct digest256 *pcr, uint8_t start, uint8_t last, uint8_t digest)
{
	uint8_t before[SHA256_SIZE], by[SHA256_SIZE] = {digest};
	struct digest256 wanted;

	memset(before, start, sizeof before);
	before[SHA256_SIZE - 1] = last;
	assert_int_equal(crypto_sha256_all((struct span[]){SPAN_OF(before), SPAN_OF(by)}, 2, &wanted), TCB_OK);
	assert_memory_equal(pcr, &wanted, sizeof wanted);
}

static struct span locality(uint8_t value)
{
	static uint8_t data[17] = "StartupLocality";

	data[16] = value;
	return SPAN_OF(data);
}

static void no_action_extends_nothing(void **state)
{
	struct digest256 pcrs[LIMIT_PCRS], untouched[LIMIT_PCRS];

	(void)state;
	begin_plain();
	put_event(0, 3, 9, span_of_text("anything"));
	put_event(UINT32_MAX, 3, 9, span_of_text("of no PCR"));
	put_event(6, 3, 9, span_of(NULL, 0));
	assert_int_equal(replay(pcrs), TCB_OK);
	pcrs_reset(untouched);
	assert_memory_equal(pcrs, untouched, sizeof pcrs);
	put_event(UINT32_MAX, 4, 9, span_of(NULL, 0)); /* measured, into no PCR */
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
}

static void locality_is_where_pcr_0_starts(void **state)
{
	static const uint8_t good[] = {0, 3, 4}, bad[] = {1, 2, 5, 0xff};
	struct digest256 pcrs[LIMIT_PCRS];

	(void)state;
	for (size_t i = 0; i < sizeof good; i++) {
		begin_plain();
		put_event(0, 3, 0, locality(good[i]));
		put_event(0, 8, 7, span_of_text("crtm"));
		put_event(1, 8, 8, span_of_text("other"));
		assert_int_equal(replay(pcrs), TCB_OK);
		assert_extended(&pcrs[0], 0, good[i], 7);
		assert_extended(&pcrs[1], 0, 0, 8);
	}
	for (size_t i = 0; i < sizeof bad; i++) {
		begin_plain();
		put_event(0, 3, 0, locality(bad[i]));
		assert_int_equal(replay(pcrs), TCB_MALFORMED);
	}
	begin_plain(); /* twice */
	put_event(0, 3, 0, locality(3));
	put_event(0, 3, 0, locality(3));
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
	begin_plain(); /* too late: PCR 0 has been extended from another start */
	put_event(0, 8, 7, span_of_text("crtm"));
	put_event(0, 3, 0, locality(3));
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
	begin_plain(); /* of another PCR */
	put_event(1, 3, 0, locality(3));
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
}

static void an_h_crtm_starts_pcr_0_at_four(void **state)
{
	struct digest256 pcrs[LIMIT_PCRS];

	(void)state;
	begin_plain();
	put_event(0, 0x80000010, 7, span_of_text("HCRTM"));
	assert_int_equal(replay(pcrs), TCB_OK);
	assert_extended(&pcrs[0], 0, 4, 7);
	begin_plain(); /* also where a locality was told before: it was launched before TPM2_Startup */
	put_event(0, 3, 0, locality(3));
	put_event(0, 0x80000010, 7, span_of_text("HCRTM"));
	assert_int_equal(replay(pcrs), TCB_OK);
	assert_extended(&pcrs[0], 0, 4, 7);
	begin_plain(); /* not the first: a measurement like any other */
	put_event(0, 8, 6, span_of_text("crtm"));
	put_event(0, 0x80000010, 7, span_of_text("HCRTM"));
	assert_int_equal(replay(pcrs), TCB_OK);
	begin_plain();
	put_event(0, 8, 6, span_of_text("crtm"));
	assert_int_equal(replay(pcrs), TCB_OK);
	assert_extended(&pcrs[0], 0, 0, 6);
}

static void a_dynamic_launch_sets_17_to_22_to_zero(void **state)
{
	struct digest256 pcrs[LIMIT_PCRS], reset[LIMIT_PCRS];
	static const uint8_t zeros[SHA256_SIZE], ones[1] = {0xff};

	(void)state;
	begin_plain();
	put_event(16, 13, 5, span_of_text("debug"));
	put_event(23, 13, 5, span_of_text("application"));
	assert_int_equal(replay(pcrs), TCB_OK);
	pcrs_reset(reset);
	assert_memory_equal(&pcrs[17], &reset[17], 6 * sizeof pcrs[0]);
	assert_memory_equal(pcrs[22].bytes + 31, ones, 1);
	put_event(18, 13, 5, span_of_text("launched"));
	assert_int_equal(replay(pcrs), TCB_OK);
	assert_extended(&pcrs[18], 0, 0, 5);
	assert_memory_equal(pcrs[17].bytes, zeros, sizeof zeros);
	assert_memory_equal(pcrs[22].bytes, zeros, sizeof zeros);
}

/* Old logs, and those of algorithms that do us no good, are told from rubbish. */
static void other_formats_are_refused(void **state)
{
	struct digest256 pcrs[LIMIT_PCRS];

	(void)state;
	begin_log(span_of("\x04\0\x14\0", 4), 1); /* SHA-1 alone */
	assert_int_equal(replay(pcrs), TCB_REFUSED);
	begin_plain();
	memory[32 + 14] = '2'; /* Spec ID Event02 */
	assert_int_equal(replay(pcrs), TCB_REFUSED);
	made = WRITER_OF(memory); /* no Spec ID event at all: TCG 1.2 */
	writer_u32_le(&made, 0);
	writer_u32_le(&made, 8);
	writer_zeros(&made, 20);
	writer_u32_le(&made, 0);
	assert_int_equal(replay(pcrs), TCB_REFUSED);
	begin_log(span_of("\x0b\0\x14\0", 4), 1); /* SHA-256 of 20 bytes */
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
	begin_log(span_of("\x0b\0\x20\0\x0b\0\x20\0", 8), 2); /* twice */
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
	begin_log(span_of(NULL, 0), 0);
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
	begin_log(span_of("\x0b\0\x20\0", 4), UINT32_MAX);
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
	begin_plain();
	memory[32 + 16 + 5] = 3; /* version 3 */
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
	begin_plain();
	put_event(24, 8, 1, span_of(NULL, 0));
	assert_int_equal(replay(pcrs), TCB_MALFORMED);
	assert_int_equal(event_log_replay(span_of(NULL, 0), pcrs), TCB_MALFORMED);
}

static void put_digest(uint16_t id, size_t size)
{
	writer_u16_le(&made, id);
	writer_zeros(&made, size);
}

static void digests_are_those_declared(void **state)
{
	static const struct {
		enum tcb_error wanted;
		uint32_t count;
		uint16_t id[3], size[3];
	} cases[] = {
		{TCB_OK, 2, {4, 0xb}, {20, 32}},         {TCB_OK, 1, {0xb}, {32}},
		{TCB_MALFORMED, 1, {4}, {20}},           {TCB_MALFORMED, 2, {0xb, 0xb}, {32, 32}},
		{TCB_MALFORMED, 2, {0xb, 0xc}, {32, 48}}, {TCB_MALFORMED, 0, {0}, {0}},
		{TCB_MALFORMED, 3, {4, 0xb, 4}, {20, 32, 20}}, {TCB_MALFORMED, 2, {4, 4}, {20, 20}},
	};
	struct digest256 pcrs[LIMIT_PCRS];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin_log(span_of("\x04\0\x14\0\x0b\0\x20\0", 8), 2);
		writer_u32_le(&made, 0);
		writer_u32_le(&made, 8);
		writer_u32_le(&made, cases[i].count);
		for (uint32_t at = 0; at < cases[i].count; at++)
			put_digest(cases[i].id[at], cases[i].size[at]);
		writer_u32_le(&made, 0);
		if (replay(pcrs) != cases[i].wanted)
			fail_msg("case %zu", i);
	}
}

/* Terminal escapes, sizes that lie, names without end: a short line of plain characters, whatever the event says. */
static void hostile_texts_are_harmless(void **state)
{
	static const uint32_t kinds[] = { 1, 3, 4, 6, 8, 13, 0x80000001, 0x80000002, 0x80000003, 0x80000008, 0x8000000a, 0x800000e0 };
	static uint8_t data[1024];
	uint8_t digest[SHA256_SIZE] = {0};
	char text[EVENT_TEXT_MAX];
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct log_event e = { .pcr = 1, .type = kinds[round % 12], .extends = true, .digest = SPAN_OF(digest) };

		for (size_t i = 0; i < sizeof data; i++) {
			seed = seed * 1664525u + 1013904223u;
			data[i] = round % 3 == 0 && i < 40 && i % 8 > 1 ? 0 : (uint8_t)(seed >> 24);
		}
		e.data = span_of(data, (seed >> 8) % sizeof data);
		memset(text, 'x', sizeof text);
		event_describe(&e, text);
		assert_true(strnlen(text, sizeof text) < sizeof text);
		for (const char *c = text; *c != '\0'; c++)
			assert_in_range(*c, 0x20, 0x7e);
		(void)event_is_vouched(&e);
	}
}

static void ima_lists_are_strict(void **state)
{
	struct digest256 pcrs[LIMIT_PCRS];
	struct ima_covered covered;
	struct span list;

	(void)state;
	made = WRITER_OF(memory);
	writer_u32_le(&made, 10);
	writer_zeros(&made, 20);
	writer_u32_le(&made, 7);
	writer_bytes(&made, span_of_text("ima-xyz"));
	writer_u32_le(&made, 0);
	assert_int_equal(writer_end(&made, &list), TCB_OK);
	assert_int_equal(ima_replay(list, NULL, pcrs, &covered), TCB_MALFORMED);
	made = WRITER_OF(memory); /* a violation whose name is not closed */
	writer_u32_le(&made, 10);
	writer_zeros(&made, 20);
	writer_u32_le(&made, 6);
	writer_bytes(&made, span_of_text("ima-ng"));
	writer_u32_le(&made, 4 + 8 + 4 + 2);
	writer_u32_le(&made, 8);
	writer_bytes(&made, span_of("sha256:\0", 8));
	writer_u32_le(&made, 2);
	writer_bytes(&made, span_of_text("/a"));
	assert_int_equal(writer_end(&made, &list), TCB_OK);
	assert_int_equal(ima_replay(list, NULL, pcrs, &covered), TCB_MALFORMED);
	memory[made.size - 1] = 0;
	assert_int_equal(ima_replay(list, NULL, pcrs, &covered), TCB_OK);
	memory[0] = 24;
	assert_int_equal(ima_replay(list, NULL, pcrs, &covered), TCB_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_logs_lead_to_the_pcrs),
		cmocka_unit_test(cut_logs_lead_elsewhere),
		cmocka_unit_test(a_flipped_digest_leads_elsewhere),
		cmocka_unit_test(a_flipped_ima_list_is_noticed),
		cmocka_unit_test(events_have_names),
		cmocka_unit_test(ima_entries_have_names),
		cmocka_unit_test(no_action_extends_nothing),
		cmocka_unit_test(locality_is_where_pcr_0_starts),
		cmocka_unit_test(an_h_crtm_starts_pcr_0_at_four),
		cmocka_unit_test(a_dynamic_launch_sets_17_to_22_to_zero),
		cmocka_unit_test(other_formats_are_refused),
		cmocka_unit_test(digests_are_those_declared),
		cmocka_unit_test(hostile_texts_are_harmless),
		cmocka_unit_test(ima_lists_are_strict),
	};

	return cmocka_run_group_tests_name("verify/event_log", tests, load_all, free_all);
}
