/* SPDX-License-Identifier: MIT */
/* Compares the present session with the wanted one and plans the difference. */
#include "relay/front/plan.h"

#include <string.h>

#include "base/mem.h"
#include "relay/io/io.h"
#include "relay/worker/session.h"

/* --- ends ------------------------------------------------------------------- */

void plan_free(const struct plan_context *c, struct plan *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < RELAY_MEDIA_MAX; i++)
		mem_free(p->media[i].body);
	for (unsigned i = 0; i < p->n_changes; i++) {
		struct leg_change *change = &p->changes[i];

		leg_free(c->engine, change->body);
		mem_free(change->final);
		for (unsigned k = 0; k < LEG_PORTS; k++)
			mem_free(change->ports[k]);
		key_free(c->engine, change->receive);
		key_free(c->engine, change->send);
	}
	mem_free(p->forgotten);
	mem_free(p);
}

/* --- differences ------------------------------------------------------------ */

static struct addr rtcp_address(const struct relay_leg_spec *s)
{
	if (s->rtcp != RELAY_RTCP_PAIR)
		return (struct addr){.version = 0};
	if (!addr_is_none(&s->remote_rtcp))
		return s->remote_rtcp;
	return addr_is_none(&s->remote)
	               ? s->remote
	               : addr_with_port(&s->remote, (uint16_t)(s->remote.port + 1));
}

static uint16_t port_number(const struct relay_leg_spec *s, unsigned k)
{
	const uint16_t numbers[LEG_PORTS] = {s->port_rtp, s->port_rtcp, s->other_rtp,
	                                     s->other_rtcp};

	return k % LEG_WAYS == LEG_RTP || s->rtcp == RELAY_RTCP_PAIR ? numbers[k] : 0;
}

static uint8_t port_interface(const struct relay_leg_spec *s, unsigned k)
{
	return k < LEG_OTHER ? s->interface : s->other_interface;
}

/* Whether the update exchanges the leg's own address and its address of the other IP family. */
static bool is_swapped(const struct relay_leg_spec *from, const struct relay_leg_spec *to)
{
	return (to->other_rtp && to->other_rtp == from->port_rtp &&
	        to->other_interface == from->interface) ||
	       (from->other_rtp && from->other_rtp == to->port_rtp &&
	        from->other_interface == to->interface);
}

static struct addr address(const struct relay_leg_spec *s, unsigned k)
{
	return k == LEG_RTP ? s->remote : rtcp_address(s);
}

static enum err plan_port(struct leg_change *c, const struct relay_leg_spec *from, unsigned k)
{
	unsigned before = c->swaps_ports ? (k + LEG_WAYS) % LEG_PORTS : k;
	uint16_t was = from ? port_number(from, before) : 0, is = port_number(&c->spec, k);

	if (was == is && (was == 0 || port_interface(from, before) == port_interface(&c->spec, k)))
		return ERR_OK;
	c->sets_port[k] = true;
	if (is == 0)
		return ERR_OK;
	c->ports[k] = mem_alloc(sizeof(*c->ports[k]));
	if (!c->ports[k])
		return ERR_NOMEM;
	c->ports[k]->number = is;
	c->ports[k]->is_rtcp = k % LEG_WAYS == LEG_RTCP;
	c->ports[k]->dscp = c->spec.dscp;
	return ERR_OK;
}

/* Arguments that every step of plan_new needs. */
struct making {
	const struct plan_context *ctx;
	const struct plan_ends *ends;
	struct why *why;
};

/* One direction of a leg: the present key context and the wanted one; NULL: none. */
struct key_step {
	const struct keyctx *was, *is;
	bool is_send;
};

static const char *direction_name(const struct key_step *step)
{
	return step->is_send ? "send" : "receive";
}

/* Looks the key up in the session's history. *kept: the entry that continues; NULL: a new key. */
static enum err look_up(const struct making *m, const struct leg_change *c,
                        const struct key_step *step, struct key_history_entry *key,
                        const struct key_history_entry **kept)
{
	bool keeps_key = step->was && keyctx_same_key(step->was, step->is);
	const struct key_history_entry *found = NULL;
	enum key_history_fate fate;

	/* A peer may change the suite and keep its receive key, which then continues. A send key
	 * must not have two contexts. */
	if (keeps_key && (step->is_send || step->was->suite == step->is->suite))
		return why_fail(m->why, ERR_REKEY,
		                "media %u leg %s: the present %s key cannot get another suite, MKI "
		                "or lifetime; use a new key",
		                c->media, relay_leg_name(c->leg), direction_name(step));
	*key = key_history_entry_of(m->ends->history, step->is, step->is_send);
	key->media = c->media;
	key->leg = c->leg;
	fate = key_history_look(m->ends->history, m->ends->to, key, &found);
	/* The peer keeps the key under another suite: the new struct key takes over the received
	 * indexes. */
	if (keeps_key)
		fate = KEY_HISTORY_FRESH;
	if (fate == KEY_HISTORY_SPENT)
		return why_fail(m->why, ERR_REKEY,
		                "media %u leg %s: this %s key was used before and its state is no "
		                "longer kept; use a new key",
		                c->media, relay_leg_name(c->leg), direction_name(step));
	*kept = fate == KEY_HISTORY_KEPT ? found : NULL;
	return ERR_OK;
}

static struct key_terms terms_of(const struct making *m, const struct leg_change *c, bool is_send)
{
	const struct relay_config *config = m->ctx->config;

	if (is_send)
		return (struct key_terms){
			.direction = ENGINE_SEND,
			.window_pkts = config->send_window_pkts,
			.ends = true,
		};
	return (struct key_terms){
		.direction = ENGINE_RECEIVE,
		.window_pkts = m->ends->to->media[c->media]->is_video
	                               ? config->replay_window_video_pkts
	                               : config->replay_window_pkts,
		.ends = config->enforces_receive_lifetime,
	};
}

static enum err plan_key(const struct making *m, struct key **out, const struct leg_change *c,
                         const struct key_step *step)
{
	const struct key_terms terms = terms_of(m, c, step->is_send);
	const struct key_history_entry *kept = NULL;
	struct key_history_entry key;
	enum err e;

	if (!step->is)
		return ERR_OK;
	e = look_up(m, c, step, &key, &kept);
	if (!e)
		e = key_new(out, m->ctx->engine, step->is, &terms, m->why);
	if (e)
		return e;
	(*out)->fingerprint = key.fingerprint;
	(*out)->is_send = step->is_send;
	(*out)->was_used = kept;
	if (kept) {
		(*out)->media = kept->media;
		(*out)->leg = kept->leg;
	}
	return ERR_OK;
}

static enum err plan_keys(const struct making *m, struct leg_change *c,
                          const struct relay_leg_spec *from, const struct relay_leg_spec *to)
{
	const struct key_step receive = {.was = from ? from->receive : NULL, .is = to->receive},
			      send = {.was = from ? from->send : NULL,
	                              .is = to->send,
	                              .is_send = true};
	enum err e = ERR_OK;

	c->sets_receive = !keyctx_eq(receive.was, receive.is);
	c->sets_send = !keyctx_eq(send.was, send.is);
	if (c->sets_receive)
		e = plan_key(m, &c->receive, c, &receive);
	if (!e && c->sets_send)
		e = plan_key(m, &c->send, c, &send);
	return e;
}

static enum err plan_leg(const struct making *m, struct leg_change *c,
                         const struct relay_leg_spec *from, const struct relay_leg_spec *to)
{
	enum err e;

	if (!to) {
		c->disappears = true;
		/* Out of memory: the leg ends without final counters. */
		c->final = mem_alloc(sizeof(*c->final));
		return ERR_OK;
	}
	c->spec = *to;
	c->spec.receive = c->spec.send = NULL;
	c->appears = !from;
	if (c->appears) {
		c->body = mem_aligned(64, sizeof(*c->body));
		if (!c->body)
			return ERR_NOMEM;
	}
	c->swaps_ports = from && is_swapped(from, to);
	for (unsigned k = 0; k < LEG_PORTS; k++) {
		e = plan_port(c, from, k);
		if (e)
			return e;
	}
	for (unsigned k = 0; k < LEG_WAYS; k++)
		c->addresses[k] = address(&c->spec, k);
	c->moves = !from || !addr_eq(&from->remote, &to->remote);
	/* A key that comes with a new address starts at ROC 0 (RFC 4568 7.1.4). With rule `either`
	 * the previous ROC is tried, too, because some terminals keep it. */
	if (c->moves && c->spec.rekey_roc == RELAY_ROC_KEEP)
		c->spec.rekey_roc = RELAY_ROC_ZERO;
	return plan_keys(m, c, from, to);
}

/* Whether the leg is unchanged and needs no entry in the plan. */
static bool is_same(const struct relay_leg_spec *a, const struct relay_leg_spec *b)
{
	const size_t plain_at = offsetof(struct relay_leg_spec, latch_window_ms);

	return keyctx_eq(a->receive, b->receive) && keyctx_eq(a->send, b->send) &&
	       addr_eq(&a->remote, &b->remote) && addr_eq(&a->remote_rtcp, &b->remote_rtcp) &&
	       memcmp((const uint8_t *)a + plain_at, (const uint8_t *)b + plain_at,
	              sizeof(*a) - plain_at) == 0;
}

static bool differs(const struct relay_leg_spec *from, const struct relay_leg_spec *to)
{
	if (!from || !to)
		return from != to;
	return !is_same(from, to);
}

static unsigned count_changes(const struct accepted *from, const struct accepted *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < to->n_media; i++)
		for (unsigned k = 0; k < RELAY_LEGS_MAX; k++)
			n += differs(accepted_leg(from, i, k), accepted_leg(to, i, k));
	return n;
}

static enum err plan_media(struct plan *p, const struct accepted *from, const struct accepted *to)
{
	p->n_media = to->n_media;
	for (unsigned i = 0; i < to->n_media; i++) {
		p->media[i].mode = to->media[i]->mode;
		p->media[i].n_legs = to->media[i]->n_legs;
		p->media[i].active = to->media[i]->active;
		if (from && i < from->n_media)
			continue;
		p->media[i].body = mem_alloc(sizeof(struct media));
		if (!p->media[i].body)
			return ERR_NOMEM;
	}
	return ERR_OK;
}

enum err plan_new(struct plan **out, const struct plan_context *c, const struct plan_ends *ends,
                  struct why *why)
{
	const struct making m = {.ctx = c, .ends = ends, .why = why};
	const struct accepted *from = ends->from, *to = ends->to;
	unsigned n = count_changes(from, to);
	struct plan *p = mem_alloc(sizeof(*p) + n * sizeof(p->changes[0]));
	enum err e;

	if (!p)
		return why_fail(why, ERR_NOMEM, "out of memory");
	p->is_first = !from;
	p->owner = to->owner;
	p->setup_timeout_ms = to->setup_timeout_ms;
	e = plan_media(p, from, to);
	if (!e)
		e = key_history_forget(ends->history, to, &p->forgotten, &p->n_forgotten);
	for (unsigned i = 0; i < to->n_media && !e; i++) {
		for (unsigned k = 0; k < RELAY_LEGS_MAX && !e; k++) {
			const struct relay_leg_spec *was = accepted_leg(from, i, k),
						    *is = accepted_leg(to, i, k);

			if (!differs(was, is))
				continue;
			p->changes[p->n_changes] =
				(struct leg_change){.media = (uint8_t)i, .leg = (uint8_t)k};
			e = plan_leg(&m, &p->changes[p->n_changes++], was, is);
		}
	}
	if (e) {
		plan_free(c, p);
		return e == ERR_NOMEM ? why_fail(why, e, "out of memory") : e;
	}
	*out = p;
	return ERR_OK;
}
