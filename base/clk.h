/* SPDX-License-Identifier: MIT */
/* Monotonic, wall and NTP time. */
#ifndef BASE_CLK_H
#define BASE_CLK_H

#include <stdint.h>

#define NS_PER_S          1000000000ull
#define NS_PER_MS         1000000ull
#define NS_PER_US         1000ull
#define NTP_UNIX_OFFSET_S 2208988800ull /* seconds from 1900-01-01 to 1970-01-01 (RFC 5905) */

/* These functions read the clocks of the system, in nanoseconds. Any thread. */
uint64_t clk_mono_ns(void);
uint64_t clk_wall_ns(void); /* nanoseconds since 1970-01-01 UTC */

/* These functions convert nanoseconds since 1970 to and from a 64-bit NTP timestamp (32.32 fixed
 * point, without the era). clk_ntp_to_wall covers the years 1968 to 2104 (RFC 4330 3). */
uint64_t clk_wall_to_ntp(uint64_t wall_ns);
uint64_t clk_ntp_to_wall(uint64_t ntp);

#endif
