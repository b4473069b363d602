/* SPDX-License-Identifier: MIT */
/* The keys and flags of ng requests: which are honoured, ignored or refused, and what they mean to
 * offer and answer. */
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

/* A request as ng says it. Texts are slices of the message it was read from. */
struct ng_message {
	enum ng_command command;
	struct dialog_command dialog; /* op, names, SDP and options of offer, answer and delete */
	uint32_t limit;               /* list: at most this many; default 32 */
	bool knows_load_limit; /* `supports` holds "load limit": the answer may be that instead of
	                          an error */
	bool is_fatal;         /* delete: an unknown call is an error, not a warning */
	unsigned n_ignored;    /* keys and flags that were passed over */
	char ignored[160];     /* their names, cut; never values */
};

/* What requests are read with. */
struct ng_context {
	const struct call_settings *calls; /* NULL: the defaults */
	const struct relay_interface
		*interfaces; /* names that `direction` and `interface` may say */
	unsigned n_interfaces;
};

/*
 * Reads a message. ERR_INVALID, ERR_UNSUPPORTED, ERR_NOT_FOUND (interface), ERR_RANGE with a text
 * for `error-reason`: it names the key, the word (never SDP) and what would do. Unknown keys and
 * flags are counted in `ignored`, as clients expect.
 */
enum err ng_message_read(struct ng_message *out, const struct doc *message,
                         const struct ng_context *context, struct why *why) MUST_USE;

/* The tables, for documentation and tests. */
enum ng_how { NG_SUPPORTED, NG_IGNORED, NG_REFUSED };

struct ng_word_doc {
	const char *where; /* "key", "flags", "SDES", "rtcp-mux", "replace", "ICE", … */
	const char *name;
	enum ng_how how;
	const char *text; /* what it does, or why it is ignored or refused */
};

/* The row at `at`, false behind the last. */
bool ng_words_row(size_t at, struct ng_word_doc *out);

#endif
