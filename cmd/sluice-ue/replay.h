/* SPDX-License-Identifier: MIT */
/* The file of the replay cache (keyctx/ue/seen.h). Several programs may use it at the same time. */
#ifndef CMD_SLUICE_UE_REPLAY_H
#define CMD_SLUICE_UE_REPLAY_H

#include <stdbool.h>

#include "keyctx/ue/seen.h"

/* One use of the file. Zero it before first use. */
struct replay_cache {
	const char *path; /* borrowed; NULL: not in use */
	int fd;           /* locked */
	bool changed;     /* true: the file must be as before if the marks are not kept */
	uint64_t size;    /* octets of the file before the new marks; 0: remove the file */
};

struct replay_marks {
	const struct ue_mark *v;
	size_t n;
	uint64_t now_ntp;
};

/*
 * Locks the file, checks the marks against it, and appends them; the file is on disk and stays
 * locked until replay_end. On failure the file is as before, and not locked. ERR_REPLAY,
 * ERR_DENIED, ERR_EXPIRED (ue_seen_check); ERR_INVALID: other users have access to the file;
 * ERR_SYNTAX: it is not a replay cache; ERR_LIMIT: it is full; ERR_IO.
 */
enum err replay_add(struct replay_cache *r, const char *path, const struct replay_marks *marks,
                    struct why *why) MUST_USE;
/* Keeps the marks, or takes them out again, and unlocks the file. */
void replay_end(struct replay_cache *r, bool keep);

#endif
