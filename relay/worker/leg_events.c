/* SPDX-License-Identifier: MIT */
/* Events of legs. While the ring to control is full, a bit of the leg keeps the event for later. */
#include "base/clk.h"
#include "relay/worker/session.h"
#include "relay/worker/worker.h"

_Static_assert(2 * RELAY_EVENT_COUNT <= 32, "a bit for each kind and direction");

static uint32_t bit_of(const struct relay_event *e)
{
	return 1u << (2 * (unsigned)e->kind + e->is_send);
}

/* Stores the members that cannot be read from the leg later. A later event of the same kind
 * replaces an earlier one. */
static void keep(struct worker *w, struct leg *leg, const struct relay_event *e)
{
	struct leg_events *u = &leg->events;

	if (u->kinds & bit_of(e))
		counter_inc(&w->counters.events_lost);
	u->kinds |= bit_of(e);
	if (e->kind == RELAY_EVENT_AUTH_FAILURES)
		u->failures = (uint32_t)e->count;
	if (e->kind == RELAY_EVENT_STREAM_LIMIT)
		u->limit_ssrc = e->ssrc;
	if (e->kind == RELAY_EVENT_SSRC_CHANGED) {
		u->ssrc = e->ssrc;
		u->ssrc_out = e->ssrc_out;
	}
	if (!list_has(&u->link))
		list_add_tail(&w->waiting_events, &u->link);
}

static bool send_event(struct worker *w, const struct leg *leg, const struct relay_event *event)
{
	const struct session *s = leg->media->session;
	struct relay_event full = *event;

	full.owner = s->owner;
	full.media = leg->media->place;
	full.leg = leg->place;
	return worker_tell(w, s->handle, &full);
}

void leg_events_tell(struct worker *w, struct leg *leg, const struct relay_event *event)
{
	if (send_event(w, leg, event))
		return;
	/* Not stored: the next packet of that source asks control again. */
	if (event->kind == RELAY_EVENT_ASK)
		counter_inc(&w->counters.events_lost);
	else
		keep(w, leg, event);
}

/* Builds the event from the leg's present state; false: it no longer applies. */
static bool read_event(const struct leg *leg, unsigned bit, struct relay_event *e)
{
	const struct leg_events *u = &leg->events;
	const struct key *key = bit % 2 ? leg->send : leg->receive;

	*e = (struct relay_event){.kind = (enum relay_event_kind)(bit / 2), .is_send = bit % 2};
	switch (e->kind) {
	case RELAY_EVENT_FIRST_MEDIA:
	case RELAY_EVENT_SOURCE_CHANGED:
		e->addr = leg->latches[LEG_RTP].address;
		return true;
	case RELAY_EVENT_MEDIA_TIMEOUT:
		return leg->is_silent;
	case RELAY_EVENT_AUTH_FAILURES:
		e->count = u->failures;
		return true;
	case RELAY_EVENT_KEY_SOFT_LIMIT:
	case RELAY_EVENT_KEY_EXPIRED:
		e->count = key ? key->pkts : 0;
		return key != NULL;
	case RELAY_EVENT_STREAM_LIMIT:
		e->ssrc = u->limit_ssrc;
		e->count = leg->n_in;
		return true;
	case RELAY_EVENT_SSRC_CHANGED:
		e->ssrc = u->ssrc;
		e->ssrc_out = u->ssrc_out;
		return true;
	case RELAY_EVENT_NOTHING_AUTHENTIC:
		e->finding = leg->unheard.finding;
		e->ssrc = leg->unheard.ssrc;
		return true;
	case RELAY_EVENT_SETUP_TIMEOUT:
	case RELAY_EVENT_COUNT:
		break;
	}
	return false;
}

void leg_events_flush(struct worker *w)
{
	while (!list_is_empty(&w->waiting_events)) {
		struct leg *leg = LIST_OF(w->waiting_events.next, struct leg, events.link);
		struct relay_event e;

		while (leg->events.kinds) {
			unsigned bit = (unsigned)__builtin_ctz(leg->events.kinds);

			if (read_event(leg, bit, &e) && !send_event(w, leg, &e))
				return;
			leg->events.kinds &= leg->events.kinds - 1;
		}
		list_remove(&leg->events.link);
	}
}

void leg_events_drop(struct leg *leg)
{
	list_remove(&leg->events.link);
	leg->events.kinds = 0;
}
