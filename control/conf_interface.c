/* SPDX-License-Identifier: MIT */
/* Parses the setting `interface`: one or several [NAME/]ADDR[!ADVERTISED], separated by ";". */
#include <string.h>

#include "control/conf.h"

#define FORM "NAME/ADDR[!ADVERTISED]"

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_' || c == '.'))
			return false;
	}
	return s.n > 0;
}

/* A name is one word, or two words with ":" between them: "access", or "access:1" for a part. */
static bool is_name(struct str s)
{
	struct str part, base = str_cut(s, ':', &part);

	return is_word(base) && (base.n == s.n || is_word(part));
}

/* Reads an IP address; refuses wildcard and multicast addresses, which no peer can send to. */
static enum err read_address(struct str text, struct addr *out, struct why *why)
{
	if (addr_parse_ip(text, out))
		return why_fail(why, ERR_INVALID,
		                "\"%.*s\": must be an IP address in " FORM
		                ", for example access/192.0.2.1 or access/2001:db8::1",
		                STR_SHOWN(text));
	if (addr_is_any(out) || addr_is_multicast(out))
		return why_fail(
			why, ERR_INVALID, "%.*s is a %s; give the address peers should send to",
			STR_SHOWN(text), addr_is_any(out) ? "wildcard" : "multicast address");
	return ERR_OK;
}

static enum err read_interface(struct relay_interface *f, struct str text, struct why *why)
{
	struct str addr, advertised, name = str_cut(text, '/', &addr);
	bool is_bare = name.n == text.n;
	enum err e;

	if (is_bare) {
		addr = text;
		name = str_of("default");
	}
	addr = str_cut(addr, '!', &advertised);
	if (!is_name(name) || (is_bare && addr_parse_ip(addr, &f->bind)) ||
	    str_copy(name, f->name, sizeof(f->name)))
		return why_fail(
			why, ERR_INVALID,
			"\"%.*s\": must be " FORM
			"; NAME is 1 to %zu of the characters A-Z a-z 0-9 - _ . and may end in "
			":PART",
			STR_SHOWN(text), sizeof(f->name) - 1);
	e = read_address(addr, &f->bind, why);
	f->advertised = f->bind;
	if (!e && str_find(text, '!') < text.n)
		e = read_address(advertised, &f->advertised, why);
	if (!e && f->advertised.version != f->bind.version)
		e = why_fail(why, ERR_INVALID,
		             "%.*s is IPv%u but its advertised address %.*s is IPv%u; both must "
		             "be IPv4, or both IPv6",
		             STR_SHOWN(addr), f->bind.version, STR_SHOWN(advertised),
		             f->advertised.version);
	return e;
}

static enum err add_interface(struct conf_interfaces *list, struct str text, struct why *why)
{
	struct relay_interface f = {.name = ""};
	enum err e;

	if (list->n == RELAY_INTERFACES_MAX)
		return why_fail(why, ERR_LIMIT, "\"%.*s\": at most %d addresses are allowed",
		                STR_SHOWN(text), RELAY_INTERFACES_MAX);
	e = read_interface(&f, text, why);
	if (e)
		return e;
	for (unsigned i = 0; i < list->n; i++)
		if (strcmp(list->items[i].name, f.name) == 0 &&
		    addr_ip_eq(&list->items[i].bind, &f.bind))
			return why_fail(why, ERR_EXISTS, "%.*s is given twice", STR_SHOWN(text));
	list->items[list->n++] = f;
	return ERR_OK;
}

enum err conf_put_interfaces(struct conf_interfaces *list, struct str text, struct why *why)
{
	unsigned before = list->n;
	enum err e = ERR_OK;
	struct str rest = text;

	do {
		struct str one = str_trim(str_cut(rest, ';', &rest));

		if (one.n) /* a ";" at the end adds no interface */
			e = add_interface(list, one, why);
	} while (!e && rest.n);
	return !e && list->n == before ? add_interface(list, text, why) : e;
}
