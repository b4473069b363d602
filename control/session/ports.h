/* SPDX-License-Identifier: MIT */
/* Manages the local UDP ports of an interface in pairs of an even and an odd port. Used pairs stay
 * in quarantine before their next use. */
#ifndef CONTROL_SESSION_PORTS_H
#define CONTROL_SESSION_PORTS_H

#include <stdint.h>

#include "base/clk.h"
#include "base/err.h"

/* The ports of one interface. Control thread only. */
struct ports;

/* Manages the whole pairs in [min, max]; rounds an odd `min` up. ERR_RANGE: there is no pair. */
enum err ports_new(struct ports **out, uint16_t min, uint16_t max, uint32_t quarantine_ms,
                   struct why *why) MUST_USE;
void ports_free(struct ports *p);
void ports_set_quarantine(struct ports *p, uint32_t quarantine_ms);

/* Takes an even port together with the odd one above it. ERR_LIMIT: all pairs are in use, in
 * quarantine or held by other programs; `why` has the numbers. */
enum err ports_take(struct ports *p, uint64_t now_ns, uint16_t *out, struct why *why) MUST_USE;
/* Gives back a pair that media may have used. The pair stays in quarantine, so that late packets of
 * the old call do not reach a new one. */
void ports_give_used(struct ports *p, uint64_t now_ns, uint16_t port);
/* Gives back a pair that was taken but not used; it is free at once. */
void ports_give_fresh(struct ports *p, uint16_t port);
/* How long a pair is left alone after another program was found to hold one of its ports. */
#define PORTS_FOREIGN_NS (60 * NS_PER_S)
/* Gives back a pair of which another program holds a port. The pair is left alone for
 * PORTS_FOREIGN_NS. After several of them in a row the next pair is taken from another part of the
 * range, because another program often holds many ports in a row. */
void ports_give_foreign(struct ports *p, uint64_t now_ns, uint16_t port);

/* resting: in quarantine; foreign: left alone, because another program holds a port of the pair */
struct ports_usage {
	unsigned pairs, in_use, resting, foreign;
};

void ports_get_usage(struct ports *p, uint64_t now_ns, struct ports_usage *out);

#endif
