/* SPDX-License-Identifier: MIT */
/* Checks media targets by a table of reasons, each with its test. */
#include "control/session/target.h"

#include <string.h>

/* --- reasons ---------------------------------------------------------------- */

bool target_is_listener_port(const struct target_facts *f, uint16_t port)
{
	for (unsigned i = 0; i < f->n_listeners; i++)
		if (f->listeners[i].port == port)
			return true;
	return false;
}

/* Does the address belong to this host: to a device, an --interface, an alias or a listener? */
static bool is_local(const struct target_facts *f, const struct addr *a)
{
	if (addr_is_loopback(a))
		return true;
	for (unsigned i = 0; i < f->n_locals; i++)
		if (addr_is_same_host(&f->locals[i].ip, a))
			return true;
	for (unsigned i = 0; i < f->n_interfaces; i++)
		if (addr_is_same_host(&f->interfaces[i].bind, a) ||
		    addr_is_same_host(&f->interfaces[i].advertised, a))
			return true;
	for (unsigned i = 0; i < f->n_aliases; i++)
		if (addr_is_same_host(&f->aliases[i].addr, a))
			return true;
	for (unsigned i = 0; i < f->n_listeners; i++)
		if (addr_is_same_host(&f->listeners[i], a))
			return true;
	return false;
}

static bool is_listener(const struct target_facts *f, const struct addr *a, const struct addr *own)
{
	(void)own;
	return target_is_listener_port(f, a->port) && is_local(f, a);
}

/* 0.0.0.0/8 is "this network" (RFC 791 3.2); Linux treats 0.0.0.0 as this host. */
static bool is_unspecified(const struct target_facts *f, const struct addr *a,
                           const struct addr *own)
{
	(void)f, (void)own;
	return addr_is_any(a) || (a->version == 4 && a->ip[0] == 0);
}

static bool is_multicast(const struct target_facts *f, const struct addr *a, const struct addr *own)
{
	(void)f, (void)own;
	return addr_is_multicast(a);
}

/* Is `a` a broadcast address of this network: its last address, or in the older form the first (RFC
 * 1122 3.2.1.3)? */
static bool ends_network(const struct target_local *l, const struct addr *a)
{
	uint32_t host = l->bits < 32 ? UINT32_MAX >> l->bits : 0, ip = 0, ours = 0;

	for (unsigned i = 0; i < 4; i++) {
		ip = ip << 8 | a->ip[i];
		ours = ours << 8 | l->ip.ip[i];
	}
	return l->bits < 31 && (ip | host) == (ours | host) &&
	       ((ip & host) == host || (ip & host) == 0);
}

static bool is_broadcast(const struct target_facts *f, const struct addr *a, const struct addr *own)
{
	static const uint8_t all[4] = {255, 255, 255, 255};

	(void)own;
	if (a->version != 4)
		return false;
	if (memcmp(a->ip, all, sizeof(all)) == 0)
		return true;
	for (unsigned i = 0; i < f->n_locals; i++)
		if (f->locals[i].is_broadcast && f->locals[i].ip.version == 4 &&
		    ends_network(&f->locals[i], a))
			return true;
	return false;
}

static bool is_foreign_loopback(const struct target_facts *f, const struct addr *a,
                                const struct addr *own)
{
	(void)f;
	return addr_is_loopback(a) && !addr_is_loopback(own);
}

static unsigned device_of(const struct target_facts *f, const struct addr *own)
{
	for (unsigned i = 0; i < f->n_locals; i++)
		if (addr_is_same_host(&f->locals[i].ip, own) &&
		    (!own->scope || own->scope == f->locals[i].device))
			return f->locals[i].device;
	return own->scope;
}

/* A link-local address is valid on one link only. True unless that can be the leg's own link: the
 * device of `own` must have a link-local address of the same family. */
static bool is_foreign_link_local(const struct target_facts *f, const struct addr *a,
                                  const struct addr *own)
{
	unsigned device;

	if (!addr_is_link_local(a))
		return false;
	if (addr_is_link_local(own) && own->version == a->version &&
	    (!a->scope || a->scope == own->scope))
		return false;
	device = device_of(f, own);
	if (!device || (a->version == 6 && a->scope != device))
		return true;
	for (unsigned i = 0; i < f->n_locals; i++)
		if (f->locals[i].device == device && f->locals[i].ip.version == a->version &&
		    addr_is_link_local(&f->locals[i].ip))
			return false;
	return true;
}

static bool is_in(const struct addr_net *nets, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_net_has(&nets[i], a))
			return true;
	return false;
}

static bool is_denied(const struct target_facts *f, const struct addr *a, const struct addr *own)
{
	(void)own;
	return is_in(f->deny, f->n_deny, a);
}

/* --- judgement -------------------------------------------------------------- */

static const struct {
	bool (*is)(const struct target_facts *f, const struct addr *a, const struct addr *own);
	bool can_be_allowed;
	const char *reason;
} rules[] = {
	{is_listener, false, "the gateway's own control, ng or http listener has that port"},
	{is_unspecified, false, "it is the unspecified address"},
	{is_multicast, false, "it is a multicast address"},
	{is_broadcast, false, "it is a broadcast address"},
	{is_foreign_loopback, true, "it is loopback, and the leg's interface is not"},
	{is_foreign_link_local, true, "it is link-local, and not on the leg's own interface"},
	{is_denied, true, "media-deny names its network"},
};

/* Finds the IPv4 address that an IPv6 address contains. False: it contains none. */
static bool unwrap(const struct addr *a, struct addr *out)
{
	static const uint8_t translated[12] = {0x00, 0x64, 0xff, 0x9b}, zero[12] = {0},
			     mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned at = 12;

	if (a->version != 6 || addr_is_any(a) || addr_is_loopback(a))
		return false;
	if (a->ip[0] == 0x20 && a->ip[1] == 0x02)
		at = 2;
	else if (memcmp(a->ip, translated, 12) != 0 && memcmp(a->ip, zero, 12) != 0 &&
	         memcmp(a->ip, mapped, 12) != 0)
		return false;
	*out = (struct addr){.version = 4, .port = a->port};
	memcpy(out->ip, a->ip + at, 4);
	return true;
}

/* An address under judgement. `said`: the address in signalling or in the packet; `a`: the same, or
 * the IPv4 address inside it; `own`: the address of the leg's interface. */
struct judged {
	const struct addr *a, *own, *said;
	bool is_in_use;
};

static enum err judge_one(const struct target_facts *f, const struct judged *j, struct why *why)
{
	const struct addr *a = j->a;
	bool is_allowed = j->is_in_use || is_in(f->allow, f->n_allow, a);
	char text[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < ARRAY_LEN(rules); i++)
		if (!(is_allowed && rules[i].can_be_allowed) && rules[i].is(f, a, j->own))
			return why_fail(why, ERR_DENIED, "no media is sent to %s: %s%s",
			                addr_print(j->said, text), rules[i].reason,
			                rules[i].can_be_allowed
			                        ? "; the setting media-allow can permit it"
			                        : "");
	return ERR_OK;
}

enum err target_judge(const struct target_facts *f, const struct addr *target,
                      const struct addr *own, bool is_in_use, struct why *why)
{
	struct addr inner;
	struct judged j = {.a = target, .own = own, .said = target, .is_in_use = is_in_use};
	enum err e = judge_one(f, &j, why);

	j.a = &inner;
	if (!e && unwrap(target, &inner))
		e = judge_one(f, &j, why);
	return e;
}

/* --- sources that workers must ask about ------------------------------------ */

static const struct {
	const char *net;
	bool spares_loopback;
} special[] = {
	{"0.0.0.0/8", false},    {"127.0.0.0/8", true},      {"169.254.0.0/16", false},
	{"224.0.0.0/4", false},  {"255.255.255.255", false}, {"::/96", true},
	{"64:ff9b::/96", false}, {"2002::/16", false},       {"fe80::/10", false},
	{"ff00::/8", false},
};

struct asked_list {
	struct relay_asked_entry *out;
	unsigned n, room;
};

static void add(struct asked_list *l, const struct relay_asked_entry *e)
{
	if (l->n < l->room)
		l->out[l->n] = *e;
	l->n++;
}

static void add_ports(struct asked_list *l, const struct addr *ip, uint16_t from, uint16_t to)
{
	struct relay_asked_entry e = {
		.net = {.net = addr_with_port(ip, 0), .bits = ip->version == 6 ? 128 : 32},
		.port_min = from,
		.port_max = to};

	add(l, &e);
}

/* Adds a listener's port with every address. Control checks later whether it is this host's. */
static void add_listener(struct asked_list *l, uint16_t port)
{
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct relay_asked_entry e = {
			.net = {.net = {.version = version}}, .port_min = port, .port_max = port};

		add(l, &e);
	}
}

/* Adds the broadcast addresses of a network: its first address (the older form) and its last. */
static void add_ends(struct asked_list *l, const struct target_local *at)
{
	uint32_t host = at->bits < 32 ? UINT32_MAX >> at->bits : 0;

	for (unsigned k = 0; k < 2; k++) {
		struct addr end = at->ip;

		for (unsigned i = 0; i < 4; i++) {
			uint8_t mask = (uint8_t)(host >> (24 - 8 * i));

			end.ip[i] = k ? end.ip[i] | mask : end.ip[i] & (uint8_t)~mask;
		}
		add_ports(l, &end, 0, UINT16_MAX);
	}
}

unsigned target_asked(const struct target_facts *f, struct relay_asked_entry *out, unsigned room)
{
	struct asked_list l = {.out = out, .room = room};

	for (unsigned i = 0; i < f->n_interfaces; i++) {
		const struct relay_interface *at = &f->interfaces[i];

		add_ports(&l, &at->bind, at->port_min, at->port_max);
		if (!addr_is_same_host(&at->bind, &at->advertised))
			add_ports(&l, &at->advertised, at->port_min, at->port_max);
	}
	for (unsigned i = 0; i < f->n_aliases; i++) {
		const struct relay_interface *at = &f->interfaces[f->aliases[i].interface];

		add_ports(&l, &f->aliases[i].addr, at->port_min, at->port_max);
	}
	for (unsigned i = 0; i < f->n_listeners; i++)
		add_listener(&l, f->listeners[i].port);
	for (unsigned i = 0; i < ARRAY_LEN(special); i++) {
		struct relay_asked_entry e = {.port_max = UINT16_MAX,
		                              .spares_loopback = special[i].spares_loopback};

		if (!addr_net_parse(str_of(special[i].net), &e.net))
			add(&l, &e);
	}
	for (unsigned i = 0; i < f->n_deny; i++)
		add(&l, &(struct relay_asked_entry){.net = f->deny[i], .port_max = UINT16_MAX});
	for (unsigned i = 0; i < f->n_locals; i++)
		if (f->locals[i].is_broadcast && f->locals[i].ip.version == 4 &&
		    f->locals[i].bits < 31)
			add_ends(&l, &f->locals[i]);
	return l.n;
}
