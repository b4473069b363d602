/* SPDX-License-Identifier: MIT */
/* What the proxy is told, word for word, if a new call cannot be accepted, and which requests of a
 * running call still work. */
#include "tests/harness/ng_scene.h"

#define HEAD                                                                                 \
	"v=0\\r\\no=- 1 1 IN IP4 198.51.100.1\\r\\ns=-\\r\\nc=IN IP4 198.51.100.1\\r\\nt=0 " \
	"0\\r\\n"
#define AUDIO "m=audio 4000 RTP/AVP 0\\r\\n"
#define VIDEO "m=video 4010 RTP/AVP 96\\r\\n"
#define OFFER(call, lines)                                                                        \
	"\"command\":\"offer\",\"call-id\":\"" call "\",\"from-tag\":\"a\",\"sdp\":\"" HEAD lines \
	"\""
#define ANSWER(call, lines)                          \
	"\"command\":\"answer\",\"call-id\":\"" call \
	"\",\"from-tag\":\"a\",\"to-tag\":\"b\",\"sdp\":\"" HEAD lines "\""
#define KNOWS      ",\"supports\":[\"load limit\"]"
#define NO_SESSION "Parallel session limit reached"
#define NO_PORT    "Ran out of ports"

/* Ports for two calls with one m-line each: four port pairs. */
static void begin_few_ports(void)
{
	v4_port_max = 30007;
	begin_ng(NULL);
}

static bool says(const char *result, const char *key, const char *text)
{
	bool fits = told && str_is(doc_get_text(told, "result"), result) &&
	            str_is(doc_get_text(told, key), text);

	if (!fits && told)
		printf("--- %.*s, %s: %.*s\n", STR_ARG(doc_get_text(told, "result")), key,
		       STR_ARG(doc_get_text(told, key)));
	return fits;
}

static void set_sessions_max(uint32_t n)
{
	struct service_config config = *service_get_config(service);

	config.sessions_max = n;
	service_reconfigure(service, &config);
}

/* The proxy gets `words` for a refused new call, whether or not it knows the result "load limit";
 * `own` is part of our warning. */
static void is_refused(const char *call, const char *words, const char *own)
{
	char text[1024];

	snprintf(text, sizeof(text),
	         "\"command\":\"offer\",\"call-id\":\"%s\",\"from-tag\":\"a\",\"sdp\":\"" HEAD AUDIO
	         "\"",
	         call);
	EXPECT(!tell(text));
	EXPECT(says("error", "error-reason", words) && reply_has("warning", own));
	snprintf(text, sizeof(text),
	         "\"command\":\"offer\",\"call-id\":\"%s\",\"from-tag\":\"a\",\"sdp\":\"" HEAD AUDIO
	         "\"" KNOWS,
	         call);
	EXPECT(!tell(text));
	EXPECT(says("load limit", "message", words) && reply_has("warning", own));
}

static void new_calls_are_refused_in_the_proxies_words(void)
{
	begin_few_ports();
	set_sessions_max(1);
	REQUIRE(tell(OFFER("one", AUDIO)));
	is_refused("two", NO_SESSION, "sessions-max");
	set_sessions_max(10);
	REQUIRE(tell(OFFER("two", AUDIO)));
	is_refused("three", NO_PORT, "no free port pair");
	service_set_draining(service, true);
	is_refused("three", NO_SESSION, "draining");
	/* An error in the offer itself is reported as an error, so that the proxy does not try the
	 * next gateway. */
	service_set_draining(service, false);
	EXPECT(!tell(OFFER(
		"three",
		"m=audio 4000 RTP/SAVP 0\\r\\n") ",\"transport-protocol\":\"RTP/AVP\"" KNOWS));
	EXPECT(says("error", "warning", ""));
	end_ng();
}

static void an_added_line_alone_is_refused(void)
{
	begin_few_ports();
	REQUIRE(tell(OFFER("one", AUDIO)) && tell(ANSWER("one", AUDIO)) &&
	        tell(OFFER("two", AUDIO)));
	/* No port is free for the new m-line: it is refused, and the call continues with its
	 * ports. */
	REQUIRE(tell(OFFER("one", AUDIO VIDEO) KNOWS));
	EXPECT(strstr(sdp, "m=audio 30") && strstr(sdp, "m=video 0 RTP/AVP 96"));
	EXPECT(reply_has("warning", "m-line 2") && reply_has("warning", "no free port pair"));
	REQUIRE(tell(ANSWER("one", AUDIO "m=video 0 RTP/AVP 96\\r\\n")));
	EXPECT(strstr(sdp, "m=audio 30") && strstr(sdp, "m=video 0 RTP/AVP 96"));
	EXPECT(fake_relay.sessions->next->media[0].legs[0].can_receive);
	/* When ports are free again, the same m-line is accepted. */
	REQUIRE(tell("\"command\":\"delete\",\"call-id\":\"two\",\"from-tag\":\"a\",\"delete-"
	             "delay\":0"));
	REQUIRE(tell(OFFER("one", AUDIO VIDEO)));
	EXPECT(strstr(sdp, "m=video 30") != NULL);
	end_ng();
}

static void lines_are_accepted_while_ports_last(void)
{
	begin_few_ports();
	REQUIRE(tell(OFFER("one", AUDIO)) && tell(ANSWER("one", AUDIO)));
	REQUIRE(tell(OFFER("one", AUDIO VIDEO VIDEO VIDEO)));
	EXPECT(strstr(sdp, "m=video 30") && strstr(sdp, "m=video 0 "));
	EXPECT(reply_has("warning", "m-line 3") && reply_has("warning", "m-line 4"));
	REQUIRE(tell(
		ANSWER("one", AUDIO VIDEO "m=video 0 RTP/AVP 96\\r\\nm=video 0 RTP/AVP 96\\r\\n")));
	EXPECT(fake_relay.sessions->media[1].legs[1].can_receive);
	end_ng();
}

static void a_running_call_never_gets_the_proxies_words(void)
{
	static const char *const asks[] = {
		/* An offer that disables the old m-line and adds one, and an offer that changes the
	         * mode: each needs a new port. */
		OFFER("one", "m=audio 0 RTP/AVP 0\\r\\n" VIDEO) KNOWS,
		OFFER("one", AUDIO) KNOWS ",\"transport-protocol\":\"RTP/SAVP\"",
	};

	begin_few_ports();
	REQUIRE(tell(OFFER("one", AUDIO)) && tell(ANSWER("one", AUDIO)) &&
	        tell(OFFER("two", AUDIO)));
	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		test_context("%zu", i);
		EXPECT(!tell(asks[i]));
		EXPECT(says("error", "message", "") &&
		       reply_has("error-reason", "no free port pair"));
	}
	/* While the gateway drains, or has more sessions than its limit, a running call can be
	 * changed, extended and ended. */
	service_set_draining(service, true);
	set_sessions_max(1);
	EXPECT(tell(OFFER("one", AUDIO) KNOWS) && tell(ANSWER("one", AUDIO)));
	REQUIRE(tell("\"command\":\"delete\",\"call-id\":\"two\",\"from-tag\":\"a\",\"delete-"
	             "delay\":0"));
	EXPECT(tell(OFFER("one", AUDIO VIDEO) KNOWS) && tell(ANSWER("one", AUDIO VIDEO)));
	EXPECT(tell("\"command\":\"delete\",\"call-id\":\"one\",\"from-tag\":\"a\",\"delete-"
	            "delay\":0"));
	end_ng();
}

/* A list of many calls has as many Call-IDs as one datagram can carry. */
static void a_list_fits_into_a_datagram(void)
{
	enum { CALLS = 900 };
	const struct doc *calls;

	v4_port_max = 39999;
	begin_ng(NULL);
	set_sessions_max(CALLS);
	for (unsigned i = 0; i < CALLS; i++) {
		char text[1024];

		snprintf(text, sizeof(text),
		         "\"command\":\"offer\",\"call-id\":\"%0120u\",\"from-tag\":\"a\",\"sdp\":"
		         "\"" HEAD AUDIO "\"",
		         i);
		REQUIRE(tell(text));
	}
	EXPECT(tell("\"command\":\"list\",\"limit\":100000"));
	calls = doc_get(told, "calls");
	EXPECT(calls && calls->n > 400 && calls->n * 123 < 65000);
	EXPECT(tell("\"command\":\"list\",\"limit\":7"));
	EXPECT_INT(doc_get(told, "calls")->n, 7);
	end_ng();
	v4_port_max = 30999;
}

TEST_MAIN("ng-limits",
          {"new calls are refused in the proxies' words",
           new_calls_are_refused_in_the_proxies_words},
          {"an added line alone is refused", an_added_line_alone_is_refused},
          {"lines are accepted while ports last", lines_are_accepted_while_ports_last},
          {"a running call never gets the proxies' words",
           a_running_call_never_gets_the_proxies_words},
          {"a list fits into a datagram", a_list_fits_into_a_datagram})
