/* SPDX-License-Identifier: MIT */
/* ng: the transcript in JSON and bencode, hostile messages, limits, permitted
 * clients, message framing. */
#include "base/buf.h"
#include "control/doc/bencode.h"
#include "control/doc/json.h"
#include "control/ng/frame.h"
#include "control/ng/ng.h"
#include "tests/harness/gateway.h"

static struct ng *ng;
static struct buf replied;
static unsigned replies;
static const struct addr here = {.version = 4, .ip = {127, 0, 0, 1}, .port = 9};

static void on_reply(void *arg, uint64_t token, const struct addr *to, struct str reply)
{
	(void)arg;
	EXPECT_INT(token, 7);
	EXPECT(addr_eq(to, &here));
	replies++;
	buf_reset(&replied);
	buf_str(&replied, reply);
}

static void begin(void)
{
	struct ng_config c;

	CHECK(set_up() == ERR_OK);
	ng_config_defaults(&c);
	c.service = service;
	c.dialogs = dialogs;
	CHECK(ng_new(&ng, &c) == ERR_OK);
	buf_reset(&replied);
	replies = 0;
}

static void end(void)
{
	tear_down();
	ng_free(ng);
	buf_free(&replied);
	replied = (struct buf){0};
}

static void take(struct str message)
{
	ng_take(ng, &(struct ng_origin){.from = here, .send = on_reply, .token = 7}, message);
	relay_poll(&fake_relay);
}

/* --- the transcript --------------------------------------------------------- */

enum { MACROS_MAX = 32, LINE_MAX = 2048 };

static struct {
	char name[16], text[1024];
} macros[MACROS_MAX];
static unsigned n_macros;

static void add_macro(const char *line)
{
	size_t n = strcspn(line, " "), at = 0;

	CHECK(n_macros < MACROS_MAX && n < sizeof(macros[0].name));
	memcpy(macros[n_macros].name, line, n);
	for (const char *c = line + n + 1; *c; c++) {
		CHECK(at + 3 < sizeof(macros[0].text));
		if (c[0] == '\\' && c[1] == 'n') {
			macros[n_macros].text[at++] = '\r';
			macros[n_macros].text[at++] = '\n';
			c++;
		} else {
			macros[n_macros].text[at++] = *c;
		}
	}
	n_macros++;
}

static void replace_macros(struct doc *d)
{
	if (d->kind == DOC_TEXT && d->text.n > 1 && d->text.p[0] == '$')
		for (unsigned i = 0; i < n_macros; i++)
			if (str_is(str_skip(d->text, 1), macros[i].name))
				d->text = str_of(macros[i].text);
	if (d->kind == DOC_DICT || d->kind == DOC_LIST)
		for (struct doc *it = d->first; it; it = it->next)
			replace_macros(it);
}

static bool contains(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (memcmp(text.p + i, part.p, part.n) == 0)
			return true;
	return false;
}

static bool text_fits(struct str want, struct str is)
{
	if (want.n && want.p[0] == '~')
		return contains(is, str_skip(want, 1));
	if (want.n && want.p[0] == '!')
		return !contains(is, str_skip(want, 1));
	return str_eq(want, is);
}

static bool fits(const struct doc *want, const struct doc *is)
{
	const struct doc *k = is ? is->first : NULL;

	if (!is)
		return false;
	if (want->kind == DOC_TEXT && str_is(want->text, "*"))
		return true;
	if (want->kind != is->kind)
		return false;
	if (want->kind == DOC_TEXT)
		return text_fits(want->text, is->text);
	if (want->kind == DOC_LIST && want->n != is->n)
		return false;
	if (want->kind != DOC_DICT && want->kind != DOC_LIST)
		return want->number == is->number;
	for (DOC_EACH(it, want)) {
		char key[64];

		if (want->kind == DOC_LIST) {
			if (!fits(it, k))
				return false;
			k = k->next;
		} else if (str_copy(it->key, key, sizeof(key)) || !fits(it, doc_get(is, key))) {
			return false;
		}
	}
	return true;
}

static void ask(struct doc_arena *a, const char *line, bool json, unsigned cookie)
{
	struct doc *d = NULL;
	struct buf b = {0};

	CHECK(doc_json_decode(&d, a, str_of(line), NULL) == ERR_OK);
	replace_macros(d);
	buf_printf(&b, "cookie%u ", cookie);
	if (json)
		doc_json_encode(&b, d);
	else
		doc_bencode_encode(&b, d);
	take(buf_as_str(&b));
	buf_free(&b);
}

static void compare(struct doc_arena *a, const char *line, bool json, unsigned cookie)
{
	struct doc *want = NULL, *is = NULL;
	struct str body;
	char name[32];

	CHECK(doc_json_decode(&want, a, str_of(line), NULL) == ERR_OK);
	snprintf(name, sizeof(name), "cookie%u", cookie);
	EXPECT(str_is(str_cut(buf_as_str(&replied), ' ', &body), name));
	EXPECT_OK(json ? doc_json_decode(&is, a, body, NULL)
	               : doc_bencode_decode(&is, a, body, NULL));
	if (!EXPECT(fits(want, is)))
		printf("    %s\n    %.*s\n", line, STR_ARG(body));
}

static void run_transcript(bool json)
{
	FILE *f = fopen(test_path("vectors/ng.transcript"), "r");
	static char line[LINE_MAX];
	struct doc_arena *a = NULL;
	unsigned cookie = 0, compared = 0;

	REQUIRE(f != NULL);
	REQUIRE_OK(doc_arena_new(&a));
	n_macros = 0;
	begin();
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '@') {
			add_macro(line + 1);
		} else if (strcmp(line, "---") == 0) {
			end();
			begin();
		} else if (line[0] == '>') {
			test_context("%s %.120s", json ? "json" : "bencode", line);
			ask(a, line + 2, json, ++cookie);
		} else if (line[0] == '<') {
			compare(a, line + 2, json, cookie);
			compared++;
			doc_arena_reset(a);
		}
	}
	fclose(f);
	end();
	doc_arena_free(a);
	EXPECT(compared >= 115 && compared == cookie);
}

static void the_transcript_in_bencode(void)
{
	run_transcript(false);
}

static void the_transcript_in_json(void)
{
	run_transcript(true);
}

/* --- single cases ----------------------------------------------------------- */

#define OFFER                                                                      \
	"d7:call-id1:c7:command5:offer8:from-tag1:a3:sdp80:v=0\r\no=- 1 1 IN IP4 " \
	"192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\ne"

/* Proxies repeat keys. A repeated key is accepted, unless it names the call and its values
 * differ. */
static void a_key_may_come_twice(void)
{
#define OFFER_27 "c1 d7:command5:offer7:call-id4:c-27"
#define SDP_KEY                                                                         \
	"3:sdp100:v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 " \
	"0\r\nm=audio 50000 RTP/AVP 0\r\na=sendrecv\r\n"
	static const struct {
		const char *text, *told;
	} rows[] = {
		{OFFER_27 "8:from-tag1:f" SDP_KEY "3:ICE6:remove3:ICE6:remove5:flagsl10:ICE="
	                  "remove10:ICE=removee5:flagsl12:loop-protectee",
	         "6:result2:ok"},
		{OFFER_27 "8:from-tag1:f8:from-tag1:f" SDP_KEY "e", "6:result2:ok"},
		{OFFER_27 "8:from-tag1:f8:from-tag1:g" SDP_KEY "e",
	         "from-tag: given twice, with different values"},
		{OFFER_27 "7:call_id4:c-288:from-tag1:f" SDP_KEY "e", "call-id: given twice"},
		{OFFER_27 "7:command6:delete8:from-tag1:f" SDP_KEY "e", "command: given twice"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin();
		test_context("row %zu", i);
		take(str_of(rows[i].text));
		EXPECT_INT(replies, 1);
		if (!EXPECT(contains(buf_as_str(&replied), str_of(rows[i].told))))
			printf("%.*s\n", STR_ARG(buf_as_str(&replied)));
		end();
	}
}

static void hostile_messages_leave_calls_alone(void)
{
	static const char *const bad[] = {
		"",
		" ",
		"x",
		"x ",
		"x d",
		"x de",
		"x d7:command",
		"x d7:command4:pinge4:more",
		"x i5e",
		"x l4:pinge",
		"x {\"command\":",
		"x {}",
		"x [\"ping\"]",
		"x d7:commandi5ee",
		"x d7:command99999999999999999999:ping",
		"x d7:commandd7:commandd7:commandd7:command4:pingeeee",
		"x {\"command\":{\"command\":\"ping\"}}",
	};
	uint64_t state = 42;

	begin();
	take(STR("keep " OFFER));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[256];

		/* Each message has its own cookie, so none counts as a retransmission. */
		snprintf(text, sizeof(text), "%zu%s", i, bad[i]);
		take(str_of(text));
	}
	for (unsigned i = 0; i < 3000; i++) {
		char text[] = "00000 " OFFER;

		snprintf(text, 6, "%05u", i);
		text[5] = ' ';
		text[6 + test_random(&state) % (sizeof(text) - 7)] ^=
			(char)(1 << (test_random(&state) & 7));
		take(str_make(text, 6 + test_random(&state) % (sizeof(text) - 6)));
	}
	take(STR("alive d7:command4:pinge"));
	EXPECT_TEXT(replied.p, "alive d6:result4:ponge");
	EXPECT(fake_relay.sessions != NULL &&
	       registry_find(service_registry(service), STR("c")) != NULL);
	end();
}

static void limits_are_reported_in_words_clients_know(void)
{
	begin();
	service_set_draining(service, true);
	take(STR("x1 " OFFER));
	EXPECT(strstr(replied.p, "6:result5:error") != NULL);
	take(STR("x2 d7:call-id1:c7:command5:offer8:from-tag1:a3:sdp80:v=0\r\no=- 1 1 IN IP4 "
	         "192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
	         "m=audio 4000 RTP/AVP 0\r\n8:supportsl10:load limitee"));
	EXPECT(strncmp(replied.p, "x2 d6:result10:load limit", 25) == 0);
	end();
}

static void only_allowed_peers_may_ask(void)
{
	static const struct {
		const char *net, *peer;
		bool ok;
	} rows[] = {
		{"192.0.2.0/24", "192.0.2.200", true},
		{"192.0.2.0/24", "192.0.3.1", false},
		{"192.0.2.128/25", "192.0.2.1", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::/32", "2001:db8:9::1", true},
		{"2001:db8::/32", "2001:db9::1", false},
		{"0.0.0.0/0", "8.8.8.8", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"192.0.2.1", "127.0.0.9", true},
		{"192.0.2.1", "::1", true},
	};
	static const char *const wrong[] = {
		"", "x", "192.0.2.1/33", "192.0.2.1/", "2001:db8::/129", "192.0.2.1/-1"};
	struct addr_net allow;
	struct addr peer;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ng_config c;

		test_context("%s %s", rows[i].net, rows[i].peer);
		ng_config_defaults(&c);
		REQUIRE_OK(addr_net_parse(str_of(rows[i].net), &allow));
		REQUIRE_OK(addr_parse_ip(str_of(rows[i].peer), &peer));
		c.allow = &allow;
		c.n_allow = 1;
		REQUIRE_OK(ng_new(&ng, &c));
		EXPECT_INT(ng_is_allowed(ng, &peer), rows[i].ok);
		ng_free(ng);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		EXPECT_ERR(addr_net_parse(str_of(wrong[i]), &allow), ERR_SYNTAX);
}

/* A packet from one of our media ports is not a request: RTP may look like one, and a peer may have
 * named the ng port as its address. */
static void media_is_no_request(void)
{
	struct addr from = {.version = 4, .ip = {203, 0, 113, 1}, .port = 30000};
	struct ng_counts counts;

	begin();
	EXPECT(!ng_is_media(ng, &from));
	take(STR("1 "
	         "{\"command\":\"offer\",\"call-id\":\"c\",\"from-tag\":\"a\",\"sdp\":\"v=0\\r\\no="
	         "- 1 1 IN IP4 192.0.2.1\\r\\ns=-\\r\\n"
	         "c=IN IP4 192.0.2.1\\r\\nt=0 0\\r\\nm=audio 4000 RTP/AVP 0\\r\\n\"}"));
	for (uint16_t port = 30000; port < 30006; port++) {
		from.port = port;
		EXPECT_INT(ng_is_media(ng, &from), port < 30004);
	}
	/* A client may use a port number of the media range, also one that another address uses for
	 * media. */
	from = (struct addr){.version = 4, .ip = {203, 0, 113, 2}, .port = 30000};
	EXPECT(!ng_is_media(ng, &from));
	/* A port that was just closed still counts as a media port, because datagrams may be on
	 * their way. */
	take(STR("2 {\"command\":\"delete\",\"call-id\":\"c\",\"delete-delay\":0}"));
	from = (struct addr){.version = 4, .ip = {203, 0, 113, 1}, .port = 30001};
	EXPECT(ng_is_media(ng, &from));
	ng_get_counts(ng, &counts);
	EXPECT_INT(counts.refused_media, 5);
	end();
}

static void streams_are_cut_into_messages(void)
{
	static const char *const whole[] = {
		"x d7:command4:pinge",
		"x de",
		"abc d1:al1:bi-5ed1:c0:eee",
		"x {\"command\":\"ping\"}",
		"x {\"a\":\"}{\\\"\",\"b\":[{},{}]}",
	};
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"", ERR_TRUNCATED},
		{"x", ERR_TRUNCATED},
		{"x ", ERR_TRUNCATED},
		{"x d", ERR_TRUNCATED},
		{"x i5e", ERR_SYNTAX},
		{"x hello", ERR_SYNTAX},
		{"x dxe", ERR_SYNTAX},
		{"x d12345678901234567890123", ERR_SYNTAX},
		{"x d9999999:a", ERR_SYNTAX},
		{"x dddddddddddddddddddddddddddddd", ERR_SYNTAX},
		{"x {{{{{{{{{{{{{{{{{{{{{{{{{{{{{", ERR_SYNTAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		size_t n = strlen(whole[i]), len = 0;
		char text[128];

		snprintf(text, sizeof(text), "%s%s", whole[i], "y d");
		test_context("%s", whole[i]);
		EXPECT_OK(ng_frame_length(str_of(text), &len));
		EXPECT_INT(len, n);
		for (size_t cut = 0; cut < n; cut++)
			EXPECT_ERR(ng_frame_length(str_make(whole[i], cut), &len), ERR_TRUNCATED);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len;

		test_context("%s", rows[i].text);
		EXPECT_ERR(ng_frame_length(str_of(rows[i].text), &len), rows[i].want);
	}
}

static enum err one_offer(void)
{
	struct ng_config c;
	enum err e = set_up();

	if (e)
		return e;
	ng_config_defaults(&c);
	c.service = service;
	c.dialogs = dialogs;
	replies = 0;
	e = ng_new(&ng, &c);
	if (!e) {
		take(STR("x1 " OFFER));
		e = replies && strstr(replied.p, "6:result2:ok") ? ERR_OK : ERR_NOMEM;
	}
	tear_down();
	if (ng)
		ng_free(ng);
	ng = NULL;
	return e;
}

static void survives_want_of_memory(void)
{
	ng = NULL;
	/* The reply is sent even if the memory to store it for retransmissions is missing. */
	test_each_allocation_failing_but(one_offer, 1);
	buf_free(&replied);
	replied = (struct buf){0};
}

TEST_MAIN("proto-ng", {"the transcript in bencode", the_transcript_in_bencode},
          {"the transcript in json", the_transcript_in_json},
          {"a key may come twice", a_key_may_come_twice},
          {"hostile messages leave calls alone", hostile_messages_leave_calls_alone},
          {"limits are reported in words clients know", limits_are_reported_in_words_clients_know},
          {"only allowed peers may ask", only_allowed_peers_may_ask},
          {"media is no request", media_is_no_request},
          {"streams are cut into messages", streams_are_cut_into_messages},
          {"survives want of memory", survives_want_of_memory})
