/* SPDX-License-Identifier: MIT */
/* Makes the packets of many streams, unencrypted or protected. */
#include "bench/crypto/packets.h"

#include "base/bytes.h"
#include "base/mem.h"

struct keyctx *packets_key(const struct suite *suite, unsigned stream)
{
	uint8_t master[SUITE_MASTER_MAX];
	struct keyctx_spec spec = {
		.suite = suite,
		.master = {.p = master, .n = (size_t)suite->key_len + suite->salt_len}};
	struct keyctx *key = NULL;

	for (size_t i = 0; i < sizeof(master); i++)
		master[i] =
			(uint8_t)((stream + 1) * 2654435761u >> (i % 4 * 8)) ^ (uint8_t)(i * 29);
	CHECK(keyctx_new(&key, &spec, NULL) == ERR_OK);
	return key;
}

/* Writes packet number `visit` of a repetition, unencrypted, to place `i` of the chunk. */
static void set_plain(struct packets *p, unsigned i, uint64_t visit)
{
	struct pkt *pkt = &p->chunk.pkts[i];
	uint32_t stream = p->order[visit % p->streams];
	/* Streams start at different sequence numbers, so that their replay windows have different
	 * positions. */
	uint16_t seq = (uint16_t)(1 + stream % 1024 + visit / p->streams);
	uint8_t *octets = p->chunk.octets[i];

	octets[0] = 0x80;
	octets[1] = 0;
	be16_put(octets + 2, seq);
	be32_put(octets + 4, seq * 160u);
	be32_put(octets + 8, work_ssrc(stream));
	p->chunk.stream[i] = stream;
	p->chunk.batch[i] = pkt;
	*pkt = (struct pkt){
		.data = octets,
		.len = (uint16_t)(WORK_HEADER_LEN + p->payload),
		.tailroom = (uint16_t)(WORK_ROOM - WORK_HEADER_LEN - p->payload),
		.kind = PKT_RTP,
		.header_len = WORK_HEADER_LEN,
		.index = seq,
	};
}

void packets_fill(struct packets *p, uint64_t visit)
{
	for (unsigned i = 0; i < WORK_CHUNK; i++) {
		set_plain(p, i, visit + i);
		if (p->store) {
			memcpy(p->chunk.octets[i], p->store + (visit + i) * p->packet_bytes,
			       p->packet_bytes);
			p->chunk.pkts[i].len = (uint16_t)p->packet_bytes;
			p->chunk.pkts[i].tailroom = (uint16_t)(WORK_ROOM - p->packet_bytes);
		}
	}
}

enum err packets_protect(struct packets *p)
{
	struct work_contender all[WORK_CONTENDERS_MAX];
	struct work_contexts *c = NULL;
	uint8_t *store = mem_array(p->visits, p->packet_bytes);
	enum err e = store ? ERR_OK : ERR_NOMEM;

	(void)work_contenders(all);
	p->store = NULL;
	if (e == ERR_OK)
		e = all[0].make(&c, &all[0], p->suite, ENGINE_SEND, p->streams);
	for (unsigned i = 0; e == ERR_OK && i < p->streams; i++) {
		struct keyctx *key = packets_key(p->suite, i);

		e = all[0].set_key(c, i, key, NULL);
		keyctx_free(key);
	}
	for (uint64_t v = 0; e == ERR_OK && v < p->visits; v += WORK_CHUNK) {
		packets_fill(p, v);
		all[0].aim(c, &p->chunk);
		all[0].run(c, &p->chunk, 0, WORK_CHUNK);
		for (unsigned i = 0; i < WORK_CHUNK; i++)
			memcpy(store + (v + i) * p->packet_bytes, p->chunk.octets[i],
			       p->packet_bytes);
	}
	all[0].free(c);
	if (e == ERR_OK)
		p->store = store;
	else
		mem_free(store);
	return e;
}

static void shuffle(uint32_t *order, unsigned n)
{
	uint64_t state = 88172645463325252ull;

	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n; i > 1; i--) {
		unsigned j;
		uint32_t t = order[i - 1];

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		j = (unsigned)(state % i);
		order[i - 1] = order[j];
		order[j] = t;
	}
}

enum err packets_open(struct packets *p, unsigned pkts_min)
{
	uint64_t passes = 1 + (pkts_min + p->streams - 1) / p->streams;

	p->visits =
		(p->streams * (passes < 3 ? 3 : passes) + WORK_CHUNK - 1) / WORK_CHUNK * WORK_CHUNK;
	p->warm = p->streams < WORK_CHUNK ? WORK_CHUNK : p->streams;
	p->order = mem_array(p->streams, sizeof(*p->order));
	p->chunk.octets = mem_array(WORK_CHUNK, sizeof(*p->chunk.octets));
	if (!p->order || !p->chunk.octets) {
		packets_close(p);
		return ERR_NOMEM;
	}
	shuffle(p->order, p->streams);
	return ERR_OK;
}

void packets_forget(struct packets *p)
{
	mem_free(p->store);
	p->store = NULL;
}

void packets_close(struct packets *p)
{
	packets_forget(p);
	mem_free(p->chunk.octets);
	mem_free(p->order);
	p->chunk.octets = NULL;
	p->order = NULL;
}
