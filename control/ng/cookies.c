/* SPDX-License-Identifier: MIT */
/* Finds remembered ng requests by host and cookie, and removes the oldest answered ones. */
#include "control/ng/cookies.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/secret.h"

struct ng_cookie {
	struct link age;      /* in ng_cookies.answered once the request is answered */
	uint64_t answered_ns; /* monotonic time of the answer */
	char *reply; /* NULL before the answer; may hold keys, so it is wiped before it is freed */
	size_t reply_len;
	enum ng_cookie_state state;
	uint16_t key_len; /* length of `key`: HOST_LEN octets (IP version, address) and cookie */
	uint8_t key[];
};

enum { HOST_LEN = 17 };

struct ng_cookies {
	struct map *map;
	struct link answered; /* answered requests, oldest reply first */
	struct ng_cookies_config config;
	size_t bytes; /* sum of reply_len */
};

enum err ng_cookies_new(struct ng_cookies **out, const struct ng_cookies_config *config)
{
	struct ng_cookies *c = mem_alloc(sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	if (map_new(&c->map)) {
		mem_free(c);
		return ERR_NOMEM;
	}
	list_init(&c->answered);
	c->config = *config;
	*out = c;
	return ERR_OK;
}

static void free_entry(struct ng_cookie *k)
{
	secret_wipe(k->reply, k->reply_len);
	mem_free(k->reply);
	mem_free(k);
}

static void forget(struct ng_cookies *c, struct ng_cookie *k)
{
	list_remove(&k->age);
	map_remove(c->map, k->key, k->key_len);
	c->bytes -= k->reply_len;
	free_entry(k);
}

void ng_cookies_free(struct ng_cookies *c)
{
	struct ng_cookie *k;
	size_t at = 0;

	if (!c)
		return;
	while ((k = map_next(c->map, &at)))
		free_entry(k);
	map_free(c->map);
	mem_free(c);
}

static struct ng_cookie *oldest(const struct ng_cookies *c)
{
	return list_is_empty(&c->answered) ? NULL
	                                   : LIST_OF(c->answered.next, struct ng_cookie, age);
}

static void forget_expired(struct ng_cookies *c, uint64_t now_ns)
{
	struct ng_cookie *k;

	while ((k = oldest(c)) && now_ns - k->answered_ns >= c->config.ttl_ns)
		forget(c, k);
}

static size_t write_key(uint8_t key[HOST_LEN + NG_COOKIE_MAX], const struct ng_cookie_name *name)
{
	key[0] = name->from->version;
	memcpy(key + 1, name->from->ip, 16);
	if (name->cookie.n)
		memcpy(key + HOST_LEN, name->cookie.p, name->cookie.n);
	return HOST_LEN + name->cookie.n;
}

enum err ng_cookies_begin(struct ng_cookies *c, const struct ng_cookie_name *name, uint64_t now_ns,
                          struct ng_cookie **out, enum ng_cookie_state *state)
{
	uint8_t key[HOST_LEN + NG_COOKIE_MAX];
	struct ng_cookie *k;
	size_t n;

	if (name->cookie.n > NG_COOKIE_MAX)
		return ERR_TOO_BIG;
	forget_expired(c, now_ns);
	n = write_key(key, name);
	k = map_get(c->map, key, n);
	if (k) {
		*out = k;
		*state = k->state;
		return ERR_OK;
	}
	if (map_count(c->map) >= c->config.count_max) {
		if (!oldest(c))
			return ERR_BUSY;
		forget(c, oldest(c));
	}
	k = mem_alloc(sizeof(*k) + n);
	if (!k)
		return ERR_NOMEM;
	memcpy(k->key, key, n);
	k->key_len = (uint16_t)n;
	k->state = NG_COOKIE_UNDER_WAY;
	if (map_put(c->map, k->key, n, k)) {
		mem_free(k);
		return ERR_NOMEM;
	}
	*out = k;
	*state = NG_COOKIE_NEW;
	return ERR_OK;
}

void ng_cookies_finish(struct ng_cookies *c, struct ng_cookie *k, struct str reply, uint64_t now_ns)
{
	CHECK(k->state == NG_COOKIE_UNDER_WAY);
	k->reply = reply.n <= c->config.bytes_max ? mem_text(reply.p, reply.n) : NULL;
	if (!k->reply) {
		forget(c, k);
		return;
	}
	k->reply_len = reply.n;
	k->state = NG_COOKIE_ANSWERED;
	k->answered_ns = now_ns;
	c->bytes += reply.n;
	list_add_tail(&c->answered, &k->age);
	while (c->bytes > c->config.bytes_max)
		forget(c, oldest(c));
}

struct str ng_cookie_reply(const struct ng_cookie *k)
{
	return str_make(k->reply ? k->reply : "", k->reply_len);
}

struct str ng_cookie_text(const struct ng_cookie *k)
{
	return str_make((const char *)k->key + HOST_LEN, (size_t)k->key_len - HOST_LEN);
}

uint32_t ng_cookies_count(const struct ng_cookies *c)
{
	return (uint32_t)map_count(c->map);
}
