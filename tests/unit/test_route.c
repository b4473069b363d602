/* SPDX-License-Identifier: MIT */
/* relay/io/route: whether packets leave as frames or through the kernel while neighbours resolve,
 * fail and expire. The test takes the place of the kernel. */
#include <string.h>

#include "base/clk.h"
#include "relay/io/route.h"
#include "tests/harness/harness.h"

/* What the simulated kernel answers, and how often it was asked. */
struct stage {
	struct route_answer answer;
	struct route_link link;
	struct route_neighbour neighbour;
	bool has_neighbour;
	struct route_news news[4];
	unsigned n_news, asked_route, asked_neighbour;
};

static enum err play_route(void *arg, const struct addr *from, const struct addr *to,
                           struct route_answer *out)
{
	struct stage *s = arg;

	(void)from;
	(void)to;
	s->asked_route++;
	*out = s->answer;
	return ERR_OK;
}

static enum err play_link(void *arg, uint32_t ifindex, struct route_link *out)
{
	struct stage *s = arg;

	if (ifindex != s->link.ifindex)
		return ERR_NOT_FOUND;
	*out = s->link;
	return ERR_OK;
}

static enum err play_neighbour(void *arg, uint32_t ifindex, const struct addr *ip,
                               struct route_neighbour *out)
{
	struct stage *s = arg;

	s->asked_neighbour++;
	if (!s->has_neighbour || !addr_ip_eq(ip, &s->neighbour.ip) ||
	    ifindex != s->neighbour.ifindex)
		return ERR_NOT_FOUND;
	*out = s->neighbour;
	return ERR_OK;
}

static bool play_news(void *arg, struct route_news *out)
{
	struct stage *s = arg;

	if (!s->n_news)
		return false;
	*out = s->news[--s->n_news];
	return true;
}

static const struct route_source played = {play_route, play_link, play_neighbour, NULL, play_news};

enum { DEVICE = 7, PARENT = 3 };

static struct addr ip(const char *text)
{
	struct addr a = {0};

	CHECK(addr_parse_ip(str_of(text), &a) == ERR_OK);
	return a;
}

static struct stage stage_make(void)
{
	struct stage s = {
		.answer = {.kind = ROUTE_UNICAST, .ifindex = DEVICE, .gateway = ip("192.0.2.254")},
		.link = {.ifindex = DEVICE,
	                 .mtu = 1500,
	                 .mac = {2, 0, 0, 0, 0, 1},
	                 .is_ethernet = true,
	                 .is_up = true},
		.neighbour = {.ifindex = DEVICE,
	                      .ip = ip("192.0.2.254"),
	                      .state = ROUTE_RESOLVED,
	                      .mac = {2, 0, 0, 0, 0, 9}},
		.has_neighbour = true,
	};

	return s;
}

static struct route_table *table_make(struct stage *s)
{
	uint32_t devices[] = {PARENT, DEVICE};
	struct route_config c = {
		.source = &played, .source_arg = s, .devices = devices, .n_devices = 2};
	struct route_table *t = NULL;

	CHECK(route_table_new(&t, &c) == ERR_OK);
	route_table_turn(t, NS_PER_S);
	return t;
}

static enum route_way way(struct route_table *t, const char *to)
{
	struct addr from = ip("192.0.2.1"), dst = ip(to);

	return route_choose(t, route_find(t, &from, &dst));
}

static void resolved_goes_by_frame(void)
{
	struct stage s = stage_make();
	struct route_table *t = table_make(&s);
	struct addr from = ip("192.0.2.1"), to = ip("198.51.100.1");
	struct route *r;
	static const uint8_t link[14] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0};

	r = route_find(t, &from, &to);
	EXPECT_INT(route_choose(t, r), ROUTE_BY_FRAME);
	EXPECT_OCTETS(r->hop->link[0].octets, r->hop->link[0].len, link, sizeof(link));
	EXPECT_INT(r->hop->device, 1);
	EXPECT_INT(r->mtu, 1500);
	/* The kernel is asked once, however many packets follow. A second destination behind the
	 * same neighbour needs no second question about the neighbour. */
	for (int i = 0; i < 100; i++)
		EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_FRAME);
	EXPECT_INT(s.asked_route, 1);
	EXPECT_INT(way(t, "198.51.100.2"), ROUTE_BY_FRAME);
	EXPECT_INT(s.asked_route, 2);
	EXPECT_INT(s.asked_neighbour, 1);
	route_table_free(t);
}

static void unresolved_until_the_kernel_knows(void)
{
	struct stage s = stage_make();
	struct route_table *t = table_make(&s);

	s.has_neighbour = false;
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_KERNEL);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_KERNEL);
	s.news[0] = (struct route_news){.kind = ROUTE_NEWS_NEIGHBOUR, .neighbour = s.neighbour};
	s.n_news = 1;
	route_table_hear(t);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_FRAME);
	s.news[0].neighbour.state = ROUTE_UNRESOLVED;
	s.n_news = 1;
	route_table_hear(t);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_KERNEL);
	route_table_free(t);
}

static void failed_is_tried_once_a_second(void)
{
	struct stage s = stage_make();
	struct route_table *t = table_make(&s);

	s.neighbour.state = ROUTE_FAILED;
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_NONE);
	route_table_turn(t, 2 * NS_PER_S);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_KERNEL);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_NONE);
	route_table_free(t);
}

/* Every 15 s one packet to a neighbour in use goes through the kernel, which then confirms the
 * neighbour. A permanent neighbour needs no such packet. */
static void neighbours_are_confirmed(void)
{
	struct stage s = stage_make();
	struct route_table *t = table_make(&s);

	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_FRAME);
	route_table_turn(t, 17 * NS_PER_S);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_KERNEL);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_FRAME);
	s.news[0] = (struct route_news){.kind = ROUTE_NEWS_NEIGHBOUR, .neighbour = s.neighbour};
	s.news[0].neighbour.state = ROUTE_PERMANENT;
	s.n_news = 1;
	route_table_hear(t);
	route_table_turn(t, 60 * NS_PER_S);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_FRAME);
	route_table_free(t);
}

static void routes_are_asked_again(void)
{
	struct stage s = stage_make();
	struct route_table *t = table_make(&s);
	struct addr from = ip("192.0.2.1"), to = ip("198.51.100.1");

	s.neighbour.state = ROUTE_PERMANENT;
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_FRAME);
	s.answer.mtu = 1280;
	route_table_turn(t, 32 * NS_PER_S);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_FRAME);
	EXPECT_INT(route_find(t, &from, &to)->mtu, 1280);
	EXPECT_INT(s.asked_route, 2);
	s.answer.kind = ROUTE_ABSENT;
	s.news[0] = (struct route_news){.kind = ROUTE_NEWS_ROUTES};
	s.n_news = 1;
	route_table_hear(t);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_NONE);
	EXPECT_INT(s.asked_route, 3);
	route_table_free(t);
}

/* Destinations that a frame cannot reach: packets go through the kernel, or have no route. */
static void kernel_only(void)
{
	static const struct {
		const char *name;
		struct route_answer answer;
		enum route_way want;
	} rows[] = {
		{"an own address", {.kind = ROUTE_OWN, .ifindex = DEVICE}, ROUTE_BY_KERNEL},
		{"encapsulation",
	         {.kind = ROUTE_UNICAST, .ifindex = DEVICE, .needs_kernel = true},
	         ROUTE_BY_KERNEL},
		{"another device", {.kind = ROUTE_UNICAST, .ifindex = 99}, ROUTE_BY_KERNEL},
		{"no route", {.kind = ROUTE_ABSENT}, ROUTE_BY_NONE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stage s = stage_make();
		struct route_table *t = table_make(&s);

		test_context("%s", rows[i].name);
		s.answer = rows[i].answer;
		EXPECT_INT(way(t, "198.51.100.1"), rows[i].want);
		route_table_free(t);
	}
}

static void vlan_device_leaves_by_its_parent(void)
{
	struct stage s = stage_make();
	struct route_table *t = table_make(&s);
	struct addr from = ip("192.0.2.1"), to = ip("198.51.100.1");
	struct route *r;

	s.link.parent = PARENT;
	s.link.vlan = 5;
	r = route_find(t, &from, &to);
	EXPECT_INT(route_choose(t, r), ROUTE_BY_FRAME);
	EXPECT_INT(r->hop->device, 0);
	EXPECT_INT(r->hop->link[0].len, 18);
	EXPECT_INT(r->hop->link[0].octets[15], 5);
	route_table_free(t);
}

/* For many new destinations the kernel is asked a few questions per turn; the other destinations
 * follow in later turns. */
static void asking_is_bounded(void)
{
	struct stage s = stage_make();
	struct route_table *t = table_make(&s);
	struct addr from = ip("192.0.2.1");
	unsigned by_frame = 0;

	for (unsigned i = 0; i < 200; i++) {
		struct addr to = ip("198.51.100.0");

		to.ip[3] = (uint8_t)i;
		by_frame += route_choose(t, route_find(t, &from, &to)) == ROUTE_BY_FRAME;
	}
	EXPECT_INT(by_frame, 32);
	EXPECT_INT(s.asked_route, 32);
	route_table_turn(t, NS_PER_S);
	EXPECT_INT(way(t, "198.51.100.199"), ROUTE_BY_FRAME);
	/* When a link changes, all cached routes and neighbours become invalid. */
	s.has_neighbour = false;
	s.news[0] = (struct route_news){.kind = ROUTE_NEWS_LINK};
	s.n_news = 1;
	route_table_hear(t);
	EXPECT_INT(way(t, "198.51.100.1"), ROUTE_BY_KERNEL);
	route_table_free(t);
}

/* With more neighbours than the table holds, a frame still has the link address of its own
 * neighbour. */
static void many_neighbours(void)
{
	struct stage s = stage_make();
	struct route_table *t = table_make(&s);
	struct addr from = ip("192.0.2.1");

	memset(&s.answer.gateway, 0, sizeof(s.answer.gateway));
	for (unsigned i = 0; i < 20000; i++) {
		struct addr to = ip("10.0.0.0");
		struct route *r;

		to.ip[2] = (uint8_t)(i >> 8);
		to.ip[3] = (uint8_t)i;
		s.neighbour.ip = to;
		s.neighbour.mac[5] = (uint8_t)i;
		route_table_turn(t, NS_PER_S);
		r = route_find(t, &from, &to);
		if (route_choose(t, r) == ROUTE_BY_FRAME)
			EXPECT_INT(r->hop->link[0].octets[5], (uint8_t)i);
	}
	route_table_free(t);
}

TEST_MAIN("route", {"resolved_goes_by_frame", resolved_goes_by_frame},
          {"unresolved_until_the_kernel_knows", unresolved_until_the_kernel_knows},
          {"failed_is_tried_once_a_second", failed_is_tried_once_a_second},
          {"neighbours_are_confirmed", neighbours_are_confirmed},
          {"routes_are_asked_again", routes_are_asked_again}, {"kernel_only", kernel_only},
          {"vlan_device_leaves_by_its_parent", vlan_device_leaves_by_its_parent},
          {"asking_is_bounded", asking_is_bounded}, {"many_neighbours", many_neighbours})
