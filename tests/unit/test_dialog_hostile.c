/* SPDX-License-Identifier: MIT */
/* Hostile terminals, cores and proxies: the agreed state of a call stays, and no key is used by
 * both sides. */
#include <unistd.h>

#include "base/secret.h"
#include "tests/harness/dialog_scene.h"

/* Starts a call between alice (SRTP) and bob (RTP). A second offer supersedes the first, as over
 * ng. */
static void begin_call(void)
{
	begin();
	options.supersede_glare = true;
	CHECK(call_from_ue() == ERR_OK);
	options.transport = SDP_PROFILE_OTHER;
}

/* An m-line with SRTP whose crypto tag is 1, the tag in our own offers. */
#define SAVP_1(port, key) "m=audio " port " RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" key "\r\n"

static bool is_as_agreed(void)
{
	return fake_relay.sessions && leg(0, 0)->remote.port == 4000 &&
	       leg(0, 1)->remote.port == 5000 && is_key(leg(0, 0)->receive, K1) &&
	       leg(0, 0)->can_receive && leg(0, 1)->can_send;
}

/* --- tags and Call-IDs ------------------------------------------------------ */

static void a_stranger_with_the_call_id_is_refused(void)
{
	begin();
	options.supersede_glare = true;
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
	/* An INVITE with the same Call-ID but another tag is refused while the call rings and
	 * afterwards. */
	EXPECT_ERR(offer("mallory", "", UE AVP("6666")), ERR_INVALID);
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(is_as_agreed());
	EXPECT_ERR(offer("mallory", "", UE AVP("6666")), ERR_INVALID);
	EXPECT_ERR(offer("mallory", "bob", UE AVP("6666")), ERR_INVALID);
	EXPECT_ERR(answer("mallory", "bob", CORE AVP("6666")), ERR_NOT_FOUND);
	EXPECT_ERR(ask(DIALOG_REJECT, "mallory", "bob", ""), ERR_NOT_FOUND);
	EXPECT_ERR(ask(DIALOG_DELETE, "mallory", "", ""), ERR_NOT_FOUND);
	EXPECT_ERR(ask(DIALOG_DELETE, "mallory", "bob", ""), ERR_NOT_FOUND);
	EXPECT_INT(got.sip_status, 481);
	EXPECT_INT(fake_relay.deletes, 0);
	EXPECT(is_as_agreed());
	/* After these refusals bob can still end the call. */
	REQUIRE_OK(ask(DIALOG_DELETE, "bob", "alice", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
}

static void another_fork_ends_alone(void)
{
	begin_call();
	REQUIRE_OK(answer("alice", "carol", CORE AVP("6000")));
	REQUIRE_OK(ask(DIALOG_DELETE, "bob", "alice", ""));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 0);
	REQUIRE_OK(ask(DIALOG_DELETE, "carol", "alice", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
}

/* Two terminals answered one offer, and the caller ends the second dialog: the first one
 * continues. */
static void the_call_returns_to_the_fork_that_still_talks(void)
{
	begin_call();
	REQUIRE_OK(answer("alice", "carol", CORE AVP("6000")));
	EXPECT_INT(leg(0, 1)->remote.port, 6000);
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "carol", ""));
	EXPECT_INT(fake_relay.deletes, 0);
	EXPECT(is_as_agreed());
	/* The first dialog is active again, also for the next offer. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4004", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT_INT(leg(0, 0)->remote.port, 4004);
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
	/* The first dialog also continues if carol ends the second one, with alice's tag or without
	 * it. */
	for (unsigned i = 0; i < 2; i++) {
		begin_call();
		REQUIRE_OK(answer("alice", "carol", CORE AVP("6000")));
		REQUIRE_OK(ask(DIALOG_DELETE, "carol", i ? "" : "alice", ""));
		EXPECT_INT(fake_relay.deletes, 0);
		EXPECT(is_as_agreed());
		tear_down();
	}
}

static void each_fork_has_its_key(void)
{
	begin();
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("alice", "", CORE AVP("5000")));
	REQUIRE_OK(answer("alice", "bob", UE SAVP_1("4000", K1)));
	REQUIRE_OK(answer("alice", "carol", UE SAVP_1("4100", K2)));
	REQUIRE_OK(answer("alice", "dave", UE SAVP_1("4200", K3)));
	EXPECT(is_key(leg(0, 0)->receive, K3));
	/* Carol's fork is inactive, so its end changes nothing. Dave's fork is active: when it
	 * ends, bob's fork becomes active. */
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "carol", ""));
	EXPECT(is_key(leg(0, 0)->receive, K3));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "dave", ""));
	EXPECT(is_key(leg(0, 0)->receive, K1));
	EXPECT_INT(leg(0, 0)->remote.port, 4000);
	EXPECT_INT(fake_relay.deletes, 0);
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
}

/* The call ends with its active fork if an offer came after the forks, or if the other forks are
 * too old. */
static void an_old_fork_is_forgotten(void)
{
	begin_call();
	REQUIRE_OK(answer("alice", "carol", CORE AVP("6000")));
	REQUIRE_OK(offer("alice", "carol", UE SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "carol", CORE AVP("6000")));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "carol", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
	begin_call();
	for (unsigned i = 0; i < 10; i++) {
		char tag[8];

		snprintf(tag, sizeof(tag), "fork%u", i);
		REQUIRE_OK(answer("alice", tag, CORE AVP("6000")));
	}
	/* Besides the active fork the call remembers the last four. When these five have ended, the
	 * call ends. */
	for (unsigned i = 10; i-- > 5;) {
		char tag[8];

		EXPECT_INT(fake_relay.deletes, 0);
		snprintf(tag, sizeof(tag), "fork%u", i);
		REQUIRE_OK(ask(DIALOG_DELETE, "alice", tag, ""));
	}
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
}

/* Some proxies send a delete without tags, or with the callee's tag only: it ends the call. */
static void a_delete_with_few_tags(void)
{
	begin_call();
	REQUIRE_OK(ask(DIALOG_DELETE, "", "bob", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
	begin_call();
	REQUIRE_OK(ask(DIALOG_DELETE, "", "", ""));
	EXPECT_INT(fake_relay.deletes, 1);
	tear_down();
}

/* The callee's tag in the 200 differs from the tag in the 183, and the callee sends offers under
 * both. */
static void tags_of_the_callee_may_change(void)
{
	begin_call();
	REQUIRE_OK(answer("alice", "bob2", CORE AVP("5000")));
	REQUIRE_OK(offer("bob2", "alice", CORE AVP("5050")));
	REQUIRE_OK(answer("bob2", "alice", UE SAVP("4000", K1)));
	EXPECT_INT(leg(0, 1)->remote.port, 5050);
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5060")));
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1)));
	EXPECT_INT(leg(0, 1)->remote.port, 5060);
	tear_down();
}

/* --- glare ------------------------------------------------------------------ */

static void media_of_a_superseded_offer_are_removed(void)
{
	begin_call();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "bob",
	                 UE SAVP("4000", K1) "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80
	                                     " inline:" K2 "\r\n"));
	EXPECT(leg(1, 0)->exists);
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5050")));
	EXPECT(fake_relay.sessions->n_media < 2 || !leg(1, 0)->exists);
	REQUIRE_OK(answer("bob", "alice", UE SAVP("4000", K1)));
	EXPECT_INT(leg(0, 1)->remote.port, 5050);
	tear_down();
}

static void an_offer_that_fails_supersedes_nothing(void)
{
	begin_call();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4444", K2)));
	EXPECT_ERR(offer("bob", "alice", "broken"), ERR_SYNTAX);
	EXPECT_ERR(offer("bob", "alice", CORE "m=audio 5000 UDP/TLS/RTP/SAVPF 0\r\n"),
	           ERR_UNSUPPORTED);
	options.supersede_glare = false;
	EXPECT_ERR(offer("bob", "alice", CORE AVP("5000")), ERR_BUSY);
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2) && leg(0, 0)->remote.port == 4444);
	tear_down();
}

/* --- keys ------------------------------------------------------------------- */

static void our_own_key_is_refused_from_a_peer(void)
{
	char ours[48], text[1024];

	begin_call();
	snprintf(ours, sizeof(ours), "%s", key_said(0));
	/* A re-INVITE with our own key is refused, whether the address is the same or another. */
	for (unsigned port = 4000; port <= 4444; port += 444) {
		snprintf(text, sizeof(text),
		         UE "m=audio %u RTP/SAVP 0\r\na=crypto:1 " A80 " inline:%s\r\n", port,
		         ours);
		options.transport = SDP_PROFILE_AVP;
		EXPECT_ERR(offer("alice", "bob", text), ERR_INVALID);
		EXPECT_INT(got.sip_status, 488);
	}
	/* An a=crypto line with our own key is skipped if another line has a usable key. */
	snprintf(text, sizeof(text),
	         UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:%s\r\na=crypto:2 " A80
	            " inline:" K2 "\r\n",
	         ours);
	REQUIRE_OK(offer("alice", "bob", text));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2) && says("a=crypto:2 "));
	/* An answer with our own key is refused. */
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5000")));
	snprintf(text, sizeof(text),
	         UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:2 " A80 " inline:%s\r\n", ours);
	EXPECT_ERR(answer("bob", "alice", text), ERR_INVALID);
	EXPECT(is_key(leg(0, 0)->receive, K2));
	tear_down();
}

static void a_key_in_use_takes_no_other_parameters(void)
{
	static const char *const params[] = {"|2^20", "|1:4", "|2^20|7:1"};
	char text[1024];

	begin_call();
	options.transport = SDP_PROFILE_AVP;
	for (size_t i = 0; i < ARRAY_LEN(params); i++) {
		test_context("%s", params[i]);
		snprintf(text, sizeof(text),
		         UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K1 "%s\r\n",
		         params[i]);
		EXPECT_ERR(offer("alice", "bob", text), ERR_REKEY);
		EXPECT_INT(got.sip_status, 488);
		EXPECT(is_as_agreed());
	}
	/* Two suites that differ only in the length of the tag have the same keystream, so the key
	 * may not move from one to the other. */
	EXPECT_ERR(offer("alice", "bob",
	                 UE
	                 "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:" K1
	                 "\r\n"),
	           ERR_REKEY);
	EXPECT(is_as_agreed());
	tear_down();
}

/* Keys in potential configurations (RFC 5939) obey the same rules as keys in a=crypto lines. */
static void a_potential_configuration_is_checked_alike(void)
{
	static const char *const capable =
		UE "m=audio 4000 RTP/AVP 0\r\na=tcap:1 RTP/SAVP\r\na=acap:1 crypto:3 " A80
		   " inline:%s\r\na=pcfg:1 t=1 a=1\r\n";
	char text[1024], ours[48];

	begin();
	options.profile = DIALOG_IMS_UE;
	options.ims.has_binding = true;
	options.accept_rekey = false;
	snprintf(text, sizeof(text), capable, K1);
	REQUIRE_OK(offer("alice", "", text));
	options.profile = DIALOG_IMS_CORE;
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	snprintf(ours, sizeof(ours), "%s", key_said(0));
	options.profile = DIALOG_IMS_UE;
	REQUIRE_OK(offer("alice", "bob", text));
	EXPECT_TEXT(got.media[0].change, "none");
	snprintf(text, sizeof(text), capable, K2);
	EXPECT_ERR(offer("alice", "bob", text), ERR_REKEY);
	snprintf(text, sizeof(text), capable, ours);
	EXPECT_ERR(offer("alice", "bob", text), ERR_INVALID);
	EXPECT(is_key(leg(0, 0)->receive, K1));
	tear_down();
}

static void mki_and_lifetime_stay_with_their_key(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "",
	                 UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K1
	                    "|2^20|258:3\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT_INT(leg(0, 0)->receive->mki_len, 3);
	EXPECT_OCTETS(leg(0, 0)->receive->mki, 3, "\0\1\2", 3);
	EXPECT_INT(leg(0, 0)->receive->lifetime_pkts, 1 << 20);
	/* The same lifetime in another notation is not a change. */
	REQUIRE_OK(offer("alice", "bob",
	                 UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:2 " A80 " inline:" K1
	                    "|1048576|258:3\r\n"));
	EXPECT_TEXT(got.media[0].change, "none");
	tear_down();
}

/* --- unusual offers and answers --------------------------------------------- */

static void an_offer_without_invite_sdp(void)
{
	begin();
	/* The callee offers in the 200 and the caller answers in the ACK. From-tag and to-tag are
	 * as seen by the side that offers. */
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("bob", "alice", CORE AVP("5000")));
	EXPECT(says("a=crypto:1 "));
	REQUIRE_OK(answer("bob", "alice",
	                  UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K1 "\r\n"));
	EXPECT(is_key(leg(0, 0)->receive, K1) && leg(0, 1)->remote.port == 5000);
	/* Then the caller sends a re-INVITE with the same key. */
	options.transport = SDP_PROFILE_OTHER;
	REQUIRE_OK(offer("alice", "bob",
	                 UE "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 " A80 " inline:" K1
	                    "\r\na=sendonly\r\n"));
	EXPECT_TEXT(got.media[0].change, "none");
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	tear_down();
}

static void an_update_in_early_media(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4002", K2)));
	EXPECT_TEXT(got.media[0].change, "renewed");
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	/* After the update the 200 repeats the answer of the 183: it changes nothing. */
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2) && leg(0, 0)->remote.port == 4002);
	tear_down();
}

static void media_change_places(void)
{
	begin_call();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "bob",
	                 UE SAVP("4000", K1) "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80
	                                     " inline:" K2 "\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000") "m=video 5010 RTP/AVP 96\r\n"));
	/* The two m-lines change places, each with its port and key. Each place now has another
	 * media, which counts as new. */
	REQUIRE_OK(offer("alice", "bob",
	                 UE "m=video 4010 RTP/SAVP 96\r\na=crypto:1 " A80 " inline:" K2
	                    "\r\n" SAVP("4000", K1)));
	EXPECT_TEXT(got.media[0].change, "renewed");
	REQUIRE_OK(answer("alice", "bob", CORE "m=video 5010 RTP/AVP 96\r\n" AVP("5000")));
	EXPECT(is_key(leg(0, 0)->receive, K2) && is_key(leg(1, 0)->receive, K1));
	EXPECT(leg(0, 0)->remote.port == 4010 && leg(1, 1)->remote.port == 5000);
	tear_down();
}

static void port_zero_at_the_start_and_at_the_end(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	REQUIRE_OK(offer("alice", "", UE "m=audio 0 RTP/SAVP 0\r\n"));
	EXPECT_INT(fake_relay.creates, 0);
	REQUIRE_OK(answer("alice", "bob", CORE "m=audio 0 RTP/AVP 0\r\n"));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(is_as_agreed());
	/* The core disables the m-line with port 0 in a later answer. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE "m=audio 0 RTP/AVP 0\r\n"));
	EXPECT(says("m=audio 0 RTP/SAVP 0\r\n"));
	EXPECT(!leg(0, 0)->exists && !leg(0, 1)->exists);
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	tear_down();
}

static void a_bundle_is_broken_up(void)
{
	static const char *const bundle =
		HEAD "c=IN IP4 192.0.2.77\r\nt=0 0\r\na=group:BUNDLE 1 2\r\na=group:LS 1 2\r\n"
		     "m=audio 5000 RTP/AVP 0\r\na=mid:1\r\na=rtcp-mux\r\n"
		     "m=video 5000 RTP/AVP 96\r\na=mid:2\r\na=bundle-only\r\na=rtcp-mux\r\n";
	unsigned a, v;
	const char *at;

	begin();
	REQUIRE_OK(offer("alice", "", bundle));
	EXPECT(strstr(got.sdp, "BUNDLE") == NULL && strstr(got.sdp, "bundle-only") == NULL &&
	       says("a=group:LS 1 2\r\n"));
	at = strstr(got.sdp, "m=audio ");
	REQUIRE(at && sscanf(at, "m=audio %u", &a) == 1);
	at = strstr(got.sdp, "m=video ");
	REQUIRE(at && sscanf(at, "m=video %u", &v) == 1);
	EXPECT(a != v);
	tear_down();
}

static void a_huge_description_is_refused(void)
{
	static char text[200000];
	size_t n = (size_t)snprintf(text, sizeof(text), UE AVP("4000"));

	begin();
	while (n < sizeof(text) - 64)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		                      "a=x-%zu:0123456789012345678901234567890\r\n", n);
	EXPECT_ERR(offer("alice", "", text), ERR_TOO_BIG);
	EXPECT_INT(got.sip_status, 488);
	n = (size_t)snprintf(text, sizeof(text), UE);
	for (unsigned i = 0; i < 200; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, AVP("4000"));
	EXPECT(offer("alice", "", text) != ERR_OK);
	EXPECT_INT(dialogs_count(dialogs), 0);
	EXPECT_INT(fake_relay.creates, 0);
	tear_down();
}

static void ipv6_on_one_side(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	options.family = 4;
	REQUIRE_OK(offer("alice", "", HEAD "c=IN IP6 2001:db8::1\r\nt=0 0\r\n" SAVP("4000", K1)));
	EXPECT(says("c=IN IP4 203.0.113.1\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(says("c=IN IP6 2001:db8::9\r\n"));
	EXPECT_INT(leg(0, 0)->interface, 1);
	EXPECT_INT(leg(0, 1)->interface, 0);
	/* The terminal moves to IPv4 (a handover), so our address for it must be IPv4, too. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K2)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(says("c=IN IP4 203.0.113.1\r\n"));
	EXPECT_INT(leg(0, 0)->interface, 0);
	EXPECT_INT(leg(0, 0)->remote.version, 4);
	EXPECT(is_key(leg(0, 0)->receive, K2));
	tear_down();
}

/* --- Call-IDs in the log ---------------------------------------------------- */

/* Calls `fn` and copies what it writes to standard error to `out`. */
static void read_log(void (*fn)(void), char *out, size_t room)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);

	CHECK(file && saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
	fn();
	fflush(stderr);
	CHECK(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	out[fread(out, 1, room - 1, file)] = '\0';
	fclose(file);
}

static void offer_with_a_line_break_in_its_call_id(void)
{
	struct dialog_command c = {.op = DIALOG_OFFER,
	                           .call = STR("x\nlevel=error mod=conf msg=\"forged\""),
	                           .from = STR("alice"),
	                           .sdp = STR(UE SAVP("4000", K1) "m=message 9 TCP/MSRP *\r\n"),
	                           .options = options};

	dialog_submit(dialogs, &c, on_reply, NULL);
	relay_poll(&fake_relay);
}

static void a_call_id_forges_no_log_line(void)
{
	char log[2000];

	begin();
	options.transport = SDP_PROFILE_AVP;
	read_log(offer_with_a_line_break_in_its_call_id, log, sizeof(log));
	REQUIRE_OK(got.e);
	EXPECT(strstr(log, "some m-lines are not relayed") != NULL);
	EXPECT(strstr(log, "session=\"x\\nlevel=error mod=conf msg=\\\"forged\\\"\" ") != NULL);
	tear_down();
}

TEST_MAIN("dialog-hostile",
          {"a stranger with the call-id is refused", a_stranger_with_the_call_id_is_refused},
          {"another fork ends alone", another_fork_ends_alone},
          {"the call returns to the fork that still talks",
           the_call_returns_to_the_fork_that_still_talks},
          {"each fork has its key", each_fork_has_its_key},
          {"an old fork is forgotten", an_old_fork_is_forgotten},
          {"a delete with few tags", a_delete_with_few_tags},
          {"tags of the callee may change", tags_of_the_callee_may_change},
          {"media of a superseded offer are removed", media_of_a_superseded_offer_are_removed},
          {"an offer that fails supersedes nothing", an_offer_that_fails_supersedes_nothing},
          {"our own key is refused from a peer", our_own_key_is_refused_from_a_peer},
          {"a key in use takes no other parameters", a_key_in_use_takes_no_other_parameters},
          {"a potential configuration is checked alike",
           a_potential_configuration_is_checked_alike},
          {"mki and lifetime stay with their key", mki_and_lifetime_stay_with_their_key},
          {"an offer without INVITE SDP", an_offer_without_invite_sdp},
          {"an update in early media", an_update_in_early_media},
          {"media change places", media_change_places},
          {"port zero at the start and at the end", port_zero_at_the_start_and_at_the_end},
          {"a bundle is broken up", a_bundle_is_broken_up},
          {"a huge description is refused", a_huge_description_is_refused},
          {"IPv6 on one side", ipv6_on_one_side},
          {"a Call-ID forges no log line", a_call_id_forges_no_log_line})
