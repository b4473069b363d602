/* SPDX-License-Identifier: MIT */
/* A user of the KMS in JSON, without its key. */
#ifndef CONTROL_KMS_USER_JSON_H
#define CONTROL_KMS_USER_JSON_H

#include "control/doc/doc.h"
#include "keyctx/kms/directory.h"

/* Describes a user: names, private identity, id, length and end of the key, where the user comes
 * from. Never the key. NULL when memory is exhausted; see doc_arena_failed. */
struct doc *user_json(struct doc_arena *a, const struct kms_user *u);
/* Copies from `old` to `u` what the body of a change does not have: names, impi, psk. ERR_NOMEM. */
enum err user_json_keep(struct kms_user *u, const struct doc *body,
                        const struct kms_user *old) MUST_USE;

#endif
