/* SPDX-License-Identifier: MIT */
/* Compound RTCP of any octets: renaming the SSRCs and renaming them back gives the same octets; a
 * renamed packet is as well-formed as before. */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "relay/packet/pkt.h"
#include "relay/packet/rtcp.h"

static uint32_t turn(void *arg, uint32_t ssrc)
{
	(void)arg;
	return ~ssrc;
}

static bool has_padding(const uint8_t *p, size_t n)
{
	for (size_t at = 0; at + 4 <= n; at += 4 + (size_t)be16_get(p + at + 2) * 4)
		if (p[at] & 0x20)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t octets[PKT_ROOM];
	const struct rtcp_names source = {.source = turn}, both = {.source = turn, .target = turn};
	bool fills = rtcp_fills(data, n);

	if (fills)
		CHECK(rtcp_has_sender(data, n));
	(void)srtcp_may_fill(data, n);
	if (n > sizeof(octets))
		return 0;
	memcpy(octets, data, n);
	rtcp_rename(octets, n, &source);
	CHECK(rtcp_fills(octets, n) == fills);
	rtcp_rename(octets, n, &source);
	/* A packet with padding may differ: if its padding count is an octet of a renamed SSRC, the
	 * second renaming reads another count. */
	CHECK(!fills || has_padding(data, n) || memcmp(octets, data, n) == 0);
	/* A media source SSRC of zero is not renamed, so the octets may differ from the original.
	 * Check only that the packet is as well-formed as before. */
	rtcp_rename(octets, n, &both);
	CHECK(rtcp_fills(octets, n) == fills);
	return 0;
}
