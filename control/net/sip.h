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
 * The length of the first complete message of a stream, from its Content-Length (RFC 3261 18.3).
 * Includes blank lines before it. ERR_TRUNCATED: wait for more; ERR_SYNTAX, ERR_TOO_BIG: close the
 * stream.
 */
enum err sip_length(struct str stream, size_t *out) MUST_USE;
/* `text` is exactly one message. ERR_SYNTAX: also for folded lines (RFC 3261 7.3.1). ERR_TOO_BIG.
 */
enum err sip_read(struct sip_message *out, struct str text) MUST_USE;

/* The nth header of that name, or empty. Matches compact forms and ignores case. */
struct str sip_header(const struct sip_message *m, const char *name, size_t nth);
/* The URI and a parameter of "Name <sip:x>;tag=1" or "sip:x;tag=1"; empty when absent. */
struct str sip_uri(struct str value);
struct str sip_param(struct str value, const char *name);
/* The number and the method of CSeq. ERR_SYNTAX. */
enum err sip_cseq(const struct sip_message *m, uint64_t *number, struct str *method) MUST_USE;

#endif
