/* SPDX-License-Identifier: MIT */
/* Reads RTP headers of untrusted packets. */
#include "relay/packet/rtp.h"

/* Classifies by the first octet (RFC 7983 7) and the second octet (RFC 5761 4). */
enum pkt_kind rtp_classify(const uint8_t *p, size_t n)
{
	if (n < 2)
		return PKT_UNKNOWN;
	if (p[0] < 4)
		return PKT_STUN;
	if (p[0] >= 20 && p[0] < 64)
		return PKT_DTLS;
	if (p[0] < 128 || p[0] >= 192)
		return PKT_UNKNOWN;
	return p[1] >= 192 && p[1] < 224 ? PKT_RTCP : PKT_RTP;
}

size_t rtp_header_len(const uint8_t *p, size_t n)
{
	struct rd r = rd_make(p, n);
	uint8_t first = rd_u8(&r);

	rd_skip(&r, RTP_HEADER_MIN - 1);
	rd_skip(&r, (size_t)(first & 0x0f) * 4);
	if (first & 0x10) {
		rd_skip(&r, 2);
		rd_skip(&r, (size_t)rd_u16(&r) * 4);
	}
	return rd_ok(&r) && first >> 6 == 2 ? rd_offset(&r) : 0;
}

bool rtp_is_stun(const uint8_t *p, size_t n)
{
	return n >= 20 && p[0] < 4 && be32_get(p + 4) == 0x2112a442 && be16_get(p + 2) % 4 == 0 &&
	       be16_get(p + 2) == n - 20;
}

bool rtp_is_dtls(const uint8_t *p, size_t n)
{
	enum { RECORD_HEADER = 13, UNIFIED_MIN = 3 };

	if (n < UNIFIED_MIN || p[0] < 20 || p[0] >= 64)
		return false;
	/* A header of DTLS 1.3 has the form 001xxxxx, and little else in it can be checked. */
	if (p[0] >= 32)
		return true;
	return n > RECORD_HEADER && p[1] == 254 && p[2] >= 252 &&
	       be16_get(p + 11) <= n - RECORD_HEADER;
}

uint32_t rtp_clock_hz(uint8_t payload_type)
{
	static const uint32_t hz[35] = {
		[0] = 8000,   [3] = 8000,   [4] = 8000,   [5] = 8000,   [6] = 16000,  [7] = 8000,
		[8] = 8000,   [9] = 8000,   [10] = 44100, [11] = 44100, [12] = 8000,  [13] = 8000,
		[14] = 90000, [15] = 8000,  [16] = 11025, [17] = 22050, [18] = 8000,  [25] = 90000,
		[26] = 90000, [28] = 90000, [31] = 90000, [32] = 90000, [33] = 90000, [34] = 90000,
	};

	return payload_type < ARRAY_LEN(hz) ? hz[payload_type] : 0;
}
