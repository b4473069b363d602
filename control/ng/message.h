/* SPDX-License-Identifier: MIT */
/* Reads ng messages into dialog commands, and lists every key and flag: supported, ignored or
 * refused. */
#ifndef CONTROL_NG_MESSAGE_H
#define CONTROL_NG_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "control/dialog/dialog.h"
#include "control/doc/doc.h"

enum ng_command {
	NG_PING,
	NG_OFFER,
	NG_ANSWER,
	NG_DELETE,
	NG_QUERY,
	NG_LIST,
	NG_STATISTICS,
	NG_COMMAND_COUNT
};

const char *ng_command_name(enum ng_command c);

/* A message that was read. Its texts are slices of the doc that ng_message_read got. */
struct ng_message {
	enum ng_command command;
	struct dialog_command dialog; /* for offer, answer, delete; its `call` for query too */
	uint32_t limit;               /* list: maximum number of Call-IDs to return; default 32 */
	bool knows_load_limit; /* the client understands the result "load limit" (key `supports`) */
	bool is_fatal;         /* delete: an unknown call is an error instead of a warning */
	unsigned n_ignored;    /* number of ignored keys and flags */
	char ignored[160];     /* names of the ignored words, without values; a long list is cut */
};

/* What ng_message_read needs to know about the gateway. */
struct ng_context {
	const struct call_settings *calls;        /* the settings about calls; NULL: the defaults */
	const struct relay_interface *interfaces; /* for the keys `direction` and `interface` */
	unsigned n_interfaces;
};

/*
 * Reads a message. ERR_INVALID, ERR_UNSUPPORTED, ERR_NOT_FOUND (no such interface), ERR_RANGE,
 * ERR_TOO_BIG (a tag): `why` is the text for `error-reason`: the key, its value (never SDP) and
 * what is allowed. Ignores and counts unknown keys and flags, as clients expect.
 */
enum err ng_message_read(struct ng_message *out, const struct doc *message,
                         const struct ng_context *context, struct why *why) MUST_USE;

/* What the gateway does with a word; for documentation and tests. */
enum ng_how { NG_SUPPORTED, NG_IGNORED, NG_REFUSED };

struct ng_word_doc {
	const char *where; /* "key", "flags", "SDES", "rtcp-mux", "replace", "ICE", … */
	const char *name;
	enum ng_how how;
	const char *text; /* the effect, or why it is ignored or refused */
};

/* Writes row `at`, counted from 0 over all tables. Returns false after the last row. */
bool ng_words_row(size_t at, struct ng_word_doc *out);

#endif
