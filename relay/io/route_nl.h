/* SPDX-License-Identifier: MIT */
/* Asks the kernel about routes, links and neighbours over rtnetlink and receives its notifications.
 * The only user of libmnl. */
#ifndef RELAY_IO_ROUTE_NL_H
#define RELAY_IO_ROUTE_NL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/* Two netlink sockets: one for questions, one for notifications. Used by one thread. */
struct route_nl;

enum route_kind {
	ROUTE_UNICAST, /* to a neighbour on a link */
	/* to an address of this machine, broadcast or multicast: only the kernel can send it */
	ROUTE_OWN,
	ROUTE_ABSENT, /* no route, or a route that forbids (unreachable, prohibit, blackhole) */
};

struct route_answer {
	enum route_kind kind;
	uint32_t ifindex;
	struct addr gateway; /* version 0: the destination is on the link itself */
	uint16_t mtu;        /* MTU of the route, or the discovered path MTU; 0: that of the link */
	bool needs_kernel;   /* the route has an encapsulation, which only the kernel can do */
};

struct route_link {
	uint32_t ifindex;
	uint32_t parent; /* VLAN device: index of the device below; otherwise 0 */
	uint16_t vlan;   /* VLAN device: its id */
	uint16_t mtu;    /* at most 65535 */
	uint8_t mac[6];
	bool is_ethernet, is_up, is_loopback;
	uint32_t xdp_prog; /* id of the attached XDP program; 0: none */
};

enum route_neighbour_state {
	ROUTE_UNRESOLVED,
	ROUTE_RESOLVED,  /* has a link address, which may be stale and then needs confirmation */
	ROUTE_PERMANENT, /* never needs confirmation */
	ROUTE_FAILED,    /* the neighbour did not answer */
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
	/* broadcast address of its network, IPv4 only; otherwise version 0 */
	struct addr broadcast;
};

/* A notification from the kernel. */
struct route_news {
	enum {
		ROUTE_NEWS_ROUTES,    /* any change of routes or rules */
		ROUTE_NEWS_ADDRESSES, /* addresses of this machine changed */
		ROUTE_NEWS_LINK,
		ROUTE_NEWS_NEIGHBOUR,
		ROUTE_NEWS_LOST, /* notifications were lost: anything may have changed */
	} kind;
	struct route_neighbour neighbour;
};

/* Where answers and notifications come from: rtnetlink, or a test. Errors: ERR_NOT_FOUND,
 * ERR_IO. */
struct route_source {
	enum err (*ask_route)(void *arg, const struct addr *from, const struct addr *to,
	                      struct route_answer *out);
	enum err (*ask_link)(void *arg, uint32_t ifindex, struct route_link *out);
	/* ERR_NOT_FOUND: the kernel has no entry; treated as ROUTE_UNRESOLVED. */
	enum err (*ask_neighbour)(void *arg, uint32_t ifindex, const struct addr *ip,
	                          struct route_neighbour *out);
	/* Calls `fn` for every address of this machine; `fn` must not ask the source. NULL: the
	 * source has no addresses. */
	enum err (*ask_addresses)(void *arg,
	                          void (*fn)(void *fn_arg, const struct route_address *a),
	                          void *fn_arg);
	/* The next notification; false if there is none. Never blocks. */
	bool (*next_news)(void *arg, struct route_news *out);
};

/* The kernel as a source, over rtnetlink. The `arg` of its functions is a struct route_nl. */
extern const struct route_source route_nl_source;

enum err route_nl_open(struct route_nl **out, struct why *why) MUST_USE;
void route_nl_close(struct route_nl *nl);
/* A descriptor that is readable while notifications wait. */
int route_nl_wait_fd(const struct route_nl *nl);

#endif
