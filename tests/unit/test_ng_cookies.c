/* SPDX-License-Identifier: MIT */
/* control/ng/cookies: replies kept for retransmissions. Every state and event, limits, and
 * expiry. */
#include "control/ng/cookies.h"

#include "base/clk.h"
#include "base/mem.h"
#include "tests/harness/harness.h"

static const struct ng_cookies_config config = {
	.ttl_ns = 10 * NS_PER_S, .count_max = 4, .bytes_max = 100};
static const struct addr alice = {.version = 4, .ip = {127, 0, 0, 1}, .port = 1000};
static const struct addr alice_elsewhere = {.version = 4, .ip = {127, 0, 0, 1}, .port = 2000};
static const struct addr bob = {.version = 4, .ip = {127, 0, 0, 2}, .port = 1000};

static enum ng_cookie_state begin(struct ng_cookies *c, const struct addr *from, const char *cookie,
                                  uint64_t now, struct ng_cookie **k)
{
	enum ng_cookie_state state = NG_COOKIE_NEW;

	*k = NULL;
	EXPECT_OK(ng_cookies_begin(c,
	                           &(struct ng_cookie_name){.from = from, .cookie = str_of(cookie)},
	                           now, k, &state));
	return state;
}

static void a_request_is_carried_out_once(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k, *again;

	REQUIRE_OK(ng_cookies_new(&c, &config));
	EXPECT_INT(begin(c, &alice, "1_2", 0, &k), NG_COOKIE_NEW);
	EXPECT(str_is(ng_cookie_text(k), "1_2"));
	EXPECT_INT(begin(c, &alice, "1_2", 1, &again), NG_COOKIE_UNDER_WAY);
	EXPECT(again == k);
	EXPECT_INT(begin(c, &bob, "1_2", 1, &again), NG_COOKIE_NEW);
	ng_cookies_finish(c, again, STR("bob's"), 1);
	ng_cookies_finish(c, k, STR("reply"), 2);
	EXPECT_INT(begin(c, &alice_elsewhere, "1_2", 3, &again), NG_COOKIE_ANSWERED);
	EXPECT(str_is(ng_cookie_reply(again), "reply"));
	EXPECT_INT(begin(c, &alice, "1_2", 2 + config.ttl_ns - 1, &again), NG_COOKIE_ANSWERED);
	EXPECT_INT(begin(c, &alice, "1_2", 2 + config.ttl_ns, &again), NG_COOKIE_NEW);
	ng_cookies_free(c);
}

/* Many new cookies push out old replies but never requests under way, and their number stays within
 * the limit. */
static void bounds_hold(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k, *kept, *waiting[4];
	enum ng_cookie_state state;
	char name[16];

	REQUIRE_OK(ng_cookies_new(&c, &config));
	EXPECT_INT(begin(c, &alice, "under way", 0, &kept), NG_COOKIE_NEW);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		EXPECT_INT(begin(c, &alice, name, 1, &k), NG_COOKIE_NEW);
		ng_cookies_finish(c, k, STR("0123456789012345678901234567890123456789"), 1);
		EXPECT(ng_cookies_count(c) <= config.count_max);
	}
	/* The limit has room for two replies of 40 octets and the request under way. */
	EXPECT_INT(ng_cookies_count(c), 3);
	EXPECT_INT(begin(c, &alice, "under way", 1, &k), NG_COOKIE_UNDER_WAY);
	ng_cookies_finish(c, kept, STR("x"), 1);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		EXPECT_INT(begin(c, &alice, name, 2, &waiting[i]), NG_COOKIE_NEW);
	}
	EXPECT_ERR(ng_cookies_begin(
			   c, &(struct ng_cookie_name){.from = &alice, .cookie = STR("one more")},
			   2, &k, &state),
	           ERR_BUSY);
	EXPECT_ERR(ng_cookies_begin(c,
	                            &(struct ng_cookie_name){
					    .from = &alice,
					    .cookie = str_make(name, NG_COOKIE_MAX + 1),
				    },
	                            2, &k, &state),
	           ERR_TOO_BIG);
	for (int i = 0; i < 4; i++)
		ng_cookies_finish(c, waiting[i], STR("done"), 3);
	ng_cookies_free(c);
}

static void a_reply_too_big_to_keep_is_forgotten(void)
{
	static const char big[101];
	struct ng_cookies *c;
	struct ng_cookie *k;

	REQUIRE_OK(ng_cookies_new(&c, &config));
	begin(c, &alice, "a", 0, &k);
	ng_cookies_finish(c, k, str_make(big, sizeof(big)), 0);
	EXPECT_INT(ng_cookies_count(c), 0);
	EXPECT_INT(begin(c, &alice, "a", 0, &k), NG_COOKIE_NEW);
	ng_cookies_free(c);
}

static enum err remember_one(void)
{
	struct ng_cookies *c;
	struct ng_cookie *k;
	enum ng_cookie_state state;
	enum err e = ng_cookies_new(&c, &config);

	if (e)
		return e;
	e = ng_cookies_begin(c, &(struct ng_cookie_name){.from = &alice, .cookie = STR("a")}, 0, &k,
	                     &state);
	if (!e) {
		ng_cookies_finish(c, k, STR("reply"), 0);
		e = ng_cookies_count(c) ? ERR_OK : ERR_NOMEM;
	}
	ng_cookies_free(c);
	return e;
}

static void survives_a_lack_of_memory(void)
{
	test_each_allocation_failing(remember_one);
}

TEST_MAIN("ng_cookies", {"a request is carried out once", a_request_is_carried_out_once},
          {"bounds hold", bounds_hold},
          {"a reply too big to keep is forgotten", a_reply_too_big_to_keep_is_forgotten},
          {"survives a lack of memory", survives_a_lack_of_memory})
