/* SPDX-License-Identifier: MIT */
/* Keys that return during a call: video off and on, a fax in between, SRTP to RTP and back. If a
 * key may not return, only its m-line is refused. */
#include "tests/harness/dialog_scene.h"

#define VIDEO(port, key)  "m=video " port " RTP/SAVP 96\r\na=crypto:1 " A80 " inline:" key "\r\n"
#define PLAIN_VIDEO(port) "m=video " port " RTP/AVP 96\r\n"
#define FAX(port)         "m=image " port " udptl t38\r\n"
/* A key that the fake relay refuses, as the relay refuses a key whose counters it has forgotten. */
#define SPENT "XXXXlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMn"

static void begin_plain(void)
{
	begin();
}

/* The index of the first media, from `first` on, that has an access leg; `first` if none has. */
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
	/* If the terminal returns with another key, we give it another key, too. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("0", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("0")));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4010", K3)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	EXPECT(is_key(leg(1, 0)->receive, K3) && strcmp(key_said(1), ours) != 0);
	tear_down();
}

/* The side without SRTP enables the media again: the terminal is offered our earlier key, and
 * answers with its own earlier key. */
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

/* For a while the audio is replaced by a fax in the same m-line, by a fax in a second m-line, or by
 * RTP; then it returns. */
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

/* A spent key in an offer: only its m-line is refused. */
static void a_spent_key_is_refused_with_its_line(void)
{
	begin_plain();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1) VIDEO("4010", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	fake_relay.spent_octet = 0x5d; /* the first octet of SPENT */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4010", SPENT)));
	EXPECT(says("m=video 0 RTP/AVP 96\r\n") && says("m=audio 3"));
	EXPECT_TEXT(got.media[1].action, "refuse");
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("0")));
	EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 0)->can_receive && !leg(1, 0)->exists);
	/* The key from before is accepted again. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) VIDEO("4010", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	EXPECT(is_key(leg(1, 0)->receive, K2));
	/* If a second a=crypto line has a usable key, the m-line is accepted. */
	REQUIRE_OK(offer("alice", "bob",
	                 UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" SPENT
	                    "\r\na=crypto:2 " A80 " inline:" K3 "\r\n" VIDEO("4010", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") PLAIN_VIDEO("5010")));
	EXPECT(is_key(leg(0, 0)->receive, K3) && is_key(leg(1, 0)->receive, K2));
	/* If no m-line has a usable key, the offer is refused, and the agreed media continue. */
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
