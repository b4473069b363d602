/* SPDX-License-Identifier: MIT */
/* Kinds of values that signalling's requests have beyond those of sessions. */
#include "control/rpc/types.h"

#include "control/dialog/dialog.h"

/* A text that stays where it is, of any length the protocol lets through; never echoed. */
static enum err slice_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           void *at)
{
	if (d->kind != DOC_TEXT || !d->text.n)
		return schema_refuse(in, ERR_INVALID, NULL, NULL,
		                     "must be a text that is not empty");
	(void)f;
	*(struct str *)at = d->text;
	return ERR_OK;
}

const struct schema_type rpc_slice_type = {.read = slice_read};

static enum err suites_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	struct rpc_suites names = {0};

	if (d->kind != DOC_LIST || d->n == 0 || d->n > DIALOG_SUITES_MAX)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list of 1 to %d suites",
		                     DIALOG_SUITES_MAX);
	for (DOC_EACH(it, d)) {
		const struct suite *s = it->kind == DOC_TEXT ? suite_find(it->text) : NULL;

		if (!s)
			return schema_refuse(in, ERR_UNSUPPORTED, f, NULL,
			                     "no such suite; `version` lists them");
		names.ids[names.n++] = (uint8_t)s->id;
	}
	*(struct rpc_suites *)at = names;
	return ERR_OK;
}

const struct schema_type rpc_suites_type = {.read = suites_read};
