/* SPDX-License-Identifier: MIT */
/* Remembers ng requests, so that a retransmitted request gets the stored reply. */
#ifndef CONTROL_NG_COOKIES_H
#define CONTROL_NG_COOKIES_H

#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The states of a request:
 *
 *   begin               finish               ttl after finish
 *  ───────▶ UNDER_WAY ───────────▶ ANSWERED ──────────────────▶ (forgotten)
 *              │ begin again          │ begin again
 *              ▼ drop the copy        ▼ send the stored
 *                                       reply again
 */
enum ng_cookie_state { NG_COOKIE_NEW, NG_COOKIE_UNDER_WAY, NG_COOKIE_ANSWERED };

enum { NG_COOKIE_MAX = 256 }; /* octets of a cookie */

/* Control only. */
struct ng_cookies;
/* One remembered request. Valid until it is forgotten, which is after finish. */
struct ng_cookie;

/* Names a request. */
struct ng_cookie_name {
	const struct addr *from; /* the host counts, not the port: clients may use several */
	struct str cookie;
};

struct ng_cookies_config {
	uint64_t ttl_ns;    /* how long replies are remembered */
	uint32_t count_max; /* requests remembered at once */
	size_t bytes_max;   /* of replies remembered at once */
};

enum err ng_cookies_new(struct ng_cookies **out, const struct ng_cookies_config *config) MUST_USE;
void ng_cookies_free(struct ng_cookies *c); /* takes NULL */

/*
 * NEW: carry the request out, then call finish. UNDER_WAY, ANSWERED: it is a copy of `*out`.
 * Forgets the oldest reply when count_max are remembered; ERR_BUSY when all of those are under way;
 * ERR_TOO_BIG: the cookie is too long; ERR_NOMEM.
 */
enum err ng_cookies_begin(struct ng_cookies *c, const struct ng_cookie_name *name, uint64_t now_ns,
                          struct ng_cookie **out, enum ng_cookie_state *state) MUST_USE;
/* Copies the reply. Without memory for it, forgets the request at once. */
void ng_cookies_finish(struct ng_cookies *c, struct ng_cookie *k, struct str reply,
                       uint64_t now_ns);
/* The stored reply of an ANSWERED request. */
struct str ng_cookie_reply(const struct ng_cookie *k);
struct str ng_cookie_text(const struct ng_cookie *k);
uint32_t ng_cookies_count(const struct ng_cookies *c); /* for tests */

#endif
