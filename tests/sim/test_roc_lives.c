/* SPDX-License-Identifier: MIT */
/* Random behaviour of a sender and its ROC: after any losses, repetitions, forgeries and
 * re-keyings, no packet is accepted twice, and the stream is accepted again. */
#include "tests/harness/call.h"

#include "base/bytes.h"

enum { SSRC = 0x0a0a0a0a, SENT_MAX = 4000, RECENT = 300 };

/* A terminal that loses and reorders packets, re-keys and resets its ROC at random, and an attacker
 * who repeats and forges its packets. */
struct life {
	struct scene s;
	uint64_t index[SCENE_KEYS]; /* index of the next packet under each key */
	unsigned key;
	/* true: RTP under the present key was accepted, last with index heard_index */
	bool has_heard;
	uint64_t heard_index;
	unsigned n_sent;
	uint8_t n_heard[SENT_MAX], key_of[SENT_MAX];
	uint64_t index_of[SENT_MAX]; /* index of each packet sent; 0: SRTCP */
	struct {
		uint8_t octets[128];
		size_t n;
	} recorded[RECENT];
	unsigned n_recorded;
};

static bool open_scene(struct scene *s, const char *engine)
{
	if (!scene_prepare(s, engine, "AES_CM_128_HMAC_SHA1_80"))
		return false;
	s->media.legs[0].rekey_overlap_ms = 1000;
	return scene_start(s);
}

static void life_send(struct life *l, bool is_rtcp)
{
	struct scene *s = &l->s;
	uint64_t index = l->index[l->key];
	size_t n = 16;

	if (is_rtcp) {
		memcpy(s->octets, (const uint8_t[]){0x80, 204, 0, 3}, 4);
		be32_put(s->octets + 4, SSRC);
		be32_put(s->octets + 8, 0x41424344);
	} else {
		n = call_rtp(s->octets, SSRC, index);
	}
	l->key_of[l->n_sent] = (uint8_t)l->key;
	l->index_of[l->n_sent] = is_rtcp ? 0 : index;
	be32_put(s->octets + 12, l->n_sent++);
	n = end_protect(&s->up[l->key], s->octets, n, sizeof(s->octets), index);
	EXPECT(n > 0);
	unsigned at = l->n_recorded++ % RECENT;
	memcpy(l->recorded[at].octets, s->octets, n);
	l->recorded[at].n = n;
	if (test_random(&s->g.random) % 8)
		EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, n));
	l->index[l->key] += is_rtcp ? 0 : 1;
}

static void life_repeat(struct life *l)
{
	struct scene *s = &l->s;
	unsigned n = l->n_recorded < RECENT ? l->n_recorded : RECENT;

	if (n == 0)
		return;
	unsigned at = (unsigned)(test_random(&s->g.random) % n);
	memcpy(s->octets, l->recorded[at].octets, l->recorded[at].n);
	if (test_random(&s->g.random) % 4 == 0)
		s->octets[2 + test_random(&s->g.random) % 40] ^= 0x40;
	EXPECT_OK(sim_send(s->g.sim, &call_peer_a, &call_local_a, s->octets, l->recorded[at].n));
}

static void life_listen(struct life *l)
{
	struct sim_pkt got;

	stage_run(&l->s.g, 20);
	while (sim_receive(l->s.g.sim, &call_peer_b, &got)) {
		uint32_t id = be32_get(got.data + 12);

		if (!EXPECT(id < l->n_sent) || !EXPECT_INT(++l->n_heard[id], 1))
			continue;
		if (l->key_of[id] == l->key && l->index_of[id]) {
			l->has_heard = true;
			l->heard_index = l->index_of[id];
		}
	}
}

/* Skips packets as if they were lost, at most as many as the gateway can bridge. */
static void life_leave(struct life *l, uint64_t gap)
{
	if (l->has_heard && l->index[l->key] + gap - l->heard_index < 130000)
		l->index[l->key] += gap;
}

/* Re-keys: the terminal keeps its ROC under the new key, or resets it; the old key is accepted for
 * another second. */
static void life_rekey(struct life *l)
{
	uint64_t before = l->index[l->key], r = test_random(&l->s.g.random);

	if (++l->key == SCENE_KEYS)
		return;
	l->has_heard = false;
	l->index[l->key] = r & 1 ? before : before & 0xffff;
	scene_use_keys(&l->s, l->key);
	EXPECT_OK(call_update(&l->s.g, l->s.call, &l->s.spec));
}

static void lead_a_life(const char *engine)
{
	static struct life l;
	struct scene *s = &l.s;
	unsigned n_heard = 0;

	memset(&l, 0, sizeof(l));
	if (!open_scene(s, engine))
		return;
	test_context("%s, seed %llu", engine, (unsigned long long)s->g.seed);
	l.index[0] = 1 + test_random(&s->g.random) % 120000;
	for (unsigned round = 0; round < 600 && l.key < SCENE_KEYS; round++) {
		uint64_t r = test_random(&s->g.random);

		for (unsigned i = 0; i < 1 + r % 4; i++)
			life_send(&l, (r >> 8) % 6 == i);
		for (unsigned i = 0; i < (r >> 16) % 3; i++)
			life_repeat(&l);
		if ((r >> 24) % 30 == 0)
			life_leave(&l, (r >> 32) % 100000);
		life_listen(&l);
		if ((r >> 56) % 200 == 0)
			life_rekey(&l);
		if (l.key == SCENE_KEYS)
			break;
	}
	/* After any history, the stream is accepted again within a few packets; delayed packets
	 * that arrive now may make it later. */
	l.key = l.key < SCENE_KEYS ? l.key : SCENE_KEYS - 1;
	stage_run(&s->g, 2000);
	for (unsigned i = 0; i < 200; i++) {
		l.n_recorded = 0;
		life_send(&l, false);
		life_listen(&l);
		n_heard += l.n_heard[l.n_sent - 1];
	}
	EXPECT(n_heard > 20);
	scene_close(s);
}

static void nothing_is_heard_twice_in_any_life(void)
{
	for (unsigned i = 0; i < 60; i++)
		lead_a_life(call_engines[i % CALL_ENGINES]);
}

TEST_MAIN("roc-lives", {"nothing is heard twice in any life", nothing_is_heard_twice_in_any_life})
