/* SPDX-License-Identifier: MIT */
/* The Redis client: hiredis writes commands and reads replies, libevent and tls.c carry them. */
#include "control/net/redis.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clk.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/secret.h"
#include "control/net/tls.h"

enum {
	WORDS_MAX = 16,
	LIST_MAX = 65536,          /* maximum number of items of a list in a reply */
	REPLY_MAX_BYTES = 1 << 24, /* maximum length of a reply */
	RETRY_MIN_MS = 50,         /* first pause before connecting again; doubles each time */
	RETRY_MAX_MS = 1000,
	CONNECT_TIMEOUT_MS = 3000,
	LOOKS_PER_TIMEOUT = 8, /* how often a late reply is looked for */
};

enum link_state { DOWN, CONNECTING, GREETING, UP };

/* A command that has no reply yet. */
struct sent {
	struct link link;
	uint64_t until_ns; /* monotonic */
	redis_reply_fn *done;
	void *arg;
};

struct redis {
	struct redis_config config;
	struct event_base *base;
	struct evdns_base *dns; /* NULL: libevent resolves names with the blocking resolver */
	struct bufferevent *bev;
	struct event *timer; /* DOWN: connects; else: looks for late replies */
	redisReader *reader;
	redisReplyObjectFunctions functions;
	void *(*make_list)(const redisReadTask *task, int n);
	enum link_state state;
	uint64_t connect_until_ns;
	unsigned retry_ms;
	size_t unread; /* octets read since the last complete reply */
	struct link sent;
	size_t n_sent;
	/* why the connection is to be closed; ERR_OK: it is not */
	enum err reject;
	struct why why;
};

/* --- URLs ------------------------------------------------------------------- */

static enum err parse_host(struct str text, struct redis_url *out, struct why *why)
{
	struct str host, port;
	uint64_t number = 6379;

	if (str_starts(text, "[")) {
		host = str_cut(str_skip(text, 1), ']', &port);
		if (host.n + 2 > text.n || (port.n && !str_starts(port, ":")))
			return why_fail(why, ERR_SYNTAX,
			                "an IPv6 address must be in brackets: "
			                "redis://[2001:db8::1]:6379");
		port = str_skip(port, 1);
	} else {
		host = str_cut(text, ':', &port);
	}
	if (port.n && (str_to_u64(port, 65535, &number) || number == 0))
		return why_fail(why, ERR_RANGE, "port \"%.*s\" must be an integer from 1 to 65535",
		                STR_SHOWN(port));
	out->port = (uint16_t)number;
	if (host.n == 0 || str_copy(host, out->host, sizeof(out->host)))
		return why_fail(why, ERR_SYNTAX, "the host must have 1 to %zu characters",
		                sizeof(out->host) - 1);
	return ERR_OK;
}

enum err redis_url_parse(struct str text, struct redis_url *out, struct why *why)
{
	struct redis_url u = {0};
	struct str db;
	uint64_t number = 0;
	enum err e;

	for (size_t i = 0; i < text.n; i++)
		if ((uint8_t)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return why_fail(why, ERR_SYNTAX,
			                "must not contain blanks or control characters");
	if (str_starts(text, "rediss://"))
		u.is_tls = true;
	else if (!str_starts(text, "redis://"))
		return why_fail(why, ERR_UNSUPPORTED,
		                "must be redis://HOST:PORT/DB, or rediss://HOST:PORT/DB for TLS");
	text = str_skip(text, u.is_tls ? 9 : 8);
	if (str_find(text, '@') < text.n)
		return why_fail(why, ERR_DENIED,
		                "must not contain a user or a password, because others can read a "
		                "command line; give them in files");
	e = parse_host(str_cut(text, '/', &db), &u, why);
	if (e)
		return e;
	if (db.n && str_to_u64(db, 65535, &number))
		return why_fail(why, ERR_RANGE,
		                "database \"%.*s\" must be an integer from 0 to 65535",
		                STR_SHOWN(db));
	u.db = (unsigned)number;
	*out = u;
	return ERR_OK;
}

/* --- replies ---------------------------------------------------------------- */

static const redisReply *reply_of(const struct redis_value *v)
{
	return (const redisReply *)(const void *)v;
}

enum redis_kind redis_kind(const struct redis_value *v)
{
	switch (reply_of(v)->type) {
	case REDIS_REPLY_INTEGER:
		return REDIS_INTEGER;
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
		return REDIS_TEXT;
	case REDIS_REPLY_ERROR:
		return REDIS_FAULT;
	case REDIS_REPLY_ARRAY:
		return REDIS_LIST;
	default:
		return REDIS_NIL;
	}
}

struct view redis_octets(const struct redis_value *v)
{
	enum redis_kind kind = redis_kind(v);

	if (kind != REDIS_TEXT && kind != REDIS_FAULT)
		return (struct view){0};
	return (struct view){(const uint8_t *)reply_of(v)->str, (size_t)reply_of(v)->len};
}

int64_t redis_number(const struct redis_value *v)
{
	return redis_kind(v) == REDIS_INTEGER ? reply_of(v)->integer : 0;
}

const struct redis_value *redis_item(const struct redis_value *v, size_t i)
{
	if (redis_kind(v) != REDIS_LIST || i >= reply_of(v)->elements)
		return NULL;
	return (const struct redis_value *)(const void *)reply_of(v)->element[i];
}

/* hiredis allocates a list before its items arrive, so a server could ask for any size. */
static void *make_list(const redisReadTask *task, int n)
{
	const struct redis *r = task->privdata;

	return n > LIST_MAX ? NULL : r->make_list(task, n);
}

/* Gives each connection a new reader, because the old one may hold a part of a reply. */
static enum err reader_new(struct redis *r)
{
	if (r->reader)
		redisReaderFree(r->reader);
	r->reader = redisReaderCreate();
	if (!r->reader)
		return ERR_NOMEM;
	if (!r->make_list) {
		r->functions = *r->reader->fn;
		r->make_list = r->functions.createArray;
		r->functions.createArray = make_list;
	}
	r->reader->fn = &r->functions;
	r->reader->privdata = r;
	r->unread = 0;
	return ERR_OK;
}

/* --- closing ---------------------------------------------------------------- */

static void set_timer(struct redis *r, unsigned after_ms)
{
	struct timeval t = {.tv_sec = after_ms / 1000, .tv_usec = (after_ms % 1000) * 1000};

	/* event_add of a timer that was added before allocates nothing. */
	CHECK(event_add(r->timer, &t) == 0);
}

static void drop(struct redis *r, enum err e, const struct why *why)
{
	struct why text = *why;

	if (r->state == DOWN)
		return;
	/* A server that cannot be used will not change soon. */
	if (r->reject)
		r->retry_ms = RETRY_MAX_MS;
	r->state = DOWN;
	r->reject = ERR_OK;
	if (r->bev)
		bufferevent_free(r->bev);
	r->bev = NULL;
	for (struct link *l; (l = list_pop(&r->sent)) != NULL;) {
		struct sent *s = LIST_OF(l, struct sent, link);

		r->n_sent--;
		if (s->done)
			s->done(s->arg, e == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_CLOSED, NULL);
		mem_free(s);
	}
	set_timer(r, r->retry_ms);
	r->retry_ms = r->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : r->retry_ms * 2;
	r->config.down(r->config.arg, e, &text);
}

void redis_reject(struct redis *r, enum err e, const struct why *why)
{
	struct timeval now = {0};

	if (r->state == DOWN || r->reject)
		return;
	r->reject = e;
	r->why = *why;
	CHECK(event_add(r->timer, &now) == 0);
}

/* --- sending ---------------------------------------------------------------- */

static void wiped(const void *data, size_t n, void *arg)
{
	(void)data;
	(void)n;
	secret_free(arg);
}

static void written(const void *data, size_t n, void *arg)
{
	(void)data;
	(void)n;
	redisFreeCommand(arg);
}

static enum err await(struct redis *r, redis_reply_fn *done, void *arg)
{
	struct sent *s = mem_alloc(sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->done = done;
	s->arg = arg;
	s->until_ns = clk_mono_ns() + r->config.timeout_ms * NS_PER_MS;
	list_add_tail(&r->sent, &s->link);
	r->n_sent++;
	return ERR_OK;
}

static enum err send_now(struct redis *r, const struct redis_command *c, redis_reply_fn *done,
                         void *arg)
{
	const char *words[WORDS_MAX];
	size_t sizes[WORDS_MAX];
	struct evbuffer *out = bufferevent_get_output(r->bev);
	char *text = NULL;
	int len;

	if (c->n > WORDS_MAX)
		return ERR_TOO_BIG;
	for (size_t i = 0; i < c->n; i++) {
		words[i] = (const char *)c->words[i].p;
		sizes[i] = c->words[i].n;
	}
	len = redisFormatCommandArgv(&text, (int)c->n, words, sizes);
	if (len < 0)
		return ERR_NOMEM;
	if (await(r, done, arg)) {
		redisFreeCommand(text);
		return ERR_NOMEM;
	}
	if (evbuffer_add_reference(out, text, (size_t)len, written, text)) {
		struct sent *s = LIST_OF(r->sent.prev, struct sent, link);

		list_remove(&s->link);
		r->n_sent--;
		mem_free(s);
		redisFreeCommand(text);
		return ERR_NOMEM;
	}
	return ERR_OK;
}

enum err redis_send(struct redis *r, const struct redis_command *c, redis_reply_fn *done, void *arg)
{
	if (r->state != UP || r->reject)
		return ERR_CLOSED;
	if (r->n_sent >= r->config.queue_max)
		return ERR_LIMIT;
	return send_now(r, c, done, arg);
}

size_t redis_queued(const struct redis *r)
{
	return r->n_sent;
}

/* --- greeting: user and password, database ---------------------------------- */

static void on_greeting(void *arg, enum err e, const struct redis_value *v)
{
	struct redis *r = arg;
	struct why why = {{0}};
	struct view text;

	if (e || redis_kind(v) != REDIS_FAULT)
		return;
	text = redis_octets(v);
	why_fail(&why, ERR_DENIED, "%s port %u refused user, password or database %u: %.*s",
	         r->config.url.host, r->config.url.port, r->config.url.db,
	         (int)(text.n < 160 ? text.n : 160), (const char *)text.p);
	redis_reject(r, ERR_DENIED, &why);
}

static void on_greeted(void *arg, enum err e, const struct redis_value *v)
{
	struct redis *r = arg;

	on_greeting(r, e, v);
	if (e || r->reject)
		return;
	r->state = UP;
	r->retry_ms = RETRY_MIN_MS;
	r->config.up(r->config.arg);
}

static size_t put_word(char *out, size_t room, struct view word)
{
	int n = snprintf(out, room, "$%zu\r\n", word.n);

	memcpy(out + n, word.p, word.n);
	memcpy(out + n + word.n, "\r\n", 2);
	return (size_t)n + word.n + 2;
}

/* Sends AUTH. The command is not written by hiredis, because it has the password: it stays in
 * secret memory until it is sent. */
static enum err send_auth(struct redis *r)
{
	struct view user = {(const uint8_t *)r->config.user,
	                    r->config.user ? strlen(r->config.user) : 0};
	size_t room = 96 + user.n + r->config.password.n, n;
	char *text = secret_alloc(room);

	if (!text)
		return ERR_NOMEM;
	n = (size_t)snprintf(text, room, "*%d\r\n$4\r\nAUTH\r\n", user.n ? 3 : 2);
	if (user.n)
		n += put_word(text + n, room - n, user);
	n += put_word(text + n, room - n, r->config.password);
	if (await(r, on_greeting, r)) {
		secret_free(text);
		return ERR_NOMEM;
	}
	if (evbuffer_add_reference(bufferevent_get_output(r->bev), text, n, wiped, text)) {
		secret_free(text);
		return ERR_NOMEM; /* the caller drops the connection, with the awaited reply */
	}
	return ERR_OK;
}

static struct view word_of(const char *text)
{
	return (struct view){(const uint8_t *)text, strlen(text)};
}

/* SELECT is sent even for database 0: its reply proves that the server works. */
static enum err greet(struct redis *r)
{
	char db[16];
	struct view words[2] = {word_of("SELECT"), word_of(db)};
	enum err e = r->config.password.n ? send_auth(r) : ERR_OK;

	snprintf(db, sizeof(db), "%u", r->config.url.db);
	words[1] = word_of(db);
	return e ? e : send_now(r, &(struct redis_command){words, 2}, on_greeted, r);
}

/* --- the connection --------------------------------------------------------- */

static void fail(struct redis *r, enum err e, const char *what)
{
	struct why why = {{0}};

	why_fail(&why, e, "%s port %u: %s", r->config.url.host, r->config.url.port, what);
	drop(r, e, &why);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct redis *r = arg;
	char tls[160] = "";
	int one = 1, number = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_CONNECTED) {
		setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		r->state = GREETING;
		set_timer(r, r->config.timeout_ms / LOOKS_PER_TIMEOUT + 1);
		if (greet(r))
			fail(r, ERR_NOMEM, "out of memory");
		return;
	}
	if (r->config.url.is_tls && tls_failure(bev, tls, sizeof(tls))[0])
		fail(r, ERR_AUTH, tls);
	else if (bufferevent_socket_get_dns_error(bev))
		fail(r, ERR_NOT_FOUND, evutil_gai_strerror(bufferevent_socket_get_dns_error(bev)));
	else if (what & BEV_EVENT_ERROR && number)
		fail(r, ERR_CLOSED, evutil_socket_error_to_string(number));
	else
		fail(r, ERR_CLOSED,
		     r->state == CONNECTING ? "cannot connect"
		                            : "the server closed the connection");
}

/* Takes the next complete reply of the reader. Returns false if there is none, or after an error,
 * which drops the connection. */
static bool take_reply(struct redis *r)
{
	void *reply = NULL;
	struct link *l;
	struct sent *s;

	if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
		fail(r, ERR_SYNTAX, "the server's answer is not in the protocol of Redis");
		return false;
	}
	if (!reply)
		return false;
	r->unread = 0;
	l = list_pop(&r->sent);
	if (!l) {
		freeReplyObject(reply);
		fail(r, ERR_SYNTAX, "the server sent a reply without a command");
		return false;
	}
	r->n_sent--;
	s = LIST_OF(l, struct sent, link);
	if (s->done)
		s->done(s->arg, ERR_OK, reply);
	mem_free(s);
	freeReplyObject(reply);
	return r->state != DOWN;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct redis *r = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	char octets[16384];

	for (int n; (n = evbuffer_remove(in, octets, sizeof(octets))) > 0;) {
		r->unread += (size_t)n;
		if (redisReaderFeed(r->reader, octets, (size_t)n) != REDIS_OK ||
		    r->unread > REPLY_MAX_BYTES) {
			fail(r, ERR_TOO_BIG, "the server's answer is too long");
			return;
		}
		while (take_reply(r))
			;
		if (r->state == DOWN)
			return;
	}
}

static void connect_now(struct redis *r)
{
	const struct redis_url *u = &r->config.url;

	r->state = CONNECTING;
	r->connect_until_ns = clk_mono_ns() + CONNECT_TIMEOUT_MS * NS_PER_MS;
	r->bev = u->is_tls ? tls_wrap(r->config.tls, r->base, -1, u->host)
	                   : bufferevent_socket_new(r->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!r->bev || reader_new(r)) {
		fail(r, ERR_NOMEM, "out of memory");
		return;
	}
	bufferevent_setcb(r->bev, on_read, NULL, on_event, r);
	set_timer(r, CONNECT_TIMEOUT_MS);
	if (bufferevent_enable(r->bev, EV_READ | EV_WRITE) ||
	    bufferevent_socket_connect_hostname(r->bev, r->dns, AF_UNSPEC, u->host, u->port)) {
		/* The event callback has dropped the connection if libevent called it. */
		if (r->state == CONNECTING)
			fail(r, ERR_CLOSED, "cannot connect");
		return;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct redis *r = arg;
	uint64_t now = clk_mono_ns();

	(void)fd;
	(void)what;
	if (r->state == DOWN) {
		connect_now(r);
		return;
	}
	if (r->reject) {
		drop(r, r->reject, &r->why);
		return;
	}
	if (r->state == CONNECTING && now >= r->connect_until_ns) {
		fail(r, ERR_TIMEOUT, "no connection within the time limit");
		return;
	}
	if (!list_is_empty(&r->sent) && now >= LIST_OF(r->sent.next, struct sent, link)->until_ns) {
		fail(r, ERR_TIMEOUT, "the server did not answer a command in time");
		return;
	}
	set_timer(r, r->config.timeout_ms / LOOKS_PER_TIMEOUT + 1);
}

enum err redis_new(struct redis **out, struct event_base *base, const struct redis_config *config,
                   struct why *why)
{
	struct redis *r;

	if (config->url.is_tls && !config->tls)
		return why_fail(why, ERR_INVALID, "rediss:// needs a TLS configuration");
	r = mem_alloc(sizeof(*r));
	if (!r)
		return why_fail(why, ERR_NOMEM, "out of memory");
	r->config = *config;
	r->base = base;
	r->retry_ms = RETRY_MIN_MS;
	list_init(&r->sent);
	r->timer = evtimer_new(base, on_timer, r);
	if (!r->timer || event_add(r->timer, &(struct timeval){0})) {
		redis_free(r);
		return why_fail(why, ERR_NOMEM, "out of memory");
	}
	r->dns = evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
	                                      EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	*out = r;
	return ERR_OK;
}

void redis_free(struct redis *r)
{
	if (!r)
		return;
	if (r->bev)
		bufferevent_free(r->bev);
	for (struct link *l; (l = list_pop(&r->sent)) != NULL;)
		mem_free(LIST_OF(l, struct sent, link));
	if (r->timer)
		event_free(r->timer);
	if (r->dns)
		evdns_base_free(r->dns, 0);
	if (r->reader)
		redisReaderFree(r->reader);
	mem_free(r);
}
