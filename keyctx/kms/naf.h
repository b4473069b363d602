/* SPDX-License-Identifier: MIT */
/* What a BSF answers about a B-TID: the NAF key, its user and its expiry (TS 33.220 4.5.3). */
#ifndef KEYCTX_KMS_NAF_H
#define KEYCTX_KMS_NAF_H

#include "base/secret.h"
#include "base/str.h"
#include "keyctx/kms/store.h"
#include "keyctx/mikey/payload.h"

enum { NAF_NAMES_MAX = 16, NAF_RECORD_MAX = 4096 };

/* A NAF key. Its views point into octets of the caller; after naf_read they point into the
 * record. */
struct naf_key {
	struct view key;
	uint64_t until_s;     /* end of the bootstrapping, seconds since 1970 */
	uint64_t ask_again_s; /* from this time on the BSF is asked again, seconds since 1970 */
	struct str impi;
	struct mikey_id names[NAF_NAMES_MAX]; /* public identities of the user */
	size_t n_names;
};

/* Write and read a record of the store. The record holds a key, so `room` must be secret memory.
 * ERR_SYNTAX, ERR_TOO_BIG. */
enum err naf_write(const struct naf_key *k, uint8_t *room, size_t room_n, size_t *len) MUST_USE;
enum err naf_read(struct naf_key *out, struct view record) MUST_USE;

#endif
