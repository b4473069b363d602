/* SPDX-License-Identifier: MIT */
/* Collects the settings of a measurement from its table of options. */
#include "bench/settings.h"

#include <stdio.h>

static json_t *value_of(const struct opt *o)
{
	const struct opt_list *list = o->out;
	json_t *array;

	switch (o->kind) {
	case OPT_FLAG:
		return json_boolean(*(bool *)o->out);
	case OPT_COUNT:
		return json_integer(*(unsigned *)o->out);
	case OPT_REAL:
		return json_real(*(double *)o->out);
	case OPT_TEXT:
	case OPT_CHOICE:
		return *(const char **)o->out ? json_string(*(const char **)o->out) : json_null();
	case OPT_TEXTS:
		array = json_array();
		for (unsigned i = 0; i < ((const struct opt_texts *)o->out)->n; i++)
			json_array_append_new(
				array, json_string(((const struct opt_texts *)o->out)->v[i]));
		return array;
	case OPT_LIST:
		array = json_array();
		for (unsigned i = 0; i < list->n; i++)
			json_array_append_new(array, json_integer(list->v[i]));
		return array;
	}
	return NULL;
}

json_t *settings_from(const struct opt *opts, size_t n)
{
	json_t *out = json_object();
	char key[64];

	for (size_t i = 0; i < n; i++) {
		if (!opts[i].name || opts[i].local)
			continue;
		snprintf(key, sizeof(key), "%s", opts[i].name);
		for (char *c = key; *c; c++)
			if (*c == '-')
				*c = '_';
		json_object_set_new(out, key, value_of(&opts[i]));
	}
	return out;
}
