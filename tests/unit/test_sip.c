/* SPDX-License-Identifier: MIT */
/* control/net/sip: splits a stream into SIP messages, and reads their headers. */
#include "control/net/sip.h"
#include "tests/harness/harness.h"

static const char invite[] =
	"INVITE sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKa\r\nv: "
	"SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKb\r\n"
	"f: \"A, <x>\" <sip:alice@home1.example>;tag=88\r\nTo: sip:bob@home1.example\r\nCall-ID: "
	"c1\r\nCSeq: 7 INVITE\r\n"
	"m: <sip:alice@192.0.2.1:5070;transport=tcp>;expires=9\r\nContent-Length: "
	"5\r\n\r\nv=0\r\nSIP/2.0 200 OK\r\n";

static void off_a_stream(void)
{
	size_t whole = sizeof(invite) - 1 - strlen("SIP/2.0 200 OK\r\n"), n = 0;

	for (size_t have = 0; have < whole; have++)
		EXPECT_ERR(sip_length(str_make(invite, have), &n), ERR_TRUNCATED);
	EXPECT_OK(sip_length(str_of(invite), &n));
	EXPECT_INT(n, whole);
	EXPECT_OK(sip_length(STR("\r\n\r\nACK sip:x SIP/2.0\r\n\r\nX"), &n));
	EXPECT_INT(n, 4 + 19 + 2);
}

static void headers_are_read(void)
{
	struct sip_message m;
	struct str method;
	uint64_t number;

	REQUIRE_OK(
		sip_read(&m, str_make(invite, sizeof(invite) - 1 - strlen("SIP/2.0 200 OK\r\n"))));
	EXPECT(m.is_request && str_is(m.method, "INVITE") && str_is(m.uri, "sip:bob@192.0.2.4"));
	EXPECT(str_is(sip_param(sip_header(&m, "Via", 0), "branch"), "z9hG4bKa"));
	EXPECT(str_is(sip_param(sip_header(&m, "via", 1), "Branch"), "z9hG4bKb"));
	EXPECT(!sip_header(&m, "Via", 2).n && !sip_header(&m, "Route", 0).n);
	EXPECT(str_is(sip_param(sip_header(&m, "To", 0), "tag"), "") &&
	       str_is(sip_uri(sip_header(&m, "To", 0)), "sip:bob@home1.example"));
	EXPECT(str_is(sip_uri(sip_header(&m, "Contact", 0)),
	              "sip:alice@192.0.2.1:5070;transport=tcp"));
	EXPECT_OK(sip_cseq(&m, &number, &method));
	EXPECT(number == 7 && str_is(method, "INVITE") && str_is(m.body, "v=0\r\n"));
	REQUIRE_OK(sip_read(&m, STR("SIP/2.0 488 Not Acceptable Here\r\nl: 0\r\n\r\n")));
	EXPECT(!m.is_request && m.status == 488 && str_is(m.reason, "Not Acceptable Here"));
}

static void nonsense_is_refused(void)
{
	static const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"INVITE sip:x\r\n\r\n", ERR_SYNTAX},
		{"INVITE sip:x SIP/3.0\r\n\r\n", ERR_SYNTAX},
		{"SIP/2.0 99 Early\r\n\r\n", ERR_SYNTAX},
		{"SIP/2.0 2000 OK\r\n\r\n", ERR_SYNTAX},
		{"BYE sip:x SIP/2.0\r\nno colon\r\n\r\n", ERR_SYNTAX},
		{"BYE sip:x SIP/2.0\r\nTo: a\r\n folded\r\n\r\n", ERR_SYNTAX},
		{"BYE sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n", ERR_SYNTAX},
		{"BYE sip:x SIP/2.0\r\nContent-Length: 9999999\r\n\r\n", ERR_SYNTAX},
		{"BYE sip:x SIP/2.0\r\nContent-Length: 65536\r\n\r\n", ERR_TOO_BIG},
	};
	struct sip_message m;
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_context("%s", rows[i].text);
		EXPECT_ERR(sip_length(str_of(rows[i].text), &n), rows[i].want);
		EXPECT_ERR(sip_read(&m, str_of(rows[i].text)), ERR_SYNTAX);
	}
}

TEST_MAIN("sip", {"off-a-stream", off_a_stream}, {"headers-are-read", headers_are_read},
          {"nonsense-is-refused", nonsense_is_refused})
