/* SPDX-License-Identifier: MIT */
/* Security-Client, -Server and -Verify (RFC 3329) with the mediasec parameter: what a P-CSCF
 * answers and stores. Pure functions, any thread. */
#ifndef KEYCTX_SDP_MEDIASEC_H
#define KEYCTX_SDP_MEDIASEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Media plane mechanisms of 24.229 table 7.2A.7.2-2, and dtls-srtp which networks send too. A set
 * is a mask of bits. */
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

/* The media plane entries of one kind of header. */
struct mediasec_list {
	uint32_t mechanisms;   /* bits */
	unsigned n_media;      /* entries with mediasec, unknown mechanisms included */
	unsigned n_signalling; /* entries without: ipsec-3gpp, tls ... */
};

/*
 * Parses the values of all headers of one name, in order; each may be a comma list with quoted
 * strings. Ignores unknown mechanisms and parameters; sdes-srtp without mediasec is an entry of
 * signalling. ERR_SYNTAX; ERR_TOO_BIG: more than MEDIASEC_ENTRIES_MAX entries.
 */
enum err mediasec_parse(struct mediasec_list *out, const struct str *values, size_t n,
                        struct why *why) MUST_USE;

enum mediasec_step {
	MEDIASEC_FIRST,     /* a REGISTER that is not protected yet: answered by 401 */
	MEDIASEC_PROTECTED, /* the REGISTER that repeats the lists: answered by 200 */
	MEDIASEC_REQUEST,   /* any other request that carries Security-Verify */
	MEDIASEC_STEP_COUNT
};

struct mediasec_question {
	enum mediasec_step step;
	bool is_emergency_registration;
	bool uses_sec_agree; /* the request requires sec-agree: answer a mismatch with 494 */
	uint32_t ours;       /* mechanisms that the gateway supports and policy allows */
	uint32_t sent;       /* mechanisms in this binding's Security-Server; 0: none was sent */
	const struct mediasec_list *client; /* NULL: no such header */
	const struct mediasec_list *verify; /* NULL: no such header */
};

struct mediasec_decision {
	int status;        /* 0: go on; 494 Security Agreement Required */
	bool is_downgrade; /* Security-Verify is not what was sent: log it */
	/* store `binding` in the registration; a re-REGISTER without the header clears it */
	bool store;
	uint32_t binding; /* mechanisms both sides have */
	bool e2ae;        /* sdes-srtp is among them */
			  /* value of Security-Server in 401, 200 and 494; empty: no header */
	char security_server[MEDIASEC_TEXT_MAX];
};

void mediasec_decide(struct mediasec_decision *out, const struct mediasec_question *q);

/* Removes "mediasec" from the value of Require or Proxy-Require before forwarding; it is never a
 * reason for 420. Empty: nothing is left. ERR_TOO_BIG. */
enum err mediasec_strip_option(struct str require, char *out, size_t room) MUST_USE;

#endif
