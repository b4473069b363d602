/* SPDX-License-Identifier: MIT */
/* Next hops: how a packet from one of our addresses to a destination leaves, remembered for each
 * destination. */
#ifndef RELAY_IO_ROUTE_H
#define RELAY_IO_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "relay/io/frame.h"
#include "relay/io/route_nl.h"

/* Remembered routes and neighbours. Worker only. */
struct route_table;

/* What to do with a packet. */
enum route_way {
	ROUTE_BY_KERNEL, /* the next hop is not resolved, needs confirming, or is not on one of our
	                    devices */
	ROUTE_BY_FRAME,  /* as a frame: hop->link, hop->device */
	ROUTE_BY_NONE,   /* there is none */
};

/* A neighbour on a link. Lives until the table forgets everything. */
struct route_hop {
	struct addr ip;
	uint32_t ifindex;
	uint16_t mtu;        /* the link's */
	uint8_t state;       /* enum route_neighbour_state */
	int8_t device;       /* index into route_config.devices; -1: none of ours */
	uint64_t confirm_ns; /* from then on one packet goes by the kernel, which asks the neighbour
	                        again */
	uint8_t own_mac[6];
	uint16_t vlan;
	struct frame_link link[2]; /* for IPv4 and IPv6 packets */
};

/*
 *   kernel ──resolved──> frame ──15 s──> one packet by the kernel ──> frame
 *     ^  └──failed──> none ──1 s──> one packet by the kernel ──> none or frame
 *     └── neighbour gone, route changed
 */
struct route {
	struct addr from, to;  /* ports 0; to.version 0: an empty slot */
	struct route_hop *hop; /* NULL unless the way leads to a neighbour */
	uint64_t ask_ns;       /* from then on the kernel is asked again */
	uint32_t generation, epoch;
	uint16_t mtu; /* octets of an IP packet */
	uint8_t way;  /* without a hop: enum route_way */
};

struct route_config {
	const struct route_source *source;
	void *source_arg;
	const uint32_t *devices; /* interface indices that frames can be sent on, at most 64;
	                            borrowed for the call */
	unsigned n_devices;
};

enum err route_table_new(struct route_table **out, const struct route_config *config) MUST_USE;
void route_table_free(struct route_table *t);

/* Once a turn: what time it is. */
void route_table_turn(struct route_table *t, uint64_t now_ns);
/* Takes in what changed; when the source has news. True: addresses or links of this machine are
 * among it. */
bool route_table_hear(struct route_table *t);

/*
 * The route for packets from `from` to `to` (ports don't matter); never NULL, valid until the next
 * call of route_find, compared by route_is before later use. Asks the source on a miss, and again
 * after half a minute of use or when routes changed, a few times a turn at most: beyond that the
 * old answer stands, or the kernel is the way.
 */
struct route *route_find(struct route_table *t, const struct addr *from, const struct addr *to);
/* Which way the next packet takes. */
enum route_way route_choose(struct route_table *t, struct route *r);

static inline bool route_is(const struct route *r, const struct addr *from, const struct addr *to)
{
	return addr_ip_eq(&r->to, to) && addr_ip_eq(&r->from, from);
}

#endif
