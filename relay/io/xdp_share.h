/* SPDX-License-Identifier: MIT */
/* What the workers' xdp back ends have in common: devices and their programs, the catch-all socket,
 * rings for strayed packets. */
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

/* A network device that carries one or more interfaces: for a VLAN interface the device below it.
 */
struct xdp_device {
	char name[32];
	uint32_t ifindex;
	uint32_t queues; /* receive queues; queue q belongs to worker q modulo workers */
	bool is_native;  /* attached in the driver; else generic */
	struct steer *steer;
	int attached; /* the BPF link's descriptor; -1: not attached */
};

/* A packet on its way to the worker that has its port. */
struct xdp_strayed {
	uint16_t interface, port, len;
	struct addr from;
	uint8_t payload[PKT_PAYLOAD_MAX];
};

/*
 * Which worker has a port open: 0 none, else worker + 1, or XDP_FOREIGN where a socket of another
 * program held it when we started: then whoever opens it looks again. Written by one worker at a
 * time, read by all; it may be a moment old.
 */
enum { XDP_FOREIGN = 1000 };

struct xdp_owners {
	uint16_t port_min, port_max;
	struct counter *worker; /* port_max - port_min + 1 */
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
	int catch_all; /* UDP socket with every port; worker 0 reads it */
	int raw[2]; /* sends IPv4 and IPv6 packets that are ready but for the link: any worker; -1:
	               none */
	struct ring
		*strayed; /* from worker a to worker b at [a * workers + b]; none with one worker */
	int *wake;        /* eventfd of each worker: something lies in its rings */
};

enum err xdp_share(struct io_shared **out, const struct io_config *config,
                   struct why *why) MUST_USE;
void xdp_unshare(struct io_shared *s);
/* As io_ops.probe: loads and attaches what share would, in generic mode so that no driver is
 * disturbed, and takes it away again. */
enum err xdp_probe(const struct relay_interface *interface, struct why *why) MUST_USE;

/* The queue's packets go to that socket from now on. */
enum err xdp_share_steer(struct io_shared *s, unsigned device, uint32_t queue_id, int socket_fd,
                         struct why *why) MUST_USE;

/* Gives up the capabilities that only share and open needed, for this thread and those it starts.
 */
void xdp_drop_capabilities(void);

#endif
