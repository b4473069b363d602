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

enum { NG_COOKIE_MAX = 256 }; /* maximum length of a cookie in octets */

/* Control thread only. */
struct ng_cookies;
/* One remembered request. Valid until it is answered; an answered one until the next call of
 * ng_cookies_begin or ng_cookies_finish. */
struct ng_cookie;

/* What identifies a request: the client's host and the cookie. */
struct ng_cookie_name {
	const struct addr *from; /* only its IP address counts: the port may change */
	struct str cookie;       /* at most NG_COOKIE_MAX octets */
};

struct ng_cookies_config {
	uint64_t ttl_ns;    /* how long a reply is remembered after finish */
	uint32_t count_max; /* maximum number of remembered requests, answered or not */
	size_t bytes_max;   /* maximum sum of the octets of remembered replies */
};

enum err ng_cookies_new(struct ng_cookies **out, const struct ng_cookies_config *config) MUST_USE;
void ng_cookies_free(struct ng_cookies *c); /* takes NULL */

/*
 * Looks the request up and remembers it if it is new. *state NEW: carry the request out, then call
 * finish. UNDER_WAY, ANSWERED: this request is a retransmission of `*out`. When count_max requests
 * are remembered, forgets the one with the oldest reply; ERR_BUSY: none of them has a reply yet.
 * ERR_TOO_BIG: the cookie is too long. ERR_NOMEM.
 */
enum err ng_cookies_begin(struct ng_cookies *c, const struct ng_cookie_name *name, uint64_t now_ns,
                          struct ng_cookie **out, enum ng_cookie_state *state) MUST_USE;
/* Stores a copy of the reply. If the copy fails or exceeds bytes_max, forgets the request. */
void ng_cookies_finish(struct ng_cookies *c, struct ng_cookie *k, struct str reply,
                       uint64_t now_ns);
/* The stored reply of an ANSWERED request. */
struct str ng_cookie_reply(const struct ng_cookie *k);
/* The cookie as the client sent it. */
struct str ng_cookie_text(const struct ng_cookie *k);
/* The number of remembered requests. For tests. */
uint32_t ng_cookies_count(const struct ng_cookies *c);

#endif
