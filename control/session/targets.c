/* SPDX-License-Identifier: MIT */
/* Collects the facts about this host's addresses, and checks sessions against them. */
#include "control/session/targets.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/session/service_spec.h"

#define LOCALS_AGE_NS NS_PER_S

struct targets {
	struct target_facts facts;
	const struct targets_nets *deny, *allow; /* settings; NULL: none */
	struct target_local *locals;             /* owned; facts.locals points to it */
	uint64_t read_ns;                        /* when `locals` was read (monotonic); 0: never */
	uint64_t logged_ns;                      /* see targets_may_log; 0: never */
	struct addr listeners[TARGET_LISTENERS_MAX];
	struct port_book *book;
};

enum err targets_new(struct targets **out, const struct relay_interface *interfaces,
                     unsigned n_interfaces, const struct targets_nets *deny,
                     const struct targets_nets *allow)
{
	struct targets *t = mem_alloc(sizeof(*t));

	if (!t)
		return ERR_NOMEM;
	t->facts = (struct target_facts){
		.interfaces = interfaces,
		.n_interfaces = n_interfaces,
		.listeners = t->listeners,
	};
	t->deny = deny;
	t->allow = allow;
	if (port_book_new(&t->book, interfaces, n_interfaces)) {
		targets_free(t);
		return ERR_NOMEM;
	}
	*out = t;
	return ERR_OK;
}

void targets_free(struct targets *t)
{
	if (!t)
		return;
	port_book_free(t->book);
	mem_free(t->locals);
	mem_free(t);
}

enum err targets_add_listener(struct targets *t, const struct addr *a)
{
	if (t->facts.n_listeners == TARGET_LISTENERS_MAX)
		return ERR_LIMIT;
	t->listeners[t->facts.n_listeners++] = *a;
	return ERR_OK;
}

struct port_book *targets_book(struct targets *t)
{
	return t->book;
}

/* --- ports of legs ---------------------------------------------------------- */

static void take(struct targets *t, const struct spec_place *p, const struct leg_name *leg)
{
	if (p->port)
		port_book_take(t->book, p->interface, p->port, leg);
}

void targets_take_ports(struct targets *t, const struct registry_session *s,
                        const struct spec_session *next)
{
	for (unsigned m = 0; m < next->media.n; m++)
		for (unsigned i = 0; i < next->media.items[m].legs.n; i++) {
			const struct spec_leg *l = service_spec_leg(next, m, i);
			struct leg_name name = {
				.session = s, .media = (uint8_t)m, .leg = (uint8_t)i};

			if (!l)
				continue;
			take(t, &l->at, &name);
			take(t, &l->other, &name);
		}
}

static void give(struct targets *t, const struct spec_place *p, const struct spec_leg *kept,
                 uint64_t now_ns)
{
	if (p->port && !service_spec_has_place(kept, p))
		port_book_give(t->book, p->interface, p->port, now_ns);
}

void targets_give_ports(struct targets *t, const struct spec_session *of,
                        const struct spec_session *kept, uint64_t now_ns)
{
	for (unsigned m = 0; m < of->media.n; m++)
		for (unsigned i = 0; i < of->media.items[m].legs.n; i++) {
			const struct spec_leg *l = service_spec_leg(of, m, i),
					      *k = kept ? service_spec_leg(kept, m, i) : NULL;

			if (!l)
				continue;
			give(t, &l->at, k, now_ns);
			give(t, &l->other, k, now_ns);
		}
}

bool targets_may_log(struct targets *t, uint64_t now_ns)
{
	if (t->logged_ns && now_ns - t->logged_ns < NS_PER_S)
		return false;
	t->logged_ns = now_ns;
	return true;
}

/* --- addresses of this host ------------------------------------------------- */

static uint8_t bits_of(const struct sockaddr *mask)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)mask;

	return mask && mask->sa_family == AF_INET
	               ? (uint8_t)__builtin_popcount(in4->sin_addr.s_addr)
	               : 32;
}

static void put_local(struct target_local *l, const struct ifaddrs *a)
{
	l->ip.port = 0;
	l->bits = l->ip.version == 4 ? bits_of(a->ifa_netmask) : 128;
	l->is_broadcast = (a->ifa_flags & IFF_POINTOPOINT) == 0;
	l->device = if_nametoindex(a->ifa_name);
}

/* Reads the addresses of this host. Keeps the previous list if the kernel gives none. ERR_NOMEM. */
static enum err read_locals(struct targets *t, uint64_t now_ns)
{
	struct ifaddrs *all, *a;
	struct target_local *locals;
	unsigned n = 0, room = 0;

	if (getifaddrs(&all))
		return ERR_OK;
	for (a = all; a; a = a->ifa_next)
		room++;
	locals = mem_array(room ? room : 1, sizeof(*locals));
	for (a = locals ? all : NULL; a; a = a->ifa_next)
		if (a->ifa_addr && !addr_from_sockaddr(a->ifa_addr, &locals[n].ip))
			put_local(&locals[n++], a);
	freeifaddrs(all);
	if (!locals)
		return ERR_NOMEM;
	mem_free(t->locals);
	t->locals = locals;
	t->facts.locals = locals;
	t->facts.n_locals = n;
	t->read_ns = now_ns ? now_ns : 1;
	return ERR_OK;
}

/* Updates the facts that a reload or an address in SDP may have changed. */
static void look_again(struct targets *t)
{
	struct target_facts *f = &t->facts;

	f->deny = t->deny ? t->deny->items : NULL;
	f->n_deny = t->deny ? t->deny->n : 0;
	f->allow = t->allow ? t->allow->items : NULL;
	f->n_allow = t->allow ? t->allow->n : 0;
	f->aliases = port_book_said(t->book, &f->n_aliases);
}

static enum err refresh(struct targets *t, const struct addr *target, uint64_t now_ns)
{
	look_again(t);
	if (t->read_ns == 0 || now_ns - t->read_ns >= LOCALS_AGE_NS ||
	    target_is_listener_port(&t->facts, target->port))
		return read_locals(t, now_ns);
	return ERR_OK;
}

enum err targets_fill_asked(struct targets *t, struct relay_asked *out)
{
	enum err e = read_locals(t, t->read_ns);
	unsigned n;

	if (e)
		return e;
	look_again(t);
	n = target_asked(&t->facts, out->entries, RELAY_ASKED_MAX);
	out->n = n < RELAY_ASKED_MAX ? n : RELAY_ASKED_MAX;
	if (n > RELAY_ASKED_MAX)
		log_warn("service",
		         "more networks need a check before a leg learns a source in them than can "
		         "have it: legs learn sources in the last ones without a check; give fewer "
		         "networks in media-deny",
		         LOG_UINT(networks, n), LOG_UINT(networks_max, RELAY_ASKED_MAX));
	return ERR_OK;
}

/* --- judgement -------------------------------------------------------------- */

/* A target of a leg, and the interface from which packets to it leave. */
struct aim {
	const struct addr *target;
	unsigned interface;
	bool is_in_use; /* the leg sends there already */
};

/* Judges a target. 0.0.0.0 and :: mean hold (RFC 3264 8.4): always accepted, nothing is sent. */
static enum err judge(struct targets *t, const struct aim *a, uint64_t now_ns, struct why *why)
{
	if (addr_is_none(a->target) || addr_is_any(a->target))
		return ERR_OK;
	if (refresh(t, a->target, now_ns))
		return why_fail(why, ERR_NOMEM, "out of memory");
	return target_judge(&t->facts, a->target, &t->facts.interfaces[a->interface].bind,
	                    a->is_in_use, why);
}

static void name_place(struct why *why, unsigned media, unsigned leg, const char *field)
{
	why_prefix(why, "media[%u].legs.%s%s", media, spec_leg_name(leg), field);
}

/* Does leg `l` (NULL: no leg) send to `target` from `interface`? */
static bool sends_to(const struct spec_leg *l, const struct addr *target, unsigned interface)
{
	struct addr rtcp = l ? loops_rtcp_target(l) : (struct addr){0};

	return l && l->at.interface == interface &&
	       (addr_eq(&l->relay.remote, target) || addr_eq(&rtcp, target));
}

struct judging {
	struct targets *targets;
	uint64_t now_ns;
};

/* Judges the RTP and RTCP targets of a leg. `was`: the leg as it is now; NULL: none. *field: the
 * name of the last judged field. */
static enum err judge_leg(const struct judging *j, const struct spec_leg *l,
                          const struct spec_leg *was, const char **field, struct why *why)
{
	static const char *const fields[] = {".remote", ".remote_rtcp"};
	const struct addr rtcp = loops_rtcp_target(l), *const to[] = {&l->relay.remote, &rtcp};
	enum err e = ERR_OK;

	for (unsigned i = 0; i < ARRAY_LEN(to) && !e; i++) {
		struct aim a = {.target = to[i],
		                .interface = l->at.interface,
		                .is_in_use = sends_to(was, to[i], l->at.interface)};

		*field = fields[i];
		e = judge(j->targets, &a, j->now_ns, why);
	}
	return e;
}

enum err targets_check(struct targets *t, const struct targets_change *c, uint64_t now_ns,
                       struct why *why)
{
	const struct judging j = {.targets = t, .now_ns = now_ns};
	struct leg_name at = {.session = c->session};

	for (at.media = 0; at.media < c->next->media.n; at.media++) {
		for (at.leg = 0; at.leg < c->next->media.items[at.media].legs.n; at.leg++) {
			const struct spec_leg *l = service_spec_leg(c->next, at.media, at.leg);
			const char *field = "";
			enum err e;

			if (!l)
				continue;
			e = judge_leg(&j, l,
			              c->now ? service_spec_leg(c->now, at.media, at.leg) : NULL,
			              &field, why);
			if (!e) {
				field = "";
				e = loops_check(t->book, &at, c->next, NULL, why);
			}
			if (e) {
				name_place(why, at.media, at.leg, field);
				return e;
			}
		}
	}
	return ERR_OK;
}

/* The index of the interface from which packets to that target leave. */
static unsigned interface_towards(const struct targets *t, const struct spec_leg *l,
                                  const struct addr *target)
{
	bool is_other = l->other.port &&
	                t->facts.interfaces[l->other.interface].bind.version == target->version;

	return is_other ? l->other.interface : l->at.interface;
}

enum err targets_check_more(struct targets *t, const struct leg_name *at, const struct addr *target,
                            uint64_t now_ns, struct why *why)
{
	const struct registry_session *s = at->session;
	const struct spec_leg *l = service_spec_leg(s->spec, at->media, at->leg);
	struct aim a = {.target = target};
	enum err e;

	if (!l)
		return ERR_OK;
	a.interface = interface_towards(t, l, target);
	a.is_in_use = sends_to(l, target, l->at.interface);
	e = judge(t, &a, now_ns, why);
	if (!e)
		e = loops_check(t->book, at, s->next ? s->next : s->spec, target, why);
	if (e)
		name_place(why, at->media, at->leg, "");
	return e;
}
