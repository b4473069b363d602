/* SPDX-License-Identifier: MIT */
/* The SIP of one call, for the calling and the called terminal. */
#include "cmd/sluice-ue/sip_call.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/b64.h"
#include "base/clk.h"
#include "base/secret.h"
#include "keyctx/prim.h"

enum { TURN_MS = 5, ANSWER_MS = 20000, T1_MS = 500, T2_MS = 4000 }; /* T1, T2: RFC 3261 17.1.1.1 */

static void on_message(void *arg, unsigned from, const struct sip_message *m);

static void random_word(char *out, size_t room)
{
	uint8_t octets[9];

	CHECK(!prim_random(octets, sizeof(octets)));
	CHECK(!hex_encode(octets, sizeof(octets), out, room));
}

enum err sip_call_open(struct sip_call *c, struct terminal *t, struct str local, struct why *why)
{
	*c = (struct sip_call){.terminal = t};
	random_word(c->call_id, sizeof(c->call_id));
	random_word(c->local_tag, sizeof(c->local_tag));
	kms_name_print(kms_name_id(t->account.name), c->local_uri, sizeof(c->local_uri));
	return sip_links_open(&c->links, local, on_message, c, why);
}

void sip_call_close(struct sip_call *c)
{
	sip_links_close(&c->links);
	/* Descriptions with SDES hold keys. */
	if (c->asked.body.p)
		secret_wipe(c->asked.body.p, c->asked.body.room);
	if (c->answered.text.p)
		secret_wipe(c->answered.text.p, c->answered.text.room);
	buf_free(&c->asked.body);
	buf_free(&c->answered.text);
}

/* --- requests --------------------------------------------------------------- */

static void add_contact(struct sip_call *c, struct buf *b)
{
	char local[ADDR_TEXT_MAX];

	buf_printf(b, "Contact: <sip:ue@%s;transport=tcp>\r\n", addr_print(&c->links.local, local));
}

static void add_body(struct buf *b, struct str sdp)
{
	if (sdp.n)
		buf_text(b, "Content-Type: application/sdp\r\n");
	buf_printf(b, "Content-Length: %zu\r\n\r\n", sdp.n);
	buf_str(b, sdp);
}

static enum err send_request(struct sip_call *c, const struct sip_dialog *d, const char *method,
                             const char *branch, struct str sdp)
{
	char local[ADDR_TEXT_MAX];
	struct buf b = {0};
	enum err e;

	buf_printf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=%s\r\nMax-Forwards: 70\r\n%s",
	           method, d->target, addr_print(&c->links.local, local), branch, d->routes);
	buf_printf(&b,
	           "From: <%s>;tag=%s\r\nTo: <%s>%s%s\r\nCall-ID: %s\r\nCSeq: %" PRIu32 " %s\r\n",
	           c->local_uri, c->local_tag, c->remote_uri, d->remote_tag[0] ? ";tag=" : "",
	           d->remote_tag, c->call_id, c->cseq, method);
	add_contact(c, &b);
	add_body(&b, sdp);
	e = b.bad ? ERR_NOMEM : sip_links_send(&c->links, c->link, buf_as_str(&b));
	if (b.p)
		secret_wipe(b.p, b.n);
	buf_free(&b);
	return e;
}

static void new_branch(char *out, size_t room)
{
	char word[20];

	random_word(word, sizeof(word));
	snprintf(out, room, "z9hG4bK%.16s", word);
}

static void acknowledge(struct sip_call *c, const struct sip_dialog *d, const char *branch)
{
	(void)!send_request(c, d, "ACK", branch, (struct str){0});
}

/* Sends a request, and handles packets and messages until the final answer arrives. */
static enum err ask(struct sip_call *c, const char *method, struct str sdp, struct why *why)
{
	uint64_t end = clk_mono_ns() + ANSWER_MS * NS_PER_MS;

	buf_reset(&c->asked.body);
	c->asked.method = method;
	c->asked.is_done = false;
	c->asked.status = 0;
	c->cseq++;
	new_branch(c->asked.branch, sizeof(c->asked.branch));
	if (send_request(c, &c->dialog, method, c->asked.branch, sdp))
		return why_fail(why, ERR_CLOSED, "%s: the proxy closed the connection", method);
	while (!c->asked.is_done && clk_mono_ns() < end && c->links.streams[c->link].fd >= 0)
		sip_call_turn(c);
	if (!c->asked.is_done)
		return why_fail(why, ERR_TIMEOUT, "%s: no final answer within %d s", method,
		                ANSWER_MS / 1000);
	if (c->asked.status >= 300)
		return why_fail(why, ERR_DENIED, "%s was refused: %u %s", method, c->asked.status,
		                c->asked.reason);
	return ERR_OK;
}

/* Sends the offer `sdp` in an INVITE, processes the answer, and sends the ACK. */
static enum err invite(struct sip_call *c, struct buf *sdp, struct why *why)
{
	char branch[24];
	enum err e = ask(c, "INVITE", buf_as_str(sdp), why);

	if (e) {
		if (c->asked.is_done)
			terminal_refused(c->terminal, buf_as_str(&c->asked.body), why);
		terminal_cancel(c->terminal);
		return e;
	}
	e = terminal_answered(c->terminal, buf_as_str(&c->asked.body), why);
	new_branch(branch, sizeof(branch));
	acknowledge(c, &c->dialog, branch);
	c->state = SIP_UP;
	return e;
}

enum err sip_call_invite(struct sip_call *c, struct str proxy, struct why *why)
{
	struct buf sdp = {0};
	enum err e = sip_links_connect(&c->links, proxy, &c->link, why);

	if (!e)
		e = terminal_offer(c->terminal, &sdp, why);
	if (!e) {
		kms_name_print(c->terminal->peer, c->remote_uri, sizeof(c->remote_uri));
		snprintf(c->dialog.target, sizeof(c->dialog.target), "%s", c->remote_uri);
		c->state = SIP_CALLING;
		e = invite(c, &sdp, why);
		/* The called side accepted, but its answer is unusable, so end the call (RFC 6043
		 * 4.2.2.4 leaves this to signalling). */
		if (e && c->state == SIP_UP)
			(void)!sip_call_bye(c, NULL);
		if (e)
			c->state = SIP_ENDED;
	}
	if (sdp.p)
		secret_wipe(sdp.p, sdp.n);
	buf_free(&sdp);
	return e;
}

enum err sip_call_update(struct sip_call *c, enum ue_update kind, bool hold, struct why *why)
{
	struct buf sdp = {0};
	enum err e = terminal_update(c->terminal, kind, hold, &sdp, why);

	if (!e)
		e = invite(c, &sdp, why);
	if (sdp.p)
		secret_wipe(sdp.p, sdp.n);
	buf_free(&sdp);
	return e;
}

enum err sip_call_bye(struct sip_call *c, struct why *why)
{
	enum err e = ask(c, "BYE", (struct str){0}, why);

	c->state = SIP_ENDED;
	return e;
}

/* --- responses to our requests ---------------------------------------------- */

/* Makes Route headers from the Record-Route headers; in reverse order for the caller (RFC 3261
 * 12.1.2). */
static void take_routes(struct sip_dialog *d, const struct sip_message *m, bool reversed)
{
	struct str uris[16], value;
	size_t n = 0, at = 0;

	for (size_t nth = 0; (value = sip_header(m, "Record-Route", nth)).n; nth++)
		while (value.n && n < ARRAY_LEN(uris)) {
			size_t close = str_find(value, '>');
			struct str rest,
				one = str_make(value.p, close < value.n ? close + 1 : value.n);

			(void)str_cut(str_skip(value, one.n), ',', &rest);
			uris[n++] = str_trim(one);
			value = str_trim(rest);
		}
	for (size_t i = 0; i < n && at < sizeof(d->routes); i++) {
		struct str uri = uris[reversed ? n - 1 - i : i];

		at += (size_t)snprintf(d->routes + at, sizeof(d->routes) - at, "Route: %.*s\r\n",
		                       STR_ARG(uri));
	}
	if (at >= sizeof(d->routes))
		d->routes[0] = '\0';
}

static bool take_dialog(struct sip_dialog *d, const struct sip_message *m, const char *peer_header,
                        bool reversed)
{
	*d = (struct sip_dialog){0};
	take_routes(d, m, reversed);
	return !str_copy(sip_param(sip_header(m, peer_header, 0), "tag"), d->remote_tag,
	                 sizeof(d->remote_tag)) &&
	       !str_copy(sip_uri(sip_header(m, "Contact", 0)), d->target, sizeof(d->target)) &&
	       d->target[0];
}

/* Another terminal of a forked call answered, too: end that call (RFC 3261 13.2.2.4). */
static void end_fork(struct sip_call *c, const struct sip_message *m)
{
	struct sip_dialog other;
	uint32_t cseq = c->cseq;
	char branch[24];

	if (!take_dialog(&other, m, "To", true))
		return;
	new_branch(branch, sizeof(branch));
	acknowledge(c, &other, branch);
	c->cseq++;
	new_branch(branch, sizeof(branch));
	(void)!send_request(c, &other, "BYE", branch, (struct str){0});
	c->cseq = cseq;
	c->forks++;
}

/* Handles a further final answer to our INVITE: a repeated 2xx gets an ACK again; a 2xx from
 * another terminal gets an ACK, and that call is ended. */
static void repeated_answer(struct sip_call *c, const struct sip_message *m)
{
	char branch[24];

	if (m->status >= 300)
		return;
	if (!str_is(sip_param(sip_header(m, "To", 0), "tag"), c->dialog.remote_tag)) {
		end_fork(c, m);
		return;
	}
	new_branch(branch, sizeof(branch));
	acknowledge(c, &c->dialog, branch);
}

static void on_response(struct sip_call *c, const struct sip_message *m)
{
	struct str method, warning = sip_header(m, "Warning", 0);
	struct sip_dialog d;
	uint64_t number;

	if (m->status < 200 || sip_cseq(m, &number, &method) || !c->asked.method)
		return;
	if (str_is(method, "INVITE") && (number != c->cseq || c->asked.is_done)) {
		if (number <= c->cseq)
			repeated_answer(c, m);
		return;
	}
	if (c->asked.is_done || number != c->cseq || !str_is(method, c->asked.method))
		return;
	if (str_is(method, "INVITE") && m->status >= 300) {
		d = c->dialog;
		if (!d.remote_tag[0])
			(void)!str_copy(sip_param(sip_header(m, "To", 0), "tag"), d.remote_tag,
			                sizeof(d.remote_tag));
		acknowledge(c, &d, c->asked.branch);
	}
	if (str_is(method, "INVITE") && m->status < 300 && c->state == SIP_CALLING &&
	    !take_dialog(&c->dialog, m, "To", true))
		return;
	c->asked.status = m->status;
	snprintf(c->asked.reason, sizeof(c->asked.reason), "%.*s%s%.*s", STR_ARG(m->reason),
	         warning.n ? ": " : "", STR_ARG(warning));
	buf_str(&c->asked.body, m->body);
	c->asked.is_done = true;
}

/* --- requests of the peer --------------------------------------------------- */

static void copy_headers(struct buf *b, const struct sip_message *m, const char *name)
{
	struct str value;

	for (size_t i = 0; (value = sip_header(m, name, i)).n; i++)
		buf_printf(b, "%s: %.*s\r\n", name, STR_ARG(value));
}

static void make_response(struct sip_call *c, struct buf *b, const struct sip_message *m,
                          const char *status, struct str sdp)
{
	struct str to = sip_header(m, "To", 0);
	bool is_ok = str_starts(str_of(status), "2");

	buf_printf(b, "SIP/2.0 %s\r\n", status);
	copy_headers(b, m, "Via");
	copy_headers(b, m, "From");
	buf_printf(b, "To: %.*s", STR_ARG(to));
	if (!sip_param(to, "tag").n)
		buf_printf(b, ";tag=%s", c->local_tag);
	buf_text(b, "\r\n");
	copy_headers(b, m, "Call-ID");
	copy_headers(b, m, "CSeq");
	if (is_ok && str_is(m->method, "INVITE"))
		copy_headers(b, m, "Record-Route");
	if (is_ok)
		add_contact(c, b);
	if (!is_ok && c->trouble.text[0])
		buf_printf(b, "Warning: 399 sluice-ue \"%s\"\r\n", c->trouble.text);
	add_body(b, sdp);
}

static void respond_with(struct sip_call *c, unsigned link, const struct sip_message *m,
                         const char *status, struct str sdp)
{
	struct buf b = {0};

	make_response(c, &b, m, status, sdp);
	if (!b.bad)
		(void)!sip_links_send(&c->links, link, buf_as_str(&b));
	buf_free(&b);
}

static void respond(struct sip_call *c, unsigned link, const struct sip_message *m,
                    const char *status)
{
	respond_with(c, link, m, status, (struct str){0});
}

/* Replaces quotes and control characters, so that the text can be quoted in a header. */
static void tame(char *text)
{
	for (; *text; text++)
		if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
			*text = '\'';
}

static void answer_invite(struct sip_call *c, unsigned link, const struct sip_message *m)
{
	bool is_first = c->state == SIP_IDLE;
	struct buf sdp = {0};
	enum err e = terminal_answer(c->terminal, m->body, &sdp, &c->trouble);

	if (e) {
		tame(c->trouble.text);
		fprintf(stderr, "sluice-ue: refused the peer's offer: %s\n", c->trouble.text);
		respond_with(c, link, m, "488 Not Acceptable Here", buf_as_str(&sdp));
		c->trouble.text[0] = '\0';
		if (is_first) {
			/* The proxy sends its ACK on this connection, so it must stay open. */
			c->answered.end_ns = clk_mono_ns() + 64 * T1_MS * NS_PER_MS;
			c->state = SIP_REFUSED;
		}
	} else {
		buf_reset(&c->answered.text);
		make_response(c, &c->answered.text, m, "200 OK", buf_as_str(&sdp));
		c->answered.link = link;
		c->answered.step_ns = T1_MS * NS_PER_MS;
		c->answered.next_ns = clk_mono_ns();
		c->answered.end_ns = c->answered.next_ns + 64 * T1_MS * NS_PER_MS;
		c->state = is_first ? SIP_RINGING : c->state;
	}
	if (sdp.p)
		secret_wipe(sdp.p, sdp.n);
	buf_free(&sdp);
}

static bool begin_dialog(struct sip_call *c, unsigned link, const struct sip_message *m)
{
	c->link = link;
	return take_dialog(&c->dialog, m, "From", false) &&
	       !str_copy(sip_header(m, "Call-ID", 0), c->call_id, sizeof(c->call_id)) &&
	       !str_copy(sip_uri(sip_header(m, "From", 0)), c->remote_uri, sizeof(c->remote_uri));
}

static void on_invite(struct sip_call *c, unsigned link, const struct sip_message *m,
                      uint64_t number)
{
	bool is_ours = str_is(sip_header(m, "Call-ID", 0), c->call_id) &&
	               str_is(sip_param(sip_header(m, "From", 0), "tag"), c->dialog.remote_tag);

	if (c->state == SIP_IDLE && c->terminal->options->wait &&
	    !sip_param(sip_header(m, "To", 0), "tag").n) {
		if (!begin_dialog(c, link, m))
			respond(c, link, m, "400 Bad Request");
		else if (!m->body.n)
			respond(c, link, m, "488 Not Acceptable Here");
		else {
			c->peer_cseq = number;
			answer_invite(c, link, m);
		}
	} else if (!is_ours) {
		respond(c, link, m,
		        c->state == SIP_ENDED ? "480 Temporarily Unavailable" : "486 Busy Here");
	} else if (c->state != SIP_UP || (c->asked.method && !c->asked.is_done)) {
		/* RFC 3261 14.1: another request is pending */
		respond(c, link, m, "491 Request Pending");
	} else if (number <= c->peer_cseq) {
		/* RFC 3261 12.2.2: CSeq is out of order */
		respond(c, link, m, "500 Server Internal Error");
	} else {
		c->peer_cseq = number;
		answer_invite(c, link, m);
	}
}

static void on_ack(struct sip_call *c)
{
	if (c->state == SIP_REFUSED)
		c->state = SIP_ENDED;
	if (!c->answered.next_ns)
		return;
	c->answered.next_ns = 0;
	if (c->state == SIP_RINGING)
		c->state = SIP_UP;
	terminal_confirmed(c->terminal);
}

static void on_request(struct sip_call *c, unsigned link, const struct sip_message *m)
{
	bool is_ours = str_is(sip_header(m, "Call-ID", 0), c->call_id);
	struct str method;
	uint64_t number;

	if (sip_cseq(m, &number, &method) || !str_eq(method, m->method)) {
		respond(c, link, m, "400 Bad Request");
	} else if (str_is(m->method, "INVITE")) {
		on_invite(c, link, m, number);
	} else if (str_is(m->method, "ACK")) {
		if (is_ours && number == c->peer_cseq)
			on_ack(c);
	} else if (str_is(m->method, "BYE") && is_ours &&
	           (c->state == SIP_UP || c->state == SIP_RINGING)) {
		respond(c, link, m, "200 OK");
		c->answered.next_ns = 0;
		c->state = SIP_ENDED;
	} else if (str_is(m->method, "OPTIONS")) {
		respond(c, link, m, "200 OK");
	} else {
		respond(c, link, m,
		        str_is(m->method, "BYE") || str_is(m->method, "CANCEL")
		                ? "481 Call/Transaction Does Not Exist"
		                : "405 Method Not Allowed");
	}
}

static void on_message(void *arg, unsigned from, const struct sip_message *m)
{
	if (m->is_request)
		on_request(arg, from, m);
	else
		on_response(arg, m);
}

/* --- timers ----------------------------------------------------------------- */

/* Repeats our 2xx until its ACK arrives. This is needed over TCP, too, because a later hop may use
 * UDP. */
static void send_answer(struct sip_call *c, uint64_t now)
{
	if (c->state == SIP_REFUSED && now >= c->answered.end_ns)
		c->state = SIP_ENDED;
	if (!c->answered.next_ns || now < c->answered.next_ns)
		return;
	if (now >= c->answered.end_ns ||
	    sip_links_send(&c->links, c->answered.link, buf_as_str(&c->answered.text))) {
		c->answered.next_ns = 0;
		c->state = SIP_ENDED;
		return;
	}
	c->answered.next_ns = now + c->answered.step_ns;
	c->answered.step_ns = c->answered.step_ns * 2 > T2_MS * NS_PER_MS ? T2_MS * NS_PER_MS
	                                                                  : c->answered.step_ns * 2;
}

void sip_call_turn(struct sip_call *c)
{
	uint64_t now = clk_mono_ns();

	send_answer(c, now);
	media_turn(c->terminal->media, now);
	sip_links_turn(&c->links, media_fd(c->terminal->media), TURN_MS);
}
