/* SPDX-License-Identifier: MIT */
/* One bad m-line does not end a call: that m-line alone passes or is refused, the reply has a
 * warning, and the other m-lines work (docs/decisions/0060). */
#include "tests/harness/dialog_scene.h"

#define CRYPTO(key) "a=crypto:1 " A80 " inline:" key "\r\n"

/* Every offer has a good audio m-line first. `text` is the second m-line, `told` what the other
 * side gets for it, `reason` the warning. */
static const struct {
	const char *name, *text, *action, *told, *reason;
} second[] = {
	{"a format list that is empty", "m=video 4002 RTP/SAVP\r\n" CRYPTO(K2), "relay",
         " RTP/AVP\r\n", ""},
	{"a format list that is odd", "m=video 4002 RTP/SAVP 97 x-y 300\r\n" CRYPTO(K2), "relay",
         " RTP/AVP 97 x-y 300\r\n", ""},
	{"two ports", "m=video 4002/2 RTP/SAVP 97\r\n" CRYPTO(K2), "relay", " RTP/AVP 97\r\n", ""},
	{"SRTP without a key", "m=video 4002 RTP/SAVP 97\r\n", "refuse", "m=video 0 RTP/AVP 97\r\n",
         "no usable a=crypto line"},
	{"two keys under one tag", "m=video 4002 RTP/SAVP 97\r\n" CRYPTO(K2) CRYPTO(K3), "refuse",
         "m=video 0 RTP/AVP 97\r\n", "duplicate-tag"},
	{"the same key twice", "m=video 4002 RTP/SAVP 97\r\n" CRYPTO(K2) CRYPTO(K2), "relay",
         " RTP/AVP 97\r\n", ""},
	{"a port that is none", "m=video 70000 RTP/SAVP 97\r\n" CRYPTO(K2), "refuse",
         "m=video 0 RTP/AVP 97\r\n", "the port must be a number from 0 to 65535"},
	{"half a line", "m=video\r\na=x\r\n", "refuse", "m=video 0 RTP/AVP 0\r\n",
         "a media, a port and a transport"},
	{"a host name", "m=video 4002 RTP/SAVP 97\r\nc=IN IP4 phone.example\r\n" CRYPTO(K2),
         "refuse", "m=video 0 RTP/AVP 97\r\n", "host names are not supported"},
	{"several c= lines with different addresses",
         "m=video 4002 RTP/SAVP 97\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\n" CRYPTO(K2),
         "refuse", "m=video 0 RTP/AVP 97\r\n", "differ"},
	{"lower case", "m=video 4002 rtp/savp 97\r\n" CRYPTO(K2), "relay", " RTP/AVP 97\r\n", ""},
	{"DTLS where it can't end",
         "m=video 4002 UDP/TLS/RTP/SAVPF 97\r\na=fingerprint:sha-1 AB\r\n", "refuse",
         "m=video 0 RTP/AVP 97\r\n", "DTLS-SRTP"},
	{"lines that are none",
         "m=video 4002 RTP/SAVP 97\r\nnothing\r\n\r\n" CRYPTO(K2) "=\r\na=\r\na=x-new: y \r\n",
         "relay", "a=x-new: y \r\n", ""},
};

static void other_lines_work(void)
{
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(second); i++) {
		begin();
		test_context("%s", second[i].name);
		options.transport = SDP_PROFILE_AVP;
		snprintf(text, sizeof(text), UE SAVP("4000", K1) "%s\r\n \r\n", second[i].text);
		if (EXPECT_OK(offer("alice", "", text))) {
			EXPECT_TEXT(got.media[0].action, "relay");
			EXPECT_TEXT(got.media[1].action, second[i].action);
			EXPECT(says(second[i].told) && !strstr(got.sdp, "inline"));
			EXPECT(strstr(got.warning, second[i].reason) != NULL &&
			       !got.warning[0] == !second[i].reason[0]);
			EXPECT_OK(answer("alice", "bob",
			                 CORE AVP("5000") "m=video 0 RTP/AVP 97\r\n"));
			EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 0)->can_receive);
		}
		tear_down();
	}
}

static void bad_lines_in_answers(void)
{
	static const struct {
		const char *name, *text, *reason;
	} rows[] = {
		{"no key", "m=video 4002 RTP/SAVP 97\r\n", "this one has 0"},
		{"another profile", "m=video 4002 RTP/AVP 97\r\n", "the offer has RTP/SAVP"},
		{"a host name", "m=video 4002 RTP/SAVP 97\r\nc=IN IP4 phone.example\r\n" CRYPTO(K2),
	         "host names"},
		{"no port", "m=video x RTP/SAVP 97\r\n", "the port must be"},
		{"no line", "m=video\r\n", "a media, a port and a transport"},
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin();
		test_context("%s", rows[i].name);
		options.transport = SDP_PROFILE_SAVP;
		REQUIRE_OK(offer("alice", "", CORE AVP("5000") "m=video 5002 RTP/AVP 97\r\n"));
		snprintf(text, sizeof(text), UE "m=audio 4000 RTP/SAVP 0\r\n" CRYPTO(K1) "%s",
		         rows[i].text);
		if (EXPECT_OK(answer("alice", "bob", text))) {
			EXPECT(says("m=video 0 RTP/AVP ") && !strstr(got.sdp, "inline"));
			EXPECT_TEXT(strstr(got.warning, rows[i].reason) ? rows[i].reason
			                                                : got.warning,
			            rows[i].reason);
			EXPECT(!strstr(got.warning, "m-line 2: m-line 2"));
			EXPECT(is_key(leg(0, 0)->receive, K1) && !leg(1, 0)->exists);
		}
		tear_down();
	}
}

/* The warning names both transports as the m-lines wrote them, even if one is not RTP. */
static void a_reason_names_transports_as_written(void)
{
	begin();
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("alice", "", CORE AVP("5000") "m=image 5002 udptl t38\r\n"));
	REQUIRE_OK(answer("alice", "bob",
	                  UE
	                  "m=audio 4000 RTP/SAVP 0\r\n" CRYPTO(K1) "m=image 4002 RTP/AVP 97\r\n"));
	EXPECT(strstr(got.warning, "m-line 2: the offer has udptl, but the answer has RTP/AVP") !=
	       NULL);
	tear_down();
	begin();
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("alice", "", CORE AVP("5000") "m=video 5002 RTP/AVP 97\r\n"));
	REQUIRE_OK(answer("alice", "bob",
	                  UE "m=audio 4000 RTP/SAVP 0\r\n" CRYPTO(K1) "m=video 4002 UDP/\x01"
	                                                              "BFCP *\r\n"));
	EXPECT(strstr(got.warning,
	              "m-line 2: the offer has RTP/SAVP, but the answer has UDP/?BFCP") != NULL);
	tear_down();
}

/* An offer without a usable m-line is refused, with a reason; running media continue. */
static void a_lone_bad_line_is_refused_with_its_reason(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	EXPECT_ERR(offer("alice", "", HEAD "t=0 0\r\n" SAVP("4000", K1)), ERR_SYNTAX);
	EXPECT(strstr(got.why, "m-line 1: no c= line") != NULL && got.sip_status == 488);
	REQUIRE_OK(call_from_ue());
	EXPECT_ERR(offer("alice", "bob", UE "m=audio 4000 RTP/SAVP 0\r\n"), ERR_INVALID);
	EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 0)->can_send);
	tear_down();
}

/* If a running m-line becomes bad, it is disabled, and a later offer can enable it again. */
static void a_running_line_goes_and_comes_back(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(
		offer("alice", "", UE SAVP("4000", K1) "m=video 4002 RTP/SAVP 97\r\n" CRYPTO(K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 5002 RTP/AVP 97\r\n"));
	EXPECT(leg(1, 0)->exists);
	REQUIRE_OK(offer(
		"alice", "bob",
		UE SAVP("4000", K1) "m=video 4002 RTP/SAVP 97\r\nc=IN IP4 host\r\n" CRYPTO(K2)));
	EXPECT_TEXT(got.media[1].action, "refuse");
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 0 RTP/AVP 97\r\n"));
	EXPECT(says("m=video 0 RTP/SAVP 97\r\n") && !leg(1, 0)->exists && leg(0, 0)->can_send);
	REQUIRE_OK(offer("alice", "bob",
	                 UE SAVP("4000", K1) "m=video 4002 RTP/SAVP 97\r\n" CRYPTO(K3)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 5002 RTP/AVP 97\r\n"));
	EXPECT(leg(1, 0)->exists && is_key(leg(1, 0)->receive, K3));
	tear_down();
}

#define VIDEO(port) "m=video " port " RTP/SAVP 97\r\n" CRYPTO(K2)

static unsigned m_lines_said(void)
{
	unsigned n = 0;

	for (const char *at = got.sdp; (at = strstr(at, "\nm=")); at++)
		n++;
	return n;
}

/* RFC 3264 6 and 8: an m-line that a side omits is disabled, and each side sees as many m-lines as
 * it has sent. */
static void fewer_and_more_m_lines(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	/* The same answer comes twice, each time without the video m-line. */
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1) VIDEO("4002")));
	for (unsigned i = 0; i < 2; i++) {
		REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
		EXPECT(says("m=video 0 RTP/SAVP 0\r\n") && m_lines_said() == 2);
		EXPECT(leg(0, 0)->can_send && !leg(1, 0)->exists);
	}
	/* The offerer enables the video and then omits its m-line: the same as port 0. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4002")));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 5002 RTP/AVP 97\r\n"));
	EXPECT(is_key(leg(1, 0)->receive, K2));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1)));
	EXPECT(says("m=video 0 RTP/AVP 0\r\n") && m_lines_said() == 2);
	EXPECT_TEXT(got.media[1].change, "gone");
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 0 RTP/AVP 97\r\n"));
	EXPECT_INT(m_lines_said(), 1);
	EXPECT(leg(0, 0)->can_send && !leg(1, 0)->exists);
	/* In its next offer the former answerer omits the video m-line, too. */
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5000")));
	EXPECT(m_lines_said() == 2 && says("m=video 0 RTP/AVP 0\r\n"));
	REQUIRE_OK(answer("bob", "alice", UE AVP("4000") "m=video 0 RTP/SAVP 97\r\n"));
	EXPECT_INT(m_lines_said(), 1);
	/* An answer with more m-lines than the offer: the additional ones are removed. */
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4002")));
	REQUIRE_OK(
		answer("alice", "bob",
	               CORE AVP("5000") "m=video 5002 RTP/AVP 97\r\nm=image 5004 udptl t38\r\n"));
	EXPECT(m_lines_said() == 2 && !strstr(got.sdp, "5004") && leg(1, 0)->can_send);
	tear_down();
}

/* Some gateways send a single m-line for fax in place of audio and video. */
static void fewer_lines_of_another_kind(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1) VIDEO("4002")));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 5002 RTP/AVP 97\r\n"));
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("bob", "alice", CORE "m=image 5004 udptl t38\r\n"));
	EXPECT(says("m=video 0 RTP/SAVP 0\r\n") && says(" udptl t38\r\n") &&
	       !strstr(got.sdp, "inline"));
	REQUIRE_OK(answer("bob", "alice", UE "m=image 4004 udptl t38\r\n"));
	EXPECT_INT(m_lines_said(), 1);
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5000") "m=video 5002 RTP/AVP 97\r\n"));
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1) VIDEO("4002")));
	EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 0)->can_receive);
	tear_down();
}

static void more_m_lines_than_are_served(void)
{
	char text[4096], back[4096];
	int n = snprintf(text, sizeof(text), CORE), m = snprintf(back, sizeof(back), CORE);

	for (int i = 0; i < SDP_MEDIA_MAX + 2; i++) {
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		              "m=audio %d RTP/AVP 0\r\na=x:%d\r\n", 4000 + 2 * i, i);
		if (i < SDP_MEDIA_MAX)
			m += snprintf(back + m, sizeof(back) - (size_t)m,
			              "m=audio %d RTP/AVP 0\r\n", 5000 + 2 * i);
	}
	begin();
	for (unsigned i = 0; i < 2; i++) {
		if (EXPECT_OK(offer("alice", i ? "bob" : "", text))) {
			EXPECT_INT(m_lines_said(), SDP_MEDIA_MAX);
			EXPECT(!strstr(got.sdp, "a=x:16") &&
			       strstr(got.warning, "18 m-lines") != NULL);
			EXPECT_OK(answer("alice", "bob", back));
			EXPECT_INT(m_lines_said(), SDP_MEDIA_MAX + 2);
			EXPECT(says("m=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n") &&
			       leg(SDP_MEDIA_MAX - 1, 0)->can_send);
		}
	}
	/* The other side has seen SDP_MEDIA_MAX m-lines only, and offers as many. */
	EXPECT_OK(offer("bob", "alice", back));
	EXPECT_INT(m_lines_said(), SDP_MEDIA_MAX + 2);
	EXPECT_OK(answer("bob", "alice", text));
	EXPECT_INT(m_lines_said(), SDP_MEDIA_MAX);
	tear_down();
}

static void descriptions_of_all_kinds(void)
{
	static const char *const texts[] = {
		"v=0\no=- 1 2 IN IP4 192.0.2.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 4000 "
		"RTP/SAVP 0\na=crypto:7 " A80 " inline:" K1 "\n",
		"v=0\r\nc=IN IP4 198.51.100.1\r\n" SAVP("4000", K1),
		"o=Jane Doe 1 2 IN IP4 192.0.2.1\r\nc=IN IP4 198.51.100.1\r\n" SAVP("4000",
	                                                                            K1) "\r\n\r\n",
		"v=0\r\no=nonsense\r\nC=IN IP4 198.51.100.1 \r\nM=audio\t4000 "
		"\tRTP/SAVP\t0\r\n\ta=crypto:7\t" A80 "\tinline:" K1
		" \r\na=rtcp-mux \r\na=sendonly \r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		begin();
		test_context("text %zu", i);
		options.transport = SDP_PROFILE_AVP;
		options.replace = DIALOG_REPLACE_ORIGIN | DIALOG_REPLACE_SESSION_NAME |
		                  DIALOG_REPLACE_USERNAME | DIALOG_REPLACE_VERSION;
		if (EXPECT_OK(offer("alice", "", texts[i]))) {
			EXPECT(!strstr(got.sdp, "192.0.2.1") && !strstr(got.sdp, "198.51.100.1") &&
			       !strstr(got.sdp, "inline"));
			EXPECT(!strstr(got.sdp, "rtcp-mux") || !strstr(got.sdp, "a=rtcp:"));
			EXPECT_OK(answer("alice", "bob", CORE AVP("5000")));
			EXPECT(is_key(leg(0, 0)->receive, K1));
		}
		tear_down();
	}
}

TEST_MAIN("dialog-lenient", {"other lines work", other_lines_work},
          {"bad lines in answers", bad_lines_in_answers},
          {"a reason names transports as written", a_reason_names_transports_as_written},
          {"a lone bad line is refused with its reason",
           a_lone_bad_line_is_refused_with_its_reason},
          {"a running line goes and comes back", a_running_line_goes_and_comes_back},
          {"fewer and more m-lines", fewer_and_more_m_lines},
          {"fewer lines of another kind", fewer_lines_of_another_kind},
          {"more m-lines than are served", more_m_lines_than_are_served},
          {"descriptions of all kinds", descriptions_of_all_kinds})
