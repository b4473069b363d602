/* SPDX-License-Identifier: MIT */
/* The built-in packet back ends, and the choice of one for an interface. */
#include "relay/io/io.h"

static const struct io_ops *const list[] = {
#ifdef WITH_XDP
	&io_xdp,
#endif
	&io_sock,
	NULL,
};

/* Takes the first back end whose probe succeeds. `why` tells why the back ends before it were not
 * taken. */
static enum err choose_auto(const struct io_ops **out, const struct relay_interface *interface,
                            struct why *why)
{
	struct why reason = {.text = ""}, before, one;
	enum err e = ERR_UNSUPPORTED;

	for (unsigned i = 0; list[i]; i++) {
		e = list[i]->probe(interface, &one);
		if (e) {
			before = reason;
			why_fail(&reason, e, "%.200s%s%s: %.100s", before.text,
			         before.text[0] ? "; " : "", list[i]->name, one.text);
			continue;
		}
		*out = list[i];
		if (why)
			*why = reason;
		return ERR_OK;
	}
	if (why)
		*why = reason;
	return e;
}

enum err io_choose(const struct io_ops **out, struct str name,
                   const struct relay_interface *interface, struct why *why)
{
	if (str_is(name, "auto"))
		return choose_auto(out, interface, why);
	for (unsigned i = 0; list[i]; i++) {
		if (!str_is(name, list[i]->name))
			continue;
		enum err e = list[i]->probe(interface, why);
		if (e)
			return e;
		*out = list[i];
		why_fail(why, ERR_OK, "the setting io names this back end");
		return ERR_OK;
	}
	return why_fail(why, ERR_NOT_FOUND, "io '%.*s' is not in this build; use auto or sock",
	                STR_ARG(name));
}
