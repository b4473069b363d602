/* SPDX-License-Identifier: MIT */
/* Addresses in descriptions are checked at offer and answer. A description that this gateway has
 * written passes unchanged. */
#include "control/session/targets.h"
#include "tests/harness/dialog_scene.h"

#define AT(ip, port) HEAD "c=IN IP4 " ip "\r\nt=0 0\r\n" AVP(port)

static void expect_refused(enum err e, const char *address, const char *reason)
{
	EXPECT_INT(e, ERR_DENIED);
	EXPECT_INT(got.sip_status, 488);
	test_context("%s", got.why);
	EXPECT(strstr(got.why, address) && strstr(got.why, reason));
}

/* A bad target is refused from either side, in the first offer and during a call: in c=, in a=rtcp,
 * as the RTCP port above, or as received-from. */
static void targets_are_checked(void)
{
	struct addr ng = {.version = 4, .ip = {203, 0, 113, 1}, .port = 2223};
	unsigned before;

	begin();
	EXPECT_OK(targets_add_listener(service_targets(service), &ng));
	expect_refused(offer("alice", "", AT("203.0.113.1", "2223")), "203.0.113.1:2223",
	               "listener");
	expect_refused(offer("alice", "", AT("203.0.113.1", "2222")), "203.0.113.1:2223",
	               "listener");
	expect_refused(
		offer("alice", "", AT("198.51.100.1", "4000") "a=rtcp:2223 IN IP4 203.0.113.1\r\n"),
		"203.0.113.1:2223", "listener");
	expect_refused(offer("alice", "", AT("127.0.0.1", "4000")), "127.0.0.1:4000", "loopback");
	EXPECT_INT(offer("alice", "", AT("239.1.1.1", "4000")), ERR_UNSUPPORTED);
	EXPECT(strstr(got.why, "239.1.1.1") && strstr(got.why, "multicast"));
	EXPECT_INT(fake_relay.creates, 0);
	EXPECT_INT(dialogs_count(dialogs), 0);
	options.received_from = (struct addr){.version = 4, .ip = {127, 0, 0, 1}};
	expect_refused(offer("alice", "", AT("198.51.100.1", "4000")), "127.0.0.1:4000",
	               "loopback");
	options.received_from = (struct addr){0};
	EXPECT_OK(offer("alice", "", AT("198.51.100.1", "4000")));
	before = fake_relay.updates;
	expect_refused(answer("alice", "bob", AT("203.0.113.1", "2223")), "203.0.113.1:2223",
	               "listener");
	expect_refused(answer("alice", "bob",
	                      AT("198.51.100.2", "5000") "a=rtcp:2223 IN IP4 203.0.113.1\r\n"),
	               "203.0.113.1:2223", "listener");
	EXPECT_INT(fake_relay.updates, before);
	/* After the refused answers a good answer is accepted. */
	EXPECT_OK(answer("alice", "bob", AT("198.51.100.2", "5000")));
	/* During a call an offer with a bad target is refused from either side, and the agreed
	 * state stays. */
	before = fake_relay.updates;
	expect_refused(offer("alice", "bob", AT("203.0.113.1", "2223")), "203.0.113.1:2223",
	               "listener");
	expect_refused(offer("bob", "alice", AT("127.0.0.1", "4000")), "127.0.0.1:4000",
	               "loopback");
	expect_refused(offer("bob", "alice",
	                     AT("198.51.100.2", "5000") "a=rtcp:2223 IN IP4 203.0.113.1\r\n"),
	               "203.0.113.1:2223", "listener");
	EXPECT_INT(fake_relay.updates, before);
	EXPECT(leg(0, 0)->remote.port == 4000 && leg(0, 1)->remote.port == 5000);
	/* With rtcp-mux the gateway sends nothing to port 2223, so the offer is accepted. */
	EXPECT_OK(offer("alice", "bob", AT("203.0.113.1", "2222") "a=rtcp-mux\r\n"));
	/* A hold with 0.0.0.0 names no target, so the offer is accepted. */
	EXPECT_OK(offer("alice", "bob", AT("0.0.0.0", "4000")));
	tear_down();
}

/* With the flag loop-protect a description with our own a=rtpengine mark passes unchanged, as
 * rtpengine documents. */
static void our_own_descriptions_pass_untouched(void)
{
	static char first[sizeof(got.sdp)];
	char mark[64];
	unsigned before;

	begin();
	options.loop_protect = true;
	snprintf(mark, sizeof(mark), "a=rtpengine:%s\r\n", service_instance(service));
	EXPECT_INT(strlen(service_instance(service)), 16);
	EXPECT_OK(offer("alice", "", AT("198.51.100.1", "4000")));
	EXPECT(says(mark) && says("c=IN IP4 203.0.113.1\r\n"));
	memcpy(first, got.sdp, sizeof(first));
	/* Our description returns as the offer of the same call, as the offer of another call, and
	 * as an answer without a call. */
	before = fake_relay.creates + fake_relay.updates;
	EXPECT_OK(offer("alice", "", first));
	EXPECT_TEXT(got.sdp, first);
	options.transport = SDP_PROFILE_SAVP;
	for (unsigned i = 0; i < 2; i++) {
		struct dialog_command a = {.op = i ? DIALOG_ANSWER : DIALOG_OFFER,
		                           .call = STR("another"),
		                           .from = STR("x"),
		                           .to = STR("y"),
		                           .sdp = str_of(first),
		                           .options = options};

		dialog_submit(dialogs, &a, on_reply, NULL);
		EXPECT_OK(got.e);
		EXPECT_TEXT(got.sdp, first);
	}
	options.transport = SDP_PROFILE_OTHER;
	relay_poll(&fake_relay);
	EXPECT_INT(fake_relay.creates + fake_relay.updates, before);
	EXPECT_INT(dialogs_count(dialogs), 1);
	EXPECT_OK(answer("alice", "bob", AT("198.51.100.2", "5000")));
	EXPECT(says(mark));
	tear_down();
}

/* The gateway processes a description with only our address, with the mark of another relay, with
 * our mark below an m-line, or with our mark but without the flag. */
static void nothing_else_passes_untouched(void)
{
	char text[1024];

	begin();
	options.loop_protect = true;
	EXPECT_OK(offer("alice", "", AT("203.0.113.1", "30998")));
	EXPECT_INT(fake_relay.creates, 1);
	EXPECT_OK(ask(DIALOG_DELETE, "alice", "", ""));
	EXPECT_OK(offer(
		"alice", "",
		HEAD
		"c=IN IP4 198.51.100.1\r\nt=0 0\r\na=rtpengine:0123456789abcdef\r\n" AVP("4000")));
	EXPECT(says("a=rtpengine:0123456789abcdef\r\n") && says(service_instance(service)) &&
	       says("c=IN IP4 203.0.113.1"));
	EXPECT_OK(ask(DIALOG_DELETE, "alice", "", ""));
	snprintf(text, sizeof(text), "%sa=rtpengine:%s\r\n", AT("198.51.100.1", "4000"),
	         service_instance(service));
	EXPECT_OK(offer("alice", "", text));
	EXPECT(says("c=IN IP4 203.0.113.1"));
	EXPECT_OK(ask(DIALOG_DELETE, "alice", "", ""));
	options.loop_protect = false;
	snprintf(text, sizeof(text),
	         HEAD "c=IN IP4 198.51.100.1\r\nt=0 0\r\na=rtpengine:%s\r\n" AVP("4000"),
	         service_instance(service));
	EXPECT_OK(offer("alice", "", text));
	EXPECT(says("c=IN IP4 203.0.113.1"));
	EXPECT_INT(fake_relay.creates, 4);
	/* The ng flag does not set loop_protect of the legs, which concerns packets; only the JSON
	 * protocol sets it. */
	EXPECT(!leg(0, 0)->loop_protect && !leg(0, 1)->loop_protect);
	tear_down();
}

TEST_MAIN("dialog-targets", {"targets are checked", targets_are_checked},
          {"our own descriptions pass untouched", our_own_descriptions_pass_untouched},
          {"nothing else passes untouched", nothing_else_passes_untouched})
