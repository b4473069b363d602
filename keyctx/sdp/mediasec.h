/* SPDX-License-Identifier: MIT */
/* Parses the headers Security-Client, Security-Server and Security-Verify (RFC 3329) with the
 * mediasec parameter, and decides what a P-CSCF answers and stores. Pure functions, any thread. */
#ifndef KEYCTX_SDP_MEDIASEC_H
#define KEYCTX_SDP_MEDIASEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Media plane mechanisms of TS 24.229 table 7.2A.7.2-2, and dtls-srtp, which some networks send as
 * well. A set of mechanisms is a mask: bit i stands for mechanism i. */
enum mediasec_mechanism {
	MEDIASEC_SDES_SRTP,
	MEDIASEC_MSRP_TLS,
	MEDIASEC_BFCP_TLS,
	MEDIASEC_UDPTL_DTLS,
	MEDIASEC_DTLS_SRTP,
	MEDIASEC_COUNT
};

enum { MEDIASEC_ENTRIES_MAX = 64, MEDIASEC_TEXT_MAX = 256 };

const char *mediasec_name(enum mediasec_mechanism m);

/* The media plane mechanisms and the number of entries in all headers of one name. */
struct mediasec_list {
	uint32_t mechanisms;   /* mask of the mechanisms found */
	unsigned n_media;      /* entries with mediasec, also for unknown mechanisms */
	unsigned n_signalling; /* entries without mediasec, such as ipsec-3gpp or tls */
};

/*
 * Parses the values of all headers of one name, in order. Each value may be a comma-separated list
 * with quoted strings. Ignores unknown mechanisms and parameters. An entry sdes-srtp without
 * mediasec counts as a signalling entry. ERR_SYNTAX; ERR_TOO_BIG: more than MEDIASEC_ENTRIES_MAX
 * entries.
 */
enum err mediasec_parse(struct mediasec_list *out, const struct str *values, size_t n,
                        struct why *why) MUST_USE;

enum mediasec_step {
	MEDIASEC_FIRST,     /* a REGISTER that is not protected yet; its answer is 401 */
	MEDIASEC_PROTECTED, /* the REGISTER that repeats the lists; its answer is 200 */
	MEDIASEC_REQUEST,   /* any other request that carries Security-Verify */
	MEDIASEC_STEP_COUNT
};

struct mediasec_question {
	enum mediasec_step step;
	bool is_emergency_registration;
	/* the request requires sec-agree, so a mismatch is answered with 494 */
	bool uses_sec_agree;
	uint32_t ours; /* mask of mechanisms that the gateway supports and policy allows */
	/* mask of the mechanisms sent to this UE in Security-Server; 0: header not sent */
	uint32_t sent;
	const struct mediasec_list *client; /* Security-Client of the request; NULL: it has none */
	const struct mediasec_list *verify; /* Security-Verify of the request; NULL: it has none */
};

struct mediasec_decision {
	int status;        /* 0: go on; 494: answer with Security Agreement Required */
	bool is_downgrade; /* Security-Verify differs from what was sent: log a possible attack */
	/* store `binding` in the registration; a re-REGISTER without Security-Client makes it 0 */
	bool store;
	uint32_t binding; /* mask of the mechanisms that both sides support */
	bool e2ae;        /* sdes-srtp is in `binding` */
	/* value of Security-Server in the answers 401, 200 and 494; empty: no header */
	char security_server[MEDIASEC_TEXT_MAX];
};

void mediasec_decide(struct mediasec_decision *out, const struct mediasec_question *q);

/* Removes the option "mediasec" from a Require or Proxy-Require value before the request is
 * forwarded; the gateway never answers 420 because of it. `out` is empty if no option is left.
 * ERR_TOO_BIG: `room` is too small. */
enum err mediasec_strip_option(struct str require, char *out, size_t room) MUST_USE;

#endif
