/* SPDX-License-Identifier: MIT */
/* A bitmap of free pairs, searched from the last one taken, and a queue of pairs in quarantine. */
#include "control/session/ports.h"

#include "base/clk.h"
#include "base/mem.h"

/* A pair in quarantine. */
struct resting {
	uint64_t until_ns;
	uint32_t pair;
};

struct ports {
	uint16_t first; /* even port of pair 0 */
	uint32_t n, n_free;
	uint32_t
		next; /* word of free_bits where the search starts, so that pairs are reused late */
	uint64_t quarantine_ns;
	uint64_t *free_bits;  /* a bit for each pair; 1: the pair is free */
	uint32_t n_words;     /* 64-bit words of free_bits */
	struct resting *rest; /* pairs in quarantine: a ring of n entries, oldest first */
	uint32_t rest_head, n_resting;
};

enum err ports_new(struct ports **out, uint16_t min, uint16_t max, uint32_t quarantine_ms,
                   struct why *why)
{
	uint32_t first = min + (min & 1u);
	struct ports *p;

	if (min == 0 || first + 1 > max)
		return why_fail(why, ERR_RANGE,
		                "ports %u to %u hold no pair of an even and an odd port", min, max);
	p = mem_alloc(sizeof(*p));
	if (!p)
		return why_fail(why, ERR_NOMEM, "out of memory");
	p->first = (uint16_t)first;
	p->n = p->n_free = (max + 1u - first) / 2;
	p->n_words = (p->n + 63) / 64;
	p->free_bits = mem_array(p->n_words, sizeof(*p->free_bits));
	p->rest = mem_array(p->n, sizeof(*p->rest));
	if (!p->free_bits || !p->rest) {
		ports_free(p);
		return why_fail(why, ERR_NOMEM, "out of memory");
	}
	for (uint32_t i = 0; i < p->n; i++)
		p->free_bits[i / 64] |= 1ull << (i % 64);
	ports_set_quarantine(p, quarantine_ms);
	*out = p;
	return ERR_OK;
}

void ports_free(struct ports *p)
{
	if (!p)
		return;
	mem_free(p->free_bits);
	mem_free(p->rest);
	mem_free(p);
}

void ports_set_quarantine(struct ports *p, uint32_t quarantine_ms)
{
	p->quarantine_ns = quarantine_ms * NS_PER_MS;
}

static void pair_release(struct ports *p, uint32_t pair)
{
	p->free_bits[pair / 64] |= 1ull << (pair % 64);
	p->n_free++;
}

static void wake_rested(struct ports *p, uint64_t now_ns)
{
	while (p->n_resting && p->rest[p->rest_head].until_ns <= now_ns) {
		pair_release(p, p->rest[p->rest_head].pair);
		p->rest_head = (p->rest_head + 1) % p->n;
		p->n_resting--;
	}
}

enum err ports_take(struct ports *p, uint64_t now_ns, uint16_t *out, struct why *why)
{
	uint32_t word = p->next, pair;

	wake_rested(p, now_ns);
	if (p->n_free == 0)
		return why_fail(why, ERR_LIMIT,
		                "no free port pair (%u total, %u in use, %u in quarantine)", p->n,
		                p->n - p->n_resting, p->n_resting);
	while (p->free_bits[word] == 0)
		word = (word + 1) % p->n_words;
	pair = word * 64 + (uint32_t)__builtin_ctzll(p->free_bits[word]);
	p->free_bits[word] &= p->free_bits[word] - 1;
	p->n_free--;
	p->next = p->free_bits[word] ? word : (word + 1) % p->n_words;
	*out = (uint16_t)(p->first + 2 * pair);
	return ERR_OK;
}

static uint32_t pair_of(const struct ports *p, uint16_t port)
{
	uint32_t pair = (uint32_t)(port - p->first) / 2;

	CHECK(port >= p->first && pair < p->n && !(port & 1));
	CHECK(!(p->free_bits[pair / 64] >> (pair % 64) & 1));
	return pair;
}

void ports_give_used(struct ports *p, uint64_t now_ns, uint16_t port)
{
	uint32_t pair = pair_of(p, port);

	wake_rested(p, now_ns);
	CHECK(p->n_resting < p->n);
	p->rest[(p->rest_head + p->n_resting) % p->n] =
		(struct resting){.until_ns = now_ns + p->quarantine_ns, .pair = pair};
	p->n_resting++;
}

void ports_give_fresh(struct ports *p, uint16_t port)
{
	pair_release(p, pair_of(p, port));
}

void ports_get_usage(struct ports *p, uint64_t now_ns, struct ports_usage *out)
{
	wake_rested(p, now_ns);
	*out = (struct ports_usage){
		.pairs = p->n,
		.in_use = p->n - p->n_free - p->n_resting,
		.resting = p->n_resting,
	};
}
