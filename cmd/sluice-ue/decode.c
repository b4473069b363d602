/* SPDX-License-Identifier: MIT */
/* Runs the subcommand decode. */
#include "cmd/sluice-ue/decode.h"

#include <stdio.h>

#include "cmd/sluice-ue/input.h"
#include "keyctx/ticket/tree.h"

static enum err show(struct view octets, bool json, bool *faulty, struct why *why)
{
	struct mikey_tree tree;
	struct buf out = {0};
	enum err e = ERR_OK;

	if (mikey_tree_make(&tree, octets))
		return why_fail(why, ERR_NOMEM, "out of memory");
	if (json)
		mikey_tree_json(&tree, &out);
	else
		mikey_tree_text(&tree, &out);
	if (json)
		buf_char(&out, '\n');
	if (out.bad)
		e = why_fail(why, ERR_NOMEM, "out of memory");
	else
		fwrite(out.p, 1, out.n, stdout);
	*faulty = tree.has_fault;
	buf_free(&out);
	mikey_tree_free(&tree);
	return e;
}

enum err decode_show(const char *path, bool json, bool *faulty, struct why *why)
{
	struct buf in = {0}, octets = {0};
	enum err e = input_read(&in, path, why);

	if (!e)
		e = input_octets(&octets, buf_as_view(&in), why);
	if (!e)
		e = show(buf_as_view(&octets), json, faulty, why);
	buf_free(&in);
	buf_free(&octets);
	return e;
}
