/* SPDX-License-Identifier: MIT */
/* RTP headers of any octets: an accepted header lies inside the packet. */
#include "base/err.h"
#include "relay/packet/rtp.h"
#include "relay/worker/unheard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Gives the packet to unheard_look twice; the second time it is a repetition. */
static void look(const uint8_t *data, size_t n, enum pkt_kind kind, size_t header)
{
	struct pkt pkt = {.data = (uint8_t *)(uintptr_t)data,
	                  .len = (uint16_t)n,
	                  .kind = (uint8_t)kind,
	                  .header_len = (uint16_t)header};
	struct unheard u = {0};
	bool is_clear;

	if (n > PKT_PAYLOAD_MAX)
		return;
	is_clear = unheard_look(&u, &pkt);
	/* A repeated packet adds no evidence. */
	CHECK(unheard_look(&u, &pkt) == is_clear);
	CHECK(kind == PKT_RTCP || !is_clear);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t header = rtp_header_len(data, n);

	CHECK(header <= n);
	if (rtp_classify(data, n) == PKT_RTP && header) {
		CHECK(header >= RTP_HEADER_MIN && header % 4 == 0);
		(void)rtp_clock_hz(rtp_payload_type(data));
		look(data, n, PKT_RTP, header);
	}
	if (rtp_classify(data, n) == PKT_RTCP && n >= RTCP_HEADER_LEN)
		look(data, n, PKT_RTCP, RTCP_HEADER_LEN);
	if (rtp_is_stun(data, n))
		CHECK(n >= 20 && rtp_classify(data, n) == PKT_STUN);
	if (rtp_is_dtls(data, n))
		CHECK(rtp_classify(data, n) == PKT_DTLS);
	return 0;
}
