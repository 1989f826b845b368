// SPDX-License-Identifier: MIT
/* Names and short descriptions of a log's events, for reports. What an event says of itself is its writer's word: only event_is_vouched()
 * tells whether the digest, and with it the PCR, covers the words too. */
#ifndef TCBIND_VERIFY_APPRAISE_EVENT_TEXT_H
#define TCBIND_VERIFY_APPRAISE_EVENT_TEXT_H

#include "verify/appraise/event_log.h"

#define EVENT_TEXT_MAX 256

/* "EV_EFI_VARIABLE_BOOT" (PFP table 27); NULL: a type without a name. */
const char *event_type_name(uint32_t type);
/* False: no type has this name. */
bool event_type_parse(struct span name, uint32_t *ret_type);

/* One line of printable ASCII, NUL-terminated, at most EVENT_TEXT_MAX - 1 bytes: a variable's name, the path or firmware file of a program, a
 * command line, the text of an EV_IPL event (GRUB, shim, systemd-boot). Anything else in it is shown as '.'; empty when nothing is known. */
void event_describe(const struct log_event *event, char ret_text[EVENT_TEXT_MAX]);

/* The digest is that of the data: of all of it, of it without a closing NUL, of a variable's value, or of what follows "NAME: " as GRUB writes it. */
bool event_is_vouched(const struct log_event *event);

/* Appends printable ASCII of `bytes` to a text; the same rule as above. `ret_text` is NUL-terminated before and after. */
void text_append(char ret_text[EVENT_TEXT_MAX], struct span bytes);

#endif
