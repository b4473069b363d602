/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the BPF programs and the xdp back end must agree on: keys and values of the map of local
 * addresses. */
#ifndef RELAY_IO_STEER_H
#define RELAY_IO_STEER_H

#include <linux/types.h>

enum {
	STEER_ADDRESSES = 64, /* local addresses at most */
	STEER_QUEUES = 128,   /* receive queues of a device at most */
};

/* A local address as packets name it. No padding: maps compare octets. */
struct steer_address {
	__u8 ip[16]; /* IPv4 in the first four */
	__u16 vlan;  /* 0: untagged */
	__u16 version;
};

/* The ports there that are ours, both inclusive, host order. */
struct steer_ports {
	__u16 min, max;
};

#endif
