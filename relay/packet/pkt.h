/* SPDX-License-Identifier: MIT */
/* The packet descriptor that travels the path. The payload stays where it arrived; crypto works in
 * place. */
#ifndef RELAY_PACKET_PKT_H
#define RELAY_PACKET_PKT_H

#include <stdint.h>

#include "base/addr.h"
#include "relay/verdict.h"

struct engine_key;
struct engine_stream;
struct io;
struct io_port;
struct stream;

enum {
	PKT_BATCH = 64,     /* packets a turn takes at most */
	PKT_ROOM = 2048,    /* octets of a buffer: headroom, payload, tailroom */
	PKT_HEADROOM = 128, /* before the payload: Ethernet, VLAN tags, IPv6, UDP */
	PKT_TAILROOM = 160, /* behind it: SRTCP index, tag, MKI of up to 128 octets */
	PKT_PAYLOAD_MAX = PKT_ROOM - PKT_HEADROOM - PKT_TAILROOM,
};

/* What the first octets say (RFC 7983 section 7, RFC 5761 section 4). */
enum pkt_kind { PKT_RTP, PKT_RTCP, PKT_STUN, PKT_DTLS, PKT_UNKNOWN };

/*
 * Owned by the worker from gather to release. Every stage reads what earlier stages wrote and sets
 * what its own comment says; a verdict other than NONE ends the packet: later stages skip it.
 */
struct pkt {
	uint8_t *data;     /* first octet of the UDP payload */
	uint16_t len;      /* octets of the payload; engines change it */
	uint16_t tailroom; /* octets that may be written behind data + len; engines keep it true */
	uint8_t kind;      /* enum pkt_kind; classify */
	uint8_t verdict;   /* enum verdict */
	uint16_t header_len; /* RTP: fixed header, CSRCs and extension (what stays clear); RTCP: 8;
	                        classify */

	struct io_port *port; /* where it came in; io */
	struct io_port *out;  /* where it leaves; cross */
	struct io *io;        /* whose buffer it is */
	void *frame; /* the io's name for the buffer; NULL once the io that sends has taken it */

	/* Engine: which keys and which stream state apply. Set before protect and unprotect. */
	struct engine_key *key;
	struct engine_stream *crypto;
	uint64_t index; /* unprotect: out, 48-bit packet index (RTP) or SRTCP index; protect of RTP:
	                   in */
	struct stream *stream; /* the path's own; engines leave it alone */

	struct addr from; /* source; io */
	struct addr to;   /* destination; cross */
};

#endif
