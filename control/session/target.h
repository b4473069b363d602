/* SPDX-License-Identifier: MIT */
/* Judges whether media may be sent to an address that signalling names or a leg learns. Control
 * thread only. */
#ifndef CONTROL_SESSION_TARGET_H
#define CONTROL_SESSION_TARGET_H

#include "base/addr.h"
#include "base/err.h"
#include "relay/relay.h"

enum { TARGET_LISTENERS_MAX = 32, TARGET_NETS_MAX = 64 };

/* An address that a device of this host has. */
struct target_local {
	struct addr ip;    /* port 0 */
	uint8_t bits;      /* prefix length of the address's network */
	bool is_broadcast; /* the network has a broadcast address */
	unsigned device;   /* the kernel's index of the device */
};

/* Settings media-deny and media-allow. */
struct targets_nets {
	unsigned n;
	struct addr_net items[TARGET_NETS_MAX];
};

/* An address that SDP names instead of the interface's own (media-address). Packets sent to it
 * arrive at the interface. */
struct target_alias {
	struct addr addr; /* port 0 */
	uint8_t interface;
};

/* The facts that a check uses; they do not change during the check. */
struct target_facts {
	const struct relay_interface *interfaces;
	unsigned n_interfaces;
	const struct target_alias *aliases;
	unsigned n_aliases;
	const struct target_local *locals;
	unsigned n_locals;
	/* addresses of the control, ng and http listeners; 0.0.0.0 and :: mean every address */
	const struct addr *listeners;
	unsigned n_listeners;
	const struct addr_net *deny, *allow; /* settings media-deny, media-allow */
	unsigned n_deny, n_allow;
};

/*
 * May a leg on the interface whose address is `own` send media to `target`? ERR_DENIED: `why` names
 * the address, the reason and what to do. Always denied: our own listeners, unspecified, multicast
 * and broadcast addresses. Denied unless `allow` has the address: loopback unless `own` is
 * loopback, link-local addresses of another network than the leg's, networks of `deny`. An IPv6
 * address that contains an IPv4 address (RFC 4291 2.5.5, RFC 6052 2.1, RFC 3056 2) is judged as
 * both. Any port may be a target, except a listener's. `is_in_use`: the leg sends there already, so
 * the rules that `allow` can lift do not apply and a changed setting ends no call. The result
 * depends on the parameters alone.
 */
enum err target_judge(const struct target_facts *f, const struct addr *target,
                      const struct addr *own, bool is_in_use, struct why *why) MUST_USE;

/* Does a listener have that port? Only then must the addresses of this host be read again. */
bool target_is_listener_port(const struct target_facts *f, uint16_t port);

/*
 * Lists the sources that a worker must ask about before a leg learns them (relay_set_asked): all
 * that the judge might refuse, and our media ports. Writes at most `room` entries; returns the
 * number of all.
 */
unsigned target_asked(const struct target_facts *f, struct relay_asked_entry *out, unsigned room);

#endif
