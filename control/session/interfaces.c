/* SPDX-License-Identifier: MIT */
/* Converts names to local addresses. A choice has the kind of text in its upper two bits, and below
 * them the index of the first address that fits the text. */
#include "control/session/interfaces.h"

#include <stdio.h>
#include <string.h>

/* The upper two bits of a choice are the kind of text, the lower six are the index. */
enum {
	KIND_PLAIN = 0x00,
	KIND_NAME = 0x40,
	KIND_BASE = 0x80,
	KIND_ADDRESS = 0xc0,
	KIND_MASK = 0xc0,
	INDEX_MASK = 0x3f
};

struct str interfaces_base(const struct relay_interface *f)
{
	struct str rest;

	return str_cut(str_of(f->name), ':', &rest);
}

static bool is_base(const struct relay_interface *f, struct str name)
{
	return str_eq(interfaces_base(f), name);
}

/* Does the address belong to this name, or to a part of it ("name:1", "name:2")? */
static bool is_named(const struct relay_interface *f, struct str name)
{
	return str_is(name, f->name) || is_base(f, name);
}

/* --- finding ---------------------------------------------------------------- */

static enum err find_name(const struct interfaces *l, struct str name, uint8_t *choice)
{
	for (unsigned i = 0; i < l->n; i++)
		if (str_is(name, l->items[i].name)) {
			*choice = (uint8_t)(KIND_NAME | i);
			return ERR_OK;
		}
	for (unsigned i = 0; i < l->n; i++)
		if (is_base(&l->items[i], name)) {
			*choice = (uint8_t)(KIND_BASE | i);
			return ERR_OK;
		}
	return ERR_NOT_FOUND;
}

static enum err find_address(const struct interfaces *l, struct str name, struct str text,
                             uint8_t *choice)
{
	struct addr ip;

	if (addr_parse_ip(text, &ip))
		return ERR_NOT_FOUND;
	for (unsigned i = 0; i < l->n; i++)
		if (is_named(&l->items[i], name) && addr_ip_eq(&l->items[i].bind, &ip)) {
			*choice = (uint8_t)(KIND_ADDRESS | i);
			return ERR_OK;
		}
	return ERR_NOT_FOUND;
}

enum err interfaces_find(const struct interfaces *l, struct str text, uint8_t *choice,
                         struct why *why)
{
	struct str address, name = str_cut(text, '/', &address);
	char names[160];
	enum err e;

	/* With this word a client leaves the choice of the address to the gateway. */
	if (str_is(text, "round-robin-calls")) {
		*choice = INTERFACES_ALL;
		return ERR_OK;
	}
	e = name.n < text.n ? find_address(l, name, address, choice) : find_name(l, text, choice);
	if (e)
		return why_fail(why, e, "no interface \"%.*s\"; the interfaces are %s",
		                text.n > 64 ? 64 : (int)text.n, text.p,
		                interfaces_print_names(l, names, sizeof(names)));
	return ERR_OK;
}

/* --- choosing --------------------------------------------------------------- */

static bool is_of_family(const struct relay_interface *f, uint8_t family)
{
	return !family || f->advertised.version == family;
}

/* Does the address belong to the first name that has an address of the family? */
static bool is_first_fit(const struct interfaces *l, unsigned index, uint8_t family)
{
	unsigned i = 0;

	while (i < l->n && !is_of_family(&l->items[i], family))
		i++;
	return i < l->n && is_named(&l->items[index], interfaces_base(&l->items[i]));
}

bool interfaces_has(const struct interfaces *l, uint8_t choice, unsigned index, uint8_t family)
{
	const struct relay_interface *f = &l->items[index];
	unsigned at = choice & INDEX_MASK;

	if (index >= l->n || at >= l->n + 2 || !is_of_family(f, family))
		return false;
	switch (choice & KIND_MASK) {
	case KIND_NAME:
		return is_named(f, str_of(l->items[at].name));
	case KIND_BASE:
		return is_named(f, interfaces_base(&l->items[at]));
	case KIND_ADDRESS:
		return index == at;
	default:
		return choice == INTERFACES_ALL || is_first_fit(l, index, family);
	}
}

static bool has_some(const struct interfaces *l, uint8_t choice, uint8_t family)
{
	for (unsigned i = 0; i < l->n; i++)
		if (interfaces_has(l, choice, i, family))
			return true;
	return false;
}

uint8_t interfaces_family(const struct interfaces *l, uint8_t choice, uint8_t family)
{
	if (family)
		return has_some(l, choice, family) ? family : 0;
	return has_some(l, choice, 4) ? 4 : has_some(l, choice, 6) ? 6 : 0;
}

uint8_t interfaces_preferred(const struct interfaces *l, uint8_t choice, uint8_t family)
{
	uint8_t of = choice;

	if (choice == INTERFACES_ANY && find_name(l, interfaces_base(&l->items[0]), &of))
		return 0;
	family = interfaces_family(l, of, family);
	return family ? family : interfaces_family(l, of, 0);
}

/* --- texts ------------------------------------------------------------------ */

const char *interfaces_print(const struct interfaces *l, uint8_t choice,
                             char out[INTERFACES_TEXT_MAX])
{
	const struct relay_interface *f =
		&l->items[(choice & INDEX_MASK) < l->n ? choice & INDEX_MASK : 0];
	struct str base = interfaces_base(f);
	char text[ADDR_TEXT_MAX];

	switch (choice & KIND_MASK) {
	case KIND_NAME:
		snprintf(out, INTERFACES_TEXT_MAX, "%s", f->name);
		break;
	case KIND_BASE:
		snprintf(out, INTERFACES_TEXT_MAX, "%.*s", STR_ARG(base));
		break;
	case KIND_ADDRESS:
		snprintf(out, INTERFACES_TEXT_MAX, "%s/%s", f->name, addr_print_ip(&f->bind, text));
		break;
	default:
		snprintf(out, INTERFACES_TEXT_MAX, "%s",
		         choice == INTERFACES_ALL ? "round-robin-calls" : "any");
	}
	return out;
}

const char *interfaces_print_names(const struct interfaces *l, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < l->n && n < room; i++) {
		unsigned before = 0;

		while (before < i && strcmp(l->items[before].name, l->items[i].name) != 0)
			before++;
		if (before == i)
			n += (size_t)snprintf(out + n, room - n, "%s%s", n ? ", " : "",
			                      l->items[i].name);
	}
	return out;
}

enum err interfaces_lack(const struct interfaces *l, uint8_t choice, uint8_t family,
                         struct why *why)
{
	char name[INTERFACES_TEXT_MAX], text[ADDR_TEXT_MAX];
	char has[160] = "";
	size_t n = 0;

	if (choice == INTERFACES_ANY || choice == INTERFACES_ALL)
		return why_fail(
			why, ERR_INVALID,
			"no interface has an IPv%u address; add one (interface = NAME/ADDR)",
			family);
	for (unsigned i = 0; i < l->n && n < sizeof(has); i++)
		if (interfaces_has(l, choice, i, 0))
			n += (size_t)snprintf(has + n, sizeof(has) - n, "%s%s", n ? ", " : "",
			                      addr_print_ip(&l->items[i].advertised, text));
	interfaces_print(l, choice, name);
	return why_fail(why, ERR_INVALID,
	                "interface %s has no IPv%u address, only %s; add one (interface = "
	                "NAME/ADDR) or name another interface",
	                name, family, has);
}
