/* SPDX-License-Identifier: MIT */
/* Rows U1 to U13 of the session updates under the IMS access profile, with SDES and with
 * a=key-mgmt, and row T5. */
#include "tests/harness/dialog_scene.h"

#define REQUESTED           "a=3ge2ae:requested\r\n"
#define MIKEY1              "a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ6gAA\r\n"
#define MIKEY2              "a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ6gAB\r\n"
#define OPAQUE(port, mikey) "m=audio " port " RTP/SAVP 0\r\n" mikey

static char our_key[48];
static unsigned updates_before;

static enum err from_ue(enum dialog_op op, const char *sdp)
{
	options.profile = DIALOG_IMS_UE;
	return op == DIALOG_OFFER ? offer("ue", "core", sdp) : answer("core", "ue", sdp);
}

static enum err from_core(enum dialog_op op, const char *sdp)
{
	options.profile = DIALOG_IMS_CORE;
	return op == DIALOG_OFFER ? offer("core", "ue", sdp) : answer("ue", "core", sdp);
}

/* Agrees on e2ae between the UE at port 4000 and the core at port 5000. */
static void begin_e2ae(void)
{
	begin();
	options.ims.has_binding = true;
	options.accept_rekey = false;
	options.gate_by_direction = true;
	CHECK(from_ue(DIALOG_OFFER, UE SAVP("4000", K1) REQUESTED) == ERR_OK);
	CHECK(from_core(DIALOG_ANSWER, CORE AVP("5000")) == ERR_OK);
	snprintf(our_key, sizeof(our_key), "%s", key_said(0));
	updates_before = fake_relay.updates;
}

static void begin_kms(void)
{
	begin();
	CHECK(from_ue(DIALOG_OFFER, UE OPAQUE("4000", MIKEY1)) == ERR_OK);
	CHECK(from_core(DIALOG_ANSWER, CORE OPAQUE("5000", MIKEY2)) == ERR_OK);
	updates_before = fake_relay.updates;
}

static bool is_untouched(void)
{
	return is_key(leg(0, 0)->receive, K1) && is_key(leg(0, 0)->send, our_key) &&
	       leg(0, 0)->remote.port == 4000 && leg(0, 1)->remote.port == 5000;
}

static void u1_a_new_context_is_brought_along(void)
{
	begin_e2ae();
	options.accept_rekey = true;
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE SAVP("4000", K2)));
	EXPECT_TEXT(got.media[0].change, "rekeyed");
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2));
	tear_down();
}

static void u2_the_context_sent_before_is_sent_again(void)
{
	begin_e2ae();
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE SAVP("4000", K1)));
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE AVP("5000")));
	EXPECT_TEXT(key_said(0), our_key);
	REQUIRE_OK(from_core(DIALOG_OFFER, CORE AVP("5000")));
	EXPECT_TEXT(key_said(0), our_key);
	tear_down();
}

static void u3_an_unchanged_context_restarts_nothing(void)
{
	begin_e2ae();
	/* The offer has the same key with another tag, more blanks, another notation of the
	 * lifetime, and an unknown parameter that may be ignored. */
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:12  " A80
	                                    "   inline:" K1 "|281474976710656 -x\r\n"));
	EXPECT_TEXT(got.media[0].change, "none");
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE AVP("5000")));
	EXPECT_INT(fake_relay.updates, updates_before);
	EXPECT(is_untouched());
	tear_down();
}

static void u4_e2ae_takes_no_new_context(void)
{
	begin_e2ae();
	EXPECT_ERR(from_ue(DIALOG_OFFER, UE SAVP("4000", K2)), ERR_REKEY);
	EXPECT_INT(got.sip_status, 488);
	EXPECT_INT(fake_relay.updates, updates_before);
	EXPECT(is_untouched());
	tear_down();
}

static void u5_hold_changes_gates_alone(void)
{
	static const struct {
		const char *offered, *answered;
		bool from_ue, to_ue;
	} rows[] = {
		{"a=sendonly\r\n", "a=recvonly\r\n", true, false},
		{"a=recvonly\r\n", "a=sendonly\r\n", false, true},
		{"a=inactive\r\n", "a=inactive\r\n", false, false},
		{"a=sendrecv\r\n", "", true, true},
	};
	char sdp[512], other[512];

	begin_e2ae();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("row %zu", i);
		snprintf(sdp, sizeof(sdp), UE SAVP("4000", K1) "%s", rows[i].offered);
		snprintf(other, sizeof(other), CORE AVP("5000") "%s", rows[i].answered);
		REQUIRE_OK(from_ue(DIALOG_OFFER, sdp));
		EXPECT_TEXT(got.media[0].change, "none");
		REQUIRE_OK(from_core(DIALOG_ANSWER, other));
		EXPECT_TEXT(key_said(0), our_key);
		EXPECT_INT(leg(0, 0)->can_receive, rows[i].from_ue);
		EXPECT_INT(leg(0, 0)->can_send, rows[i].to_ue);
		EXPECT(is_untouched());
	}
	tear_down();
}

static void u5_the_same_mikey_message_changes_nothing(void)
{
	begin_kms();
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE OPAQUE("4000", MIKEY1)));
	EXPECT_TEXT(got.media[0].change, "none");
	EXPECT(says(MIKEY1));
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE OPAQUE("5000", MIKEY2)));
	EXPECT(says(MIKEY2));
	EXPECT_INT(fake_relay.updates, updates_before);
	tear_down();
}

static void u6_a_new_key_with_a_new_address(void)
{
	begin_e2ae();
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE SAVP("4444", K2)));
	EXPECT_TEXT(got.media[0].change, "renewed");
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2) && leg(0, 0)->remote.port == 4444);
	/* The address that we gave the UE is unchanged, and so is our key (RFC 4568 7.1.4). */
	EXPECT_TEXT(key_said(0), our_key);
	EXPECT(is_key(leg(0, 0)->send, our_key));
	tear_down();
}

static void u7_a_new_key_at_the_same_address(void)
{
	begin_e2ae();
	EXPECT_ERR(from_ue(DIALOG_OFFER, UE SAVP("4000", K2)), ERR_REKEY);
	/* A new key in an answer of the UE is refused, too. */
	REQUIRE_OK(from_core(DIALOG_OFFER, CORE AVP("5000")));
	EXPECT_ERR(from_ue(DIALOG_ANSWER, UE SAVP("4000", K2)), ERR_REKEY);
	REQUIRE_OK(from_ue(DIALOG_ANSWER, UE SAVP("4000", K1)));
	EXPECT(is_untouched());
	tear_down();
	/* A new MIKEY message concerns only the terminals: it passes, and the relay is not
	 * updated. */
	begin_kms();
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE OPAQUE("4000", MIKEY2)));
	EXPECT(says(MIKEY2));
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE OPAQUE("5000", MIKEY1)));
	EXPECT_INT(fake_relay.updates, updates_before);
	tear_down();
}

static void u8_a_stream_that_comes_back_is_a_new_one(void)
{
	begin_e2ae();
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE "m=audio 0 RTP/SAVP 0\r\n"));
	EXPECT_TEXT(got.media[0].change, "gone");
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE "m=audio 0 RTP/AVP 0\r\n"));
	EXPECT(!leg(0, 0)->exists);
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE SAVP("4000", K2) REQUESTED));
	EXPECT_TEXT(got.media[0].change, "new");
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2) && strcmp(key_said(0), our_key) != 0);
	tear_down();
}

static void u9_a_new_line_leaves_the_others_alone(void)
{
	begin_e2ae();
	REQUIRE_OK(from_ue(DIALOG_OFFER,
	                   UE SAVP("4000", K1) "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80
	                                       " inline:" K2 "\r\n" REQUESTED));
	EXPECT_TEXT(got.media[0].change, "none");
	EXPECT_TEXT(got.media[1].change, "new");
	EXPECT_TEXT(got.media[1].row, "O2");
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE AVP("5000") "m=video 5010 RTP/AVP 96\r\n"));
	EXPECT(is_untouched() && is_key(leg(1, 0)->receive, K2));
	EXPECT_TEXT(key_said(0), our_key);
	EXPECT(strcmp(key_said(1), our_key) != 0);
	tear_down();
}

static void u10_glare_and_refusal_leave_the_old_state(void)
{
	begin_e2ae();
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE SAVP("4444", K2)));
	EXPECT_ERR(from_core(DIALOG_OFFER, CORE AVP("5050")), ERR_BUSY);
	EXPECT_INT(got.sip_status, 491);
	REQUIRE_OK(ask(DIALOG_REJECT, "ue", "core", ""));
	EXPECT_INT(fake_relay.updates, updates_before);
	EXPECT(is_untouched());
	tear_down();
}

static void u11_the_core_moves(void)
{
	begin_e2ae();
	REQUIRE_OK(from_core(DIALOG_OFFER, HEAD "c=IN IP4 192.0.2.99\r\nt=0 0\r\n" AVP("7000")));
	EXPECT_TEXT(got.media[0].change, "moved");
	EXPECT_TEXT(key_said(0), our_key);
	EXPECT(says("a=3ge2ae:applied\r\n"));
	REQUIRE_OK(from_ue(DIALOG_ANSWER, UE SAVP("4000", K1)));
	EXPECT(is_key(leg(0, 0)->send, our_key) && is_key(leg(0, 0)->receive, K1));
	EXPECT_INT(leg(0, 1)->remote.port, 7000);
	tear_down();
}

static void u12_an_update_without_sdp(void)
{
	begin_e2ae();
	/* The core has sent a re-INVITE without SDP, so the UE offers in its 200, with its present
	 * key. */
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE SAVP("4000", K1) REQUESTED));
	EXPECT_TEXT(got.media[0].change, "none");
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE AVP("5000")));
	EXPECT_TEXT(key_said(0), our_key);
	EXPECT_INT(fake_relay.updates, updates_before);
	EXPECT_ERR(from_ue(DIALOG_OFFER, UE SAVP("4000", K2) REQUESTED), ERR_REKEY);
	EXPECT(is_untouched());
	tear_down();
}

static void u13_another_mode_is_refused(void)
{
	begin_e2ae();
	EXPECT_ERR(from_ue(DIALOG_OFFER, UE AVP("4000")), ERR_WRONG_STATE);
	EXPECT_INT(got.sip_status, 488);
	EXPECT(is_untouched());
	/* With allow_mode_switch an offer without a=3ge2ae changes the mode to e2e. */
	options.allow_mode_switch = true;
	REQUIRE_OK(from_ue(DIALOG_OFFER, UE SAVP("4000", K2)));
	EXPECT_TEXT(got.media[0].change, "switched");
	EXPECT_TEXT(got.media[0].row, "O4");
	EXPECT_INT(got.media[0].mode, RELAY_MODE_E2E);
	tear_down();
	begin_kms();
	options.ims.has_binding = true;
	EXPECT_ERR(from_ue(DIALOG_OFFER, UE SAVP("4000", K1) REQUESTED), ERR_INVALID);
	tear_down();
}

static void t5_an_invite_without_sdp(void)
{
	begin();
	options.ims.has_binding = true;
	/* The UE is called, and it offers in its 200: the rows for offers of the UE apply. */
	options.profile = DIALOG_IMS_UE;
	REQUIRE_OK(offer("ue", "core", UE SAVP("4000", K1) REQUESTED));
	EXPECT_TEXT(got.media[0].row, "O2");
	EXPECT(strstr(got.sdp, "crypto") == NULL && strstr(got.sdp, "3ge2ae") == NULL);
	REQUIRE_OK(from_core(DIALOG_ANSWER, CORE AVP("5000")));
	EXPECT(says("a=3ge2ae:applied\r\n") && says("a=crypto:7 "));
	EXPECT(is_key(leg(0, 0)->receive, K1));
	tear_down();
}

TEST_MAIN("dialog-updates",
          {"U1 a new context is brought along", u1_a_new_context_is_brought_along},
          {"U2 the context sent before is sent again", u2_the_context_sent_before_is_sent_again},
          {"U3 an unchanged context restarts nothing", u3_an_unchanged_context_restarts_nothing},
          {"U4 e2ae takes no new context", u4_e2ae_takes_no_new_context},
          {"U5 hold changes gates alone", u5_hold_changes_gates_alone},
          {"U5 the same MIKEY message changes nothing", u5_the_same_mikey_message_changes_nothing},
          {"U6 a new key with a new address", u6_a_new_key_with_a_new_address},
          {"U7 a new key at the same address", u7_a_new_key_at_the_same_address},
          {"U8 a stream that comes back is a new one", u8_a_stream_that_comes_back_is_a_new_one},
          {"U9 a new line leaves the others alone", u9_a_new_line_leaves_the_others_alone},
          {"U10 glare and refusal leave the old state", u10_glare_and_refusal_leave_the_old_state},
          {"U11 the core moves", u11_the_core_moves},
          {"U12 an update without SDP", u12_an_update_without_sdp},
          {"U13 another mode is refused", u13_another_mode_is_refused},
          {"T5 an INVITE without SDP", t5_an_invite_without_sdp})
