/* SPDX-License-Identifier: MIT */
/* ng: which words make the gateway terminate SRTP, and which suites it then offers. */
#include "tests/harness/ng_scene.h"

#define K1   "S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMn"
#define K2   "HJs3JxPWelhNSJtTrJf9GCtOo8uHex7mSSnMkUdK"
#define K3   "+JHuCdKP7RRTiPm8RN2DMtTA8O+kB8xyLU7xZzOa"
#define K256 "LjU8Q0pRWF9mbXR7gomQl56lrLO6wcjP1t3k6/L5BQwTGiEoLzY9REtSWWBnbg=="
#define HEAD                                                                                 \
	"v=0\\r\\no=- 1 1 IN IP4 198.51.100.1\\r\\ns=-\\r\\nc=IN IP4 198.51.100.1\\r\\nt=0 " \
	"0\\r\\n"
#define LINE(tag, suite, key) "a=crypto:" tag " " suite " inline:" key "\\r\\n"
#define SAVP(lines)           "\"sdp\":\"" HEAD "m=audio 4000 RTP/SAVP 0\\r\\n" lines "\""
#define OFFER                 "\"command\":\"offer\",\"call-id\":\"c\",\"from-tag\":\"a\","
#define ANSWER                    \
	"\"command\":\"answer\"," \
	"\"call-id\":\"c\",\"from-tag\":\"a\",\"to-tag\":\"b\","
#define ONE SAVP(LINE("5", "AES_CM_128_HMAC_SHA1_80", K1))

static unsigned count_lines(void)
{
	unsigned n = 0;

	for (const char *at = sdp; (at = strstr(at, "a=crypto:")) != NULL; at++)
		n++;
	return n;
}

/* The suite of the nth a=crypto line (from 0) in the reply; empty if there are fewer. */
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

static void flags_decide_whether_srtp_passes(void)
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
		{",\"SDES\":[\"AEAD_AES_256_GCM\",\"no-AES_256_CM_HMAC_SHA1_80\"]",
	         RELAY_MODE_SRTP_SRTP},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];

		test_context("%s", rows[i].words);
		begin_ng(NULL);
		snprintf(text, sizeof(text), OFFER ONE "%s", rows[i].words);
		EXPECT(tell(text));
		if (EXPECT(fake_relay.sessions != NULL))
			EXPECT_INT(fake_relay.sessions->media[0].mode, rows[i].mode);
		EXPECT((strstr(sdp, K1) != NULL) == (rows[i].mode == RELAY_MODE_E2E));
		end_ng();
	}
}

static void ends_without_a_common_suite_talk(void)
{
	begin_ng(NULL);
	REQUIRE(tell(
		OFFER SAVP(LINE("3", "AES_256_CM_HMAC_SHA1_80", K256)) ",\"flags\":[\"recrypt\"]"));
	/* The reply offers the suites of the offerer first, then the gateway's others: no suite
	 * twice, and no key of the offerer. */
	EXPECT_INT(count_lines(), SUITE_COUNT);
	EXPECT_TEXT(suite_told(0), "AES_256_CM_HMAC_SHA1_80");
	EXPECT_TEXT(suite_told(1), "AES_CM_128_HMAC_SHA1_80");
	EXPECT_TEXT(suite_told(2), "AES_CM_128_HMAC_SHA1_32");
	EXPECT_TEXT(suite_told(SUITE_COUNT - 1), "F8_128_HMAC_SHA1_80");
	EXPECT(strstr(sdp, "LjU8Q0pRWF9") == NULL);
	REQUIRE(tell(ANSWER SAVP(LINE("2", "AES_CM_128_HMAC_SHA1_80", K2))));
	EXPECT_INT(count_lines(), 1);
	EXPECT(strstr(sdp, "a=crypto:3 AES_256_CM_HMAC_SHA1_80 inline:") != NULL);
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_SRTP_SRTP);
	EXPECT_INT(fake_relay.sessions->media[0].legs[0].receive->suite->id,
	           SUITE_AES_256_CM_HMAC_SHA1_80);
	EXPECT_INT(fake_relay.sessions->media[0].legs[1].receive->suite->id,
	           SUITE_AES_CM_128_HMAC_SHA1_80);
	/* A later request without these words continues the media with the same keys. */
	REQUIRE(tell(
		OFFER SAVP(LINE("3", "AES_256_CM_HMAC_SHA1_80",
	                        K256)) ",\"to-tag\":\"b\",\"transport-protocol\":\"RTP/SAVP\""));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_SRTP_SRTP);
	EXPECT_INT(count_lines(), 1);
	EXPECT_TEXT(suite_told(0), "AES_CM_128_HMAC_SHA1_80");
	end_ng();
}

static void flags_choose_the_suites_after_the_offerers(void)
{
	static const struct {
		const char *words;
		unsigned n;
		const char *suites[4];
	} rows[] = {
		{"\"flags\":[\"recrypt\",\"SDES-nonew\"]", 1, {"AES_CM_128_HMAC_SHA1_80"}},
		{"\"crypto\":[\"AEAD_AES_256_GCM\",\"AEAD_AES_128_GCM\"]",
	         3,
	         {"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM"}},
		{"\"SDES\":[\"F8_128_HMAC_SHA1_80\"]",
	         SUITE_COUNT,
	         {"AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}},
		{"\"SDES\":[\"AEAD_AES_256_GCM\"]",
	         SUITE_COUNT,
	         {"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_32"}},
		{"\"SDES\":[\"recrypt\",\"only-AES_CM_128_HMAC_SHA1_80\",\"only-AES_CM_128_HMAC_"
	         "SHA1_32\"]",
	         2,
	         {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}},
		{"\"SDES\":[\"recrypt\",\"order:AEAD_AES_128_GCM;AES_CM_128_HMAC_SHA1_32\"]",
	         SUITE_COUNT,
	         {"AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"}},
		{"\"SDES\":[\"recrypt\",\"no-AES_CM_128_HMAC_SHA1_32\"]",
	         SUITE_COUNT - 1,
	         {"AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];

		test_context("%s", rows[i].words);
		begin_ng(NULL);
		snprintf(text, sizeof(text), OFFER ONE ",%s", rows[i].words);
		EXPECT(tell(text));
		EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_SRTP_SRTP);
		EXPECT_INT(count_lines(), rows[i].n);
		for (unsigned k = 0; k < 4 && rows[i].suites[k]; k++)
			EXPECT_TEXT(suite_told(k), rows[i].suites[k]);
		end_ng();
	}
}

static void a_setting_decides_without_flags(void)
{
	static const struct call_settings calls = {
		.recrypts = true,
		.n_offer = 2,
		.offer = {SUITE_AEAD_AES_128_GCM, SUITE_AES_CM_128_HMAC_SHA1_32}};

	begin_ng(&calls);
	REQUIRE(tell(OFFER ONE));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_SRTP_SRTP);
	EXPECT_INT(count_lines(), 3);
	EXPECT_TEXT(suite_told(1), "AEAD_AES_128_GCM");
	end_ng();
	begin_ng(&calls);
	REQUIRE(tell(OFFER ONE ",\"flags\":[\"no-recrypt\"]"));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2E);
	end_ng();
	/* The gateway cannot terminate SRTP whose keys come from a=key-mgmt: it passes. */
	begin_ng(&calls);
	REQUIRE(tell(OFFER SAVP("a=key-mgmt:mikey AQAFgM0XflABAAAA\\r\\n")));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2E);
	end_ng();
}

/* Some phones answer with every a=crypto line they support: the first usable line counts. */
static void an_answer_of_several_lines_is_understood(void)
{
	static const char *const bad[] = {
		ANSWER SAVP(LINE("1", "AEAD_AES_256_GCM", K2)
	                            LINE("9", "AES_CM_128_HMAC_SHA1_80", K3)),
		ANSWER SAVP("a=crypto:x\\r\\na=crypto:y\\r\\n"),
	};
	char ours[64], text[1024];

	begin_ng(NULL);
	REQUIRE(tell(OFFER ONE ",\"flags\":[\"recrypt\"]"));
	snprintf(ours, sizeof(ours), "%.40s", strstr(sdp, "inline:") + 7);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT(!tell(bad[i]));
	snprintf(text, sizeof(text),
	         ANSWER SAVP(LINE("1", "AES_CM_128_HMAC_SHA1_80", K2)
	                             LINE("2", "AES_CM_128_HMAC_SHA1_32", "%s")),
	         ours);
	EXPECT(!tell(text));
	REQUIRE(tell(ANSWER SAVP(LINE("7", "AEAD_AES_256_GCM", K3) LINE(
		"2", "AES_CM_128_HMAC_SHA1_32", K2) LINE("1", "AES_CM_128_HMAC_SHA1_80", K3))));
	EXPECT_INT(fake_relay.sessions->media[0].legs[1].receive->suite->id,
	           SUITE_AES_CM_128_HMAC_SHA1_32);
	EXPECT_INT(fake_relay.sessions->media[0].legs[1].send->suite->id,
	           SUITE_AES_CM_128_HMAC_SHA1_32);
	end_ng();
}

/* --- optional SRTP (RFC 8643) ----------------------------------------------- */

#define M(profile, port, lines) "m=audio " port " " profile " 0\\r\\n" lines
#define AVP(lines)              "\"sdp\":\"" HEAD M("RTP/AVP", "4000", lines) "\""
#define L1(key)                 LINE("5", "AES_CM_128_HMAC_SHA1_80", key)
#define BACK                     \
	"\"command\":\"offer\"," \
	"\"call-id\":\"c\",\"from-tag\":\"b\",\"to-tag\":\"a\","
#define BACK_ANSWER               \
	"\"command\":\"answer\"," \
	"\"call-id\":\"c\",\"from-tag\":\"b\",\"to-tag\":\"a\","

/* The tag of the a=crypto line with `suite` in the reply; empty if there is none. */
static const char *tag_of(const char *suite)
{
	static char tag[16];
	const char *at = strstr(sdp, suite);

	tag[0] = '\0';
	while (at && at > sdp && *at != ':')
		at--;
	if (at)
		sscanf(at, ":%15s", tag);
	return tag;
}

static void optional_srtp_ends_here(void)
{
	static const char *const words[] = {"", ",\"transport-protocol\":\"RTP/AVP\"",
	                                    ",\"SDES\":[\"off\"]", ",\"OSRTP\":[\"accept\"]",
	                                    ",\"flags\":[\"OSRTP-accept-RFC\"]"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char text[1024];

		test_context("%s", words[i]);
		begin_ng(NULL);
		snprintf(text, sizeof(text), OFFER AVP(L1(K1)) "%s", words[i]);
		EXPECT(tell(text));
		EXPECT(strstr(sdp, "RTP/AVP 0") && !strstr(sdp, "crypto") && !strstr(sdp, K1));
		EXPECT(tell(ANSWER AVP("")));
		EXPECT(strstr(sdp, "RTP/AVP 0") &&
		       strstr(sdp, "a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:"));
		EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2AE);
		EXPECT(fake_relay.sessions->media[0].legs[0].receive &&
		       fake_relay.sessions->media[0].legs[0].send &&
		       !fake_relay.sessions->media[0].legs[1].receive);
		end_ng();
	}
}

static void optional_srtp_continues_in_a_call(void)
{
	char ours[64], text[1024];
	unsigned before;

	begin_ng(NULL);
	REQUIRE(tell(OFFER AVP(L1(K1))) && tell(ANSWER AVP("")));
	snprintf(ours, sizeof(ours), "%.40s", strstr(sdp, "inline:") + 7);
	before = fake_relay.updates;
	REQUIRE(tell(OFFER AVP(L1(K1)) ",\"to-tag\":\"b\"") && tell(ANSWER AVP("")));
	EXPECT(strstr(sdp, ours) != NULL);
	/* When the core offers, the phone gets our a=crypto line unchanged, and accepts with its
	 * own. */
	REQUIRE(tell(BACK AVP("") ",\"transport-protocol\":\"RTP/AVP\""));
	EXPECT(strstr(sdp, "RTP/AVP 0") && strstr(sdp, ours));
	REQUIRE(tell(BACK_ANSWER AVP(L1(K1))));
	EXPECT(!strstr(sdp, "crypto"));
	EXPECT_INT(fake_relay.updates, before);
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2AE);
	/* The phone answers without a=crypto: the media is RTP from then on. */
	REQUIRE(tell(BACK AVP("")) && tell(BACK_ANSWER AVP("")));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_RTP);
	EXPECT(!fake_relay.sessions->media[0].legs[0].receive &&
	       !fake_relay.sessions->media[0].legs[0].send &&
	       fake_relay.sessions->media[0].legs[0].can_receive);
	REQUIRE(tell(BACK AVP("") ",\"OSRTP\":[\"offer\"]"));
	EXPECT(!strstr(sdp, "crypto"));
	REQUIRE(tell(BACK_ANSWER AVP("")));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_RTP);
	/* When the phone later offers a key, the media is SRTP again. */
	snprintf(text, sizeof(text), OFFER AVP(L1(K2)) ",\"to-tag\":\"b\"");
	REQUIRE(tell(text) && tell(ANSWER AVP("")));
	EXPECT(strstr(sdp, "a=crypto:5 ") != NULL);
	end_ng();
}

static void srtp_is_offered_to_those_who_may_have_it(void)
{
	static const struct {
		const char *offer, *words, *answer;
		enum relay_mode mode;
		bool keys_back;
	} rows[] = {
		{OFFER AVP(""), "\"OSRTP\":[\"offer\"]",
	         M("RTP/AVP", "5000", LINE("1", "AES_CM_128_HMAC_SHA1_80", K2)), RELAY_MODE_E2AE,
	         false},
		{OFFER AVP(""), "\"flags\":[\"OSRTP-offer-RFC\"]", M("RTP/AVP", "5000", ""),
	         RELAY_MODE_RTP, false},
		{OFFER AVP(""), "\"OSRTP\":\"offer-legacy\",\"transport-protocol\":\"RTP/SAVP\"",
	         M("RTP/AVP", "5000", ""), RELAY_MODE_RTP, false},
		{OFFER AVP(""), "\"OSRTP\":\"offer\"",
	         M("RTP/SAVP", "5000", LINE("1", "AES_CM_128_HMAC_SHA1_80", K2)), RELAY_MODE_E2AE,
	         false},
		{OFFER AVP(L1(K1)), "\"OSRTP\":[\"offer\"]",
	         M("RTP/AVP", "5000", LINE("1", "AES_CM_128_HMAC_SHA1_80", K2)),
	         RELAY_MODE_SRTP_SRTP, true},
		{OFFER AVP(L1(K1)), "\"OSRTP\":[\"offer\"]", M("RTP/AVP", "5000", ""),
	         RELAY_MODE_E2AE, true},
		{OFFER ONE, "\"OSRTP\":[\"offer\"],\"transport-protocol\":\"RTP/AVP\"",
	         M("RTP/AVP", "5000", ""), RELAY_MODE_E2AE, true},
		{OFFER ONE, "\"OSRTP\":[\"offer\"],\"transport-protocol\":\"RTP/AVP\"",
	         M("RTP/AVP", "5000", LINE("1", "AES_CM_128_HMAC_SHA1_80", K2)),
	         RELAY_MODE_SRTP_SRTP, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct relay_media_spec *m;
		char text[2048];

		test_context("%zu", i);
		begin_ng(NULL);
		snprintf(text, sizeof(text), "%s,%s", rows[i].offer, rows[i].words);
		EXPECT(tell(text));
		EXPECT(strstr(sdp, "RTP/AVP 0") && !strstr(sdp, K1));
		EXPECT_TEXT(tag_of("AES_CM_128_HMAC_SHA1_80"), "1");
		snprintf(text, sizeof(text), ANSWER "\"sdp\":\"" HEAD "%s\"", rows[i].answer);
		EXPECT(tell(text));
		m = &fake_relay.sessions->media[0];
		EXPECT_INT(m->mode, rows[i].mode);
		EXPECT((strstr(sdp, "crypto") != NULL) == rows[i].keys_back && !strstr(sdp, K2));
		EXPECT(m->legs[0].can_receive && m->legs[1].can_receive);
		EXPECT((m->legs[0].receive != NULL) == (m->mode != RELAY_MODE_RTP) &&
		       (m->legs[1].receive != NULL) == (m->mode == RELAY_MODE_SRTP_SRTP));
		end_ng();
	}
}

static void two_forks_may_answer_differently(void)
{
	begin_ng(NULL);
	REQUIRE(tell(OFFER AVP("") ",\"OSRTP\":[\"offer\"]"));
	REQUIRE(tell(ANSWER AVP("")));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_RTP);
	REQUIRE(tell("\"command\":\"answer\",\"call-id\":\"c\",\"from-tag\":\"a\",\"to-tag\":"
	             "\"b2\"," AVP(LINE("1", "AES_CM_128_HMAC_SHA1_80", K2))));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2AE);
	EXPECT(fake_relay.sessions->media[0].legs[0].receive &&
	       fake_relay.sessions->media[0].legs[0].send);
	end_ng();
}

/* The gateway passes or declines optional SRTP; a side for which RTP/AVP is requested gets no
 * keys. */
static void optional_srtp_passes_or_is_not_taken(void)
{
	static const struct call_settings passes = {.osrtp = DIALOG_OSRTP_PASS};
	static const struct {
		bool passes;
		const char *words;
		enum relay_mode mode;
	} rows[] = {
		{true, "", RELAY_MODE_E2E},
		{true, ",\"transport-protocol\":\"RTP/AVP\"", RELAY_MODE_RTP},
		{true, ",\"OSRTP\":[\"accept\"]", RELAY_MODE_E2AE},
		{true, ",\"OSRTP\":[\"off\"]", RELAY_MODE_RTP},
		{false, ",\"OSRTP\":[\"pass\"]", RELAY_MODE_E2E},
		{false, ",\"OSRTP\":[\"off\"]", RELAY_MODE_RTP},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool keys = rows[i].mode == RELAY_MODE_E2E;
		char text[1024];

		test_context("%zu", i);
		begin_ng(rows[i].passes ? &passes : NULL);
		snprintf(text, sizeof(text), OFFER AVP(L1(K1)) "%s", rows[i].words);
		EXPECT(tell(text));
		EXPECT_INT(fake_relay.sessions->media[0].mode, rows[i].mode);
		EXPECT((strstr(sdp, K1) != NULL) == keys &&
		       (strstr(sdp, "crypto") != NULL) == keys);
		EXPECT(tell(ANSWER AVP("")));
		end_ng();
	}
	/* If no key of the offer is usable, the call is plain RTP. */
	begin_ng(NULL);
	REQUIRE(tell(OFFER AVP("a=crypto:1 SEED_CTR_128_HMAC_SHA1_80 inline:" K1 "\\r\\n")));
	EXPECT(!strstr(sdp, "crypto"));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_RTP);
	end_ng();
}

static void the_secure_m_line_of_a_pair_is_used(void)
{
	static const char *const rows[] = {
		M("RTP/AVP", "4000", "") M("RTP/SAVP", "4002", L1(K1)),
		M("RTP/SAVP", "4002", L1(K1)) M("RTP/AVP", "4000", ""),
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		char text[2048];

		test_context("%u", i);
		begin_ng(NULL);
		snprintf(text, sizeof(text),
		         OFFER "\"sdp\":\"" HEAD
		               "%s\",\"transport-protocol\":\"RTP/AVP\",\"OSRTP\":[\"accept\"]",
		         rows[i]);
		EXPECT(tell(text));
		EXPECT(strstr(sdp, "m=audio 0 RTP/AVP 0") && !strstr(sdp, "crypto"));
		snprintf(text, sizeof(text), ANSWER "\"sdp\":\"" HEAD "%s%s%s\"",
		         i ? M("RTP/AVP", "5000", "") : "", M("RTP/AVP", "0", ""),
		         i ? "" : M("RTP/AVP", "5000", ""));
		EXPECT(tell(text));
		EXPECT(strstr(sdp, "m=audio 0 RTP/AVP 0") && strstr(sdp, "RTP/SAVP 0") &&
		       strstr(sdp, "a=crypto:5 "));
		EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2AE);
		end_ng();
	}
}

/* --- tolerances ------------------------------------------------------------- */

/* Words for the tolerances of the JSON protocol: is the offer accepted without the word, and with
 * it? */
static void tolerances_have_flags(void)
{
	static const struct {
		const char *line, *word;
		bool without, with;
	} rows[] = {
		{LINE("1", "AES_CM_128_HMAC_SHA1_80", K1 "|2^10"), "lifetime-min:2000", true,
	         false},
		{LINE("1", "AES_CM_128_HMAC_SHA1_80", K1 "|2^30"), "lifetime-max:65536", true,
	         false},
		{LINE("1", "AES_CM_128_HMAC_SHA1_80", K1 "|1:4"), "no-mki", true, false},
		{LINE("1", "AES_CM_128_HMAC_SHA1_80", K1), "lifetime-min:0", true, false},
		{LINE("1", "AES_CM_128_HMAC_SHA1_80", K1), "lifetime-own:9999999999", true, false},
		{LINE("1", "AES_CM_128_HMAC_SHA1_80", K1), "lifetime-own:x", true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];

		for (unsigned with = 0; with < 2; with++) {
			test_context("%s %u", rows[i].word, with);
			begin_ng(NULL);
			snprintf(text, sizeof(text),
			         OFFER SAVP("%s") ",\"transport-protocol\":\"RTP/"
			                          "AVP\",\"SDES\":[\"%s\"]",
			         rows[i].line, with ? rows[i].word : "pad");
			EXPECT_INT(tell(text), with ? rows[i].with : rows[i].without);
			end_ng();
		}
	}
}

static void a_wrong_tag_is_forgiven(void)
{
	static const char offer[] = OFFER AVP("") ",\"transport-protocol\":\"RTP/SAVP\"";
	static const char wrong[] = ANSWER SAVP(LINE("9", "AES_CM_128_HMAC_SHA1_80", K2));

	begin_ng(NULL);
	REQUIRE(tell(offer));
	EXPECT(!tell(wrong) && reply_has("error-reason", "tag 9"));
	EXPECT(tell(ANSWER SAVP(
		LINE("9", "AES_CM_128_HMAC_SHA1_80", K2)) ",\"flags\":[\"SDES-any_tag\"]"));
	EXPECT(fake_relay.sessions->media[0].legs[0].receive != NULL);
	end_ng();
}

static void lifetimes_are_ignored_or_written(void)
{
	begin_ng(NULL);
	REQUIRE(tell(OFFER SAVP(LINE(
		"5", "AES_CM_128_HMAC_SHA1_80",
		K1
		"|2^20")) ",\"transport-protocol\":\"RTP/"
	                  "AVP\",\"SDES\":[\"ignore-lifetime\",\"lifetime-own:4096\",\"no-pad\"]"));
	REQUIRE(tell(ANSWER AVP("")));
	EXPECT(strstr(sdp, "|2^12") != NULL);
	EXPECT(fake_relay.sessions->media[0].legs[0].receive->lifetime_pkts > 1ull << 20);
	end_ng();
}

TEST_MAIN("ng-srtp", {"flags decide whether SRTP passes", flags_decide_whether_srtp_passes},
          {"ends without a common suite talk", ends_without_a_common_suite_talk},
          {"flags choose the suites after the offerer's",
           flags_choose_the_suites_after_the_offerers},
          {"a setting decides without flags", a_setting_decides_without_flags},
          {"an answer of several lines is understood", an_answer_of_several_lines_is_understood},
          {"tolerances have flags", tolerances_have_flags},
          {"a wrong tag is forgiven", a_wrong_tag_is_forgiven},
          {"lifetimes are ignored or written", lifetimes_are_ignored_or_written},
          {"optional srtp ends here", optional_srtp_ends_here},
          {"optional srtp continues in a call", optional_srtp_continues_in_a_call},
          {"srtp is offered to those who may have it", srtp_is_offered_to_those_who_may_have_it},
          {"two forks may answer differently", two_forks_may_answer_differently},
          {"optional srtp passes or is not taken", optional_srtp_passes_or_is_not_taken},
          {"the secure m-line of a pair is used", the_secure_m_line_of_a_pair_is_used})
