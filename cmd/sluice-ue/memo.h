/* SPDX-License-Identifier: MIT */
/* What an offerer keeps until the answer comes, in a file: the ticket with its keys, and all that its offer was made from. */
#ifndef CMD_SLUICE_UE_MEMO_H
#define CMD_SLUICE_UE_MEMO_H

#include "base/secret.h"
#include "keyctx/mikey/env.h"
#include "keyctx/sdp/sdp.h"
#include "keyctx/suite.h"
#include "keyctx/ticket/ticket.h"

/* Random octets as they were drawn, in order; not secret: all of them stand in the offer. */
struct memo_tape {
	uint8_t octets[256];
	size_t n, at; /* `at`: the next one to be played */
	const struct mikey_env *source; /* records from there; NULL: plays */
};

/* As mikey_env.random wants it; `ctx` is a struct memo_tape. ERR_TOO_BIG, ERR_TRUNCATED. */
enum err memo_tape_random(void *ctx, const char *name, uint8_t *out, size_t n);

/* Views lie in `file` after memo_read, elsewhere before memo_write. */
struct memo {
	bool is_256;             /* which algorithm set protects the offer */
	uint8_t suite;           /* enum suite_id */
	uint8_t n_media;
	uint32_t ssrc[SDP_MEDIA_MAX]; /* of the offerer's streams */
	uint64_t now_ntp, last_ntp;   /* mikey_env before the offer was made */
	struct mikey_id me, peer;
	struct memo_tape tape;
	struct view offer;       /* the octets that went out */
	struct ticket_grant *grant;
	struct secret file;
};

/* Makes `path` with mode 0600; ERR_EXISTS rather than lose another call's. ERR_IO, ERR_NOMEM. */
enum err memo_write(const struct memo *m, const char *path, const struct mikey_env *env, struct why *why) MUST_USE;
/* ERR_IO, ERR_SYNTAX; ERR_DENIED: others than its owner may read or write it. */
enum err memo_read(struct memo *out, const char *path, struct why *why) MUST_USE;
/* Wipes and releases file and grant. */
void memo_clear(struct memo *m);

#endif
