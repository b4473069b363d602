/* SPDX-License-Identifier: MIT */
/* A bounded cache of messages seen, for receivers whose messages carry times (RFC 3830 5.4,
 * decision 0010.38). */
#ifndef KEYCTX_MIKEY_REPLAY_H
#define KEYCTX_MIKEY_REPLAY_H

#include "keyctx/mikey/msg.h"

/* The key of a message: SHA-256 of sender, CSB ID, data type and T. ERR_CRYPTO. */
enum err mikey_replay_key(const struct mikey_msg *m, struct mikey_id sender,
                          uint8_t out[32]) MUST_USE;

struct mikey_replay;

/* At most `max` entries, each kept `keep_s` seconds (twice the skew covers every time that is
 * accepted). */
enum err mikey_replay_new(struct mikey_replay **out, size_t max, uint32_t keep_s) MUST_USE;
void mikey_replay_free(struct mikey_replay *r);
/* ERR_REPLAY: seen. ERR_LIMIT: full of live entries, so nothing may be accepted. Else it is
 * remembered. */
enum err mikey_replay_add(struct mikey_replay *r, const uint8_t key[32], uint64_t now_ntp) MUST_USE;
bool mikey_replay_has(const struct mikey_replay *r, const uint8_t key[32]);

#endif
