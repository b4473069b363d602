/* SPDX-License-Identifier: MIT */
/* keyctx/sdp/sdes: every row of the profile of a=crypto, the comparison that finds a re-key, and
 * the rules for answers. */
#include "base/secret.h"
#include "keyctx/sdp/sdes.h"
#include "tests/harness/harness.h"

#define K1     "S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMn"
#define K2     "HJs3JxPWelhNSJtTrJf9GCtOo8uHex7mSSnMkUdK"
#define GCM128 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw"
#define CM256  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ"
#define CM192  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCU"
#define GCM256 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis"
#define A80    "AES_CM_128_HMAC_SHA1_80"
#define A32    "AES_CM_128_HMAC_SHA1_32"

static struct sdes_policy policy(void)
{
	struct sdes_policy p;

	sdes_policy_defaults(&p);
	return p;
}

static void lines_are_checked(void)
{
	static const struct {
		const char *text;
		enum sdes_fault want;
	} rows[] = {
		{"1 " A80 " inline:" K1, SDES_USABLE},
		{"1 " A32 " inline:" K1, SDES_USABLE},
		{"1 \t " A80 "  inline:" K1 " ", SDES_USABLE},
		{"999999999 " A80 " inline:" K1, SDES_USABLE},
		{"1 AES_192_CM_HMAC_SHA1_80 inline:" CM192, SDES_USABLE},
		{"1 AES_192_CM_HMAC_SHA1_32 inline:" CM192 "=", SDES_USABLE},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" CM256, SDES_USABLE},
		{"1 AES_256_CM_HMAC_SHA1_32 inline:" CM256 "==", SDES_USABLE},
		{"1 AEAD_AES_128_GCM inline:" GCM128, SDES_USABLE},
		{"1 AEAD_AES_128_GCM inline:" GCM128 "==", SDES_USABLE},
		{"1 AEAD_AES_256_GCM inline:" GCM256, SDES_USABLE},
		/* the suite: supported, unknown, or in another notation */
		{"1 SEED_CTR_128_HMAC_SHA1_80 inline:" K1, SDES_UNKNOWN_SUITE},
		{"1 F8_128_HMAC_SHA1_80 inline:" K1, SDES_USABLE},
		{"1 f8_128_hmac_sha1_80 inline:" K1, SDES_USABLE},
		{"1 NULL_HMAC_SHA1_80 inline:" K1, SDES_UNKNOWN_SUITE},
		{"1 aes_cm_128_hmac_sha1_80 inline:" K1, SDES_USABLE},
		{"1 AES_CM_256_HMAC_SHA1_80 inline:" CM256, SDES_USABLE},
		{"1 aes_cm_192_hmac_sha1_32 inline:" CM192, SDES_USABLE},
		{"1 AES_128_CM_HMAC_SHA1_80 inline:" K1, SDES_USABLE},
		{"1 AES_CM_512_HMAC_SHA1_80 inline:" CM256, SDES_UNKNOWN_SUITE},
		/* the tag, and lines with missing parts */
		{"", SDES_BAD_SYNTAX},
		{"1 " A80, SDES_BAD_SYNTAX},
		{"01 " A80 " inline:" K1, SDES_BAD_TAG},
		{"1234567890 " A80 " inline:" K1, SDES_BAD_TAG},
		{"x " A80 " inline:" K1, SDES_BAD_TAG},
		{"1 " A80 " uri:x", SDES_UNKNOWN_METHOD},
		{"1 " A80 " inline", SDES_BAD_SYNTAX},
		{"1 " A80 " inline:", SDES_BAD_SYNTAX},
		{"1 " A80 " INLINE:" K1, SDES_USABLE},
		/* the key: its base64 and its length */
		{"1 " A80 " inline:S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTM=", SDES_BAD_KEY},
		{"1 " A80 " inline:S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMnAA", SDES_BAD_KEY},
		{"1 " A80 " inline:S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXT!n", SDES_BAD_KEY},
		{"1 " A80 " inline:" GCM128, SDES_BAD_KEY},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" K1, SDES_BAD_KEY},
		/* the lifetime of the key */
		{"1 " A80 " inline:" K1 "|2^20", SDES_USABLE},
		{"1 " A80 " inline:" K1 "|1048576", SDES_USABLE},
		{"1 " A80 " inline:" K1 "|1", SDES_USABLE},
		{"1 " A80 " inline:" K1 "|2^48", SDES_USABLE},
		{"1 " A80 " inline:" K1 "|2^49", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|281474976710657", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|0", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|020", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|2^020", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|2^", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|2^64", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|-1", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|", SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|99999999999999999999999", SDES_BAD_LIFETIME},
		/* the MKI and its length */
		{"1 " A80 " inline:" K1 "|2^20|1:4", SDES_USABLE},
		{"1 " A80 " inline:" K1 "|1066:4", SDES_USABLE},
		{"1 " A80 " inline:" K1 "|1:128", SDES_USABLE},
		{"1 " A80 " inline:" K1 "|255:1", SDES_USABLE},
		{"1 " A80 " inline:" K1 "|256:1", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|1:0", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|0:0", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|0:4", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|1:129", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|01:4", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|1:04", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|1:", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|:4", SDES_BAD_MKI},
		{"1 " A80 " inline:" K1 "|1:4|2^20", SDES_BAD_SYNTAX},
		{"1 " A80 " inline:" K1 "|1:4|2:4", SDES_BAD_SYNTAX},
		{"1 " A80 " inline:" K1 "|1|2", SDES_BAD_SYNTAX},
		/* several keys in one line */
		{"1 " A80 " inline:" K1 "|1:4;inline:" K2 "|2:4", SDES_USABLE},
		{"1 " A80 " inline:" K1 ";inline:" K2, SDES_MKI_NEEDED},
		{"1 " A80 " inline:" K1 "|1:4;inline:" K2, SDES_MKI_NEEDED},
		{"1 " A80 " inline:" K1 "|1:4;inline:" K2 "|1:4", SDES_MKI_NEEDED},
		{"1 " A80 " inline:" K1 "|1:4;inline:" K2 "|2:1", SDES_MKI_NEEDED},
		{"1 " A80 " inline:" K1 "|1:4;inline:" K1 "|2:4", SDES_REPEATED_KEY},
		{"1 " A80 " inline:" K1 "|1:4;", SDES_BAD_SYNTAX},
		/* session parameters */
		{"1 " A80 " inline:" K1 " KDR=1", SDES_REFUSED_PARAM},
		{"1 " A80 " inline:" K1 " KDR=0", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " KDR=25", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " KDR=01", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " KDR", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " UNENCRYPTED_SRTP", SDES_WEAK_PARAM},
		{"1 " A80 " inline:" K1 " UNENCRYPTED_SRTCP", SDES_WEAK_PARAM},
		{"1 " A80 " inline:" K1 " UNAUTHENTICATED_SRTP", SDES_WEAK_PARAM},
		{"1 " A80 " inline:" K1 " UNENCRYPTED_SRTP=1", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " FEC_ORDER=FEC_SRTP", SDES_USABLE},
		{"1 " A80 " inline:" K1 " FEC_ORDER=SRTP_FEC", SDES_REFUSED_PARAM},
		{"1 " A80 " inline:" K1 " FEC_ORDER=X", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " FEC_KEY=inline:" K2, SDES_REFUSED_PARAM},
		{"1 " A80 " inline:" K1 " WSH=64", SDES_USABLE},
		{"1 " A80 " inline:" K1 " WSH=63", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " WSH=0128", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " WSH=128 WSH=128", SDES_BAD_PARAM},
		{"1 " A80 " inline:" K1 " X=1", SDES_UNKNOWN_PARAM},
		{"1 " A80 " inline:" K1 " -X=1", SDES_USABLE},
		{"1 " A80 " inline:" K1 " --X", SDES_BAD_SYNTAX},
		{"1 " A80 " inline:" K1 " -", SDES_BAD_SYNTAX},
		{"1 " A80 " inline:" K1 " WSH=128 -X FEC_ORDER=FEC_SRTP", SDES_USABLE},
		{"1 " A80 " inline:" K1 " \x01", SDES_BAD_SYNTAX},
	};
	struct sdes_policy p = policy();

	p.keys_max = 2;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdes_line l = {0};

		test_context("%s", rows[i].text);
		REQUIRE_OK(sdes_line_parse(&l, str_of(rows[i].text), &p));
		EXPECT_TEXT(sdes_fault_name(l.fault), sdes_fault_name(rows[i].want));
		sdes_line_clear(&l);
	}
}

static void settings_widen_and_narrow(void)
{
	static const struct {
		const char *text;
		/* A member that is not zero replaces that member of the default policy. */
		struct sdes_policy change;
		enum sdes_fault want;
	} rows[] = {
		{"1 " A80 " inline:" K1 " KDR=24", {.accept_kdr = true}, SDES_USABLE},
		{"1 " A80 " inline:" K1 " UNENCRYPTED_SRTP",
	         {.accept_unencrypted_srtp = true},
	         SDES_USABLE},
		{"1 " A80 " inline:" K1 " UNENCRYPTED_SRTCP",
	         {.accept_unencrypted_srtcp = true},
	         SDES_USABLE},
		{"1 " A80 " inline:" K1 " UNAUTHENTICATED_SRTP",
	         {.accept_unauthenticated_srtp = true},
	         SDES_USABLE},
		{"1 " A80 " inline:" K1 " FEC_ORDER=SRTP_FEC",
	         {.accept_srtp_fec = true},
	         SDES_USABLE},
		{"1 " A80 " inline:" K1 " FEC_KEY=inline:" K2 "|2^20",
	         {.has_fec_address = true},
	         SDES_USABLE},
		{"1 " A80 " inline:" K1 " FEC_KEY=inline:AAAA",
	         {.has_fec_address = true},
	         SDES_BAD_KEY},
		{"1 " A80 " inline:" K1 "|2^20", {.lifetime_max_pkts = 1 << 19}, SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|2^20", {.lifetime_min_pkts = 1 << 21}, SDES_BAD_LIFETIME},
		{"1 " A80 " inline:" K1 "|1:4;inline:" K2 "|2:4",
	         {.keys_max = 1},
	         SDES_TOO_MANY_KEYS},
		{"1 " A80 " inline:" K1, {.suites = 2}, SDES_REFUSED_SUITE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdes_policy p = rows[i].change, d = policy();
		struct sdes_line l = {0};

		p.suites = p.suites ? p.suites : d.suites;
		p.keys_max = p.keys_max ? p.keys_max : d.keys_max;
		p.accept_mki = true;
		test_context("row %zu", i);
		REQUIRE_OK(sdes_line_parse(&l, str_of(rows[i].text), &p));
		EXPECT_TEXT(sdes_fault_name(l.fault), sdes_fault_name(rows[i].want));
		sdes_line_clear(&l);
	}
}

static void values_are_kept(void)
{
	struct sdes_policy p = policy();
	struct sdes_line l = {0};
	uint8_t want[SUITE_MASTER_MAX];
	size_t n = test_hex("4b544c953c47df8860be6731185ec55d670bd1e5f5a0c610e9d1ed5d3327", want,
	                    sizeof(want));

	REQUIRE_OK(sdes_line_parse(&l, STR("7 " A80 " inline:" K1 "|1000|1066:4 WSH=128 -a"), &p));
	EXPECT_INT(l.tag, 7);
	EXPECT_INT(l.n_keys, 1);
	EXPECT_OCTETS(l.keys[0]->key, 16, want, 16);
	EXPECT_OCTETS(l.keys[0]->salt, 14, want + 16, n - 16);
	EXPECT_INT(l.keys[0]->lifetime_pkts, 1000);
	EXPECT_OCTETS(l.keys[0]->mki, l.keys[0]->mki_len, "\0\0\x04\x2a", 4);
	EXPECT_INT(l.params.wsh, 128);
	EXPECT_INT(l.params.ignored, 1);
	sdes_line_clear(&l);
	p.ignore_lifetime = true;
	REQUIRE_OK(sdes_line_parse(&l, STR("7 " A80 " inline:" K1 "|1000"), &p));
	EXPECT(l.keys[0]->lifetime_pkts == 1ull << 48);
	sdes_line_clear(&l);
}

static void mkis_are_octets(void)
{
	static const struct {
		const char *digits;
		size_t len;
		enum err want;
		const char *hex;
	} rows[] = {
		{"1", 1, ERR_OK, "01"},
		{"255", 1, ERR_OK, "ff"},
		{"256", 1, ERR_RANGE, ""},
		{"65536", 3, ERR_OK, "010000"},
		{"18446744073709551616", 9, ERR_OK, "010000000000000000"},
		{"340282366920938463463374607431768211455", 16, ERR_OK,
	         "ffffffffffffffffffffffffffffffff"},
		{"340282366920938463463374607431768211456", 16, ERR_RANGE, ""},
		{"", 1, ERR_SYNTAX, ""},
		{"1a", 4, ERR_SYNTAX, ""},
		{"007", 4, ERR_SYNTAX, ""},
		{"1", 0, ERR_RANGE, ""},
		{"1", 129, ERR_RANGE, ""},
	};
	uint8_t got[KEYCTX_MKI_MAX], want[KEYCTX_MKI_MAX];
	char text[3 * KEYCTX_MKI_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = test_hex(rows[i].hex, want, sizeof(want));

		test_context("%s:%zu", rows[i].digits, rows[i].len);
		if (!EXPECT_ERR(sdes_mki_parse(str_of(rows[i].digits), got, rows[i].len),
		                rows[i].want) ||
		    rows[i].want)
			continue;
		EXPECT_OCTETS(got, rows[i].len, want, n);
		text[sdes_mki_print((struct view){got, n}, text, sizeof(text) - 1)] = '\0';
		EXPECT_TEXT(text, rows[i].digits);
	}
	memset(got, 0xff, sizeof(got));
	text[sdes_mki_print((struct view){got, sizeof(got)}, text, sizeof(text) - 1)] = '\0';
	EXPECT_INT(strlen(text), 309);
	EXPECT_OK(sdes_mki_parse(str_of(text), want, sizeof(want)));
	EXPECT_OCTETS(want, sizeof(want), got, sizeof(got));
}

static void equality_is_by_meaning(void)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"1 " A80 " inline:" K1, "9  " A80 "   inline:" K1, true},
		{"1 " A80 " inline:" K1 "|2^20", "1 " A80 " inline:" K1 "|1048576", true},
		{"1 " A80 " inline:" K1 "|2^48", "1 " A80 " inline:" K1, true},
		{"1 AEAD_AES_128_GCM inline:" GCM128,
	         "2 AEAD_AES_128_GCM inline:" GCM128 "==", true},
		{"1 " A80 " inline:" K1 " WSH=128 -x", "1 " A80 " inline:" K1 " -y WSH=128", true},
		{"1 " A80 " inline:" K1 " FEC_ORDER=FEC_SRTP", "1 " A80 " inline:" K1, true},
		{"1 " A80 " inline:" K1 "|1:4;inline:" K2 "|2:4",
	         "1 " A80 " inline:" K2 "|2:4;inline:" K1 "|1:4", true},
		{"1 " A80 " inline:" K1, "1 " A80 " inline:" K2, false},
		{"1 " A80 " inline:" K1, "1 " A32 " inline:" K1, false},
		{"1 " A80 " inline:" K1 "|2^20", "1 " A80 " inline:" K1, false},
		{"1 " A80 " inline:" K1 "|1:4", "1 " A80 " inline:" K1, false},
		{"1 " A80 " inline:" K1 "|1:4", "1 " A80 " inline:" K1 "|1:3", false},
		{"1 " A80 " inline:" K1 "|1:4", "1 " A80 " inline:" K1 "|2:4", false},
		{"1 " A80 " inline:" K1 " WSH=128", "1 " A80 " inline:" K1 " WSH=64", false},
	};
	struct sdes_policy p = policy();

	p.keys_max = 2;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdes_line a = {0}, b = {0}, copy = {0};

		test_context("%s / %s", rows[i].a, rows[i].b);
		REQUIRE_OK(sdes_line_parse(&a, str_of(rows[i].a), &p));
		REQUIRE_OK(sdes_line_parse(&b, str_of(rows[i].b), &p));
		EXPECT(!a.fault && !b.fault);
		EXPECT_INT(sdes_line_eq(&a, &b), rows[i].same);
		EXPECT_INT(sdes_line_eq(&b, &a), rows[i].same);
		REQUIRE_OK(sdes_line_copy(&copy, &a));
		EXPECT(sdes_line_eq(&a, &copy));
		sdes_line_clear(&a);
		sdes_line_clear(&b);
		sdes_line_clear(&copy);
	}
}

static enum err list_of(struct sdes_list *list, const char *lines, const struct sdes_policy *p)
{
	struct sdp *s = NULL;
	char text[4096];
	enum err e;

	snprintf(text, sizeof(text), "v=0\nm=audio 1 RTP/SAVP 0\n%s", lines);
	e = sdp_parse(&s, str_of(text), NULL);
	if (!e)
		e = sdes_list_parse(list, s, 0, p);
	sdp_free(s);
	return e;
}

static void the_first_usable_is_chosen(void)
{
	static const struct {
		const char *lines;
		int want; /* the tag of the line chosen; -1 if none */
	} rows[] = {
		{"", -1},
		{"a=crypto:1 SEED_CTR_128_HMAC_SHA1_80 inline:" K1 "\na=crypto:2 " A80 " inline:" K1
	         "\n",
	         2},
		{"a=crypto:1 " A32 " inline:" K1 "\na=crypto:2 " A80 " inline:" K2 "\n", 1},
		{"a=crypto:1 " A80 " inline:AAAA\na=crypto:1 " A80 " inline:" K2 "\n", -1},
		{"a=crypto:01 " A80 " inline:" K1 "\na=crypto:1 " A80 " inline:" K2 "\n", 1},
		{"a=crypto:1 " A80 " inline:" K1 " UNENCRYPTED_SRTP\na=crypto:2 " A32 " inline:" K1
	         "\n",
	         2},
	};
	struct sdes_policy p = policy();
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static struct sdes_list list;
		const struct sdes_line *l;

		test_context("row %zu", i);
		REQUIRE_OK(list_of(&list, rows[i].lines, &p));
		l = sdes_list_first(&list);
		EXPECT_INT(l ? (int)l->tag : -1, rows[i].want);
		EXPECT(strstr(sdes_list_describe(&list, text, sizeof(text)), "inline") == NULL);
		sdes_list_clear(&list);
	}
	p.refuse_repeated_keys = true;
	{
		static struct sdes_list list;

		REQUIRE_OK(list_of(&list,
		                   "a=crypto:1 " A80 " inline:" K1 "\na=crypto:2 " A32 " inline:" K1
		                   "\n",
		                   &p));
		EXPECT_INT(list.lines[1].fault, SDES_REPEATED_KEY);
		sdes_list_clear(&list);
	}
}

static void answers_are_checked(void)
{
	static const char offered[] =
		"a=crypto:1 " A80 " inline:" K1 "\na=crypto:5 " A32 " inline:" K2 "\n";
	static const struct {
		const char *answer;
		bool any_tag;
		enum err want;
		int tag;
	} rows[] = {
		{"a=crypto:1 " A80 " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n", false,
	         ERR_OK, 1},
		{"a=crypto:5 " A32
	         " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd|2^31 WSH=128\n",
	         false, ERR_OK, 5},
		{"", false, ERR_INVALID, 0},
		{"a=crypto:2 " A80 " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n", false,
	         ERR_INVALID, 0},
		{"a=crypto:2 " A80 " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n", true,
	         ERR_OK, 1},
		{"a=crypto:1 " A32 " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n", false,
	         ERR_INVALID, 0},
		{"a=crypto:1 AEAD_AES_128_GCM inline:" GCM128 "\n", false, ERR_INVALID, 0},
		{"a=crypto:1 " A80 " inline:" K1 "\n", false, ERR_INVALID, 0},
		{"a=crypto:1 " A80 " inline:" K2 "\n", false, ERR_INVALID, 0},
		{"a=crypto:1 " A80 " inline:AAAA\n", false, ERR_INVALID, 0},
		{"a=crypto:1 " A80
	         " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd UNENCRYPTED_SRTCP\n",
	         false, ERR_INVALID, 0},
		{"a=crypto:1 " A80 " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n"
	         "a=crypto:5 " A32 " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n",
	         false, ERR_INVALID, 0},
	};
	static struct sdes_list ours, theirs;
	struct sdes_policy p = policy();

	REQUIRE_OK(list_of(&ours, offered, &p));
	p.accept_unencrypted_srtcp = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct sdes_line *l = NULL;
		struct why why = {0};

		test_context("row %zu", i);
		REQUIRE_OK(list_of(&theirs, rows[i].answer, &p));
		if (EXPECT_ERR(sdes_answer_check(&ours, &theirs, rows[i].any_tag, &l, &why),
		               rows[i].want) &&
		    !rows[i].want)
			EXPECT_INT(l->tag, rows[i].tag);
		EXPECT_INT(why.text[0] != 0, rows[i].want != ERR_OK);
		sdes_list_clear(&theirs);
	}
	sdes_list_clear(&ours);
}

static void our_answer_echoes_and_is_fresh(void)
{
	struct sdes_policy p = policy();
	struct sdes_line offered = {0}, answer = {0}, again = {0};
	char text[SDES_TEXT_MAX];
	struct wr w = wr_make(text, sizeof(text));

	p.accept_unencrypted_srtcp = true;
	REQUIRE_OK(sdes_line_parse(
		&offered,
		STR("42 AEAD_AES_256_GCM inline:" GCM256 "|2^20|1:4 WSH=128 UNENCRYPTED_SRTCP"),
		&p));
	REQUIRE_OK(sdes_answer_make(&answer, &offered, NULL, 0));
	EXPECT_INT(answer.tag, 42);
	EXPECT(answer.suite == offered.suite);
	EXPECT(!keyctx_same_key(answer.keys[0], offered.keys[0]));
	sdes_line_print(&answer, true, &w);
	EXPECT(wr_ok(&w));
	/* A key and salt of 44 octets are 60 characters with padding; the line has no lifetime, MKI
	 * or WSH. */
	EXPECT_INT(wr_len(&w), strlen("42 AEAD_AES_256_GCM inline: UNENCRYPTED_SRTCP") + 60);
	REQUIRE_OK(sdes_line_parse(&again, str_make(text, wr_len(&w)), &p));
	EXPECT(sdes_line_eq(&again, &answer));
	sdes_line_clear(&offered);
	sdes_line_clear(&answer);
	sdes_line_clear(&again);
}

static void lines_round_trip(void)
{
	static const char *const texts[] = {
		"1 " A80 " inline:" K1,
		"1 " A80 " inline:" K1 "|2^20|1:4",
		"1 " A80 " inline:" K1 "|1000",
		"3 AEAD_AES_128_GCM inline:" GCM128 "==|340282366920938463463374607431768211455:16",
		"1 " A80 " inline:" K1 "|1:4;inline:" K2
		"|2:4 KDR=5 UNENCRYPTED_SRTP UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP "
		"FEC_ORDER=SRTP_FEC FEC_KEY=inline:" K2 " WSH=99",
	};
	struct sdes_policy p = {.suites = 0xff,
	                        .keys_max = 8,
	                        .accept_kdr = true,
	                        .accept_unencrypted_srtp = true,
	                        .accept_unencrypted_srtcp = true,
	                        .accept_unauthenticated_srtp = true,
	                        .accept_srtp_fec = true,
	                        .has_fec_address = true,
	                        .accept_mki = true};
	char text[2048];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct wr w = wr_make(text, sizeof(text) - 1);
		struct sdes_line l = {0};

		REQUIRE_OK(sdes_line_parse(&l, str_of(texts[i]), &p));
		EXPECT_INT(l.fault, SDES_USABLE);
		sdes_line_print(&l, true, &w);
		text[wr_len(&w)] = '\0';
		EXPECT_TEXT(text, texts[i]);
		sdes_line_clear(&l);
	}
}

static enum err parse_and_answer(void)
{
	static struct sdes_list list;
	struct sdes_policy p = policy();
	struct sdes_line answer = {0}, copy = {0};
	enum err e;

	p.keys_max = 2;
	e = list_of(&list,
	            "a=crypto:1 " A80 " inline:" K1 "|1:4;inline:" K2 "|2:4\na=crypto:2 " A32
	            " inline:" K1 "\n",
	            &p);
	if (!e)
		e = sdes_answer_make(&answer, &list.lines[0], &list, 0);
	if (!e)
		e = sdes_line_copy(&copy, &list.lines[0]);
	sdes_list_clear(&list);
	sdes_line_clear(&answer);
	sdes_line_clear(&copy);
	return e;
}

static void survives_want_of_memory(void)
{
	struct secret_usage before, after;

	secret_get_usage(&before);
	test_each_allocation_failing(parse_and_answer);
	secret_get_usage(&after);
	EXPECT_INT(after.in_use_bytes, before.in_use_bytes);
}

TEST_MAIN("sdes", {"lines are checked", lines_are_checked},
          {"settings widen and narrow", settings_widen_and_narrow},
          {"values are kept", values_are_kept}, {"mkis are octets", mkis_are_octets},
          {"equality is by meaning", equality_is_by_meaning},
          {"the first usable is chosen", the_first_usable_is_chosen},
          {"answers are checked", answers_are_checked},
          {"our answer echoes and is fresh", our_answer_echoes_and_is_fresh},
          {"lines round trip", lines_round_trip},
          {"survives want of memory", survives_want_of_memory})
