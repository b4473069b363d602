/* SPDX-License-Identifier: MIT */
/* A provisioned user as a record of the store. Private to keyctx/kms. */
#ifndef KEYCTX_KMS_USER_RECORD_H
#define KEYCTX_KMS_USER_RECORD_H

#include "keyctx/kms/directory.h"

/* Writes a record. It holds a key, so `room` must be secret memory. ERR_TOO_BIG: it does not fit.
 */
enum err user_record_write(const struct kms_user *u, uint8_t *room, size_t room_n,
                           size_t *len) MUST_USE;
/* Makes a user of a record. ERR_SYNTAX, ERR_NOMEM. */
enum err user_record_read(struct kms_user **out, struct view record) MUST_USE;

#endif
