/* SPDX-License-Identifier: MIT */
/* Asking a KMS: an event loop that turns until the one answer is there. */
#include "cmd/sluice-ue/ask.h"

#include <stdio.h>

#include "control/http.h"
#include "control/loop.h"
#include "control/tls.h"

enum { ANSWER_MAX_BYTES = 65536, WAIT_MS = 30000 };

/* As control/kms_http.c serves them: TS 33.328 Annex A as reconstructed (UNVERIFIED against the annex). */
static const char *const targets[ASK_COUNT] = {
	[ASK_TICKET_REQUEST] = "/keymanagement?requesttype=ticketrequest",
	[ASK_TICKET_RESOLVE] = "/keymanagement?requesttype=ticketresolve",
};

struct asking {
	struct loop *loop;
	struct buf *answer;
	struct why *why;
	enum err e;
};

static void on_answer(void *arg, enum err e, const struct http_response *in, const struct why *why)
{
	struct asking *x = arg;

	x->e = e;
	if (e)
		why_fail(x->why, e, "the KMS can't be asked: %s", why->text);
	else if (!str_is(in->content_type, "application/mikey") || !in->body.n)
		x->e = why_fail(x->why, ERR_DENIED, "the KMS answers HTTP status %d", in->status);
	else
		buf_add(x->answer, in->body.p, in->body.n);
	if (x->answer->bad)
		x->e = why_fail(x->why, ERR_NOMEM, "out of memory");
	loop_stop(x->loop);
}

static enum err find_url(struct http_url *out, const struct account *a, enum kms_question question, struct why *why)
{
	char text[sizeof a->url + 64];
	struct str base = str_of(a->url);

	if (!base.n)
		return why_fail(why, ERR_INVALID, "kms.url: needed to ask the KMS");
	if (str_ends(base, "/"))
		base.n--;
	snprintf(text, sizeof text, "%.*s%s", STR_ARG(base), targets[question]);
	return http_url_parse(str_of(text), out, why);
}

enum err ask_kms(struct buf *answer, const struct account *a, enum kms_question question, struct view octets, struct why *why)
{
	struct tls_config config = {.role = TLS_CLIENT, .ca_file = a->ca[0] ? a->ca : NULL};
	struct http_ask ask = {.method = HTTP_POST, .content_type = "application/mikey", .body = octets, .timeout_ms = WAIT_MS};
	struct asking x = {.answer = answer, .why = why, .e = ERR_TIMEOUT};
	struct tls_context *tls = NULL;
	struct http_client *client = NULL;
	enum err e = find_url(&ask.url, a, question, why);

	if (e)
		return e;
	if (loop_new(&x.loop))
		return why_fail(why, ERR_NOMEM, "out of memory");
	if (ask.url.is_tls)
		e = tls_context_new(&tls, &config, why);
	if (!e && http_client_new(&client, loop_base(x.loop), tls, ANSWER_MAX_BYTES))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (!e)
		e = http_client_call(client, &ask, on_answer, &x, why);
	if (!e) {
		why_fail(why, ERR_TIMEOUT, "the KMS does not answer");
		loop_run(x.loop);
		e = x.e;
	}
	http_client_free(client);
	tls_context_free(tls);
	loop_free(x.loop);
	return e;
}
