/* SPDX-License-Identifier: MIT */
/* The addresses of this machine. A packet from outside must not have one as its source (RFC 1812
 * 5.3.8, RFC 1122 3.2.1.3). Used by one thread. */
#ifndef RELAY_IO_OWN_H
#define RELAY_IO_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* OWN_MAX: further addresses are ignored */
enum { OWN_MAX = 1024, OWN_BITS = 4096 };

struct own {
	/* one bit for a hash of each address: excludes most foreign addresses without a
	 * search of the list */
	uint64_t filter[OWN_BITS / 64];
	unsigned n;
	struct addr addrs[OWN_MAX];
};

void own_clear(struct own *o);
/* Adds an address of this machine, or a broadcast address of one of its links. The port
 * is ignored. */
void own_add(struct own *o, const struct addr *a);
bool own_find(const struct own *o, const struct addr *a);

static inline unsigned own_bit(const struct addr *a)
{
	const uint8_t *p = a->version == 4 ? a->ip : a->ip + 12;

	return ((unsigned)p[3] << 4 ^ (unsigned)p[2] << 8 ^ p[1] ^ (unsigned)p[0] << 3) % OWN_BITS;
}

static inline bool own_has(const struct own *o, const struct addr *a)
{
	unsigned bit = own_bit(a);

	return (o->filter[bit / 64] >> bit % 64 & 1) && own_find(o, a);
}

#endif
