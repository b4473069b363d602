/* SPDX-License-Identifier: MIT */
/* Chooses addresses and takes ports. A leg keeps the address and the ports that it has. */
#include "control/session/local.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "control/session/service_spec.h"

struct local {
	struct interfaces interfaces;
	struct ports *ports[RELAY_INTERFACES_MAX]; /* shared by interfaces with the same address */
	uint64_t last_turn[RELAY_INTERFACES_MAX];  /* `turn` of the last use; 0: never used */
	uint64_t turn;                             /* number of ports taken so far */
};

/* Input for giving addresses and ports to the legs of one session; see local_assign. */
struct assignment {
	struct local *local;
	struct spec_session *next;
	const struct spec_session *now;
	uint64_t now_ns;
	struct why *why;
};

/* --- making and ending ------------------------------------------------------ */

/* The index of the first interface with the same address as interface `i`. */
static unsigned first_on_address(const struct interfaces *l, unsigned i)
{
	unsigned k = 0;

	while (k < i && !addr_ip_eq(&l->items[k].bind, &l->items[i].bind))
		k++;
	return k;
}

enum err local_new(struct local **out, const struct interfaces *l, uint32_t quarantine_ms,
                   struct why *why)
{
	struct local *local = mem_alloc(sizeof(*local));
	enum err e = ERR_OK;

	if (!local)
		return why_fail(why, ERR_NOMEM, "out of memory");
	local->interfaces = *l;
	for (unsigned i = 0; i < l->n && !e; i++) {
		const struct relay_interface *f = &l->items[i];
		unsigned first = first_on_address(l, i);

		if (first < i)
			local->ports[i] = local->ports[first];
		else
			e = ports_new(&local->ports[i], f->port_min, f->port_max, quarantine_ms,
			              why);
		if (e)
			why_prefix(why, "interface %s", f->name);
	}
	if (e) {
		local_free(local);
		return e;
	}
	*out = local;
	return ERR_OK;
}

void local_free(struct local *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->interfaces.n; i++)
		if (first_on_address(&l->interfaces, i) == i)
			ports_free(l->ports[i]);
	mem_free(l);
}

void local_set_quarantine(struct local *l, uint32_t quarantine_ms)
{
	for (unsigned i = 0; i < l->interfaces.n; i++)
		ports_set_quarantine(l->ports[i], quarantine_ms);
}

void local_usage(struct local *l, unsigned interface, uint64_t now_ns, struct ports_usage *out)
{
	ports_get_usage(l->ports[interface], now_ns, out);
}

/* --- ports of legs ---------------------------------------------------------- */

static const struct spec_leg *leg_in(const struct spec_session *s, unsigned media, unsigned leg)
{
	return s ? service_spec_leg(s, media, leg) : NULL;
}

/* How the ports of a session are given back. */
struct giving {
	struct local *local;
	const struct spec_session *kept; /* its ports are not given back; NULL: all are */
	bool used;
	const struct addr *taken; /* held by another program; NULL: none */
	uint64_t now_ns;
};

static bool is_taken(const struct giving *g, const struct spec_place *p)
{
	return g->taken && (g->taken->port & ~1u) == p->port &&
	       addr_ip_eq(g->taken, &g->local->interfaces.items[p->interface].bind);
}

static void give(const struct giving *g, struct spec_place *p, const struct spec_leg *kept)
{
	struct ports *ports = g->local->ports[p->interface];

	if (!p->port || service_spec_has_place(kept, p))
		return;
	if (is_taken(g, p))
		ports_give_foreign(ports, g->now_ns, p->port);
	else if (g->used)
		ports_give_used(ports, g->now_ns, p->port);
	else
		ports_give_fresh(ports, p->port);
	*p = (struct spec_place){0};
}

static void give_all(const struct giving *g, struct spec_session *of)
{
	for (unsigned m = 0; m < of->media.n; m++)
		for (unsigned i = 0; i < of->media.items[m].legs.n; i++) {
			struct spec_leg *leg = &of->media.items[m].legs.items[i];

			if (!leg->exists)
				continue;
			give(g, &leg->at, leg_in(g->kept, m, i));
			give(g, &leg->other, leg_in(g->kept, m, i));
		}
}

void local_release(struct local *l, struct spec_session *of, const struct spec_session *kept,
                   bool used, uint64_t now_ns)
{
	give_all(&(struct giving){.local = l, .kept = kept, .used = used, .now_ns = now_ns}, of);
}

void local_release_refused(struct local *l, struct spec_session *of,
                           const struct spec_session *kept, const struct addr *taken,
                           uint64_t now_ns)
{
	give_all(&(struct giving){.local = l, .kept = kept, .taken = taken, .now_ns = now_ns}, of);
}

/* --- choosing --------------------------------------------------------------- */

/* The family that the leg's local address must have; 0: any. */
static uint8_t family_wanted(const struct spec_leg *leg)
{
	if (leg->relay.remote.version && !addr_is_any(&leg->relay.remote))
		return leg->relay.remote.version;
	return leg->family;
}

static bool fits(const struct local *l, const struct spec_leg *leg, const struct spec_place *p,
                 uint8_t family)
{
	uint8_t has = p->port ? l->interfaces.items[p->interface].advertised.version : 0;

	return has && (!family || has == family) &&
	       interfaces_has(&l->interfaces, leg->choice, p->interface, has);
}

/* Does another leg of the session with the same choice use this interface? */
static bool is_of_session(const struct assignment *a, const struct spec_leg *leg,
                          unsigned interface)
{
	for (unsigned m = 0; m < a->next->media.n; m++)
		for (unsigned i = 0; i < a->next->media.items[m].legs.n; i++) {
			const struct spec_leg *l = &a->next->media.items[m].legs.items[i];

			if (l->exists && l != leg && l->choice == leg->choice &&
			    ((l->at.port && l->at.interface == interface) ||
			     (l->other.port && l->other.interface == interface)))
				return true;
		}
	return false;
}

/* Chooses an interface that was not tried yet: one that the call uses already, else the one used
 * least recently. -1: none is left. `tried`: bits by index. */
static int choose(const struct assignment *a, const struct spec_leg *leg, uint8_t family,
                  uint64_t tried)
{
	const struct local *l = a->local;
	int best = -1;

	for (unsigned i = 0; i < l->interfaces.n; i++) {
		if (tried >> i & 1 || !interfaces_has(&l->interfaces, leg->choice, i, family))
			continue;
		if (is_of_session(a, leg, i))
			return (int)i;
		if (best < 0 || l->last_turn[i] < l->last_turn[best])
			best = (int)i;
	}
	return best;
}

static enum err take(struct assignment *a, struct spec_leg *leg, uint8_t wanted)
{
	struct local *l = a->local;
	uint8_t family = interfaces_family(&l->interfaces, leg->choice, wanted);
	uint64_t tried = 0;
	enum err e = ERR_OK;
	int i;

	if (!family) {
		char text[ADDR_TEXT_MAX];

		e = interfaces_lack(&l->interfaces, leg->choice, wanted, a->why);
		if (leg->relay.remote.version == wanted)
			why_prefix(a->why, "remote %s", addr_print(&leg->relay.remote, text));
		return e;
	}
	while ((i = choose(a, leg, family, tried)) >= 0) {
		uint16_t port = 0;

		tried |= 1ull << i;
		e = ports_take(l->ports[i], a->now_ns, &port, a->why);
		if (!e) {
			l->last_turn[i] = ++l->turn;
			leg->at = (struct spec_place){.interface = (uint8_t)i, .port = port};
			return ERR_OK;
		}
		why_prefix(a->why, "interface %s", l->interfaces.items[i].name);
	}
	return e;
}

/* Gives a leg of the new content its address and port. `now`: the present leg; NULL: none. */
static enum err assign(struct assignment *a, struct spec_leg *leg, const struct spec_leg *now)
{
	uint8_t family = family_wanted(leg);
	struct spec_place none = {0};

	/* Drops an address that does not fit the choice, or that an earlier try took. */
	if (!service_spec_has_place(now, &leg->at) || !fits(a->local, leg, &leg->at, 0))
		leg->at = none;
	if (!service_spec_has_place(now, &leg->other) || !fits(a->local, leg, &leg->other, 0))
		leg->other = none;
	if (fits(a->local, leg, &leg->at, family))
		return ERR_OK;
	if (fits(a->local, leg, &leg->other, family)) {
		struct spec_place at = leg->at;

		leg->at = leg->other;
		leg->other = at;
		return ERR_OK;
	}
	if (leg->at.port)
		leg->other = leg->at;
	leg->at = none;
	return take(a, leg, family);
}

static void name_leg(struct why *why, const struct spec_media *m, unsigned leg)
{
	why_prefix(why, "media \"%s\" leg %s", m->id, spec_leg_name(leg));
}

enum err local_assign(struct local *l, struct spec_session *next, const struct spec_session *now,
                      uint64_t now_ns, struct why *why)
{
	struct assignment a = {.local = l, .next = next, .now = now, .now_ns = now_ns, .why = why};
	enum err e = ERR_OK;

	for (unsigned m = 0; m < next->media.n; m++)
		for (unsigned i = 0; i < next->media.items[m].legs.n; i++) {
			struct spec_leg *leg = &next->media.items[m].legs.items[i];

			if (!leg->exists)
				continue;
			if (e) {
				/* This try took no ports for the legs after the failed one: they
				 * keep only the ports that the present leg has. */
				leg->at = service_spec_has_place(leg_in(now, m, i), &leg->at)
				                  ? leg->at
				                  : (struct spec_place){0};
				leg->other = service_spec_has_place(leg_in(now, m, i), &leg->other)
				                     ? leg->other
				                     : (struct spec_place){0};
				continue;
			}
			e = assign(&a, leg, leg_in(now, m, i));
			if (e)
				name_leg(why, &next->media.items[m], i);
		}
	if (e)
		local_release(l, next, now, false, now_ns);
	return e;
}
