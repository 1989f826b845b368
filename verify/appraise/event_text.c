// SPDX-License-Identifier: MIT
/* What events say of themselves (PFP section 10.2 and 10.4; UEFI 2.10 sections 3.3 and 10). Hostile text: bounded, ASCII only, one line. */
#include "verify/appraise/event_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/reader.h"
#include "crypto/crypto.h"

enum {
	EV_SEPARATOR = 4, EV_EVENT_TAG = 6, EV_S_CRTM_VERSION = 8, EV_IPL = 13,
	PATH_MEDIA = 4, PATH_FILE = 4, PATH_FV_FILE = 6, PATH_END = 0x7f,
	LINUX_TAG_INITRD = (int)0x8f3b22ec, LINUX_TAG_OPTIONS = (int)0x8f3b22ed,
};

#define EV_EFI 0x80000000u

static const struct {
	uint32_t type;
	const char *name;
} types[] = {
	{0, "EV_PREBOOT_CERT"}, {1, "EV_POST_CODE"}, {2, "EV_UNUSED"}, {3, "EV_NO_ACTION"}, {EV_SEPARATOR, "EV_SEPARATOR"},
	{5, "EV_ACTION"}, {EV_EVENT_TAG, "EV_EVENT_TAG"}, {7, "EV_S_CRTM_CONTENTS"}, {EV_S_CRTM_VERSION, "EV_S_CRTM_VERSION"},
	{9, "EV_CPU_MICROCODE"}, {10, "EV_PLATFORM_CONFIG_FLAGS"}, {11, "EV_TABLE_OF_DEVICES"}, {12, "EV_COMPACT_HASH"},
	{EV_IPL, "EV_IPL"}, {14, "EV_IPL_PARTITION_DATA"}, {15, "EV_NONHOST_CODE"}, {16, "EV_NONHOST_CONFIG"},
	{17, "EV_NONHOST_INFO"}, {18, "EV_OMIT_BOOT_DEVICE_EVENTS"}, {19, "EV_POST_CODE2"},
	{EV_EFI | 0x01, "EV_EFI_VARIABLE_DRIVER_CONFIG"}, {EV_EFI | 0x02, "EV_EFI_VARIABLE_BOOT"},
	{EV_EFI | 0x03, "EV_EFI_BOOT_SERVICES_APPLICATION"}, {EV_EFI | 0x04, "EV_EFI_BOOT_SERVICES_DRIVER"},
	{EV_EFI | 0x05, "EV_EFI_RUNTIME_SERVICES_DRIVER"}, {EV_EFI | 0x06, "EV_EFI_GPT_EVENT"}, {EV_EFI | 0x07, "EV_EFI_ACTION"},
	{EV_EFI | 0x08, "EV_EFI_PLATFORM_FIRMWARE_BLOB"}, {EV_EFI | 0x09, "EV_EFI_HANDOFF_TABLES"},
	{EV_EFI | 0x0a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"}, {EV_EFI | 0x0b, "EV_EFI_HANDOFF_TABLES2"},
	{EV_EFI | 0x0c, "EV_EFI_VARIABLE_BOOT2"}, {EV_EFI | 0x0d, "EV_EFI_GPT_EVENT2"}, {EV_EFI | 0x10, "EV_EFI_HCRTM_EVENT"},
	{EV_EFI | 0xe0, "EV_EFI_VARIABLE_AUTHORITY"}, {EV_EFI | 0xe1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
	{EV_EFI | 0xe2, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
};

const char *event_type_name(uint32_t type)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

bool event_type_parse(struct span name, uint32_t *ret_type)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (span_is_text(name, types[i].name)) {
			*ret_type = types[i].type;
			return true;
		}
	}
	return false;
}

/* ---- texts ---- */

static void append_char(char text[EVENT_TEXT_MAX], unsigned character)
{
	size_t size = strlen(text);

	if (size == EVENT_TEXT_MAX - 1)
		return;
	text[size] = character >= 0x20 && character < 0x7f ? (char)character : '.';
	text[size + 1] = '\0';
}

void text_append(char text[EVENT_TEXT_MAX], struct span bytes)
{
	for (size_t i = 0; i < bytes.size && i < EVENT_TEXT_MAX; i++)
		append_char(text, bytes.data[i]);
}

/* Up to a closing zero. */
static void append_utf16(char text[EVENT_TEXT_MAX], struct span bytes)
{
	for (size_t i = 0; i + 1 < bytes.size && i < 2 * EVENT_TEXT_MAX; i += 2) {
		unsigned unit = bytes.data[i] | (unsigned)bytes.data[i + 1] << 8;

		if (unit == 0)
			return;
		append_char(text, unit);
	}
}

static struct span without_nul(struct span text)
{
	return text.size > 0 && text.data[text.size - 1] == 0 ? span_of(text.data, text.size - 1) : text;
}

static struct span without_nuls(struct span text)
{
	while (text.size > 0 && text.data[text.size - 1] == 0)
		text.size--;
	return text;
}

/* Text of ASCII characters in two bytes each, as UEFI writes it. */
static bool is_utf16(struct span bytes)
{
	size_t plain = 0;

	if (bytes.size < 4 || bytes.size % 2 != 0)
		return false;
	for (size_t i = 0; i < bytes.size; i += 2)
		plain += bytes.data[i + 1] == 0;
	return plain * 4 >= bytes.size / 2 * 3 && bytes.data[0] != 0;
}

static void append_text(char text[EVENT_TEXT_MAX], struct span bytes)
{
	if (is_utf16(bytes))
		append_utf16(text, bytes);
	else
		text_append(text, without_nuls(bytes));
}

/* The mixed-endian form of UEFI 2.10, appendix A. */
static void append_guid(char text[EVENT_TEXT_MAX], struct span g)
{
	static const uint8_t order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	char pair[3];

	for (size_t i = 0; i < sizeof order; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			append_char(text, '-');
		(void)snprintf(pair, sizeof pair, "%02x", g.data[order[i]]);
		text_append(text, span_of_text(pair));
	}
}

/* ---- events; each returns whether it could be read ---- */

/* UEFI_VARIABLE_DATA: vendor's GUID, sizes (the name's in characters), name, value. */
static bool read_variable(struct span data, struct span *ret_guid, struct span *ret_name, struct span *ret_value)
{
	struct reader r = reader_of(data);
	uint64_t characters, size;

	return reader_bytes(&r, 16, ret_guid) == TCB_OK && reader_u64_le(&r, &characters) == TCB_OK &&
	       reader_u64_le(&r, &size) == TCB_OK && characters <= data.size / 2 &&
	       reader_bytes(&r, 2 * (size_t)characters, ret_name) == TCB_OK && size <= data.size &&
	       reader_bytes(&r, (size_t)size, ret_value) == TCB_OK && reader_end(&r) == TCB_OK;
}

static bool is_variable(uint32_t type)
{
	return type == (EV_EFI | 0x01) || type == (EV_EFI | 0x02) || type == (EV_EFI | 0x0c) || type == (EV_EFI | 0xe0);
}

static bool describe_variable(const struct log_event *e, char text[EVENT_TEXT_MAX])
{
	struct span guid, name, value;
	char size[48];

	if (!read_variable(e->data, &guid, &name, &value))
		return false;
	append_utf16(text, name);
	if (e->type == (EV_EFI | 0x01) && value.size == 1) /* SecureBoot and its like */
		(void)snprintf(size, sizeof size, " = %u", value.data[0]);
	else
		(void)snprintf(size, sizeof size, ", %zu bytes", value.size);
	text_append(text, span_of_text(size));
	if (e->type == (EV_EFI | 0x02) || e->type == (EV_EFI | 0x0c)) {
		/* EFI_LOAD_OPTION: attributes, size of the path, description */
		if (value.size > 6 && name.size == 16 && memcmp(name.data, "B\0o\0o\0t\0", 8) == 0) {
			text_append(text, span_of_text(": "));
			append_utf16(text, span_of(value.data + 6, value.size - 6));
		}
	}
	return true;
}

/* The files that a device path names; firmware volumes' files by their GUID. */
static void append_path(char text[EVENT_TEXT_MAX], struct span path)
{
	struct reader r = reader_of(path);
	uint8_t type, subtype;
	struct span body;
	uint16_t size;

	while (reader_u8(&r, &type) == TCB_OK && reader_u8(&r, &subtype) == TCB_OK && reader_u16_le(&r, &size) == TCB_OK &&
	       size >= 4 && reader_bytes(&r, size - 4u, &body) == TCB_OK && type != PATH_END) {
		if (type == PATH_MEDIA && subtype == PATH_FILE) {
			append_utf16(text, body);
		} else if (type == PATH_MEDIA && subtype == PATH_FV_FILE && body.size == 16) {
			text_append(text, span_of_text("firmware file "));
			append_guid(text, body);
		}
	}
}

/* UEFI_IMAGE_LOAD_EVENT: address, size, link address, size of the path, path. */
static bool describe_image(const struct log_event *e, char text[EVENT_TEXT_MAX])
{
	struct reader r = reader_of(e->data);
	uint64_t address, size, linked, path_size;
	struct span path;
	char rest[40];

	if (reader_u64_le(&r, &address) != TCB_OK || reader_u64_le(&r, &size) != TCB_OK || reader_u64_le(&r, &linked) != TCB_OK ||
	    reader_u64_le(&r, &path_size) != TCB_OK || path_size > r.rest.size ||
	    reader_bytes(&r, (size_t)path_size, &path) != TCB_OK)
		return false;
	append_path(text, path);
	(void)snprintf(rest, sizeof rest, "%s%" PRIu64 " bytes", text[0] != '\0' ? ", " : "a program of ", size);
	text_append(text, span_of_text(rest));
	return true;
}

/* UEFI_PLATFORM_FIRMWARE_BLOB: address, size; the second form has a description before it. */
static bool describe_blob(const struct log_event *e, char text[EVENT_TEXT_MAX])
{
	struct reader r = reader_of(e->data);
	struct span name = {0};
	uint64_t address, size;
	uint8_t name_size;
	char rest[64];

	if (e->type == (EV_EFI | 0x0a) && (reader_u8(&r, &name_size) != TCB_OK || reader_bytes(&r, name_size, &name) != TCB_OK))
		return false;
	if (reader_u64_le(&r, &address) != TCB_OK || reader_u64_le(&r, &size) != TCB_OK || reader_end(&r) != TCB_OK)
		return false;
	append_text(text, name);
	(void)snprintf(rest, sizeof rest, "%s%" PRIu64 " bytes at 0x%" PRIx64, name.size > 0 ? ", " : "", size, address);
	text_append(text, span_of_text(rest));
	return true;
}

static bool describe_separator(const struct log_event *e, char text[EVENT_TEXT_MAX])
{
	static const uint8_t zeros[4], ones[4] = {0xff, 0xff, 0xff, 0xff};

	if (!span_equal(e->data, SPAN_OF(zeros)) && !span_equal(e->data, SPAN_OF(ones)))
		return false;
	text_append(text, span_of_text("firmware hands over"));
	return true;
}

/* TCG_PCClientTaggedEvent: id, size, data. Linux' EFI stub has two ids. */
static bool describe_tagged(const struct log_event *e, char text[EVENT_TEXT_MAX])
{
	struct reader r = reader_of(e->data);
	uint32_t id, size;
	struct span data;
	char head[24];

	if (reader_u32_le(&r, &id) != TCB_OK || reader_u32_le(&r, &size) != TCB_OK || reader_bytes(&r, size, &data) != TCB_OK)
		return false;
	(void)snprintf(head, sizeof head, "tag 0x%08" PRIx32 ": ", id);
	if (id != (uint32_t)LINUX_TAG_INITRD && id != (uint32_t)LINUX_TAG_OPTIONS) /* which name themselves */
		text_append(text, span_of_text(head));
	append_text(text, data);
	return true;
}

/* A version in UTF-16, or a GUID, or a text. */
static bool describe_version(const struct log_event *e, char text[EVENT_TEXT_MAX])
{
	if (e->data.size == 16 && !is_utf16(e->data))
		append_guid(text, e->data);
	else
		append_text(text, e->data);
	return true;
}

static bool describe_text(const struct log_event *e, char text[EVENT_TEXT_MAX])
{
	append_text(text, e->data);
	return true;
}

static bool describe_none(const struct log_event *e, char text[EVENT_TEXT_MAX])
{
	static const char locality[16] = "StartupLocality";
	char rest[16];

	text_append(text, span_of(e->data.data, e->data.size < 15 ? e->data.size : 15));
	if (e->data.size == 17 && memcmp(e->data.data, locality, 16) == 0) {
		(void)snprintf(rest, sizeof rest, " %u", e->data.data[16]);
		text_append(text, span_of_text(rest));
	}
	return true;
}

static const struct {
	uint32_t type;
	bool (*describe)(const struct log_event *e, char text[EVENT_TEXT_MAX]);
} describers[] = {
	{1, describe_text}, {3, describe_none}, {EV_SEPARATOR, describe_separator}, {5, describe_text},
	{EV_EVENT_TAG, describe_tagged}, {EV_S_CRTM_VERSION, describe_version}, {EV_IPL, describe_text},
	{EV_EFI | 0x03, describe_image}, {EV_EFI | 0x04, describe_image}, {EV_EFI | 0x05, describe_image},
	{EV_EFI | 0x07, describe_text}, {EV_EFI | 0x08, describe_blob}, {EV_EFI | 0x0a, describe_blob},
	{EV_EFI | 0x10, describe_text},
};

void event_describe(const struct log_event *e, char ret_text[EVENT_TEXT_MAX])
{
	ret_text[0] = '\0';
	if (is_variable(e->type)) {
		(void)describe_variable(e, ret_text);
		return;
	}
	for (size_t i = 0; i < sizeof describers / sizeof describers[0]; i++)
		if (describers[i].type == e->type)
			(void)describers[i].describe(e, ret_text);
}

/* ---- what the digest covers ---- */

static bool hashes_to(struct span bytes, struct span digest)
{
	struct digest256 own;

	return crypto_sha256(bytes, &own) == TCB_OK && span_equal(SPAN_OF(own.bytes), digest);
}

bool event_is_vouched(const struct log_event *e)
{
	struct span guid, name, value, text = without_nul(e->data);
	const uint8_t *colon;

	if (!e->extends)
		return false;
	if (hashes_to(e->data, e->digest) || (text.size != e->data.size && hashes_to(text, e->digest)))
		return true;
	if (is_variable(e->type))
		return read_variable(e->data, &guid, &name, &value) && hashes_to(value, e->digest);
	if (e->type != EV_IPL || text.size == 0)
		return false;
	colon = memchr(text.data, ':', text.size);
	return colon != NULL && colon + 2 <= text.data + text.size && colon[1] == ' ' &&
	       hashes_to(span_of(colon + 2, (size_t)(text.data + text.size - (colon + 2))), e->digest);
}
