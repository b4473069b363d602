/* SPDX-License-Identifier: MIT */
/* Carries out plans on sessions, and ends them. */
#include "relay/worker/session.h"

#include <string.h>

#include "base/clk.h"
#include "base/mem.h"
#include "relay/worker/evicted.h"
#include "relay/worker/kept.h"
#include "relay/io/io.h"
#include "relay/worker/worker.h"

enum {
	OVERLAP_DEFAULT_MS = 5000,
	SETUP_AGAIN_MS = 20,
};

/* --- timers ----------------------------------------------------------------- */

/* Silence before the timer was turned on, for example during a hold, does not count. */
static uint64_t quiet_since_ns(const struct leg *leg)
{
	return leg->last_rx_ns > leg->watched_since_ns ? leg->last_rx_ns : leg->watched_since_ns;
}

static void on_inactivity(struct wheel_timer *t, uint64_t now_ns)
{
	struct leg *leg = LIST_OF(t, struct leg, inactivity_timer);
	struct worker *w = leg->media->session->worker;
	uint64_t span_ns = leg->spec.inactivity_ms * NS_PER_MS,
		 due_ns = quiet_since_ns(leg) + span_ns;

	if (now_ns < due_ns) {
		wheel_set(&w->wheel, t, due_ns);
		return;
	}
	/* The event is raised once; commit clears is_silent when media resumes. */
	if (!leg->is_silent)
		leg_events_tell(w, leg, &(struct relay_event){.kind = RELAY_EVENT_MEDIA_TIMEOUT});
	leg->is_silent = true;
	wheel_set(&w->wheel, t, now_ns + span_ns);
}

static void on_failures(struct wheel_timer *t, uint64_t now_ns)
{
	struct leg *leg = LIST_OF(t, struct leg, failure_timer);
	struct worker *w = leg->media->session->worker;

	(void)now_ns;
	if (leg->failures > w->config->auth_fail_rate)
		leg_events_tell(w, leg,
		                &(struct relay_event){
					.kind = RELAY_EVENT_AUTH_FAILURES,
					.count = leg->failures,
				});
	leg->failures = 0;
}

static void on_setup(struct wheel_timer *t, uint64_t now_ns)
{
	struct session *s = LIST_OF(t, struct session, setup_timer);

	/* When the ring is full, try again after SETUP_AGAIN_MS. */
	if (!s->has_media && !worker_tell(s->worker, s->handle,
	                                  &(struct relay_event){
						  .kind = RELAY_EVENT_SETUP_TIMEOUT,
						  .owner = s->owner,
					  }))
		wheel_set(&s->worker->wheel, t, now_ns + SETUP_AGAIN_MS * NS_PER_MS);
}

/* --- keys ------------------------------------------------------------------- */

static void shift(struct worker *w, struct stream *list, bool back)
{
	for (struct stream *s = list; s; s = s->next) {
		if (back)
			stream_shift_back(s);
		else
			stream_shift(&w->streams, s);
	}
}

/* Returns the previous key to control; the indexes received under it were handed over to the
 * present key. */
static void drop_previous(struct worker *w, struct leg *leg)
{
	for (struct stream *s = leg->in_streams; s; s = s->next) {
		crypto_give(&w->streams, s->previous);
		s->previous = NULL;
	}
	evicted_drop(&w->streams, leg->receive_previous, leg->receive);
	worker_give_key(w, leg->receive_previous);
	leg->receive_previous = NULL;
}

/* The overlap has ended: the previous key decrypts no more packets. */
static void on_overlap(struct wheel_timer *t, uint64_t now_ns)
{
	struct leg *leg = LIST_OF(t, struct leg, overlap_timer);

	(void)now_ns;
	kept_put_receive(leg->media->session->worker, leg, &leg->receive_previous);
}

static bool is_same_key(const struct key *a, const struct key *b)
{
	return a && b && a->fingerprint == b->fingerprint;
}

/* If the session used this key before, takes its existing form, which continues at its old indexes,
 * and leaves *wanted for control to free. Otherwise takes *wanted and sets it to NULL. */
static struct key *existing_or_new(struct worker *w, struct leg *leg, struct key **wanted)
{
	struct key *again = *wanted && (*wanted)->was_used
	                            ? kept_find(w, leg->media->session, *wanted, true)
	                            : NULL;
	struct key *k = again ? again : *wanted;

	if (!again)
		*wanted = NULL;
	return k;
}

static void swap_receive(struct worker *w, struct leg *leg, struct key **wanted)
{
	struct key *was = leg->receive;

	if (key_is_same_context(*wanted, leg->receive_previous)) {
		/* The previous key returns, for example after a rejected offer. */
		leg->receive = leg->receive_previous;
		leg->receive_previous = was;
		shift(w, leg->in_streams, true);
		return;
	}
	kept_put_receive(w, leg, &leg->receive_previous);
	leg->receive = NULL;
	shift(w, leg->in_streams, false);
	leg->receive_previous = was;
	leg->receive = existing_or_new(w, leg, wanted);
}

/* Ends the crypto states under the present send key. Its highest indexes stay with it; streams
 * continue from their own index under the next key. */
static void end_sending(struct worker *w, struct leg *leg)
{
	kept_put_send(w, leg, &leg->send);
	for (struct stream *s = leg->out_streams; s; s = s->next) {
		crypto_give(&w->streams, s->crypto);
		s->crypto = NULL;
	}
}

/* For a new send key: sending continues above every index used so far, or from ROC 0 towards a new
 * address (RFC 4568 7.1.4). */
static void start_sending(struct leg *leg, bool restarts)
{
	if (!restarts)
		return;
	leg->run = ++leg->media->session->runs;
	for (struct stream *s = leg->out_streams; s; s = s->next) {
		s->has_index = false;
		s->window.any = false;
	}
}

static void swap_send(struct worker *w, struct leg *leg, struct key **wanted, bool restarts)
{
	end_sending(w, leg);
	leg->send = existing_or_new(w, leg, wanted);
	if (*wanted)
		kept_resume(w, leg);
	else if (leg->send)
		start_sending(leg, restarts);
}

/* Whether the receive key stays and only its suite changes. Then replay protection must carry over,
 * because a packet truncated to the other tag length could be replayed. */
static bool keeps_key(const struct leg *leg, const struct leg_change *c)
{
	return c->sets_receive && is_same_key(c->receive, leg->receive);
}

static void apply_keys(struct worker *w, struct leg *leg, struct leg_change *c, uint64_t now_ns)
{
	uint32_t overlap_ms =
		c->spec.rekey_overlap_ms ? c->spec.rekey_overlap_ms : OVERLAP_DEFAULT_MS;
	bool had_key = leg->receive || leg->send;

	if (c->sets_receive) {
		bool has_one = keeps_key(leg, c);

		leg->unheard = (struct unheard){0};
		swap_receive(w, leg, &c->receive);
		if (leg->receive)
			leg->receive->roc = (uint8_t)c->spec.rekey_roc;
		if (has_one)
			drop_previous(w, leg);
	}
	if (c->sets_send)
		swap_send(w, leg, &c->send, c->moves);
	if (!c->sets_receive && !c->sets_send)
		return;
	if (had_key)
		leg->rekeys++;
	if (leg->receive_previous)
		wheel_set(&w->wheel, &leg->overlap_timer, now_ns + overlap_ms * NS_PER_MS);
}

/* --- plan ------------------------------------------------------------------- */

static struct leg *leg_at(const struct session *s, const struct leg_change *c)
{
	const struct media *m = session_media(s, c->media);

	return m ? m->legs[c->leg] : NULL;
}

/* Repeats control's check: a used key without its state would repeat indexes or accept replays. */
static enum err check_keys(struct worker *w, struct session *s, const struct leg *leg,
                           const struct leg_change *c, struct why *why)
{
	const struct key *keys[] = {c->receive, c->send};

	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i] && keys[i]->was_used && !(i == 0 && keeps_key(leg, c)) &&
		    !kept_find(w, s, keys[i], false))
			return why_fail(why, ERR_REKEY,
			                "media %u leg %s: this %s key was used before and its "
			                "state is no longer kept; use a new key",
			                c->media, relay_leg_name(c->leg), i ? "send" : "receive");
	return ERR_OK;
}

/* ERR_EXISTS: `*taken` is the address that another socket has. */
static enum err open_port(struct worker *w, struct io_port *port, unsigned interface,
                          struct addr *taken, struct why *why)
{
	struct io *io = w->ios[w->io_of[interface]];
	enum err e;

	port->interface = w->interfaces[interface];
	port->family = port->interface->bind.version;
	port->io = io;
	port->fd = -1;
	e = io->ops->open_port(io, port, why);
	if (e == ERR_EXISTS)
		*taken = addr_with_port(&port->interface->bind, port->number);
	return e;
}

static void close_port(struct io_port *port)
{
	if (port && port->is_open)
		port->io->ops->close_port(port->io, port);
}

/* Undoes prepare: closes the ports it opened, drops the indexes it handed over. */
static void undo_prepare(struct worker *w, struct plan *p)
{
	for (unsigned i = 0; i < p->n_changes; i++) {
		for (unsigned k = 0; k < LEG_PORTS; k++)
			close_port(p->changes[i].ports[k]);
		evicted_drop(&w->streams, p->changes[i].receive, NULL);
	}
}

static enum err hand_over(struct worker *w, const struct leg *leg, const struct leg_change *c,
                          struct why *why)
{
	if (!keeps_key(leg, c) ||
	    evicted_hand_over(&w->streams, leg->in_streams, leg->receive, c->receive))
		return ERR_OK;
	return why_fail(why, ERR_REKEY,
	                "media %u leg %s: the receive key has too many streams to continue under "
	                "another suite; use a new key",
	                c->media, relay_leg_name(c->leg));
}

/* Does everything that can fail, before anything changes. */
static enum err prepare(struct worker *w, struct plan *p, struct why *why)
{
	for (unsigned i = 0; i < p->n_changes; i++) {
		struct leg_change *c = &p->changes[i];
		const struct leg *leg = c->appears ? c->body : leg_at(p->session, c);
		enum err e = check_keys(w, p->session, leg, c, why);

		if (!e)
			e = hand_over(w, leg, c, why);
		for (unsigned k = 0; k < LEG_PORTS && !e; k++)
			if (c->ports[k])
				e = open_port(
					w, c->ports[k],
					k < LEG_OTHER ? c->spec.interface : c->spec.other_interface,
					&p->taken, why);
		if (e) {
			undo_prepare(w, p);
			return e;
		}
	}
	return ERR_OK;
}

static struct io_port **port_at(struct leg *leg, unsigned k)
{
	return k < LEG_OTHER ? &leg->ports[k] : &leg->others[k - LEG_OTHER];
}

static void set_port(struct leg *leg, struct leg_change *c, unsigned k)
{
	struct io_port **at = port_at(leg, k), *old = *at;

	close_port(old);
	if (old)
		old->owner = NULL;
	*at = c->ports[k];
	if (*at)
		(*at)->owner = leg;
	c->ports[k] = old;
}

static void set_ports(struct leg *leg, struct leg_change *c)
{
	for (unsigned k = 0; k < LEG_WAYS && c->swaps_ports; k++) {
		struct io_port *was = leg->ports[k];

		leg->ports[k] = leg->others[k];
		leg->others[k] = was;
	}
	for (unsigned k = 0; k < LEG_PORTS; k++) {
		if (c->sets_port[k])
			set_port(leg, c, k);
		if (*port_at(leg, k))
			(*port_at(leg, k))->dscp = c->spec.dscp;
	}
}

static void set_latch(struct leg *leg, const struct leg_change *c, unsigned k, uint64_t now_ns)
{
	static const enum latch_policy policies[RELAY_LATCH_COUNT] = {
		[RELAY_LATCH_SIGNALLED] = LATCH_BY_SIGNALLING,
		[RELAY_LATCH_FIRST] = LATCH_BY_FIRST,
		[RELAY_LATCH_FOLLOW] = LATCH_BY_FOLLOWING,
		[RELAY_LATCH_ASYMMETRIC] = LATCH_ASYMMETRIC,
		[RELAY_LATCH_HEURISTIC] = LATCH_BY_CHOICE,
	};
	const struct latch_terms terms = {
		.policy = policies[c->spec.latch],
		.is_strict = c->spec.latch_strict,
		.window_ms = c->spec.latch_window_ms,
	};

	latch_signal(&leg->latches[k], &terms, &c->addresses[k], now_ns);
	if (c->sets_receive && leg->receive)
		latch_forget_before(&leg->latches[k]);
	if (c->spec.can_receive && !leg->can_receive)
		latch_reopen(&leg->latches[k]);
}

/* `was_ms`: the previous inactivity_ms. */
static void set_watch(struct worker *w, struct leg *leg, uint32_t was_ms, uint64_t now_ns)
{
	if (leg->spec.inactivity_ms == was_ms)
		return;
	if (was_ms == 0) {
		leg->watched_since_ns = now_ns;
		leg->is_silent = false;
	}
	wheel_cancel(&w->wheel, &leg->inactivity_timer);
	if (leg->spec.inactivity_ms)
		wheel_set(&w->wheel, &leg->inactivity_timer,
		          quiet_since_ns(leg) + leg->spec.inactivity_ms * NS_PER_MS);
}

static void change_leg(struct worker *w, struct leg *leg, struct leg_change *c, uint64_t now_ns)
{
	uint32_t was_ms = leg->spec.inactivity_ms;

	apply_keys(w, leg, c, now_ns);
	set_ports(leg, c);
	for (unsigned k = 0; k < LEG_WAYS; k++)
		set_latch(leg, c, k, now_ns);
	leg->can_receive = c->spec.can_receive;
	leg->can_send = c->spec.can_send;
	leg->loop_protect = c->spec.loop_protect;
	leg->rtcp = (uint8_t)c->spec.rtcp;
	leg->spec = c->spec;
	set_watch(w, leg, was_ms, now_ns);
}

static void start_leg(struct session *s, struct leg_change *c)
{
	struct leg *leg = c->body;

	leg->media = session_media(s, c->media);
	leg->place = c->leg;
	leg->inactivity_timer.fn = on_inactivity;
	leg->overlap_timer.fn = on_overlap;
	leg->failure_timer.fn = on_failures;
	leg->media->legs[c->leg] = leg;
	c->body = NULL;
}

/* Ends the leg's streams, stops its timers and closes its ports. On other legs, outbound SSRCs of
 * this leg's sources stay reserved and are not used again. */
static void end_leg(struct worker *w, struct leg *leg)
{
	struct stream **lists[] = {&leg->in_streams, &leg->out_streams};
	struct media *m = leg->media;

	for (struct stream *s = leg->out_streams; s; s = s->next)
		if (s->rtcp_index > m->rtcp_floor[leg->place])
			m->rtcp_floor[leg->place] = s->rtcp_index;
	kept_put_receive(w, leg, &leg->receive);
	kept_put_receive(w, leg, &leg->receive_previous);
	kept_put_send(w, leg, &leg->send);
	for (unsigned i = 0; i < ARRAY_LEN(lists); i++) {
		while (*lists[i]) {
			struct stream *s = *lists[i];

			*lists[i] = s->next;
			stream_give(&w->streams, s);
		}
	}
	for (unsigned i = 0; i < m->n_legs; i++)
		for (struct stream *s = m->legs[i] ? m->legs[i]->out_streams : NULL; s; s = s->next)
			if (s->source == leg) {
				s->source = NULL;
				s->is_orphan = true;
			}
	leg_events_drop(leg);
	wheel_cancel(&w->wheel, &leg->inactivity_timer);
	wheel_cancel(&w->wheel, &leg->overlap_timer);
	wheel_cancel(&w->wheel, &leg->failure_timer);
	for (unsigned k = 0; k < LEG_PORTS; k++)
		close_port(*port_at(leg, k));
}

/* `at`: the media's place in the list. */
static struct media **change_media(struct session *s, struct media **at, unsigned place,
                                   struct media_change *c)
{
	if (c->body) {
		*at = c->body;
		(*at)->session = s;
		(*at)->place = (uint8_t)place;
		c->body = NULL;
	}
	(*at)->n_legs = c->n_legs;
	(*at)->active = c->active;
	return &(*at)->next;
}

/* Sets the row of the mode in every leg, also in legs that did not change. */
static void set_mode(struct media *m, const struct mode *mode)
{
	for (unsigned i = 0; i < m->n_legs; i++) {
		if (!m->legs[i])
			continue;
		m->legs[i]->in = (uint8_t)mode_side(mode, i)->in;
		m->legs[i]->out = (uint8_t)mode_side(mode, i)->out;
	}
}

static void carry_out(struct worker *w, struct plan *p, uint64_t now_ns)
{
	struct session *s = p->session;
	struct media **at = &s->media;

	for (unsigned i = 0; i < p->n_changes; i++) {
		struct leg_change *c = &p->changes[i];

		if (!c->disappears)
			continue;
		c->body = leg_at(s, c);
		if (c->final)
			leg_read(c->body, c->final);
		end_leg(w, c->body);
		session_media(s, c->media)->legs[c->leg] = NULL;
	}
	for (unsigned i = 0; i < p->n_media; i++)
		at = change_media(s, at, i, &p->media[i]);
	for (unsigned i = 0; i < p->n_changes; i++) {
		struct leg_change *c = &p->changes[i];

		if (c->disappears)
			continue;
		if (c->appears)
			start_leg(s, c);
		change_leg(w, leg_at(s, c), c, now_ns);
	}
	for (unsigned i = 0; i < p->n_media; i++)
		set_mode(session_media(s, i), mode_get(p->media[i].mode));
	for (unsigned i = 0; i < p->n_forgotten; i++)
		kept_forget(w, s, p->forgotten[i]);
}

enum err session_apply(struct worker *w, struct plan *plan, uint64_t now_ns, struct why *why)
{
	struct session *s = plan->session;
	enum err e = prepare(w, plan, why);

	if (e)
		return e;
	carry_out(w, plan, now_ns);
	s->owner = plan->owner;
	if (!plan->is_first)
		return ERR_OK;
	s->worker = w;
	s->setup_timer.fn = on_setup;
	if (plan->setup_timeout_ms)
		wheel_set(&w->wheel, &s->setup_timer, now_ns + plan->setup_timeout_ms * NS_PER_MS);
	counter_add(&w->counters.sessions, 1);
	return ERR_OK;
}

void session_permit(struct session *s, const struct relay_permit *p)
{
	const struct media *m = session_media(s, p->media);

	if (m && p->leg < m->n_legs && m->legs[p->leg])
		m->legs[p->leg]->permitted[p->is_rtcp ? LEG_RTCP : LEG_RTP] = p->source;
}

void session_reopen(struct session *s, const uint16_t legs[RELAY_MEDIA_MAX])
{
	unsigned i = 0;

	for (struct media *m = s->media; m && i < RELAY_MEDIA_MAX; m = m->next, i++)
		for (unsigned k = 0; k < m->n_legs; k++)
			for (unsigned way = 0; m->legs[k] && legs[i] >> k & 1 && way < LEG_WAYS;
			     way++)
				latch_reopen(&m->legs[k]->latches[way]);
}

void session_end(struct worker *w, struct session *s)
{
	wheel_cancel(&w->wheel, &s->setup_timer);
	for (struct media *m = s->media; m; m = m->next)
		for (unsigned k = 0; k < m->n_legs; k++)
			if (m->legs[k])
				end_leg(w, m->legs[k]);
	kept_end(w, s);
	counter_add(&w->counters.sessions, (uint64_t)-1);
}

void leg_free(const struct engine_ops *ops, struct leg *leg)
{
	if (!leg)
		return;
	key_free(ops, leg->receive);
	key_free(ops, leg->receive_previous);
	key_free(ops, leg->send);
	for (unsigned k = 0; k < LEG_WAYS; k++) {
		mem_free(leg->ports[k]);
		mem_free(leg->others[k]);
	}
	mem_free(leg);
}

void session_free(const struct engine_ops *ops, struct session *s)
{
	if (!s)
		return;
	for (struct media *m = s->media, *next; m; m = next) {
		next = m->next;
		for (unsigned k = 0; k < RELAY_LEGS_MAX; k++)
			leg_free(ops, m->legs[k]);
		mem_free(m);
	}
	for (struct key *k = s->kept, *next; k; k = next) {
		next = k->next;
		key_free(ops, k);
	}
	mem_free(s);
}
