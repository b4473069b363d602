/* SPDX-License-Identifier: MIT */
/* Local UDP ports of an interface: pairs of an even and an odd port, in quarantine after use. */
#ifndef CONTROL_SESSION_PORTS_H
#define CONTROL_SESSION_PORTS_H

#include <stdint.h>

#include "base/err.h"

/* The ports of one interface. Control thread only. */
struct ports;

/* Whole pairs inside [min, max]: min is rounded up to even. ERR_RANGE when there is none. */
enum err ports_new(struct ports **out, uint16_t min, uint16_t max, uint32_t quarantine_ms,
                   struct why *why) MUST_USE;
void ports_free(struct ports *p);
void ports_set_quarantine(struct ports *p, uint32_t quarantine_ms);

/* Takes an even port together with the odd one above it. ERR_LIMIT: all pairs are in use or in
 * quarantine; `why` has the numbers. */
enum err ports_take(struct ports *p, uint64_t now_ns, uint16_t *out, struct why *why) MUST_USE;
/* Gives back a pair that media may have used: it goes into quarantine, so that late packets of the
 * old call do not reach a new one. */
void ports_give_used(struct ports *p, uint64_t now_ns, uint16_t port);
/* Gives back an unused pair. */
void ports_give_fresh(struct ports *p, uint16_t port);

struct ports_usage {
	unsigned pairs, in_use, resting; /* resting: in quarantine */
};

void ports_get_usage(struct ports *p, uint64_t now_ns, struct ports_usage *out);

#endif
