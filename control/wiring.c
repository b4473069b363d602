/* SPDX-License-Identifier: MIT */
/* Starts the dialogs, their JSON methods and the ng listeners. */
#include "control/wiring.h"

#include "base/log.h"
#include "base/mem.h"
#include "control/dialog/dialog.h"
#include "control/dialog/idle.h"
#include "control/dialog/later.h"
#include "control/rpc/rpc_dialog.h"
#include "control/ng/ng_listen.h"
#include "control/ng/ng.h"

struct signalling {
	struct dialogs *dialogs;
	struct dialog_idle *idle;
	struct dialog_later *later;
	struct ng *ng;
	unsigned n_listeners;
	struct ng_listen *listeners[CONF_LISTEN_MAX];
};

enum err signalling_check_ng(struct str value, struct why *why)
{
	struct addr a;

	if (addr_parse(value, &a))
		return why_fail(why, ERR_INVALID,
		                "\"%.*s\": must be ADDRESS:PORT, for example 127.0.0.1:2223 or "
		                "[::1]:2223",
		                STR_SHOWN(value));
	return ERR_OK;
}

enum err signalling_check_allow(struct str value, struct why *why)
{
	struct addr_net a;

	if (addr_net_parse(value, &a))
		return why_fail(why, ERR_INVALID,
		                "\"%.*s\": must be an address or network, for example 192.0.2.1 or "
		                "192.0.2.0/24",
		                STR_SHOWN(value));
	return ERR_OK;
}

static enum err start_ng(struct signalling *s, const struct signalling_config *c, struct why *why)
{
	struct addr_net allow[CONF_LISTEN_MAX];
	struct ng_config config;
	enum err e = ERR_OK;

	ng_config_defaults(&config);
	config.service = c->service;
	config.loop = c->loop;
	config.dialogs = s->dialogs;
	config.allow = allow;
	config.n_allow = c->conf->ng_allow.n;
	for (unsigned i = 0; i < c->conf->ng_allow.n && !e; i++)
		e = addr_net_parse(str_of(c->conf->ng_allow.items[i]), &allow[i]);
	if (!e)
		e = ng_new(&s->ng, &config);
	return e ? why_fail(why, e, "ng: %s", err_meaning(e)) : ERR_OK;
}

static enum err listen_ng(struct signalling *s, struct loop *l, const struct conf *conf,
                          struct why *why)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < conf->ng.n && !e; i++) {
		struct ng_tcp_config c = {.limits = conf_limits(conf, conf->ng_clients),
		                          .ng = s->ng};

		e = addr_parse(str_of(conf->ng.items[i]), &c.bind);
		if (!e)
			e = ng_listen_new(&s->listeners[i], l, &c, why);
		s->n_listeners += !e;
		if (!e && !addr_is_loopback(&c.bind) && !conf->ng_allow.n)
			log_warn("ng", "ng-allow is not set: requests from other hosts are refused",
			         LOG_TEXT(listener, conf->ng.items[i]));
	}
	if (e)
		why_prefix(why, "--ng");
	return e;
}

enum err signalling_new(struct signalling **out, const struct signalling_config *c, struct why *why)
{
	struct signalling *s = mem_alloc(sizeof(*s));
	enum err e;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = dialogs_new(&s->dialogs, c->service);
	if (!e)
		e = rpc_add_methods(c->rpc, rpc_dialog_methods, rpc_dialog_methods_n, s->dialogs);
	if (!e)
		e = dialog_idle_new(&s->idle, c->loop, c->events, c->service, s->dialogs);
	if (!e)
		e = dialog_later_new(&s->later, c->loop, c->service, s->dialogs);
	if (e)
		e = why_fail(why, e, "out of memory");
	if (!e && c->conf->ng.n)
		e = start_ng(s, c, why);
	if (!e)
		e = listen_ng(s, c->loop, c->conf, why);
	if (e)
		signalling_free(s);
	else
		*out = s;
	return e;
}

void signalling_free(struct signalling *s)
{
	if (!s)
		return;
	dialog_idle_free(s->idle);
	dialog_later_free(s->later);
	dialogs_free(s->dialogs);
	for (unsigned i = 0; i < s->n_listeners; i++)
		ng_listen_free(s->listeners[i]);
	ng_free(s->ng);
	mem_free(s);
}

struct addr signalling_listener(const struct signalling *s, unsigned nth)
{
	return nth < s->n_listeners ? ng_listen_local(s->listeners[nth]) : (struct addr){0};
}

void signalling_print(const struct signalling *s, struct buf *out)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		struct addr a = ng_listen_local(s->listeners[i]);
		char text[ADDR_TEXT_MAX];

		buf_printf(out, "%s%s", i ? "," : "", addr_print(&a, text));
	}
}
