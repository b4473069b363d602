/* SPDX-License-Identifier: MIT */
/* All engines over the same packets, in batches of their own: same octets, same verdicts. What
 * happens is read from a tape of octets. */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pair_report {
	char text[400]; /* what differed */
	unsigned accepted, refused,
		sent; /* packets unprotected, refused for any reason, protected */
};

/*
 * The tape chooses suite, MKI, window, lifetime and start, then writes packets (any length, CSRCs,
 * extension, padding, SRTCP, chosen indices), has them protected by every engine, delivers them
 * with loss, reordering, replays, forgeries and truncation, and has them unprotected by every
 * engine. A tape that ends reads as zeros. False when two engines differ, or one broke its
 * contract.
 */
bool pair_run(const uint8_t *tape, size_t n, struct pair_report *report);

#endif
