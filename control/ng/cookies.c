/* SPDX-License-Identifier: MIT */
/* Finds remembered ng requests by sender and digest, and gives each host its share of the store. */
#include "control/ng/cookies.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/prim.h"

enum {
	HOST_LEN = 17,                             /* IP version, address */
	NAME_LEN = HOST_LEN + 2 + PRIM_SHA256_LEN, /* host, port, digest of the message */
	CALL_LISTS = 4096,
	CALL_KEY_LEN = 16,
};

/* The requests of one host. Exists as long as it has a request. */
struct host {
	struct link answered; /* answered requests, oldest reply first */
	struct link stored;   /* those whose reply is stored, oldest first */
	uint32_t n_under_way, n_kept;
	size_t bytes; /* sum of the octets of stored replies */
	uint8_t name[HOST_LEN];
};

struct ng_cookie {
	struct host *host;
	struct link age;      /* in ng_cookies.answered once the request is answered */
	struct link of_host;  /* in host.answered */
	struct link stored;   /* in host.stored while `reply` has octets */
	struct link of_call;  /* in a list of ng_cookies.calls while `reply` has octets */
	uint64_t answered_ns; /* monotonic time of the answer */
	uint64_t call;        /* hash of the Call-ID; 0: none */
	struct secret reply;
	bool is_answered, is_kept;
	uint8_t name[NAME_LEN];
};

struct ng_cookies {
	struct map *requests, *hosts;
	struct link answered; /* answered requests of all hosts, oldest reply first */
	struct link calls[CALL_LISTS];
	uint8_t call_key[CALL_KEY_LEN];
	struct ng_cookies_config config;
	uint32_t n_kept, n_keeping; /* kept requests; hosts that have one */
	size_t bytes;               /* sum of the octets of stored replies */
};

enum err ng_cookies_new(struct ng_cookies **out, const struct ng_cookies_config *config)
{
	struct ng_cookies *c = mem_alloc(sizeof(*c));
	enum err e;

	if (!c)
		return ERR_NOMEM;
	c->config = *config;
	list_init(&c->answered);
	for (unsigned i = 0; i < CALL_LISTS; i++)
		list_init(&c->calls[i]);
	e = map_new(&c->requests);
	if (!e)
		e = map_new(&c->hosts);
	if (!e)
		e = prim_random(c->call_key, sizeof(c->call_key));
	if (e)
		ng_cookies_free(c);
	else
		*out = c;
	return e;
}

void ng_cookies_free(struct ng_cookies *c)
{
	struct ng_cookie *k;
	struct host *h;

	if (!c)
		return;
	for (size_t at = 0; c->requests && (k = map_next(c->requests, &at));) {
		secret_clear(&k->reply);
		mem_free(k);
	}
	for (size_t at = 0; c->hosts && (h = map_next(c->hosts, &at));)
		mem_free(h);
	if (c->requests)
		map_free(c->requests);
	if (c->hosts)
		map_free(c->hosts);
	mem_free(c);
}

/* --- hosts ------------------------------------------------------------------ */

static void write_host(uint8_t name[HOST_LEN], const struct addr *from)
{
	name[0] = from->version;
	memcpy(name + 1, from->ip, HOST_LEN - 1);
}

/* Finds the host, or makes it. NULL: out of memory. */
static struct host *host_of(struct ng_cookies *c, const struct addr *from)
{
	uint8_t name[HOST_LEN];
	struct host *h;

	write_host(name, from);
	h = map_get(c->hosts, name, HOST_LEN);
	if (h)
		return h;
	h = mem_alloc(sizeof(*h));
	if (!h)
		return NULL;
	memcpy(h->name, name, HOST_LEN);
	list_init(&h->answered);
	list_init(&h->stored);
	if (map_put(c->hosts, h->name, HOST_LEN, h)) {
		mem_free(h);
		return NULL;
	}
	return h;
}

static void host_free_if_unused(struct ng_cookies *c, struct host *h)
{
	if (h->n_under_way || !list_is_empty(&h->answered))
		return;
	map_remove(c->hosts, h->name, HOST_LEN);
	mem_free(h);
}

/* --- replies ---------------------------------------------------------------- */

static void drop_reply(struct ng_cookies *c, struct ng_cookie *k)
{
	c->bytes -= k->reply.len;
	k->host->bytes -= k->reply.len;
	list_remove(&k->stored);
	list_remove(&k->of_call);
	secret_clear(&k->reply);
}

static bool has_room(const struct ng_cookies *c, const struct host *h, size_t n)
{
	size_t share = c->config.bytes_max / (c->n_keeping + 1u);

	return h->bytes + n <= share && c->bytes + n <= c->config.bytes_max;
}

static void store_reply(struct ng_cookies *c, struct ng_cookie *k, struct str reply)
{
	struct host *h = k->host;

	while (!has_room(c, h, reply.n) && !list_is_empty(&h->stored))
		drop_reply(c, LIST_OF(h->stored.next, struct ng_cookie, stored));
	if (!reply.n || !has_room(c, h, reply.n) || secret_set(&k->reply, reply.p, reply.n))
		return;
	h->bytes += reply.n;
	c->bytes += reply.n;
	list_add_tail(&h->stored, &k->stored);
	if (k->call)
		list_add_tail(&c->calls[k->call % CALL_LISTS], &k->of_call);
}

/* --- requests --------------------------------------------------------------- */

void ng_cookies_forget(struct ng_cookies *c, struct ng_cookie *k)
{
	struct host *h = k->host;

	drop_reply(c, k);
	list_remove(&k->age);
	list_remove(&k->of_host);
	map_remove(c->requests, k->name, NAME_LEN);
	h->n_under_way -= !k->is_answered;
	if (k->is_kept) {
		c->n_kept--;
		c->n_keeping -= --h->n_kept == 0;
	}
	host_free_if_unused(c, h);
	mem_free(k);
}

static enum err write_name(uint8_t name[NAME_LEN], const struct addr *from, struct str message)
{
	write_host(name, from);
	memcpy(name + HOST_LEN, &from->port, 2);
	return prim_digest(PRIM_SHA256,
	                   (struct view){.p = (const uint8_t *)message.p, .n = message.n},
	                   name + HOST_LEN + 2);
}

static struct ng_cookie *request_new(struct ng_cookies *c, struct host *h,
                                     const uint8_t name[NAME_LEN])
{
	struct ng_cookie *k = mem_alloc(sizeof(*k));

	if (!k)
		return NULL;
	memcpy(k->name, name, NAME_LEN);
	k->host = h;
	if (map_put(c->requests, k->name, NAME_LEN, k)) {
		mem_free(k);
		return NULL;
	}
	h->n_under_way++;
	return k;
}

enum err ng_cookies_begin(struct ng_cookies *c, const struct addr *from, struct str message,
                          struct ng_cookie **out, enum ng_cookie_state *state)
{
	uint8_t name[NAME_LEN];
	enum err e = write_name(name, from, message);
	struct ng_cookie *k;
	struct host *h;

	if (e)
		return e;
	k = map_get(c->requests, name, NAME_LEN);
	if (k) {
		*out = k;
		*state = k->is_answered ? NG_COOKIE_ANSWERED : NG_COOKIE_UNDER_WAY;
		return ERR_OK;
	}
	h = host_of(c, from);
	if (!h)
		return ERR_NOMEM;
	if (h->n_under_way >= c->config.under_way_max)
		return ERR_BUSY;
	k = request_new(c, h, name);
	if (!k) {
		host_free_if_unused(c, h);
		return ERR_NOMEM;
	}
	*out = k;
	*state = NG_COOKIE_NEW;
	return ERR_OK;
}

enum err ng_cookies_keep(struct ng_cookies *c, struct ng_cookie *k, uint64_t now_ns)
{
	struct host *h = k->host;
	uint32_t n_hosts = c->n_keeping + !h->n_kept;
	uint32_t share = c->config.count_max / (n_hosts + 1);

	CHECK(!k->is_kept && !k->is_answered);
	while (h->n_kept >= share || c->n_kept >= c->config.count_max) {
		struct ng_cookie *oldest = LIST_OF(h->answered.next, struct ng_cookie, of_host);

		if (list_is_empty(&h->answered) ||
		    now_ns - oldest->answered_ns < c->config.retransmit_ns)
			return ERR_LIMIT;
		/* `k` is under way, so the host stays. */
		ng_cookies_forget(c, oldest);
	}
	k->is_kept = true;
	c->n_kept++;
	c->n_keeping += h->n_kept++ == 0;
	return ERR_OK;
}

static uint64_t call_hash(const struct ng_cookies *c, struct str call)
{
	uint64_t hash = map_hash(c->call_key, call.p ? call.p : "", call.n);

	return hash ? hash : 1;
}

void ng_cookie_set_call(struct ng_cookies *c, struct ng_cookie *k, struct str call)
{
	k->call = call_hash(c, call);
}

void ng_cookies_finish(struct ng_cookies *c, struct ng_cookie *k, struct str reply, uint64_t now_ns)
{
	CHECK(!k->is_answered);
	if (!k->is_kept) {
		ng_cookies_forget(c, k);
		return;
	}
	k->is_answered = true;
	k->answered_ns = now_ns;
	k->host->n_under_way--;
	list_add_tail(&c->answered, &k->age);
	list_add_tail(&k->host->answered, &k->of_host);
	store_reply(c, k, reply);
}

struct str ng_cookie_reply(const struct ng_cookie *k)
{
	return str_make(k->reply.octets ? (const char *)k->reply.octets : "", k->reply.len);
}

void ng_cookies_end_call(struct ng_cookies *c, struct str call)
{
	uint64_t hash = call_hash(c, call);

	LIST_EACH (it, &c->calls[hash % CALL_LISTS]) {
		struct ng_cookie *k = LIST_OF(it, struct ng_cookie, of_call);

		if (k->call == hash)
			drop_reply(c, k);
	}
}

uint64_t ng_cookies_expire(struct ng_cookies *c, uint64_t now_ns)
{
	while (!list_is_empty(&c->answered)) {
		struct ng_cookie *k = LIST_OF(c->answered.next, struct ng_cookie, age);

		if (now_ns - k->answered_ns < c->config.ttl_ns)
			return k->answered_ns + c->config.ttl_ns;
		ng_cookies_forget(c, k);
	}
	return UINT64_MAX;
}

uint32_t ng_cookies_count(const struct ng_cookies *c)
{
	return (uint32_t)map_count(c->requests);
}

size_t ng_cookies_bytes(const struct ng_cookies *c)
{
	return c->bytes;
}
