/* SPDX-License-Identifier: MIT */
/* Capability negotiation (RFC 5939): only what offers SRTP keys under a plain m-line. */
#ifndef KEYCTX_SDP_CAPNEG_H
#define KEYCTX_SDP_CAPNEG_H

#include "keyctx/sdp/sdes.h"
#include "keyctx/sdp/sdp.h"

/* The chosen potential configuration. Owns `crypto`. */
struct capneg {
	enum sdp_profile profile; /* RTP/SAVP or RTP/SAVPF */
	struct sdes_line crypto;  /* of an a=acap:N crypto:... */
	bool e2ae_requested;      /* an a=acap:N 3ge2ae:requested goes with it */
	char acfg[64];            /* our a=acfg value: "1 t=1 a=2" */
};

/*
 * Chooses the potential configuration of lowest number that names RTP/SAVP(F) and a usable crypto
 * line, and demands nothing that is not supported. ERR_NOT_FOUND: there is none; ERR_NOMEM.
 */
enum err capneg_choose(struct capneg *out, const struct sdp *s, unsigned media,
                       const struct sdes_policy *p) MUST_USE;
void capneg_clear(struct capneg *c);
/* Is it a line of capability negotiation (RFC 5939, RFC 6871, RFC 3407)? None is forwarded for
 * media whose SRTP ends here. */
bool capneg_is_line(const struct sdp_line *l);

#endif
