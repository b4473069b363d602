/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Shared by the BPF programs and the xdp back end: keys and values of the map of local
 * addresses. */
#ifndef RELAY_IO_STEER_H
#define RELAY_IO_STEER_H

#include <linux/types.h>

enum {
	STEER_ADDRESSES = 64, /* maximum number of local addresses */
	STEER_QUEUES = 128,   /* maximum number of receive queues of a device */
};

/* A local address as it appears in packets. No padding, because maps compare all octets. */
struct steer_address {
	__u8 ip[16]; /* IPv4: the first four octets */
	__u16 vlan;  /* VLAN id; 0: untagged */
	__u16 version;
};

/* The range of our ports at that address; both limits are included, in host order. */
struct steer_ports {
	__u16 min, max;
};

#endif
