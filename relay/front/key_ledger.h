/* SPDX-License-Identifier: MIT */
/* The keys that this gateway has sent under. Two sessions must never send under the same key,
 * neither at the same time nor one after the other. Control only. */
#ifndef RELAY_FRONT_KEY_LEDGER_H
#define RELAY_FRONT_KEY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Two senders under one key, SSRC and index protect two packets with one keystream (RFC 3711 9.1);
 * with AEAD that also reveals the authentication key (RFC 7714 8.4). The ledger knows a key by a
 * keyed hash. A key is
 *
 *     claimed by one session
 *        │ the session ends
 *        ▼
 *     remembered: every session is refused it
 *        │ one to two times `remembered` newer keys
 *        ▼
 *     forgotten
 */
struct key_ledger;

/* `remembered`: number of keys of ended sessions; 0: none. ERR_NOMEM. */
enum err key_ledger_new(struct key_ledger **out, unsigned remembered) MUST_USE;
void key_ledger_free(struct key_ledger *l); /* takes NULL */

/* Claims the key for `owner`; repeating it changes nothing. ERR_KEY_USED: another owner has it or
 * had it; ERR_NOMEM. */
enum err key_ledger_claim(struct key_ledger *l, uint64_t print, const void *owner,
                          struct why *why) MUST_USE;
/* The owner gives up the key. `was_used`: the key is remembered and refused. Does nothing if the
 * key belongs to another owner. */
void key_ledger_release(struct key_ledger *l, uint64_t print, const void *owner, bool was_used);

#endif
