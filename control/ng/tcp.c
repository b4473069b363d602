/* SPDX-License-Identifier: MIT */
/* Serves ng clients over TCP: gives their messages to ng, and sends replies. */
#include "control/ng/tcp.h"

#include <stdio.h>

#include "base/mem.h"
#include "control/net/listen.h"
#include "control/ng/frame.h"

enum { OUT_MAX_BYTES = 1 << 20 };

/* The part of a connection that ng needs, attached to its struct listen_conn. */
struct conn {
	struct link link;
	struct listen_conn *c;
	uint64_t serial; /* names the connection in replies, which may come after it is closed */
};

struct ng_tcp {
	struct ng *proto;
	struct listener *listener;
	struct link conns;
	uint64_t serials;
};

static void send_reply(void *arg, uint64_t token, const struct addr *to, struct str reply)
{
	struct ng_tcp *t = arg;

	(void)to;
	LIST_EACH (it, &t->conns) {
		struct conn *c = LIST_OF(it, struct conn, link);

		if (c->serial != token)
			continue;
		listen_conn_send(c->c, reply);
		return;
	}
}

static bool on_allowed(void *arg, const struct addr *peer)
{
	struct ng_tcp *t = arg;

	return ng_is_allowed(t->proto, peer);
}

static void on_opened(void *arg, struct listen_conn *lc)
{
	struct ng_tcp *t = arg;
	struct conn *c = mem_alloc(sizeof(*c));

	if (!c) {
		listen_conn_close(lc);
		return;
	}
	*c = (struct conn){.c = lc, .serial = ++t->serials};
	list_add_tail(&t->conns, &c->link);
	listen_conn_set_user(lc, c);
}

static void on_message(void *arg, struct listen_conn *lc, struct str message)
{
	struct ng_tcp *t = arg;
	const struct conn *c = listen_conn_user(lc);

	ng_take(t->proto,
	        &(struct ng_origin){
			.from = listen_conn_peer(lc),
			.send = send_reply,
			.arg = t,
			.token = c->serial,
		},
	        message);
}

/* What follows an invalid message cannot be cut into messages: the connection ends. */
static void on_invalid(void *arg, struct listen_conn *lc)
{
	(void)arg;
	(void)lc;
}

static void on_closed(void *arg, struct listen_conn *lc)
{
	struct conn *c = listen_conn_user(lc);

	(void)arg;
	if (c)
		list_remove(&c->link);
	mem_free(c);
	listen_conn_set_user(lc, NULL);
}

static const struct listen_ops ops = {
	.allowed = on_allowed,
	.frame = ng_frame_length,
	.opened = on_opened,
	.line = on_message,
	.too_long = on_invalid,
	.closed = on_closed,
};

enum err ng_tcp_new(struct ng_tcp **out, struct loop *l, const struct ng_tcp_config *config,
                    struct why *why)
{
	struct ng_tcp *t = mem_alloc(sizeof(*t));
	char ip[ADDR_TEXT_MAX], where[ADDR_TEXT_MAX + 8];
	struct listen_config listen = {.name = "ng",
	                               .where = where,
	                               .any_host = true,
	                               .line_max_bytes = NG_MESSAGE_MAX,
	                               .out_max_bytes = OUT_MAX_BYTES,
	                               .limits = config->limits,
	                               .requests_max = 1,
	                               .ops = &ops,
	                               .arg = t};
	enum err e;

	if (!t)
		return why_fail(why, ERR_NOMEM, "out of memory");
	t->proto = config->ng;
	list_init(&t->conns);
	snprintf(where, sizeof(where), "tcp:%s", addr_print(&config->bind, ip));
	e = listener_new(&t->listener, l, &listen, why);
	if (e) {
		ng_tcp_free(t);
		return e;
	}
	*out = t;
	return ERR_OK;
}

void ng_tcp_free(struct ng_tcp *t)
{
	if (!t)
		return;
	listener_free(t->listener);
	mem_free(t);
}
