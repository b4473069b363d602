/* SPDX-License-Identifier: MIT */
/* The memory of ng requests: a retransmitted request gets the stored reply and is never carried out
 * twice. */
#ifndef CONTROL_NG_COOKIES_H
#define CONTROL_NG_COOKIES_H

#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A request is known by its cookie and the host that sent it (not its port: clients may use
 * several).
 *
 *   begin               finish               ttl after finish
 *  ───────▶ UNDER_WAY ───────────▶ ANSWERED ──────────────────▶ (forgotten)
 *              │ begin again          │ begin again
 *              ▼ the copy is          ▼ the stored reply
 *                dropped                is sent once more
 */
enum ng_cookie_state { NG_COOKIE_NEW, NG_COOKIE_UNDER_WAY, NG_COOKIE_ANSWERED };

enum { NG_COOKIE_MAX = 256 }; /* octets of a cookie; longer ones are refused */

/* Control only. */
struct ng_cookies;
/* One remembered request; valid until its reply is forgotten, which is never before finish. */
struct ng_cookie;

struct ng_cookies_config {
	uint64_t ttl_ns;    /* how long a reply is remembered */
	uint32_t count_max; /* requests remembered at once */
	size_t bytes_max;   /* of replies remembered at once */
};

enum err ng_cookies_new(struct ng_cookies **out, const struct ng_cookies_config *config) MUST_USE;
void ng_cookies_free(struct ng_cookies *c); /* takes NULL */

/*
 * NEW: carry it out, then finish. The others say what the request already is; `*out` then is the
 * one remembered. At a bound the oldest reply is forgotten; ERR_BUSY when everything remembered is
 * still under way; ERR_TOO_BIG for the cookie; ERR_NOMEM.
 */
enum err ng_cookies_begin(struct ng_cookies *c, const struct addr *from, struct str cookie,
                          uint64_t now_ns, struct ng_cookie **out,
                          enum ng_cookie_state *state) MUST_USE;
/* Copies the reply. Where there is no memory for it the request is forgotten at once. */
void ng_cookies_finish(struct ng_cookies *c, struct ng_cookie *k, struct str reply,
                       uint64_t now_ns);
/* The stored reply, of an ANSWERED one. */
struct str ng_cookie_reply(const struct ng_cookie *k);
struct str ng_cookie_text(const struct ng_cookie *k);
uint32_t ng_cookies_count(const struct ng_cookies *c);

#endif
