/* SPDX-License-Identifier: MIT */
/* What a BSF tells a KMS about a B-TID: the NAF key, whose it is, until when (TS 33.220 4.5.3). */
#ifndef KEYCTX_KMS_NAF_H
#define KEYCTX_KMS_NAF_H

#include "base/secret.h"
#include "base/str.h"
#include "keyctx/kms/store.h"
#include "keyctx/mikey/payload.h"

enum { NAF_NAMES_MAX = 16, NAF_RECORD_MAX = 4096 };

/* Views; where they point is the caller's. */
struct naf_key {
	struct view key;
	uint64_t until_s;     /* since 1970: the bootstrapping's end */
	uint64_t ask_again_s; /* the BSF is asked again from here on */
	struct str impi;
	struct mikey_id names[NAF_NAMES_MAX]; /* public identities */
	size_t n_names;
};

/* As a record of the store and back. ERR_SYNTAX, ERR_TOO_BIG. */
enum err naf_write(const struct naf_key *k, uint8_t *room, size_t room_n, size_t *len) MUST_USE;
enum err naf_read(struct naf_key *out, struct view record) MUST_USE;

#endif
