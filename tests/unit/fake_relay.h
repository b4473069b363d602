/* SPDX-License-Identifier: MIT */
/* A relay that only keeps accounts, for tests of the control path: included by one test program, in
 * place of relay/front/relay.c. */
#ifndef TESTS_UNIT_FAKE_RELAY_H
#define TESTS_UNIT_FAKE_RELAY_H

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "relay/relay.h"

enum { FAKE_PENDING_MAX = 4096, FAKE_FOREIGN_MAX = 64 };

struct relay_session {
	struct relay *relay;
	struct relay_session_stats stats;
	struct relay_media_stats media[RELAY_MEDIA_MAX];
	struct relay_leg_stats legs[RELAY_MEDIA_MAX][RELAY_LEGS_MAX];
	struct addr a_remote; /* of the first media, as last told */
	bool is_gone;
};

enum fake_kind { FAKE_CREATE, FAKE_UPDATE, FAKE_DELETE, FAKE_QUERY };

struct fake_pending {
	enum fake_kind kind;
	struct relay_session *s;
	enum err e;
	relay_done_fn *done;
	relay_stats_fn *stats;
	void *arg;
};

/* Replies wait until relay_poll, in order. */
struct relay {
	struct fake_pending pending[FAKE_PENDING_MAX];
	unsigned n_pending;
	uint16_t foreign[FAKE_FOREIGN_MAX]; /* ports somebody else holds */
	unsigned n_foreign;
	enum err refuse_at_once, fail_later; /* the next request, once */
	unsigned creates, updates, deletes, sessions;
	relay_event_fn *listener;
	void *listener_arg;
};

static struct relay fake_relay;

__attribute__((unused)) static void fake_reset(void)
{
	memset(&fake_relay, 0, sizeof(fake_relay));
}

static enum err fake_push(struct relay *r, struct fake_pending p)
{
	CHECK(r->n_pending < FAKE_PENDING_MAX);
	r->pending[r->n_pending++] = p;
	return ERR_OK;
}

static enum err fake_ports(struct relay *r, const struct relay_session_spec *spec)
{
	for (unsigned m = 0; m < spec->n_media; m++)
		for (unsigned i = 0; i < spec->media[m].n_legs; i++)
			for (unsigned f = 0; f < r->n_foreign; f++)
				if (spec->media[m].legs[i].exists &&
				    spec->media[m].legs[i].port_rtp == r->foreign[f])
					return ERR_EXISTS;
	return ERR_OK;
}

static void fake_take(struct relay_session *s, const struct relay_session_spec *spec)
{
	s->stats.n_media = spec->n_media;
	s->stats.media = s->media;
	for (unsigned m = 0; m < spec->n_media; m++)
		s->media[m] = (struct relay_media_stats){.n_legs = spec->media[m].n_legs,
		                                         .legs = s->legs[m]};
	s->a_remote = spec->media[0].legs[0].remote;
}

static enum err fake_refusal(struct relay *r, struct why *why)
{
	enum err e = r->refuse_at_once;

	r->refuse_at_once = ERR_OK;
	return e ? why_fail(why, e, "refused at once") : ERR_OK;
}

static enum err fake_later(struct relay *r, const struct relay_session_spec *spec)
{
	enum err e = r->fail_later;

	r->fail_later = ERR_OK;
	return e ? e : fake_ports(r, spec);
}

enum err relay_session_create(struct relay *r, struct relay_session **out,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	enum err e = fake_refusal(r, why);
	struct relay_session *s = e ? NULL : mem_alloc(sizeof(*s));

	if (e)
		return e;
	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	r->creates++;
	s->relay = r;
	fake_take(s, spec);
	*out = s;
	return fake_push(
		r, (struct fake_pending){FAKE_CREATE, s, fake_later(r, spec), done, NULL, arg});
}

enum err relay_session_update(struct relay *r, struct relay_session *s,
                              const struct relay_session_spec *spec, relay_done_fn *done, void *arg,
                              struct why *why)
{
	enum err e = fake_refusal(r, why);

	if (e)
		return e;
	r->updates++;
	e = fake_later(r, spec);
	if (!e)
		fake_take(s, spec);
	return fake_push(r, (struct fake_pending){FAKE_UPDATE, s, e, done, NULL, arg});
}

void relay_session_delete(struct relay *r, struct relay_session *s, relay_done_fn *done, void *arg)
{
	r->deletes++;
	CHECK(fake_push(r, (struct fake_pending){FAKE_DELETE, s, ERR_OK, done, NULL, arg}) ==
	      ERR_OK);
}

enum err relay_session_query(struct relay *r, struct relay_session *s, relay_stats_fn *done,
                             void *arg)
{
	return fake_push(r, (struct fake_pending){FAKE_QUERY, s, ERR_OK, NULL, done, arg});
}

enum err relay_set_asked(struct relay *r, const struct relay_asked *asked)
{
	(void)r;
	(void)asked;
	return ERR_OK;
}

void relay_set_asker(struct relay *r, relay_event_fn *fn, void *arg)
{
	(void)r;
	(void)fn;
	(void)arg;
}

enum err relay_session_reopen(struct relay *r, struct relay_session *s,
                              const uint16_t legs[RELAY_MEDIA_MAX])
{
	(void)r;
	(void)s;
	(void)legs;
	return ERR_OK;
}

enum err relay_session_permit(struct relay *r, struct relay_session *s,
                              const struct relay_permit *permit)
{
	(void)r;
	(void)s;
	(void)permit;
	return ERR_OK;
}

const struct relay_session_stats *relay_session_stats(const struct relay_session *s)
{
	return &s->stats;
}

static void fake_reply(struct relay *r, const struct fake_pending *p)
{
	struct why why = {"told later"};

	if (p->kind == FAKE_QUERY) {
		p->stats(p->arg, p->e, p->e ? NULL : &p->s->stats);
		return;
	}
	if (p->kind == FAKE_CREATE && !p->e)
		r->sessions++;
	if (p->kind == FAKE_DELETE)
		r->sessions--;
	p->done(p->arg, p->e, &why);
	if (p->kind == FAKE_DELETE || (p->kind == FAKE_CREATE && p->e))
		mem_free(p->s);
}

void relay_poll(struct relay *r)
{
	struct fake_pending now[64];
	unsigned n;

	while ((n = r->n_pending < 64 ? r->n_pending : 64)) {
		memcpy(now, r->pending, n * sizeof(now[0]));
		memmove(r->pending, r->pending + n, (r->n_pending - n) * sizeof(now[0]));
		r->n_pending -= n;
		for (unsigned i = 0; i < n; i++)
			fake_reply(r, &now[i]);
	}
}

void relay_get_stats(const struct relay *r, struct relay_stats *out)
{
	*out = (struct relay_stats){.workers = 1, .sessions = r->sessions};
}

const char *relay_engine_name(const struct relay *r)
{
	(void)r;
	return "none";
}

const char *relay_engine_reason(const struct relay *r)
{
	(void)r;
	return "accounts only";
}

const char *relay_io_name(const struct relay *r, unsigned interface)
{
	(void)r;
	(void)interface;
	return "none";
}

const char *relay_io_reason(const struct relay *r, unsigned interface)
{
	(void)r;
	(void)interface;
	return "accounts only";
}

const char *relay_event_name(enum relay_event_kind k)
{
	static const char *const names[] = {"first-media",      "media-timeout", "setup-timeout",
	                                    "source-changed",   "auth-failures", "key-soft-limit",
	                                    "key-expired",      "stream-limit",  "ssrc-changed",
	                                    "nothing-authentic"};

	return names[k];
}

void relay_set_listener(struct relay *r, relay_event_fn *fn, void *arg)
{
	r->listener = fn;
	r->listener_arg = arg;
}

uint64_t relay_events_lost(const struct relay *r)
{
	(void)r;
	return 0;
}

#endif
