/* SPDX-License-Identifier: MIT */
/* relay/io/frame: writes and reads Ethernet frames, checks the checksums against RFC 1071, refuses
 * hostile frames. */
#include "base/addr.h"
#include "base/bytes.h"
#include "relay/io/frame.h"
#include "relay/io/own.h"
#include "tests/harness/harness.h"

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 1}, mac_b[6] = {2, 0, 0, 0, 0, 2};

static struct addr addr_of(const char *text)
{
	struct addr a = {0};

	CHECK(addr_parse(str_of(text), &a) == ERR_OK);
	return a;
}

/* The sum of RFC 1071 4.1, computed word by word. */
static uint16_t plain_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += be16_get(p + i);
	if (n & 1)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

struct built {
	uint8_t room[2048];
	uint8_t *start;
	size_t len;
};

static void build(struct built *b, const struct addr *from, const struct addr *to, uint16_t vlan,
                  uint16_t len, uint8_t dscp)
{
	struct frame_link link;
	uint8_t *payload = b->room + 128;

	frame_link_make(&link, mac_b, mac_a, vlan, to->version);
	for (uint16_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(i * 7 + 1);
	b->start = frame_build(payload, len, &link,
	                       &(struct frame_ends){.from = from, .to = to, .dscp = dscp});
	b->len = (size_t)(payload + len - b->start);
}

static const struct {
	const char *name, *from, *to;
	uint16_t vlan;
	uint8_t header_len;
} ways[] = {
	{"ip4", "192.0.2.1:5004", "198.51.100.7:40000", 0, 14 + 28},
	{"ip4 tagged", "192.0.2.1:5004", "198.51.100.7:40000", 100, 18 + 28},
	{"ip6", "[2001:db8::1]:5004", "[2001:db8:ffff::7]:65535", 0, 14 + 48},
	{"ip6 tagged", "[2001:db8::1]:1", "[2001:db8:ffff::7]:40000", 4094, 18 + 48},
};

static void round_trip(void)
{
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		struct addr from = addr_of(ways[w].from), to = addr_of(ways[w].to);

		for (uint16_t len = 0; len <= 1500;
		     len = (uint16_t)(len < 70 ? len + 1 : len + 131)) {
			struct built b;
			struct frame f;

			test_context("%s, %u octets", ways[w].name, len);
			build(&b, &from, &to, ways[w].vlan, len, 46);
			REQUIRE(b.len == (size_t)ways[w].header_len + len);
			REQUIRE_OK(frame_parse(b.start, b.len, &f));
			EXPECT(addr_eq(&f.from, &from));
			EXPECT(addr_eq(&f.to, &to));
			EXPECT_INT(f.vlan, ways[w].vlan);
			EXPECT_INT(f.at, ways[w].header_len);
			EXPECT_INT(f.len, len);
		}
	}
}

static void checksums_by_the_book(void)
{
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		struct addr from = addr_of(ways[w].from), to = addr_of(ways[w].to);
		bool is_ip4 = to.version == 4;

		for (uint16_t len = 0; len < 300; len++) {
			struct built b;
			const uint8_t *ip, *udp;
			uint32_t pseudo;

			test_context("%s, %u octets", ways[w].name, len);
			build(&b, &from, &to, ways[w].vlan, len, 0);
			ip = b.start + ways[w].header_len - frame_ip_overhead(to.version);
			udp = b.start + ways[w].header_len - FRAME_UDP;
			pseudo = plain_sum(is_ip4 ? ip + 12 : ip + 8, is_ip4 ? 8 : 32,
			                   17u + FRAME_UDP + len);
			EXPECT_INT(plain_sum(udp, FRAME_UDP + (size_t)len, pseudo), 0xffff);
			EXPECT(be16_get(udp + 6) != 0);
			if (is_ip4)
				EXPECT_INT(plain_sum(ip, 20, 0), 0xffff);
		}
	}
}

/* A UDP checksum that is zero is sent as 0xffff (RFC 768). */
static void zero_checksum_is_ones(void)
{
	struct addr from = addr_of("0.0.0.0:0"), to = addr_of("0.0.0.0:0");
	struct frame_link link = {0};
	uint8_t room[256] = {0}, *payload = room + 128;

	/* The protocol (17), the length (10, counted twice) and the payload add up to 0xffff. */
	be16_put(payload, 0xffff - 17 - 10 - 10);
	frame_build(payload, 2, &link, &(struct frame_ends){.from = &from, .to = &to});
	EXPECT_INT(be16_get(payload - 2), 0xffff);
}

static void fields(void)
{
	struct addr from = addr_of("192.0.2.1:5004"), to = addr_of("198.51.100.7:40000");
	struct built b;

	build(&b, &from, &to, 0, 10, 46);
	EXPECT_INT(b.start[15], 46 << 2);
	EXPECT_INT(be16_get(b.start + 20), 0x4000);
	EXPECT_INT(b.start[22], FRAME_TTL);
	EXPECT_OCTETS(b.start, 6, mac_b, 6);
	EXPECT_OCTETS(b.start + 6, 6, mac_a, 6);
	from = addr_of("[2001:db8::1]:5004");
	to = addr_of("[2001:db8::2]:5004");
	build(&b, &from, &to, 0, 10, 46);
	EXPECT_INT(be16_get(b.start + 14), 0x6000 | 46 << 6);
	EXPECT_INT(b.start[21], FRAME_TTL);
}

/* A frame truncated to any length is refused, and nothing is read past its end. */
static void cut_anywhere(void)
{
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		struct addr from = addr_of(ways[w].from), to = addr_of(ways[w].to);
		struct built b;
		struct frame f;

		build(&b, &from, &to, ways[w].vlan, 40, 0);
		for (size_t n = 0; n < b.len; n++) {
			test_context("%s cut to %zu", ways[w].name, n);
			EXPECT(frame_parse(b.start, n, &f) != ERR_OK);
		}
		/* Ethernet pads short frames: octets after the packet are ignored. */
		EXPECT_OK(frame_parse(b.start, b.len + 20, &f));
		EXPECT_INT(f.len, 40);
	}
}

/* The 16 bits at offset `at` of a good IPv4 frame become `value`; if `fix` is set, the header
 * checksum is corrected afterwards. */
static const struct {
	const char *name;
	uint16_t at;
	uint16_t value;
	bool fix;
	enum err want;
} hostile[] = {
	{"ip version 6 in an ip4 frame", 14, 0x6500, true, ERR_UNSUPPORTED},
	{"header of 16 octets", 14, 0x4400, true, ERR_TRUNCATED},
	{"header longer than the packet", 14, 0x4f00, true, ERR_UNSUPPORTED},
	{"total shorter than the header", 16, 19, true, ERR_TRUNCATED},
	{"total longer than the frame", 16, 1400, true, ERR_TRUNCATED},
	{"first fragment", 20, 0x2000, true, ERR_UNSUPPORTED},
	{"later fragment", 20, 0x0010, true, ERR_UNSUPPORTED},
	{"tcp", 22, 0x4006, true, ERR_UNSUPPORTED},
	{"wrong header checksum", 24, 0x1234, false, ERR_INVALID},
	{"wrong UDP checksum", 40, 0x1234, false, ERR_OK},
	{"no UDP checksum", 40, 0, false, ERR_OK},
	{"UDP length below its header", 38, 7, false, ERR_TRUNCATED},
	{"UDP length above the packet", 38, 49, false, ERR_TRUNCATED},
	{"UDP shorter than the packet", 38, 20, false, ERR_OK},
	{"ARP", 12, 0x0806, false, ERR_UNSUPPORTED},
	{"a length instead of a type", 12, 60, false, ERR_UNSUPPORTED},
};

static void hostile_frames(void)
{
	struct addr from = addr_of("192.0.2.1:5004"), to = addr_of("198.51.100.7:40000");

	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct built b;
		struct frame f;

		test_context("%s", hostile[i].name);
		build(&b, &from, &to, 0, 40, 0);
		be16_put(b.start + hostile[i].at, hostile[i].value);
		if (hostile[i].fix) {
			size_t header = (size_t)(b.start[14] & 15) * 4;
			uint16_t sum;

			be16_put(b.start + 24, 0);
			sum = (uint16_t)~plain_sum(b.start + 14, header, 0);
			be16_put(b.start + 24, sum);
		}
		EXPECT_ERR(frame_parse(b.start, b.len, &f), hostile[i].want);
	}
}

/* A packet with IPv4 options, among them source routes, goes to the kernel. */
static void options(void)
{
	struct addr from = addr_of("192.0.2.1:5004"), to = addr_of("198.51.100.7:40000");
	struct built b;
	struct frame f;
	uint8_t with[256];

	build(&b, &from, &to, 0, 40, 0);
	memcpy(with, b.start, 34);
	memset(with + 34, 1, 8);
	memcpy(with + 42, b.start + 34, b.len - 34);
	with[14] = 0x47;
	be16_put(with + 16, (uint16_t)(be16_get(with + 16) + 8));
	be16_put(with + 24, 0);
	be16_put(with + 24, (uint16_t)~plain_sum(with + 14, 28, 0));
	EXPECT_ERR(frame_parse(with, b.len + 8, &f), ERR_UNSUPPORTED);
}

/* addr_parse_ip turns an IPv4-mapped address into IPv4; this function keeps it as IPv6, as it is in
 * a packet. */
static struct addr wire_addr(const char *text)
{
	struct addr a = {0};

	CHECK(addr_parse_ip(str_of(text), &a) == ERR_OK);
	if (a.version == 4 && strchr(text, ':')) {
		memmove(a.ip + 12, a.ip, 4);
		memset(a.ip, 0, 10);
		memset(a.ip + 10, 0xff, 2);
		a.version = 6;
	}
	a.port = 5004;
	return a;
}

/* A packet from the network must not have these sources or IPv6 destinations. */
static void martians(void)
{
	static const struct {
		const char *from, *to;
		enum err want;
	} rows[] = {
		{"192.0.2.1", "198.51.100.7", ERR_OK},
		{"223.255.255.255", "198.51.100.7", ERR_OK},
		{"1.0.0.0", "198.51.100.7", ERR_OK},
		{"240.0.0.1", "198.51.100.7", ERR_OK},
		{"0.0.0.0", "198.51.100.7", ERR_DENIED},
		{"0.255.255.255", "198.51.100.7", ERR_DENIED},
		{"127.0.0.1", "198.51.100.7", ERR_DENIED},
		{"127.255.255.254", "198.51.100.7", ERR_DENIED},
		{"224.0.0.0", "198.51.100.7", ERR_DENIED},
		{"239.1.2.3", "198.51.100.7", ERR_DENIED},
		{"255.255.255.255", "198.51.100.7", ERR_DENIED},
		{"2001:db8::1", "2001:db8::2", ERR_OK},
		{"fe80::1", "2001:db8::2", ERR_OK},
		{"::2", "2001:db8::2", ERR_OK},
		{"1::", "2001:db8::2", ERR_OK},
		{"::", "2001:db8::2", ERR_DENIED},
		{"::1", "2001:db8::2", ERR_DENIED},
		{"ff02::1", "2001:db8::2", ERR_DENIED},
		{"::ffff:192.0.2.1", "2001:db8::2", ERR_DENIED},
		{"2001:db8::1", "::1", ERR_DENIED},
		{"2001:db8::1", "ff02::1", ERR_DENIED},
		{"2001:db8::1", "::ffff:198.51.100.7", ERR_DENIED},
		{"2001:db8::1", "::", ERR_DENIED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr from = wire_addr(rows[i].from), to = wire_addr(rows[i].to);
		struct built b;
		struct frame f;

		test_context("%s to %s", rows[i].from, rows[i].to);
		build(&b, &from, &to, 0, 40, 0);
		EXPECT_ERR(frame_parse(b.start, b.len, &f), rows[i].want);
	}
}

/* RFC 8200 8.1: a UDP checksum of zero is refused over IPv6. */
static void ip6_needs_a_checksum(void)
{
	struct addr from = addr_of("[2001:db8::1]:5004"), to = addr_of("[2001:db8::2]:5004");
	struct built b;
	struct frame f;

	build(&b, &from, &to, 0, 40, 0);
	be16_put(b.start + 14 + 40 + 6, 0);
	EXPECT_ERR(frame_parse(b.start, b.len, &f), ERR_INVALID);
	be16_put(b.start + 14 + 40 + 6, 0x1234);
	EXPECT_OK(frame_parse(b.start, b.len, &f));
}

/* The set of own addresses finds each address that was added, and no other. */
static void own_addresses(void)
{
	struct own o = {.n = 0};

	for (unsigned i = 0; i < 600; i++) {
		struct addr a = {.version = i % 2 ? 4 : 6,
		                 .ip = {10, (uint8_t)i, (uint8_t)(i >> 8), 7}};

		if (i % 2 == 0)
			a.ip[15] = (uint8_t)(i * 31);
		EXPECT(!own_has(&o, &a));
		own_add(&o, &a);
		own_add(&o, &a);
		EXPECT(own_has(&o, &a));
		a.port = 77;
		EXPECT(own_has(&o, &a));
	}
	EXPECT_INT(o.n, 600);
	own_clear(&o);
	struct addr first = {.version = 4, .ip = {10, 1, 0, 7}};
	EXPECT(!own_has(&o, &first));
}

static void tags(void)
{
	static const struct {
		const char *name, *tags;
		enum err want;
		uint16_t vlan;
	} rows[] = {
		{"priority tag", "8100 a000", ERR_OK, 0},
		{"one", "8100 0005", ERR_OK, 5},
		{"priority bits don't count", "8100 e005", ERR_OK, 5},
		{"service and customer", "88a8 0007 8100 0005", ERR_OK, 5},
		{"three", "88a8 0007 8100 0005 8100 0001", ERR_UNSUPPORTED, 0},
	};
	struct addr from = addr_of("192.0.2.1:5004"), to = addr_of("198.51.100.7:40000");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct built b;
		struct frame f = {0};
		uint8_t tagged[256];
		size_t n;

		test_context("%s", rows[i].name);
		build(&b, &from, &to, 0, 40, 0);
		memcpy(tagged, b.start, 12);
		n = test_hex(rows[i].tags, tagged + 12, 32);
		memcpy(tagged + 12 + n, b.start + 12, b.len - 12);
		EXPECT_ERR(frame_parse(tagged, b.len + n, &f), rows[i].want);
		EXPECT_INT(f.vlan, rows[i].vlan);
	}
}

TEST_MAIN("frame", {"round_trip", round_trip}, {"checksums_by_the_book", checksums_by_the_book},
          {"zero_checksum_is_ones", zero_checksum_is_ones}, {"fields", fields},
          {"cut_anywhere", cut_anywhere}, {"hostile_frames", hostile_frames}, {"options", options},
          {"martians", martians}, {"ip6_needs_a_checksum", ip6_needs_a_checksum},
          {"own_addresses", own_addresses}, {"tags", tags})
