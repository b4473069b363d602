/* SPDX-License-Identifier: MIT */
/* What the kernel knows of routes, links and neighbours: asked and listened to over rtnetlink. The
 * doorway to libmnl. */
#ifndef RELAY_IO_ROUTE_NL_H
#define RELAY_IO_ROUTE_NL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/* Two netlink sockets: one to ask, one that hears what changes. One thread. */
struct route_nl;

enum route_kind {
	ROUTE_UNICAST, /* to a neighbour on a link */
	ROUTE_OWN,     /* to an address of this machine, or to many: for the kernel alone */
	ROUTE_ABSENT,  /* no route, or one that forbids */
};

struct route_answer {
	enum route_kind kind;
	uint32_t ifindex;
	struct addr gateway; /* none: the destination is on the link itself */
	uint16_t mtu;        /* of the route or the path discovered; 0: the link's */
	bool needs_kernel;   /* encapsulation, which only the kernel does */
};

struct route_link {
	uint32_t ifindex;
	uint32_t parent; /* VLAN devices: the device below; else 0 */
	uint16_t vlan;   /* VLAN devices: their id */
	uint16_t mtu;    /* at most 65535 */
	uint8_t mac[6];
	bool is_ethernet, is_up, is_loopback;
	uint32_t xdp_prog; /* id of an XDP program that sits there; 0: none */
};

enum route_neighbour_state {
	ROUTE_UNRESOLVED,
	ROUTE_RESOLVED,  /* has a link address; may be stale: then it needs confirming */
	ROUTE_PERMANENT, /* never needs confirming */
	ROUTE_FAILED,    /* did not answer */
};

struct route_neighbour {
	uint32_t ifindex;
	struct addr ip;
	enum route_neighbour_state state;
	uint8_t mac[6];
};

/* An address of this machine. */
struct route_address {
	uint32_t ifindex;
	struct addr ip;
	struct addr broadcast; /* of its network, IPv4 alone; else none */
};

/* Something changed. */
struct route_news {
	enum {
		ROUTE_NEWS_ROUTES,    /* routes or rules: any of them */
		ROUTE_NEWS_ADDRESSES, /* of this machine */
		ROUTE_NEWS_LINK,
		ROUTE_NEWS_NEIGHBOUR,
		ROUTE_NEWS_LOST, /* notifications were lost: everything may be different */
	} kind;
	struct route_neighbour neighbour;
};

/* Where answers come from: rtnetlink, or a test. Errors: ERR_NOT_FOUND, ERR_IO. */
struct route_source {
	enum err (*ask_route)(void *arg, const struct addr *from, const struct addr *to,
	                      struct route_answer *out);
	enum err (*ask_link)(void *arg, uint32_t ifindex, struct route_link *out);
	/* ERR_NOT_FOUND: the kernel has no entry, which is ROUTE_UNRESOLVED. */
	enum err (*ask_neighbour)(void *arg, uint32_t ifindex, const struct addr *ip,
	                          struct route_neighbour *out);
	/* Calls `fn` for every address of this machine; it must not ask in turn. NULL: nobody
	 * knows. */
	enum err (*ask_addresses)(void *arg,
	                          void (*fn)(void *fn_arg, const struct route_address *a),
	                          void *fn_arg);
	/* False when there is no more news. Never blocks. */
	bool (*next_news)(void *arg, struct route_news *out);
};

/* Its `arg` is a struct route_nl. */
extern const struct route_source route_nl_source;

enum err route_nl_open(struct route_nl **out, struct why *why) MUST_USE;
void route_nl_close(struct route_nl *nl);
/* Readable when there is news. */
int route_nl_wait_fd(const struct route_nl *nl);

#endif
