/* SPDX-License-Identifier: MIT */
/* Silence told by the relay, judged over the whole session; a sweep for calls that no event speaks of. */
#include "control/dialog_idle.h"

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

struct dialog_idle {
	struct service *service;
	struct dialogs *dialogs;
	struct events_subscription *subscription;
	struct loop_timer *sweep;
	uint64_t ended;
	unsigned n_under_way;
	bool is_closed;
};

static uint64_t later_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

bool dialog_idle_is_over(const struct spec_session *spec, const struct relay_session_stats *stats, uint64_t settled_ns, uint64_t now_ns)
{
	uint64_t last_ns = settled_ns;
	bool is_watched = false;

	for (unsigned m = 0; m < spec->media.n && m < stats->n_media; m++) {
		for (unsigned i = 0; i < spec->media.items[m].legs.n && i < stats->media[m].n_legs; i++) {
			const struct spec_leg *leg = &spec->media.items[m].legs.items[i];
			uint64_t heard_ns = stats->media[m].legs[i].last_rx_ns, limit_ns = leg->inactivity_ms * NS_PER_MS;

			if (!leg->exists)
				continue;
			last_ns = later_of(last_ns, heard_ns);
			is_watched |= leg->inactivity_ms != 0;
			/* The relay's watch began with the answer, a little before signalling was told of it. */
			if (leg->inactivity_ms && now_ns - later_of(heard_ns, settled_ns) < limit_ns - limit_ns / 8)
				return false;
		}
	}
	return is_watched || now_ns - last_ns >= DIALOG_IDLE_LIMIT_S * NS_PER_S;
}

/* --- one call -------------------------------------------------------------------------------------------- */

static void put(struct dialog_idle *i)
{
	if (--i->n_under_way == 0 && i->is_closed)
		mem_free(i);
}

static void on_deleted(void *arg, const struct service_result *r)
{
	struct dialog_idle *i = arg;

	i->ended += !r->e;
	put(i);
}

static void on_stats(void *arg, const struct service_result *r)
{
	struct dialog_idle *i = arg;
	uint64_t settled_ns;

	if (r->e || !r->session || !r->stats || i->is_closed ||
	    !dialogs_ends_when_silent(i->dialogs, str_of(r->session->spec->id), &settled_ns) ||
	    !dialog_idle_is_over(r->session->spec, r->stats, settled_ns, clk_mono_ns())) {
		put(i);
		return;
	}
	log_info("dialog", "sid=%s msg=\"nobody speaks: the call is ended\"", r->session->spec->id);
	service_delete(i->service, str_of(r->session->spec->id), on_deleted, i);
}

static void look_at(void *arg, const char *id)
{
	struct dialog_idle *i = arg;

	i->n_under_way++;
	service_get(i->service, str_of(id), on_stats, i);
}

/* --- when ------------------------------------------------------------------------------------------------- */

static void on_event(void *arg, const struct event *e)
{
	struct dialog_idle *i = arg;
	uint64_t settled_ns;

	if (dialogs_ends_when_silent(i->dialogs, str_of(e->session), &settled_ns))
		look_at(i, e->session);
}

static void on_sweep(void *arg)
{
	struct dialog_idle *i = arg;

	dialogs_each_settled_before(i->dialogs, clk_mono_ns() - DIALOG_IDLE_LIMIT_S * NS_PER_S, look_at, i);
	if (loop_timer_set(i->sweep, DIALOG_IDLE_SWEEP_S * NS_PER_S))
		log_error("dialog", "msg=\"no timer: calls that were never answered are not swept up\"");
}

enum err dialog_idle_new(struct dialog_idle **out, struct loop *l, struct events *ev, struct service *sv, struct dialogs *d)
{
	struct events_filter filter = {.kinds = 1u << RELAY_EVENT_MEDIA_TIMEOUT};
	struct dialog_idle *i = mem_alloc(sizeof(*i));
	uint64_t missed;
	enum err e;

	if (!i)
		return ERR_NOMEM;
	i->service = sv;
	i->dialogs = d;
	e = events_subscribe(&i->subscription, ev, &filter, UINT64_MAX, &missed, on_event, i);
	if (!e)
		e = loop_timer_new(&i->sweep, l, on_sweep, i);
	if (!e)
		e = loop_timer_set(i->sweep, DIALOG_IDLE_SWEEP_S * NS_PER_S);
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

uint64_t dialog_idle_ended(const struct dialog_idle *i)
{
	return i->ended;
}
