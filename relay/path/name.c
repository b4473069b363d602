/* SPDX-License-Identifier: MIT */
/* Chooses a source's outbound SSRC for each packet, and makes room for new ones. */
#include "relay/path/name.h"

#include "base/clk.h"
#include "relay/worker/evicted.h"
#include "relay/packet/roc.h"
#include "relay/packet/rtp.h"
#include "relay/worker/worker.h"

enum {
	/* an outbound stream unused for this long may be evicted for a new one */
	OUT_IDLE_S = 30,
	/* the chance that a random SSRC is in use is streams / 2^32; this many draws never all
	 * fail */
	FRESH_SSRC_TRIES = 16,
	NAMES_MAX = 8, /* maximum number of outbound SSRCs of one source on a leg */
	/* for a packet up to this far ahead, the source's other SSRCs need no check */
	NEAR_PKTS = 64,
	/* Half of what the receiver's estimator allows (RFC 3711 3.3.1: 2^15); the other half
	 * covers packets that the terminal lost. */
	FAR_PKTS = 1 << 14,
	/* The smallest replay window of RFC 3711 3.3.2; a terminal may ignore older packets. */
	LATE_PKTS = 64,
	/* this many consecutive packets far behind are not late packets but another counter */
	RUN_PKTS = 4,
	/* timestamps of packets in the send window are at most this far behind the newest */
	PAST_TICKS = 1 << 24,
	/* timestamp of a late packet: at most this far before that of the first packet */
	FIRST_TICKS = 1 << 15,
	/* until this many packets were sent, the terminal may not have received the SSRC */
	YOUNG_PKTS = 32,
};

/* --- the SSRCs of a source -------------------------------------------------- */

/* Whether no leg of the media uses the SSRC: two sources must never share one. */
static bool is_ssrc_free(const struct media *m, uint32_t ssrc)
{
	struct evicted_sent sent;

	for (unsigned i = 0; i < m->n_legs; i++) {
		if (!m->legs[i])
			continue;
		if (m->legs[i]->send && evicted_find_sent(m->legs[i]->send, ssrc, &sent))
			return false;
		for (const struct stream *s = m->legs[i]->in_streams; s; s = s->next)
			if (s->ssrc == ssrc)
				return false;
		for (const struct stream *s = m->legs[i]->out_streams; s; s = s->next)
			if (s->ssrc == ssrc || s->source_ssrc == ssrc)
				return false;
	}
	return true;
}

static bool fresh_ssrc(struct worker *w, const struct media *m, uint32_t *out)
{
	for (unsigned i = 0; i < FRESH_SSRC_TRIES; i++) {
		uint32_t ssrc = worker_random(w);

		if (ssrc != 0 && is_ssrc_free(m, ssrc)) {
			*out = ssrc;
			return true;
		}
	}
	return false;
}

static bool is_ssrc_out(const struct leg *leg, uint32_t ssrc)
{
	for (const struct stream *s = leg->out_streams; s; s = s->next)
		if (s->ssrc == ssrc)
			return true;
	return false;
}

static bool is_name_of(const struct stream *s, const struct name_owner *o)
{
	return s->source == o->source && s->source_ssrc == o->ssrc;
}

static unsigned count_names(const struct name_owner *o)
{
	unsigned n = 0;

	for (const struct stream *s = o->leg->out_streams; s; s = s->next)
		n += is_name_of(s, o);
	return n;
}

/* Removes the source's least recently used SSRC that no packet of this batch uses; NULL: none. */
static struct stream *remove_spare(const struct name_owner *o, uint64_t now_ns)
{
	struct stream **oldest = NULL, *s;

	for (struct stream **at = &o->leg->out_streams; *at; at = &(*at)->next)
		if (is_name_of(*at, o) && (*at)->last_ns < now_ns &&
		    (!oldest || (*at)->last_ns < (*oldest)->last_ns))
			oldest = at;
	if (!oldest)
		return NULL;
	s = *oldest;
	*oldest = s->next;
	return s;
}

/* Gives up an outbound SSRC. From now on the leg gives every new source a fresh SSRC. The key may
 * already remember the SSRC given up, and find_name may restore it, so the key's entry is
 * updated. */
static void give_up(struct worker *w, struct leg *leg, struct stream *s)
{
	struct evicted_sent before;

	/* This overwrites the existing entry, so there is always room. */
	if (evicted_find_sent(leg->send, s->ssrc, &before))
		(void)evicted_keep_sent(&w->streams, leg->send, s);
	stream_give(&w->streams, s);
	leg->n_out--;
	leg->has_forgotten = true;
}

static struct stream *make_room(struct worker *w, const struct name_owner *o, uint64_t now_ns)
{
	struct leg *leg = o->leg;
	bool is_full = leg->n_out >= w->config->ssrcs_per_leg;
	struct stream *gone =
		is_full ? stream_remove_idle(&leg->out_streams, now_ns, OUT_IDLE_S * NS_PER_S)
			: NULL;

	if (!gone && (is_full || count_names(o) >= NAMES_MAX)) {
		gone = remove_spare(o, now_ns);
		if (!gone)
			return NULL;
	}
	if (gone)
		give_up(w, leg, gone);
	return stream_take(&w->streams, BLOCK_OUT);
}

static struct stream *put_name(struct worker *w, const struct name_owner *o, uint32_t name,
                               uint64_t now_ns)
{
	struct leg *leg = o->leg;
	struct stream *s = make_room(w, o, now_ns);

	if (!s)
		return NULL;
	s->ssrc = name;
	s->source = o->source;
	s->source_place = o->source->place;
	s->source_ssrc = o->ssrc;
	s->window.log2_pkts = replay_log2(w->config->send_window_pkts);
	s->rtcp_index = leg->media->rtcp_floor[leg->place];
	s->next = leg->out_streams;
	leg->out_streams = s;
	leg->n_out++;
	leg->translates |= name != o->ssrc;
	return s;
}

/* Adds an outbound SSRC: the source's own one if it was never used on the leg under this key,
 * otherwise a fresh one (RFC 3711 9.1). NULL: no room. */
static struct stream *add_name(struct worker *w, const struct name_owner *o, uint64_t now_ns)
{
	struct leg *leg = o->leg;
	struct evicted_sent sent;
	bool is_taken = leg->has_forgotten || is_ssrc_out(leg, o->ssrc) ||
	                evicted_find_sent(leg->send, o->ssrc, &sent);
	uint32_t name = o->ssrc;
	struct stream *s;

	if (is_taken && !fresh_ssrc(w, leg->media, &name))
		return NULL;
	s = put_name(w, o, name, now_ns);
	if (!s || name == o->ssrc)
		return s;
	leg->ssrc_changes++;
	leg_events_tell(w, leg,
	                &(struct relay_event){
				.kind = RELAY_EVENT_SSRC_CHANGED,
				.ssrc = o->ssrc,
				.ssrc_out = name,
			});
	return s;
}

/* The source's most recent outbound SSRC. Restores the SSRCs that the source had under this key
 * before the leg or the key was removed (relay/worker/kept.h). NULL: it has none. */
static struct stream *find_name(struct worker *w, const struct name_owner *o, uint64_t now_ns)
{
	struct leg *leg = o->leg;
	struct stream *s = stream_find_source(&leg->out_streams, o->source, o->ssrc);
	struct evicted_sent sent;

	if (s || !leg->send->evicted)
		return s;
	for (unsigned nth = 0;
	     evicted_find_source(leg->send, o->source->place, o->ssrc, nth, &sent); nth++) {
		struct stream *again =
			is_ssrc_out(leg, sent.ssrc) ? NULL : put_name(w, o, sent.ssrc, now_ns);

		if (!again)
			continue;
		evicted_go_on(again, &sent, false);
		again->timestamp = sent.timestamp;
		again->first_timestamp = sent.timestamp - PAST_TICKS;
		s = again;
	}
	return s;
}

struct stream *name_of_rtcp(struct worker *w, const struct name_owner *o, uint64_t now_ns)
{
	struct stream *s = find_name(w, o, now_ns);

	return s ? s : add_name(w, o, now_ns);
}

/* --- choice ----------------------------------------------------------------- */

/* How a packet fits an outbound SSRC. */
struct fit {
	struct stream *stream;
	uint64_t index;
	uint32_t distance;    /* between the packet's index and the highest one */
	enum verdict verdict; /* NONE, or why the packet is dropped */
	bool is_behind;
	bool needs_fresh; /* the packet continues this SSRC's sequence, but needs a fresh SSRC */
};

/* Whether a packet that was sent before the newest one can have this timestamp. */
static bool is_past(const struct stream *s, uint32_t timestamp)
{
	uint32_t span = s->timestamp - s->first_timestamp + FIRST_TICKS;

	return s->timestamp - timestamp <= (span < PAST_TICKS ? span : PAST_TICKS);
}

/* Whether this is a fresh SSRC whose sequence number wraps before the terminal has surely received
 * it: the terminal could not know its ROC. */
static bool is_too_young(const struct stream *s, uint64_t index)
{
	return s->ssrc != s->source_ssrc && s->pkts < YOUNG_PKTS && index > 0xffff &&
	       s->index <= 0xffff;
}

/* Judges how a packet fits one outbound SSRC. False: the packet does not belong to it. */
static bool judge(struct stream *s, const struct pkt *pkt, struct fit *out)
{
	uint16_t seq = rtp_seq(pkt->data);
	uint32_t timestamp = rtp_timestamp(pkt->data);

	*out = (struct fit){.stream = s, .index = seq, .distance = FAR_PKTS};
	if (!s->has_index)
		return true;
	out->index = roc_estimate(s->index, seq);
	if (out->index > s->index) {
		/* At ROC 0 no index lies below the first packets, so a late packet from before them
		 * cannot be sent. */
		uint64_t ahead = out->index - s->index, behind = 0x10000 - ahead;
		bool is_before = ahead < 0x10000 && behind <= LATE_PKTS && is_past(s, timestamp);

		out->distance = (uint32_t)(is_before ? behind : ahead);
		out->verdict = is_before ? VERDICT_TOO_OLD : VERDICT_NONE;
		out->needs_fresh = !is_before && is_too_young(s, out->index);
		return is_before || ahead <= FAR_PKTS;
	}
	out->is_behind = true;
	out->distance = (uint32_t)(s->index - out->index);
	switch (replay_check(&s->window, s->window_bits, out->index)) {
	case REPLAY_NEW:
		return out->distance <= LATE_PKTS || is_past(s, timestamp);
	case REPLAY_SEEN:
		out->verdict = VERDICT_DUPLICATE;
		return is_past(s, timestamp);
	case REPLAY_OLD:
		break;
	}
	return false;
}

/* Whether the source has a second counter: the packet completes a run of packets far behind, or
 * continues from before a wide gap. */
static bool is_second_counter(const struct fit *fit, uint16_t seq)
{
	struct stream *s = fit->stream;

	if (!fit->verdict && seq == s->jump_next)
		return true;
	s->run = (uint8_t)(seq == s->run_next ? s->run + 1 : 1);
	s->run_next = (uint16_t)(seq + 1);
	if (s->run < RUN_PKTS)
		return false;
	s->run = 0;
	return true;
}

/* Finds the SSRC whose last index is nearest; false: the packet belongs to none of them. */
static bool nearest(const struct name_owner *o, const struct pkt *pkt, struct fit *out)
{
	bool found = false;

	for (struct stream *s = o->leg->out_streams; s; s = s->next) {
		struct fit fit;

		if (!is_name_of(s, o) || !judge(s, pkt, &fit) ||
		    (found && fit.distance >= out->distance))
			continue;
		*out = fit;
		found = true;
	}
	if (!found || out->needs_fresh ||
	    (out->is_behind && out->distance > LATE_PKTS &&
	     is_second_counter(out, rtp_seq(pkt->data))))
		return false;
	if (!out->is_behind && out->distance > NEAR_PKTS)
		out->stream->jump_next = (uint16_t)(out->stream->index + 1);
	/* Moves the stream to the front of the list. */
	(void)stream_find(&o->leg->out_streams, out->stream->ssrc);
	return true;
}

/* Whether no other SSRC of the source can be nearer. Nearly always true. */
static inline bool is_certain(const struct leg *leg, const struct fit *fit)
{
	return !fit->is_behind && !fit->needs_fresh && !fit->verdict &&
	       fit->distance <= (leg->translates ? 1 : NEAR_PKTS);
}

enum verdict name_choose(struct worker *w, const struct name_owner *o, const struct pkt *pkt,
                         uint64_t now_ns, struct name_choice *out)
{
	struct stream *s = find_name(w, o, now_ns);
	struct fit fit;

	if (!s || !judge(s, pkt, &fit) || !is_certain(o->leg, &fit)) {
		if (!s || !nearest(o, pkt, &fit))
			fit = (struct fit){
				.stream = add_name(w, o, now_ns),
				.index = rtp_seq(pkt->data),
			};
	}
	if (!fit.stream)
		return VERDICT_SSRC_LIMIT;
	if (fit.verdict)
		return fit.verdict;
	if (fit.index > ROC_INDEX_MAX)
		return VERDICT_KEY_EXPIRED;
	*out = (struct name_choice){.stream = fit.stream, .index = fit.index};
	return VERDICT_NONE;
}

void name_take(struct pkt *pkt, const struct name_choice *c)
{
	struct stream *s = c->stream;

	if (!s->has_index)
		s->first_timestamp = rtp_timestamp(pkt->data);
	if (!s->has_index || c->index > s->index)
		s->timestamp = rtp_timestamp(pkt->data);
	replay_commit(&s->window, s->window_bits, c->index);
	s->index = s->window.highest;
	s->has_index = true;
	pkt->index = c->index;
}
