/* SPDX-License-Identifier: MIT */
/* Encodes a doc as JSON. */
#include "control/doc/json.h"

#include <math.h>

/* Writes a JSON string. Copies each run of characters that need no escape in one piece. */
static void encode_text(struct buf *out, struct str s)
{
	size_t from = 0;

	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_add(out, s.p + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\') {
			buf_char(out, '\\');
			buf_char(out, (char)c);
		} else {
			buf_printf(out, "\\u%04x", c);
		}
	}
	buf_add(out, s.p + from, s.n - from);
	buf_char(out, '"');
}

static void line_break(struct buf *out, int indent)
{
	if (indent >= 0)
		buf_printf(out, "\n%*s", indent * 2, "");
}

/* Appends `d` as JSON. `indent`: nesting level for line breaks; negative: all on one line. */
static void encode(struct buf *out, const struct doc *d, int indent)
{
	bool is_dict = d->kind == DOC_DICT;
	int inner = indent < 0 ? indent : indent + 1;

	switch (d->kind) {
	case DOC_NULL:
		buf_text(out, "null");
		return;
	case DOC_BOOL:
		buf_text(out, d->truth ? "true" : "false");
		return;
	case DOC_INT:
		buf_number(out, d->number);
		return;
	case DOC_REAL:
		if (isfinite(d->real))
			buf_printf(out, "%.6g", d->real);
		else
			buf_text(out, "null");
		return;
	case DOC_TEXT:
		encode_text(out, d->text);
		return;
	case DOC_LIST:
	case DOC_DICT:
		break;
	}
	buf_char(out, is_dict ? '{' : '[');
	for (DOC_EACH(it, d)) {
		if (it != d->first)
			buf_char(out, ',');
		line_break(out, inner);
		if (is_dict) {
			encode_text(out, it->key);
			buf_text(out, indent < 0 ? ":" : ": ");
		}
		encode(out, it, inner);
	}
	if (d->n)
		line_break(out, indent);
	buf_char(out, is_dict ? '}' : ']');
}

void doc_json_encode(struct buf *out, const struct doc *d)
{
	encode(out, d, -1);
}

void doc_json_print(struct buf *out, const struct doc *d)
{
	encode(out, d, 0);
}
