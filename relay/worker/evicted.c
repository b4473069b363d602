/* SPDX-License-Identifier: MIT */
/* Lists of evicted SSRCs, stored in blocks of the stream pool. */
#include "relay/worker/evicted.h"

#include <string.h>

struct evicted_ssrc {
	uint64_t rtp_index;
	uint32_t ssrc, rtcp_index;
	/* receive key: the ROC; send key: the timestamp of the packet at rtp_index */
	uint32_t roc;
	uint32_t source_ssrc; /* send key: SSRC that the source uses */
	bool has_rtp, has_rtcp;
	uint8_t source_place;
	bool has_source;
};

struct evicted {
	struct evicted *next;
	unsigned n;
	struct evicted_ssrc ssrcs[3];
};

_Static_assert(sizeof(struct evicted) <= sizeof(struct stream),
               "a struct evicted is stored in a block for an inbound stream");

static struct evicted_ssrc *find(struct evicted *block, uint32_t ssrc)
{
	for (; block; block = block->next)
		for (unsigned i = 0; i < block->n; i++)
			if (block->ssrcs[i].ssrc == ssrc)
				return &block->ssrcs[i];
	return NULL;
}

static struct evicted_ssrc *add(struct stream_pool *p, struct key *key)
{
	struct evicted *block = key->evicted;

	if (key->n_evicted >= EVICTED_MAX)
		return NULL;
	if (!block || block->n == ARRAY_LEN(block->ssrcs)) {
		block = (struct evicted *)(void *)stream_take(p, BLOCK_IN);
		if (!block)
			return NULL;
		block->next = key->evicted;
		key->evicted = block;
	}
	key->n_evicted++;
	return &block->ssrcs[block->n++];
}

/* Stores in `key` which indexes of an SSRC were received under it. */
static bool keep(struct stream_pool *p, struct key *key, struct crypto *c, uint32_t ssrc)
{
	struct engine_stream_state state;
	struct evicted_ssrc *e;

	if (!c)
		return true;
	if (p->ops->stream_export(crypto_state(c), &state))
		return false;
	e = find(key->evicted, ssrc);
	if (!e)
		e = add(p, key);
	if (!e)
		return false;
	*e = (struct evicted_ssrc){
		/* An index taken over from the previous key was not received under this one. */
		.has_rtp = state.has_rtp && (state.rtp_window[0] & 1),
		.rtp_index = state.rtp_index,
		.ssrc = ssrc,
		.roc = state.roc,
		.has_rtcp = state.has_rtcp,
		.rtcp_index = state.rtcp_index,
	};
	return true;
}

bool evicted_keep(struct stream_pool *p, struct crypto *c, uint32_t ssrc)
{
	return !c || keep(p, c->key, c, ssrc);
}

bool evicted_hand_over(struct stream_pool *p, const struct stream *list, const struct key *from,
                       struct key *to)
{
	for (const struct evicted *block = from->evicted; block; block = block->next) {
		for (unsigned i = 0; i < block->n; i++) {
			struct evicted_ssrc *e = add(p, to);

			if (!e)
				return false;
			*e = block->ssrcs[i];
		}
	}
	for (const struct stream *s = list; s; s = s->next)
		if (!keep(p, to, stream_crypto(s, from), s->ssrc))
			return false;
	return true;
}

bool evicted_find(const struct key *key, uint32_t ssrc, struct engine_stream_state *start)
{
	const struct evicted_ssrc *e = find(key->evicted, ssrc);

	if (!e)
		return false;
	/* Packet counts start at 0: the key has already counted these packets. */
	*start = (struct engine_stream_state){
		.has_rtp = e->has_rtp,
		.rtp_index = e->rtp_index,
		.roc = e->roc,
		.has_rtcp = e->has_rtcp,
		.rtcp_index = e->rtcp_index,
	};
	if (e->has_rtp)
		memset(start->rtp_window, 0xff, sizeof(start->rtp_window));
	if (e->has_rtcp)
		memset(start->rtcp_window, 0xff, sizeof(start->rtcp_window));
	return true;
}

bool evicted_before(const struct key *key, uint32_t ssrc, uint64_t *index)
{
	const struct evicted_ssrc *e = find(key->before, ssrc);

	if (!e || !e->has_rtp)
		return false;
	*index = e->rtp_index;
	return true;
}

/* --- sending ---------------------------------------------------------------- */

bool evicted_keep_sent(struct stream_pool *p, struct key *key, const struct stream *s)
{
	struct evicted_ssrc *e = find(key->evicted, s->ssrc);

	if (!e)
		e = add(p, key);
	if (!e)
		return false;
	*e = (struct evicted_ssrc){
		.has_rtp = s->has_index,
		.rtp_index = s->index,
		.ssrc = s->ssrc,
		.rtcp_index = s->rtcp_index,
		.roc = s->timestamp,
		.source_ssrc = s->source_ssrc,
		.source_place = s->source_place,
		.has_source = s->source || s->is_orphan,
	};
	return true;
}

static bool fill_sent(const struct evicted_ssrc *e, struct evicted_sent *out)
{
	if (!e)
		return false;
	*out = (struct evicted_sent){
		.index = e->rtp_index,
		.ssrc = e->ssrc,
		.source_ssrc = e->source_ssrc,
		.rtcp_index = e->rtcp_index,
		.timestamp = e->roc,
		.has_index = e->has_rtp,
	};
	return true;
}

bool evicted_find_sent(const struct key *key, uint32_t ssrc, struct evicted_sent *out)
{
	return fill_sent(find(key->evicted, ssrc), out);
}

bool evicted_find_source(const struct key *key, uint8_t place, uint32_t source_ssrc, unsigned nth,
                         struct evicted_sent *out)
{
	for (struct evicted *block = key->evicted; block; block = block->next)
		for (unsigned i = 0; i < block->n; i++) {
			const struct evicted_ssrc *e = &block->ssrcs[i];

			if (e->has_source && e->source_place == place &&
			    e->source_ssrc == source_ssrc && nth-- == 0)
				return fill_sent(e, out);
		}
	return false;
}

void evicted_go_on(struct stream *s, const struct evicted_sent *sent, bool same_run)
{
	bool is_above = same_run && s->has_index && s->index >= sent->index;

	if (s->rtcp_index < sent->rtcp_index)
		s->rtcp_index = sent->rtcp_index;
	if (!sent->has_index)
		return;
	if (!is_above)
		s->index = s->window.highest = sent->index;
	s->has_index = s->window.any = true;
	/* Indexes that the stream skipped under another key may have been used under this one. */
	memset(s->window_bits, 0xff, REPLAY_WORDS_MAX * sizeof(s->window_bits[0]));
}

static void give_list(struct stream_pool *p, struct evicted **list)
{
	struct evicted *block;

	while ((block = *list)) {
		*list = block->next;
		stream_give(p, memset(block, 0, sizeof(struct stream)));
	}
}

void evicted_remember(struct stream_pool *p, const struct key *from, struct key *to)
{
	give_list(p, &to->before);
	for (const struct evicted *block = from->evicted; block; block = block->next) {
		struct evicted *copy = (struct evicted *)(void *)stream_take(p, BLOCK_IN);

		if (!copy)
			return;
		*copy = *block;
		copy->next = to->before;
		to->before = copy;
	}
}

void evicted_drop(struct stream_pool *p, struct key *key, struct key *next)
{
	if (!key)
		return;
	if (next && key->evicted) {
		give_list(p, &next->before);
		next->before = key->evicted;
		key->evicted = NULL;
	}
	give_list(p, &key->evicted);
	give_list(p, &key->before);
	key->n_evicted = 0;
}
