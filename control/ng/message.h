/* SPDX-License-Identifier: MIT */
/* ng messages: their keys and flags, which of them are supported, ignored or refused, and what they
 * mean for offer and answer. */
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

/* What a message says. Texts are slices of the doc it was read from. */
struct ng_message {
	enum ng_command command;
	struct dialog_command dialog; /* for offer, answer and delete */
	uint32_t limit;               /* list: how many at most; default 32 */
	bool knows_load_limit; /* `supports` has "load limit": the client understands that result */
	bool is_fatal;         /* delete: an unknown call is an error instead of a warning */
	unsigned n_ignored;    /* ignored keys and flags */
	char ignored[160];     /* the names of ignored words, without values; a long list is cut */
};

/* For reading messages. */
struct ng_context {
	const struct call_settings *calls;        /* NULL: the defaults */
	const struct relay_interface *interfaces; /* for `direction` and `interface` */
	unsigned n_interfaces;
};

/*
 * Reads a message. ERR_INVALID, ERR_UNSUPPORTED, ERR_NOT_FOUND (interface) or ERR_RANGE: `why` is
 * the `error-reason`: the key, its value (never SDP) and what is allowed. Ignores and counts
 * unknown keys and flags, as clients expect.
 */
enum err ng_message_read(struct ng_message *out, const struct doc *message,
                         const struct ng_context *context, struct why *why) MUST_USE;

/* The tables, for documentation and tests. */
enum ng_how { NG_SUPPORTED, NG_IGNORED, NG_REFUSED };

struct ng_word_doc {
	const char *where; /* "key", "flags", "SDES", "rtcp-mux", "replace", "ICE", … */
	const char *name;
	enum ng_how how;
	const char *text; /* the effect, or why it is ignored or refused */
};

/* The row at `at`; false after the last. */
bool ng_words_row(size_t at, struct ng_word_doc *out);

#endif
