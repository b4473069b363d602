/* SPDX-License-Identifier: MIT */
/* Reads MIKEY messages in raw, base64 or hexadecimal form. */
#include "cmd/sluice-ue/input.h"

#include <errno.h>
#include <stdio.h>

#include "base/b64.h"
#include "base/mem.h"

enum { INPUT_MAX = 64 * 1024 };

enum err input_read(struct buf *out, const char *path, struct why *why)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(path, "rb");
	char room[4096];
	size_t n;
	enum err e = ERR_OK;

	if (!f)
		return why_fail(why, ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
	while (!e && (n = fread(room, 1, sizeof(room), f)) > 0) {
		buf_add(out, room, n);
		if (out->bad)
			e = why_fail(why, ERR_NOMEM, "out of memory");
		else if (out->n > INPUT_MAX)
			e = why_fail(why, ERR_TOO_BIG, "%s: has more than %d octets, the maximum",
			             path, INPUT_MAX);
	}
	if (!e && ferror(f))
		e = why_fail(why, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
	if (!is_stdin)
		fclose(f);
	return e;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies the text without blanks and line ends, and without "a=key-mgmt:" and "mikey " at its
 * start. */
static void squeeze(struct buf *out, struct str text)
{
	static const char prefix[] = "a=key-mgmt:";

	text = str_trim(text);
	if (str_starts(text, prefix))
		text = str_trim(str_skip(text, sizeof(prefix) - 1));
	if (str_starts(text, "mikey "))
		text = str_skip(text, 6);
	for (size_t i = 0; i < text.n; i++)
		if (!is_blank(text.p[i]))
			buf_char(out, text.p[i]);
}

static enum err decode_text(struct buf *out, struct str text, struct why *why)
{
	uint8_t *room = mem_alloc(text.n + 1);
	size_t n = 0;
	enum err e;

	if (!room)
		return why_fail(why, ERR_NOMEM, "out of memory");
	if (str_starts(text, "01"))
		e = hex_decode(text, room, text.n, &n);
	else if (str_starts(text, "AQ"))
		e = b64_decode(text, room, text.n, &n);
	else
		e = ERR_SYNTAX;
	if (e)
		e = why_fail(why, ERR_SYNTAX,
		             "not a MIKEY message: must be raw octets, base64 (AQ...) or "
		             "hexadecimal (01...)");
	else
		buf_add(out, room, n);
	mem_free(room);
	return !e && out->bad ? why_fail(why, ERR_NOMEM, "out of memory") : e;
}

bool input_is_description(struct view in)
{
	return str_starts(str_trim(str_make((const char *)in.p, in.n)), "v=0");
}

enum err input_octets(struct buf *out, struct view in, struct why *why)
{
	struct buf text = {0};
	enum err e;

	if (in.n && in.p[0] == 1) {
		buf_add(out, in.p, in.n);
		return out->bad ? why_fail(why, ERR_NOMEM, "out of memory") : ERR_OK;
	}
	squeeze(&text, str_make((const char *)in.p, in.n));
	e = text.bad ? why_fail(why, ERR_NOMEM, "out of memory")
	             : decode_text(out, buf_as_str(&text), why);
	buf_free(&text);
	return e;
}
