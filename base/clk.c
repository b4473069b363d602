/* SPDX-License-Identifier: MIT */
/* Clocks. */
#include "base/clk.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clk_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clk_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clk_wall_to_ntp(uint64_t wall_ns)
{
	uint64_t s = wall_ns / NS_PER_S + NTP_UNIX_OFFSET_S;
	uint64_t fraction = ((wall_ns % NS_PER_S) << 32) / NS_PER_S;

	return s << 32 | fraction;
}

uint64_t clk_ntp_to_wall(uint64_t ntp)
{
	uint64_t s = ntp >> 32;
	uint64_t ns = ((ntp & 0xffffffff) * NS_PER_S) >> 32;

	/* If the highest bit is clear, the timestamp belongs to NTP era 1, which begins in 2036
	 * (RFC 4330 3). A time before 1970 gives 0. */
	if (!(s & 0x80000000))
		s += 1ull << 32;
	return s < NTP_UNIX_OFFSET_S ? 0 : (s - NTP_UNIX_OFFSET_S) * NS_PER_S + ns;
}
