/* SPDX-License-Identifier: MIT */
/* A bitmap of free pairs, searched from the last one taken, and two queues of pairs that are left
 * alone: those in quarantine, and those that another program holds. */
#include "control/session/ports.h"

#include "base/mem.h"

/* After this many foreign pairs in a row the search goes on in another part of the range. */
enum { FOREIGN_IN_ROW = 16 };

/* A pair that is left alone until a time. */
struct resting {
	uint64_t until_ns;
	uint32_t pair;
};

/* A ring of `room` entries, the earliest first. All pairs of a queue rest for the same time. */
struct rest_queue {
	struct resting *items;
	uint32_t head, n, room;
};

struct ports {
	uint16_t first; /* even port of pair 0 */
	uint32_t n, n_free;
	uint32_t
		next; /* word of free_bits where the search starts, so that pairs are reused late */
	uint64_t quarantine_ns;
	uint64_t *free_bits; /* a bit for each pair; 1: the pair is free */
	uint32_t n_words;    /* 64-bit words of free_bits */
	struct rest_queue quarantine, foreign;
	unsigned n_in_row; /* foreign pairs found since a pair was used */
	uint64_t n_jumps;
};

static void rest_add(struct rest_queue *q, uint64_t until_ns, uint32_t pair)
{
	CHECK(q->n < q->room);
	q->items[(q->head + q->n++) % q->room] =
		(struct resting){.until_ns = until_ns, .pair = pair};
}

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
	p->quarantine.items = mem_array(p->n, sizeof(*p->quarantine.items));
	p->foreign.items = mem_array(p->n, sizeof(*p->foreign.items));
	p->quarantine.room = p->foreign.room = p->n;
	if (!p->free_bits || !p->quarantine.items || !p->foreign.items) {
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
	mem_free(p->quarantine.items);
	mem_free(p->foreign.items);
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

static void wake(struct ports *p, struct rest_queue *q, uint64_t now_ns)
{
	while (q->n && q->items[q->head].until_ns <= now_ns) {
		pair_release(p, q->items[q->head].pair);
		q->head = (q->head + 1) % q->room;
		q->n--;
	}
}

static void wake_rested(struct ports *p, uint64_t now_ns)
{
	wake(p, &p->quarantine, now_ns);
	wake(p, &p->foreign, now_ns);
}

enum err ports_take(struct ports *p, uint64_t now_ns, uint16_t *out, struct why *why)
{
	uint32_t word = p->next, pair;

	wake_rested(p, now_ns);
	if (p->n_free == 0)
		return why_fail(why, ERR_LIMIT,
		                "no free port pair (%u total, %u in use, %u in quarantine, %u held "
		                "by other programs)",
		                p->n, p->n - p->quarantine.n - p->foreign.n, p->quarantine.n,
		                p->foreign.n);
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
	p->n_in_row = 0;
	rest_add(&p->quarantine, now_ns + p->quarantine_ns, pair);
}

void ports_give_fresh(struct ports *p, uint16_t port)
{
	pair_release(p, pair_of(p, port));
}

void ports_give_foreign(struct ports *p, uint64_t now_ns, uint16_t port)
{
	uint32_t pair = pair_of(p, port);

	wake_rested(p, now_ns);
	rest_add(&p->foreign, now_ns + PORTS_FOREIGN_NS, pair);
	/* A few foreign ports are passed one by one. Steps by the golden section visit all parts of
	 * the range, whatever its size. */
	if (++p->n_in_row < FOREIGN_IN_ROW)
		return;
	p->n_in_row = 0;
	p->n_jumps++;
	p->next = (uint32_t)((uint64_t)p->n_words * (p->n_jumps * 618 % 1000) / 1000);
}

void ports_get_usage(struct ports *p, uint64_t now_ns, struct ports_usage *out)
{
	wake_rested(p, now_ns);
	*out = (struct ports_usage){
		.pairs = p->n,
		.in_use = p->n - p->n_free - p->quarantine.n - p->foreign.n,
		.resting = p->quarantine.n,
		.foreign = p->foreign.n,
	};
}
