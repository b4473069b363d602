/* SPDX-License-Identifier: MIT */
/* keyctx/ticket: every combination of ticket flags and suites, the times of a ticket, and every
 * step of the state machines. */
#include <stdlib.h>

#include "base/clk.h"
#include "keyctx/mikey/csmap.h"
#include "keyctx/ticket/policy.h"
#include "keyctx/ticket/rules.h"
#include "keyctx/ticket/step.h"
#include "tests/harness/harness.h"

static bool has(unsigned flags, unsigned f)
{
	return flags & f;
}

/* The conditions of RFC 6043 6.10, written a second time without the table under test. */
static bool is_consistent(unsigned f, bool tgk)
{
	bool maker = has(f, TICKET_D) ? true : has(f, TICKET_L) && !has(f, TICKET_K);
	bool forking = !has(f, TICKET_I) || (has(f, TICKET_E) && (!tgk || has(f, TICKET_F)));
	bool response = has(f, TICKET_F) || (!has(f, TICKET_G) && !has(f, TICKET_M));

	return maker && forking && response && (has(f, TICKET_G) || has(f, TICKET_H));
}

static void flags(void)
{
	for (unsigned f = 0; f < 4096; f++)
		for (unsigned tgk = 0; tgk < 2; tgk++) {
			char text[16];
			uint16_t back;

			test_context("%s tgk %u", ticket_flags_text(f, text), tgk);
			if (!EXPECT_INT(ticket_flags_conflict(f, tgk) == NULL,
			                is_consistent(f, tgk)))
				return;
			EXPECT_OK(ticket_flags_parse(str_of(text), &back));
			EXPECT_INT(back, f);
		}
	EXPECT_ERR(ticket_flags_parse(STR("DX"), &(uint16_t){0}), ERR_SYNTAX);
}

static const char *const bob = "sip:bob@home.example";

static struct mikey_id uri(const char *c)
{
	return (struct mikey_id){
		.type = MIKEY_ID_URI,
		.data = {.p = (const uint8_t *)c, .n = strlen(c)},
	};
}

/* Writes `spec` as a TP payload and reads it into `out`. */
static enum err read_back(const struct ticket_policy_spec *spec, bool granted,
                          struct ticket_policy *out, uint8_t *room, size_t n)
{
	struct wr w = wr_make(room, n);
	struct mikey_payload p;
	struct rd r;
	enum err e;
	size_t len_at;

	wr_u8(&w, 0);
	wr_u16(&w, spec->ticket_type);
	wr_u8(&w, 1);
	wr_u8(&w, 1);
	wr_u24(&w, (uint32_t)spec->prf << 17 | (uint32_t)spec->flags << 5);
	len_at = wr_len(&w);
	wr_u16(&w, 0);
	ticket_policy_write(&w, spec, granted);
	wr_patch_u16(&w, len_at, (uint16_t)(wr_len(&w) - len_at - 2));
	CHECK(wr_ok(&w));
	r = rd_make(room, wr_len(&w));
	e = mikey_payload_read(&r, MIKEY_TP, 0, &p, NULL);
	return e ? e : ticket_policy_read(out, &p, NULL);
}

static void written_and_read(void)
{
	static uint8_t room[2048];
	struct mikey_id r = uri(bob), app = uri("app:phone");
	struct ticket_wish wish = {.type = MIKEY_TEK_SALT,
	                           .len = 16,
	                           .salt_len = 14,
	                           .spi = {.p = (const uint8_t *)"x", .n = 1}};
	struct ticket_policy_spec spec = {.ticket_type = 1,
	                                  .flags = TICKET_D | TICKET_E | TICKET_H | TICKET_N |
	                                           TICKET_O,
	                                  .idr_kms = uri("sip:kms"),
	                                  .idr_i = uri("sip:alice"),
	                                  .has_start = true,
	                                  .has_rekey = true,
	                                  .start = {MIKEY_TS_NTP_UTC_32, 7},
	                                  .rekey = {MIKEY_TS_NTP_UTC_32, 60},
	                                  .wishes = &wish,
	                                  .n_wishes = 1,
	                                  .app = &app,
	                                  .n_app = 1,
	                                  .r = &r,
	                                  .n_r = 1};
	struct ticket_policy p;
	struct ticket_policy_spec back;
	struct ticket_wish wishes[4];

	REQUIRE_OK(read_back(&spec, false, &p, room, sizeof(room)));
	ticket_policy_spec_of(&back, &p, wishes, 4);
	EXPECT_INT(back.n_wishes, 1);
	EXPECT_INT(back.wishes[0].type, MIKEY_TEK_SALT);
	EXPECT_INT(back.wishes[0].salt_len, 14);
	EXPECT_INT(back.n_app, 1);
	EXPECT(mikey_id_eq(back.r[0], r));
	EXPECT(back.has_rekey && back.rekey.value == 60 && !back.has_end);
	EXPECT_OK(ticket_policy_check(&p, TICKET_WANTED, 2, NULL));
	EXPECT_ERR(ticket_policy_check(&p, TICKET_GRANTED, 2, NULL),
	           ERR_INVALID); /* a granted policy must have no KEMAC */
	REQUIRE_OK(read_back(&spec, true, &p, room, sizeof(room)));
	EXPECT_OK(ticket_policy_check(&p, TICKET_GRANTED, 2, NULL));
}

static void refused(void)
{
	static const struct {
		const char *what;
		uint16_t type, flags;
		uint8_t prf;
		bool nobody;
		enum mikey_error no;
	} rows[] = {
		{"type 0", 0, TICKET_D | TICKET_H | TICKET_N | TICKET_O, 0, false, MIKEY_E_TICKET},
		{"type 3", 3, TICKET_D | TICKET_H | TICKET_N | TICKET_O, 0, false, MIKEY_E_TICKET},
		{"type 65535", 65535, TICKET_D | TICKET_H | TICKET_N | TICKET_O, 0, false,
	         MIKEY_E_TICKET},
		{"N=0", 1, TICKET_D | TICKET_H | TICKET_O, 0, false, MIKEY_E_TICKET},
		{"O=0", 1, TICKET_D | TICKET_H | TICKET_N, 0, false, MIKEY_E_TICKET},
		{"no G, no H", 1, TICKET_D | TICKET_N | TICKET_O, 0, false, MIKEY_E_TPPAR},
		{"PRF 2", 1, TICKET_D | TICKET_H | TICKET_N | TICKET_O, 2, false, MIKEY_E_TPPAR},
		{"nobody", 1, TICKET_D | TICKET_H | TICKET_N | TICKET_O, 0, true, MIKEY_E_TPPAR},
	};
	static uint8_t room[512];
	struct mikey_id r = uri(bob);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ticket_policy_spec spec = {.ticket_type = rows[i].type,
		                                  .flags = rows[i].flags,
		                                  .prf = rows[i].prf,
		                                  .r = &r,
		                                  .n_r = !rows[i].nobody,
		                                  .idr_i = uri("sip:alice")};
		struct mikey_fault fault = {0};
		struct ticket_policy p;

		test_context("%s", rows[i].what);
		REQUIRE_OK(read_back(&spec, true, &p, room, sizeof(room)));
		EXPECT(ticket_policy_check(&p, TICKET_GRANTED, 1u << 1 | 1u << 2, &fault) !=
		       ERR_OK);
		EXPECT_INT(fault.no, rows[i].no);
	}
}

/* RFC 6043 6.2.1: each requested key must have an SPI. */
static void wishes_without_spi(void)
{
	static const struct {
		const char *what, *key;
		enum err want;
	} rows[] = {
		{"SPI",
	         "00010010"
	         "00000000000000000000000000000000"
	         "0155",
	         ERR_OK},
		{"SPI of zeros",
	         "00010010"
	         "00000000000000000000000000000000"
	         "0400000000",
	         ERR_OK},
		{"KV NULL",
	         "00000010"
	         "00000000000000000000000000000000",
	         ERR_INVALID},
		{"SPI of no octets",
	         "00010010"
	         "00000000000000000000000000000000"
	         "00",
	         ERR_INVALID},
		{"TEK, KV NULL",
	         "00200010"
	         "00000000000000000000000000000000",
	         ERR_INVALID},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t octets[64];
		struct ticket_policy p = {
			.has_kemac = true,
			.kemac = {.type = MIKEY_KEMAC,
		                  .u.kemac.data = {octets,
		                                   test_hex(rows[i].key, octets, sizeof(octets))}}};
		struct ticket_wish wishes[MIKEY_KEYS_MAX];
		struct mikey_fault fault = {0};
		size_t n = 0;

		test_context("%s", rows[i].what);
		EXPECT_ERR(ticket_policy_wishes(&p, wishes, MIKEY_KEYS_MAX, &n, &fault),
		           rows[i].want);
		if (rows[i].want)
			EXPECT(fault.no == MIKEY_E_TPPAR && strstr(fault.why.text, "SPI"));
		else
			EXPECT_INT((int)n, 1);
	}
}

/* RFC 6043 6.10: TRr must be NTP-UTC-32; TRs and TRe may be 64-bit times; none may be a counter. */
static void types_of_times(void)
{
	static const struct {
		enum mikey_ts_type start, rekey;
		bool ok;
	} rows[] = {
		{MIKEY_TS_NTP_UTC_32, MIKEY_TS_NTP_UTC_32, true},
		{MIKEY_TS_NTP_UTC, MIKEY_TS_NTP_UTC_32, true},
		{MIKEY_TS_NTP_UTC_32, MIKEY_TS_NTP_UTC, false},
		{MIKEY_TS_NTP_UTC_32, MIKEY_TS_NTP, false},
		{MIKEY_TS_NTP_UTC_32, MIKEY_TS_COUNTER, false},
		{MIKEY_TS_COUNTER, MIKEY_TS_NTP_UTC_32, false},
	};
	static uint8_t room[512];
	struct mikey_id r = uri(bob);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ticket_policy_spec spec = {.ticket_type = 1,
		                                  .flags =
		                                          TICKET_D | TICKET_H | TICKET_N | TICKET_O,
		                                  .r = &r,
		                                  .n_r = 1,
		                                  .has_start = true,
		                                  .start = {rows[i].start, 7},
		                                  .has_rekey = true,
		                                  .rekey = {rows[i].rekey, 60}};
		struct ticket_policy p;

		test_context("row %zu", i);
		EXPECT_INT(read_back(&spec, true, &p, room, sizeof(room)) == ERR_OK, rows[i].ok);
	}
}

static void validity(void)
{
	struct ticket_policy p = {.has_start = true,
	                          .has_end = true,
	                          .start = {MIKEY_TS_NTP_UTC_32, 1000},
	                          .end = {MIKEY_TS_NTP_UTC_32, 2000}};
	static const struct {
		uint64_t s;
		bool ok;
	} rows[] = {{999, false}, {1000, true}, {1500, true}, {2000, true}, {2001, false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		EXPECT_INT(ticket_policy_check_time(&p, rows[i].s << 32, NULL) == ERR_OK,
		           rows[i].ok);
	p.has_end = false;
	EXPECT_OK(ticket_policy_check_time(&p, 5000ull << 32, NULL));
	/* Times before and after the end of the NTP era in 2036 keep their order. */
	p = (struct ticket_policy){
		.has_start = true,
		.has_end = true,
		.start = {MIKEY_TS_NTP_UTC_32, 0xfffffff0},
		.end = {MIKEY_TS_NTP_UTC_32, 0x10},
	};
	EXPECT_OK(ticket_policy_check_time(&p, 0x5ull << 32, NULL));
	EXPECT_OK(ticket_policy_check_time(&p, 0xfffffff8ull << 32, NULL));
	EXPECT_ERR(ticket_policy_check_time(&p, 0x20ull << 32, NULL), ERR_EXPIRED);
}

static void clock_rules(void)
{
	struct ticket_rules r;
	uint64_t now = 0xe000000000000000;

	ticket_rules_init(&r);
	EXPECT_OK(ticket_rules_check_time(
		&r, (struct mikey_ts){MIKEY_TS_NTP_UTC, now - (300ull << 32)}, now, NULL));
	EXPECT_OK(ticket_rules_check_time(
		&r, (struct mikey_ts){MIKEY_TS_NTP_UTC, now + (300ull << 32)}, now, NULL));
	EXPECT_ERR(ticket_rules_check_time(
			   &r, (struct mikey_ts){MIKEY_TS_NTP_UTC, now - (300ull << 32) - 1}, now,
			   NULL),
	           ERR_EXPIRED);
	EXPECT_ERR(ticket_rules_check_time(
			   &r, (struct mikey_ts){MIKEY_TS_NTP, now + (301ull << 32)}, now, NULL),
	           ERR_EXPIRED);
	EXPECT_OK(ticket_rules_check_time(&r, (struct mikey_ts){MIKEY_TS_NTP_UTC_32, now >> 32},
	                                  now, NULL));
	EXPECT_ERR(ticket_rules_check_time(&r, (struct mikey_ts){MIKEY_TS_COUNTER, 1}, now, NULL),
	           ERR_UNSUPPORTED);
	r.accept_counter = true;
	EXPECT_OK(ticket_rules_check_time(&r, (struct mikey_ts){MIKEY_TS_COUNTER, 1}, now, NULL));
}

/* A step that is not in the table is refused, and the state stays. */
static void step_tables(void)
{
	for (size_t i = 0; i < ticket_step_table_count; i++) {
		const struct step_table *t = ticket_step_tables[i];

		for (unsigned s = 0; s < t->n_states; s++) {
			unsigned ways = 0;

			for (unsigned e = 0; e < t->n_events; e++) {
				uint8_t state = (uint8_t)s, next = t->next[s * t->n_events + e];
				struct mikey_fault fault;
				enum err err = step_take(t, &state, e, &fault);

				test_context("%s %s %s", t->name, t->states[s], t->events[e]);
				EXPECT_INT(step_allows(t, (uint8_t)s, e), err == ERR_OK);
				if (next == STEP_NO) {
					EXPECT_INT(err, ERR_WRONG_STATE);
					EXPECT_INT(state, s);
					continue;
				}
				ways++;
				EXPECT(next < t->n_states);
				EXPECT_INT(state, next);
			}
			test_context("%s %s", t->name, t->states[s]);
			EXPECT(s != 0 || ways > 0); /* a step leads out of the first state */
		}
		EXPECT(!step_allows(t, (uint8_t)t->n_states, 0) && !step_allows(t, 0, t->n_events));
	}
}

static void suites(void)
{
	for (unsigned i = 0; i < SUITE_COUNT; i++) {
		const struct suite *suite = suite_get((enum suite_id)i);
		struct csmap_policy p, back;
		uint8_t room[128];
		struct wr w = wr_make(room, sizeof(room));
		struct mikey_payload sp = {.type = MIKEY_SP, .u.sp.no = 3};

		test_context("%s", suite->name);
		csmap_policy_from_suite(&p, 3, suite);
		EXPECT(csmap_policy_suite(&p) == suite);
		csmap_policy_write(&w, &p);
		sp.u.sp.params = (struct view){.p = room, .n = wr_len(&w)};
		REQUIRE_OK(csmap_policy_read(&back, &sp, NULL));
		EXPECT(csmap_policy_eq(&p, &back) && back.present == p.present && back.no == 3);
	}
}

static void policies_refused(void)
{
	static const struct {
		const char *what, *params;
		bool readable, usable;
	} rows[] = {
		{"nothing: all defaults", "", true, true},
		{"two octets for a length", "01020010", true, true},
		{"unknown parameter", "0d0101", false, false},
		{"parameter twice", "000101000101", false, false},
		{"no value", "0000", false, false},
		{"ends early", "000201", false, false},
		{"value of five octets", "00050000000001", false, false},
		{"F8", "000102", true, true},
		{"a cipher nobody knows", "000103", true, false},
		{"no authentication", "020100", true, false},
		{"SRTCP in clear", "080100", true, false},
		{"key of 17 octets", "010111", true, false},
		{"tag of 5 octets", "0b0105", true, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t octets[32];
		struct mikey_payload sp = {
			.type = MIKEY_SP,
			.u.sp.params = {.p = octets,
		                        .n = test_hex(rows[i].params, octets, sizeof(octets))}};
		struct csmap_policy p;
		struct mikey_fault fault;
		enum err e = csmap_policy_read(&p, &sp, &fault);

		test_context("%s", rows[i].what);
		EXPECT_INT(e == ERR_OK, rows[i].readable);
		if (e)
			EXPECT_INT(fault.no, MIKEY_E_SPPAR);
		else
			EXPECT_INT(csmap_policy_suite(&p) != NULL, rows[i].usable);
	}
}

TEST_MAIN("ticket_policy", {"flags", flags}, {"written-and-read", written_and_read},
          {"refused", refused}, {"wishes without SPI", wishes_without_spi},
          {"types of times", types_of_times}, {"validity", validity}, {"clock-rules", clock_rules},
          {"step-tables", step_tables}, {"suites", suites}, {"policies-refused", policies_refused})
