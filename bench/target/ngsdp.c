/* SPDX-License-Identifier: MIT */
/* Prints and reads the SDP of the ng and jsonrpc-sdp clients. */
#include "bench/target/ngsdp.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/secret.h"

static void print_crypto(const struct call_side *at, struct buf *out)
{
	uint8_t master[SUITE_MASTER_MAX];
	char text[B64_TEXT_LEN(SUITE_MASTER_MAX) + 1];
	const struct suite *suite = at->send->suite;

	memcpy(master, at->send->key, suite->key_len);
	memcpy(master + suite->key_len, at->send->salt, suite->salt_len);
	if (b64_encode(master, (size_t)suite->key_len + suite->salt_len, true, text,
	               sizeof(text)) == ERR_OK)
		buf_printf(out, "a=crypto:%u %s inline:%s\r\n", at->tag, suite->name, text);
	secret_wipe(master, sizeof(master));
	secret_wipe(text, sizeof(text));
}

void ngsdp_print(const struct call *s, enum bench_side side, struct buf *out)
{
	const struct call_side *at = &s->side[side];
	char ip[ADDR_TEXT_MAX];
	int version = at->local.version == 6 ? 6 : 4;

	addr_print_ip(&at->local, ip);
	buf_printf(out, "v=0\r\no=- 1 %u IN IP%d %s\r\ns=-\r\nc=IN IP%d %s\r\nt=0 0\r\n",
	           s->version + 1, version, ip, version, ip);
	buf_printf(out, "m=audio %u %s 0\r\na=rtpmap:0 PCMU/8000\r\n", at->local.port,
	           at->send ? "RTP/SAVP" : "RTP/AVP");
	buf_printf(out, "a=%s\r\n", s->is_held ? "inactive" : "sendrecv");
	if (s->plan->rtcp_mux)
		buf_text(out, "a=rtcp-mux\r\n");
	if (at->send)
		print_crypto(at, out);
}

/* Cuts the next line from `rest`, without its line end. False: there is none. */
static bool next_line(struct str *rest, struct str *line)
{
	if (rest->n == 0)
		return false;
	*line = str_cut(*rest, '\n', rest);
	if (str_ends(*line, "\r"))
		line->n--;
	return true;
}

enum err ngsdp_read_address(struct str text, struct addr *out, struct why *why)
{
	struct str line, word;
	struct addr ip = {0};
	uint64_t port = 0;

	while (next_line(&text, &line)) {
		if (str_starts(line, "c=IN IP")) {
			line = str_skip(line, 2);
			(void)str_word(&line);
			(void)str_word(&line);
			if (addr_parse_ip(str_word(&line), &ip) != ERR_OK)
				return why_fail(why, ERR_SYNTAX,
				                "SDP: the c= line has no valid address");
		} else if (str_starts(line, "m=") && port == 0) {
			(void)str_word(&line);
			word = str_word(&line);
			if (str_to_u64(word, 65535, &port) != ERR_OK)
				return why_fail(why, ERR_SYNTAX,
				                "SDP: port '%.*s' is not a number from 0 to 65535",
				                STR_ARG(word));
		}
	}
	if (addr_is_none(&ip) || port == 0)
		return why_fail(why, ERR_SYNTAX,
		                "SDP: no address, or port 0: the stream was refused");
	*out = addr_with_port(&ip, (uint16_t)port);
	return ERR_OK;
}

/* Reads "1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^31" and makes its key. ERR_NOT_FOUND: the line has
 * another suite. */
static enum err read_crypto(struct str value, const struct suite *suite, struct keyctx **key,
                            unsigned *tag)
{
	struct str tag_text = str_word(&value), name = str_word(&value), params = str_word(&value),
		   rest;
	uint8_t master[SUITE_MASTER_MAX + 2];
	uint64_t number;
	size_t n = 0;
	enum err e;

	if (!str_is(name, suite->name))
		return ERR_NOT_FOUND;
	if (!str_starts(params, "inline:") || str_to_u64(tag_text, 999999999, &number) != ERR_OK)
		return ERR_SYNTAX;
	e = b64_decode(str_cut(str_skip(params, 7), '|', &rest), master, sizeof(master), &n);
	if (e == ERR_OK)
		e = keyctx_new(
			key, &(struct keyctx_spec){.suite = suite, .master = {.p = master, .n = n}},
			NULL);
	secret_wipe(master, sizeof(master));
	if (e == ERR_OK)
		*tag = (unsigned)number;
	return e;
}

enum err ngsdp_read(struct call *s, enum bench_side side, struct str text, struct why *why)
{
	struct call_side *at = &s->side[side];
	const struct suite *suite = s->plan->suite[side];
	enum err e = ngsdp_read_address(text, &at->target, why);
	struct keyctx *key = NULL;
	struct str line;

	if (e != ERR_OK || !suite)
		return e;
	e = ERR_NOT_FOUND;
	while (e == ERR_NOT_FOUND && next_line(&text, &line))
		if (str_starts(line, "a=crypto:"))
			e = read_crypto(str_skip(line, 9), suite, &key, &at->tag);
	if (e != ERR_OK)
		return why_fail(why, e,
		                "SDP for the %s side: no usable a=crypto line with suite %s",
		                call_side_name(side), suite->name);
	keyctx_free(at->receive);
	at->receive = key;
	return ERR_OK;
}
