/* SPDX-License-Identifier: MIT */
/* control/net/http: URLs and queries; a server and a client over loopback, with immediate, late and
 * missing answers. */
#include "control/net/http.h"

#include "base/clk.h"
#include "control/net/loop.h"
#include "tests/harness/harness.h"

static void urls(void)
{
	static const struct {
		const char *text, *host, *path;
		unsigned port;
		bool tls;
		enum err want;
	} rows[] = {
		{"http://kms.example", "kms.example", "/", 80, false, ERR_OK},
		{"https://kms.example:8443/a/b?c=d", "kms.example", "/a/b?c=d", 8443, true, ERR_OK},
		{"http://[::1]:80/x", "::1", "/x", 80, false, ERR_OK},
		{"https://[2001:db8::1]", "2001:db8::1", "/", 443, true, ERR_OK},
		{"ftp://x/", NULL, NULL, 0, false, ERR_UNSUPPORTED},
		{"http:///x", NULL, NULL, 0, false, ERR_SYNTAX},
		{"http://a:0/", NULL, NULL, 0, false, ERR_RANGE},
		{"http://a:70000/", NULL, NULL, 0, false, ERR_RANGE},
		{"http://u@a/", NULL, NULL, 0, false, ERR_SYNTAX},
		{"http://a/ b", NULL, NULL, 0, false, ERR_SYNTAX},
		{"http://a/\r\nX: y", NULL, NULL, 0, false, ERR_SYNTAX},
		{"http://[::1/", NULL, NULL, 0, false, ERR_SYNTAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_url u = {0};
		struct why why = {{0}};

		test_context("%s", rows[i].text);
		EXPECT_ERR(http_url_parse(str_of(rows[i].text), &u, &why), rows[i].want);
		if (rows[i].want) {
			EXPECT(why.text[0] != 0);
			continue;
		}
		EXPECT_TEXT(u.host, rows[i].host);
		EXPECT_TEXT(u.path, rows[i].path);
		EXPECT(u.port == rows[i].port && u.is_tls == rows[i].tls);
	}
}

static void queries(void)
{
	char out[8];

	EXPECT_OK(http_query_get(STR("a=b&c=%41+d"), "c", out, sizeof(out)));
	EXPECT_TEXT(out, "A d");
	EXPECT_ERR(http_query_get(STR("a=b"), "c", out, sizeof(out)), ERR_NOT_FOUND);
	EXPECT_ERR(http_query_get(STR("c=%4"), "c", out, sizeof(out)), ERR_SYNTAX);
	EXPECT_ERR(http_query_get(STR("c=%00"), "c", out, sizeof(out)), ERR_SYNTAX);
	EXPECT_ERR(http_query_get(STR("c=12345678"), "c", out, sizeof(out)), ERR_TOO_BIG);
}

static struct {
	struct loop *loop;
	struct http_server *server;
	struct http_client *client;
	struct http_request *kept;
	struct loop_timer *later;
	unsigned done;
	enum err e;
	int status;
	char body[64], type[64];
} t;

static void answer_text(struct http_request *x, int status, const char *text)
{
	http_answer(x, &(struct http_reply){
			       .status = status,
			       .content_type = "text/plain",
			       .body = {(const uint8_t *)text, strlen(text)},
		       });
}

static void on_later(void *arg)
{
	(void)arg;
	answer_text(t.kept, 200, "late");
	t.kept = NULL;
}

static void serve(void *arg, struct http_request *x, const struct http_incoming *r)
{
	(void)arg;
	if (str_is(r->path, "/late")) {
		t.kept = x;
		CHECK(loop_timer_set(t.later, NS_PER_MS) == ERR_OK);
	} else if (str_is(r->path, "/never")) {
		t.kept = x;
	} else if (str_is(r->path, "/echo") && r->method == HTTP_POST &&
	           str_is(r->content_type, "application/mikey")) {
		http_answer(x, &(struct http_reply){
				       .status = 200,
				       .content_type = "application/mikey",
				       .body = r->body,
			       });
	} else {
		answer_text(x, 404, "no");
	}
}

static void on_done(void *arg, enum err e, const struct http_response *in, const struct why *why)
{
	(void)arg;
	(void)why;
	t.done++;
	t.e = e;
	t.status = in ? in->status : 0;
	if (in) {
		CHECK(str_copy(in->content_type, t.type, sizeof(t.type)) == ERR_OK);
		CHECK(str_copy(str_make((const char *)in->body.p, in->body.n), t.body,
		               sizeof(t.body)) == ERR_OK);
	}
}

static bool start(void)
{
	struct http_server_config c = {
		.name = "test",
		.body_max_bytes = 32,
		.limits = {.conns_max = 8, .peer_max = 8, .idle_s = 60, .message_s = 1},
		.serve = serve};

	memset(&t, 0, sizeof(t));
	return EXPECT_OK(addr_parse(STR("127.0.0.1:0"), &c.listen)) &&
	       EXPECT_OK(loop_new(&t.loop)) &&
	       EXPECT_OK(http_server_new(&t.server, loop_base(t.loop), &c, NULL)) &&
	       EXPECT_OK(http_client_new(&t.client, loop_base(t.loop), NULL, 1024)) &&
	       EXPECT_OK(loop_timer_new(&t.later, t.loop, on_later, NULL));
}

static void stop(void)
{
	loop_timer_free(t.later);
	http_client_free(t.client);
	http_server_free(t.server);
	loop_free(t.loop);
}

static void call(const char *path, const char *body, unsigned timeout_ms)
{
	struct http_outgoing ask = {.method = HTTP_POST,
	                            .content_type = "Application/MIKEY; x=y",
	                            .timeout_ms = timeout_ms,
	                            .body = {(const uint8_t *)body, strlen(body)}};
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_addr(t.server).port, path);
	REQUIRE_OK(http_url_parse(str_of(url), &ask.url, NULL));
	t.done = 0;
	REQUIRE_OK(http_client_send(t.client, &ask, on_done, NULL, NULL));
	EXPECT(t.done == 0);
	while (!t.done)
		loop_turn(t.loop, true);
}

static void asks_and_answers(void)
{
	if (start()) {
		call("/echo", "hello", 20000);
		EXPECT(t.status == 200 && t.e == ERR_OK);
		EXPECT_TEXT(t.body, "hello");
		EXPECT_TEXT(t.type, "application/mikey");
		call("/elsewhere", "hello", 20000);
		EXPECT(t.status == 404);
		call("/late", "hello", 20000);
		EXPECT_TEXT(t.body, "late");
		call("/echo", "more than thirty-two octets are too many", 20000);
		EXPECT(t.status == 413);
		call("/never", "hello", 50);
		EXPECT(t.e == ERR_TIMEOUT && t.kept);
		answer_text(t.kept, 200, "to nobody");
	}
	stop();
}

static void ends_with_open_exchanges(void)
{
	if (start()) {
		call("/never", "hello", 50);
		EXPECT(t.e == ERR_TIMEOUT);
		http_server_free(t.server);
		t.server = NULL;
		answer_text(t.kept, 200, "to nobody");
	}
	stop();
}

static void no_listener(void)
{
	struct http_outgoing ask = {.method = HTTP_GET, .timeout_ms = 20000};

	if (start()) {
		REQUIRE_OK(http_url_parse(STR("http://127.0.0.1:1/"), &ask.url, NULL));
		REQUIRE_OK(http_client_send(t.client, &ask, on_done, NULL, NULL));
		while (!t.done)
			loop_turn(t.loop, true);
		EXPECT(t.e == ERR_CLOSED);
		ask.url.is_tls = true;
		EXPECT_ERR(http_client_send(t.client, &ask, on_done, NULL, NULL), ERR_INVALID);
	}
	stop();
}

TEST_MAIN("http", {"URLs", urls}, {"queries", queries}, {"asks and answers", asks_and_answers},
          {"ends with open exchanges", ends_with_open_exchanges}, {"no listener", no_listener})
