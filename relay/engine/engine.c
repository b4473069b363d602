/* SPDX-License-Identifier: MIT */
/* The list of built-in engines and the choice of one. */
#include "relay/engine/engine.h"

#include <stdio.h>
#include <string.h>

static const struct engine_ops *const engines[] = {
#ifdef WITH_MB
	&engine_mb,
#endif
	&engine_evp,
	&engine_libsrtp,
	NULL,
};

const struct engine_ops *const *engine_list(void)
{
	return engines;
}

static enum err choose_named(const struct engine_ops **out, struct str name, struct why *why)
{
	char names[64] = "auto";

	for (size_t i = 0; engines[i]; i++) {
		if (str_is(name, engines[i]->name)) {
			enum err e = engines[i]->probe(why);

			if (e == ERR_OK)
				*out = engines[i];
			return e;
		}
		strncat(names, " ", sizeof(names) - strlen(names) - 1);
		strncat(names, engines[i]->name, sizeof(names) - strlen(names) - 1);
	}
	return why_fail(why, ERR_NOT_FOUND, "unknown engine '%.*s'; must be one of: %s",
	                STR_ARG(name), names);
}

enum err engine_choose(const struct engine_ops **out, struct str name, struct why *why)
{
	struct why against = {{0}}, reason;
	size_t used = 0;

	if (!str_is(name, "auto"))
		return choose_named(out, name, why);
	for (size_t i = 0; engines[i]; i++) {
		reason.text[0] = 0;
		if (engines[i]->probe(&reason) == ERR_OK) {
			*out = engines[i];
			if (why)
				*why = against;
			return ERR_OK;
		}
		used += (size_t)snprintf(against.text + used, sizeof(against.text) - used,
		                         "%snot %s: %s", used ? "; " : "", engines[i]->name,
		                         reason.text);
		if (used >= sizeof(against.text))
			used = sizeof(against.text) - 1;
	}
	return why_fail(why, ERR_UNSUPPORTED, "no engine works on this machine: %s", against.text);
}
