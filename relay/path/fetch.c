/* SPDX-License-Identifier: MIT */
/*
 * Prefetching. With many calls the cache holds nothing of a packet's leg, streams and keys, and
 * each stage would wait for memory packet by packet. Each pass here prefetches, for the whole
 * batch, what the next pass reads. It changes nothing. A wrong guess (a second SSRC, RTCP on its
 * own port) costs one cache line.
 */
#include "relay/worker/session.h"
#include "relay/worker/worker.h"

enum {
	LINE = 64,
	LEG_LINES = 3,    /* lines of a leg that every packet touches */
	IN_LINES = 2,     /* lines of an inbound stream */
	OUT_LINES = 3,    /* lines of an outbound stream, with one line of its window */
	CRYPTO_LINES = 2, /* lines of the crypto state */
	KEY_LINES = 4,    /* lines of the engine's form of a key */
	FEW = 4,          /* with fewer packets than this, prefetching gains nothing */
};

static inline void fetch(const void *at, unsigned lines)
{
	for (unsigned i = 0; at && i < lines; i++)
		__builtin_prefetch((const uint8_t *)at + (size_t)i * LINE, 1);
}

/* Prefetches and collects the legs of the batch's packets; a leg appears once for each of its
 * packets. */
static unsigned fetch_legs(const struct batch *b, const struct leg **legs)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++)
		fetch(b->pkts[i]->port, 1);
	for (unsigned i = 0; i < b->n; i++) {
		const struct leg *leg = b->pkts[i]->port ? b->pkts[i]->port->owner : NULL;

		fetch(leg, LEG_LINES);
		if (leg)
			legs[n++] = leg;
	}
	return n;
}

static void fetch_streams_in(const struct leg **legs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fetch(legs[i]->media, 1);
		fetch(legs[i]->in_streams, IN_LINES);
		fetch(legs[i]->receive, 1);
	}
}

/* Prefetches the legs, and collects their peer legs; a leg may have no peer leg. */
static unsigned fetch_peers(const struct leg **legs, unsigned n, const struct leg **peers)
{
	unsigned n_peers = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct leg *peer = leg_peer(legs[i]);

		fetch(peer, LEG_LINES);
		if (peer)
			peers[n_peers++] = peer;
		if (legs[i]->in_streams)
			fetch(legs[i]->in_streams->crypto, CRYPTO_LINES);
		if (legs[i]->receive)
			fetch(legs[i]->receive->engine, KEY_LINES);
	}
	return n_peers;
}

static void fetch_streams_out(const struct leg **peers, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fetch(peers[i]->ports[LEG_RTP], 1);
		fetch(peers[i]->out_streams, OUT_LINES);
		fetch(peers[i]->send, 1);
	}
	for (unsigned i = 0; i < n; i++) {
		if (peers[i]->send)
			fetch(peers[i]->send->engine, KEY_LINES);
		if (peers[i]->out_streams)
			fetch(peers[i]->out_streams->crypto, CRYPTO_LINES);
	}
}

void path_fetch(struct worker *w, struct batch *b, uint64_t now_ns)
{
	const struct leg *legs[PKT_BATCH] __attribute__((uninitialized)),
		*peers[PKT_BATCH] __attribute__((uninitialized));
	unsigned n;

	(void)w, (void)now_ns;
	if (b->n < FEW)
		return;
	n = fetch_legs(b, legs);
	fetch_streams_in(legs, n);
	n = fetch_peers(legs, n, peers);
	fetch_streams_out(peers, n);
}
