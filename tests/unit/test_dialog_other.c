/* SPDX-License-Identifier: MIT */
/* M-lines that are not RTP: the gateway relays those over UDP, passes or refuses the others, and
 * returns to audio after a fax. */
#include "tests/harness/dialog_scene.h"

#define FAX(port) \
	"m=image " port " udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"

static void fax_is_relayed_both_ways(void)
{
	begin();
	options.replace = DIALOG_REPLACE_ORIGIN;
	REQUIRE_OK(call_from_ue());
	/* The callee offers a fax. The caller's audio had SRTP; the fax has none. */
	options.transport = SDP_PROFILE_SAVP;
	REQUIRE_OK(offer("bob", "alice", CORE FAX("5002")));
	EXPECT_TEXT(got.media[0].action, "relay");
	EXPECT_TEXT(got.media[0].change, "switched");
	EXPECT(says("m=image 3") && says(" udptl t38\r\n") && says("c=IN IP4 203.0.113.1\r\n") &&
	       says("a=T38FaxVersion:0\r\n"));
	EXPECT(!strstr(got.sdp, "192.0.2.77") && !strstr(got.sdp, "a=rtcp") &&
	       !strstr(got.sdp, "crypto") && !strstr(got.sdp, "5002") && !got.warning[0]);
	REQUIRE_OK(answer("bob", "alice", UE FAX("4002")));
	EXPECT(says("m=image 3") && !strstr(got.sdp, "198.51.100.1") && !strstr(got.sdp, "a=rtcp"));
	EXPECT_INT(fake_relay.sessions->media[1].mode, RELAY_MODE_E2E);
	EXPECT_INT(leg(1, 0)->rtcp, RELAY_RTCP_NONE);
	EXPECT_INT(leg(1, 0)->inactivity_ms, 0);
	EXPECT(leg(1, 0)->exists && leg(1, 1)->exists && leg(1, 0)->can_receive &&
	       leg(1, 1)->can_send && !leg(0, 0)->exists);
	EXPECT(leg(1, 0)->remote.port == 5002 || leg(1, 1)->remote.port == 5002);
	tear_down();
}

/* After a fax the next offer with audio restores the earlier mode, whether the request names a
 * profile or not. */
static void audio_comes_back_as_it_was(void)
{
	for (unsigned says_it = 0; says_it < 2; says_it++) {
		begin();
		REQUIRE_OK(call_from_ue());
		options.transport = SDP_PROFILE_OTHER;
		REQUIRE_OK(offer("bob", "alice", CORE FAX("5002")));
		REQUIRE_OK(answer("bob", "alice", UE FAX("4002")));
		options.transport = says_it ? SDP_PROFILE_AVP : SDP_PROFILE_OTHER;
		REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K2)));
		EXPECT(says(" RTP/AVP 0\r\n") && !strstr(got.sdp, "crypto"));
		REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
		EXPECT(says(" RTP/SAVP 0\r\n") && says("a=crypto:7 "));
		EXPECT(is_key(leg(0, 0)->receive, K2) && !leg(1, 0)->exists &&
		       leg(0, 0)->rtcp == RELAY_RTCP_PAIR);
		tear_down();
	}
}

static void each_transport_is_handled_as_configured(void)
{
	static const struct {
		const char *line;
		/* The action under each policy: relay, relay-only, pass, refuse. */
		const char *by_policy[DIALOG_OTHER_COUNT];
	} rows[] = {
		{"image 4002 udptl t38", {"relay", "relay", "pass", "refuse"}},
		{"image 4002 UDPTL t38", {"relay", "relay", "pass", "refuse"}},
		{"image 4002 UDP/TLS/UDPTL t38", {"relay", "relay", "pass", "refuse"}},
		{"application 4002 UDP/BFCP *", {"relay", "relay", "pass", "refuse"}},
		{"application 4002 UDP/TLS/BFCP *", {"relay", "relay", "pass", "refuse"}},
		{"application 9 UDP/DTLS/SCTP webrtc-datachannel",
	         {"relay", "relay", "pass", "refuse"}},
		{"application 5000 DTLS/SCTP 5000", {"relay", "relay", "pass", "refuse"}},
		{"audio 4002 udpsprt 100", {"relay", "relay", "pass", "refuse"}},
		{"audio 4002 RTP/XAVP 0", {"relay", "relay", "pass", "refuse"}},
		{"message 9 TCP/MSRP *", {"pass", "refuse", "pass", "refuse"}},
		{"message 9 TCP/TLS/MSRP *", {"pass", "refuse", "pass", "refuse"}},
		{"application 9 TCP/BFCP *", {"pass", "refuse", "pass", "refuse"}},
		{"application 9 TCP/DTLS/SCTP webrtc-datachannel",
	         {"pass", "refuse", "pass", "refuse"}},
		{"audio 9 TCP/RTP/AVP 0", {"pass", "refuse", "pass", "refuse"}},
		{"audio 4002 RTP/AVP/TCP 0", {"pass", "refuse", "pass", "refuse"}},
		{"application 9 TCP/MRCPv2", {"pass", "refuse", "pass", "refuse"}},
	};
	char text[1024], whole[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned policy = 0; policy < DIALOG_OTHER_COUNT; policy++) {
			const char *want = rows[i].by_policy[policy];

			begin();
			test_context("%s, %u", rows[i].line, policy);
			options.transport = SDP_PROFILE_AVP;
			options.other_media = (uint8_t)policy;
			snprintf(text, sizeof(text), UE SAVP("4000", K1) "m=%s\r\na=x\r\n",
			         rows[i].line);
			snprintf(whole, sizeof(whole), "m=%s\r\n", rows[i].line);
			if (EXPECT_OK(offer("alice", "", text))) {
				EXPECT_TEXT(got.media[1].action, want);
				/* An m-line that is not relayed always gives a warning. */
				EXPECT_INT(strstr(got.warning, "m-line 2") != NULL,
				           strcmp(want, "relay") != 0);
				EXPECT_INT(strstr(got.sdp, whole) != NULL &&
				                   strstr(got.sdp, "a=x") != NULL,
				           strcmp(want, "pass") == 0);
				EXPECT_INT(strstr(got.sdp, "c=IN IP4 198.51.100.1") != NULL,
				           strcmp(want, "pass") == 0);
				EXPECT(strcmp(want, "refuse") != 0 ||
				       strstr(got.sdp, " 0 ") != NULL);
			}
			tear_down();
		}
}

/* An m-line that is relayed keeps its attributes, except those with keys. */
static void relayed_lines_keep_their_attributes(void)
{
	begin();
	options.transport = SDP_PROFILE_AVP;
	options.mux = DIALOG_MUX_REQUIRE;
	REQUIRE_OK(
		offer("alice", "",
	              UE SAVP("4000", K1) "m=image 4002 UDP/TLS/UDPTL t38\r\na=fingerprint:sha-1 "
	                                  "AB\r\na=setup:actpass\r\na=crypto:1 " A80 " inline:" K2
	                                  "\r\n"));
	EXPECT(says("a=fingerprint:sha-1 AB\r\n") && says("a=setup:actpass\r\n") &&
	       !strstr(got.sdp, "inline"));
	REQUIRE_OK(answer("alice", "bob",
	                  CORE AVP("5000") "a=rtcp-mux\r\nm=image 5002 UDP/TLS/UDPTL "
	                                   "t38\r\na=fingerprint:sha-1 CD\r\na=setup:active\r\n"));
	EXPECT(says("a=fingerprint:sha-1 CD\r\n") && leg(1, 1)->remote.port == 5002);
	/* The fax m-line is disabled with port 0. */
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1) "m=image 0 UDP/TLS/UDPTL t38\r\n"));
	REQUIRE_OK(answer("alice", "bob",
	                  CORE AVP("5000") "a=rtcp-mux\r\nm=image 0 UDP/TLS/UDPTL t38\r\n"));
	EXPECT(says("m=image 0 UDP/TLS/UDPTL t38\r\n") && !leg(1, 0)->exists);
	tear_down();
}

static void lines_not_relayed_are_counted(void)
{
	struct service_counts before, after;

	begin();
	options.transport = SDP_PROFILE_AVP;
	service_get_counts(service, &before);
	REQUIRE_OK(offer(
		"alice", "",
		UE SAVP("4000",
	                K1) "m=message 9 TCP/MSRP *\r\nm=video 0x RTP/SAVP 97\r\n" FAX("4002")));
	REQUIRE_OK(answer("alice", "bob",
	                  CORE AVP("5000") "m=message 9 TCP/MSRP *\r\nm=video 0 RTP/AVP "
	                                   "97\r\nm=image x udptl t38\r\n"));
	service_get_counts(service, &after);
	EXPECT_INT(after.lines_passed - before.lines_passed, 1);
	EXPECT_INT(after.lines_refused - before.lines_refused, 2);
	tear_down();
}

static void under_ims_too(void)
{
	begin();
	options.profile = DIALOG_IMS_UE;
	options.ims.has_binding = true;
	REQUIRE_OK(offer("alice", "", UE SAVP("4000", K1) "a=3ge2ae:requested\r\n"));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	options.profile = DIALOG_IMS_CORE;
	REQUIRE_OK(offer("bob", "alice", CORE FAX("5002")));
	EXPECT(says("m=image 3"));
	options.profile = DIALOG_IMS_UE;
	REQUIRE_OK(answer("bob", "alice", UE FAX("4002")));
	EXPECT(leg(1, 0)->exists && !leg(0, 0)->exists);
	tear_down();
}

TEST_MAIN("dialog-other", {"fax is relayed both ways", fax_is_relayed_both_ways},
          {"audio comes back as it was", audio_comes_back_as_it_was},
          {"each transport is handled as configured", each_transport_is_handled_as_configured},
          {"relayed lines keep their attributes", relayed_lines_keep_their_attributes},
          {"lines not relayed are counted", lines_not_relayed_are_counted},
          {"under ims too", under_ims_too})
