/* SPDX-License-Identifier: MIT */
/* RTP headers of any octets: what is accepted lies within the packet. */
#include "base/err.h"
#include "relay/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t header = rtp_header_len(data, n);

	CHECK(header <= n);
	if (rtp_classify(data, n) == PKT_RTP && header) {
		CHECK(header >= RTP_HEADER_MIN && header % 4 == 0);
		(void)rtp_clock_hz(rtp_payload_type(data));
	}
	if (rtp_is_stun(data, n))
		CHECK(n >= 20 && rtp_classify(data, n) == PKT_STUN);
	if (rtp_is_dtls(data, n))
		CHECK(rtp_classify(data, n) == PKT_DTLS);
	return 0;
}
