/* SPDX-License-Identifier: MIT */
/* The files of sluice-ue: session descriptions, and state files that hold keys. Each regular file
 * is written completely or not at all. */
#ifndef CMD_SLUICE_UE_FILES_H
#define CMD_SLUICE_UE_FILES_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "cmd/sluice-ue/report.h"
#include "keyctx/sdp/sdp.h"

enum { FILES_MAX = 4, FILES_STATE_MAX_BYTES = 256 * 1024 };

/* Files that are being written. Regular files go to temporary files first; files_commit puts all of
 * them in place or none. Zero it before first use. */
struct files {
	size_t n;
	struct files_one {
		const char *path; /* borrowed */
		/* name of the temporary file, or of the replaced file after files_commit; NULL: a
		 * pipe or a device, or nothing is left to remove */
		char *temporary;
		struct secret octets; /* content for a pipe or a device, until files_commit */
		bool is_new;          /* true: must not replace an existing file */
		bool is_placed, is_exchanged;
	} one[FILES_MAX];
};

struct files_content {
	const char *path;
	struct view octets;
	/* true: must not replace an existing file; without is_secret a pipe or device may exist */
	bool is_new;
	bool is_secret; /* true: the file gets mode 0600 */
};

/* Writes the content to a temporary file; for a pipe or a device, keeps a copy until files_commit.
 * ERR_EXISTS: `is_new` is set, but the file exists. ERR_INVALID: an earlier file of `f` has the
 * same name. ERR_IO. On failure the temporary file is removed. */
enum err files_add(struct files *f, const struct files_content *c, struct why *why) MUST_USE;
enum err files_add_sdp(struct files *f, const char *path, const struct sdp *s, bool is_new,
                       struct why *why) MUST_USE;
/*
 * Writes to pipes and devices, prints `report` (may be NULL), then puts the files in place in the
 * order in which they were added. On failure every file is as it was before. A kill in the middle
 * can leave only the first files in place, so add a file first if it is harmless without the rest.
 */
enum err files_commit(struct files *f, const struct report *report, struct why *why) MUST_USE;
/* Removes the temporary files that were not put in place, and the replaced files. */
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
