/* SPDX-License-Identifier: MIT */
/* The users of a directory, found by name, by key id and by private identity. Private to
 * keyctx/kms. */
#ifndef KEYCTX_KMS_USERS_H
#define KEYCTX_KMS_USERS_H

#include "keyctx/kms/directory.h"

struct map;

/* A user and the number that listings use to continue after it. */
struct kms_users_entry {
	struct kms_user *user;
	uint64_t serial;
};

struct kms_users {
	struct map *by_name, *by_psk, *by_impi; /* they borrow the users */
	struct kms_users_entry *v; /* holds one reference to each user; serials ascend */
	size_t n, room;
	uint64_t last_serial;
};

enum err kms_users_init(struct kms_users *all) MUST_USE;
void kms_users_fini(struct kms_users *all);

/* These functions change all or nothing. ERR_EXISTS: another user has one of the names, the key id
 * or the private identity, or the user has one name twice. ERR_NOMEM. */

/* Adds `u`. The list takes the caller's reference on success only. */
enum err kms_users_add(struct kms_users *all, struct kms_user *u) MUST_USE;
/* Puts `u` in the place of `old`. Takes the caller's reference to `u` on success only, and releases
 * the list's reference to `old`. Cannot fail if `u` was in the place of `old` before and no user
 * was added since. */
enum err kms_users_replace(struct kms_users *all, struct kms_user *old,
                           struct kms_user *u) MUST_USE;
/* Removes `u` and releases the list's reference. */
void kms_users_remove(struct kms_users *all, struct kms_user *u);

#endif
