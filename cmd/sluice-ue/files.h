/* SPDX-License-Identifier: MIT */
/* The files of sluice-ue: session descriptions, and state files that hold keys. Each regular file
 * is written whole or not at all. */
#ifndef CMD_SLUICE_UE_FILES_H
#define CMD_SLUICE_UE_FILES_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "keyctx/sdp/sdp.h"

enum { FILES_MAX = 4, FILES_STATE_MAX_BYTES = 256 * 1024 };

/* Files that are being written: each goes to a temporary file first, then all are renamed. Zero it
 * before first use. */
struct files {
	size_t n;
	struct files_one {
		const char *path; /* borrowed */
		/* name of the temporary file; NULL: written in place (a pipe, a device) */
		char *temporary;
		bool is_new; /* true: must not replace an existing file */
	} one[FILES_MAX];
};

struct files_content {
	const char *path;
	struct view octets;
	bool is_new;    /* true: must not replace an existing file */
	bool is_secret; /* true: the file gets mode 0600 */
};

/* Writes the content to a temporary file. ERR_EXISTS: `is_new` is set, but the file exists. ERR_IO.
 * On failure the temporary file is removed. */
enum err files_add(struct files *f, const struct files_content *c, struct why *why) MUST_USE;
enum err files_add_sdp(struct files *f, const char *path, const struct sdp *s,
                       struct why *why) MUST_USE;
/* Renames all temporary files to their final names. */
enum err files_commit(struct files *f, struct why *why) MUST_USE;
/* Removes the temporary files that were not renamed. */
void files_drop(struct files *f);

enum err files_read_sdp(struct sdp **out, const char *path, struct why *why) MUST_USE;

/* Writes a file that holds keys. Its first line is `what`, which names the kind of the file. */
enum err files_add_state(struct files *f, const char *what, const struct files_content *c,
                         struct why *why) MUST_USE;
/* Reads a file that holds keys; `r` reads what follows the first line. ERR_DENIED: other users have
 * access to the file. ERR_SYNTAX: the first line is not `what`. */
enum err files_read_state(struct secret *out, struct rd *r, const char *path, const char *what,
                          struct why *why) MUST_USE;

#endif
