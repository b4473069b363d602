/* SPDX-License-Identifier: MIT */
/* Which keys this gateway has sent under: no two sessions may send under one, at a time or after
 * each other. Control only. */
#ifndef RELAY_FRONT_KEY_LEDGER_H
#define RELAY_FRONT_KEY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Two senders under one key, SSRC and index are one keystream for two packets (RFC 3711 9.1),
 * and with AEAD they give the authentication key away (RFC 7714 8.4). Keys are known here by a
 * keyed hash of them. A key is
 *
 *     claimed by a session ──── the session ends ───▶ past: refused to everybody ──── 1 to 2 times
 * `remembered` newer ones ───▶ forgotten
 */
struct key_ledger;

/* `remembered`: keys of ended sessions; 0: none. ERR_NOMEM. */
enum err key_ledger_new(struct key_ledger **out, unsigned remembered) MUST_USE;
void key_ledger_free(struct key_ledger *l); /* takes NULL */

/* The key becomes the owner's; again by its owner changes nothing. ERR_KEY_USED: it is, or was,
 * another's; ERR_NOMEM. */
enum err key_ledger_claim(struct key_ledger *l, uint64_t print, const void *owner,
                          struct why *why) MUST_USE;
/* The owner has it no more; `was_used`: it is refused from now on. Nothing happens when it is not
 * the owner's. */
void key_ledger_release(struct key_ledger *l, uint64_t print, const void *owner, bool was_used);

#endif
