/* SPDX-License-Identifier: MIT */
/* What the xdp back ends of all workers share: devices and their BPF programs, the catch-all
 * socket, the rings between workers. */
#ifndef RELAY_IO_XDP_SHARE_H
#define RELAY_IO_XDP_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/ring.h"
#include "relay/io/io.h"
#include "relay/io/route_nl.h"

struct lookup;
struct steer;

enum {
	XDP_DEVICES_MAX = 16,
	XDP_INTERFACES_MAX = 32,
};

/* A network device that carries one or more interfaces. For a VLAN interface: the
 * device below it. */
struct xdp_device {
	char name[32];
	uint32_t ifindex;
	uint32_t queues; /* receive queues; queue q belongs to worker q % workers */
	bool is_native;  /* attached in driver mode; otherwise in generic mode */
	struct steer *steer;
	int attached; /* descriptor of the BPF link; -1: not attached */
};

/* A packet that one worker passes to the worker that has its port open. */
struct xdp_strayed {
	uint16_t interface, port, len;
	struct addr from;
	uint8_t payload[PKT_PAYLOAD_MAX];
};

/* Values of xdp_owners.worker. 0: the port is not open. n + 1: worker n has it open. XDP_FOREIGN:
 * another program had a socket on it at start-up; open_port then checks again. One worker writes an
 * entry at a time; all workers read it and may see a change a moment late. */
enum { XDP_FOREIGN = 1000 };

struct xdp_owners {
	uint16_t port_min, port_max;
	struct counter *worker; /* port_max - port_min + 1 entries */
};

struct io_shared {
	unsigned workers;
	struct xdp_device devices[XDP_DEVICES_MAX];
	unsigned n_devices;
	const struct relay_interface *interfaces;
	unsigned n_interfaces;
	struct xdp_owners owners[XDP_INTERFACES_MAX];
	struct lookup *lookup;
	int lookup_attached;
	int catch_all; /* a UDP socket for every port; worker 0 reads it */
	/* raw sockets for IPv4 and IPv6, which send packets that are complete except for the link
	 * header; every worker uses them; -1: none */
	int raw[2];
	/* ring from worker a to worker b at [a * workers + b]; NULL with one worker */
	struct ring *strayed;
	int *wake; /* one eventfd for each worker; readable while its rings hold packets */
};

enum err xdp_share(struct io_shared **out, const struct io_config *config,
                   struct why *why) MUST_USE;
void xdp_unshare(struct io_shared *s);
/* Implements io_ops.probe: loads and attaches the same programs as share, in generic mode so that
 * no driver is disturbed, and removes them again. */
enum err xdp_probe(const struct relay_interface *interface, struct why *why) MUST_USE;

/* From now on XDP passes packets of queue `queue_id` to the AF_XDP socket `socket_fd`. */
enum err xdp_share_steer(struct io_shared *s, unsigned device, uint32_t queue_id, int socket_fd,
                         struct why *why) MUST_USE;

/* Gives up the capabilities that only share and open need, in this thread and the
 * threads it starts later. */
void xdp_drop_capabilities(void);

#endif
