/* SPDX-License-Identifier: MIT */
/*
 * Which keys and states a packet may verify under, and what happens to those states. Nearly always
 * there is one: the stream's state under the leg's key. Before a stream's first packet, after a
 * re-key and when a sender is lost, several ROCs are tried (relay/worker/roc_guess.h). Each guess
 * is a state of its own that ends with the batch unless a packet verifies under it, so a wrong
 * guess or a forgery changes nothing.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/clk.h"
#include "relay/worker/evicted.h"
#include "relay/path/hear.h"
#include "relay/packet/rtp.h"
#include "relay/worker/session.h"
#include "relay/worker/worker.h"

/* this many failures in a row from the latched source mean that the stream has lost its sender */
enum { FAILURES_LOST = 8 };

/* A packet whose tries are being collected. */
struct seek {
	struct worker *w;
	struct batch *b;
	struct path_tries *t;
	const struct pkt *pkt;
	struct leg *leg;
	uint32_t ssrc;
	bool has_doubt; /* states other than the first one of each key may also be right */
};

static void add(struct seek *k, struct crypto *c)
{
	if (c && k->t->n < PATH_TRIES_MAX)
		k->t->crypto[k->t->n++] = c;
}

static bool is_same_start(const struct roc_guess *a, const struct roc_guess *b)
{
	return a->goes_on == b->goes_on && (a->goes_on ? a->index == b->index : a->roc == b->roc);
}

/* All packets of the batch that start at the same guess share one state; otherwise the second
 * packet of a burst would verify under a different one. */
static struct crypto *provisional(struct seek *k, struct key *key, const struct roc_guess *guess,
                                  const struct engine_stream_state *start)
{
	struct batch *b = k->b;
	struct crypto *c;

	for (unsigned i = 0; i < b->n_provisional; i++) {
		const struct path_provisional *p = &b->provisional[i];

		if (p->leg == k->leg && p->ssrc == k->ssrc && p->crypto->key == key &&
		    is_same_start(&p->crypto->start, guess))
			return p->crypto;
	}
	c = b->n_provisional < PATH_PROVISIONAL_MAX
	            ? crypto_take(&k->w->streams, key, k->ssrc, start)
	            : NULL;
	if (!c)
		return NULL;
	c->is_provisional = true;
	c->start = *guess;
	b->provisional[b->n_provisional++] =
		(struct path_provisional){.crypto = c, .leg = k->leg, .ssrc = k->ssrc};
	return c;
}

static struct engine_stream_state state_at(const struct roc_guess *g)
{
	/* The estimate continues from the index. The window is empty, because nothing was received
	 * under this key. */
	return (struct engine_stream_state){
		.has_rtp = g->goes_on,
		.rtp_index = g->index,
		.roc = g->goes_on ? (uint32_t)(g->index >> 16) : g->roc,
	};
}

/* `evicted` (may be NULL): the stream's state at its eviction; the SRTCP window is kept. */
static struct crypto *guessed(struct seek *k, struct key *key, const struct roc_guess *guess,
                              const struct engine_stream_state *evicted)
{
	struct engine_stream_state start = state_at(guess);

	if (evicted) {
		start.has_rtcp = evicted->has_rtcp;
		start.rtcp_index = evicted->rtcp_index;
		memcpy(start.rtcp_window, evicted->rtcp_window, sizeof(start.rtcp_window));
	}
	return provisional(k, key, guess, &start);
}

/* --- known indexes ---------------------------------------------------------- */

/* Finds the stream's highest index under the previous key; false: it is not known. */
static bool kept_index(const struct seek *k, const struct key *key, uint64_t *index)
{
	const struct stream *s = k->pkt->stream;
	struct engine_stream_state before;

	if (key != k->leg->receive)
		return false;
	if (s && s->previous &&
	    !k->w->engine_ops->stream_export(crypto_state(s->previous), &before) &&
	    before.has_rtp) {
		*index = before.rtp_index;
		return true;
	}
	if (s && s->has_index) {
		*index = s->index;
		return true;
	}
	if (k->leg->receive_previous && evicted_find(k->leg->receive_previous, k->ssrc, &before) &&
	    before.has_rtp) {
		*index = before.rtp_index;
		return true;
	}
	return evicted_before(key, k->ssrc, index);
}

/* Finds the ROC of the leg's most recent other stream under the key; false: there is none. */
static bool other_roc(const struct seek *k, const struct key *key, uint32_t *roc)
{
	const struct stream *other = k->leg->in_streams;

	if (!other || other == k->pkt->stream || !other->has_index || !other->crypto ||
	    other->crypto->key != key)
		return false;
	*roc = (uint32_t)(other->index >> 16);
	return true;
}

static unsigned guesses(const struct seek *k, const struct key *key,
                        struct roc_guess out[ROC_GUESSES_MAX])
{
	struct roc_known known = {.rule = (enum relay_rekey_roc)key->roc,
	                          .has_hint = key->has_roc_hint,
	                          .hint = key->roc_hint};

	known.has_kept = kept_index(k, key, &known.kept);
	known.has_other = !k->pkt->stream && other_roc(k, key, &known.other);
	return roc_guesses(out, &known, be16_get(k->pkt->data + 2));
}

/* --- the first state of each key -------------------------------------------- */

/* Adds the first state of an evicted stream. It continues above its highest index; all indexes
 * below it are refused. False: the SSRC was not evicted. */
static bool first_of_evicted(struct seek *k, struct key *key)
{
	struct engine_stream_state start;
	struct roc_guess guess = {.goes_on = true};
	struct crypto *c;

	if (!evicted_find(key, k->ssrc, &start))
		return false;
	guess.index = start.rtp_index;
	c = provisional(k, key, &guess, &start);
	if (c)
		c->has_seen = start.has_rtp;
	add(k, c);
	return true;
}

/* Adds the first state to try under a key. SRTCP carries its own index, so for RTCP one state is
 * enough. */
static void try_first(struct seek *k, struct key *key)
{
	struct crypto *c = k->pkt->stream ? stream_crypto(k->pkt->stream, key) : NULL;
	struct roc_guess list[ROC_GUESSES_MAX];

	if (__builtin_expect(c != NULL, 1)) {
		add(k, c);
		k->has_doubt |= c->doubt != DOUBT_NONE;
		return;
	}
	k->has_doubt = true;
	if (key == k->leg->receive && !key->has_opened)
		k->t->looks_clear = unheard_look(&k->leg->unheard, k->pkt);
	if (first_of_evicted(k, key))
		return;
	(void)guesses(k, key, list);
	add(k, guessed(k, key, &list[0], NULL));
}

/* --- further states --------------------------------------------------------- */

static uint64_t place_of(const struct seek *k)
{
	const struct addr *from = &k->pkt->from;
	uint64_t h = (uintptr_t)k->leg, ip[2];

	memcpy(ip, from->ip, sizeof(ip));
	for (unsigned i = 0; i < 2; i++)
		h = (h ^ ip[i]) * 0xff51afd7ed558ccdull;
	/* 32 consecutive sequence numbers share a slot, and roc_rate_first allows a burst of 32
	 * packets. */
	h = (h ^ h >> 32 ^
	     ((uint64_t)k->ssrc << 32 | (uint32_t)from->port << 16 |
	      be16_get(k->pkt->data + 2) >> 5)) *
	    0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 32;
}

static bool is_lost(const struct seek *k, const struct key *key)
{
	const struct crypto *c =
		k->pkt->stream && key == k->leg->receive ? k->pkt->stream->crypto : NULL;

	return c && c->key == key && c->doubt == DOUBT_LOST;
}

static void try_ahead(struct seek *k, struct key *key, uint64_t highest,
                      const struct engine_stream_state *evicted)
{
	struct roc_guess list[2];
	unsigned n = roc_guesses_ahead(list, highest, be16_get(k->pkt->data + 2));

	for (unsigned i = 0; i < n; i++) {
		struct crypto *c = guessed(k, key, &list[i], evicted);

		if (c)
			c->is_ahead = true;
		add(k, c);
	}
}

static void try_more(struct seek *k, struct key *key)
{
	struct crypto *c = k->pkt->stream ? stream_crypto(k->pkt->stream, key) : NULL;
	struct roc_guess list[ROC_GUESSES_MAX];
	struct engine_stream_state evicted;
	bool was_evicted;

	if (c && c->doubt == DOUBT_LOST) {
		if (is_lost(k, key))
			try_ahead(k, key, k->pkt->stream->index, NULL);
		return;
	}
	if (c && c->doubt == DOUBT_NONE)
		return;
	was_evicted = !c && evicted_find(key, k->ssrc, &evicted);
	if (was_evicted && evicted.has_rtp) {
		try_ahead(k, key, evicted.rtp_index, &evicted);
		return;
	}
	unsigned n = guesses(k, key, list);
	for (unsigned i = c || was_evicted ? 0 : 1; i < n; i++)
		if (!c || !is_same_start(&c->start, &list[i]))
			add(k, guessed(k, key, &list[i], was_evicted ? &evicted : NULL));
}

/* Copies the packet before the engine may overwrite it: for a second try, or because the original
 * octets are forwarded. */
static enum verdict keep_octets(struct worker *w, struct path_tries *t, struct pkt *pkt,
                                bool verifies_copy)
{
	bool is_ambiguous = path_hear_is_ambiguous(pkt->port->owner, pkt);
	struct pkt *copy;

	t->work = pkt;
	if (!verifies_copy && t->n < 2 && !is_ambiguous)
		return VERDICT_NONE;
	copy = pool_copy(w->pool, pkt);
	if (!copy && (verifies_copy || is_ambiguous))
		return VERDICT_OVERLOAD;
	if (!copy) {
		t->n = 1; /* there is no buffer for a copy: try only the likeliest state */
		return VERDICT_NONE;
	}
	t->work = verifies_copy ? copy : pkt;
	t->pristine = verifies_copy ? pkt : copy;
	return VERDICT_NONE;
}

static void try_further(struct seek *k, struct key *const *keys, unsigned n, uint64_t now_ns)
{
	const struct roc_rate *rate =
		is_lost(k, k->leg->receive) ? &roc_rate_lost : &roc_rate_first;

	if (!roc_gate_pass(&k->w->roc_gate, rate, place_of(k), now_ns))
		return;
	for (unsigned i = 0; i < n; i++)
		try_more(k, keys[i]);
}

enum verdict path_find_keys(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns)
{
	struct pkt *pkt = b->pkts[i];
	struct leg *leg = pkt->port->owner;
	struct path_tries *t = &b->tries[i];
	struct seek k = {
		.w = w,
		.b = b,
		.t = t,
		.pkt = pkt,
		.leg = leg,
		.ssrc = be32_get(pkt->data + (pkt->kind == PKT_RTCP ? RTCP_SSRC_AT : RTP_SSRC_AT))};
	struct key *all[] = {leg->receive, leg->receive_previous}, *keys[2];
	unsigned n = 0;

	for (unsigned j = 0; j < ARRAY_LEN(all); j++) {
		/* With one key the engine checks the MKI. With two, the MKI selects the key. */
		if (!all[j] || (leg->receive_previous && !key_matches_mki(all[j], pkt)))
			continue;
		keys[n++] = all[j];
		try_first(&k, all[j]);
	}
	if (n == 0)
		return VERDICT_NO_KEY;
	if (k.has_doubt && pkt->kind == PKT_RTP)
		try_further(&k, keys, n, now_ns);
	if (t->n == 0)
		return VERDICT_OVERLOAD;
	return keep_octets(w, t, pkt, leg->in == MODE_IN_VERIFY);
}

/* --- failed packets --------------------------------------------------------- */

void path_note_try(struct path_tries *t)
{
	uint8_t v = t->work->verdict;

	/* The first state, the likeliest one, gives the verdict, unless a later state that belongs
	 * to the stream detects a replay. */
	if (t->at == 0 ||
	    ((v == VERDICT_REPLAYED || v == VERDICT_TOO_OLD) && !t->crypto[t->at]->is_provisional))
		t->verdict = v;
}

/* Counts consecutive failures of packets from the latched source: after a long gap the estimated
 * ROC may be wrong, and then no packet verifies. */
static void note_lost(struct leg *leg, const struct pkt *pkt)
{
	const struct stream *s = pkt->stream;
	struct crypto *c = s ? s->crypto : NULL;

	if (!c || pkt->kind != PKT_RTP || c->doubt != DOUBT_NONE || !s->has_index)
		return;
	if (!addr_eq(&leg->latches[LEG_RTP].address, &pkt->from))
		return;
	if (c->failures == 0 || c->failed_at != s->pkts) {
		c->failures = 0;
		c->failed_at = s->pkts;
	}
	if (++c->failures < FAILURES_LOST)
		return;
	c->failures = 0;
	c->doubt = DOUBT_LOST;
}

/* Whether the packet verifies under the same key with the other tag length. Only HMAC tags can be
 * truncated (RFC 3711 5.2). */
static bool has_other_tag(struct worker *w, struct leg *leg, const struct pkt *pkt)
{
	struct key *key = leg->receive;
	struct engine_stream_state start = {.roc = key->has_roc_hint ? key->roc_hint : 0};
	unsigned other = key->srtp_tag_len == 10 ? 4 : 10;
	struct crypto *c;
	struct pkt *copy;
	bool verifies;

	if (key->is_aead || !w->engine_ops->retag || pkt->kind != PKT_RTP)
		return false;
	copy = pool_copy(w->pool, pkt);
	if (!copy)
		return false;
	c = crypto_take(&w->streams, key, rtp_ssrc(pkt->data), &start);
	if (!c) {
		pool_give_copy(w->pool, copy);
		return false;
	}
	copy->verdict = VERDICT_NONE;
	copy->key = key->engine;
	copy->crypto = crypto_state(c);
	w->engine_ops->retag(key->engine, other);
	w->engine_ops->unprotect(w->engine, &copy, 1);
	w->engine_ops->retag(key->engine, key->srtp_tag_len);
	verifies = copy->verdict == VERDICT_NONE;
	crypto_give(&w->streams, c);
	pool_give_copy(w->pool, copy);
	return verifies;
}

static void report_finding(struct worker *w, struct leg *leg, uint64_t now_ns)
{
	enum { AGAIN_S = 10 };
	struct unheard *u = &leg->unheard;

	if (u->finding == u->reported ||
	    (u->reported_ns && now_ns - u->reported_ns < AGAIN_S * NS_PER_S))
		return;
	u->reported = u->finding;
	u->reported_ns = now_ns;
	leg_events_tell(w, leg,
	                &(struct relay_event){
				.kind = RELAY_EVENT_NOTHING_AUTHENTIC,
				.finding = u->finding,
				.ssrc = u->ssrc,
			});
}

void path_note_failure(struct worker *w, struct batch *b, unsigned i, uint64_t now_ns)
{
	struct pkt *pkt = b->pkts[i];
	struct leg *leg = pkt->port->owner;
	struct unheard *u = &leg->unheard;

	/* NO_KEY counts, too: if the tag is missing or has another length, no MKI is found. */
	if (pkt->verdict != VERDICT_AUTH_FAILED && pkt->verdict != VERDICT_TOO_OLD &&
	    pkt->verdict != VERDICT_CLEAR && pkt->verdict != VERDICT_NO_KEY)
		return;
	note_lost(leg, pkt);
	if (!leg->receive || leg->receive->has_opened)
		return;
	unheard_judge(u, unheard_count(u) && has_other_tag(w, leg, pkt));
	report_finding(w, leg, now_ns);
	if (b->tries[i].looks_clear || u->finding == RELAY_FINDING_CLEAR)
		pkt->verdict = VERDICT_CLEAR;
}

/* --- verified packets ------------------------------------------------------- */

/* Whether the RTP part of `from` may replace that of the stream's state `now`. */
static bool may_replace(const struct crypto *now, const struct engine_stream_state *was,
                        const struct crypto *from, const struct engine_stream_state *is)
{
	if (now->doubt == DOUBT_OPEN)
		return true;
	/* The new window begins above the old one, so no index that was received
	 * becomes acceptable again. */
	return now->doubt == DOUBT_LOST && from->is_ahead &&
	       is->rtp_index > was->rtp_index + REPLAY_PKTS_MAX;
}

/* Merges two states of one stream under one key, one of which verified RTP and the other RTCP.
 * The RTP state takes over the RTCP window, which includes packets of this batch, and becomes
 * the stream's state. */
static bool merge_states(struct worker *w, struct batch *b, struct crypto **slot, struct crypto *c,
                         const struct pkt *pkt)
{
	bool is_rtp = pkt->kind == PKT_RTP;
	struct crypto *rtp = is_rtp ? c : *slot, *rtcp = is_rtp ? *slot : c;
	struct engine_stream_state a, z;

	if (c->is_superseded)
		return !is_rtp;
	if (w->engine_ops->stream_export(crypto_state(rtp), &a) ||
	    w->engine_ops->stream_export(crypto_state(rtcp), &z))
		return false;
	if (is_rtp ? !may_replace(rtcp, &z, rtp, &a) : a.has_rtcp)
		return false;
	a.has_rtcp = z.has_rtcp;
	a.rtcp_index = z.rtcp_index;
	memcpy(a.rtcp_window, z.rtcp_window, sizeof(a.rtcp_window));
	if (!crypto_restart(&w->streams, rtp,
	                    be32_get(pkt->data + (is_rtp ? RTP_SSRC_AT : RTCP_SSRC_AT)), &a))
		return false;
	rtp->rtcp_index = rtcp->rtcp_index;
	rtcp->is_superseded = true;
	if (is_rtp) {
		rtcp->is_provisional = true;
		b->provisional[b->n_provisional++] = (struct path_provisional){.crypto = rtcp};
		rtp->is_provisional = false;
		*slot = rtp;
	}
	return true;
}

/* A stream's first SRTP packet under a key settles its ROC. */
static void settle_roc(struct leg *leg, struct stream *s, struct crypto *c)
{
	c->doubt = DOUBT_NONE;
	c->key->has_roc_hint = false;
	/* note_rtp restarts the index at this packet, perhaps at another ROC. */
	if (c->key == leg->receive)
		s->has_index = false;
}

bool path_adopt(struct worker *w, struct batch *b, unsigned i, struct stream *s)
{
	struct pkt *pkt = b->pkts[i];
	struct leg *leg = pkt->port->owner;
	struct crypto *c = b->tries[i].crypto[b->tries[i].at];
	struct crypto **slot = c->key == leg->receive ? &s->crypto : &s->previous;
	bool is_rtp = pkt->kind == PKT_RTP, was_open;

	if (__builtin_expect(*slot == c && c->doubt == DOUBT_NONE, 1))
		return true;
	if (!*slot) {
		*slot = c;
		c->is_provisional = false;
		c->doubt = is_rtp || c->has_seen ? DOUBT_NONE : DOUBT_OPEN;
		c->key->has_opened = true;
		if (c->key == leg->receive)
			leg->unheard = (struct unheard){.reported_ns = leg->unheard.reported_ns};
		if (is_rtp)
			settle_roc(leg, s, c);
		return true;
	}
	was_open = (*slot)->doubt == DOUBT_OPEN;
	if (*slot != c && !merge_states(w, b, slot, c, pkt))
		return false;
	if (is_rtp && was_open)
		settle_roc(leg, s, *slot);
	else if (is_rtp)
		(*slot)->doubt = DOUBT_NONE;
	return true;
}
