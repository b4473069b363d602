/* SPDX-License-Identifier: MIT */
/* Next hops: how a packet from a local address to a destination leaves, cached for each
 * destination. */
#ifndef RELAY_IO_ROUTE_H
#define RELAY_IO_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "relay/io/frame.h"
#include "relay/io/route_nl.h"

/* The cache of routes and neighbours. Worker only. */
struct route_table;

/* How a packet leaves. */
enum route_way {
	/* through the kernel: the next hop is unresolved, needs confirmation, or is not on one of
	 * our devices */
	ROUTE_BY_KERNEL,
	ROUTE_BY_FRAME, /* as a frame with hop->link through hop->device */
	ROUTE_BY_NONE,  /* not at all: there is no route, or the next hop does not answer */
};

/* A neighbour on a link. Valid until the table is emptied. */
struct route_hop {
	struct addr ip;
	uint32_t ifindex;
	uint16_t mtu;  /* MTU of the link */
	uint8_t state; /* enum route_neighbour_state */
	/* index into route_config.devices; -1: the link is on none of these devices */
	int8_t device;
	/* from this time on, one packet goes through the kernel, which then asks the neighbour
	 * again */
	uint64_t confirm_ns;
	uint8_t own_mac[6];
	uint16_t vlan;
	struct frame_link link[2]; /* link headers for IPv4 and for IPv6 packets */
};

/*
 *   kernel ──resolved──> frame ──15 s──> one packet by the kernel ──> frame
 *     ^  └──failed──> none ──1 s──> one packet by the kernel ──> none or frame
 *     └── neighbour gone, route changed
 */
struct route {
	struct addr from, to;  /* ports are 0; to.version 0: the slot is empty */
	struct route_hop *hop; /* NULL if the route does not lead to a neighbour */
	uint64_t ask_ns;       /* time from which on the kernel is asked about the route again */
	uint32_t generation, epoch;
	uint16_t mtu; /* largest IP packet in octets */
	uint8_t way;  /* enum route_way; used if hop is NULL */
};

struct route_config {
	const struct route_source *source;
	void *source_arg;
	/* interface indices that frames can be sent on, at most 64; borrowed for the call */
	const uint32_t *devices;
	unsigned n_devices;
};

enum err route_table_new(struct route_table **out, const struct route_config *config) MUST_USE;
void route_table_free(struct route_table *t);

/* Called once per turn with the current time. */
void route_table_turn(struct route_table *t, uint64_t now_ns);
/* Reads the notifications; call it when the source has news. True: addresses or links
 * of this machine changed. */
bool route_table_hear(struct route_table *t);

/*
 * The route for packets from `from` to `to`; ports are ignored. Never NULL. Valid until the next
 * call of route_find; to use it later, check it with route_is first. Asks the source for a new
 * destination, after 30 s, and when routes changed, but only a few times per turn: beyond that, the
 * result is the old answer or the way through the kernel.
 */
struct route *route_find(struct route_table *t, const struct addr *from, const struct addr *to);
/* How the next packet of the route leaves. */
enum route_way route_choose(struct route_table *t, struct route *r);

static inline bool route_is(const struct route *r, const struct addr *from, const struct addr *to)
{
	return addr_ip_eq(&r->to, to) && addr_ip_eq(&r->from, from);
}

#endif
