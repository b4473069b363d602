/* SPDX-License-Identifier: MIT */
/* Rings over ng are refused, however they are built; two calls over ng that send to each other pass
 * media. */
#include <stdarg.h>
#include <stdio.h>

#include "tests/harness/world.h"

enum { RING_MAX = 5 };

static const struct addr ng_peer = {.ip = {127, 0, 0, 1}, .port = 9, .version = 4};

static void on_ng(void *arg, uint64_t token, const struct addr *to, struct str reply)
{
	(void)arg, (void)token, (void)to;
	snprintf(w.reply, sizeof(w.reply), "%.*s", STR_ARG(reply));
}

/* Sends an ng request, a JSON text; true if the result is "ok". */
static bool say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static bool say(const char *fmt, ...)
{
	char text[2048];
	int n = snprintf(text, sizeof(text), "c%u ", w.cookies++);
	va_list args;

	va_start(args, fmt);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
	va_end(args);
	w.reply[0] = '\0';
	ng_take(w.ng, &(struct ng_origin){.from = ng_peer, .send = on_ng},
	        str_make(text, (size_t)n));
	stage_run(&w.g, 1);
	return strstr(w.reply, "\"result\":\"ok\"") != NULL;
}

/* Sends `command` with the tags, as JSON, and an SDP with address `at`. */
static bool say_sdp(const char *command, unsigned call, const char *tags, const struct addr *at,
                    const char *more)
{
	char ip[ADDR_TEXT_MAX];

	return say("{\"command\":\"%s\",\"call-id\":\"n%u\",%s,\"sdp\":\"v=0\\r\\no=- 1 1 IN IP4 "
	           "192.0.2.9\\r\\ns=-\\r\\nc=IN IP4 %s\\r\\n"
	           "t=0 0\\r\\nm=audio %u RTP/AVP 0\\r\\n%s\"}",
	           command, call, tags, addr_print_ip(at, ip), at->port, more);
}

static struct addr ng_local(unsigned call, unsigned leg)
{
	char id[16];

	snprintf(id, sizeof(id), "n%u", call);
	return local_of(id, leg, true);
}

static bool ng_call(unsigned call, const char *flags)
{
	struct addr a = other_host(2 * call), b = other_host(2 * call + 1);
	char tags[160];

	snprintf(tags, sizeof(tags), "\"from-tag\":\"a\",\"flags\":[\"trust-address\"%s]", flags);
	if (!say_sdp("offer", call, tags, &a, ""))
		return false;
	snprintf(tags, sizeof(tags),
	         "\"from-tag\":\"a\",\"to-tag\":\"b\",\"flags\":[\"trust-address\"%s]", flags);
	return say_sdp("answer", call, tags, &b, "");
}

/* A re-INVITE moves the callee of each call to the port of the next call's caller. The last
 * re-INVITE would close the ring. */
static void no_ring_over_ng(void)
{
	static const char *const flags[] = {"",
	                                    ",\"strict-source\"",
	                                    ",\"media-handover\"",
	                                    ",\"asymmetric\"",
	                                    ",\"signalled-source\"",
	                                    ",\"loop-protect\""};

	for (unsigned n = 1; n <= RING_MAX; n++)
		for (unsigned f = 0; f < ARRAY_LEN(flags); f++) {
			REQUIRE(world_begin(true));
			for (unsigned i = 0; i < n; i++)
				REQUIRE(ng_call(i, flags[f]));
			for (unsigned i = 0; i < n; i++) {
				struct addr next = ng_local((i + 1) % n, 0), a = other_host(2 * i);
				bool closes = i + 1 == n;
				char text[ADDR_TEXT_MAX];
				bool ok = say_sdp("offer", i, "\"from-tag\":\"b\",\"to-tag\":\"a\"",
				                  &next, "");

				test_context("ring of %u, call %u, flags %s: %s", n, i, flags[f],
				             w.reply);
				EXPECT(ok == !closes);
				EXPECT(!closes || (strstr(w.reply, addr_print(&next, text)) &&
				                   strstr(w.reply, "ring")));
				EXPECT(closes ||
				       say_sdp("answer", i, "\"from-tag\":\"b\",\"to-tag\":\"a\"",
				               &a, ""));
			}
			for (unsigned i = 0; i < n; i++) {
				struct addr from = other_host(2 * i), to = ng_local(i, 0);

				to = addr_with_port(&w.g.interfaces[0].bind, to.port);
				inject(&from, &to, false);
				pump();
				EXPECT(w.left <= 1 && w.hops <= 2 * n);
			}
			world_end();
		}
}

/* An answer that names a port of the same call, for RTP or by a=rtcp, is refused, as is a repeated
 * offer in a signalling loop. */
static void no_ring_in_one_call(void)
{
	char rtcp[80], ip[ADDR_TEXT_MAX];
	struct addr a = other_host(0), b = other_host(1), there;

	REQUIRE(world_begin(false));
	REQUIRE(say_sdp("offer", 0, "\"from-tag\":\"a\"", &a, ""));
	there = ng_local(0, 0);
	EXPECT(!say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &there, "") &&
	       strstr(w.reply, "ring"));
	snprintf(rtcp, sizeof(rtcp), "a=rtcp:%u IN IP4 %s\\r\\n", there.port + 1u,
	         addr_print_ip(&there, ip));
	EXPECT(!say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &b, rtcp) &&
	       strstr(w.reply, "ring"));
	EXPECT(say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &b, ""));
	there = ng_local(0, 1);
	EXPECT(!say_sdp("offer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &there, "") &&
	       strstr(w.reply, "ring"));
	EXPECT(strstr(w.reply, "loop-protect"));
	world_end();
}

/* An address that is known only from media-address counts as an own address too. */
static void no_ring_by_media_address(void)
{
	static const struct addr said = {.ip = {192, 0, 2, 200}, .version = 4};
	struct addr a = other_host(0), b = other_host(1), there;

	REQUIRE(world_begin(false));
	REQUIRE(say_sdp("offer", 0, "\"from-tag\":\"a\",\"media-address\":\"192.0.2.200\"", &a,
	                ""));
	there = addr_with_port(&said, ng_local(0, 0).port);
	EXPECT(!say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &there, ""));
	EXPECT(!say_sdp("answer", 0,
	                "\"from-tag\":\"a\",\"to-tag\":\"b\",\"received-from\":[\"IP4\",\"192.0.2."
	                "200\"],\"flags\":[\"SIP-source-address\"]",
	                &there, ""));
	EXPECT(say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &b, ""));
	world_end();
}

/* An address that is known only from media-address is not learnt if it would close a ring: a NAT
 * that reflects packets would return them. */
static void no_ring_by_a_learnt_media_address(void)
{
	static const struct addr said = {.ip = {198, 18, 0, 200}, .version = 4};
	static const char more[] =
		"\"media-address\":\"198.18.0.200\",\"flags\":[\"media-handover\"]";
	struct addr a = other_host(0), b = other_host(1), from, to;
	char tags[160];

	REQUIRE(world_begin(false));
	snprintf(tags, sizeof(tags), "\"from-tag\":\"a\",%s", more);
	REQUIRE(say_sdp("offer", 0, tags, &a, ""));
	snprintf(tags, sizeof(tags), "\"from-tag\":\"a\",\"to-tag\":\"b\",%s", more);
	REQUIRE(say_sdp("answer", 0, tags, &b, ""));
	from = addr_with_port(&said, ng_local(0, 0).port);
	to = ng_local(0, 1);
	for (unsigned i = 0; i < 2; i++) {
		inject(&from, &to, false);
		pump();
		EXPECT_INT(w.left, 0);
		stage_run(&w.g, 1001);
	}
	to = ng_local(0, 0);
	inject(&a, &to, false);
	pump();
	EXPECT(w.left == 1 && addr_eq(&w.last_left.to, &b));
	world_end();
}

/* Caller and callee are behind the same gateway: each INVITE passes it twice, as two calls. */
static void two_calls_meet_over_ng(void)
{
	for (unsigned is_behind_nat = 0; is_behind_nat < 2; is_behind_nat++) {
		struct addr a = other_host(0), b = other_host(1), there, to;

		REQUIRE(world_begin(is_behind_nat));
		REQUIRE(say_sdp("offer", 0, "\"from-tag\":\"a\"", &a, ""));
		there = ng_local(0, 1);
		REQUIRE(say_sdp("offer", 1, "\"from-tag\":\"a\"", &there, ""));
		REQUIRE(say_sdp("answer", 1, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &b, ""));
		there = ng_local(1, 0);
		REQUIRE(say_sdp("answer", 0, "\"from-tag\":\"a\",\"to-tag\":\"b\"", &there, ""));
		to = addr_with_port(&w.g.interfaces[0].bind, ng_local(0, 0).port);
		for (unsigned i = 0; i < 3; i++) {
			inject(&a, &to, false);
			pump();
			EXPECT(w.left == 1 && addr_eq(&w.last_left.to, &b));
		}
		to = addr_with_port(&w.g.interfaces[0].bind, ng_local(1, 1).port);
		inject(&b, &to, false);
		pump();
		EXPECT(w.left == 1 && addr_eq(&w.last_left.to, &a));
		world_end();
	}
}

TEST_MAIN("rings-ng", {"no_ring_over_ng", no_ring_over_ng},
          {"no_ring_in_one_call", no_ring_in_one_call},
          {"no_ring_by_media_address", no_ring_by_media_address},
          {"no_ring_by_a_learnt_media_address", no_ring_by_a_learnt_media_address},
          {"two_calls_meet_over_ng", two_calls_meet_over_ng})
