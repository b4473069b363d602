/* SPDX-License-Identifier: MIT */
/* Schema types that only the methods for signalling use. */
#include "control/rpc/types.h"

#include "control/dialog/dialog.h"

/* Points into the document, without a copy. Refuses an empty text; there is no upper limit. A fault
 * never shows the text, because it may hold keys. */
static enum err slice_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           void *at)
{
	if (d->kind != DOC_TEXT || !d->text.n)
		return schema_refuse(in, ERR_INVALID, NULL, NULL,
		                     "must be a string that is not empty");
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
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list of 1 to %d SRTP suites",
		                     DIALOG_SUITES_MAX);
	for (DOC_EACH(it, d)) {
		const struct suite *s = it->kind == DOC_TEXT ? suite_find(it->text) : NULL;

		if (!s)
			return schema_refuse(
				in, ERR_UNSUPPORTED, f, NULL,
				"unknown SRTP suite; the method `version` lists the suites");
		names.ids[names.n++] = (uint8_t)s->id;
	}
	*(struct rpc_suites *)at = names;
	return ERR_OK;
}

const struct schema_type rpc_suites_type = {.read = suites_read};
