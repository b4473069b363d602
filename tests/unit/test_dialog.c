/* SPDX-License-Identifier: MIT */
/* Offers and answers of whole calls, with the fake relay: what each side receives, and what the
 * relay is asked to do. */
#include "base/secret.h"
#include "tests/harness/dialog_scene.h"

/* --- calls ------------------------------------------------------------------ */

static void a_secure_caller_reaches_a_plain_callee(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
	EXPECT(says("m=audio 3") && says(" RTP/AVP 0\r\n") && says("c=IN IP4 203.0.113.1\r\n"));
	EXPECT(strstr(got.sdp, "crypto") == NULL);
	REQUIRE(fake_relay.sessions != NULL);
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2AE);
	EXPECT(!leg(0, 0)->can_receive && !leg(0, 0)->can_send && !leg(0, 1)->can_receive &&
	       !leg(0, 1)->can_send);
	EXPECT(leg(0, 0)->receive == NULL && leg(0, 0)->send == NULL);
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(says("RTP/SAVP 0\r\n") && says("a=crypto:7 " A80 " inline:"));
	EXPECT(is_key(leg(0, 0)->receive, K1));
	EXPECT(is_key(leg(0, 0)->send, key_said(0)));
	EXPECT(!is_key(leg(0, 0)->send, K1));
	EXPECT(leg(0, 0)->can_receive && leg(0, 0)->can_send && leg(0, 1)->can_receive &&
	       leg(0, 1)->can_send);
	EXPECT_INT(leg(0, 0)->remote.port, 4000);
	EXPECT_INT(leg(0, 1)->remote.port, 5000);
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	EXPECT_INT(dialogs_count(dialogs), 0);
	EXPECT_ERR(ask(DIALOG_DELETE, "alice", "bob", ""), ERR_NOT_FOUND);
	EXPECT_INT(got.sip_status, 481);
	tear_down();
}

static void a_plain_caller_reaches_a_secure_callee(void)
{
	char text[1024];

	begin();
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("alice", "", CORE AVP("5000")));
	EXPECT(says("RTP/SAVP 0\r\n") && says("a=crypto:1 " A80) &&
	       says("a=crypto:2 AES_CM_128_HMAC_SHA1_32"));
	EXPECT(strcmp(key_said(0), "") != 0);
	/* An answer with a wrong tag, without a key, or without SRTP is refused, and the offer
	 * stays open. */
	EXPECT_ERR(answer("alice", "bob", UE SAVP("4000", K1)), ERR_INVALID);
	EXPECT_INT(got.sip_status, 488);
	EXPECT_ERR(answer("alice", "bob", UE "m=audio 4000 RTP/SAVP 0\r\n"), ERR_INVALID);
	EXPECT_ERR(answer("alice", "bob", UE AVP("4000")), ERR_INVALID);
	EXPECT(leg(0, 0)->receive == NULL && !leg(0, 0)->can_send);
	snprintf(text, sizeof(text),
	         UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K3 "\r\n");
	REQUIRE_OK(answer("alice", "bob", text));
	EXPECT(says("RTP/AVP 0\r\n") && strstr(got.sdp, "crypto") == NULL);
	EXPECT(is_key(leg(0, 0)->receive, K3) && leg(0, 0)->send != NULL);
	EXPECT_INT(leg(0, 0)->remote.port, 4000);
	EXPECT_INT(leg(0, 1)->remote.port, 5000);
	tear_down();
}

static void srtp_on_both_sides_is_terminated_or_passed(void)
{
	begin();
	options.terminate = true;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
	EXPECT(strstr(got.sdp, K1) == NULL);
	REQUIRE_OK(answer("alice", "bob",
	                  CORE "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K3 "\r\n"));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_SRTP_SRTP);
	EXPECT(is_key(leg(0, 0)->receive, K1) && is_key(leg(0, 1)->receive, K3));
	EXPECT(is_key(leg(0, 0)->send, key_said(0)) && leg(0, 1)->send &&
	       !keyctx_same_key(leg(0, 1)->send, leg(0, 0)->send));
	tear_down();
	begin();
	REQUIRE_OK(offer("alice", "",
	                 UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:7 " A80 "  inline:" K1
	                    "|2^20 -x\r\na=odd: x \r\n"));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2E);
	EXPECT(says("a=crypto:7 " A80 "  inline:" K1 "|2^20 -x\r\na=odd: x \r\n"));
	EXPECT_ERR(answer("alice", "bob", CORE "m=audio 5000 RTP/SAVP 0\r\n"), ERR_INVALID);
	REQUIRE_OK(answer("alice", "bob", CORE SAVP("5000", K3)));
	EXPECT(leg(0, 0)->receive == NULL && leg(0, 0)->send == NULL && leg(0, 1)->can_receive);
	EXPECT(says(K3));
	tear_down();
}

static void an_unchanged_context_touches_nothing(void)
{
	unsigned before;
	char first[64];

	begin();
	REQUIRE_OK(call_from_ue());
	snprintf(first, sizeof(first), "%s", key_said(0));
	before = fake_relay.updates;
	/* The first answer opens the gates, which restarts the learning of addresses without a
	 * separate request. */
	EXPECT_INT(fake_relay.reopened, 0);
	/* Another tag, more blanks, or another notation of the lifetime is still the same key
	 * context (U2, U3, U5). */
	REQUIRE_OK(offer("alice", "bob",
	                 UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:9  " A80 "  inline:" K1
	                    "|2^48\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT_INT(fake_relay.updates, before);
	/* An unchanged offer and its answer restart the learning of peer addresses on both legs. */
	EXPECT_INT(fake_relay.reopened, 2);
	EXPECT(says("a=crypto:9 "));
	EXPECT_TEXT(key_said(0), first);
	/* When the callee offers, it sees no keys, and the caller sees our a=crypto line unchanged
	 * (U11). */
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5000")));
	EXPECT_TEXT(key_said(0), first);
	EXPECT(says("RTP/SAVP"));
	REQUIRE_OK(answer("bob", "alice",
	                  UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:9 " A80 " inline:" K1 "\r\n"));
	EXPECT_INT(fake_relay.updates, before);
	EXPECT_INT(fake_relay.reopened, 4);
	/* An offer that changes the callee's port restarts the learning of addresses on both legs,
	 * too. */
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5002")));
	REQUIRE_OK(answer("bob", "alice",
	                  UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:9 " A80 " inline:" K1 "\r\n"));
	EXPECT_INT(fake_relay.updates, before + 1);
	EXPECT_INT(fake_relay.reopened, 6);
	tear_down();
}

/* The latch policy follows the flags of the request. The m-line decides which packets besides RTP
 * may teach a leg its peer's address: STUN, DTLS, or all packets. */
static void latch_flags(void)
{
	char text[512];
	static const char *const dtls =
		"m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 00\r\na=ice-ufrag:x\r\n";
	static const char *const back =
		"m=audio 5000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 01\r\n";

	begin();
	EXPECT_INT(options.latch, RELAY_LATCH_HEURISTIC);
	options.latch_strict = true;
	REQUIRE_OK(call_from_ue());
	EXPECT_INT(leg(0, 0)->latch, RELAY_LATCH_HEURISTIC);
	EXPECT(leg(0, 0)->latch_strict && leg(0, 1)->latch_strict);
	EXPECT_INT(leg(0, 0)->teaches, 0);
	tear_down();
	begin();
	options.transport = SDP_PROFILE_OTHER;
	snprintf(text, sizeof(text), "%s%s", UE, dtls);
	REQUIRE_OK(offer("alice", "", text));
	snprintf(text, sizeof(text), "%s%s", CORE, back);
	REQUIRE_OK(answer("alice", "bob", text));
	EXPECT_INT(fake_relay.sessions->media[0].mode, RELAY_MODE_E2E);
	EXPECT_INT(leg(0, 0)->teaches, RELAY_TEACH_DTLS | RELAY_TEACH_STUN);
	EXPECT_INT(leg(0, 1)->teaches, RELAY_TEACH_DTLS);
	tear_down();
	begin();
	REQUIRE_OK(offer("alice", "", CORE "m=image 4000 udptl t38\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE "m=image 5000 udptl t38\r\n"));
	EXPECT_INT(leg(0, 0)->teaches, RELAY_TEACH_ANY);
	EXPECT_INT(leg(0, 1)->teaches, RELAY_TEACH_ANY);
	tear_down();
}

static void a_new_key_is_accepted_or_refused(void)
{
	char first[64];

	begin();
	REQUIRE_OK(call_from_ue());
	snprintf(first, sizeof(first), "%s", key_said(0));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K2)));
	EXPECT(is_key(leg(0, 0)->receive, K1));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2));
	EXPECT_TEXT(key_said(0), first);
	options.accept_rekey = false;
	EXPECT_ERR(offer("alice", "bob", UE SAVP("4000", K3)), ERR_REKEY);
	EXPECT_INT(got.sip_status, 488);
	EXPECT(is_key(leg(0, 0)->receive, K2));
	/* A new key with a new address is a new stream, not a re-key (U6). */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4444", K3)));
	EXPECT_TEXT(got.media[0].change, "renewed");
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K3));
	EXPECT_INT(leg(0, 0)->remote.port, 4444);
	tear_down();
}

static void hold_keeps_contexts(void)
{
	begin();
	options.gate_by_direction = true;
	REQUIRE_OK(call_from_ue());
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) "a=sendonly\r\n"));
	EXPECT(says("a=sendonly"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "a=recvonly\r\n"));
	EXPECT(leg(0, 0)->can_receive && !leg(0, 0)->can_send && leg(0, 1)->can_send &&
	       !leg(0, 1)->can_receive);
	EXPECT(is_key(leg(0, 0)->receive, K1));
	REQUIRE_OK(offer("alice", "bob", HEAD "c=IN IP4 0.0.0.0\r\nt=0 0\r\n" SAVP("4000", K1)));
	EXPECT(says("c=IN IP4 0.0.0.0"));
	options.replace = DIALOG_REPLACE_ZERO_ADDRESS;
	REQUIRE_OK(offer("alice", "bob", HEAD "c=IN IP4 0.0.0.0\r\nt=0 0\r\n" SAVP("4000", K1)));
	EXPECT(strstr(got.sdp, "0.0.0.0") == NULL && says("a=sendonly\r\n"));
	options.replace = 0;
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT_INT(leg(0, 0)->remote.ip[0], 198);
	EXPECT(!leg(0, 0)->can_send && leg(0, 0)->can_receive && is_key(leg(0, 0)->receive, K1));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(leg(0, 0)->can_receive && leg(0, 0)->can_send && leg(0, 1)->can_send &&
	       leg(0, 1)->can_receive);
	tear_down();
}

static void glare_and_refusal_leave_everything(void)
{
	unsigned before;

	begin();
	REQUIRE_OK(call_from_ue());
	before = fake_relay.updates;
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4444", K2)));
	options.transport = SDP_PROFILE_OTHER;
	EXPECT_ERR(offer("bob", "alice", CORE AVP("5000")), ERR_BUSY);
	EXPECT_INT(got.sip_status, 491);
	REQUIRE_OK(ask(DIALOG_REJECT, "alice", "bob", ""));
	EXPECT_INT(fake_relay.updates, before);
	EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 0)->remote.port == 4000);
	/* If nobody reports the refusal, the next offer of the other side cancels the open
	 * offer. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4444", K2)));
	options.supersede_glare = true;
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5050")));
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1)));
	EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 1)->remote.port == 5050);
	EXPECT_ERR(answer("bob", "alice", UE AVP("4000")), ERR_INVALID);
	EXPECT_ERR(ask(DIALOG_ANSWER, "bob", "alice", "broken"), ERR_SYNTAX);
	tear_down();
}

static void media_come_and_go(void)
{
	char first[64];

	begin();
	REQUIRE_OK(call_from_ue());
	REQUIRE_OK(offer("alice", "bob",
	                 UE SAVP("4000", K1) "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80
	                                     " inline:" K2 "\r\n"));
	EXPECT_TEXT(got.media[1].change, "new");
	EXPECT_INT(fake_relay.sessions->n_media, 2);
	EXPECT(!fake_relay.sessions->media[0].is_video && fake_relay.sessions->media[1].is_video);
	EXPECT(leg(1, 0)->exists && !leg(1, 0)->can_receive);
	REQUIRE_OK(ask(DIALOG_REJECT, "alice", "bob", ""));
	EXPECT(!leg(1, 0)->exists && !leg(1, 1)->exists && leg(0, 0)->exists);
	REQUIRE_OK(offer("alice", "bob",
	                 UE SAVP("4000", K1) "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80
	                                     " inline:" K2 "\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 5010 RTP/AVP 96\r\n"));
	EXPECT(is_key(leg(1, 0)->receive, K2) && leg(1, 1)->remote.port == 5010);
	EXPECT(!fake_relay.sessions->media[0].is_video && fake_relay.sessions->media[1].is_video);
	snprintf(first, sizeof(first), "%s", key_said(1));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) "m=video 0 RTP/SAVP 96\r\n"));
	EXPECT(says("m=video 0 RTP/AVP 96\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 0 RTP/SAVP 96\r\n"));
	EXPECT(!leg(1, 0)->exists && leg(0, 0)->exists);
	/* When the video returns with a new key, our key for it is new, too (U8). */
	REQUIRE_OK(offer("alice", "bob",
	                 UE SAVP("4000", K1) "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80
	                                     " inline:" K3 "\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 5010 RTP/AVP 96\r\n"));
	EXPECT(is_key(leg(1, 0)->receive, K3) && strcmp(first, key_said(1)) != 0);
	tear_down();
}

static void retries_and_forks_see_the_same_keys(void)
{
	char first[64], second[4096];

	begin();
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("alice", "", CORE AVP("5000")));
	snprintf(second, sizeof(second), "%s", got.sdp);
	REQUIRE_OK(offer("alice", "", CORE AVP("5000")));
	EXPECT_TEXT(got.sdp, second);
	EXPECT_INT(fake_relay.creates, 1);
	tear_down();
	begin();
	REQUIRE_OK(call_from_ue());
	snprintf(first, sizeof(first), "%s", key_said(0));
	/* A 200 that repeats the 183 gets the same answer. Another fork gets the same key K_G with
	 * its own address. */
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT_TEXT(key_said(0), first);
	REQUIRE_OK(answer("alice", "carol", CORE AVP("6000")));
	EXPECT_TEXT(key_said(0), first);
	EXPECT_INT(leg(0, 1)->remote.port, 6000);
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 0);
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "carol", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
}

static void branches_have_legs_of_their_own(void)
{
	char first[4096];

	begin();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(ask_branch(DIALOG_OFFER, "z1", "", UE SAVP("4000", K1)));
	snprintf(first, sizeof(first), "%s", got.sdp);
	REQUIRE_OK(ask_branch(DIALOG_OFFER, "z2", "", UE SAVP("4000", K1)));
	EXPECT(strcmp(first, got.sdp) != 0);
	EXPECT(leg(0, 1)->exists && leg(0, 2)->exists);
	REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z2", "carol", CORE AVP("6000")));
	EXPECT_INT(fake_relay.sessions->media[0].active, 2);
	EXPECT_INT(leg(0, 2)->remote.port, 6000);
	REQUIRE_OK(ask_branch(DIALOG_ANSWER, "z1", "bob", CORE AVP("5000")));
	EXPECT_INT(fake_relay.sessions->media[0].active, 1);
	EXPECT_INT(leg(0, 1)->remote.port, 5000);
	EXPECT(is_key(leg(0, 0)->receive, K1));
	tear_down();
}

static void rtcp_mux_is_settled_by_side(void)
{
	static const struct {
		uint8_t mux;
		bool offered, answered, offered_on, near, far;
	} rows[] = {
		{0, true, true, true, true, true},
		{0, true, false, true, false, false},
		{0, false, false, false, false, false},
		{DIALOG_MUX_OFFER, false, true, true, false, true},
		{DIALOG_MUX_DEMUX, true, false, false, true, false},
		{DIALOG_MUX_ACCEPT, true, false, true, true, false},
		{DIALOG_MUX_REJECT, true, true, true, false, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("row %zu", i);
		begin();
		options.mux = rows[i].mux;
		REQUIRE_OK(
			offer("a", "",
		              rows[i].offered ? UE AVP("4000") "a=rtcp-mux\r\n" : UE AVP("4000")));
		EXPECT_INT(strstr(got.sdp, "a=rtcp-mux") != NULL, rows[i].offered_on);
		REQUIRE_OK(answer("a", "b",
		                  rows[i].answered ? CORE AVP("5000") "a=rtcp-mux\r\n"
		                                   : CORE AVP("5000")));
		EXPECT_INT(strstr(got.sdp, "a=rtcp-mux") != NULL, rows[i].near);
		EXPECT_INT(leg(0, 0)->rtcp == RELAY_RTCP_MUX, rows[i].near);
		EXPECT_INT(leg(0, 1)->rtcp == RELAY_RTCP_MUX, rows[i].far);
		tear_down();
	}
	begin();
	options.mux = DIALOG_MUX_REQUIRE;
	REQUIRE_OK(offer("a", "", UE AVP("4000")));
	EXPECT(says("a=rtcp-mux-only"));
	EXPECT_ERR(answer("a", "b", CORE AVP("5000")), ERR_INVALID);
	tear_down();
}

static void ims_rows_are_carried_out(void)
{
	begin();
	options.profile = DIALOG_IMS_UE;
	options.ims.has_binding = true;
	options.accept_rekey = false;
	REQUIRE_OK(offer(
		"ue", "",
		HEAD "c=IN IP6 2001:db8:a::1\r\nt=0 0\r\n" SAVP(
			"49170",
			K1) "a=3ge2ae:requested\r\n"
			    "m=audio 49180 RTP/SAVP 0\r\na=3ge2ae:requested\r\na=crypto:1 " A80
			    " inline:AAAA\r\n"));
	EXPECT_TEXT(got.media[0].row, "O2");
	EXPECT_TEXT(got.media[1].row, "O11");
	EXPECT_TEXT(got.media[1].action, "refuse");
	EXPECT(strstr(got.sdp, "3ge2ae") == NULL && strstr(got.sdp, "crypto") == NULL &&
	       says("m=audio 0 RTP/AVP 0\r\n"));
	options.profile = DIALOG_IMS_CORE;
	REQUIRE_OK(answer("ue", "core",
	                  CORE AVP("31000") "a=3ge2ae:applied\r\nm=audio 0 RTP/SAVP 0\r\n"));
	EXPECT(says("a=3ge2ae:applied\r\n") && says("RTP/SAVP 0\r\n") &&
	       says("c=IN IP6 2001:db8::9\r\n"));
	/* U7: a new key at the same address is refused (TS 33.328 7.4). U12: the UE may offer its
	 * present key again. */
	options.profile = DIALOG_IMS_UE;
	EXPECT_ERR(offer("ue", "core",
	                 HEAD "c=IN IP6 2001:db8:a::1\r\nt=0 0\r\n" SAVP(
				 "49170", K2) "m=audio 0 RTP/SAVP 0\r\n"),
	           ERR_REKEY);
	REQUIRE_OK(offer("ue", "core",
	                 HEAD "c=IN IP6 2001:db8:a::1\r\nt=0 0\r\n" SAVP(
				 "49170", K1) "a=inactive\r\nm=audio 0 RTP/SAVP 0\r\n"));
	REQUIRE_OK(ask(DIALOG_REJECT, "ue", "core", ""));
	/* U13: an offer that would change the mode of a media is refused. */
	EXPECT_ERR(offer("ue", "core",
	                 HEAD "c=IN IP6 2001:db8:a::1\r\nt=0 0\r\n" AVP(
				 "49170") "m=audio 0 RTP/SAVP 0\r\n"),
	           ERR_WRONG_STATE);
	tear_down();
	begin();
	options.profile = DIALOG_IMS_UE;
	EXPECT_ERR(offer("ue", "", UE SAVP("4000", K1) "a=3ge2ae:requested\r\n"), ERR_INVALID);
	EXPECT_INT(got.sip_status, 488);
	EXPECT_INT(dialogs_count(dialogs), 0);
	tear_down();
	begin();
	options.profile = DIALOG_IMS_CORE;
	options.ims.has_binding = true;
	REQUIRE_OK(offer("core", "",
	                 CORE AVP("5000") "a=3ge2ae:requested\r\na=crypto:4 " A80 " inline:" K2
	                                  "\r\n"));
	EXPECT_TEXT(got.media[0].row, "T4");
	EXPECT(says("a=3ge2ae:applied\r\n") && says("RTP/SAVP") && strstr(got.sdp, K2) == NULL);
	tear_down();
}

static void avp_with_keys_and_capabilities(void)
{
	begin();
	options.profile = DIALOG_IMS_UE;
	options.ims.has_binding = true;
	REQUIRE_OK(offer("ue", "",
	                 UE AVP("4000") "a=3ge2ae:requested\r\na=crypto:3 " A80 " inline:" K1
	                                "\r\n"));
	EXPECT_TEXT(got.media[0].row, "O8");
	options.profile = DIALOG_IMS_CORE;
	REQUIRE_OK(answer("ue", "core", CORE AVP("5000")));
	EXPECT(says(" RTP/AVP 0\r\n") && says("a=crypto:3 ") && says("a=3ge2ae:applied"));
	EXPECT(is_key(leg(0, 0)->receive, K1));
	tear_down();
	begin();
	options.profile = DIALOG_IMS_UE;
	options.ims.has_binding = true;
	REQUIRE_OK(offer("ue", "",
	                 UE AVP("4000") "a=tcap:1 RTP/SAVP\r\na=acap:1 crypto:3 " A80 " inline:" K1
	                                "\r\na=pcfg:1 t=1 a=1\r\n"));
	EXPECT_TEXT(got.media[0].row, "O9");
	EXPECT(strstr(got.sdp, "cap:") == NULL && strstr(got.sdp, "pcfg") == NULL);
	options.profile = DIALOG_IMS_CORE;
	REQUIRE_OK(answer("ue", "core", CORE AVP("5000")));
	EXPECT(says(" RTP/SAVP 0\r\n") && says("a=crypto:3 ") && says("a=acfg:1 t=1 a=1\r\n"));
	EXPECT(is_key(leg(0, 0)->receive, K1));
	tear_down();
}

static void others_pass_and_failures_undo(void)
{
	begin();
	REQUIRE_OK(offer("a", "", UE "m=message 9 TCP/MSRP *\r\na=path:x\r\n"));
	EXPECT_INT(fake_relay.creates, 0);
	EXPECT(says("c=IN IP4 198.51.100.1\r\n") && says("a=path:x\r\n"));
	REQUIRE_OK(answer("a", "b", CORE "m=message 9 TCP/MSRP *\r\n"));
	REQUIRE_OK(ask(DIALOG_DELETE, "a", "b", ""));
	EXPECT_ERR(answer("a", "b", CORE AVP("5000")), ERR_NOT_FOUND);
	fake_relay.refuse_at_once = ERR_LIMIT;
	EXPECT_ERR(offer("a", "", UE AVP("4000")), ERR_LIMIT);
	EXPECT_INT(got.sip_status, 503);
	EXPECT_INT(dialogs_count(dialogs), 0);
	REQUIRE_OK(call_from_ue());
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K2)));
	fake_relay.refuse_at_once = ERR_LIMIT;
	EXPECT_ERR(answer("alice", "bob", CORE AVP("5000")), ERR_LIMIT);
	EXPECT(is_key(leg(0, 0)->receive, K1));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2));
	EXPECT_ERR(offer("alice", "bob", UE "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"),
	           ERR_UNSUPPORTED);
	tear_down();
}

static void on_service(void *arg, const struct service_result *r)
{
	(void)r;
	*(bool *)arg = true;
}

static void a_call_ends_with_its_session(void)
{
	bool done = false;

	begin();
	REQUIRE_OK(call_from_ue());
	service_delete(service, STR("call-1"), on_service, &done);
	relay_poll(&fake_relay);
	EXPECT(done);
	EXPECT_INT(dialogs_count(dialogs), 0);
	REQUIRE_OK(call_from_ue());
	tear_down();
}

static void requests_of_a_call_keep_their_order(void)
{
	struct dialog_command o = {.op = DIALOG_OFFER,
	                           .call = STR("call-1"),
	                           .from = STR("a"),
	                           .sdp = STR(UE AVP("4000"))};
	struct dialog_command a = {.op = DIALOG_ANSWER,
	                           .call = STR("call-1"),
	                           .from = STR("a"),
	                           .to = STR("b"),
	                           .sdp = STR(CORE AVP("5000"))};
	struct dialog_command d = {
		.op = DIALOG_DELETE, .call = STR("call-1"), .from = STR("a"), .to = STR("b")};

	begin();
	o.options = a.options = d.options = options;
	got.replies = 0;
	dialog_submit(dialogs, &o, on_reply, NULL);
	dialog_submit(dialogs, &a, on_reply, NULL);
	dialog_submit(dialogs, &d, on_reply, NULL);
	dialog_submit(dialogs, &o, on_reply, NULL);
	EXPECT_INT(got.replies, 0);
	relay_poll(&fake_relay);
	EXPECT_INT(got.replies, 4);
	EXPECT_INT(got.e, ERR_OK);
	EXPECT_INT(fake_relay.creates, 2);
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
}

static enum err whole_call(void)
{
	enum err e = set_up();

	if (e)
		return e;
	got.e = ERR_OK;
	options.transport = SDP_PROFILE_AVP;
	e = offer("alice", "", UE SAVP("4000", K1));
	if (!e)
		e = answer("alice", "bob", CORE AVP("5000"));
	if (!e)
		e = offer("alice", "bob", UE SAVP("4000", K2));
	if (!e) {
		e = ask(DIALOG_DELETE, "alice", "bob", "");
		/* After a failed delete the call still exists, so a second delete must succeed. */
		if (e)
			EXPECT_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	}
	tear_down();
	return e;
}

static void survives_want_of_memory(void)
{
	struct secret_usage before, after;

	dialog_options_defaults(&options);
	secret_get_usage(&before);
	/* The call survives one failed allocation: the one that stores the tag of the answer. */
	test_each_allocation_failing_but(whole_call, 1);
	secret_get_usage(&after);
	EXPECT_INT(after.in_use_bytes, before.in_use_bytes);
}

TEST_MAIN("dialog",
          {"a secure caller reaches a plain callee", a_secure_caller_reaches_a_plain_callee},
          {"a plain caller reaches a secure callee", a_plain_caller_reaches_a_secure_callee},
          {"SRTP on both sides is terminated or passed",
           srtp_on_both_sides_is_terminated_or_passed},
          {"an unchanged context touches nothing", an_unchanged_context_touches_nothing},
          {"latch flags", latch_flags},
          {"a new key is accepted or refused", a_new_key_is_accepted_or_refused},
          {"hold keeps contexts", hold_keeps_contexts},
          {"glare and refusal leave everything", glare_and_refusal_leave_everything},
          {"media come and go", media_come_and_go},
          {"retries and forks see the same keys", retries_and_forks_see_the_same_keys},
          {"branches have legs of their own", branches_have_legs_of_their_own},
          {"rtcp-mux is settled by side", rtcp_mux_is_settled_by_side},
          {"ims rows are carried out", ims_rows_are_carried_out},
          {"avp with keys and capabilities", avp_with_keys_and_capabilities},
          {"others pass and failures undo", others_pass_and_failures_undo},
          {"a call ends with its session", a_call_ends_with_its_session},
          {"requests of a call keep their order", requests_of_a_call_keep_their_order},
          {"survives want of memory", survives_want_of_memory})
