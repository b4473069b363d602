/* SPDX-License-Identifier: MIT */
/* Which words of ng make SRTP end here, and which suites are offered then. */
#include "tests/unit/ng_scene.h"

#define K1 "S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMn"
#define K2 "HJs3JxPWelhNSJtTrJf9GCtOo8uHex7mSSnMkUdK"
#define K3 "+JHuCdKP7RRTiPm8RN2DMtTA8O+kB8xyLU7xZzOa"
#define K256 "LjU8Q0pRWF9mbXR7gomQl56lrLO6wcjP1t3k6/L5BQwTGiEoLzY9REtSWWBnbg=="
#define HEAD "v=0\\r\\no=- 1 1 IN IP4 198.51.100.1\\r\\ns=-\\r\\nc=IN IP4 198.51.100.1\\r\\nt=0 0\\r\\n"
#define LINE(tag, suite, key) "a=crypto:" tag " " suite " inline:" key "\\r\\n"
#define SAVP(lines) "\"sdp\":\"" HEAD "m=audio 4000 RTP/SAVP 0\\r\\n" lines "\""
#define OFFER "\"command\":\"offer\",\"call-id\":\"c\",\"from-tag\":\"a\","
#define ANSWER "\"command\":\"answer\",\"call-id\":\"c\",\"from-tag\":\"a\",\"to-tag\":\"b\","
#define ONE SAVP(LINE("5", "AES_CM_128_HMAC_SHA1_80", K1))

static unsigned count_lines(void)
{
	unsigned n = 0;

	for (const char *at = sdp; (at = strstr(at, "a=crypto:")) != NULL; at++)
		n++;
	return n;
}

/* The suite of the nth a=crypto line told. */
static const char *suite_told(unsigned nth)
{
	static char name[32];
	const char *at = sdp;

	name[0] = '\0';
	for (unsigned i = 0; i <= nth && at; i++)
		at = strstr(at + (i ? 1 : 0), "a=crypto:");
	if (at)
		sscanf(at, "a=crypto:%*u %31s", name);
	return name;
}

static void words_decide_whether_it_passes(void)
{
	static const struct {
		const char *words;
		enum relay_mode mode;
	} rows[] = {
		{"", RELAY_MODE_E2E},
		{",\"transport-protocol\":\"RTP/SAVP\"", RELAY_MODE_E2E},
		{",\"SDES\":[\"pad\"]", RELAY_MODE_E2E},
		{",\"SDES\":[\"nonew\",\"static\",\"prefer\",\"lifetime\"]", RELAY_MODE_E2E},
		{",\"SDES\":[\"no-AES_256_CM_HMAC_SHA1_80\"]", RELAY_MODE_E2E},
		{",\"SDES\":[\"only-AES_CM_128_HMAC_SHA1_80\"]", RELAY_MODE_E2E},
		{",\"SDES\":[\"order:AES_CM_128_HMAC_SHA1_32;\"]", RELAY_MODE_E2E},
		{",\"flags\":[\"SDES-no-AES_256_CM_HMAC_SHA1_80\",\"SDES-pad\"]", RELAY_MODE_E2E},
		{",\"flags\":[\"recrypt\"]", RELAY_MODE_SRTP_SRTP},
		{",\"SDES\":[\"recrypt\"]", RELAY_MODE_SRTP_SRTP},
		{",\"flags\":[\"recrypt\",\"no-recrypt\"]", RELAY_MODE_E2E},
		{",\"SDES\":[\"AEAD_AES_256_GCM\"]", RELAY_MODE_SRTP_SRTP},
		{",\"flags\":[\"SDES-AES_256_CM_HMAC_SHA1_80\"]", RELAY_MODE_SRTP_SRTP},
		{",\"crypto\":[\"AEAD_AES_128_GCM\"]", RELAY_MODE_SRTP_SRTP},
		{",\"SDES\":[\"AEAD_AES_256_GCM\",\"no-AES_256_CM_HMAC_SHA1_80\"]", RELAY_MODE_SRTP_SRTP},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];

		test_context("%s", rows[i].words);
		begin_ng(NULL);
		snprintf(text, sizeof(text), OFFER ONE "%s", rows[i].words);
		EXPECT(tell(text));
		if (EXPECT(noted != NULL))
			EXPECT_INT(noted->media[0].mode, rows[i].mode);
		EXPECT((strstr(sdp, K1) != NULL) == (rows[i].mode == RELAY_MODE_E2E));
		end_ng();
	}
}

static void ends_without_a_common_suite_talk(void)
{
	begin_ng(NULL);
	REQUIRE(tell(OFFER SAVP(LINE("3", "AES_256_CM_HMAC_SHA1_80", K256)) ",\"flags\":[\"recrypt\"]"));
	/* The offerer's first, then all of ours; none twice, none with a key of his. */
	EXPECT_INT(count_lines(), SUITE_COUNT);
	EXPECT_TEXT(suite_told(0), "AES_256_CM_HMAC_SHA1_80");
	EXPECT_TEXT(suite_told(1), "AES_CM_128_HMAC_SHA1_80");
	EXPECT_TEXT(suite_told(2), "AES_CM_128_HMAC_SHA1_32");
	EXPECT(strstr(sdp, "LjU8Q0pRWF9") == NULL);
	REQUIRE(tell(ANSWER SAVP(LINE("2", "AES_CM_128_HMAC_SHA1_80", K2))));
	EXPECT_INT(count_lines(), 1);
	EXPECT(strstr(sdp, "a=crypto:3 AES_256_CM_HMAC_SHA1_80 inline:") != NULL);
	EXPECT_INT(noted->media[0].mode, RELAY_MODE_SRTP_SRTP);
	EXPECT_INT(noted->media[0].legs[0].receive->suite->id, SUITE_AES_256_CM_HMAC_SHA1_80);
	EXPECT_INT(noted->media[0].legs[1].receive->suite->id, SUITE_AES_CM_128_HMAC_SHA1_80);
	/* The words need not be said again: what runs goes on, with the same keys. */
	REQUIRE(tell(OFFER SAVP(LINE("3", "AES_256_CM_HMAC_SHA1_80", K256)) ",\"to-tag\":\"b\",\"transport-protocol\":\"RTP/SAVP\""));
	EXPECT_INT(noted->media[0].mode, RELAY_MODE_SRTP_SRTP);
	EXPECT_INT(count_lines(), 1);
	EXPECT_TEXT(suite_told(0), "AES_CM_128_HMAC_SHA1_80");
	end_ng();
}

static void words_choose_what_stands_behind_the_offerers(void)
{
	static const struct {
		const char *words;
		unsigned n;
		const char *suites[4];
	} rows[] = {
		{"\"flags\":[\"recrypt\",\"SDES-nonew\"]", 1, {"AES_CM_128_HMAC_SHA1_80"}},
		{"\"crypto\":[\"AEAD_AES_256_GCM\",\"AEAD_AES_128_GCM\"]", 3, {"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM"}},
		{"\"SDES\":[\"AEAD_AES_256_GCM\"]", SUITE_COUNT, {"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_32"}},
		{"\"SDES\":[\"recrypt\",\"only-AES_CM_128_HMAC_SHA1_80\",\"only-AES_CM_128_HMAC_SHA1_32\"]", 2,
		 {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}},
		{"\"SDES\":[\"recrypt\",\"order:AEAD_AES_128_GCM;AES_CM_128_HMAC_SHA1_32\"]", SUITE_COUNT,
		 {"AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"}},
		{"\"SDES\":[\"recrypt\",\"no-AES_CM_128_HMAC_SHA1_32\"]", SUITE_COUNT - 1, {"AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];

		test_context("%s", rows[i].words);
		begin_ng(NULL);
		snprintf(text, sizeof(text), OFFER ONE ",%s", rows[i].words);
		EXPECT(tell(text));
		EXPECT_INT(noted->media[0].mode, RELAY_MODE_SRTP_SRTP);
		EXPECT_INT(count_lines(), rows[i].n);
		for (unsigned k = 0; k < 4 && rows[i].suites[k]; k++)
			EXPECT_TEXT(suite_told(k), rows[i].suites[k]);
		end_ng();
	}
}

static void a_setting_decides_where_no_word_does(void)
{
	static const struct call_settings calls = {.recrypts = true, .n_offer = 2, .offer = {SUITE_AEAD_AES_128_GCM, SUITE_AES_CM_128_HMAC_SHA1_32}};

	begin_ng(&calls);
	REQUIRE(tell(OFFER ONE));
	EXPECT_INT(noted->media[0].mode, RELAY_MODE_SRTP_SRTP);
	EXPECT_INT(count_lines(), 3);
	EXPECT_TEXT(suite_told(1), "AEAD_AES_128_GCM");
	end_ng();
	begin_ng(&calls);
	REQUIRE(tell(OFFER ONE ",\"flags\":[\"no-recrypt\"]"));
	EXPECT_INT(noted->media[0].mode, RELAY_MODE_E2E);
	end_ng();
	/* What a=key-mgmt agrees on can't end here: it passes. */
	begin_ng(&calls);
	REQUIRE(tell(OFFER SAVP("a=key-mgmt:mikey AQAFgM0XflABAAAA\\r\\n")));
	EXPECT_INT(noted->media[0].mode, RELAY_MODE_E2E);
	end_ng();
}

/* Some phones repeat in the answer every line they could use: the first that fits is meant. */
static void an_answer_of_several_lines_is_understood(void)
{
	static const char *const bad[] = {
		ANSWER SAVP(LINE("1", "AEAD_AES_256_GCM", K2) LINE("9", "AES_CM_128_HMAC_SHA1_80", K3)),
		ANSWER SAVP("a=crypto:x\\r\\na=crypto:y\\r\\n"),
	};
	char ours[64], text[1024];

	begin_ng(NULL);
	REQUIRE(tell(OFFER ONE ",\"flags\":[\"recrypt\"]"));
	snprintf(ours, sizeof(ours), "%.40s", strstr(sdp, "inline:") + 7);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT(!tell(bad[i]));
	snprintf(text, sizeof(text), ANSWER SAVP(LINE("1", "AES_CM_128_HMAC_SHA1_80", K2) LINE("2", "AES_CM_128_HMAC_SHA1_32", "%s")), ours);
	EXPECT(!tell(text));
	REQUIRE(tell(ANSWER SAVP(LINE("7", "AEAD_AES_256_GCM", K3) LINE("2", "AES_CM_128_HMAC_SHA1_32", K2) LINE("1", "AES_CM_128_HMAC_SHA1_80", K3))));
	EXPECT_INT(noted->media[0].legs[1].receive->suite->id, SUITE_AES_CM_128_HMAC_SHA1_32);
	EXPECT_INT(noted->media[0].legs[1].send->suite->id, SUITE_AES_CM_128_HMAC_SHA1_32);
	end_ng();
}

TEST_MAIN("ng-srtp", {"words decide whether it passes", words_decide_whether_it_passes},
          {"ends without a common suite talk", ends_without_a_common_suite_talk},
          {"words choose what stands behind the offerer's", words_choose_what_stands_behind_the_offerers},
          {"a setting decides where no word does", a_setting_decides_where_no_word_does},
          {"an answer of several lines is understood", an_answer_of_several_lines_is_understood})
