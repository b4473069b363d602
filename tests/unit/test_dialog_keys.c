/* SPDX-License-Identifier: MIT */
/* Keys that return in a call: video off and on, a fax in between, SRTP to RTP to SRTP. A key that
 * may not return is refused with its m-line only. */
#include "tests/harness/dialog_scene.h"

#define VIDEO(port, key)  "m=video " port " RTP/SAVP 96\r\na=crypto:1 " A80 " inline:" key "\r\n"
#define PLAIN_VIDEO(port) "m=video " port " RTP/AVP 96\r\n"
#define FAX(port)         "m=image " port " udptl t38\r\n"
/* A key that the (fake) relay reports as forgotten. */
#define SPENT "XXXXlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMn"

static void begin_plain(void)
{
	begin();
}

/* The place of the m-line in the session: the media that has legs. */
static unsigned place_of(unsigned first)
{
	for (unsigned m = first; m < fake_relay.sessions->n_media; m++)
		if (fake_relay.sessions->media[m].n_legs && leg(m, 0)->exists)
			return m;
	return first;
}

static void video_goes_off_and_on(void)
{
	char ours[41];

	begin_plain();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1) VIDEO("4010", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	snprintf(ours, sizeof(ours), "%s", key_said(1));
	for (unsigned round = 0; round < 3; round++) {
		REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("0", K2)));
		REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("0")));
		EXPECT(!leg(1, 0)->exists && leg(0, 0)->can_send);
		REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4010", K2)));
		EXPECT_TEXT(got.media[1].change, "new");
		REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
		EXPECT(is_key(leg(1, 0)->receive, K2) && is_key(leg(1, 0)->send, ours));
		EXPECT_TEXT(key_said(1), ours);
	}
	/* A terminal that returns with another key gets another key of ours. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("0", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("0")));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4010", K3)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	EXPECT(is_key(leg(1, 0)->receive, K3) && strcmp(key_said(1), ours) != 0);
	tear_down();
}

/* The side without keys asks for the media again: the terminal is offered the key it knows, and
 * answers with its own. */
static void the_other_side_takes_it_back(void)
{
	char ours[41];

	begin_plain();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1) VIDEO("4010", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	snprintf(ours, sizeof(ours), "%s", key_said(1));
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5000") PLAIN_VIDEO("0")));
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1) VIDEO("0", K2)));
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5000") PLAIN_VIDEO("5010")));
	EXPECT_TEXT(key_said(1), ours);
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1) VIDEO("4010", K2)));
	EXPECT(is_key(leg(1, 0)->receive, K2) && is_key(leg(1, 0)->send, ours));
	tear_down();
}

/* [a fax in the audio's m-line, a fax next to it, the m-line as RTP] and back. */
static void audio_is_something_else_for_a_while(void)
{
	static const char *const there[][2] = {
		{UE FAX("4002"), CORE FAX("5002")},
		{UE "m=audio 0 RTP/SAVP 0\r\n" FAX("4002"),
	         CORE "m=audio 0 RTP/AVP 0\r\n" FAX("5002")},
		{UE AVP("4000"), CORE AVP("5000")},
	};
	static const char *const back[][2] = {
		{UE SAVP("4000", K1), CORE AVP("5000")},
		{UE SAVP("4000", K1) FAX("0"), CORE AVP("5000") FAX("0")},
		{UE SAVP("4000", K1), CORE AVP("5000")},
	};
	char ours[41];

	for (unsigned i = 0; i < ARRAY_LEN(there); i++) {
		test_context("way %u", i);
		begin_plain();
		REQUIRE_OK(call_from_ue());
		snprintf(ours, sizeof(ours), "%s", key_said(0));
		for (unsigned round = 0; round < 3; round++) {
			options.transport = SDP_PROFILE_AVP;
			REQUIRE_OK(offer("alice", "bob", there[i][0]));
			REQUIRE_OK(answer("alice", "bob", there[i][1]));
			REQUIRE_OK(offer("alice", "bob", back[i][0]));
			REQUIRE_OK(answer("alice", "bob", back[i][1]));
			EXPECT_TEXT(key_said(0), ours);
			EXPECT(is_key(leg(place_of(0), 0)->receive, K1) &&
			       is_key(leg(place_of(0), 0)->send, ours));
		}
		tear_down();
	}
}

/* A spent key is refused in the offer, together with its m-line only. */
static void a_spent_key_is_refused_with_its_line(void)
{
	begin_plain();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1) VIDEO("4010", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	fake_relay.spent_octet = 0x5d; /* first octet of SPENT */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4010", SPENT)));
	EXPECT(says("m=video 0 RTP/AVP 96\r\n") && says("m=audio 3"));
	EXPECT_TEXT(got.media[1].action, "refuse");
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("0")));
	EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 0)->can_receive && !leg(1, 0)->exists);
	/* The earlier key is still good. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4010", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	EXPECT(is_key(leg(1, 0)->receive, K2));
	/* A second a=crypto line has a usable key. */
	REQUIRE_OK(offer("alice", "bob",
	                 UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" SPENT
	                    "\r\na=crypto:2 " A80 " inline:" K3 "\r\n" VIDEO("4010", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	EXPECT(is_key(leg(0, 0)->receive, K3) && is_key(leg(1, 0)->receive, K2));
	/* No usable m-line is left: the offer is refused, and the agreed media continues. */
	EXPECT_ERR(offer("alice", "bob", UE SAVP("4000", SPENT) VIDEO("4010", SPENT)), ERR_INVALID);
	EXPECT(strstr(got.why, "spent-key") != NULL);
	EXPECT(is_key(leg(0, 0)->receive, K3) && is_key(leg(1, 0)->receive, K2) &&
	       leg(1, 0)->can_receive);
	tear_down();
}

static void a_spent_key_in_an_answer(void)
{
	begin_plain();
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("alice", "", CORE AVP("5000") PLAIN_VIDEO("5010")));
	fake_relay.spent_octet = 0x5d;
	REQUIRE_OK(answer("alice", "bob",
	                  UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K1
	                     "\r\n" VIDEO("4010", SPENT)));
	EXPECT(says("m=video 0 RTP/AVP 96\r\n") && says("m=audio 3"));
	EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 0)->can_receive);
	tear_down();
}

TEST_MAIN("dialog-keys", {"video goes off and on", video_goes_off_and_on},
          {"the other side takes it back", the_other_side_takes_it_back},
          {"audio is something else for a while", audio_is_something_else_for_a_while},
          {"a spent key is refused with its line", a_spent_key_is_refused_with_its_line},
          {"a spent key in an answer", a_spent_key_in_an_answer})
