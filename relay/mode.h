/* SPDX-License-Identifier: MIT */
/* The table of modes: for each side of a media, what is done to packets on the way in and out. */
#ifndef RELAY_MODE_H
#define RELAY_MODE_H

#include "relay/relay.h"

/* What happens to a packet that arrives on a leg of this side. */
enum mode_in {
	/* plain RTP and RTCP: headers are checked, packets are counted per SSRC */
	MODE_IN_PLAIN,
	MODE_IN_UNPROTECT, /* SRTP and SRTCP: verified and decrypted */
	/* SRTP and SRTCP: a copy is verified, the original octets are forwarded */
	MODE_IN_VERIFY,
	MODE_IN_OPAQUE, /* any datagram: forwarded with unchanged octets */
};

/* What happens to a packet that leaves on a leg of this side. */
enum mode_out {
	MODE_OUT_AS_IS,
	MODE_OUT_PROTECT,
};

struct mode_side {
	enum mode_in in;
	enum mode_out out;
};

struct mode {
	const char *name;
	struct mode_side access, core;
};

/* `m` must be below RELAY_MODE_COUNT. */
const struct mode *mode_get(enum relay_mode m);

static inline const struct mode_side *mode_side(const struct mode *m, unsigned leg)
{
	return leg == RELAY_LEG_ACCESS ? &m->access : &m->core;
}

/* Whether legs of this side use a receive key. */
static inline bool mode_takes_receive_key(const struct mode_side *s)
{
	return s->in == MODE_IN_UNPROTECT || s->in == MODE_IN_VERIFY;
}

/* Whether legs of this side use a send key. */
static inline bool mode_takes_send_key(const struct mode_side *s)
{
	return s->out == MODE_OUT_PROTECT;
}

#endif
