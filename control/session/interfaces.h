/* SPDX-License-Identifier: MIT */
/* The gateway's local addresses and the names that signalling uses for them. */
#ifndef CONTROL_SESSION_INTERFACES_H
#define CONTROL_SESSION_INTERFACES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "relay/relay.h"

/* The addresses of --interface in the order they were given; borrowed. Several may have one name.
 */
struct interfaces {
	const struct relay_interface *items;
	unsigned n; /* at most RELAY_INTERFACES_MAX */
};

/*
 * Which of them a leg may have, in an octet: those of a name ("access"), of one part of a name
 * ("access:1"), one address of a name
 * ("access/2001:db8::1"), or one of the two below. The same text gives the same octet as long as
 * the list stays.
 */
enum {
	INTERFACES_ANY =
		0, /* nobody named one: the first name that has an address of the family wanted */
	INTERFACES_ALL = 1, /* "round-robin-calls": every address */
};

/* ERR_NOT_FOUND: no such name, or no such address under that name; `why` lists the names. Control
 * only, like all of this. */
enum err interfaces_find(const struct interfaces *l, struct str text, uint8_t *choice,
                         struct why *why) MUST_USE;
/* Is the address at `index` one of them? `family` is 4, 6 or 0 (any). */
bool interfaces_has(const struct interfaces *l, uint8_t choice, unsigned index, uint8_t family);
/* `family` if the choice has an address of it, else 0. `family` 0: IPv4 if there is one, else IPv6.
 */
uint8_t interfaces_family(const struct interfaces *l, uint8_t choice, uint8_t family);
/* The same, as a preference: another family where the choice has none of this one. INTERFACES_ANY
 * stands for the first name here. */
uint8_t interfaces_preferred(const struct interfaces *l, uint8_t choice, uint8_t family);

enum { INTERFACES_TEXT_MAX = 96 };
/* What interfaces_find reads. */
const char *interfaces_print(const struct interfaces *l, uint8_t choice,
                             char out[INTERFACES_TEXT_MAX]);
/* Every name once, with ", " between; cut where `room` ends. */
const char *interfaces_print_names(const struct interfaces *l, char *out, size_t room);
/* Why a choice has no address of that family and what to do about it: "interface access has no IPv6
 * address (it has 192.0.2.1): ...". */
enum err interfaces_lack(const struct interfaces *l, uint8_t choice, uint8_t family,
                         struct why *why);

/* "access" of "access:1": calls that name it are spread over all names that begin with it. */
struct str interfaces_base(const struct relay_interface *f);

#endif
