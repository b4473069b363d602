/* SPDX-License-Identifier: MIT */
/* The table of modes: for each side of a media, what is undone on the way in and done on the way
 * out. */
#ifndef RELAY_MODE_H
#define RELAY_MODE_H

#include "relay/relay.h"

/* What becomes of a packet that arrives on a leg of this side. */
enum mode_in {
	MODE_IN_PLAIN,     /* RTP and RTCP as they are: checked, counted by SSRC */
	MODE_IN_UNPROTECT, /* SRTP and SRTCP: verified, decrypted */
	MODE_IN_VERIFY,    /* SRTP and SRTCP: a copy is verified, the octets go on as they came */
	MODE_IN_OPAQUE,    /* datagrams: forwarded without being parsed */
};

/* What is done to a packet that leaves on a leg of this side. */
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

/* `m` is below RELAY_MODE_COUNT. */
const struct mode *mode_get(enum relay_mode m);

static inline const struct mode_side *mode_side(const struct mode *m, unsigned leg)
{
	return leg == RELAY_LEG_ACCESS ? &m->access : &m->core;
}

/* Does a leg of this side use such a key? */
static inline bool mode_takes_receive_key(const struct mode_side *s)
{
	return s->in == MODE_IN_UNPROTECT || s->in == MODE_IN_VERIFY;
}

static inline bool mode_takes_send_key(const struct mode_side *s)
{
	return s->out == MODE_OUT_PROTECT;
}

#endif
