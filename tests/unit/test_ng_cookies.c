/* SPDX-License-Identifier: MIT */
/* control/ng/cookies: requests and replies remembered for retransmissions. Every state and event,
 * the share of a host, expiry, and what is left of a reply. */
#include "control/ng/cookies.h"

#include "base/clk.h"
#include "base/mem.h"
#include "base/secret.h"
#include "tests/harness/harness.h"

static const struct ng_cookies_config config = {.ttl_ns = 10 * NS_PER_S,
                                                .retransmit_ns = 5 * NS_PER_S,
                                                .count_max = 12,
                                                .under_way_max = 8,
                                                .bytes_max = 240};
static const struct addr alice = {.version = 4, .ip = {127, 0, 0, 1}, .port = 1000};
static const struct addr alice_elsewhere = {.version = 4, .ip = {127, 0, 0, 1}, .port = 2000};
static const struct addr bob = {.version = 4, .ip = {127, 0, 0, 2}, .port = 1000};

static enum ng_cookie_state begin(struct ng_cookies *c, const struct addr *from,
                                  const char *message, struct ng_cookie **k)
{
	enum ng_cookie_state state = NG_COOKIE_NEW;

	*k = NULL;
	EXPECT_OK(ng_cookies_begin(c, from, str_of(message), k, &state));
	return state;
}

/* Carries out a request that changes something. */
static enum err carry_out(struct ng_cookies *c, const struct addr *from, const char *message,
                          uint64_t now_ns)
{
	struct ng_cookie *k;
	enum err e;

	if (!EXPECT_INT(begin(c, from, message, &k), NG_COOKIE_NEW))
		return ERR_EXISTS;
	e = ng_cookies_keep(c, k, now_ns);
	if (e)
		ng_cookies_forget(c, k);
	else
		ng_cookies_finish(c, k, str_of("0123456789012345678901234567890123456789"), now_ns);
	return e;
}

static void a_request_is_carried_out_once(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k, *again;

	REQUIRE_OK(ng_cookies_new(&c, &config));
	EXPECT_INT(begin(c, &alice, "1 ask", &k), NG_COOKIE_NEW);
	EXPECT_OK(ng_cookies_keep(c, k, 0));
	EXPECT_INT(begin(c, &alice, "1 ask", &again), NG_COOKIE_UNDER_WAY);
	EXPECT(again == k);
	ng_cookies_finish(c, k, STR("reply"), 2);
	EXPECT_INT(begin(c, &alice, "1 ask", &again), NG_COOKIE_ANSWERED);
	EXPECT(str_is(ng_cookie_reply(again), "reply"));
	EXPECT_INT(ng_cookies_expire(c, 2 + config.ttl_ns - 1), 2 + config.ttl_ns);
	EXPECT_INT(begin(c, &alice, "1 ask", &again), NG_COOKIE_ANSWERED);
	EXPECT(ng_cookies_expire(c, 2 + config.ttl_ns) == UINT64_MAX);
	EXPECT_INT(ng_cookies_count(c), 0);
	EXPECT_INT(begin(c, &alice, "1 ask", &again), NG_COOKIE_NEW);
	ng_cookies_free(c);
}

/* The stored reply goes only to the address, the port and the request that it answered. */
static void a_reply_belongs_to_one_request(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k;

	REQUIRE_OK(ng_cookies_new(&c, &config));
	EXPECT_OK(carry_out(c, &alice, "1 ask", 0));
	EXPECT_INT(begin(c, &alice, "1 ask", &k), NG_COOKIE_ANSWERED);
	EXPECT_INT(begin(c, &alice, "1 asks", &k), NG_COOKIE_NEW);
	EXPECT_INT(begin(c, &alice, "1 asl", &k), NG_COOKIE_NEW);
	EXPECT_INT(begin(c, &alice_elsewhere, "1 ask", &k), NG_COOKIE_NEW);
	EXPECT_INT(begin(c, &bob, "1 ask", &k), NG_COOKIE_NEW);
	ng_cookies_free(c);
}

/* A request that changes nothing leaves nothing behind. */
static void only_kept_requests_are_remembered(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k;

	REQUIRE_OK(ng_cookies_new(&c, &config));
	for (int i = 0; i < 100; i++) {
		EXPECT_INT(begin(c, &alice, "1 ping", &k), NG_COOKIE_NEW);
		ng_cookies_finish(c, k, STR("pong"), 0);
	}
	EXPECT_INT(ng_cookies_count(c), 0);
	EXPECT_INT(ng_cookies_bytes(c), 0);
	ng_cookies_free(c);
}

/* One host cannot push out the requests of another, nor its own young ones: they would be carried
 * out twice. */
static void a_host_washes_nothing_out(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k;
	unsigned done = 0;
	char text[16];

	REQUIRE_OK(ng_cookies_new(&c, &config));
	EXPECT_OK(carry_out(c, &bob, "bob's", 0));
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "a%u", i);
		done += carry_out(c, &alice, text, 1) == ERR_OK;
	}
	/* two hosts: a third of twelve each */
	EXPECT_INT(done, 4);
	EXPECT_INT(begin(c, &bob, "bob's", &k), NG_COOKIE_ANSWERED);
	EXPECT(ng_cookie_reply(k).n > 0);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "a%u", i);
		EXPECT_INT(begin(c, &alice, text, &k), NG_COOKIE_ANSWERED);
	}
	EXPECT_OK(carry_out(c, &bob, "bob's next", 2));
	/* When no copies are expected any more, the host's own oldest requests go. */
	EXPECT_ERR(carry_out(c, &alice, "later", config.retransmit_ns), ERR_LIMIT);
	EXPECT_OK(carry_out(c, &alice, "later", 1 + config.retransmit_ns));
	EXPECT_INT(begin(c, &alice, "a0", &k), NG_COOKIE_NEW);
	EXPECT_INT(begin(c, &alice, "a1", &k), NG_COOKIE_ANSWERED);
	EXPECT_INT(begin(c, &bob, "bob's", &k), NG_COOKIE_ANSWERED);
	ng_cookies_free(c);
}

/* Without room for replies the requests are still remembered. */
static void replies_have_a_limit_of_octets(void)
{
	static char big[241];
	struct ng_cookies *c;
	struct ng_cookie *k;
	char text[16];

	memset(big, 'x', sizeof(big) - 1);
	REQUIRE_OK(ng_cookies_new(&c, &config));
	for (unsigned i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "a%u", i);
		EXPECT_OK(carry_out(c, &alice, text, i));
	}
	/* half of 240 octets: three replies of 40 */
	EXPECT_INT(ng_cookies_bytes(c), 120);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "a%u", i);
		EXPECT_INT(begin(c, &alice, text, &k), NG_COOKIE_ANSWERED);
		EXPECT_INT(ng_cookie_reply(k).n, i < 2 ? 0 : 40);
	}
	EXPECT_INT(begin(c, &bob, "big", &k), NG_COOKIE_NEW);
	EXPECT_OK(ng_cookies_keep(c, k, 5));
	ng_cookies_finish(c, k, str_of(big), 5);
	EXPECT_INT(begin(c, &bob, "big", &k), NG_COOKIE_ANSWERED);
	EXPECT_INT(ng_cookie_reply(k).n, 0);
	EXPECT_INT(ng_cookies_bytes(c), 120);
	ng_cookies_free(c);
}

static void requests_under_way_are_limited_for_each_host(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k, *first = NULL;
	enum ng_cookie_state state;
	char text[16];

	REQUIRE_OK(ng_cookies_new(&c, &config));
	for (unsigned i = 0; i < config.under_way_max; i++) {
		snprintf(text, sizeof(text), "a%u", i);
		EXPECT_INT(begin(c, i % 2 ? &alice : &alice_elsewhere, text, &k), NG_COOKIE_NEW);
		first = first ? first : k;
	}
	EXPECT_ERR(ng_cookies_begin(c, &alice, STR("more"), &k, &state), ERR_BUSY);
	EXPECT_INT(begin(c, &alice, "a1", &k), NG_COOKIE_UNDER_WAY);
	EXPECT_INT(begin(c, &bob, "more", &k), NG_COOKIE_NEW);
	ng_cookies_finish(c, first, STR("done"), 0);
	EXPECT_INT(begin(c, &alice, "more", &k), NG_COOKIE_NEW);
	ng_cookies_free(c);
}

/* Replies are in secret memory, which has none of them left when their time has passed, their call
 * has ended, or the store is freed. */
static void replies_are_secrets(void)
{
	struct secret_usage before, now;
	struct ng_cookies *c;
	struct ng_cookie *k;

	REQUIRE_OK(ng_cookies_new(&c, &config));
	secret_get_usage(&before);
	EXPECT_OK(carry_out(c, &alice, "a", 0));
	secret_get_usage(&now);
	EXPECT(now.in_use_bytes >= before.in_use_bytes + 40);
	(void)ng_cookies_expire(c, config.ttl_ns);
	secret_get_usage(&now);
	EXPECT_INT(now.in_use_bytes, before.in_use_bytes);

	EXPECT_INT(begin(c, &alice, "offer", &k), NG_COOKIE_NEW);
	EXPECT_OK(ng_cookies_keep(c, k, 0));
	ng_cookie_set_call(c, k, STR("call"));
	ng_cookies_finish(c, k, STR("keys"), 0);
	ng_cookies_end_call(c, STR("another"));
	secret_get_usage(&now);
	EXPECT(now.in_use_bytes > before.in_use_bytes);
	ng_cookies_end_call(c, STR("call"));
	secret_get_usage(&now);
	EXPECT_INT(now.in_use_bytes, before.in_use_bytes);
	EXPECT_INT(begin(c, &alice, "offer", &k), NG_COOKIE_ANSWERED);
	EXPECT_INT(ng_cookie_reply(k).n, 0);

	EXPECT_OK(carry_out(c, &bob, "b", 0));
	ng_cookies_free(c);
	secret_get_usage(&now);
	EXPECT_INT(now.in_use_bytes, before.in_use_bytes);
}

static enum err remember_one(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k;
	enum ng_cookie_state state;
	enum err e = ng_cookies_new(&c, &config);

	if (e)
		return e;
	e = ng_cookies_begin(c, &alice, STR("a"), &k, &state);
	if (!e)
		e = ng_cookies_keep(c, k, 0);
	if (!e) {
		ng_cookies_finish(c, k, STR("reply"), 0);
		EXPECT_INT(ng_cookies_count(c), 1);
		e = ng_cookies_bytes(c) ? ERR_OK : ERR_NOMEM;
	}
	ng_cookies_free(c);
	return e;
}

static void survives_a_lack_of_memory(void)
{
	test_each_allocation_failing(remember_one);
}

TEST_MAIN("ng_cookies", {"a request is carried out once", a_request_is_carried_out_once},
          {"a reply belongs to one request", a_reply_belongs_to_one_request},
          {"only kept requests are remembered", only_kept_requests_are_remembered},
          {"a host washes nothing out", a_host_washes_nothing_out},
          {"replies have a limit of octets", replies_have_a_limit_of_octets},
          {"requests under way are limited for each host",
           requests_under_way_are_limited_for_each_host},
          {"replies are secrets", replies_are_secrets},
          {"survives a lack of memory", survives_a_lack_of_memory})
