/* SPDX-License-Identifier: MIT */
/* control/session/target: the check of media targets. Every reason, each notation of an address,
 * settings, the owners of ports, and what workers ask about. */
#include "base/clk.h"
#include "control/conf.h"
#include "control/session/port_book.h"
#include "control/session/target.h"
#include "tests/harness/harness.h"

static struct addr ip(const char *text)
{
	struct addr a = {0};

	CHECK(addr_parse_ip(str_of(text), &a) == ERR_OK);
	return a;
}

static struct addr at(const char *text)
{
	struct addr a = {0};

	CHECK(addr_parse(str_of(text), &a) == ERR_OK);
	return a;
}

static struct relay_interface interfaces[2];
static struct target_local locals[7];
static struct addr listeners[4];

/* A gateway with 192.0.2.10/24 and 2001:db8::10 on device 2, and 10.9.0.1/16 and link-local
 * addresses on device 3. Its NAT maps 192.0.2.10 to 198.51.100.7. */
static struct target_facts facts_now(void)
{
	interfaces[0] = (struct relay_interface){
		.name = "access",
		.bind = ip("192.0.2.10"),
		.advertised = ip("198.51.100.7"),
		.port_min = 30000,
		.port_max = 30099,
	};
	interfaces[1] = (struct relay_interface){
		.name = "core",
		.bind = ip("10.9.0.1"),
		.advertised = ip("10.9.0.1"),
		.port_min = 30000,
		.port_max = 30099,
	};
	locals[0] = (struct target_local){
		.ip = ip("192.0.2.10"),
		.bits = 24,
		.is_broadcast = true,
		.device = 2,
	};
	locals[1] = (struct target_local){
		.ip = ip("2001:db8::10"),
		.bits = 128,
		.is_broadcast = true,
		.device = 2,
	};
	locals[2] = (struct target_local){
		.ip = ip("10.9.0.1"),
		.bits = 16,
		.is_broadcast = true,
		.device = 3,
	};
	locals[3] = (struct target_local){
		.ip = ip("169.254.7.7"),
		.bits = 16,
		.is_broadcast = true,
		.device = 3,
	};
	locals[4] = (struct target_local){
		.ip = ip("127.0.0.1"),
		.bits = 8,
		.is_broadcast = true,
		.device = 1,
	};
	locals[5] = (struct target_local){
		.ip = ip("172.16.0.1"),
		.bits = 31,
		.is_broadcast = true,
		.device = 4,
	};
	locals[6] = (struct target_local){
		.ip = ip("fe80::10"),
		.bits = 128,
		.is_broadcast = true,
		.device = 3,
	};
	listeners[0] = at("192.0.2.10:2223");
	listeners[1] = at("127.0.0.1:9101");
	listeners[2] = at("0.0.0.0:2224");
	listeners[3] = at("[::1]:5999");
	return (struct target_facts){
		.interfaces = interfaces,
		.n_interfaces = 2,
		.locals = locals,
		.n_locals = 7,
		.listeners = listeners,
		.n_listeners = 4,
	};
}

/* reason: a part of the error; NULL if the target is allowed. */
struct judged {
	const char *own, *target, *reason;
};

static void expect(const struct target_facts *f, const struct judged *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct addr own = ip(rows[i].own), target = at(rows[i].target);
		struct why why = {""};
		char text[ADDR_TEXT_MAX];
		enum err e = target_judge(f, &target, &own, false, &why);

		test_context("from %s to %s: %s", rows[i].own, rows[i].target, why.text);
		EXPECT_INT(e, rows[i].reason ? ERR_DENIED : ERR_OK);
		if (rows[i].reason)
			EXPECT(strstr(why.text, rows[i].reason) &&
			       strstr(why.text, addr_print(&target, text)));
	}
}

static void reasons(void)
{
	static const struct judged rows[] = {
		{"192.0.2.10", "203.0.113.5:4000", NULL},
		{"192.0.2.10", "203.0.113.5:53", NULL},
		{"192.0.2.10", "203.0.113.5:0", NULL},
		{"192.0.2.10", "203.0.113.5:2223", NULL},
		/* an own address without a listener on the port */
		{"192.0.2.10", "192.0.2.10:30000", NULL},
		{"192.0.2.10", "10.9.0.1:5060", NULL},
		/* the port of one of our listeners, on any own address */
		{"192.0.2.10", "192.0.2.10:2223", "listener"},
		{"10.9.0.1", "192.0.2.10:2223", "listener"},
		{"192.0.2.10", "10.9.0.1:2223", "listener"},
		{"192.0.2.10", "10.9.0.1:2224", "listener"},
		{"192.0.2.10", "172.16.0.1:2224", "listener"},
		{"192.0.2.10", "[2001:db8::10]:2224", "listener"},
		{"192.0.2.10", "198.51.100.7:2223", "listener"},
		{"127.0.0.1", "127.0.0.1:2223", "listener"},
		{"127.0.0.1", "127.99.0.1:9101", "listener"},
		{"::1", "[::1]:5999", "listener"},
		{"192.0.2.10", "10.9.0.1:9101", "listener"},
		/* loopback: allowed only from a loopback address */
		{"192.0.2.10", "127.0.0.1:4000", "loopback"},
		{"192.0.2.10", "127.255.255.254:4000", "loopback"},
		{"2001:db8::10", "[::1]:4000", "loopback"},
		{"127.0.0.1", "127.0.0.1:4000", NULL},
		{"127.0.0.2", "127.3.0.1:4000", NULL},
		{"::1", "[::1]:4000", NULL},
		/* unspecified, multicast and broadcast addresses */
		{"192.0.2.10", "0.0.0.0:4000", "unspecified"},
		{"127.0.0.1", "0.0.0.7:4000", "unspecified"},
		{"2001:db8::10", "[::]:4000", "unspecified"},
		{"192.0.2.10", "224.0.0.1:4000", "multicast"},
		{"192.0.2.10", "239.255.255.255:4000", "multicast"},
		{"2001:db8::10", "[ff02::1]:4000", "multicast"},
		{"192.0.2.10", "255.255.255.255:4000", "broadcast"},
		{"192.0.2.10", "192.0.2.255:4000", "broadcast"},
		{"192.0.2.10", "192.0.2.0:4000", "broadcast"},
		{"192.0.2.10", "10.9.255.255:4000", "broadcast"},
		{"192.0.2.10", "10.9.1.255:4000", NULL},
		{"192.0.2.10", "172.16.0.0:4000", NULL},
		/* link-local addresses: allowed only on the device of the leg's own address */
		{"192.0.2.10", "169.254.169.254:80", "link-local"},
		{"10.9.0.1", "169.254.1.1:4000", NULL},
		{"169.254.7.7", "169.254.1.1:4000", NULL},
		{"2001:db8::10", "[fe80::1]:4000", "link-local"},
		{"2001:db8::10", "[fe80::1%3]:4000", "link-local"},
		{"fe80::10%3", "[fe80::1%3]:4000", NULL},
		{"fe80::10%3", "[fe80::1]:4000", NULL},
		{"fe80::10%3", "[fe80::1%2]:4000", "link-local"},
		/* IPv4-mapped and translated addresses: the IPv4 address in them is checked */
		{"192.0.2.10", "[::ffff:127.0.0.1]:4000", "loopback"},
		{"192.0.2.10", "[::ffff:192.0.2.10]:2223", "listener"},
		{"192.0.2.10", "[::ffff:224.0.0.1]:4000", "multicast"},
		{"2001:db8::10", "[::127.0.0.1]:4000", "loopback"},
		{"2001:db8::10", "[64:ff9b::127.0.0.1]:4000", "loopback"},
		{"2001:db8::10", "[64:ff9b::c000:20a]:2223", "listener"},
		{"2001:db8::10", "[2002:7f00:1::1]:4000", "loopback"},
		{"2001:db8::10", "[64:ff9b::203.0.113.5]:4000", NULL},
	};
	struct target_facts f = facts_now();

	expect(&f, rows, ARRAY_LEN(rows));
}

/* An IPv4-mapped address that is still IPv6, because addr_parse did not convert it. */
static void mapped_as_octets(void)
{
	struct target_facts f = facts_now();
	struct addr own = ip("192.0.2.10"), a = {.version = 6,
	                                         .port = 4000,
	                                         .ip = {[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}};

	EXPECT_INT(target_judge(&f, &a, &own, false, NULL), ERR_DENIED);
	a.ip[12] = 203;
	EXPECT_OK(target_judge(&f, &a, &own, false, NULL));
}

static void settings(void)
{
	static const struct judged rows[] = {
		{"192.0.2.10", "10.1.2.3:4000", "media-deny"},
		{"192.0.2.10", "10.1.7.3:4000", NULL},
		{"2001:db8::10", "[2001:db8:5::1]:4000", "media-deny"},
		{"192.0.2.10", "127.0.0.1:4000", NULL},
		{"192.0.2.10", "169.254.169.254:4000", "link-local"},
		{"192.0.2.10", "127.0.0.1:9101", "listener"},
		{"192.0.2.10", "192.0.2.255:4000", "broadcast"},
		{"192.0.2.10", "203.0.113.9:4000", NULL},
	};
	static struct conf c;
	struct why why = {""};
	struct target_facts f = facts_now();

	REQUIRE_OK(conf_load_text(
		&c,
		STR("media-deny = 10.0.0.0/8 ,2001:db8:5::/48\nmedia-deny = 172.16.0.0/12\n"
	            "media-allow = 10.1.7.0/24, 127.0.0.0/8, 192.0.2.255, 203.0.113.9\n"),
		&why));
	EXPECT_INT(c.media_deny.n, 3);
	EXPECT_INT(c.media_allow.n, 4);
	f.deny = c.media_deny.items;
	f.n_deny = c.media_deny.n;
	f.allow = c.media_allow.items;
	f.n_allow = c.media_allow.n;
	expect(&f, rows, ARRAY_LEN(rows));
	/* A target in use keeps its permission when settings change, but not against the rules that
	 * no setting can relax. */
	EXPECT_OK(target_judge(&f, &(struct addr){.version = 4, .ip = {10, 1, 2, 3}, .port = 4000},
	                       &interfaces[0].bind, true, &why));
	EXPECT_INT(target_judge(&f, &listeners[0], &interfaces[0].bind, true, &why), ERR_DENIED);
	EXPECT_INT(conf_load_text(&c, STR("media-deny = 10.0.0.0/33\n"), &why), ERR_INVALID);
	EXPECT_INT(conf_load_text(&c, STR("media-deny = 10.0.0.0/8,\n"), &why), ERR_INVALID);
	EXPECT_INT(conf_load_text(&c, STR("media-allow = here\n"), &why), ERR_INVALID);
}

static bool is_asked(const struct relay_asked *l, const char *text)
{
	struct addr a = at(text);

	for (unsigned i = 0; i < l->n; i++)
		if (a.port >= l->entries[i].port_min && a.port <= l->entries[i].port_max &&
		    addr_net_has(&l->entries[i].net, &a))
			return true;
	return false;
}

/* Workers ask about every source that the check may refuse, and about our own media ports, but not
 * about ordinary peers. */
static void what_workers_ask(void)
{
	static const char *const asked[] = {
		"192.0.2.10:30000", "198.51.100.7:30001",  "10.9.0.1:30099", "192.0.2.10:2223",
		"10.9.0.1:2224",    "[2001:db8::10]:2224", "127.0.0.1:4000", "[::1]:4000",
		"0.0.0.0:9",        "224.0.0.1:9",         "[ff02::1]:9",    "255.255.255.255:9",
		"192.0.2.255:9",    "10.9.255.255:9",      "10.9.0.0:9",     "169.254.1.1:9",
		"[fe80::1]:9",      "[64:ff9b::1]:9",      "[2002::1]:9",    "172.16.9.9:9"};
	static const char *const not_asked[] = {"203.0.113.5:30000", "192.0.2.10:29999",
	                                        "192.0.2.11:30000", "[2001:db8::77]:4000"};
	static struct relay_asked l;
	struct target_facts f = facts_now();
	struct addr_net deny = {.net = ip("172.16.0.0"), .bits = 12};

	f.deny = &deny;
	f.n_deny = 1;
	l.n = target_asked(&f, l.entries, RELAY_ASKED_MAX);
	REQUIRE(l.n <= RELAY_ASKED_MAX);
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		test_context("%s", asked[i]);
		EXPECT(is_asked(&l, asked[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(not_asked); i++) {
		test_context("%s", not_asked[i]);
		EXPECT(!is_asked(&l, not_asked[i]));
	}
	EXPECT_INT(target_asked(&f, l.entries, 3), l.n);
}

static bool holds(const struct port_book *b, const char *text, uint64_t now_ns)
{
	struct addr a = at(text);

	return port_book_holds(b, &a, now_ns);
}

static void ports_have_holders(void)
{
	struct port_book *b = NULL;
	struct registry_session *someone = (struct registry_session *)(void *)&listeners;
	struct leg_name leg = {.session = someone, .media = 1, .leg = 2},
			found[PORT_BOOK_FINDS_MAX];
	struct addr a, said = ip("203.0.113.200");

	(void)facts_now();
	REQUIRE_OK(port_book_new(&b, interfaces, 2));
	EXPECT(!holds(b, "192.0.2.10:30010", 0));
	port_book_take(b, 0, 30010, &leg);
	EXPECT(holds(b, "192.0.2.10:30010", 0) && holds(b, "192.0.2.10:30011", 0) &&
	       holds(b, "198.51.100.7:30010", 0));
	EXPECT(!holds(b, "192.0.2.10:30012", 0) && !holds(b, "192.0.2.10:30009", 0) &&
	       !holds(b, "10.9.0.1:30010", 0));
	EXPECT(!holds(b, "192.0.2.10:1", 0) && !holds(b, "192.0.2.10:65535", 0) &&
	       !holds(b, "203.0.113.200:30010", 0));
	port_book_say(b, 0, &said);
	EXPECT(holds(b, "203.0.113.200:30010", 0));
	a = at("198.51.100.7:30011");
	EXPECT_INT(port_book_find(b, &a, found), 1);
	EXPECT(found[0].session == someone && found[0].media == 1 && found[0].leg == 2);
	a = port_book_inside(b, &a);
	EXPECT(addr_is_same_host(&a, &interfaces[0].bind) && a.port == 30011);
	a = at("198.51.100.7:5060");
	a = port_book_inside(b, &a);
	EXPECT(!addr_is_same_host(&a, &interfaces[0].bind));
	/* For one second after it is closed a port still counts as ours. */
	port_book_give(b, 0, 30010, 7 * NS_PER_S);
	EXPECT(holds(b, "192.0.2.10:30010", 8 * NS_PER_S - 1) &&
	       !holds(b, "192.0.2.10:30010", 8 * NS_PER_S));
	a = at("192.0.2.10:30010");
	EXPECT_INT(port_book_find(b, &a, found), 0);
	/* A port that is released unused (time 0) stops counting at once: it has sent nothing. */
	port_book_take(b, 1, 30000, &leg);
	port_book_give(b, 1, 30000, 0);
	EXPECT(!holds(b, "10.9.0.1:30000", 1));
	port_book_free(b);
}

/* Two names have one bind address: the ports of both are found by the bind address and by either
 * advertised address. */
static void one_address_has_two_names(void)
{
	static struct relay_interface two[2];
	struct port_book *b = NULL;
	struct leg_name leg = {.session = (struct registry_session *)(void *)&listeners};

	for (unsigned i = 0; i < 2; i++) {
		two[i] = (struct relay_interface){
			.bind = ip("10.9.0.1"),
			.port_min = 30000,
			.port_max = 30100,
		};
		two[i].advertised = ip(i ? "198.51.100.9" : "10.9.0.1");
	}
	REQUIRE_OK(port_book_new(&b, two, 2));
	port_book_take(b, 0, 30010, &leg);
	EXPECT(holds(b, "10.9.0.1:30010", 0));
	EXPECT(holds(b, "198.51.100.9:30010", 0));
	port_book_give(b, 0, 30010, 0);
	port_book_take(b, 1, 30020, &leg);
	EXPECT(holds(b, "10.9.0.1:30020", 0));
	EXPECT(holds(b, "198.51.100.9:30021", 0));
	port_book_free(b);
}

TEST_MAIN("target", {"reasons", reasons}, {"mapped_as_octets", mapped_as_octets},
          {"settings", settings}, {"what_workers_ask", what_workers_ask},
          {"ports_have_holders", ports_have_holders},
          {"one_address_has_two_names", one_address_has_two_names})
