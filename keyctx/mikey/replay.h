/* SPDX-License-Identifier: MIT */
/* Makes a key that identifies a message, so that the KMS recognises a second copy (RFC 3830 5.4,
 * decision 0010.38). The KMS keeps these keys in its store. */
#ifndef KEYCTX_MIKEY_REPLAY_H
#define KEYCTX_MIKEY_REPLAY_H

#include "keyctx/mikey/msg.h"

/* Writes the SHA-256 of sender, CSB ID, data type and T. ERR_INVALID: no T; ERR_CRYPTO. */
enum err mikey_replay_key(const struct mikey_msg *m, struct mikey_id sender,
                          uint8_t out[32]) MUST_USE;

#endif
