/* SPDX-License-Identifier: MIT */
/* Implements the port book as a table: an entry for each pair of ports of each interface. */
#include "control/session/port_book.h"

#include "base/clk.h"
#include "base/mem.h"

struct pair {
	struct leg_name leg; /* the owner; session NULL: no leg owns the pair */
	uint64_t closed_ns;  /* when the ports were last closed (monotonic); 0: never */
};

/* The pairs of one interface. */
struct shelf {
	uint16_t first; /* even port of pair 0 */
	uint32_t n;
	struct pair *pairs;
};

struct port_book {
	const struct relay_interface *interfaces;
	unsigned n;
	struct shelf shelves[RELAY_INTERFACES_MAX];
	struct target_alias said[PORT_BOOK_SAID_MAX];
	unsigned n_said, next_said;
};

enum err port_book_new(struct port_book **out, const struct relay_interface *interfaces, unsigned n)
{
	struct port_book *b = mem_alloc(sizeof(*b));

	if (!b)
		return ERR_NOMEM;
	b->interfaces = interfaces;
	b->n = n;
	for (unsigned i = 0; i < n; i++) {
		struct shelf *s = &b->shelves[i];
		uint32_t first = interfaces[i].port_min + (interfaces[i].port_min & 1u);

		s->first = (uint16_t)first;
		s->n = interfaces[i].port_max > first ? (interfaces[i].port_max + 1u - first) / 2
		                                      : 0;
		s->pairs = mem_array(s->n, sizeof(*s->pairs));
		if (!s->pairs) {
			port_book_free(b);
			return ERR_NOMEM;
		}
	}
	*out = b;
	return ERR_OK;
}

void port_book_free(struct port_book *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < b->n; i++)
		mem_free(b->shelves[i].pairs);
	mem_free(b);
}

static struct pair *pair_at(const struct port_book *b, unsigned interface, uint16_t port)
{
	const struct shelf *s = &b->shelves[interface];
	uint32_t pair = (uint32_t)(port - s->first) / 2;

	return port >= s->first && pair < s->n ? &s->pairs[pair] : NULL;
}

void port_book_take(struct port_book *b, unsigned interface, uint16_t port,
                    const struct leg_name *leg)
{
	struct pair *p = pair_at(b, interface, port);

	CHECK(p != NULL);
	p->leg = *leg;
}

void port_book_give(struct port_book *b, unsigned interface, uint16_t port, uint64_t now_ns)
{
	struct pair *p = pair_at(b, interface, port);

	CHECK(p != NULL);
	p->leg.session = NULL;
	if (now_ns)
		p->closed_ns = now_ns;
}

bool port_book_say(struct port_book *b, unsigned interface, const struct addr *a)
{
	struct target_alias *s;

	if (addr_is_same_host(a, &b->interfaces[interface].bind) ||
	    addr_is_same_host(a, &b->interfaces[interface].advertised))
		return false;
	for (unsigned i = 0; i < b->n_said; i++)
		if (b->said[i].interface == interface && addr_is_same_host(&b->said[i].addr, a))
			return false;
	s = &b->said[b->next_said];
	*s = (struct target_alias){.addr = addr_with_port(a, 0), .interface = (uint8_t)interface};
	b->next_said = (b->next_said + 1) % PORT_BOOK_SAID_MAX;
	b->n_said += b->n_said < PORT_BOOK_SAID_MAX;
	return true;
}

const struct target_alias *port_book_said(const struct port_book *b, unsigned *n)
{
	*n = b->n_said;
	return b->said;
}

static bool was_said_of(const struct port_book *b, unsigned interface, const struct addr *a)
{
	for (unsigned i = 0; i < b->n_said; i++)
		if (b->said[i].interface == interface && addr_is_same_host(&b->said[i].addr, a))
			return true;
	return false;
}

/* Is `a` an address of the interface: bound, advertised, or named in SDP? Interfaces with the same
 * bound address count as one. */
static bool comes_to(const struct port_book *b, unsigned interface, const struct addr *a)
{
	const struct addr *own = &b->interfaces[interface].bind;

	for (unsigned i = 0; i < b->n; i++)
		if (addr_is_same_host(&b->interfaces[i].bind, own) &&
		    (addr_is_same_host(&b->interfaces[i].advertised, a) || was_said_of(b, i, a)))
			return true;
	return addr_is_same_host(own, a);
}

/* The pair of this interface that receives packets sent to `a`; NULL: none. */
static struct pair *reached(const struct port_book *b, unsigned interface, const struct addr *a)
{
	struct pair *p = pair_at(b, interface, a->port);

	return p && comes_to(b, interface, a) ? p : NULL;
}

unsigned port_book_find(const struct port_book *b, const struct addr *a,
                        struct leg_name out[PORT_BOOK_FINDS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++) {
		const struct pair *p = reached(b, i, a);

		if (p && p->leg.session)
			out[n++] = p->leg;
	}
	return n;
}

bool port_book_holds(const struct port_book *b, const struct addr *a, uint64_t now_ns)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct pair *p = reached(b, i, a);

		if (p && (p->leg.session ||
		          (p->closed_ns && now_ns - p->closed_ns < PORT_BOOK_AFTER_NS)))
			return true;
	}
	return false;
}

struct addr port_book_inside(const struct port_book *b, const struct addr *a)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct addr inside = addr_with_port(&b->interfaces[i].bind, a->port);

		if (reached(b, i, a))
			return inside.version == a->version ? inside : *a;
	}
	return *a;
}
