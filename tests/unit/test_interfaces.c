/* SPDX-License-Identifier: MIT */
/* control/session: local addresses read from the settings, chosen by name, and assigned to the legs
 * of a session. */
#include "base/mem.h"
#include "control/conf.h"
#include "control/session/local.h"
#include "tests/harness/harness.h"

static struct conf conf;
static struct why why;

static enum err load(const char *lines)
{
	why = (struct why){""};
	return conf_load_text(&conf, str_of(lines), &why);
}

static struct interfaces all(void)
{
	return (struct interfaces){.items = conf.interfaces.items, .n = conf.interfaces.n};
}

static bool is_at(unsigned i, const char *name, const char *bind, const char *advertised)
{
	const struct relay_interface *f = &conf.interfaces.items[i];
	struct addr b, a;

	return i < conf.interfaces.n && !addr_parse_ip(str_of(bind), &b) &&
	       !addr_parse_ip(str_of(advertised), &a) && strcmp(f->name, name) == 0 &&
	       addr_eq(&f->bind, &b) && addr_eq(&f->advertised, &a);
}

/* --- settings --------------------------------------------------------------- */

static void every_form_is_read(void)
{
	EXPECT_OK(load(
		"interface = access/192.0.2.1\ninterface = access/2001:db8::1\ninterface = "
		"core/[2001:db8::2]!2001:db8::3\n"
		"interface = core/10.0.0.1!198.51.100.7\ninterface = 192.0.2.9\ninterface = "
		"2001:db8::9\ninterface = pub:1/192.0.2.3\n"
		"interface = a/192.0.2.4;b/192.0.2.5!192.0.2.6; b:2/[2001:db8::5]!2001:db8::6;\n"));
	EXPECT_INT(conf.interfaces.n, 10);
	EXPECT(is_at(0, "access", "192.0.2.1", "192.0.2.1"));
	EXPECT(is_at(1, "access", "2001:db8::1", "2001:db8::1"));
	EXPECT(is_at(2, "core", "2001:db8::2", "2001:db8::3"));
	EXPECT(is_at(3, "core", "10.0.0.1", "198.51.100.7"));
	EXPECT(is_at(4, "default", "192.0.2.9", "192.0.2.9"));
	EXPECT(is_at(5, "default", "2001:db8::9", "2001:db8::9"));
	EXPECT(is_at(6, "pub:1", "192.0.2.3", "192.0.2.3"));
	EXPECT(is_at(7, "a", "192.0.2.4", "192.0.2.4"));
	EXPECT(is_at(8, "b", "192.0.2.5", "192.0.2.6"));
	EXPECT(is_at(9, "b:2", "2001:db8::5", "2001:db8::6"));
	/* Two names may have the same address with different advertised addresses. */
	EXPECT_OK(load("interface = in/10.0.0.1\ninterface = out/10.0.0.1!198.51.100.7\n"));
	EXPECT_INT(conf.interfaces.n, 2);
}

static void errors_name_the_wrong_part(void)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"interface = access", "\"access\": must be NAME/ADDR"},
		{"interface = access/host.example", "\"host.example\": must be an IP address"},
		{"interface = access/192.0.2.1!", "\"\": must be an IP address"},
		{"interface = access/192.0.2.1!x", "\"x\": must be an IP address"},
		{"interface = access/[2001:db8::1", "\"[2001:db8::1\": must be an IP address"},
		{"interface = access/0.0.0.0", "0.0.0.0 is a wildcard"},
		{"interface = access/::", ":: is a wildcard"},
		{"interface = access/10.0.0.1!0.0.0.0", "0.0.0.0 is a wildcard"},
		{"interface = access/224.0.0.1", "224.0.0.1 is a multicast address"},
		{"interface = access/10.0.0.1!2001:db8::1",
	         "10.0.0.1 is IPv4 but its advertised address 2001:db8::1"},
		{"interface = ac cess/10.0.0.1", "\"ac cess/10.0.0.1\": must be NAME/ADDR"},
		{"interface = a:/10.0.0.1", "\"a:/10.0.0.1\": must be NAME/ADDR"},
		{"interface = :1/10.0.0.1", "\":1/10.0.0.1\": must be NAME/ADDR"},
		{"interface = a:1:2/10.0.0.1", "\"a:1:2/10.0.0.1\": must be NAME/ADDR"},
		{"interface = a/10.0.0.1\ninterface = a/10.0.0.1", "a/10.0.0.1 is given twice"},
		{"interface = a/2001:db8::1\ninterface = a/[2001:0db8:0::1]!2001:db8::2",
	         "a/[2001:0db8:0::1]!2001:db8::2 is given twice"},
		{"interface = ", "\"\": must be NAME/ADDR"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s", rows[i].line);
		EXPECT(load(rows[i].line) != ERR_OK);
		test_expect(strstr(why.text, rows[i].says) != NULL, __FILE__, __LINE__, "says: %s",
		            why.text);
	}
}

/* --- names ------------------------------------------------------------------ */

/* The interfaces that a name stands for: bit i is set for interface i. Zero if there is no such
 * name. */
static unsigned chosen(const char *text, uint8_t family)
{
	struct interfaces l = all();
	uint8_t choice;
	unsigned bits = 0;

	why = (struct why){""};
	if (interfaces_find(&l, str_of(text), &choice, &why))
		return 0;
	for (unsigned i = 0; i < l.n; i++)
		bits |= (unsigned)interfaces_has(&l, choice, i, family) << i;
	return bits;
}

static void names_stand_for_addresses(void)
{
	struct interfaces l;
	char text[INTERFACES_TEXT_MAX];
	uint8_t choice;

	REQUIRE_OK(load("interface = access/192.0.2.1\ninterface = access/2001:db8::1\ninterface = "
	                "core:1/10.0.0.1\n"
	                "interface = core:2/10.0.0.2\ninterface = core:2/2001:db8::2\n"));
	l = all();
	EXPECT_INT(chosen("access", 0), 3);
	EXPECT_INT(chosen("access", 4), 1);
	EXPECT_INT(chosen("access", 6), 2);
	EXPECT_INT(chosen("core", 0), 0x1c);
	EXPECT_INT(chosen("core", 4), 0x0c);
	EXPECT_INT(chosen("core:1", 0), 4);
	EXPECT_INT(chosen("core:1", 6), 0);
	EXPECT_INT(chosen("core:2", 0), 0x18);
	EXPECT_INT(chosen("access/2001:db8::1", 0), 2);
	EXPECT_INT(chosen("access/[2001:db8:0::1]", 0), 2);
	EXPECT_INT(chosen("core/10.0.0.2", 0), 8);
	EXPECT_INT(chosen("round-robin-calls", 4), 0x0d);
	EXPECT_INT(chosen("access/10.0.0.1", 0), 0);
	EXPECT(strstr(why.text, "no interface \"access/10.0.0.1\"; the interfaces are access, "
	                        "core:1, core:2") != NULL);
	EXPECT_INT(chosen("acces", 0), 0);
	EXPECT_INT(chosen("", 0), 0);
	EXPECT_INT(chosen("core:", 0), 0);
	/* A choice is printed as the name it was found by. */
	for (const char *const *t =
	             (const char *const[]){"access", "core", "core:2", "access/2001:db8::1",
	                                   "round-robin-calls", NULL};
	     *t; t++) {
		REQUIRE_OK(interfaces_find(&l, str_of(*t), &choice, &why));
		EXPECT(strcmp(interfaces_print(&l, choice, text), *t) == 0);
	}
	EXPECT_ERR(interfaces_lack(&l, choice, 6, &why), ERR_INVALID);
	REQUIRE_OK(interfaces_find(&l, STR("core:1"), &choice, &why));
	EXPECT_ERR(interfaces_lack(&l, choice, 6, &why), ERR_INVALID);
	EXPECT(strstr(why.text, "interface core:1 has no IPv6 address, only 10.0.0.1; add one "
	                        "(interface = NAME/ADDR) or name another interface"));
}

static void without_a_name(void)
{
	struct interfaces l;

	REQUIRE_OK(load("interface = access/192.0.2.1\ninterface = core/2001:db8::1\ninterface = "
	                "core/10.0.0.1\ninterface = access/192.0.2.2\n"));
	l = all();
	EXPECT(interfaces_has(&l, INTERFACES_ANY, 0, 4) &&
	       interfaces_has(&l, INTERFACES_ANY, 3, 4));
	EXPECT(!interfaces_has(&l, INTERFACES_ANY, 2, 4));
	EXPECT(interfaces_has(&l, INTERFACES_ANY, 1, 6));
	EXPECT_INT(interfaces_family(&l, INTERFACES_ANY, 6), 6);
	EXPECT_INT(interfaces_preferred(&l, INTERFACES_ANY, 6), 4);
}

/* --- legs ------------------------------------------------------------------- */

static struct local *local;
static uint64_t now_ns;

static bool begin(const char *lines)
{
	struct interfaces l;

	now_ns = 1000000000;
	if (!EXPECT_OK(load(lines)))
		return false;
	l = all();
	return EXPECT_OK(local_new(&local, &l, 1000, &why));
}

static struct spec_session *session(void)
{
	struct spec_session *s = NULL;
	struct spec_media *m;

	CHECK(!spec_new(&s));
	m = spec_patch_media(s, STR("0"));
	CHECK(m && spec_patch_leg(m, 0) && spec_patch_leg(m, 1));
	return s;
}

static struct spec_leg *leg(struct spec_session *s, unsigned i)
{
	return &s->media.items[0].legs.items[i];
}

static void name(struct spec_leg *l, const char *text)
{
	struct interfaces list = all();

	CHECK(!interfaces_find(&list, str_of(text), &l->choice, &why));
}

static void speak(struct spec_leg *l, const char *remote)
{
	CHECK(!addr_parse(str_of(remote), &l->relay.remote));
}

/* Returns the session after an update that changes nothing: its ports stay. */
static struct spec_session *again(const struct spec_session *s)
{
	struct spec_session *next = NULL;
	const struct spec_context context = {.interfaces = conf.interfaces.items,
	                                     .n_interfaces = conf.interfaces.n};
	struct spec_session *patch = NULL;

	CHECK(!spec_new(&patch));
	(void)spec_patch_media(patch, STR("0"));
	CHECK(!spec_apply(&next, s, patch, &context, &why));
	spec_free(patch);
	return next;
}

static void end(struct spec_session *s)
{
	local_release(local, s, NULL, true, now_ns);
	spec_free(s);
}

static unsigned used(unsigned interface)
{
	struct ports_usage u;

	local_usage(local, interface, now_ns, &u);
	return u.in_use;
}

static void calls_rotate_over_the_addresses(void)
{
	struct spec_session *s[6];
	unsigned n[4] = {0};

	REQUIRE(begin("interface = access:1/192.0.2.1\ninterface = access:2/192.0.2.2\ninterface = "
	              "access:2/2001:db8::2\ninterface = core/10.0.0.1\n"));
	for (unsigned i = 0; i < 6; i++) {
		s[i] = session();
		name(leg(s[i], 0), "access");
		name(leg(s[i], 1), "core");
		EXPECT_OK(local_assign(local, s[i], NULL, now_ns, &why));
		n[leg(s[i], 0)->at.interface]++;
	}
	EXPECT_INT(n[0], 3);
	EXPECT_INT(n[1], 3);
	EXPECT_INT(used(3), 6);
	for (unsigned i = 0; i < 6; i++)
		end(s[i]);
	EXPECT_INT(used(0) + used(1) + used(2) + used(3), 0);
	local_free(local);
}

static void a_full_address_is_skipped(void)
{
	struct spec_session *s[4];

	REQUIRE(begin("interface = a/192.0.2.1\ninterface = a/192.0.2.2\nport-min = "
	              "30000\nport-max = 30005\n"));
	for (unsigned i = 0; i < 4; i++) {
		s[i] = session();
		for (unsigned k = 0; k < 2; k++)
			name(leg(s[i], k), i == 0 ? "a/192.0.2.1" : "a");
	}
	/* Call 1 takes two of the three pairs of 192.0.2.1, call 2 two of 192.0.2.2, and call 3 one
	 * of each, because neither address has two left. */
	for (unsigned i = 0; i < 3; i++)
		EXPECT_OK(local_assign(local, s[i], NULL, now_ns, &why));
	EXPECT_INT(used(0), 3);
	EXPECT_INT(used(1), 3);
	EXPECT_ERR(local_assign(local, s[3], NULL, now_ns, &why), ERR_LIMIT);
	EXPECT(strstr(why.text, "media \"0\" leg a: interface a: no free port pair") != NULL);
	EXPECT(!leg(s[3], 0)->at.port && !leg(s[3], 1)->at.port);
	for (unsigned i = 0; i < 4; i++)
		end(s[i]);
	local_free(local);
}

static void legs_of_a_call_stay_together(void)
{
	struct spec_session *s[2];

	REQUIRE(begin("interface = a/192.0.2.1\ninterface = a/192.0.2.2\n"));
	for (unsigned i = 0; i < 2; i++) {
		struct spec_media *m;

		s[i] = session();
		m = spec_patch_media(s[i], STR("1"));
		CHECK(m && spec_patch_leg(m, 0) && spec_patch_leg(m, 1));
		EXPECT_OK(local_assign(local, s[i], NULL, now_ns, &why));
		EXPECT_INT(s[i]->media.items[1].legs.items[1].at.interface,
		           leg(s[i], 0)->at.interface);
	}
	EXPECT(leg(s[0], 0)->at.interface != leg(s[1], 0)->at.interface);
	end(s[0]);
	end(s[1]);
	local_free(local);
}

static void a_leg_follows_its_remote(void)
{
	struct spec_session *s, *next;
	struct spec_place v4, v6;

	REQUIRE(begin("interface = access/2001:db8::1\ninterface = access/192.0.2.1\ninterface = "
	              "core/10.0.0.1\n"));
	s = session();
	name(leg(s, 0), "access");
	name(leg(s, 1), "core");
	speak(leg(s, 1), "10.0.0.99:4000");
	/* The leg's remote is unknown, so the leg gets IPv4. Then the remote is IPv6, then IPv4
	 * again. */
	EXPECT_OK(local_assign(local, s, NULL, now_ns, &why));
	v4 = leg(s, 0)->at;
	EXPECT_INT(v4.interface, 1);
	next = again(s);
	speak(leg(next, 0), "[2001:db8::99]:4000");
	EXPECT_OK(local_assign(local, next, s, now_ns, &why));
	v6 = leg(next, 0)->at;
	EXPECT_INT(v6.interface, 0);
	EXPECT(leg(next, 0)->other.port == v4.port &&
	       leg(next, 0)->other.interface == v4.interface);
	EXPECT(leg(next, 1)->at.port == leg(s, 1)->at.port);
	spec_swap(s, next);
	local_release(local, next, s, true, now_ns);
	spec_free(next);
	EXPECT_INT(used(0), 1);
	EXPECT_INT(used(1), 1);
	next = again(s);
	speak(leg(next, 0), "192.0.2.99:4000");
	EXPECT_OK(local_assign(local, next, s, now_ns, &why));
	EXPECT(leg(next, 0)->at.port == v4.port && leg(next, 0)->at.interface == v4.interface);
	EXPECT(leg(next, 0)->other.port == v6.port &&
	       leg(next, 0)->other.interface == v6.interface);
	spec_swap(s, next);
	local_release(local, next, s, true, now_ns);
	spec_free(next);
	/* Another interface name changes both addresses of the leg. */
	next = again(s);
	name(leg(next, 0), "core");
	EXPECT_OK(local_assign(local, next, s, now_ns, &why));
	EXPECT(leg(next, 0)->at.interface == 2 && !leg(next, 0)->other.port);
	spec_swap(s, next);
	local_release(local, next, s, true, now_ns);
	spec_free(next);
	EXPECT_INT(used(0) + used(1), 0);
	/* If the interface has no address of the remote's family, nothing changes, and the error
	 * lists the addresses it has. */
	next = again(s);
	speak(leg(next, 1), "[2001:db8::99]:4000");
	EXPECT_ERR(local_assign(local, next, s, now_ns, &why), ERR_INVALID);
	EXPECT(strstr(why.text, "media \"0\" leg b: remote [2001:db8::99]:4000: interface core has "
	                        "no IPv6 address, only 10.0.0.1") != NULL);
	EXPECT_INT(used(2), 2);
	spec_free(next);
	end(s);
	local_free(local);
}

static void the_family_field_holds_until_then(void)
{
	struct spec_session *s, *next;

	REQUIRE(begin("interface = access/192.0.2.1\ninterface = access/2001:db8::1\n"));
	s = session();
	name(leg(s, 0), "access");
	leg(s, 0)->family = 6;
	EXPECT_OK(local_assign(local, s, NULL, now_ns, &why));
	EXPECT_INT(leg(s, 0)->at.interface, 1);
	EXPECT_INT(leg(s, 1)->at.interface, 0);
	next = again(s);
	speak(leg(next, 0), "192.0.2.99:4000");
	EXPECT_OK(local_assign(local, next, s, now_ns, &why));
	EXPECT_INT(leg(next, 0)->at.interface, 0);
	EXPECT_INT(leg(next, 0)->other.interface, 1);
	/* The ports that a failed update took are released, and can be taken again. */
	local_release(local, next, s, false, now_ns);
	EXPECT_INT(used(0), 1);
	EXPECT_OK(local_assign(local, next, s, now_ns, &why));
	EXPECT_INT(leg(next, 0)->at.interface, 0);
	EXPECT(leg(next, 0)->other.port == leg(s, 0)->at.port);
	spec_swap(s, next);
	local_release(local, next, s, true, now_ns);
	spec_free(next);
	end(s);
	EXPECT_INT(used(0) + used(1), 0);
	local_free(local);
}

static void two_names_on_one_address_share_its_ports(void)
{
	struct spec_session *s[2];

	REQUIRE(begin("interface = in/10.0.0.1\ninterface = out/10.0.0.1!198.51.100.7\nport-min = "
	              "30000\nport-max = 30005\n"));
	for (unsigned i = 0; i < 2; i++) {
		s[i] = session();
		name(leg(s[i], 0), "out");
		name(leg(s[i], 1), "in");
	}
	EXPECT_OK(local_assign(local, s[0], NULL, now_ns, &why));
	EXPECT(leg(s[0], 0)->at.port != leg(s[0], 1)->at.port);
	EXPECT_INT(leg(s[0], 0)->at.interface, 1);
	EXPECT_INT(used(0), 2);
	EXPECT_INT(used(1), 2);
	EXPECT_ERR(local_assign(local, s[1], NULL, now_ns, &why), ERR_LIMIT);
	EXPECT_INT(used(0), 2);
	end(s[0]);
	spec_free(s[1]);
	EXPECT_INT(used(1), 0);
	local_set_quarantine(local, 0);
	local_free(local);
}

TEST_MAIN("interfaces", {"every form is read", every_form_is_read},
          {"errors name the wrong part", errors_name_the_wrong_part},
          {"names stand for addresses", names_stand_for_addresses},
          {"without a name", without_a_name},
          {"calls rotate over the addresses", calls_rotate_over_the_addresses},
          {"a full address is skipped", a_full_address_is_skipped},
          {"legs of a call stay together", legs_of_a_call_stay_together},
          {"a leg follows its remote", a_leg_follows_its_remote},
          {"the family field holds until then", the_family_field_holds_until_then},
          {"two names on one address share its ports", two_names_on_one_address_share_its_ports})
