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
	/* Ethernet header with one 802.1Q tag, the most that frame_build writes */
	FRAME_LINK_MAX = 18,
	FRAME_IP4 = 20,
	FRAME_IP6 = 40,
	FRAME_UDP = 8,
	FRAME_HEADERS_MAX = FRAME_LINK_MAX + FRAME_IP6 + FRAME_UDP,
	FRAME_TAGS_MAX = 2, /* 802.1Q or 802.1ad tags that frame_parse skips */
	FRAME_TTL = 64,     /* TTL or hop limit of sent packets; the default of RFC 1700 */
};

/* A parsed frame. The payload is not copied: `at` is its offset in the frame. */
struct frame {
	struct addr from, to;
	/* VLAN id of the innermost tag that has one; 0: no tag, or only priority tags */
	uint16_t vlan;
	uint16_t at, len; /* offset and length of the UDP payload */
};

/*
 * Parses an Ethernet frame; accepts any octets.
 *
 * ERR_TRUNCATED    a header or the payload is shorter than announced
 * ERR_UNSUPPORTED  left to the kernel: not UDP over IP, a fragment, more than FRAME_TAGS_MAX tags,
 *                  IPv4 options, IPv6 extension headers
 * ERR_INVALID      wrong IPv4 header checksum (RFC 1122 3.2.1.2), or IPv6 without a UDP checksum
 *                  (RFC 8200 8.1)
 * ERR_DENIED       impossible source from outside: 0/8, 127/8, 224/4, limited broadcast, ::,
 *                  multicast; or ::1 or an IPv4-mapped address as source or destination
 *                  (RFC 1122 3.2.1.3, RFC 4291 2.5.3, 2.7)
 *
 * The UDP checksum is not verified, because veth and offloads leave it incomplete. Octets after the
 * IP packet are Ethernet padding and are ignored.
 */
enum err frame_parse(const uint8_t *octets, size_t n, struct frame *out) MUST_USE;

/* The complete link header for a next hop, copied in front of each packet. */
struct frame_link {
	uint8_t octets[FRAME_LINK_MAX];
	uint8_t len; /* octets: 14 or 18; 0: no link header, for a raw socket */
};

/* `ip_version` (4 or 6) selects the EtherType. `vlan` 0: no tag. */
void frame_link_make(struct frame_link *out, const uint8_t to_mac[6], const uint8_t from_mac[6],
                     uint16_t vlan, uint8_t ip_version);

/* Addresses and DSCP of a packet to build; `from` and `to` have the same IP version. */
struct frame_ends {
	const struct addr *from, *to;
	uint8_t dscp;
};

/*
 * Writes link, IP and UDP headers in front of `payload`, which needs FRAME_HEADERS_MAX octets of
 * headroom. Computes the full UDP checksum (RFC 768, RFC 8200 8.1), sets don't-fragment and
 * identification 0 (RFC 6864 4.1). Returns the first octet of the frame.
 */
uint8_t *frame_build(uint8_t *payload, uint16_t len, const struct frame_link *link,
                     const struct frame_ends *ends);

/* Octets of IP and UDP headers, which count against the MTU. */
static inline uint16_t frame_ip_overhead(uint8_t ip_version)
{
	return ip_version == 4 ? FRAME_IP4 + FRAME_UDP : FRAME_IP6 + FRAME_UDP;
}

#endif
