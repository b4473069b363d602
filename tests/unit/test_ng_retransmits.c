/* SPDX-License-Identifier: MIT */
/* ng: a retransmitted request is carried out once and gets its own reply, whatever else comes; the
 * stored replies are wiped by time and with their call. */
#include "base/buf.h"
#include "base/secret.h"
#include "control/net/loop.h"
#include "control/ng/ng.h"
#include "tests/harness/gateway.h"

#define OFFER                                                                      \
	"d7:call-id1:c7:command5:offer8:from-tag1:a3:sdp80:v=0\r\no=- 1 1 IN IP4 " \
	"192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\ne"

static struct ng *ng;
static struct buf replied;
static unsigned replies;
static struct loop *loop;
static uint32_t requests_max, reply_ttl_ms; /* 0: the default */
static const struct addr here = {.version = 4, .ip = {127, 0, 0, 1}, .port = 9};

static void on_reply(void *arg, uint64_t token, const struct addr *to, struct str reply)
{
	EXPECT(addr_eq(to, arg));
	EXPECT_INT(token, 7);
	replies++;
	buf_reset(&replied);
	buf_str(&replied, reply);
}

static const struct ng_origin from_here = {
	.from = {.version = 4, .ip = {127, 0, 0, 1}, .port = 9},
	.send = on_reply,
	.arg = (void *)(uintptr_t)&here,
	.token = 7,
};

static void begin(void)
{
	struct ng_config c;

	CHECK(set_up() == ERR_OK);
	ng_config_defaults(&c);
	c.service = service;
	c.dialogs = dialogs;
	c.loop = loop;
	c.requests_max = requests_max ? requests_max : c.requests_max;
	c.reply_ttl_ms = reply_ttl_ms ? reply_ttl_ms : c.reply_ttl_ms;
	CHECK(ng_new(&ng, &c) == ERR_OK);
	replies = 0;
}

static void end(void)
{
	tear_down();
	ng_free(ng);
	buf_free(&replied);
}

static void send_from(const struct addr *from, struct str message)
{
	struct ng_origin origin = from_here;

	origin.from = *from;
	origin.arg = (void *)(uintptr_t)from;
	ng_take(ng, &origin, message);
	relay_poll(&fake_relay);
}

static void take(struct str message)
{
	send_from(&here, message);
}

static void a_retransmit_is_never_carried_out_twice(void)
{
	char first[2048];
	struct ng_counts counts;

	begin();
	/* The request comes twice before the relay has replied, and once afterwards. */
	ng_take(ng, &from_here, STR("x1 " OFFER));
	ng_take(ng, &from_here, STR("x1 " OFFER));
	EXPECT_INT(replies, 0);
	relay_poll(&fake_relay);
	EXPECT_INT(replies, 1);
	EXPECT_INT(fake_relay.creates, 1);
	snprintf(first, sizeof(first), "%s", replied.p);
	take(STR("x1 " OFFER));
	EXPECT_INT(replies, 2);
	EXPECT_TEXT(replied.p, first);
	EXPECT(strncmp(first, "x1 d6:result2:ok3:sdp", 21) == 0);
	ng_get_counts(ng, &counts);
	EXPECT_INT(counts.retransmits, 2);
	EXPECT_INT(counts.requests, 1);
	end();
}

/* A stored reply answers only the request that it was made for: another port, or another body
 * under the same cookie, is another request. */
static void a_reply_goes_to_its_own_request(void)
{
	const struct addr elsewhere = {.version = 4, .ip = {127, 0, 0, 1}, .port = 10};
	struct ng_counts counts;

	begin();
	take(STR("x1 " OFFER));
	EXPECT(strstr(replied.p, "3:sdp") != NULL);
	take(STR("x1 d7:command4:pinge"));
	EXPECT_TEXT(replied.p, "x1 d6:result4:ponge");
	send_from(&elsewhere, STR("x1 d7:command5:query7:call-id6:absente"));
	EXPECT(strstr(replied.p, "Unknown call-id") != NULL);
	ng_get_counts(ng, &counts);
	EXPECT_INT(counts.retransmits, 0);
	EXPECT_INT(counts.requests, 3);
	end();
}

/* More pings than the store can remember push out no reply, and are all answered. */
static void a_flood_of_pings_washes_nothing_out(void)
{
	enum { PINGS = 140000 };
	struct ng_counts counts;
	char ping[64];

	begin();
	take(STR("x1 " OFFER));
	for (unsigned i = 0; i < PINGS; i++) {
		snprintf(ping, sizeof(ping), "p%u d7:command4:pinge", i);
		ng_take(ng, &from_here, str_of(ping));
	}
	EXPECT_INT(replies, 1 + PINGS);
	EXPECT_TEXT(replied.p, "p139999 d6:result4:ponge");
	take(STR("x1 " OFFER));
	EXPECT(strncmp(replied.p, "x1 d6:result2:ok3:sdp", 21) == 0);
	ng_get_counts(ng, &counts);
	EXPECT_INT(counts.retransmits, 1);
	EXPECT_INT(fake_relay.creates, 1);
	end();
}

/* A client that sends more offers than the store can remember gets an error, in words that make
 * the proxy try its next gateway; what was carried out is not carried out again. */
static void a_flood_of_offers_is_refused(void)
{
	char offer[512];
	struct ng_counts counts;
	unsigned done = 0;

	requests_max = 20;
	begin();
	for (unsigned i = 0; i < 30; i++) {
		snprintf(offer, sizeof(offer), "x%u %s", i, OFFER);
		take(str_of(offer));
		done += strstr(replied.p, "6:result2:ok") != NULL;
	}
	EXPECT_INT(done, 10);
	EXPECT(strstr(replied.p, "12:error-reason30:Parallel session limit reached") != NULL);
	EXPECT(strstr(replied.p, "than the gateway can remember") != NULL);
	take(STR("x0 " OFFER));
	EXPECT(strstr(replied.p, "6:result2:ok") != NULL);
	ng_get_counts(ng, &counts);
	EXPECT_INT(counts.retransmits, 1);
	requests_max = 0;
	end();
}

/* The replies are wiped when their time has passed, although no further request comes. */
static void replies_are_wiped_by_time(void)
{
	struct ng_counts counts;
	struct secret_usage before, now;

	REQUIRE_OK(loop_new(&loop));
	reply_ttl_ms = 200;
	begin();
	take(STR("x1 " OFFER));
	secret_get_usage(&before);
	ng_get_counts(ng, &counts);
	EXPECT(counts.stored_bytes > 100);
	for (unsigned i = 0; i < 1000 && counts.stored_bytes; i++) {
		loop_turn(loop, true);
		ng_get_counts(ng, &counts);
	}
	secret_get_usage(&now);
	EXPECT_INT(counts.stored_bytes, 0);
	EXPECT(now.in_use_bytes < before.in_use_bytes);
	end();
	loop_free(loop);
	loop = NULL;
	reply_ttl_ms = 0;
}

/* The end of a call wipes the replies that may have told its keys. A late copy of such a request
 * gets an error; it does not open the call again. */
static void the_end_of_a_call_wipes_its_replies(void)
{
	struct ng_counts counts;
	size_t of_offer;

	begin();
	take(STR("x1 " OFFER));
	ng_get_counts(ng, &counts);
	of_offer = counts.stored_bytes;
	take(STR("x2 d7:call-id1:c7:command6:delete12:delete-delayi0ee"));
	EXPECT(strstr(replied.p, "6:result2:ok") != NULL);
	ng_get_counts(ng, &counts);
	EXPECT_INT(counts.stored_bytes, replied.n);
	EXPECT(of_offer > 0);
	take(STR("x1 " OFFER));
	EXPECT(strstr(replied.p, "the reply is no longer stored") != NULL);
	EXPECT_INT(fake_relay.creates, 1);
	end();
}

TEST_MAIN("ng_retransmits",
          {"a retransmit is never carried out twice", a_retransmit_is_never_carried_out_twice},
          {"a reply goes to its own request", a_reply_goes_to_its_own_request},
          {"a flood of pings washes nothing out", a_flood_of_pings_washes_nothing_out},
          {"a flood of offers is refused", a_flood_of_offers_is_refused},
          {"replies are wiped by time", replies_are_wiped_by_time},
          {"the end of a call wipes its replies", the_end_of_a_call_wipes_its_replies})
