/* SPDX-License-Identifier: MIT */
/* base/: addresses, numbers, base64, reading and writing octets. */
#include "base/addr.h"
#include "base/b64.h"
#include "base/bytes.h"
#include "tests/harness/harness.h"

static void reads_are_bounded(void)
{
	static const uint8_t three[] = {1, 2, 3};
	struct rd r = rd_make(three, sizeof(three));

	EXPECT_INT(rd_u16(&r), 0x0102);
	EXPECT_INT(rd_u16(&r), 0);
	EXPECT(!rd_ok(&r));
	EXPECT_INT(rd_u8(&r), 0);
	EXPECT_INT(rd_offset(&r), 2);
}

static void base64_is_strict(void)
{
	static const struct {
		const char *text;
		enum err want;
		size_t len;
	} rows[] = {
		{"", ERR_OK, 0},          {"Zg==", ERR_OK, 1},     {"Zg", ERR_OK, 1},
		{"Zm8=", ERR_OK, 2},      {"Zm9v", ERR_OK, 3},     {"Zg=", ERR_SYNTAX, 0},
		{"Z", ERR_SYNTAX, 0},     {"Zh==", ERR_SYNTAX, 0}, {"Zm9v=", ERR_SYNTAX, 0},
		{"Zm 9v", ERR_SYNTAX, 0}, {"====", ERR_SYNTAX, 0}, {"Zm9vYg===", ERR_SYNTAX, 0},
	};
	uint8_t out[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = 0;

		test_context("%s", rows[i].text);
		EXPECT_ERR(b64_decode(str_of(rows[i].text), out, sizeof(out), &len), rows[i].want);
		EXPECT_INT(len, rows[i].len);
	}
}

static void every_value_has_its_letter(void)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char digits[] = "0123456789abcdef";
	char text[5];

	for (unsigned i = 0; i < 256; i++) {
		const uint8_t octets[3] = {(uint8_t)i, (uint8_t)i, (uint8_t)i};

		EXPECT_OK(b64_encode(octets, 3, true, text, sizeof(text)));
		EXPECT_INT(text[0], letters[i >> 2]);
		EXPECT_INT(text[1], letters[(i << 4 | i >> 4) & 63]);
		EXPECT_INT(text[2], letters[(i << 2 | i >> 6) & 63]);
		EXPECT_INT(text[3], letters[i & 63]);
		EXPECT_OK(hex_encode(octets, 2, text, sizeof(text)));
		EXPECT_INT(text[2], digits[i >> 4]);
		EXPECT_INT(text[3], digits[i & 15]);
	}
}

static void addresses_round_trip(void)
{
	static const char *const good[] = {"192.0.2.1:5004",      "[2001:db8::1]:5004", "0.0.0.0:0",
	                                   "255.254.100.9:65535", "[fe80::1%7]:9",      "[::]:1"};
	static const char *const bad[] = {"",       "1.2.3.4", "1.2.3.4:65536", "2001:db8::1:5004",
	                                  "host:1", ":5",      "1.2.3:4"};
	char text[ADDR_TEXT_MAX];
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		EXPECT_OK(addr_parse(str_of(good[i]), &a));
		EXPECT_TEXT(addr_print(&a, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_ERR(addr_parse(str_of(bad[i]), &a), ERR_SYNTAX);
	EXPECT_OK(addr_parse(STR("[::ffff:192.0.2.1]:9"), &a));
	EXPECT_INT(a.version, 4);
	EXPECT_TEXT(addr_print_ip(&a, text), "192.0.2.1");
	a = (struct addr){.version = 0};
	EXPECT_TEXT(addr_print(&a, text), "none");
	EXPECT_TEXT(addr_print_ip(&a, text), "none");
}

TEST_MAIN("base", {"reads are bounded", reads_are_bounded}, {"base64 is strict", base64_is_strict},
          {"every value has its letter", every_value_has_its_letter},
          {"addresses round trip", addresses_round_trip})
