/* SPDX-License-Identifier: MIT */
/* The gateway's local addresses and their names in signalling. Control thread only. */
#ifndef CONTROL_SESSION_INTERFACES_H
#define CONTROL_SESSION_INTERFACES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "relay/relay.h"

/* The addresses of --interface in the order given; borrowed. Several may have the same name. */
struct interfaces {
	const struct relay_interface *items;
	unsigned n; /* at most RELAY_INTERFACES_MAX */
};

/*
 * A choice: the addresses that a leg may have, in an octet. Either those of a name ("access"), of a
 * part of a name ("access:1"), one address of a name ("access/2001:db8::1"), or one of the two
 * below. While the list is unchanged, the same text gives the same octet.
 */
enum {
	/* no name was given: the first name that has an address of the wanted family */
	INTERFACES_ANY = 0,
	INTERFACES_ALL = 1, /* "round-robin-calls": every address */
};

/* Reads a choice. ERR_NOT_FOUND: no such name, or it has no such address; `why` lists the names. */
enum err interfaces_find(const struct interfaces *l, struct str text, uint8_t *choice,
                         struct why *why) MUST_USE;
/* Does the choice include the address at `index`? `family`: 4, 6 or 0 (any). */
bool interfaces_has(const struct interfaces *l, uint8_t choice, unsigned index, uint8_t family);
/* `family` if the choice has an address of it, else 0. For `family` 0: 4 if possible, else 6. */
uint8_t interfaces_family(const struct interfaces *l, uint8_t choice, uint8_t family);
/* The same, but the other family if the choice has no address of this one. INTERFACES_ANY means the
 * first name here. */
uint8_t interfaces_preferred(const struct interfaces *l, uint8_t choice, uint8_t family);

enum { INTERFACES_TEXT_MAX = 96 };
/* The text that interfaces_find reads. */
const char *interfaces_print(const struct interfaces *l, uint8_t choice,
                             char out[INTERFACES_TEXT_MAX]);
/* Each name once, separated by ", "; cut to `room`. */
const char *interfaces_print_names(const struct interfaces *l, char *out, size_t room);
/* Returns ERR_INVALID and writes that the choice has no address of that family, which addresses it
 * has, and what to do. */
enum err interfaces_lack(const struct interfaces *l, uint8_t choice, uint8_t family,
                         struct why *why);

/* "access" of "access:1": calls that name it are spread over all names that begin with it. */
struct str interfaces_base(const struct relay_interface *f);

#endif
