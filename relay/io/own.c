/* SPDX-License-Identifier: MIT */
/* The list of own addresses and its filter. */
#include "relay/io/own.h"

#include <string.h>

void own_clear(struct own *o)
{
	memset(o->filter, 0, sizeof(o->filter));
	o->n = 0;
}

bool own_find(const struct own *o, const struct addr *a)
{
	for (unsigned i = 0; i < o->n; i++)
		if (addr_is_same_host(&o->addrs[i], a))
			return true;
	return false;
}

void own_add(struct own *o, const struct addr *a)
{
	unsigned bit = own_bit(a);

	if (o->n == OWN_MAX || own_has(o, a))
		return;
	o->addrs[o->n++] = *a;
	o->filter[bit / 64] |= 1ull << bit % 64;
}
