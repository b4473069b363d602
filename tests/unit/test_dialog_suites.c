/* SPDX-License-Identifier: MIT */
/* Suites in ng requests: flags also remove suites from SRTP that is not terminated, old suite names
 * are written as they were read, and parameters that weaken SRTP are refused. */
#include "tests/harness/dialog_scene.h"

#define A32  "AES_CM_128_HMAC_SHA1_32"
#define A256 "AES_256_CM_HMAC_SHA1_80"
#define K256 "LjU8Q0pRWF9mbXR7gomQl56lrLO6wcjP1t3k6/L5BQwTGiEoLzY9REtSWWBnbg=="
#define ALL  ((1u << SUITE_COUNT) - 1)
#define BOTH                                                                   \
	"a=crypto:1 " A256 " inline:" K256 "\r\na=crypto:2 " A80 " inline:" K1 \
	"\r\na=crypto:3 SEED_CTR_128_HMAC_SHA1_80 inline:" K2 "\r\n"
#define CAPABILITY "a=acap:1 crypto:1 " A256 " inline:" K256 "\r\n"

/* For each ng flag: which a=crypto lines of BOTH pass (AES-256, AES-128, SEED). */
static const struct {
	const char *name;
	uint32_t suites;
	bool only, off, is_256, is_128, is_seed;
} words[] = {
	{"nothing said", ALL, false, false, true, true, true},
	{"no-" A256, ALL & ~(1u << SUITE_AES_256_CM_HMAC_SHA1_80), false, false, false, true, true},
	{"only-" A80, 1u << SUITE_AES_CM_128_HMAC_SHA1_80, true, false, false, true, false},
	{"off", ALL, false, true, false, false, false},
	{"only-" A32, 1u << SUITE_AES_CM_128_HMAC_SHA1_32, true, false, false, false, false},
};

static void begin_with(size_t i)
{
	begin();
	test_context("%s", words[i].name);
	options.sdes.suites = words[i].suites;
	options.only_named = words[i].only;
	options.n_suites = words[i].off ? 0 : options.n_suites;
}

static void flags_remove_suites_of_srtp_that_passes(void)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		bool is_left = words[i].is_256 || words[i].is_128;

		begin_with(i);
		EXPECT_ERR(offer("alice", "", UE "m=audio 4000 RTP/SAVP 0\r\n" BOTH CAPABILITY),
		           is_left ? ERR_OK : ERR_INVALID);
		EXPECT_INT(is_left, got.why[0] == '\0');
		if (is_left) {
			EXPECT_INT(got.media[0].mode, RELAY_MODE_E2E);
			EXPECT_INT(strstr(got.sdp, "a=crypto:1 " A256) != NULL, words[i].is_256);
			EXPECT_INT(strstr(got.sdp, CAPABILITY) != NULL, words[i].is_256);
			EXPECT_INT(strstr(got.sdp, "a=crypto:2 " A80) != NULL, words[i].is_128);
			EXPECT_INT(strstr(got.sdp, "SEED_CTR") != NULL, words[i].is_seed);
			/* An answer must not choose a suite that was removed from the offer. */
			EXPECT_ERR(answer("alice", "bob",
			                  CORE "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 " A256
			                       " inline:" K256 "\r\n"),
			           words[i].is_256 ? ERR_OK : ERR_INVALID);
		} else {
			EXPECT(strstr(got.why, "exclude every a=crypto line") != NULL);
		}
		tear_down();
	}
}

/* With optional SRTP the flags may remove every key: the m-line is then plain RTP. */
static void optional_srtp_too(void)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		begin_with(i);
		options.osrtp = DIALOG_OSRTP_PASS;
		if (EXPECT_OK(offer("alice", "", UE "m=audio 4000 RTP/AVP 0\r\n" BOTH))) {
			EXPECT_INT(got.media[0].mode, RELAY_MODE_E2E);
			EXPECT_INT(strstr(got.sdp, A256) != NULL, words[i].is_256);
			EXPECT_INT(strstr(got.sdp, A80) != NULL, words[i].is_128);
			EXPECT_INT(strstr(got.sdp, "SEED_CTR") != NULL, words[i].is_seed);
		}
		tear_down();
	}
}

/* An m-line with a=key-mgmt is accepted even if the flags remove all its a=crypto lines. */
static void key_management_stays(void)
{
	begin_with(3);
	REQUIRE_OK(offer("alice", "",
	                 UE "m=audio 4000 RTP/SAVP 0\r\n" BOTH "a=key-mgmt:mikey AQAF\r\n"));
	EXPECT(says("a=key-mgmt:mikey AQAF\r\n") && !strstr(got.sdp, "a=crypto"));
	tear_down();
}

static void old_suite_names_are_answered_alike(void)
{
	static const struct {
		const char *said, *key;
	} rows[] = {
		{"AES_CM_256_HMAC_SHA1_80", K256}, {"aes_cm_256_hmac_sha1_80", K256},
		{"aes_cm_128_hmac_sha1_80", K1},   {"AES_256_CM_HMAC_SHA1_80", K256},
		{"AES_128_CM_HMAC_SHA1_32", K1},
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin();
		test_context("%s", rows[i].said);
		options.transport = SDP_PROFILE_AVP;
		snprintf(text, sizeof(text),
		         UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:4 %s inline:%s\r\n", rows[i].said,
		         rows[i].key);
		REQUIRE_OK(offer("alice", "", text));
		REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
		snprintf(text, sizeof(text), "a=crypto:4 %s inline:", rows[i].said);
		EXPECT(says(text));
		tear_down();
	}
}

static void weak_parameters_are_refused_by_name(void)
{
	static const char *const names[] = {"UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP",
	                                    "UNAUTHENTICATED_SRTP"};
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		begin();
		test_context("%s", names[i]);
		options.transport = SDP_PROFILE_AVP;
		snprintf(text, sizeof(text),
		         UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K1 " %s\r\n",
		         names[i]);
		EXPECT_ERR(offer("alice", "", text), ERR_INVALID);
		snprintf(text, sizeof(text), "%s is refused, %s must be", names[i],
		         i == 1 ? "RTCP" : "media");
		EXPECT(strstr(got.why, text) != NULL);
		tear_down();
		begin();
		options.transport = SDP_PROFILE_SAVP;
		REQUIRE_OK(offer("alice", "", CORE AVP("5000")));
		snprintf(text, sizeof(text),
		         UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K1 " %s\r\n",
		         names[i]);
		EXPECT_ERR(answer("alice", "bob", text), ERR_INVALID);
		EXPECT(strstr(got.why, names[i]) &&
		       strstr(got.why, "must be encrypted and authenticated"));
		tear_down();
	}
}

TEST_MAIN("dialog-suites",
          {"flags remove suites of SRTP that passes", flags_remove_suites_of_srtp_that_passes},
          {"optional SRTP too", optional_srtp_too}, {"key management stays", key_management_stays},
          {"old suite names are answered alike", old_suite_names_are_answered_alike},
          {"weak parameters are refused by name", weak_parameters_are_refused_by_name})
