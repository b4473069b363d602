/* SPDX-License-Identifier: MIT */
/* Keeps the past events in a ring, and passes new ones to each subscription. */
#include "control/session/events.h"

#include "base/clk.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/session/registry.h"

struct events {
	struct relay *relay;
	struct link subscriptions;
	uint64_t next_seq;
	struct session_event kept[EVENTS_KEPT]; /* event `seq` is at seq % EVENTS_KEPT */
};

struct events_subscription {
	struct link link;
	struct events_filter filter;
	events_fn *fn;
	void *arg;
};

static bool wants(const struct events_filter *f, const struct session_event *e)
{
	return (f->kinds >> e->kind & 1) && str_starts(str_of(e->session), f->prefix);
}

static void event_log(const struct session_event *e)
{
	/* A site for each kind, so that many events of one kind hide none of another. */
	static struct log_site sites[RELAY_EVENT_COUNT];
	struct log_site *site = &sites[e->kind];
	bool has_leg = e->kind != RELAY_EVENT_SETUP_TIMEOUT;

	site->level = LOG_INFO_LEVEL;
	site->mod = "events";
	site->msg = relay_event_name(e->kind);
	log_line(site,
	         LOG_ARRAY(LOG_TEXT(session, e->session), LOG_TEXT(media, has_leg ? e->media : ""),
	                   LOG_TEXT(leg, has_leg ? spec_leg_name(e->leg) : ""),
	                   LOG_ADDR(address, &e->addr),
	                   e->ssrc ? LOG_HEX(ssrc, e->ssrc) : LOG_NOTHING,
	                   e->count ? LOG_UINT(count, e->count) : LOG_NOTHING,
	                   LOG_TEXT(finding, e->finding ? relay_finding_name(e->finding) : "")));
}

static void tell(struct events *ev, const struct relay_event *from)
{
	const struct registry_session *s = from->owner;
	struct session_event *e = &ev->kept[ev->next_seq % EVENTS_KEPT];

	*e = (struct session_event){
		.seq = ev->next_seq++,
		.wall_ns = clk_wall_ns(),
		.kind = from->kind,
		.leg = from->leg,
		.is_send = from->is_send,
		.finding = from->finding,
		.addr = from->addr,
		.ssrc = from->ssrc,
		.ssrc_out = from->ssrc_out,
		.count = from->count,
	};
	memcpy(e->session, s->spec->id, sizeof(e->session));
	if (from->media < s->spec->media.n)
		memcpy(e->media, s->spec->media.items[from->media].id, sizeof(e->media));
	event_log(e);
	LIST_EACH (l, &ev->subscriptions) {
		struct events_subscription *sub = LIST_OF(l, struct events_subscription, link);

		if (wants(&sub->filter, e))
			sub->fn(sub->arg, e);
	}
}

static void on_relay_event(void *arg, const struct relay_event *e)
{
	tell(arg, e);
}

enum err events_new(struct events **out, struct relay *relay)
{
	struct events *ev = mem_alloc(sizeof(*ev));

	if (!ev)
		return ERR_NOMEM;
	ev->relay = relay;
	ev->next_seq = 1;
	list_init(&ev->subscriptions);
	if (relay)
		relay_set_listener(relay, on_relay_event, ev);
	*out = ev;
	return ERR_OK;
}

void events_free(struct events *ev)
{
	if (!ev)
		return;
	while (!list_is_empty(&ev->subscriptions))
		events_unsubscribe(
			LIST_OF(ev->subscriptions.next, struct events_subscription, link));
	mem_free(ev);
}

/* Passes the kept events after number `after`, oldest first. Returns how many are not kept. */
static uint64_t tell_past(struct events *ev, const struct events_subscription *sub, uint64_t after)
{
	uint64_t oldest = ev->next_seq > EVENTS_KEPT ? ev->next_seq - EVENTS_KEPT : 1;
	uint64_t first = after + 1 > oldest ? after + 1 : oldest;

	for (uint64_t seq = first; seq < ev->next_seq; seq++)
		if (wants(&sub->filter, &ev->kept[seq % EVENTS_KEPT]))
			sub->fn(sub->arg, &ev->kept[seq % EVENTS_KEPT]);
	return after + 1 < oldest ? oldest - after - 1 : 0;
}

enum err events_subscribe(struct events_subscription **out, struct events *ev,
                          const struct events_filter *filter, uint64_t *missed, events_fn *fn,
                          void *arg)
{
	struct events_subscription *sub = mem_alloc(sizeof(*sub));

	if (!sub)
		return ERR_NOMEM;
	*sub = (struct events_subscription){.filter = *filter, .fn = fn, .arg = arg};
	list_add_tail(&ev->subscriptions, &sub->link);
	*missed = filter->after == UINT64_MAX ? 0 : tell_past(ev, sub, filter->after);
	*out = sub;
	return ERR_OK;
}

void events_unsubscribe(struct events_subscription *s)
{
	if (!s)
		return;
	list_remove(&s->link);
	mem_free(s);
}

uint64_t events_last_seq(const struct events *ev)
{
	return ev->next_seq - 1;
}

uint64_t events_lost(const struct events *ev)
{
	return ev->relay ? relay_events_lost(ev->relay) : 0;
}

static void set_ssrc(struct doc_arena *a, struct doc *d, const char *name, uint32_t ssrc)
{
	if (ssrc)
		doc_set_uint(a, d, name, ssrc);
}

struct doc *events_doc(struct doc_arena *a, const struct session_event *e)
{
	bool is_key = e->kind == RELAY_EVENT_KEY_SOFT_LIMIT || e->kind == RELAY_EVENT_KEY_EXPIRED;
	struct doc *d = doc_dict(a);
	char addr[ADDR_TEXT_MAX];

	doc_set_uint(a, d, "seq", e->seq);
	doc_set_uint(a, d, "time_ms", e->wall_ns / NS_PER_MS);
	doc_set_text(a, d, "event", str_of(relay_event_name(e->kind)));
	doc_set_text(a, d, "session", str_of(e->session));
	if (e->kind != RELAY_EVENT_SETUP_TIMEOUT) {
		doc_set_text(a, d, "media", str_of(e->media));
		doc_set_text(a, d, "leg", str_of(spec_leg_name(e->leg)));
	}
	if (is_key)
		doc_set_text(a, d, "direction", e->is_send ? STR("send") : STR("receive"));
	if (e->finding != RELAY_FINDING_NONE)
		doc_set_text(a, d, "finding", str_of(relay_finding_name(e->finding)));
	if (!addr_is_none(&e->addr))
		doc_set_text(a, d, "address", str_of(addr_print(&e->addr, addr)));
	set_ssrc(a, d, "ssrc", e->ssrc);
	set_ssrc(a, d, "ssrc_out", e->ssrc_out);
	if (e->count)
		doc_set_uint(a, d, "count", e->count);
	return d;
}
