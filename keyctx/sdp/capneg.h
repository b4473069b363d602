/* SPDX-License-Identifier: MIT */
/* Capability negotiation (RFC 5939), limited to potential configurations that offer SRTP keys in
 * a=crypto under a plain m-line. */
#ifndef KEYCTX_SDP_CAPNEG_H
#define KEYCTX_SDP_CAPNEG_H

#include "keyctx/sdp/sdes.h"
#include "keyctx/sdp/sdp.h"

/* The chosen potential configuration. Owns `crypto`. */
struct capneg {
	enum sdp_profile profile; /* RTP/SAVP or RTP/SAVPF */
	struct sdes_line crypto;  /* the key line, from an a=acap:N crypto:... line */
	bool e2ae_requested;      /* the configuration includes 3ge2ae:requested */
	char acfg[64];            /* value of a=acfg in the gateway's answer, such as "1 t=1 a=2" */
};

/* Chooses the potential configuration with the lowest number that names RTP/SAVP(F) and a usable
 * crypto line, and requires nothing that the gateway does not support. ERR_NOT_FOUND: there is
 * none; ERR_NOMEM. */
enum err capneg_choose(struct capneg *out, const struct sdp *s, unsigned media,
                       const struct sdes_policy *p) MUST_USE;
void capneg_clear(struct capneg *c);
/* Returns true for a line of capability negotiation (RFC 5939, RFC 6871, RFC 3407). The gateway
 * removes such lines from media whose SRTP it terminates. */
bool capneg_is_line(const struct sdp_line *l);

#endif
