/* SPDX-License-Identifier: MIT */
/* The gateway's local addresses and their names in signalling. Control thread only. */
#ifndef CONTROL_SESSION_INTERFACES_H
#define CONTROL_SESSION_INTERFACES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "relay/relay.h"

/* The addresses of --interface in the order given. Several may have the same name. Does not own
 * `items`. */
struct interfaces {
	const struct relay_interface *items;
	unsigned n; /* at most RELAY_INTERFACES_MAX */
};

/*
 * A choice is an octet that says which addresses a leg may have: those of a name ("access"), those
 * of a part of a name ("access:1"), one address of a name ("access/2001:db8::1"), or a value below.
 * While the list of interfaces is unchanged, the same text gives the same octet.
 */
enum {
	/* the request names no interface: use the first name with an address of the family */
	INTERFACES_ANY = 0,
	INTERFACES_ALL = 1, /* "round-robin-calls": use every address */
};

/* Reads a choice. ERR_NOT_FOUND: there is no such name, or the name has no such address; `why`
 * lists the names. */
enum err interfaces_find(const struct interfaces *l, struct str text, uint8_t *choice,
                         struct why *why) MUST_USE;
/* Does the choice include the address at `index`? `family`: 4, 6 or 0 (any). */
bool interfaces_has(const struct interfaces *l, uint8_t choice, unsigned index, uint8_t family);
/* Returns `family` if the choice has an address of that family, else 0. `family` 0: returns 4 if
 * the choice has an IPv4 address, else 6 if it has an IPv6 one, else 0. */
uint8_t interfaces_family(const struct interfaces *l, uint8_t choice, uint8_t family);
/* Like interfaces_family, but returns the other family if the choice has no address of `family`.
 * Here INTERFACES_ANY means the first name in the list. */
uint8_t interfaces_preferred(const struct interfaces *l, uint8_t choice, uint8_t family);

enum { INTERFACES_TEXT_MAX = 96 };
/* Writes a choice as text. interfaces_find reads the same text, except "any". */
const char *interfaces_print(const struct interfaces *l, uint8_t choice,
                             char out[INTERFACES_TEXT_MAX]);
/* Writes each name once, separated by ", "; the text is cut to `room` octets. */
const char *interfaces_print_names(const struct interfaces *l, char *out, size_t room);
/* Returns ERR_INVALID and writes that the choice has no address of that family, which addresses it
 * has, and what to do. */
enum err interfaces_lack(const struct interfaces *l, uint8_t choice, uint8_t family,
                         struct why *why);

/* A name without its part: "access" for "access:1". Calls that name "access" are spread over all
 * its parts. */
struct str interfaces_base(const struct relay_interface *f);

#endif
