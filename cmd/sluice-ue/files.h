/* SPDX-License-Identifier: MIT */
/* Files of the terminal's tool: descriptions, and states that hold keys. What is written appears
 * whole or not at all. */
#ifndef CMD_SLUICE_UE_FILES_H
#define CMD_SLUICE_UE_FILES_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "keyctx/sdp/sdp.h"

enum { FILES_MAX = 4, FILES_STATE_MAX_BYTES = 256 * 1024 };

/* Files on their way: each is written beside its place first, then all take their places. Starts
 * zeroed. */
struct files {
	size_t n;
	struct files_one {
		const char *path; /* borrowed */
		char *temporary;  /* NULL: written in place (a pipe, a device) */
		bool is_new;      /* must not replace another file */
	} one[FILES_MAX];
};

struct files_content {
	const char *path;
	struct view octets;
	bool is_new;    /* must not replace another file */
	bool is_secret; /* mode 0600 */
};

/* ERR_IO; ERR_EXISTS for a file that is to be new. On failure nothing of this file is left. */
enum err files_add(struct files *f, const struct files_content *c, struct why *why) MUST_USE;
enum err files_add_sdp(struct files *f, const char *path, const struct sdp *s,
                       struct why *why) MUST_USE;
/* Puts all in their places. */
enum err files_commit(struct files *f, struct why *why) MUST_USE;
/* Takes back what is not in its place. After commit: nothing. */
void files_drop(struct files *f);

enum err files_read_sdp(struct sdp **out, const char *path, struct why *why) MUST_USE;

/* A file that holds keys begins with a line that says what it is. `what` is that line without its
 * end. */
enum err files_add_state(struct files *f, const char *what, const struct files_content *c,
                         struct why *why) MUST_USE;
/* ERR_DENIED: others than its owner may read or write it; ERR_SYNTAX: something else. `r` reads
 * behind the first line. */
enum err files_read_state(struct secret *out, struct rd *r, const char *path, const char *what,
                          struct why *why) MUST_USE;

#endif
