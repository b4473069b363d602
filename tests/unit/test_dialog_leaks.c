/* SPDX-License-Identifier: MIT */
/* No key of one side appears in the description for the other side: named cases, and random
 * descriptions in every mode that terminates SRTP. */
#include "base/b64.h"
#include "tests/harness/dialog_scene.h"

#define CRYPTO(key) "a=crypto:1 " A80 " inline:" key "\r\n"

/* --- cases ------------------------------------------------------------------ */

/* K1 is the key of the m-line whose SRTP is terminated. No key of the offer may reach the other
 * side. */
static const struct {
	const char *name, *text;
} offers[] = {
	{"session level", UE CRYPTO(K2) SAVP("4000", K1)},
	{"k= of the session", UE "k=base64:" K2 "\r\n" SAVP("4000", K1)},
	{"k= of the media", UE SAVP("4000", K1) "k=clear:" K2 "\r\n"},
	{"port 0", UE SAVP("4000", K1) "m=video 0 RTP/SAVP 97\r\n" CRYPTO(K2)},
	{"bundle-only",
         UE "a=group:BUNDLE 0 1\r\n" SAVP("4000", K1) "a=mid:0\r\nm=video 0 RTP/SAVP 97\r\n" CRYPTO(
		 K2) "a=bundle-only\r\na=mid:1\r\n"},
	{"another case", UE SAVP("4000", K1) "a=Crypto:9 " A80 " INLINE:" K2 "\r\n"},
	{"a blank before the colon", UE SAVP("4000", K1) "a=crypto : 9 " A80 " inline:" K2 " \r\n"},
	{"a relative of crypto",
         UE SAVP("4000", K1) "a=cryptoscale:1 client " A80 " inline:" K2 "|2^31|1:1\r\n"},
	{"an m-line that is not RTP",
         UE SAVP("4000", K1) "m=application 9 TCP/MRCPv2 1\r\n" CRYPTO(K2)},
	{"an m-line nobody knows", UE SAVP("4000", K1) "m=audio 4002 RTP/XAVP 0\r\n" CRYPTO(
					   K2) "a=key-mgmt:mikey " K3 "\r\n"},
	{"capabilities",
         UE "a=acap:7 crypto:1 " A80 " inline:" K3
            "\r\n" SAVP("4000", K1) "a=acap:1 crypto:1 " A80 " inline:" K2 "\r\na=pcfg:1 a=1\r\n"},
	{"capabilities of RFC 3407",
         UE SAVP("4000", K1) "a=cpar: a=crypto:1 " A80 " inline:" K2 "\r\n"},
	{"key-mgmt of the session", UE "a=key-mgmt:mikey " K2 "\r\n" SAVP("4000", K1)},
	{"key-mgmt of the media", UE SAVP("4000", K1) "a=Key-Mgmt:mikey " K2 "\r\n"},
};

static void keys_are_removed_everywhere(void)
{
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		begin();
		options.transport = SDP_PROFILE_AVP;
		test_context("%s", offers[i].name);
		if (EXPECT_OK(offer("alice", "", offers[i].text))) {
			EXPECT(!strstr(got.sdp, K1) && !strstr(got.sdp, K2) &&
			       !strstr(got.sdp, K3));
			EXPECT(!strstr(got.sdp, "SAVP") && !strcasestr(got.sdp, "crypto"));
		}
		tear_down();
	}
}

static void a_line_that_is_off_has_the_profile_of_its_side(void)
{
	begin();
	REQUIRE_OK(call_from_ue());
	REQUIRE_OK(offer("alice", "bob", UE "m=audio 0 RTP/SAVP 0\r\n" CRYPTO(K1)));
	EXPECT(says("m=audio 0 RTP/AVP 0\r\n") && !strstr(got.sdp, K1));
	REQUIRE_OK(answer("alice", "bob", CORE "m=audio 0 RTP/AVP 0\r\n"));
	EXPECT(says("m=audio 0 RTP/SAVP 0\r\n"));
	/* The core enables the m-line again, and its request names no profile: the access side gets
	 * SRTP, as before. */
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("bob", "alice", CORE "m=audio 0 RTP/AVP 0\r\n"));
	EXPECT(says("m=audio 0 RTP/SAVP 0\r\n"));
	tear_down();
}

/* An attribute that names an address, other than c=, would lead media past the gateway, or make the
 * other side refuse our address. */
static void no_address_bypasses_the_gateway(void)
{
	static const char *const lines[] = {
		"a=rtcp:4001 IN IP4 198.51.100.1\r\na=rtcp:4003 IN IP4 198.51.100.1\r\n",
		"a=rtcp:4001\r\na=RTCP:4003 IN IP4 198.51.100.1\r\n",
		"a=rtcp-mux\r\na=rtcp:4000 IN IP4 198.51.100.1\r\n",
		"a=candidate:1 1 UDP 1 198.51.100.1 4000 typ host\r\na=remote-candidates:1 "
		"198.51.100.1 4000\r\n",
		"a=alt:1 2 : Hx2 9Kq 198.51.100.1 4000\r\n",
		"a=altc:1 IP4 198.51.100.1 4000\r\n",
		"a=source-filter: incl IN IP4 * 198.51.100.1\r\n",
		"a=ccap:1 IN IP4 198.51.100.1\r\n",
		"a=visited-realm:1 ims.example IN IP4 198.51.100.1 4000\r\na=secondary-realm:2 "
		"ims.example IN IP4 198.51.100.1 4002\r\n",
	};
	char text[1024];

	for (size_t i = 0; i < 2 * ARRAY_LEN(lines); i++) {
		begin();
		test_context("%s level: %s", i % 2 ? "session" : "media", lines[i / 2]);
		snprintf(text, sizeof(text), UE "%s" AVP("4000") "%s", i % 2 ? lines[i / 2] : "",
		         i % 2 ? "" : lines[i / 2]);
		if (EXPECT_OK(offer("alice", "", text)))
			EXPECT(!strstr(got.sdp, "198.51.100.1"));
		if (EXPECT_OK(answer("alice", "bob", text)))
			EXPECT(!strstr(got.sdp, "198.51.100.1"));
		tear_down();
	}
}

/* If the request names no profile, a new m-line is handled like the m-lines that the call has. */
static void a_new_line_follows_the_call(void)
{
	begin();
	REQUIRE_OK(call_from_ue());
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("alice", "bob",
	                 UE SAVP("4000", K1) "m=video 4002 RTP/SAVPF 97\r\n" CRYPTO(
				 K2) "m=audio 0 RTP/SAVP 0\r\n" CRYPTO(K3)));
	EXPECT(says(" RTP/AVPF 97\r\n") && says("m=audio 0 RTP/AVP 0\r\n") &&
	       !strstr(got.sdp, "inline"));
	EXPECT_INT(got.media[1].mode, RELAY_MODE_E2AE);
	tear_down();
}

static void the_transform_ends_with_srtp(void)
{
	static const char transform[] =
		"a=cryptex\r\na=extmap:4 urn:ietf:params:rtp-hdrext:encrypt "
		"urn:ietf:params:rtp-hdrext:smpte-tc 25@600/24\r\n";
	static const char plain[] = "a=extmap:5 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
	char text[1024];

	for (unsigned session = 0; session < 2; session++) {
		begin();
		snprintf(text, sizeof(text), UE "%s" SAVP("4000", K1) "%s%s",
		         session ? transform : "", plain, session ? "" : transform);
		options.transport = SDP_PROFILE_AVP;
		REQUIRE_OK(offer("alice", "", text));
		EXPECT(!strstr(got.sdp, "cryptex") && !strstr(got.sdp, "hdrext:encrypt") &&
		       says(plain));
		tear_down();
		begin();
		options.transport = SDP_PROFILE_SAVP;
		options.terminate = true;
		REQUIRE_OK(offer("alice", "", text));
		EXPECT(!strstr(got.sdp, "cryptex") && !strstr(got.sdp, "hdrext:encrypt") &&
		       says(plain));
		tear_down();
		begin();
		options.transport = SDP_PROFILE_SAVP;
		REQUIRE_OK(offer("alice", "", text));
		EXPECT_INT(got.media[0].mode, RELAY_MODE_E2E);
		EXPECT(says("a=cryptex\r\n") && says("hdrext:encrypt") && says(plain));
		tear_down();
	}
}

/* --- random descriptions ---------------------------------------------------- */

enum { KEY_OCTETS = 30, KEYS_MAX = 64, TEXT_ROOM = 8192 };

/* One side of a call, and every key it has sent. */
struct speaker {
	uint8_t keys[KEYS_MAX][KEY_OCTETS];
	unsigned n_keys;
};

struct writing {
	uint64_t *state;
	struct speaker *by;
	bool is_optional; /* the m-lines are RTP/AVP with keys (RFC 8643) */
	char text[TEXT_ROOM];
	size_t n;
};

static unsigned dice(struct writing *w, unsigned sides)
{
	return (unsigned)(test_random(w->state) >> 33) % sides;
}

static void put(struct writing *w, const char *format, const char *a, const char *b)
{
	int n = snprintf(w->text + w->n, sizeof(w->text) - w->n, format, a, b);

	CHECK(n >= 0 && w->n + (size_t)n < sizeof(w->text));
	w->n += (size_t)n;
}

static const uint8_t *fresh_key(struct writing *w)
{
	uint8_t *k = w->by->keys[w->by->n_keys];

	CHECK(w->by->n_keys < KEYS_MAX);
	w->by->n_keys++;
	for (unsigned i = 0; i < KEY_OCTETS; i++)
		k[i] = (uint8_t)(test_random(w->state) >> 40);
	return k;
}

/* A new key as base64, after `before` octets (0 to 2) that are not part of it. */
static const char *key_text(struct writing *w, unsigned before)
{
	static char text[96];
	uint8_t octets[KEY_OCTETS + 8] = {1, 2, 3};

	memcpy(octets + before, fresh_key(w), KEY_OCTETS);
	CHECK(b64_encode(octets, KEY_OCTETS + before, true, text, sizeof(text)) == ERR_OK);
	return text;
}

static const char *key_hex(struct writing *w)
{
	static char text[2 * KEY_OCTETS + 1];

	CHECK(hex_encode(fresh_key(w), KEY_OCTETS, text, sizeof(text)) == ERR_OK);
	return text;
}

/* Appends attributes with keys in places or notations where most implementations expect none. */
static void put_strays(struct writing *w)
{
	for (unsigned n = dice(w, 3); n; n--) {
		switch (dice(w, 10)) {
		case 0:
			put(w, "a=Crypto:%s " A80 " inline:%s \r\n", "8", key_text(w, 0));
			break;
		case 1:
			put(w, "a=CRYPTO:%s " A80 "\tINLINE:%s|2^20\r\n", "8", key_text(w, 0));
			break;
		case 2:
			put(w, "k=%s:%s\r\n", dice(w, 2) ? "base64" : "clear", key_text(w, 0));
			break;
		case 3:
			put(w, "a=acap:%s crypto:1 " A80 " inline:%s\r\n", "3", key_text(w, 0));
			break;
		case 4:
			put(w, "a=key-mgmt:%s %s\r\n", "mikey", key_text(w, dice(w, 3)));
			break;
		case 5:
			put(w, "a=pcfg:1 t=1 a=-m:3\r\na=tcap:1 RTP/SAVP%s%s\r\n", "", "");
			break;
		case 6:
			put(w, "a=cryptoscale:%s server " A80 " inline:%s|2^31|1:1\r\n", "1",
			    key_text(w, 0));
			break;
		case 7:
			put(w, "a=%s-%s\r\n", "x", "y: z ");
			break;
		case 8:
			put(w, "a=crypto:%s SEED_CTR_128_HMAC_SHA1_80 inline:%s\r\n", "5",
			    key_text(w, 0));
			break;
		default:
			put(w, "a=crypto %s hex %s\r\n", "6", key_hex(w));
			break;
		}
	}
}

/* Appends an m-line with transport `proto`, or sometimes one that is not RTP. */
static void put_media(struct writing *w, const char *proto, bool may_be_other)
{
	static const char *const others[] = {"m=audio %s RTP/XAVP 0\r\n",
	                                     "m=application %s TCP/MRCPv2 1\r\n",
	                                     "m=message %s TCP/MSRP *\r\n"};
	bool off = dice(w, 4) == 0, secure = strstr(proto, "SAVP") != NULL || w->is_optional;

	if (may_be_other && dice(w, 5) == 0) {
		put(w, others[dice(w, ARRAY_LEN(others))], "4100", "");
	} else {
		put(w, "m=audio %s %s 0\r\n", off ? "0" : "4000", proto);
		if (secure)
			put(w, "a=crypto:%s " A80 " inline:%s\r\na=3ge2ae:requested\r\n", "1",
			    key_text(w, 0));
		if (off && dice(w, 2))
			put(w, "a=bundle-only%s%s\r\n", "", "");
	}
	put_strays(w);
}

static void describe(struct writing *w, const char *proto, unsigned n_media, bool may_be_other)
{
	w->n = 0;
	put(w, "%s%s", HEAD "c=IN IP4 198.51.100.1\r\nt=0 0\r\n", "");
	put_strays(w);
	for (unsigned i = 0; i < n_media; i++)
		put_media(w, proto, may_be_other);
}

static bool holds(const uint8_t *octets, size_t n, const uint8_t *key)
{
	return memmem(octets, n, key, KEY_OCTETS) != NULL;
}

/* Does the text contain the key? Decodes each run of base64 or hexadecimal characters, starting at
 * each of its first four characters. */
static bool says_key(const char *text, const uint8_t *key)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t octets[TEXT_ROOM];
	size_t n;

	for (const char *at = text; *at;) {
		size_t run = strspn(at, alphabet);

		for (size_t from = 0; from < 4 && from + 40 <= run; from++) {
			size_t whole = (run - from) / 4 * 4;

			if (!b64_decode(str_make(at + from, whole), octets, sizeof(octets), &n) &&
			    holds(octets, n, key))
				return true;
			if (!hex_decode(str_make(at + from, (run - from) / 2 * 2), octets,
			                sizeof(octets), &n) &&
			    holds(octets, n, key))
				return true;
		}
		at += run ? run : 1;
	}
	return false;
}

static void expect_none_of(const struct speaker *by, const char *sent)
{
	for (unsigned i = 0; i < by->n_keys; i++)
		if (!EXPECT(!says_key(got.sdp, by->keys[i]))) {
			printf("--- sent\n%s--- got\n%s", sent, got.sdp);
			return;
		}
}

/* Our keys in the reply must not be among `others`, our keys for the other side. Appends them to
 * `seen`. */
static void expect_ours_apart(char *seen, size_t room, const char *others)
{
	for (const char *at = got.sdp; (at = strstr(at, "inline:"));) {
		char key[41];

		snprintf(key, sizeof(key), "%.40s", at + 7);
		EXPECT(!strstr(others, key));
		if (strlen(seen) + sizeof(key) < room)
			memcpy(seen + strlen(seen), key, sizeof(key));
		at += 7;
	}
}

static const struct {
	const char *name, *near, *far;
	enum dialog_profile profile;
	bool terminate;
} ways[] = {
	{"SRTP to RTP", "RTP/SAVP", "RTP/AVP", DIALOG_PLAIN, false},
	{"SRTP to RTP, lower case", "rtp/SAVPF", "rtp/avpf", DIALOG_PLAIN, false},
	{"RTP to SRTP", "RTP/AVP", "RTP/SAVP", DIALOG_PLAIN, false},
	{"SRTP to SRTP", "RTP/SAVP", "RTP/SAVP", DIALOG_PLAIN, true},
	{"IMS", "RTP/SAVP", "RTP/AVP", DIALOG_IMS_UE, false},
	{"optional SRTP to RTP", "RTP/AVP", "RTP/AVP", DIALOG_PLAIN, false},
};

struct play {
	struct speaker *speakers; /* two: alice, then bob */
	struct writing w;
	char ours[2][2048]; /* our keys, as text: for alice, for bob */
	unsigned told;
};

/* Side `who` (0: alice, 1: bob) sends a description; the other side must not see any of its
 * keys. */
static void say(struct play *p, unsigned way, enum dialog_op op, unsigned who, unsigned n_media,
                bool may_be_other)
{
	const char *near = who ? ways[way].far : ways[way].near,
		   *far = who ? ways[way].near : ways[way].far;
	bool is_answer = op == DIALOG_ANSWER;

	p->w.by = &p->speakers[who];
	p->w.is_optional = strcmp(near, far) == 0 && !strstr(near, "SAVP") && !who;
	describe(&p->w, near, n_media, may_be_other);
	options.transport = sdp_profile_find(str_of(far));
	options.terminate = ways[way].terminate;
	options.profile = ways[way].profile == DIALOG_PLAIN ? DIALOG_PLAIN
	                  : who                             ? DIALOG_IMS_CORE
	                                                    : DIALOG_IMS_UE;
	options.ims.has_binding = true;
	options.supersede_glare = true;
	if (ask(op, who == is_answer ? "alice" : "bob", who == is_answer ? "bob" : "alice",
	        p->w.text))
		return;
	p->told++;
	expect_none_of(&p->speakers[who], p->w.text);
	expect_ours_apart(p->ours[!who], sizeof(p->ours[0]), p->ours[who]);
}

static unsigned play(uint64_t *state, unsigned way)
{
	static struct speaker speakers[2];
	static struct play p;
	unsigned n_media = 1 + (unsigned)(test_random(state) >> 33) % 3;

	memset(speakers, 0, sizeof(speakers));
	memset(&p, 0, sizeof(p));
	p.speakers = speakers;
	p.w.state = state;
	begin();
	for (unsigned turn = 0; turn < 3; turn++) {
		unsigned who = turn == 1;

		say(&p, way, DIALOG_OFFER, who, n_media, turn == 0);
		say(&p, way, DIALOG_ANSWER, !who, n_media, false);
	}
	tear_down();
	return p.told;
}

static void random_descriptions(void)
{
	enum { RUNS = 300 };
	uint64_t seed = test_seed();
	unsigned told[ARRAY_LEN(ways)] = {0};

	for (unsigned run = 0; run < RUNS; run++)
		for (unsigned way = 0; way < ARRAY_LEN(ways); way++) {
			uint64_t state = seed + run * ARRAY_LEN(ways) + way;

			test_context("%s, seed %llu", ways[way].name, (unsigned long long)state);
			told[way] += play(&state, way);
		}
	/* Most descriptions must be accepted, otherwise the test shows nothing. */
	for (unsigned way = 0; way < ARRAY_LEN(ways); way++) {
		test_context("%s: %u told", ways[way].name, told[way]);
		EXPECT(told[way] > RUNS);
	}
}

TEST_MAIN("dialog-leaks", {"keys are removed everywhere", keys_are_removed_everywhere},
          {"no address bypasses the gateway", no_address_bypasses_the_gateway},
          {"a line that is off has the profile of its side",
           a_line_that_is_off_has_the_profile_of_its_side},
          {"a new line follows the call", a_new_line_follows_the_call},
          {"the transform ends with SRTP", the_transform_ends_with_srtp},
          {"random descriptions", random_descriptions})
