/* SPDX-License-Identifier: MIT */
/* Ends silent calls. The relay reports that a leg is silent; this file then judges the whole
 * session. A periodic sweep looks at calls for which the relay reports nothing. */
#include "control/dialog/idle.h"

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

struct dialog_idle {
	struct service *service;
	struct dialogs *dialogs;
	struct events_subscription *subscription;
	struct loop_timer *sweep;
	unsigned n_under_way;
	bool is_closed;
};

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A leg, its peer leg, and when the leg last received a packet (monotonic). */
struct idle_leg {
	const struct spec_leg *leg, *peer;
	uint64_t heard_ns;
};

/* Finds leg `i` of a media and the leg that it is joined to. False: one of them does not exist, or
 * leg `i` is a core leg that is not active. */
static bool find_idle_leg(struct idle_leg *out, const struct spec_media *m,
                          const struct relay_media_stats *stats, unsigned i)
{
	unsigned other = i == RELAY_LEG_ACCESS ? m->active : RELAY_LEG_ACCESS;

	if (i >= m->legs.n || i >= stats->n_legs || other >= m->legs.n ||
	    (i != RELAY_LEG_ACCESS && i != m->active))
		return false;
	*out = (struct idle_leg){
		.leg = &m->legs.items[i],
		.peer = &m->legs.items[other],
		.heard_ns = stats->legs[i].last_rx_ns,
	};
	return out->leg->exists && out->peer->exists;
}

/* Should the leg receive packets? If its peer leg must not (one side holds): only if the leg has
 * received music on hold. */
static bool is_missed(const struct idle_leg *e, const struct dialog_idle_times *t)
{
	if (!e->leg->relay.inactivity_ms)
		return false;
	return e->peer->relay.inactivity_ms ||
	       e->heard_ns > t->settled_ns + DIALOG_IDLE_MUSIC_S * NS_PER_S;
}

static bool is_silent(const struct idle_leg *e, const struct dialog_idle_times *t)
{
	uint64_t limit_ns = e->leg->relay.inactivity_ms * NS_PER_MS;

	/* The relay starts its timer slightly before settled_ns: 7/8 of the limit is enough. */
	return t->now_ns - later_of(e->heard_ns, t->settled_ns) >= limit_ns - limit_ns / 8;
}

bool dialog_idle_is_over(const struct spec_session *spec, const struct relay_session_stats *stats,
                         const struct dialog_idle_times *t, bool *is_quiet)
{
	uint64_t last_ns = t->settled_ns;
	unsigned missed = 0, silent = 0;

	*is_quiet = false;
	for (unsigned m = 0; m < spec->media.n && m < stats->n_media; m++) {
		for (unsigned i = 0; i < stats->media[m].n_legs; i++) {
			struct idle_leg e;

			last_ns = later_of(last_ns, stats->media[m].legs[i].last_rx_ns);
			if (!find_idle_leg(&e, &spec->media.items[m], &stats->media[m], i))
				continue;
			*is_quiet |=
				e.leg->relay.inactivity_ms &&
				t->now_ns - e.heard_ns >= e.leg->relay.inactivity_ms * NS_PER_MS;
			missed += is_missed(&e, t);
			silent += is_missed(&e, t) && is_silent(&e, t);
		}
	}
	return missed ? silent == missed : t->now_ns - last_ns >= t->silent_ns;
}

static uint64_t silent_ns(const struct dialog_idle *i)
{
	uint32_t ms = service_get_config(i->service)->calls.silent_timeout_ms;

	return ms ? ms * NS_PER_MS : DIALOG_IDLE_LIMIT_S * NS_PER_S;
}

/* --- one call --------------------------------------------------------------- */

static void put(struct dialog_idle *i)
{
	if (--i->n_under_way == 0 && i->is_closed)
		mem_free(i);
}

static void on_deleted(void *arg, const struct service_result *r)
{
	(void)r;
	put(arg);
}

static void on_stats(void *arg, const struct service_result *r)
{
	struct dialog_idle *i = arg;
	struct dialog_idle_times t = {.silent_ns = silent_ns(i), .now_ns = clk_mono_ns()};
	bool is_over = false, is_quiet;

	if (!r->e && r->session && r->stats && !i->is_closed &&
	    dialogs_ends_when_silent(i->dialogs, str_of(r->session->spec->id), &t.settled_ns)) {
		is_over = dialog_idle_is_over(r->session->spec, r->stats, &t, &is_quiet);
		/* The relay reports each silence once; the sweep looks at quiet calls again. */
		dialogs_set_quiet(i->dialogs, str_of(r->session->spec->id), is_quiet);
	}
	if (!is_over) {
		put(i);
		return;
	}
	log_info("dialog",
	         "call ended: no packets on any leg that should receive them (inactivity-ms; for "
	         "a call on hold or without an answer: silent-timeout)",
	         LOG_TEXT(session, r->session->spec->id));
	service_delete(i->service, str_of(r->session->spec->id), on_deleted, i);
}

static void look_at(void *arg, const char *id)
{
	struct dialog_idle *i = arg;

	i->n_under_way++;
	service_get(i->service, str_of(id), on_stats, i);
}

/* --- events and sweeps ------------------------------------------------------ */

static void on_event(void *arg, const struct session_event *e)
{
	struct dialog_idle *i = arg;
	uint64_t settled_ns;

	if (dialogs_ends_when_silent(i->dialogs, str_of(e->session), &settled_ns))
		look_at(i, e->session);
}

static enum err set_sweep(struct dialog_idle *i)
{
	uint64_t after_ns = silent_ns(i) / 4;

	return loop_timer_set(i->sweep, after_ns < DIALOG_IDLE_SWEEP_S * NS_PER_S
	                                        ? after_ns
	                                        : DIALOG_IDLE_SWEEP_S * NS_PER_S);
}

static void on_sweep(void *arg)
{
	struct dialog_idle *i = arg;

	dialogs_each_quiet(i->dialogs, clk_mono_ns() - silent_ns(i), look_at, i);
	if (set_sweep(i))
		log_error("dialog",
		          "cannot set a timer: silent calls end only after a media-timeout event");
}

enum err dialog_idle_new(struct dialog_idle **out, struct loop *l, struct events *ev,
                         struct service *sv, struct dialogs *d)
{
	struct events_filter filter = {.kinds = 1u << RELAY_EVENT_MEDIA_TIMEOUT,
	                               .after = UINT64_MAX};
	struct dialog_idle *i = mem_alloc(sizeof(*i));
	uint64_t missed;
	enum err e;

	if (!i)
		return ERR_NOMEM;
	i->service = sv;
	i->dialogs = d;
	e = events_subscribe(&i->subscription, ev, &filter, &missed, on_event, i);
	if (!e)
		e = loop_timer_new(&i->sweep, l, on_sweep, i);
	if (!e)
		e = set_sweep(i);
	if (e)
		dialog_idle_free(i);
	else
		*out = i;
	return e;
}

void dialog_idle_free(struct dialog_idle *i)
{
	if (!i)
		return;
	events_unsubscribe(i->subscription);
	loop_timer_free(i->sweep);
	i->is_closed = true;
	i->n_under_way++;
	put(i);
}
