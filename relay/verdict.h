/* SPDX-License-Identifier: MIT */
/* What became of a packet: one outcome each, counted once. Name, metric label and documentation row
 * are the same word. */
#ifndef RELAY_VERDICT_H
#define RELAY_VERDICT_H

#include <stdint.h>

/* Order is the order of the path. VERDICT_NONE: still on its way. Engines and io set those of their
 * stage. */
enum verdict {
	VERDICT_NONE = 0,
	VERDICT_FORWARDED, /* handed to the network */
	/* io, classify */
	VERDICT_NO_PORT,   /* no leg owns the port it came to */
	VERDICT_MALFORMED, /* not a well-formed RTP or RTCP packet (RFC 3550 A.1) */
	VERDICT_MARTIAN,   /* xdp: source or link address that no packet for us can have; the kernel
	                      drops such ones too (RFC 1812 5.3.8) */
	VERDICT_NOT_MEDIA, /* STUN, DTLS or unknown on a leg that takes RTP and RTCP only (RFC 7983)
	                    */
	VERDICT_TOO_BIG,   /* does not fit a packet buffer, or its protected form would not */
	VERDICT_OVERLOAD,  /* no packet buffer or ring slot was free */
	/* leg */
	VERDICT_GATE_CLOSED, /* the leg may not receive, or its peer leg may not send */
	VERDICT_SOURCE,      /* not from the address that the leg's latch policy allows */
	VERDICT_NO_KEY,      /* no key of the leg covers it: none set yet, or an unknown MKI */
	VERDICT_SSRC_LIMIT,  /* one more SSRC than the leg may have */
	VERDICT_CLEAR, /* plain RTP or RTCP where SRTP is due: too short for a tag, or nothing of
	                  the leg verified yet and it looks plain (relay/worker/unheard.h) */
	/* unprotect */
	VERDICT_AUTH_FAILED, /* the tag does not verify */
	VERDICT_REPLAYED,    /* index seen before */
	VERDICT_TOO_OLD, /* index left of the replay window; outbound: before the first one sent */
	VERDICT_KEY_EXPIRED,   /* the key's lifetime is used up (RFC 3711 9.2) */
	VERDICT_CRYPTO_FAILED, /* the engine failed for a reason of its own */
	/* cross, outbound */
	VERDICT_NO_PEER,   /* no active peer leg, or its address is not known yet */
	VERDICT_DUPLICATE, /* outbound index already used (RFC 3711 9.1) */
	VERDICT_LOOP,      /* would go back to where it came from: loop protection */
	VERDICT_MTU,       /* larger than the path allows; never fragmented silently */
	/* send */
	VERDICT_NO_ROUTE,    /* the next hop is not reachable */
	VERDICT_SEND_FAILED, /* the network refused it */
	VERDICT_COUNT
};

/* Lower-case words with underscores: "auth_failed". Never NULL. */
const char *verdict_name(enum verdict v);
/* One line for people and for docs/operations.md. */

#endif
