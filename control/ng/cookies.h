/* SPDX-License-Identifier: MIT */
/* Remembers ng requests, so that a retransmitted request is not carried out again and gets the
 * stored reply. */
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
 *
 * A request that was not kept (ng_cookies_keep) is forgotten by finish. The octets of a reply are
 * in secret memory. They can go before the request does: then a copy of the request gets an error,
 * but is still not carried out again.
 */
enum ng_cookie_state { NG_COOKIE_NEW, NG_COOKIE_UNDER_WAY, NG_COOKIE_ANSWERED };

enum { NG_COOKIE_MAX = 256 }; /* maximum length of a cookie in octets */

/* Control thread only. */
struct ng_cookies;
/* One remembered request. Valid until it is answered; an answered one until the next call of
 * another function of this header that takes the store. */
struct ng_cookie;

struct ng_cookies_config {
	uint64_t ttl_ns;        /* how long a request is remembered after its reply */
	uint64_t retransmit_ns; /* a client sends no copy later than this after the reply: when a
	                           host has used up its share, its replies of this age may go */
	uint32_t count_max;     /* maximum number of kept requests */
	uint32_t under_way_max; /* maximum number of unanswered requests of one host */
	size_t bytes_max;       /* maximum sum of the octets of stored replies */
};

enum err ng_cookies_new(struct ng_cookies **out, const struct ng_cookies_config *config) MUST_USE;
void ng_cookies_free(struct ng_cookies *c); /* takes NULL */

/*
 * Looks up the request `message`, which came from the address and port `from`; remembers it if it
 * is new. A request is the same if sender and all octets are the same. *state NEW: carry the
 * request out, then call finish. UNDER_WAY, ANSWERED: this request is a retransmission of `*out`.
 * ERR_BUSY: the host has under_way_max unanswered requests. ERR_NOMEM, ERR_CRYPTO.
 */
enum err ng_cookies_begin(struct ng_cookies *c, const struct addr *from, struct str message,
                          struct ng_cookie **out, enum ng_cookie_state *state) MUST_USE;
/*
 * Reserves room to remember the request after its reply; call it before a request changes anything.
 * With n hosts in the store, each may use 1/(n + 1) of it. A host that has used up its share gives
 * up its own oldest requests. ERR_LIMIT: these are younger than retransmit_ns, so carry the request
 * not out.
 */
enum err ng_cookies_keep(struct ng_cookies *c, struct ng_cookie *k, uint64_t now_ns) MUST_USE;
/* Names the call of the request, for ng_cookies_end_call. */
void ng_cookie_set_call(struct ng_cookies *c, struct ng_cookie *k, struct str call);
/* Stores a copy of the reply of a kept request; forgets another request. To make room it wipes the
 * oldest replies of the same host. Without room or memory it remembers the request without the
 * reply. */
void ng_cookies_finish(struct ng_cookies *c, struct ng_cookie *k, struct str reply,
                       uint64_t now_ns);
/* Forgets a request that was not carried out. */
void ng_cookies_forget(struct ng_cookies *c, struct ng_cookie *k);
/* The stored reply of an ANSWERED request; empty when it is no longer stored. */
struct str ng_cookie_reply(const struct ng_cookie *k);
/* Wipes the stored replies of this call, because the call has ended. Still remembers the
 * requests. */
void ng_cookies_end_call(struct ng_cookies *c, struct str call);
/* Forgets the requests whose ttl has passed. Returns when to call it next; UINT64_MAX: no request
 * waits for its ttl. */
uint64_t ng_cookies_expire(struct ng_cookies *c, uint64_t now_ns);
/* The number of remembered requests, and the octets of stored replies. For tests. */
uint32_t ng_cookies_count(const struct ng_cookies *c);
size_t ng_cookies_bytes(const struct ng_cookies *c);

#endif
