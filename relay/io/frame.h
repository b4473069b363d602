/* SPDX-License-Identifier: MIT */
/* Ethernet frames that carry UDP over IPv4 or IPv6, with 802.1Q tags: parse and build, in place,
 * with checksums. */
#ifndef RELAY_IO_FRAME_H
#define RELAY_IO_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum {
	FRAME_LINK_MAX = 18, /* Ethernet header and one 802.1Q tag: what we send */
	FRAME_IP4 = 20,
	FRAME_IP6 = 40,
	FRAME_UDP = 8,
	FRAME_HEADERS_MAX = FRAME_LINK_MAX + FRAME_IP6 + FRAME_UDP,
	FRAME_TAGS_MAX = 2, /* 802.1Q or 802.1ad tags that are read over on the way in */
	FRAME_TTL = 64,     /* RFC 1700's default */
};

/* What a received frame says. The payload stays where it is: `at` is its offset in the frame. */
struct frame {
	struct addr from, to;
	uint16_t vlan;    /* of the innermost tag that has one; 0: none, or a priority tag */
	uint16_t at, len; /* of the UDP payload */
};

/*
 * Total over any octets. ERR_TRUNCATED: a header or the payload ends before what it announces.
 * ERR_UNSUPPORTED: not UDP over IP, a fragment, more tags than FRAME_TAGS_MAX, IPv4 options, IPv6
 * extension headers: the kernel's business. ERR_INVALID: the IPv4 header's checksum is wrong (RFC
 * 1122 3.2.1.2), or an IPv6 packet has no UDP checksum (RFC 8200 8.1). ERR_DENIED: an address that
 * no packet from outside has: a source in 0/8, 127/8, 224/4, the limited broadcast, ::, multicast;
 * ::1 or an IPv4-mapped address at either end (RFC 1122 3.2.1.3, RFC 4291 2.5.3, 2.7). Otherwise
 * the UDP checksum is not looked at: veth and offloads leave partial ones. Octets behind the IP
 * packet are Ethernet padding.
 */
enum err frame_parse(const uint8_t *octets, size_t n, struct frame *out) MUST_USE;

/* The octets before the IP header towards a next hop, ready to be copied. */
struct frame_link {
	uint8_t octets[FRAME_LINK_MAX];
	uint8_t len; /* 14 or 18; 0: none, for a raw socket of the kernel */
};

/* `ip_version` 4 or 6 sets the type. `vlan` 0: untagged. */
void frame_link_make(struct frame_link *out, const uint8_t to_mac[6], const uint8_t from_mac[6],
                     uint16_t vlan, uint8_t ip_version);

/* Addresses of one version. */
struct frame_ends {
	const struct addr *from, *to;
	uint8_t dscp;
};

/*
 * Writes link, IP and UDP headers before `payload`, which must have FRAME_HEADERS_MAX octets before
 * it. Full UDP checksum (RFC 768, RFC 8200 8.1), don't-fragment,
 * identification 0 (RFC 6864 4.1). Returns the first octet of the frame.
 */
uint8_t *frame_build(uint8_t *payload, uint16_t len, const struct frame_link *link,
                     const struct frame_ends *ends);

/* Octets of IP and UDP headers: what a payload adds to for the MTU. */
static inline uint16_t frame_ip_overhead(uint8_t ip_version)
{
	return ip_version == 4 ? FRAME_IP4 + FRAME_UDP : FRAME_IP6 + FRAME_UDP;
}

#endif
