/* SPDX-License-Identifier: MIT */
/* The table of next hops: asks the kernel, ages the answers, and follows notifications. */
#include "relay/io/route.h"

#include <string.h>

#include "base/clk.h"
#include "base/map.h"
#include "base/mem.h"
#include "keyctx/prim.h"

enum {
	/* sets of WAYS slots: 65,536 destinations. Untouched pages use no memory. */
	SETS = 16384,
	WAYS = 4,
	/* neighbours, open addressing; the table is emptied when three quarters are in use */
	HOPS = 8192,
	LINKS = 64,
	ASKS_PER_TURN = 32,
};

/* The kernel is asked again after this time: path MTUs age, and some changes cause no
 * notification. */
#define ROUTE_LIFE_NS  (30 * NS_PER_S)
#define ABSENT_LIFE_NS (1 * NS_PER_S)
/* half the time for which the kernel regards a neighbour as reachable after an answer */
#define CONFIRM_NS      (15 * NS_PER_S)
#define FAILED_RETRY_NS (1 * NS_PER_S)

struct route_table {
	const struct route_source *source;
	void *source_arg;
	uint32_t devices[64];
	unsigned n_devices;
	uint64_t now_ns;
	unsigned asks_left;
	/* the kernel is asked again about a route of an older generation, which stays in use until
	 * then */
	uint32_t generation;
	uint32_t epoch; /* a route of an older epoch has no valid hop pointer */
	uint8_t hash_key[16];
	unsigned n_hops, n_links;
	struct route_link links[LINKS];
	struct route by_kernel; /* the result when ASKS_PER_TURN is used up */
	struct route_hop hops[HOPS];
	struct route routes[SETS][WAYS];
};

enum err route_table_new(struct route_table **out, const struct route_config *config)
{
	struct route_table *t;
	enum err e;

	if (config->n_devices > ARRAY_LEN(t->devices))
		return ERR_LIMIT;
	t = mem_alloc(sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	e = prim_random(t->hash_key, sizeof(t->hash_key));
	if (e) {
		mem_free(t);
		return e;
	}
	t->source = config->source;
	t->source_arg = config->source_arg;
	memcpy(t->devices, config->devices, config->n_devices * sizeof(t->devices[0]));
	t->n_devices = config->n_devices;
	t->asks_left = ASKS_PER_TURN;
	t->by_kernel.way = ROUTE_BY_KERNEL;
	*out = t;
	return ERR_OK;
}

void route_table_free(struct route_table *t)
{
	mem_free(t);
}

void route_table_turn(struct route_table *t, uint64_t now_ns)
{
	t->now_ns = now_ns;
	t->asks_left = ASKS_PER_TURN;
}

/* Empties the tables of links and neighbours. Routes are not visited: their older epoch marks their
 * hop pointers as invalid. */
static void forget_everything(struct route_table *t)
{
	memset(t->hops, 0, sizeof(t->hops));
	t->n_hops = t->n_links = 0;
	t->epoch++;
}

/* --- links and neighbours --------------------------------------------------- */

static const struct route_link *find_link(struct route_table *t, uint32_t ifindex)
{
	struct route_link *l = t->links;

	for (unsigned i = 0; i < t->n_links; i++, l++)
		if (l->ifindex == ifindex)
			return l;
	if (t->n_links == LINKS) {
		t->n_links = 0;
		l = t->links;
	}
	if (t->source->ask_link(t->source_arg, ifindex, l))
		return NULL;
	t->n_links++;
	return l;
}

/* The slot of a neighbour, or the empty slot where it belongs. */
static struct route_hop *hop_slot(struct route_table *t, uint32_t ifindex, const struct addr *ip)
{
	uint8_t key[20];
	uint64_t h;

	memcpy(key, ip->ip, 16);
	memcpy(key + 16, &ifindex, 4);
	for (h = map_hash(t->hash_key, key, sizeof(key));; h++) {
		struct route_hop *hop = &t->hops[h % HOPS];

		if (!hop->ifindex || (hop->ifindex == ifindex && hop->ip.version == ip->version &&
		                      memcmp(hop->ip.ip, ip->ip, 16) == 0))
			return hop;
	}
}

static int8_t device_of(const struct route_table *t, uint32_t ifindex)
{
	for (unsigned i = 0; i < t->n_devices; i++)
		if (t->devices[i] == ifindex)
			return (int8_t)i;
	return -1;
}

static bool is_usable(const struct route_hop *hop)
{
	return hop->state == ROUTE_RESOLVED || hop->state == ROUTE_PERMANENT;
}

static void hop_take(struct route_table *t, struct route_hop *hop, const struct route_neighbour *n)
{
	hop->state = n->state;
	hop->confirm_ns = t->now_ns + (n->state == ROUTE_FAILED ? FAILED_RETRY_NS : CONFIRM_NS);
	if (!is_usable(hop))
		return;
	frame_link_make(&hop->link[0], n->mac, hop->own_mac, hop->vlan, 4);
	frame_link_make(&hop->link[1], n->mac, hop->own_mac, hop->vlan, 6);
}

static struct route_hop *find_hop(struct route_table *t, uint32_t ifindex, const struct addr *ip)
{
	struct route_hop *hop = hop_slot(t, ifindex, ip);
	struct route_neighbour n = {.state = ROUTE_UNRESOLVED};
	const struct route_link *link;

	if (hop->ifindex)
		return hop;
	link = find_link(t, ifindex);
	if (!link)
		return NULL;
	if (t->n_hops >= HOPS / 4 * 3) {
		forget_everything(t);
		return NULL;
	}
	t->n_hops++;
	hop->ifindex = ifindex;
	hop->ip = *ip;
	hop->mtu = link->mtu;
	hop->vlan = link->vlan;
	hop->device = link->is_ethernet ? device_of(t, link->vlan ? link->parent : ifindex) : -1;
	memcpy(hop->own_mac, link->mac, 6);
	if (hop->device >= 0 && t->source->ask_neighbour(t->source_arg, ifindex, ip, &n))
		n.state = ROUTE_UNRESOLVED;
	hop_take(t, hop, &n);
	return hop;
}

/* --- notifications ---------------------------------------------------------- */

bool route_table_hear(struct route_table *t)
{
	struct route_news news;
	struct route_hop *hop;
	bool is_own = false;

	while (t->source->next_news(t->source_arg, &news)) {
		switch (news.kind) {
		case ROUTE_NEWS_ROUTES:
			t->generation++;
			break;
		case ROUTE_NEWS_ADDRESSES:
			is_own = true;
			break;
		case ROUTE_NEWS_LINK:
		case ROUTE_NEWS_LOST:
			is_own = true;
			forget_everything(t);
			break;
		case ROUTE_NEWS_NEIGHBOUR:
			hop = hop_slot(t, news.neighbour.ifindex, &news.neighbour.ip);
			if (hop->ifindex)
				hop_take(t, hop, &news.neighbour);
			break;
		}
	}
	return is_own;
}

/* --- routes ----------------------------------------------------------------- */

static struct route *route_slot(struct route_table *t, const struct addr *from,
                                const struct addr *to)
{
	uint8_t key[36];
	uint64_t h;
	struct route *set;

	memcpy(key, from->ip, 16);
	memcpy(key + 16, to->ip, 16);
	memcpy(key + 32, &to->scope, 4);
	h = map_hash(t->hash_key, key, sizeof(key));
	set = t->routes[h % SETS];
	for (unsigned i = 0; i < WAYS; i++)
		if (route_is(&set[i], from, to))
			return &set[i];
	for (unsigned i = 0; i < WAYS; i++)
		if (!set[i].to.version)
			return &set[i];
	return &set[(h >> 32) % WAYS];
}

/* Asks the kernel for the route and, if it leads to a neighbour, for the neighbour. */
static void ask(struct route_table *t, struct route *r, const struct addr *from,
                const struct addr *to)
{
	struct route_answer a;
	struct route fresh = {
		.from = addr_with_port(from, 0),
		.to = addr_with_port(to, 0),
		.generation = t->generation,
		.ask_ns = t->now_ns + ROUTE_LIFE_NS,
		.mtu = UINT16_MAX,
		.way = ROUTE_BY_KERNEL,
	};

	t->asks_left--;
	if (t->source->ask_route(t->source_arg, from, to, &a)) {
		fresh.ask_ns = t->now_ns + ABSENT_LIFE_NS;
	} else if (a.kind == ROUTE_ABSENT) {
		fresh.way = ROUTE_BY_NONE;
		fresh.ask_ns = t->now_ns + ABSENT_LIFE_NS;
	} else if (a.kind == ROUTE_UNICAST && !a.needs_kernel) {
		fresh.hop = find_hop(t, a.ifindex, a.gateway.version ? &a.gateway : &fresh.to);
		if (fresh.hop)
			fresh.mtu = a.mtu && a.mtu < fresh.hop->mtu ? a.mtu : fresh.hop->mtu;
	}
	fresh.epoch = t->epoch; /* after find_hop, which may begin a new epoch */
	*r = fresh;
}

struct route *route_find(struct route_table *t, const struct addr *from, const struct addr *to)
{
	struct route *r = route_slot(t, from, to);

	if (route_is(r, from, to))
		return r;
	if (!t->asks_left)
		return &t->by_kernel;
	ask(t, r, from, to);
	return r;
}

/* True for one packet each time confirm_ns is reached: the caller sends that packet through the
 * kernel. */
static bool is_due(struct route_table *t, struct route_hop *hop, uint64_t again_ns)
{
	if (t->now_ns < hop->confirm_ns)
		return false;
	hop->confirm_ns = t->now_ns + again_ns;
	return true;
}

static enum route_way hop_way(struct route_table *t, struct route_hop *hop)
{
	if (hop->device < 0)
		return ROUTE_BY_KERNEL;
	switch ((enum route_neighbour_state)hop->state) {
	case ROUTE_PERMANENT:
		return ROUTE_BY_FRAME;
	case ROUTE_RESOLVED:
		return is_due(t, hop, CONFIRM_NS) ? ROUTE_BY_KERNEL : ROUTE_BY_FRAME;
	case ROUTE_FAILED:
		return is_due(t, hop, FAILED_RETRY_NS) ? ROUTE_BY_KERNEL : ROUTE_BY_NONE;
	case ROUTE_UNRESOLVED:
		break;
	}
	return ROUTE_BY_KERNEL;
}

enum route_way route_choose(struct route_table *t, struct route *r)
{
	bool is_old =
		t->now_ns >= r->ask_ns || r->generation != t->generation || r->epoch != t->epoch;

	if (is_old && r->to.version && t->asks_left) {
		struct addr from = r->from, to = r->to;

		ask(t, r, &from, &to);
	}
	if (r->epoch != t->epoch)
		return ROUTE_BY_KERNEL;
	return r->hop ? hop_way(t, r->hop) : (enum route_way)r->way;
}
