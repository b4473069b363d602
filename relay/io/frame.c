/* SPDX-License-Identifier: MIT */
/* Ethernet frames that carry UDP: parse, build, checksums. */
#include "relay/io/frame.h"

#include <string.h>

#include "base/bytes.h"

enum {
	ETHER_MACS = 12,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_TAG = 0x8100,
	TYPE_SERVICE_TAG = 0x88a8,
	VLAN_ID_MASK = 0x0fff,
	IP4_DONT_FRAGMENT = 0x4000,
	IP4_FRAGMENT_MASK = 0x3fff, /* flag "more fragments" and fragment offset */
	PROTOCOL_UDP = 17,
};

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* RFC 1071 2 (B): the checksum works on 16-bit words in any byte order. A sum of 32-bit words folds
 * to the same 16 bits, because 2^16 is 1 modulo 2^16 - 1. Four sums run in parallel; 64 bits hold
 * the carries of any packet. */
static uint64_t frame_sum(const uint8_t *p, size_t n, uint64_t sum)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;
	uint32_t tail = 0;

	for (; n >= 16; n -= 16, p += 16) {
		a += load32(p);
		b += load32(p + 4);
		c += load32(p + 8);
		d += load32(p + 12);
	}
	for (; n >= 4; n -= 4, p += 4)
		a += load32(p);
	if (n) {
		memcpy(&tail, p, n);
		b += tail;
	}
	return sum + a + b + c + d;
}

static uint16_t frame_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void addr_set(struct addr *a, uint8_t version, const uint8_t *ip, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	memcpy(a->ip, ip, version == 4 ? 4 : 16);
	a->version = version;
	a->port = port;
}

/* Skips MAC addresses and VLAN tags. `r` then starts at the IP packet. */
static enum err parse_link(struct rd *r, struct frame *f, uint16_t *type)
{
	unsigned tags = 0;

	rd_skip(r, ETHER_MACS);
	*type = rd_u16(r);
	while (rd_ok(r) && (*type == TYPE_TAG || *type == TYPE_SERVICE_TAG)) {
		uint16_t id = rd_u16(r) & VLAN_ID_MASK;

		if (++tags > FRAME_TAGS_MAX)
			return ERR_UNSUPPORTED;
		if (id)
			f->vlan = id;
		*type = rd_u16(r);
	}
	return rd_ok(r) ? ERR_OK : ERR_TRUNCATED;
}

/* The kernel's rules for a source address (ip_route_input, ip6_rcv), except those that depend on
 * the addresses and routes of this machine. */
static bool is_ip4_source(const uint8_t *ip)
{
	return ip[0] != 0 && ip[0] != 127 && (ip[0] & 0xf0) != 0xe0 && load32(ip) != 0xffffffff;
}

/* Neither multicast, `::` nor `::1`. Not IPv4-mapped either, because rules for IPv4 addresses would
 * not match such an address. */
static bool is_ip6_unicast(const uint8_t *ip)
{
	static const uint8_t zeros[15], mapped[12] = {[10] = 0xff, [11] = 0xff};

	return ip[0] != 0xff && memcmp(ip, mapped, sizeof(mapped)) != 0 &&
	       (memcmp(ip, zeros, sizeof(zeros)) != 0 || ip[15] > 1);
}

/* parse_ip4 and parse_ip6 set the addresses of `f`. They set `udp` to the UDP header and its
 * payload, bounded by the length in the IP header. */
static enum err parse_ip4(struct rd *r, struct frame *f, struct rd *udp)
{
	const uint8_t *h = r->p;
	size_t header, total;

	if (rd_left(r) < FRAME_IP4)
		return ERR_TRUNCATED;
	header = (size_t)(h[0] & 15) * 4;
	total = be16_get(h + 2);
	if (h[0] >> 4 != 4)
		return ERR_UNSUPPORTED;
	if (header < FRAME_IP4 || total < header + FRAME_UDP || total > rd_left(r))
		return ERR_TRUNCATED;
	if (frame_sum_fold(frame_sum(h, header, 0)) != 0)
		return ERR_INVALID;
	if (header != FRAME_IP4 || h[9] != PROTOCOL_UDP || (be16_get(h + 6) & IP4_FRAGMENT_MASK))
		return ERR_UNSUPPORTED;
	if (!is_ip4_source(h + 12))
		return ERR_DENIED;
	addr_set(&f->from, 4, h + 12, 0);
	addr_set(&f->to, 4, h + 16, 0);
	*udp = rd_make(h + header, total - header);
	return ERR_OK;
}

static enum err parse_ip6(struct rd *r, struct frame *f, struct rd *udp)
{
	const uint8_t *h = r->p;
	size_t total;

	if (rd_left(r) < FRAME_IP6)
		return ERR_TRUNCATED;
	total = be16_get(h + 4);
	if (h[0] >> 4 != 6 || h[6] != PROTOCOL_UDP)
		return ERR_UNSUPPORTED;
	if (total < FRAME_UDP || total > rd_left(r) - FRAME_IP6)
		return ERR_TRUNCATED;
	if (!is_ip6_unicast(h + 8) || !is_ip6_unicast(h + 24))
		return ERR_DENIED;
	addr_set(&f->from, 6, h + 8, 0);
	addr_set(&f->to, 6, h + 24, 0);
	*udp = rd_make(h + FRAME_IP6, total);
	return ERR_OK;
}

enum err frame_parse(const uint8_t *octets, size_t n, struct frame *out)
{
	struct rd r = rd_make(octets, n < UINT16_MAX ? n : UINT16_MAX), udp;
	struct frame f = {0};
	uint16_t type, len;
	enum err e = parse_link(&r, &f, &type);

	if (e)
		return e;
	if (type == TYPE_IP4)
		e = parse_ip4(&r, &f, &udp);
	else if (type == TYPE_IP6)
		e = parse_ip6(&r, &f, &udp);
	else
		e = ERR_UNSUPPORTED;
	if (e)
		return e;
	/* parse_ip4 and parse_ip6 checked that the UDP header is complete. */
	f.from.port = rd_u16(&udp);
	f.to.port = rd_u16(&udp);
	len = rd_u16(&udp);
	if (rd_u16(&udp) == 0 && type == TYPE_IP6)
		return ERR_INVALID;
	if (len < FRAME_UDP || (size_t)(len - FRAME_UDP) > rd_left(&udp))
		return ERR_TRUNCATED;
	f.at = (uint16_t)(udp.p - octets);
	f.len = (uint16_t)(len - FRAME_UDP);
	*out = f;
	return ERR_OK;
}

void frame_link_make(struct frame_link *out, const uint8_t to_mac[6], const uint8_t from_mac[6],
                     uint16_t vlan, uint8_t ip_version)
{
	struct wr w = wr_make(out->octets, sizeof(out->octets));

	wr_octets(&w, to_mac, 6);
	wr_octets(&w, from_mac, 6);
	if (vlan) {
		wr_u16(&w, TYPE_TAG);
		wr_u16(&w, vlan & VLAN_ID_MASK);
	}
	wr_u16(&w, ip_version == 4 ? TYPE_IP4 : TYPE_IP6);
	out->len = (uint8_t)wr_len(&w);
}

static void build_ip4(uint8_t *h, uint16_t total, const struct addr *from, const struct addr *to,
                      uint8_t dscp)
{
	uint16_t sum;

	h[0] = 4 << 4 | FRAME_IP4 / 4;
	h[1] = (uint8_t)(dscp << 2);
	be16_put(h + 2, total);
	be16_put(h + 4, 0);
	be16_put(h + 6, IP4_DONT_FRAGMENT);
	h[8] = FRAME_TTL;
	h[9] = PROTOCOL_UDP;
	be16_put(h + 10, 0);
	memcpy(h + 12, from->ip, 4);
	memcpy(h + 16, to->ip, 4);
	sum = frame_sum_fold(frame_sum(h, FRAME_IP4, 0));
	memcpy(h + 10, &sum, 2);
}

static void build_ip6(uint8_t *h, uint16_t udp_len, const struct addr *from, const struct addr *to,
                      uint8_t dscp)
{
	be32_put(h, 6u << 28 | (uint32_t)dscp << 22);
	be16_put(h + 4, udp_len);
	h[6] = PROTOCOL_UDP;
	h[7] = FRAME_TTL;
	memcpy(h + 8, from->ip, 16);
	memcpy(h + 24, to->ip, 16);
}

uint8_t *frame_build(uint8_t *payload, uint16_t len, const struct frame_link *link,
                     const struct frame_ends *ends)
{
	const struct addr *from = ends->from, *to = ends->to;
	uint8_t *udp = payload - FRAME_UDP, *ip;
	uint16_t udp_len = (uint16_t)(len + FRAME_UDP), sum;
	size_t ip_octets = to->version == 4 ? 4 : 16;
	/* The end of the pseudo-header, after both addresses: zero, protocol, UDP length (RFC 768,
	 * RFC 8200 8.1). */
	uint8_t pseudo[4] = {0, PROTOCOL_UDP, (uint8_t)(udp_len >> 8), (uint8_t)udp_len};

	be16_put(udp, from->port);
	be16_put(udp + 2, to->port);
	be16_put(udp + 4, udp_len);
	be16_put(udp + 6, 0);
	sum = frame_sum_fold(frame_sum(
		from->ip, ip_octets,
		frame_sum(to->ip, ip_octets, frame_sum(pseudo, 4, frame_sum(udp, udp_len, 0)))));
	/* A zero checksum field means "no checksum" in UDP, so a sum of 0 is sent as 0xffff. */
	sum = sum ? sum : 0xffff;
	memcpy(udp + 6, &sum, 2);
	if (to->version == 4) {
		ip = udp - FRAME_IP4;
		build_ip4(ip, (uint16_t)(udp_len + FRAME_IP4), from, to, ends->dscp);
	} else {
		ip = udp - FRAME_IP6;
		build_ip6(ip, udp_len, from, to, ends->dscp);
	}
	memcpy(ip - link->len, link->octets, link->len);
	return ip - link->len;
}
