/* SPDX-License-Identifier: MIT */
/* Distinguishes packets by their first octets, and reads the fixed header of RTP (RFC 3550 5.1, RFC
 * 7983 7, RFC 5761 4). */
#ifndef RELAY_PACKET_RTP_H
#define RELAY_PACKET_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "relay/packet/pkt.h"

enum { RTP_HEADER_MIN = 12, RTP_SSRC_AT = 8, RTCP_HEADER_LEN = 8, RTCP_SSRC_AT = 4 };

/* Kind of packet by its first octets; never reads past `n`. Packet types 192 to 223 are RTCP,
 * others RTP (RFC 5761 4), on both ports of a pair. */
enum pkt_kind rtp_classify(const uint8_t *p, size_t n);

/* Octets that stay clear in SRTP: fixed header, CSRCs and header extension (RFC 3711 3.1). 0 if it
 * is not RTP version 2, or if CSRCs or extension exceed the packet. */
size_t rtp_header_len(const uint8_t *p, size_t n);

/* rtp_is_stun: a complete STUN message (RFC 8489 5: magic cookie, matching length). rtp_is_dtls:
 * the datagram begins with a complete DTLS record of a known version (RFC 6347 4.1) or with a
 * header of DTLS 1.3 (RFC 9147 4). */
bool rtp_is_stun(const uint8_t *p, size_t n);
bool rtp_is_dtls(const uint8_t *p, size_t n);

/* Clock rate in Hz of a static payload type (RFC 3551 6); 0 if it is dynamic or unassigned. */
uint32_t rtp_clock_hz(uint8_t payload_type);

/* The functions below require a packet with a valid header_len. */
static inline uint16_t rtp_seq(const uint8_t *p)
{
	return be16_get(p + 2);
}

static inline uint32_t rtp_timestamp(const uint8_t *p)
{
	return be32_get(p + 4);
}

static inline uint32_t rtp_ssrc(const uint8_t *p)
{
	return be32_get(p + RTP_SSRC_AT);
}

static inline uint8_t rtp_payload_type(const uint8_t *p)
{
	return p[1] & 0x7f;
}

#endif
