/* SPDX-License-Identifier: MIT */
/* relay/packet/rtcp: which packets count as RTCP, and which SSRCs are renamed in each direction. */
#include "relay/packet/rtcp.h"

#include "tests/harness/harness.h"

static uint32_t source(void *arg, uint32_t ssrc)
{
	(void)arg;
	return ssrc == 0x0a0a0a0a ? 0xaaaaaaaa : ssrc;
}

static uint32_t target(void *arg, uint32_t ssrc)
{
	(void)arg;
	return ssrc == 0x0b0b0b0b ? 0xbbbbbbbb : ssrc;
}

/* The sender's SSRC 0a0a0a0a becomes aaaaaaaa. The SSRC 0b0b0b0b, which reports are about, becomes
 * bbbbbbbb. */
static const struct {
	const char *name, *before, *after;
} rows[] = {
	{"SR",
         "81c8000c 0a0a0a0a 0000000000000000 00000000 00000000 00000000 0b0b0b0b "
         "0000000000000000000000000000000000000000",
         "81c8000c aaaaaaaa 0000000000000000 00000000 00000000 00000000 bbbbbbbb "
         "0000000000000000000000000000000000000000"},
	{"RR", "81c90007 0a0a0a0a 0b0b0b0b 0000000000000000000000000000000000000000",
         "81c90007 aaaaaaaa bbbbbbbb 0000000000000000000000000000000000000000"},
	{"SDES of two", "82ca0005 0a0a0a0a 0102616200000000 0a0a0a0a 01000000",
         "82ca0005 aaaaaaaa 0102616200000000 aaaaaaaa 01000000"},
	{"BYE", "82cb0002 0a0a0a0a 0a0a0a0a", "82cb0002 aaaaaaaa aaaaaaaa"},
	{"APP", "80cc0002 0a0a0a0a 6e616d65", "80cc0002 aaaaaaaa 6e616d65"},
	{"NACK", "81cd0003 0a0a0a0a 0b0b0b0b 0b0b0b0b", "81cd0003 aaaaaaaa bbbbbbbb 0b0b0b0b"},
	{"TMMBR", "83cd0004 0a0a0a0a 00000000 0b0b0b0b 00000001",
         "83cd0004 aaaaaaaa 00000000 bbbbbbbb 00000001"},
	{"TMMBN", "84cd0004 0a0a0a0a 00000000 0b0b0b0b 00000001",
         "84cd0004 aaaaaaaa 00000000 bbbbbbbb 00000001"},
	{"PLI", "81ce0002 0a0a0a0a 0b0b0b0b", "81ce0002 aaaaaaaa bbbbbbbb"},
	{"FIR", "84ce0004 0a0a0a0a 00000000 0b0b0b0b 01000000",
         "84ce0004 aaaaaaaa 00000000 bbbbbbbb 01000000"},
	{"REMB", "8fce0005 0a0a0a0a 00000000 52454d42 01000000 0b0b0b0b",
         "8fce0005 aaaaaaaa 00000000 52454d42 01000000 bbbbbbbb"},
	{"DLRR", "80cf0005 0a0a0a0a 05000003 0b0b0b0b 0000000000000000",
         "80cf0005 aaaaaaaa 05000003 bbbbbbbb 0000000000000000"},
	{"unknown type", "80d00001 0a0a0a0a", "80d00001 0a0a0a0a"},
	{"compound", "80c90001 0a0a0a0a 81cb0001 0a0a0a0a", "80c90001 aaaaaaaa 81cb0001 aaaaaaaa"},
};

static void renames(void)
{
	const struct rtcp_names names = {.source = source, .target = target};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t before[128], after[128];
		size_t n = test_hex(rows[i].before, before, sizeof(before));
		size_t m = test_hex(rows[i].after, after, sizeof(after));

		test_context("%s", rows[i].name);
		EXPECT(rtcp_fills(before, n));
		rtcp_rename(before, n, &names);
		EXPECT_OCTETS(before, n, after, m);
	}
}

/* Columns: the packet has a sender's SSRC; RTCP fills it exactly; SRTCP may fill it exactly. */
static const struct {
	const char *octets;
	bool has_sender, fills, may_be_srtcp;
} kinds[] = {
	{"", false, false, false},
	{"80c90000", false, false, false},
	{"80c90000 0a0a0a0a", false, false, false},
	{"40c90001 0a0a0a0a", false, false, false},
	{"80c90001 0a0a0a0a", true, true, false},
	{"80c90002 0a0a0a0a", true, false, false},
	{"80c90001 0a0a0a0a 80", true, false, false},
	{"80c90001 0a0a0a0a 81cb0001 0a0a0a0a", true, true, true},
	{"80c90001 0a0a0a0a 81cb0002 0a0a0a0a", true, false, true},
	{"80c90001 0a0a0a0a 80000000 0a0a0a0a", true, false, true},
	{"80c90001 0a0a0a0a 81610001 0a0a0a0a", true, false, true},
	{"80c90002 0a0a0a0a 81cb0001 0a0a0a0a", true, false, false},
	{"80610001 0a0a0a0a 81cb0001 0a0a0a0a", true, false, false},
	/* The number of padding octets is not checked. */
	{"a0c90001 0a0a0a00", true, true, false},
	{"a0c90002 0a0a0a0a 00000003", true, true, false},
	{"a0c90002 0a0a0a0a 0000000c", true, true, false},
};

static void tells_apart(void)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		uint8_t octets[64];
		size_t n = test_hex(kinds[i].octets, octets, sizeof(octets));

		test_context("%s", kinds[i].octets);
		EXPECT_INT(rtcp_has_sender(octets, n), kinds[i].has_sender);
		EXPECT_INT(rtcp_fills(octets, n), kinds[i].fills);
		EXPECT_INT(srtcp_may_fill(octets, n), kinds[i].may_be_srtcp);
	}
}

TEST_MAIN("rtcp", {"renames", renames}, {"tells_apart", tells_apart})
