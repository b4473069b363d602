/* SPDX-License-Identifier: MIT */
/* Files of the terminal's tool: session descriptions, and states that hold keys. A file is written
 * whole or not at all. */
#ifndef CMD_SLUICE_UE_FILES_H
#define CMD_SLUICE_UE_FILES_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "keyctx/sdp/sdp.h"

enum { FILES_MAX = 4, FILES_STATE_MAX_BYTES = 256 * 1024 };

/* Files being written: each goes to a temporary file first, then all are renamed. Starts zeroed. */
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

/* ERR_IO; ERR_EXISTS when an is_new file exists. On failure the temporary file is removed. */
enum err files_add(struct files *f, const struct files_content *c, struct why *why) MUST_USE;
enum err files_add_sdp(struct files *f, const char *path, const struct sdp *s,
                       struct why *why) MUST_USE;
/* Renames all temporary files. */
enum err files_commit(struct files *f, struct why *why) MUST_USE;
/* Removes temporary files that were not renamed. */
void files_drop(struct files *f);

enum err files_read_sdp(struct sdp **out, const char *path, struct why *why) MUST_USE;

/* The first line of a file that holds keys names its kind. `what` is that line without its end. */
enum err files_add_state(struct files *f, const char *what, const struct files_content *c,
                         struct why *why) MUST_USE;
/* ERR_DENIED: other users have access; ERR_SYNTAX: another kind of file. `r` is after line 1. */
enum err files_read_state(struct secret *out, struct rd *r, const char *path, const char *what,
                          struct why *why) MUST_USE;

#endif
