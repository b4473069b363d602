/* SPDX-License-Identifier: MIT */
/* SIP messages (RFC 3261 7) for sluice-ue: found in a stream, read by header, nothing copied. */
#ifndef CONTROL_NET_SIP_H
#define CONTROL_NET_SIP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum { SIP_MESSAGE_MAX = 65536, SIP_HEADERS_MAX = 96 };

struct sip_header {
	struct str name, value;
};

/* Views on the octets it was read from. */
struct sip_message {
	bool is_request;
	struct str method, uri; /* of a request */
	unsigned status;        /* of a response */
	struct str reason;
	struct sip_header headers[SIP_HEADERS_MAX];
	size_t n_headers;
	struct str body;
};

/*
 * Octets of the first whole message of a stream: its Content-Length says where it ends (18.3).
 * ERR_TRUNCATED: wait for more; ERR_SYNTAX, ERR_TOO_BIG: close the stream. Blank lines before the
 * message count as its part.
 */
enum err sip_length(struct str stream, size_t *out) MUST_USE;
/* `text` is exactly one message. Folded lines, which RFC 3261 7.3.1 discourages, are ERR_SYNTAX.
 * ERR_TOO_BIG. */
enum err sip_read(struct sip_message *out, struct str text) MUST_USE;

/* The nth header of that name (compact forms too, without case), or empty. */
struct str sip_header(const struct sip_message *m, const char *name, size_t nth);
/* "Name <sip:x>;tag=1", "sip:x;tag=1": the URI, and a parameter of the header. Empty when there is
 * none. */
struct str sip_uri(struct str value);
struct str sip_param(struct str value, const char *name);
/* The number and the method of CSeq. ERR_SYNTAX. */
enum err sip_cseq(const struct sip_message *m, uint64_t *number, struct str *method) MUST_USE;

#endif
