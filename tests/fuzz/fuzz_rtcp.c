/* SPDX-License-Identifier: MIT */
/* Compound RTCP of any octets: renaming there and back again gives the same octets, and keeps it well formed. */
#include <string.h>

#include "base/err.h"
#include "relay/pkt.h"
#include "relay/rtcp.h"

static uint32_t turn(void *arg, uint32_t ssrc)
{
	(void)arg;
	return ~ssrc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t octets[PKT_ROOM];
	const struct rtcp_names source = {.source = turn}, both = {.source = turn, .target = turn};

	if (n > sizeof(octets) || !rtcp_is_valid(data, n))
		return 0;
	memcpy(octets, data, n);
	rtcp_rename(octets, n, &source);
	CHECK(rtcp_is_valid(octets, n));
	rtcp_rename(octets, n, &source);
	CHECK(memcmp(octets, data, n) == 0);
	/* A feedback target of zero is nobody and stays: its complement need not come back, its form does. */
	rtcp_rename(octets, n, &both);
	CHECK(rtcp_is_valid(octets, n));
	return 0;
}
