/* SPDX-License-Identifier: MIT */
/* The outcome of a packet. Each packet gets exactly one verdict, which is counted once. Its name is
 * also the metric label and the row in docs/operations.md. */
#ifndef RELAY_VERDICT_H
#define RELAY_VERDICT_H

#include <stdint.h>

/* In the order of the path. VERDICT_NONE: not decided yet. Engines and back ends set the verdicts
 * of their own stages. */
enum verdict {
	VERDICT_NONE = 0,
	VERDICT_FORWARDED, /* handed to the network */
	/* --- usually set by back ends and by the stage "classify" */
	VERDICT_NO_PORT,   /* no leg owns the port that the packet arrived on */
	VERDICT_MALFORMED, /* not a well-formed RTP or RTCP packet (RFC 3550 A.1) */
	/* xdp: an impossible source address, or the link-layer address of another host; the kernel
	 * drops such packets too (RFC 1812 5.3.8) */
	VERDICT_MARTIAN,
	/* STUN, DTLS or unknown, on a leg that accepts only RTP and RTCP (RFC 7983) */
	VERDICT_NOT_MEDIA,
	VERDICT_TOO_BIG,  /* too large for a packet buffer, before or after protection */
	VERDICT_OVERLOAD, /* no packet buffer or ring slot was free */
	/* --- usually set by checks of the inbound leg */
	/* the leg may not receive, or the leg it is joined to may not send */
	VERDICT_GATE_CLOSED,
	VERDICT_SOURCE, /* not from an address that the leg's latch policy accepts */
	/* the leg has no key for the packet: none is set yet, or the MKI is unknown */
	VERDICT_NO_KEY,
	VERDICT_SSRC_LIMIT, /* a new SSRC on a leg that already has ssrcs_per_leg */
	/* a packet on a leg that requires SRTP is too short for a tag, or looks like plain RTP or
	 * RTCP while nothing has verified on the leg yet (relay/worker/unheard.h) */
	VERDICT_CLEAR,
	/* --- usually set by engines */
	VERDICT_AUTH_FAILED, /* the authentication tag is wrong */
	VERDICT_REPLAYED,    /* a packet with this index was received before */
	/* inbound: the index is below the replay window; outbound: below the first index sent */
	VERDICT_TOO_OLD,
	VERDICT_KEY_EXPIRED,   /* the key's lifetime is used up (RFC 3711 9.2) */
	VERDICT_CRYPTO_FAILED, /* the engine reported an error */
	/* --- usually set by checks of the outbound leg */
	/* the other side has no active leg; or that leg takes no RTCP, or its address is unknown or
	 * 0.0.0.0 (hold), or its port is 0 */
	VERDICT_NO_PEER,
	VERDICT_DUPLICATE, /* a packet with this outbound index was sent before (RFC 3711 9.1) */
	/* the packet would go back to the address it came from (loop protection) */
	VERDICT_LOOP,
	VERDICT_MTU, /* larger than the path MTU; packets are not fragmented */
	/* --- set by back ends when they send */
	VERDICT_NO_ROUTE,    /* the next hop cannot be reached */
	VERDICT_SEND_FAILED, /* the kernel or the device refused to send the packet */
	VERDICT_COUNT
};

/* The verdict's name in lower case with underscores, such as "auth_failed". Never NULL. */
const char *verdict_name(enum verdict v);

#endif
