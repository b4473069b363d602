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
 *     remembered: refused to every session
 *        │ one to two times `remembered` newer keys are remembered
 *        ▼
 *     forgotten
 */
struct key_ledger;

/* `remembered`: how many keys of ended sessions are remembered; 0: none. ERR_NOMEM. */
enum err key_ledger_new(struct key_ledger **out, unsigned remembered) MUST_USE;
void key_ledger_free(struct key_ledger *l); /* NULL is allowed */

/* Claims the key for `owner`; a repeated call changes nothing. ERR_KEY_USED: another owner uses the
 * key or used it; ERR_NOMEM. */
enum err key_ledger_claim(struct key_ledger *l, uint64_t print, const void *owner,
                          struct why *why) MUST_USE;
/* Ends the owner's claim. `was_used`: the key is remembered and from then on refused. Does nothing
 * if the key belongs to another owner. */
void key_ledger_release(struct key_ledger *l, uint64_t print, const void *owner, bool was_used);

#endif
