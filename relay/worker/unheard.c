/* SPDX-License-Identifier: MIT */
/* Tells plain packets from ciphertext, and finds what failing packets have in common. */
#include "relay/worker/unheard.h"

#include <string.h>

#include "relay/packet/rtcp.h"
#include "relay/packet/rtp.h"

/* `octets` of payload per `units` of the timestamp (RFC 3551 6); 0: not a fixed-rate codec. */
struct rate {
	uint8_t octets, units;
};

static struct rate rate_of(uint8_t payload_type)
{
	static const struct rate rates[] = {
		[0] = {1, 1},  [3] = {33, 160}, [8] = {1, 1},   [9] = {1, 1},
		[10] = {4, 1}, [11] = {2, 1},   [15] = {5, 20}, [18] = {10, 80},
	};

	return payload_type < ARRAY_LEN(rates) ? rates[payload_type] : (struct rate){0};
}

/* Whether the payload has exactly as many octets as the codec makes in `units`; SRTP would be
 * longer by its tag. */
static bool fits_timestamp(const struct pkt *pkt, uint32_t units)
{
	struct rate r = rate_of(rtp_payload_type(pkt->data));
	uint64_t octets = pkt->len - pkt->header_len;

	return r.octets && units && octets && octets * r.units == (uint64_t)units * r.octets;
}

static void compare(struct unheard *u, const uint8_t *payload, unsigned n)
{
	for (unsigned i = 0; i < n && i < u->n_head; i++)
		u->alike += u->alike < UINT8_MAX && payload[i] == u->head[i];
}

static bool look_rtp(struct unheard *u, const struct pkt *pkt)
{
	const uint8_t *p = pkt->data, *payload = p + pkt->header_len;
	unsigned n = pkt->len - pkt->header_len < UNHEARD_HEAD ? pkt->len - pkt->header_len
	                                                       : UNHEARD_HEAD;
	bool is_clear = false;

	/* A duplicate repeats its octets even as ciphertext, so it is not compared. */
	if (u->has_last && u->ssrc == rtp_ssrc(p) && u->seq != rtp_seq(p)) {
		compare(u, payload, n);
		is_clear = (uint16_t)(u->seq + 1) == rtp_seq(p) &&
		           fits_timestamp(pkt, rtp_timestamp(p) - u->timestamp);
	}
	u->has_last = true;
	u->ssrc = rtp_ssrc(p);
	u->timestamp = rtp_timestamp(p);
	u->seq = rtp_seq(p);
	u->n_head = (uint8_t)n;
	memcpy(u->head, payload, n);
	return is_clear;
}

bool unheard_look(struct unheard *u, const struct pkt *pkt)
{
	bool is_clear = pkt->kind == PKT_RTCP ? rtcp_fills(pkt->data, pkt->len) : look_rtp(u, pkt);

	if (is_clear)
		u->alike = UNHEARD_ALIKE;
	return is_clear;
}

bool unheard_count(struct unheard *u)
{
	return u->failed++ % UNHEARD_SAMPLE == 0;
}

void unheard_judge(struct unheard *u, bool has_other_tag)
{
	/* A tag that verifies is proof. The other findings are probable and may change. */
	if (has_other_tag)
		u->finding = RELAY_FINDING_TAG_LENGTH;
	else if (u->finding != RELAY_FINDING_TAG_LENGTH && u->alike >= UNHEARD_ALIKE)
		u->finding = RELAY_FINDING_CLEAR;
	else if (u->finding != RELAY_FINDING_TAG_LENGTH && u->failed >= UNHEARD_SAMPLE)
		u->finding = RELAY_FINDING_WRONG_KEY;
	if (u->failed >= UNHEARD_SAMPLE)
		u->failed = u->alike = 0;
}
