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
		if (rtp_padding_fits(data, n, header) && (data[0] & 0x20))
			CHECK(data[n - 1] <= n - header);
		(void)rtp_clock_hz(rtp_payload_type(data));
	}
	return 0;
}
