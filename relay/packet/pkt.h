/* SPDX-License-Identifier: MIT */
/* The packet descriptor. The payload stays in the buffer where it arrived; crypto works
 * in place. */
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
	PKT_BATCH = 64,  /* maximum number of packets in a batch */
	PKT_ROOM = 2048, /* octets of a packet buffer: headroom, payload, tailroom */
	/* octets before the payload: Ethernet, VLAN tags, IPv6 and UDP headers */
	PKT_HEADROOM = 128,
	/* octets after the payload: SRTCP index, tag, MKI of up to 128 octets */
	PKT_TAILROOM = 160,
	PKT_PAYLOAD_MAX = PKT_ROOM - PKT_HEADROOM - PKT_TAILROOM,
};

/* Kind of packet by its first octets (RFC 7983 7, RFC 5761 4). */
enum pkt_kind { PKT_RTP, PKT_RTCP, PKT_STUN, PKT_DTLS, PKT_UNKNOWN };

/* The worker owns it from gather to release. The comments of the members name the stage that sets
 * them. A verdict other than NONE ends the processing: later stages skip the packet. */
struct pkt {
	uint8_t *data;     /* first octet of the UDP payload */
	uint16_t len;      /* octets of the payload; engines change it */
	uint16_t tailroom; /* writable octets after data + len; engines update it */
	uint8_t kind;      /* enum pkt_kind; set by classify */
	uint8_t verdict;   /* enum verdict */
	/* octets at the start that SRTP does not encrypt: fixed header, CSRCs and extension; RTCP:
	 * 8; set by classify */
	uint16_t header_len;

	struct io_port *port; /* port that the packet arrived on; set by io */
	struct io_port *out;  /* port that the packet leaves from; set by cross */
	struct io *io;        /* the io that owns the buffer */
	/* the io's handle of the buffer; NULL after the sending io has taken the buffer */
	void *frame;

	/* The engine's key and stream state. Set before protect and unprotect. */
	struct engine_key *key;
	struct engine_stream *crypto;
	/* 48-bit packet index (RTP) or SRTCP index; unprotect sets it; for RTP, protect reads it */
	uint64_t index;
	struct stream *stream; /* the packet's stream; used by the path only */

	struct addr from; /* source address; set by io */
	struct addr to;   /* destination address; set by cross */
};

#endif
