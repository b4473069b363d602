/* SPDX-License-Identifier: MIT */
/* Requests to a KMS: runs an event loop until the answer arrives. */
#include "cmd/sluice-ue/outside.h"

#include <stdio.h>

#include "base/clk.h"
#include "control/net/http.h"
#include "control/net/loop.h"
#include "control/kms/test_env.h"
#include "control/net/tls.h"

enum {
	ANSWER_MAX_BYTES = 65536,
	WAIT_MS = 30000,
	REASON_ROOM = sizeof(((struct ue_env *)0)->kms_reason),
};

/* The paths that control/kms/kms_http.c serves. They follow TS 33.328 Annex A as reconstructed;
 * this is not verified against the annex. */
static const char *const targets[UE_QUESTIONS] = {
	[UE_TICKET_REQUEST] = "/keymanagement?requesttype=ticketrequest",
	[UE_TICKET_RESOLVE] = "/keymanagement?requesttype=ticketresolve",
};

struct asking {
	struct loop *loop;
	struct buf *answer;
	struct why *why;
	char *reason; /* sizeof(struct ue_env.kms_reason) octets */
	enum err e;
};

/* Keeps what the KMS says in words. It comes from the network, so only printable characters stay.
 */
static void keep_reason(struct asking *x, struct str said)
{
	size_t n = 0;

	for (size_t i = 0; i < said.n && n + 1 < REASON_ROOM; i++)
		x->reason[n++] = said.p[i] >= ' ' && said.p[i] < 0x7f ? said.p[i] : '?';
	x->reason[n] = 0;
}

static void on_answer(void *arg, enum err e, const struct http_response *in, const struct why *why)
{
	struct asking *x = arg;

	x->e = e;
	if (!e)
		keep_reason(x, in->reason);
	if (e)
		why_fail(x->why, e, "the request to the KMS failed: %s", why->text);
	else if (in->status == 401)
		x->e = why_fail(
			x->why, ERR_EXPIRED,
			"the KMS answered 401: it does not know the key, or the bootstrapping has "
			"expired; bootstrap again and import the new key with sluice-ue bootstrap");
	else if (!str_is(in->content_type, "application/mikey") || !in->body.n)
		x->e = why_fail(x->why, ERR_DENIED, "the KMS answered with HTTP status %d%s%s",
		                in->status, x->reason[0] ? ": " : "", x->reason);
	else
		buf_add(x->answer, in->body.p, in->body.n);
	if (x->answer->bad)
		x->e = why_fail(x->why, ERR_NOMEM, "out of memory");
	loop_stop(x->loop);
}

static enum err find_url(struct http_url *out, const struct account *a, enum ue_question question,
                         struct why *why)
{
	char text[sizeof(a->url) + 64];
	struct str base = str_of(a->url);

	if (!base.n)
		return why_fail(
			why, ERR_INVALID,
			"the credentials have no kms.url, which a request to the KMS needs");
	if (str_ends(base, "/"))
		base.n--;
	snprintf(text, sizeof(text), "%.*s%s", STR_ARG(base), targets[question]);
	return http_url_parse(str_of(text), out, why);
}

/*
 * Sends `octets` and waits at most 30 s for the answer; `ctx` is a struct outside. ERR_OK for every
 * MIKEY message, also for a MIKEY Error. ERR_DENIED: the answer holds no message; `why` has the
 * HTTP status. ERR_EXPIRED: the status is 401. ERR_INVALID (no URL), ERR_IO, ERR_TIMEOUT,
 * ERR_CLOSED, ERR_AUTH (TLS).
 */
static enum err ask_kms(void *ctx, enum ue_question question, struct view octets,
                        struct buf *answer, struct why *why)
{
	const struct account *a = ((struct outside *)ctx)->account;
	struct tls_config config = {.role = TLS_CLIENT, .ca_file = a->ca[0] ? a->ca : NULL};
	struct http_outgoing ask = {.method = HTTP_POST,
	                            .content_type = "application/mikey",
	                            .body = octets,
	                            .timeout_ms = WAIT_MS};
	struct asking x = {.answer = answer,
	                   .why = why,
	                   .reason = ((struct outside *)ctx)->env.kms_reason,
	                   .e = ERR_TIMEOUT};
	struct tls_context *tls = NULL;
	struct http_client *client = NULL;
	enum err e = find_url(&ask.url, a, question, why);

	x.reason[0] = 0;
	if (e)
		return e;
	if (loop_new(&x.loop))
		return why_fail(why, ERR_NOMEM, "out of memory");
	if (ask.url.is_tls)
		e = tls_context_new(&tls, &config, why);
	if (!e && http_client_new(&client, loop_base(x.loop), tls, ANSWER_MAX_BYTES))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (!e)
		e = http_client_send(client, &ask, on_answer, &x, why);
	if (!e) {
		why_fail(why, ERR_TIMEOUT, "the KMS did not answer within 30 s");
		loop_run(x.loop);
		e = x.e;
	}
	http_client_free(client);
	tls_context_free(tls);
	loop_free(x.loop);
	return e;
}

static enum err remember(void *ctx, const struct ue_mark *marks, size_t n, struct why *why)
{
	struct outside *a = ctx;

	if (!a->account || !a->account->replay[0])
		return why_fail(
			why, ERR_INVALID,
			"credentials from standard input need the field replay, which names "
			"the file of the replay cache");
	return replay_add(&a->replay, a->account->replay,
	                  &(struct replay_marks){marks, n, a->env.mikey.now_ntp}, why);
}

void outside_settle(struct outside *a, bool keep)
{
	replay_end(&a->replay, keep);
}

void outside_tick(struct outside *a)
{
	a->env.mikey.now_ntp = clk_wall_to_ntp(test_env_wall_ns(a->repeat));
}

enum err outside_open(struct outside *a, const struct account *account, struct why *why)
{
	enum err e;

	*a = (struct outside){.account = account};
	e = test_env_new(&a->repeat, why);
	if (e)
		return e;
	a->env = (struct ue_env){
		.mikey = {.last_ntp = &a->last_ntp,
	                  .random = test_env_random,
	                  .random_ctx = a->repeat},
		.ask = ask_kms,
		.ask_ctx = a,
		.remember = remember,
		.remember_ctx = a,
	};
	outside_tick(a);
	return ERR_OK;
}

void outside_close(struct outside *a)
{
	replay_end(&a->replay, false);
	test_env_free(a->repeat);
	*a = (struct outside){0};
}
