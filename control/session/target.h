/* SPDX-License-Identifier: MIT */
/* Whether media may be sent to an address, from signalling or learned. Control thread only. */
#ifndef CONTROL_SESSION_TARGET_H
#define CONTROL_SESSION_TARGET_H

#include "base/addr.h"
#include "base/err.h"
#include "relay/relay.h"

enum { TARGET_LISTENERS_MAX = 32, TARGET_NETS_MAX = 64 };

/* An address that a device of this host has. */
struct target_local {
	struct addr ip;    /* port 0 */
	uint8_t bits;      /* of its network */
	bool is_broadcast; /* its network has a broadcast address */
	unsigned device;   /* interface index */
};

/* Settings media-deny and media-allow. */
struct targets_nets {
	unsigned n;
	struct addr_net items[TARGET_NETS_MAX];
};

/* An address that SDP names instead of an interface's (media-address). Packets sent there arrive at
 * that interface. */
struct target_alias {
	struct addr addr; /* port 0 */
	uint8_t interface;
};

/* The facts of a check; they do not change during it. */
struct target_facts {
	const struct relay_interface *interfaces;
	unsigned n_interfaces;
	const struct target_alias *aliases;
	unsigned n_aliases;
	const struct target_local *locals;
	unsigned n_locals;
	/* control, ng and http; 0.0.0.0 and :: mean every address */
	const struct addr *listeners;
	unsigned n_listeners;
	const struct addr_net *deny, *allow; /* settings media-deny, media-allow */
	unsigned n_deny, n_allow;
};

/*
 * May a leg on the interface whose address is `own` send media to `target`? ERR_DENIED: `why` names
 * the address, the reason and what to do. Never: our own listeners, unspecified, multicast and
 * broadcast addresses. Not without `allow`: loopback unless `own` is loopback, link-local addresses
 * of another network than the leg's, what `deny` names. IPv4 addresses inside IPv6 ones (RFC
 * 4291 2.5.5, RFC 6052 2.1, RFC 3056 2) are judged as both. Every port that no listener has may be
 * a target. `is_in_use`: the leg sends there already; rules that depend on settings do not apply,
 * so that a changed setting ends no call. Pure.
 */
enum err target_judge(const struct target_facts *f, const struct addr *target,
                      const struct addr *own, bool is_in_use, struct why *why) MUST_USE;

/* Has a listener that port? Only then the addresses of this host must be read again. */
bool target_is_listener_port(const struct target_facts *f, uint16_t port);

/*
 * The sources that a worker asks about before a leg learns them (relay_config.asked): all that the
 * judge might refuse, and our media ports. Writes at most `room` entries; returns the full number.
 */
unsigned target_asked(const struct target_facts *f, struct relay_asked_entry *out, unsigned room);

#endif
