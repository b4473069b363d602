/* SPDX-License-Identifier: MIT */
/* Runs all engines over the same packets, in different batches: they must give the same octets and
 * verdicts. A tape of octets controls the run. */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pair_report {
	char text[400];                   /* describes the first difference */
	unsigned accepted, refused, sent; /* numbers of packets unprotected; refused; protected */
};

/*
 * The tape chooses suite, MKI, window, lifetime and start state, writes packets (any length, CSRCs,
 * extension, padding, SRTCP, chosen indices), lets every engine protect them, delivers them with
 * loss, reordering, replays, forgeries and truncation, and lets every engine unprotect them. After
 * its end the tape reads as zeros. False: two engines differ, or one violates its contract.
 */
bool pair_run(const uint8_t *tape, size_t n, struct pair_report *report);

#endif
