/* SPDX-License-Identifier: MIT */
/* Parses SIP messages (RFC 3261 7) for sluice-ue, without copying them. */
#ifndef CONTROL_NET_SIP_H
#define CONTROL_NET_SIP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum { SIP_MESSAGE_MAX = 65536, SIP_HEADERS_MAX = 96 };

struct sip_header {
	struct str name, value;
};

/* A parsed message. Its texts are slices of the text that sip_read got. */
struct sip_message {
	bool is_request;
	struct str method, uri; /* of a request; empty in a response */
	unsigned status;        /* of a response, 100 to 699; 0 in a request */
	struct str reason;      /* of a response */
	struct sip_header headers[SIP_HEADERS_MAX];
	size_t n_headers;
	struct str body;
};

/*
 * Writes the length of the first message of a stream, from its Content-Length (RFC 3261 18.3), with
 * the blank lines before it. ERR_TRUNCATED: wait for more octets; ERR_SYNTAX, ERR_TOO_BIG: close
 * the stream.
 */
enum err sip_length(struct str stream, size_t *out) MUST_USE;
/* Parses `text`, which must be exactly one message. ERR_SYNTAX, for folded lines too (RFC 3261
 * 7.3.1); ERR_TOO_BIG. */
enum err sip_read(struct sip_message *out, struct str text) MUST_USE;

/* The value of the nth header (from 0) of that name, also in its compact form; ignores case. Empty
 * if there is none. */
struct str sip_header(const struct sip_message *m, const char *name, size_t nth);
/* Return the URI, or the value of a parameter, of a header value such as "Name <sip:x>;tag=1" or
 * "sip:x;tag=1"; empty when absent. */
struct str sip_uri(struct str value);
struct str sip_param(struct str value, const char *name);
/* Writes the number and the method of the header CSeq. ERR_SYNTAX. */
enum err sip_cseq(const struct sip_message *m, uint64_t *number, struct str *method) MUST_USE;

#endif
