/* SPDX-License-Identifier: MIT */
/* A call with IPv4 on one side and IPv6 on the other: which address each side gets, and what
 * happens when a side changes its family. */
#include "control/session/interfaces.h"
#include "tests/harness/dialog_scene.h"

#define UE6   HEAD "c=IN IP6 2001:db8::77\r\nt=0 0\r\n"
#define TOLD4 "c=IN IP4 203.0.113.1\r\n"
#define TOLD6 "c=IN IP6 2001:db8::9\r\n"

/* Both interfaces get the name "dual", so that one name has an IPv4 and an IPv6 address. */
static void begin_dual(void)
{
	begin();
	for (unsigned i = 0; i < 2; i++)
		snprintf(interfaces[i].name, sizeof(interfaces[i].name), "dual");
}

static int16_t named(const char *name)
{
	struct interfaces l = {.items = interfaces, .n = 2};
	struct why why = {""};
	uint8_t choice;

	CHECK(!interfaces_find(&l, str_of(name), &choice, &why));
	return choice;
}

static bool is_at(unsigned l, unsigned interface, bool has_other)
{
	const struct relay_leg_spec *x = leg(0, l);

	return x->interface == interface && x->port_rtp && (x->other_rtp != 0) == has_other &&
	       (!has_other || x->other_interface == !interface);
}

static void the_offer_keeps_its_family(void)
{
	begin_dual();
	REQUIRE_OK(offer("alice", "", UE6 AVP("4000")));
	EXPECT(says(TOLD6));
	EXPECT(is_at(0, 1, false) && is_at(1, 1, false));
	REQUIRE_OK(answer("alice", "bob", UE6 AVP("5000")));
	EXPECT(says(TOLD6));
	REQUIRE_OK(ask(DIALOG_DELETE, "alice", "bob", ""));
	REQUIRE_OK(offer("alice", "", CORE AVP("4000")));
	EXPECT(says(TOLD4));
	EXPECT(is_at(0, 0, false) && is_at(1, 0, false));
	tear_down();
}

static void the_request_names_the_family(void)
{
	begin_dual();
	options.family = 4;
	options.interface[0] = options.interface[1] = named("dual");
	REQUIRE_OK(offer("alice", "", UE6 AVP("4000")));
	EXPECT(says(TOLD4));
	EXPECT(is_at(0, 1, false) && is_at(1, 0, false));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(says(TOLD6));
	tear_down();
}

static void an_interface_of_one_family_decides(void)
{
	begin();
	options.interface[0] = named("v6");
	options.interface[1] = named("v4");
	REQUIRE_OK(offer("alice", "", UE6 AVP("4000")));
	EXPECT(says(TOLD4));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(says(TOLD6));
	/* A later offer may omit the interface, even if it adds an m-line. */
	options.interface[0] = options.interface[1] = -1;
	REQUIRE_OK(offer("alice", "bob", UE6 AVP("4000") "m=video 4002 RTP/AVP 96\r\n"));
	EXPECT(says(TOLD4));
	EXPECT_INT(fake_relay.sessions->media[1].legs[0].interface, 1);
	EXPECT_INT(fake_relay.sessions->media[1].legs[1].interface, 0);
	tear_down();
}

static void a_missing_family_is_named(void)
{
	begin();
	options.interface[0] = options.interface[1] = named("v4");
	EXPECT_ERR(offer("alice", "", UE6 AVP("4000")), ERR_INVALID);
	EXPECT(strstr(got.why,
	              "m-line 1: c=: interface v4 has no IPv6 address, only 203.0.113.1") != NULL);
	options.family = 6;
	EXPECT_ERR(offer("alice", "", CORE AVP("4000")), ERR_INVALID);
	EXPECT(strstr(got.why, "address-family: interface v4 has no IPv6 address") != NULL);
	EXPECT_INT(dialogs_count(dialogs), 0);
	options.family = 0;
	REQUIRE_OK(offer("alice", "", CORE AVP("4000")));
	EXPECT_ERR(answer("alice", "bob", UE6 AVP("5000")), ERR_INVALID);
	EXPECT(strstr(got.why, "remote [2001:db8::77]:5000: interface v4 has no IPv6 address") !=
	       NULL);
	EXPECT_INT(got.sip_status, 488);
	/* After a refused answer a correct one is still accepted. */
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	tear_down();
}

/* The callee was given our IPv4 address and answers with an IPv6 address: we send to it from IPv6,
 * and still receive on IPv4. */
static void an_answer_of_the_other_family(void)
{
	uint16_t told;

	begin_dual();
	options.family = 4;
	REQUIRE_OK(offer("alice", "", UE6 AVP("4000")));
	told = leg(0, 1)->port_rtp;
	REQUIRE_OK(answer("alice", "bob", UE6 AVP("5000")));
	EXPECT(is_at(1, 1, true));
	EXPECT_INT(leg(0, 1)->other_rtp, told);
	EXPECT_INT(leg(0, 1)->other_rtcp, told + 1);
	EXPECT_INT(leg(0, 1)->remote.version, 6);
	/* The same answer again changes nothing. The next offer contains our address of the new
	 * family. */
	unsigned before = fake_relay.updates;
	REQUIRE_OK(answer("alice", "bob", UE6 AVP("5000")));
	EXPECT_INT(fake_relay.updates, before);
	options.family = 0;
	REQUIRE_OK(offer("alice", "bob", UE6 AVP("4000")));
	EXPECT(says(TOLD6));
	tear_down();
}

static void an_answer_of_the_other_family_nobody_named(void)
{
	begin();
	REQUIRE_OK(offer("alice", "", CORE AVP("4000")));
	EXPECT(says(TOLD4));
	REQUIRE_OK(answer("alice", "bob", UE6 AVP("5000")));
	EXPECT(is_at(1, 1, true));
	EXPECT(is_at(0, 0, false));
	tear_down();
}

static void a_handover_and_back(void)
{
	struct relay_leg_spec first;

	begin_dual();
	REQUIRE_OK(call_from_ue());
	options.transport = SDP_PROFILE_OTHER;
	first = *leg(0, 0);
	REQUIRE_OK(offer("alice", "bob", UE6 SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(says(TOLD6));
	EXPECT(is_at(0, 1, true));
	EXPECT_INT(leg(0, 0)->other_rtp, first.port_rtp);
	EXPECT(is_at(1, 0, false));
	REQUIRE_OK(offer("alice", "bob", UE SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(says(TOLD4));
	EXPECT(is_at(0, 0, true));
	EXPECT_INT(leg(0, 0)->port_rtp, first.port_rtp);
	/* A hold with the address :: does not change the family. */
	REQUIRE_OK(offer("alice", "bob", HEAD "c=IN IP6 ::\r\nt=0 0\r\n" SAVP("4000", K1)));
	REQUIRE_OK(answer("alice", "bob", CORE AVP("5000")));
	EXPECT(says(TOLD4));
	EXPECT(is_at(0, 0, true));
	tear_down();
}

TEST_MAIN("dialog-family", {"the offer keeps its family", the_offer_keeps_its_family},
          {"the request names the family", the_request_names_the_family},
          {"an interface of one family decides", an_interface_of_one_family_decides},
          {"a missing family is named", a_missing_family_is_named},
          {"an answer of the other family", an_answer_of_the_other_family},
          {"an answer of the other family, nobody named",
           an_answer_of_the_other_family_nobody_named},
          {"a handover and back", a_handover_and_back})
