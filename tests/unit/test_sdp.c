/* SPDX-License-Identifier: MIT */
/* keyctx/sdp: lines that the gateway does not use stay unchanged, others are read and rewritten,
 * broken descriptions are refused. */
#include "base/mem.h"
#include "keyctx/sdp/media.h"
#include "keyctx/sdp/sdp.h"
#include "tests/harness/harness.h"

#define HEAD "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"

static const char *print(const struct sdp *s)
{
	static char text[SDP_TEXT_MAX + 1];
	size_t n = 0;

	EXPECT_OK(sdp_print(s, text, SDP_TEXT_MAX, &n));
	EXPECT_INT(n, sdp_length(s));
	text[n] = '\0';
	return text;
}

static struct sdp *parse(const char *text)
{
	struct sdp *s = NULL;
	struct why why = {0};

	if (!EXPECT_OK(sdp_parse(&s, str_of(text), &why)))
		printf("%s\n", why.text);
	return s;
}

static void foreign_lines_survive(void)
{
	static const char *const texts[] = {
		HEAD
		"c=IN IP4 192.0.2.1\r\nt=0 0\r\na=x-odd:  two  blanks \r\nm=audio 4000 RTP/AVP 0 "
		"8\r\na=rtpmap:0 PCMU/8000\r\n"
		"y=anything\r\na=\r\nm=application 9 TCP/MSRP *\r\na=path:msrp://h:1/x;tcp\r\n",
		"v=0\no=- 1 2 IN IP6 ::1\ns= \nt=0 0\nm=audio 0 RTP/AVP 0",
		"v=0\r\no=x\r\n\r\n\r\n",
		"v=0\no=mixed\r\ns=ends\nm=video 5004/2 RTP/SAVPF 96 97 \xc3\xa9\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct sdp *s = parse(texts[i]);

		REQUIRE(s != NULL);
		EXPECT_TEXT(print(s), texts[i]);
		sdp_free(s);
	}
}

static void broken_descriptions_are_refused(void)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"", ERR_SYNTAX},
		{"v=1\r\n", ERR_SYNTAX},
		{"hello\r\n\r\n", ERR_SYNTAX},
		{"\r\n", ERR_SYNTAX},
		{"v=0\r\ns=a\rb\r\n", ERR_SYNTAX},
		{"v=0\r\ns=a\r\r\n", ERR_SYNTAX},
		{"v=0\r\nm=audio 1 RTP/AVP 0\r\nv=0\r\nm=audio 2 RTP/AVP 0\r\n", ERR_SYNTAX},
		{"v=0\r\nv=1\r\n", ERR_SYNTAX},
	};
	char many[64 * (SDP_MEDIA_SAID_MAX + 1) + 8];
	size_t n = (size_t)snprintf(many, sizeof(many), "v=0\n");
	struct sdp *s = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("row %zu", i);
		EXPECT_ERR(sdp_parse(&s, str_of(rows[i].text), NULL), rows[i].want);
	}
	EXPECT_ERR(sdp_parse(&s, str_make("v=0\ns=a\0b\n", 10), NULL), ERR_SYNTAX);
	for (int i = 0; i <= SDP_MEDIA_SAID_MAX; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "m=audio %d RTP/AVP 0\n",
		                      1000 + i);
	EXPECT_ERR(sdp_parse(&s, str_make(many, n), NULL), ERR_TOO_BIG);
	EXPECT(s == NULL);
}

/* M-lines above the limit are removed with their attributes. A disabled m-line can be appended. */
static void too_many_m_lines(void)
{
	char many[64 * (SDP_MEDIA_MAX + 3)];
	size_t n = (size_t)snprintf(many, sizeof(many), "v=0\r\n"), served = 0;
	struct sdp *s;

	for (int i = 0; i < SDP_MEDIA_MAX + 2; i++) {
		n += (size_t)snprintf(many + n, sizeof(many) - n,
		                      "m=audio %d RTP/AVP 0\r\na=x:%d\r\n", 1000 + i, i);
		served = i < SDP_MEDIA_MAX ? n : served;
	}
	s = parse(many);
	REQUIRE(s != NULL);
	EXPECT_INT(s->n_media, SDP_MEDIA_MAX);
	EXPECT_INT(s->n_said, SDP_MEDIA_MAX + 2);
	EXPECT(s->is_repaired);
	many[served] = '\0';
	EXPECT_TEXT(print(s), many);
	sdp_free(s);
}

static void an_m_line_is_put_at_the_end(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"v=0\r\nm=audio 4 RTP/AVP 0\r\na=x\r\n",
	         "v=0\r\nm=audio 4 RTP/AVP 0\r\na=x\r\nm=video 0 RTP/SAVP 0\r\n"},
		{"v=0\nm=audio 4 RTP/AVP 0\n\n \n",
	         "v=0\nm=audio 4 RTP/AVP 0\nm=video 0 RTP/SAVP 0\n"},
		{"v=0\r\nm=audio 4 RTP/AVP 0",
	         "v=0\r\nm=audio 4 RTP/AVP 0\r\nm=video 0 RTP/SAVP 0"},
		{"v=0\r\n", "v=0\r\nm=video 0 RTP/SAVP 0\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp *s = parse(rows[i].text);

		test_context("row %zu", i);
		REQUIRE(s != NULL);
		EXPECT_OK(sdp_media_append(s, STR("video"), STR("RTP/SAVP")));
		EXPECT_TEXT(print(s), rows[i].want);
		EXPECT(s->media[s->n_media - 1].port == 0 && !s->media[s->n_media - 1].fault &&
		       s->media[s->n_media - 1].profile == SDP_PROFILE_SAVP);
		sdp_free(s);
	}
}

/* A fault that has only one possible reading is corrected, so that the other side reads the
 * description in the same way. */
static void small_faults_are_put_right(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"v=0\r\nhello\r\ns=-\r\n", "v=0\r\ns=-\r\n"},
		{"v=0\r\n\r\ns=x\r\n", "v=0\r\ns=x\r\n"},
		{"\r\n\r\nv=0\r\ns=x\r\n\r\n", "v=0\r\ns=x\r\n\r\n"},
		{"v=0\r\ns=x\r\n \t\r\n", "v=0\r\ns=x\r\n \t\r\n"},
		{"o=x\r\nv=0\r\n", "v=0\r\no=x\r\n"},
		{"v=0 \r\nA=x\r\n", "v=0 \r\na=x\r\n"},
		{"  v=0\n\ta=crypto:1\n =x\nab=c\n9=x\n", "v=0\na=crypto:1\n"},
		{"M=audio 4 RTP/AVP 0\n", "v=0\nm=audio 4 RTP/AVP 0\n"},
		{"m=audio 4 RTP/AVP 0", "v=0\r\nm=audio 4 RTP/AVP 0"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp *s = parse(rows[i].text);

		test_context("row %zu", i);
		REQUIRE(s != NULL);
		EXPECT_TEXT(print(s), rows[i].want);
		EXPECT_INT(s->is_repaired, strcmp(rows[i].text, rows[i].want) != 0);
		sdp_free(s);
	}
}

static void media_lines_are_read_as_far_as_they_go(void)
{
	static const struct {
		const char *line;
		bool is_fault;
		unsigned port, n_ports;
		enum sdp_profile profile;
		const char *rejected;
	} rows[] = {
		{"audio 4000 RTP/AVP 0", false, 4000, 1, SDP_PROFILE_AVP, "audio 0 RTP/AVP 0"},
		{"audio 4000 rtp/savpf 0", false, 4000, 1, SDP_PROFILE_SAVPF,
	         "audio 0 rtp/savpf 0"},
		{"audio\t4000  RTP/AVP ", false, 4000, 1, SDP_PROFILE_AVP, "audio 0 RTP/AVP 0"},
		{"audio 4000/2 RTP/AVP 0 x", false, 4000, 2, SDP_PROFILE_AVP,
	         "audio 0 RTP/AVP 0 x"},
		{"audio 4000/0 RTP/AVP 0", false, 4000, 1, SDP_PROFILE_AVP, "audio 0 RTP/AVP 0"},
		{"audio 4000/ RTP/AVP 0", false, 4000, 1, SDP_PROFILE_AVP, "audio 0 RTP/AVP 0"},
		{"application 9 TCP/MRCPv2", false, 9, 1, SDP_PROFILE_OTHER,
	         "application 0 TCP/MRCPv2 0"},
		{"audio 65536 RTP/AVP 0", true, 0, 1, SDP_PROFILE_AVP, "audio 0 RTP/AVP 0"},
		{"audio -1 RTP/AVP 0", true, 0, 1, SDP_PROFILE_AVP, "audio 0 RTP/AVP 0"},
		{"audio 4000", true, 4000, 1, SDP_PROFILE_OTHER, "audio 0 RTP/AVP 0"},
		{"audio", true, 0, 1, SDP_PROFILE_OTHER, "audio 0 RTP/AVP 0"},
		{"", true, 0, 1, SDP_PROFILE_OTHER, "audio 0 RTP/AVP 0"},
	};
	char text[256], want[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp *s;

		test_context("%s", rows[i].line);
		snprintf(text, sizeof(text), "v=0\nm=%s\n", rows[i].line);
		s = parse(text);
		REQUIRE(s != NULL && s->n_media == 1);
		EXPECT_TEXT(print(s), text);
		EXPECT_INT(s->media[0].fault != NULL, rows[i].is_fault);
		EXPECT_INT(s->media[0].port, rows[i].port);
		EXPECT_INT(s->media[0].n_ports, rows[i].n_ports);
		EXPECT_INT(s->media[0].profile, rows[i].profile);
		EXPECT_OK(sdp_media_reject(s, 0));
		snprintf(want, sizeof(want), "v=0\nm=%s\n", rows[i].rejected);
		EXPECT_TEXT(print(s), want);
		sdp_free(s);
	}
}

static void origins_are_read_from_the_end(void)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{"- 1 2 IN IP4 192.0.2.1", "- 1 2 IN IP6 2001:db8::1"},
		{"Jane Doe 1 2 IN IP4 192.0.2.1 ", "Jane Doe 1 2 IN IP6 2001:db8::1"},
		{"1 2 IN IP4 192.0.2.1", "- 1 2 IN IP6 2001:db8::1"},
		{"nonsense", "- 3360034971471008208 3360034971471008208 IN IP6 2001:db8::1"},
	};
	struct addr a = {.version = 6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	char text[256];
	uint64_t version;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp *s;

		test_context("%s", rows[i].line);
		snprintf(text, sizeof(text), "v=0\no=%s\n", rows[i].line);
		s = parse(text);
		REQUIRE(s != NULL);
		EXPECT_OK(sdp_origin_write(s, &a));
		snprintf(text, sizeof(text), "v=0\no=%s\n", rows[i].want);
		EXPECT_TEXT(print(s), text);
		EXPECT_OK(sdp_origin_version(s, &version));
		sdp_free(s);
	}
	struct sdp *s = parse("v=0\n");

	EXPECT_ERR(sdp_origin_write(s, &a), ERR_NOT_FOUND);
	EXPECT_ERR(sdp_session_name_write(s, STR("x")), ERR_NOT_FOUND);
	sdp_free(s);
}

static void attributes_are_found_however_they_are_written(void)
{
	static const char *const lines[] = {"rtcp-mux",  "rtcp-mux ", "RTCP-Mux\t",
	                                    " rtcp-mux", "rtcp-mux:", "rtcp-mux :"};
	struct sdp_transport t;
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct sdp *s;

		test_context("%s", lines[i]);
		snprintf(text, sizeof(text),
		         "v=0\nc=IN IP4 192.0.2.1\nm=audio 4 RTP/AVP 0\na=%s\na=SendOnly "
		         "\na=rtcp-muxed\n",
		         lines[i]);
		s = parse(text);
		REQUIRE(s != NULL);
		REQUIRE_OK(sdp_transport_read(s, 0, &t, NULL));
		EXPECT(t.rtcp_mux && t.direction == SDP_SENDONLY);
		EXPECT_INT(sdp_attr_remove(s, 0, "rtcp-mux"), 1);
		EXPECT(sdp_has_attr(s, 0, "rtcp-muxed"));
		sdp_free(s);
	}
}

static void sizes_are_bounded(void)
{
	char *text = mem_alloc(SDP_TEXT_MAX + 2);
	struct sdp *s = NULL;

	REQUIRE(text != NULL);
	memset(text, 'x', SDP_TEXT_MAX + 1);
	memcpy(text, "v=0\ns=", 6);
	EXPECT_ERR(sdp_parse(&s, str_make(text, SDP_TEXT_MAX + 1), NULL), ERR_TOO_BIG);
	EXPECT_OK(sdp_parse(&s, str_make(text, SDP_TEXT_MAX), NULL));
	sdp_free(s);
	s = NULL;
	for (int i = 0; i <= SDP_LINES_MAX; i++)
		memcpy(text + 4 + 5 * i, "a=xy\n", 5);
	EXPECT_ERR(sdp_parse(&s, str_make(text, 4 + 5 * SDP_LINES_MAX), NULL), ERR_TOO_BIG);
	EXPECT(s == NULL);
	mem_free(text);
}

static void transports_are_read(void)
{
	static const struct {
		const char *lines;
		enum err want;
		const char *rtp, *rtcp;
		bool mux, held;
		enum sdp_direction direction;
	} rows[] = {
		{"c=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 0\n", ERR_OK, "192.0.2.9:4000",
	         "192.0.2.9:4001", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::1\n", ERR_OK,
	         "[2001:db8::1]:4000", "[2001:db8::1]:4001", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 0\na=rtcp:5000\n", ERR_OK,
	         "192.0.2.9:4000", "192.0.2.9:5000", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 0\na=rtcp:5000 IN IP4 192.0.2.7\n",
	         ERR_OK, "192.0.2.9:4000", "192.0.2.7:5000", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 0\na=rtcp-mux\n", ERR_OK,
	         "192.0.2.9:4000", "192.0.2.9:4000", true, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.9\na=inactive\nm=audio 4000 RTP/AVP 0\na=sendonly\n", ERR_OK,
	         "192.0.2.9:4000", "192.0.2.9:4001", false, false, SDP_SENDONLY},
		{"c=IN IP4 192.0.2.9\na=inactive\nm=audio 4000 RTP/AVP 0\n", ERR_OK,
	         "192.0.2.9:4000", "192.0.2.9:4001", false, false, SDP_INACTIVE},
		{"c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\n", ERR_OK, "0.0.0.0:4000",
	         "0.0.0.0:4001", false, true, SDP_SENDRECV},
		{"c=IN IP6 ::\nm=audio 4000 RTP/AVP 0\n", ERR_OK, "[::]:4000", "[::]:4001", false,
	         true, SDP_SENDRECV},
		{"m=audio 4000 RTP/AVP 0\n", ERR_SYNTAX, "", "", false, false, 0},
		{"m=audio 70000 RTP/AVP 0\nc=IN IP4 192.0.2.1\n", ERR_SYNTAX, "", "", false, false,
	         0},
		{"c=in IP6 192.0.2.1/127 x\nm=audio 4000/2 RTP/AVP 0\n", ERR_OK, "192.0.2.1:4000",
	         "192.0.2.1:4001", false, false, SDP_SENDRECV},
		{"c=IN IP6 [2001:db8::1]\nm=audio 4000 RTP/AVP 0\n", ERR_OK, "[2001:db8::1]:4000",
	         "[2001:db8::1]:4001", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1 \nm=audio 4000 RTP/AVP 0\n", ERR_OK,
	         "192.0.2.1:4000", "192.0.2.1:4001", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=rtcp:0\n", ERR_OK, "192.0.2.1:4000",
	         "192.0.2.1:4001", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=rtcp:70000\n", ERR_OK,
	         "192.0.2.1:4000", "192.0.2.1:4001", false, false, SDP_SENDRECV},
		{"c=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 0\na=rtcp:5000 IN IP4 192.0.2.7\n",
	         ERR_OK, "[2001:db8::1]:4000", "[2001:db8::1]:5000", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=rtcp:5000 IN IP6 2001:db8::7\n",
	         ERR_OK, "192.0.2.1:4000", "192.0.2.1:5000", false, false, SDP_SENDRECV},
		{"c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=rtcp:9 IN IP4 host\n", ERR_OK,
	         "192.0.2.1:4000", "192.0.2.1:9", false, false, SDP_SENDRECV},
		{"c=IN IP4 host.example\nm=audio 4000 RTP/AVP 0\n", ERR_UNSUPPORTED, "", "", false,
	         false, 0},
		{"c=IN IP4 224.2.1.1/127\nm=audio 4000 RTP/AVP 0\n", ERR_UNSUPPORTED, "", "", false,
	         false, 0},
		{"c=OUT IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n", ERR_SYNTAX, "", "", false, false,
	         0},
		{"c=IN IP4 192.0.2.1\nc=IN IP4 192.0.2.2\nm=audio 4000 RTP/AVP 0\n",
	         ERR_UNSUPPORTED, "", "", false, false, 0},
		{"c=IN IP4 192.0.2.1\nm=audio 65535 RTP/AVP 0\n", ERR_RANGE, "", "", false, false,
	         0},
	};
	char text[512], rtp[ADDR_TEXT_MAX], rtcp[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp_transport t = {0};
		struct sdp *s;

		test_context("%s", rows[i].lines);
		snprintf(text, sizeof(text), "v=0\n%s", rows[i].lines);
		s = parse(text);
		REQUIRE(s != NULL);
		if (EXPECT_ERR(sdp_transport_read(s, 0, &t, NULL), rows[i].want) && !rows[i].want) {
			EXPECT_TEXT(addr_print(&t.rtp, rtp), rows[i].rtp);
			EXPECT_TEXT(addr_print(&t.rtcp, rtcp), rows[i].rtcp);
			EXPECT_INT(t.rtcp_mux, rows[i].mux);
			EXPECT_INT(t.is_held_by_address, rows[i].held);
			EXPECT_INT(t.direction, rows[i].direction);
		}
		sdp_free(s);
	}
}

static struct addr address(const char *text)
{
	struct addr a = {0};

	EXPECT_OK(addr_parse(str_of(text), &a));
	return a;
}

static void places_are_written(void)
{
	static const struct {
		const char *lines, *rtp, *rtcp;
		bool mux;
		enum sdp_profile profile;
		const char *want;
	} rows[] = {
		{"m=audio 4000 RTP/AVP 0\r\na=ptime:20\r\n", "203.0.113.5:30000",
	         "203.0.113.5:30001", false, SDP_PROFILE_SAVP,
	         "m=audio 30000 RTP/SAVP 0\r\nc=IN IP4 "
	         "203.0.113.5\r\na=ptime:20\r\na=rtcp:30001\r\n"},
		{"m=audio 4000 RTP/AVPF 0 8\r\ni=x\r\nc=IN IP4 1.2.3.4\r\na=rtcp:4001\r\na=z\r\n",
	         "[2001:db8::5]:30000", "", false, SDP_PROFILE_SAVPF,
	         "m=audio 30000 RTP/SAVPF 0 8\r\ni=x\r\nc=IN IP6 2001:db8::5\r\na=z\r\n"},
		{"m=audio 4000 RTP/SAVP 0\r\ni=x\r\na=rtcp:4001\r\na=z\r\n", "203.0.113.5:30000",
	         "203.0.113.6:30009", false, SDP_PROFILE_AVP,
	         "m=audio 30000 RTP/AVP 0\r\ni=x\r\nc=IN IP4 203.0.113.5\r\na=rtcp:30009 IN IP4 "
	         "203.0.113.6\r\na=z\r\n"},
		{"m=audio 4000 RTP/AVP 0\r\na=rtcp:4000\r\n", "203.0.113.5:30000", "", true,
	         SDP_PROFILE_AVP,
	         "m=audio 30000 RTP/AVP 0\r\nc=IN IP4 203.0.113.5\r\na=rtcp-mux\r\n"},
		{"m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\na=rtcp-mux-only\r\n", "203.0.113.5:30000",
	         "", false, SDP_PROFILE_OTHER,
	         "m=audio 30000 RTP/AVP 0\r\nc=IN IP4 203.0.113.5\r\n"},
	};
	char text[512], want[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp_place place = {.rtp = address(rows[i].rtp), .rtcp_mux = rows[i].mux};
		struct sdp *s;

		test_context("row %zu", i);
		if (rows[i].rtcp[0])
			place.rtcp = address(rows[i].rtcp);
		snprintf(text, sizeof(text), HEAD "%s", rows[i].lines);
		snprintf(want, sizeof(want), HEAD "%s", rows[i].want);
		s = parse(text);
		REQUIRE(s != NULL);
		EXPECT_OK(sdp_place_write(s, 0, &place, rows[i].profile));
		EXPECT_TEXT(print(s), want);
		sdp_free(s);
	}
}

static void session_address_keeps_others_reachable(void)
{
	struct sdp *s = parse(HEAD "c=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP "
	                           "0\r\nm=message 9 TCP/MSRP *\r\na=x\r\n"
	                           "m=image 0 udptl t38\r\n");
	struct addr a = address("203.0.113.5:1");

	REQUIRE(s != NULL);
	EXPECT_OK(sdp_session_connection_write(s, &a, 1));
	EXPECT_OK(sdp_origin_write(s, &a));
	EXPECT_OK(sdp_username_write(s, (struct str){0}));
	EXPECT_OK(sdp_session_name_write(s, STR("sluice")));
	EXPECT_OK(sdp_origin_version_write(s, 77));
	EXPECT_TEXT(
		print(s),
		"v=0\r\no=- 1 77 IN IP4 203.0.113.5\r\ns=sluice\r\nc=IN IP4 203.0.113.5\r\nt=0 "
		"0\r\n"
		"m=audio 4000 RTP/AVP 0\r\nm=message 9 TCP/MSRP *\r\nc=IN IP4 192.0.2.9\r\na=x\r\n"
		"m=image 0 udptl t38\r\n");
	sdp_free(s);
}

static void bundles_and_ice_are_taken_out(void)
{
	struct sdp *s = parse(HEAD "a=group:BUNDLE a v\r\na=group:LS a v\r\na=ice-lite\r\nm=audio "
	                           "4000 RTP/AVP 0\r\na=mid:a\r\n"
	                           "a=candidate:1 1 UDP 1 192.0.2.1 4000 typ "
	                           "host\r\na=ice-ufrag:x\r\nm=video 5000 RTP/AVP 96\r\n"
	                           "a=bundle-only\r\na=mid:w\r\n");

	REQUIRE(s != NULL);
	EXPECT(sdp_is_bundled(s, 0));
	EXPECT(!sdp_is_bundled(s, 1));
	sdp_bundle_remove(s);
	EXPECT_INT(sdp_ways_remove(s, SDP_SESSION), 1);
	EXPECT_INT(sdp_ways_remove(s, 0), 2);
	EXPECT_TEXT(print(s), HEAD "a=group:LS a v\r\nm=audio 4000 RTP/AVP 0\r\na=mid:a\r\nm=video "
	                           "5000 RTP/AVP 96\r\na=mid:w\r\n");
	EXPECT_OK(sdp_media_reject(s, 0));
	EXPECT_OK(sdp_direction_write(s, 1, SDP_RECVONLY));
	EXPECT_TEXT(print(s), HEAD "a=group:LS a v\r\nm=audio 0 RTP/AVP 0\r\na=mid:a\r\nm=video "
	                           "5000 RTP/AVP 96\r\na=mid:w\r\n"
	                           "a=recvonly\r\n");
	sdp_free(s);
}

static void lines_end_as_they_did(void)
{
	struct sdp *s = parse("v=0\ns=-\nm=audio 1 RTP/AVP 0");

	REQUIRE(s != NULL);
	EXPECT_OK(sdp_attr_add(s, 0, "x", STR("y")));
	EXPECT_ERR(sdp_attr_add(s, 0, "x", STR("y\r\na=evil")), ERR_SYNTAX);
	EXPECT_TEXT(print(s), "v=0\ns=-\nm=audio 1 RTP/AVP 0\na=x:y");
	sdp_free(s);
}

static enum err edit_once(void)
{
	struct sdp_place place = {.rtp = {.version = 4, .ip = {192, 0, 2, 1}, .port = 4}};
	struct sdp *s = NULL;
	char big[3000];
	enum err e = sdp_parse(&s, STR(HEAD "m=audio 1 RTP/AVP 0\r\n"), NULL);

	memset(big, 'x', sizeof(big));
	if (!e)
		e = sdp_place_write(s, 0, &place, SDP_PROFILE_SAVP);
	if (!e)
		e = sdp_attr_add(s, 0, "big", str_make(big, sizeof(big)));
	sdp_free(s);
	return e;
}

static void survives_want_of_memory(void)
{
	test_each_allocation_failing(edit_once);
}

TEST_MAIN("sdp", {"foreign lines survive", foreign_lines_survive},
          {"broken descriptions are refused", broken_descriptions_are_refused},
          {"sizes are bounded", sizes_are_bounded}, {"too many m-lines", too_many_m_lines},
          {"an m-line is put at the end", an_m_line_is_put_at_the_end},
          {"small faults are put right", small_faults_are_put_right},
          {"media lines are read as far as they go", media_lines_are_read_as_far_as_they_go},
          {"origins are read from the end", origins_are_read_from_the_end},
          {"attributes are found however they are written",
           attributes_are_found_however_they_are_written},
          {"transports are read", transports_are_read}, {"places are written", places_are_written},
          {"session address keeps others reachable", session_address_keeps_others_reachable},
          {"bundles and ice are taken out", bundles_and_ice_are_taken_out},
          {"lines end as they did", lines_end_as_they_did},
          {"survives want of memory", survives_want_of_memory})
