/* SPDX-License-Identifier: MIT */
/* Parses and compares lists of security mechanisms (RFC 3329). */
#include "keyctx/sdp/mediasec.h"

#include <stdio.h>

static const char *const names[MEDIASEC_COUNT] = {
	[MEDIASEC_SDES_SRTP] = "sdes-srtp", [MEDIASEC_MSRP_TLS] = "msrp-tls",
	[MEDIASEC_BFCP_TLS] = "bfcp-tls",   [MEDIASEC_UDPTL_DTLS] = "udptl-dtls",
	[MEDIASEC_DTLS_SRTP] = "dtls-srtp",
};

const char *mediasec_name(enum mediasec_mechanism m)
{
	return names[m];
}

/* Splits `text` at the first `sep` outside quotes. Returns false if a quote is not closed. */
static bool cut_quoted(struct str text, char sep, struct str *part, struct str *rest)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < text.n && (quoted || text.p[i] != sep); i++) {
		if (text.p[i] == '\\' && quoted && i + 1 < text.n)
			i++;
		else if (text.p[i] == '"')
			quoted = !quoted;
	}
	*part = str_trim(str_make(text.p, i < text.n ? i : text.n));
	*rest = str_skip(text, i < text.n ? i + 1 : text.n);
	return !quoted;
}

static enum err parse_entry(struct mediasec_list *l, struct str entry)
{
	struct str name, param;
	bool media = false;

	if (!cut_quoted(entry, ';', &name, &entry) || !name.n)
		return ERR_SYNTAX;
	while (entry.n) {
		if (!cut_quoted(entry, ';', &param, &entry))
			return ERR_SYNTAX;
		media |= str_eq_nocase(param, STR("mediasec"));
	}
	if (l->n_media + l->n_signalling == MEDIASEC_ENTRIES_MAX)
		return ERR_TOO_BIG;
	l->n_media += media;
	l->n_signalling += !media;
	for (unsigned m = 0; media && m < MEDIASEC_COUNT; m++)
		if (str_eq_nocase(name, str_of(names[m])))
			l->mechanisms |= 1u << m;
	return ERR_OK;
}

enum err mediasec_parse(struct mediasec_list *out, const struct str *texts, size_t n,
                        struct why *why)
{
	struct mediasec_list l = {0};
	struct str entry, rest;
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && !e; i++) {
		rest = texts[i];
		while (rest.n && !e) {
			if (!cut_quoted(rest, ',', &entry, &rest))
				e = ERR_SYNTAX;
			else if (entry.n) /* RFC 3261 allows empty entries: skip them */
				e = parse_entry(&l, entry);
		}
	}
	if (e)
		return why_fail(
			why, e,
			"Security-Client, -Server or -Verify is not a list of mechanisms: %s",
			err_meaning(e));
	*out = l;
	return ERR_OK;
}

static void print_server(uint32_t mechanisms, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned m = 0; m < MEDIASEC_COUNT; m++)
		if (mechanisms >> m & 1)
			at += (size_t)snprintf(out + at, room - at, "%s%s;mediasec", at ? ", " : "",
			                       names[m]);
	CHECK(at < room);
}

/* The steps differ only in these actions. */
static const struct {
	bool stores, checks_verify, answers;
} steps[MEDIASEC_STEP_COUNT] = {
	/* The REGISTER is not authenticated yet: it gets an answer, but changes nothing. */
	[MEDIASEC_FIRST] = {.answers = true},
	[MEDIASEC_PROTECTED] = {.stores = true, .checks_verify = true, .answers = true},
	[MEDIASEC_REQUEST] = {.checks_verify = true},
};

void mediasec_decide(struct mediasec_decision *out, const struct mediasec_question *q)
{
	uint32_t ours = q->is_emergency_registration ? 0 : q->ours;
	uint32_t theirs = q->client ? q->client->mechanisms : 0;
	uint32_t verified = q->verify ? q->verify->mechanisms : 0;

	*out = (struct mediasec_decision){0};
	out->is_downgrade = steps[q->step].checks_verify && q->sent && verified != q->sent;
	if (out->is_downgrade && q->uses_sec_agree)
		out->status = 494;
	if (steps[q->step].stores && !out->status) {
		out->store = true;
		out->binding = out->is_downgrade ? 0 : ours & theirs;
		out->e2ae = out->binding >> MEDIASEC_SDES_SRTP & 1;
	}
	/* The server's list does not depend on the client's (RFC 3329 2.2). A client that sent no
	 * media plane entry gets no list. */
	if ((steps[q->step].answers && q->client && q->client->n_media) || out->status)
		print_server(ours, out->security_server, sizeof(out->security_server));
}

enum err mediasec_strip_option(struct str require, char *out, size_t room)
{
	struct str rest = require, option;
	size_t at = 0;

	if (room < require.n + 1)
		return ERR_TOO_BIG;
	out[0] = '\0';
	while (rest.n) {
		option = str_trim(str_cut(rest, ',', &rest));
		if (!option.n || str_eq_nocase(option, STR("mediasec")))
			continue;
		if (at) {
			/* "a,b" becomes "a, b", which is longer than the input: check the room. */
			if (at + 2 + option.n >= room)
				return ERR_TOO_BIG;
			out[at++] = ',';
			out[at++] = ' ';
		}
		if (at + option.n >= room)
			return ERR_TOO_BIG;
		memcpy(out + at, option.p, option.n);
		at += option.n;
		out[at] = '\0';
	}
	return ERR_OK;
}
