/* SPDX-License-Identifier: MIT */
/* A breadth-first walk over legs that send to each other. */
#include "control/session/loops.h"

#include "control/session/service_spec.h"

struct walk {
	const struct port_book *book;
	struct leg_name start;
	const struct spec_session *next;      /* the new content of the session of `start` */
	const struct addr *first;             /* the target of the first step, for the error text */
	struct leg_name legs[LOOPS_LEGS_MAX]; /* legs from which packets leave */
	unsigned n;
};

struct addr loops_rtcp_target(const struct spec_leg *leg)
{
	if (!addr_is_none(&leg->relay.remote_rtcp))
		return leg->relay.remote_rtcp;
	if (leg->relay.rtcp != RELAY_RTCP_PAIR || addr_is_none(&leg->relay.remote) ||
	    addr_is_any(&leg->relay.remote))
		return (struct addr){0};
	return addr_with_port(&leg->relay.remote, (uint16_t)(leg->relay.remote.port + 1));
}

static bool is_same(const struct leg_name *a, const struct leg_name *b)
{
	return a->session == b->session && a->media == b->media && a->leg == b->leg;
}

static enum err refuse(const struct addr *target, const char *what, struct why *why)
{
	char text[ADDR_TEXT_MAX];

	return why_fail(why, ERR_DENIED,
	                "no media is sent to %s: it is a port of this gateway, and %s",
	                addr_print(target, text), what);
}

/* The usual cause of a loop within one call: its INVITE passed this gateway twice. */
static enum err refuse_ring(const struct walk *w, bool is_own_call, struct why *why)
{
	return refuse(
		w->first,
		is_own_call ? "packets sent there would return to the leg that sent them (a ring), "
			      "within one call; if its INVITE passes this gateway twice, use "
			      "loop-protect"
			    : "packets sent there would return to the leg that sent them (a ring)",
		why);
}

/* Adds a leg from which packets leave. ERR_DENIED: it is the start leg, or there are too many. */
static enum err leave(struct walk *w, const struct leg_name *by, struct why *why)
{
	if (is_same(by, &w->start))
		return refuse_ring(w, w->n == 0, why);
	for (unsigned i = 0; i < w->n; i++)
		if (is_same(by, &w->legs[i]))
			return ERR_OK;
	if (w->n == LOOPS_LEGS_MAX)
		return refuse(w->first,
		              "packets sent there would cross more legs than the loop check can "
		              "follow",
		              why);
	w->legs[w->n++] = *by;
	return ERR_OK;
}

/* Adds the legs that leg `at` is joined to, or may be joined to later. */
static enum err cross(struct walk *w, const struct leg_name *at, const struct spec_session *spec,
                      struct why *why)
{
	unsigned from = at->leg == RELAY_LEG_ACCESS ? 1 : RELAY_LEG_ACCESS;
	unsigned to = at->leg == RELAY_LEG_ACCESS ? RELAY_LEGS_MAX : 1;
	enum err e = ERR_OK;

	for (unsigned i = from; i < to && !e; i++)
		if (service_spec_leg(spec, at->media, i))
			e = leave(w,
			          &(struct leg_name){
					  .session = at->session,
					  .media = at->media,
					  .leg = (uint8_t)i,
				  },
			          why);
	return e;
}

static enum err arrive(struct walk *w, const struct leg_name *at, struct why *why)
{
	enum err e;

	if (is_same(at, &w->start))
		return refuse_ring(w, w->n == 0, why);
	if (at->session == w->start.session)
		return cross(w, at, w->next, why);
	e = cross(w, at, at->session->spec, why);
	return !e && at->session->next ? cross(w, at, at->session->next, why) : e;
}

static enum err reach(struct walk *w, const struct addr *target, struct why *why)
{
	struct leg_name found[PORT_BOOK_FINDS_MAX];
	unsigned n = addr_is_none(target) ? 0 : port_book_find(w->book, target, found);
	enum err e = ERR_OK;

	for (unsigned i = 0; i < n && !e; i++)
		e = arrive(w, &found[i], why);
	return e;
}

static enum err follow_spec(struct walk *w, const struct leg_name *by,
                            const struct spec_session *spec, struct why *why)
{
	const struct spec_leg *leg = service_spec_leg(spec, by->media, by->leg);
	struct addr rtcp;
	enum err e;

	if (!leg)
		return ERR_OK;
	rtcp = loops_rtcp_target(leg);
	e = reach(w, &leg->relay.remote, why);
	return e ? e : reach(w, &rtcp, why);
}

static bool may_learn(const struct relay_permit *p, const struct leg_name *leg)
{
	return p->media == leg->media && p->leg == leg->leg;
}

static enum err follow(struct walk *w, const struct leg_name *by, struct why *why)
{
	const struct registry_session *s = by->session;
	bool is_own = s == w->start.session;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < s->n_permitted && !e; i++)
		if (may_learn(&s->permitted[i], by))
			e = reach(w, &s->permitted[i].source, why);
	if (!e)
		e = follow_spec(w, by, is_own ? w->next : s->spec, why);
	return !e && !is_own && s->next ? follow_spec(w, by, s->next, why) : e;
}

/* Follows the walk from a target of the start leg to its end. */
static enum err walk_from(struct walk *w, const struct addr *target, struct why *why)
{
	unsigned at = w->n;
	enum err e;

	w->first = target;
	e = reach(w, target, why);
	for (; at < w->n && !e; at++)
		e = follow(w, &w->legs[at], why);
	return e;
}

enum err loops_check(const struct port_book *b, const struct leg_name *from,
                     const struct spec_session *next, const struct addr *extra, struct why *why)
{
	const struct spec_leg *l = service_spec_leg(next, from->media, from->leg);
	const struct registry_session *s = from->session;
	struct walk w __attribute__((uninitialized));
	struct addr rtcp;
	enum err e;

	if (!l)
		return ERR_OK;
	w.book = b;
	w.next = next;
	w.start = *from;
	w.n = 0;
	rtcp = loops_rtcp_target(l);
	e = walk_from(&w, &l->relay.remote, why);
	if (!e)
		e = walk_from(&w, &rtcp, why);
	if (!e && extra)
		e = walk_from(&w, extra, why);
	for (unsigned i = 0; i < s->n_permitted && !e; i++)
		if (may_learn(&s->permitted[i], &w.start))
			e = walk_from(&w, &s->permitted[i].source, why);
	return e;
}
