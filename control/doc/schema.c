/* SPDX-License-Identifier: MIT */
/* Uses schema tables to read docs into structs, and to write, default, copy, compare and free
 * structs. */
#include "control/doc/schema.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/secret.h"
#include "control/doc/json.h"

enum { LIST_ROOM = 220 };

static void *field_of(void *at, const struct schema_field *f)
{
	return (uint8_t *)at + f->offset;
}

static const void *const_field_of(const void *at, const struct schema_field *f)
{
	return (const uint8_t *)at + f->offset;
}

/* The mask of the fields that were given: bit i stands for row i. */
static uint64_t *mask_of(const struct schema *s, void *at)
{
	return (void *)((uint8_t *)at + s->has_at);
}

static uint64_t given_in(const struct schema *s, const void *at)
{
	return *(const uint64_t *)(const void *)((const uint8_t *)at + s->has_at);
}

/* --- paths and faults ------------------------------------------------------- */

/* Appends to in->path; cuts what does not fit. */
static void path_add(struct schema_in *in, const char *p, size_t n)
{
	size_t room = sizeof(in->path) - 1 - in->path_len;

	n = n < room ? n : room;
	memcpy(in->path + in->path_len, p, n);
	in->path_len += n;
	in->path[in->path_len] = '\0';
}

size_t schema_enter(struct schema_in *in, struct str name)
{
	size_t mark = in->path_len, from;

	if (mark)
		path_add(in, ".", 1);
	from = in->path_len;
	/* The name comes from a client: cut it to 40 octets, replace unprintable ones by "?". */
	path_add(in, name.p, name.n < 40 ? name.n : 40);
	for (; from < in->path_len; from++)
		if (in->path[from] <= 0x20 || in->path[from] >= 0x7f)
			in->path[from] = '?';
	return mark;
}

size_t schema_enter_index(struct schema_in *in, unsigned index)
{
	char text[2 + STR_U64_MAX] = "[";
	size_t mark = in->path_len, n = 1 + str_put_u64(text + 1, index);

	text[n++] = ']';
	path_add(in, text, n);
	return mark;
}

void schema_leave(struct schema_in *in, size_t mark)
{
	in->path_len = mark;
	in->path[mark] = '\0';
}

static void show_value(struct schema_fault *fault, const struct doc *d)
{
	struct buf b = {0};

	if (d->kind == DOC_LIST || d->kind == DOC_DICT)
		buf_text(&b, doc_kind_name(d->kind));
	else
		doc_json_encode(&b, d);
	snprintf(fault->value, sizeof(fault->value), "%.*s%s", (int)(b.n > 80 ? 80 : b.n),
	         b.p ? b.p : "", b.n > 80 ? "…" : "");
	secret_wipe(b.p, b.n);
	buf_free(&b);
}

/* Six parameters: five, and the arguments of the printf format. */
enum err schema_refuse(struct schema_in *in, enum err e, const struct schema_field *f,
                       const struct doc *d, const char *allowed, ...)
{
	struct schema_fault *fault = in->fault;
	va_list ap;

	fault->e = e;
	snprintf(fault->path, sizeof(fault->path), "%s",
	         in->path_len || !in->root ? in->path : in->root);
	fault->value[0] = '\0';
	if (d && f && !f->secret)
		show_value(fault, d);
	va_start(ap, allowed);
	vsnprintf(fault->allowed, sizeof(fault->allowed), allowed, ap);
	va_end(ap);
	return e;
}

void schema_fault_text(const struct schema_fault *fault, struct why *why)
{
	bool has_value = fault->value[0] != '\0';

	why_fail(why, fault->e, "%s%s%s: %s", fault->path[0] ? fault->path : "params",
	         has_value ? " = " : "", fault->value, fault->allowed);
}

static enum err wrong_kind(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           enum doc_kind want)
{
	return schema_refuse(in, ERR_INVALID, f, d, "must be %s", doc_kind_name(want));
}

/* --- plain types ------------------------------------------------------------ */

static uint64_t uint_get(const struct schema_field *f, const void *at)
{
	switch (f->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

void schema_put_uint(const struct schema_field *f, void *at, uint64_t v)
{
	switch (f->size) {
	case 1:
		*(uint8_t *)at = (uint8_t)v;
		return;
	case 2:
		*(uint16_t *)at = (uint16_t)v;
		return;
	case 4:
		*(uint32_t *)at = (uint32_t)v;
		return;
	default:
		*(uint64_t *)at = v;
	}
}

static enum err plain_copy(const struct schema_field *f, void *to, const void *from)
{
	memcpy(to, from, f->size);
	return ERR_OK;
}

static bool plain_eq(const struct schema_field *f, const void *a, const void *b)
{
	return memcmp(a, b, f->size) == 0;
}

static enum err uint_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	bool is_int = d->kind == DOC_INT;

	if (!is_int || d->number < f->min || d->number > f->max)
		return schema_refuse(in, is_int ? ERR_RANGE : ERR_INVALID, f, d,
		                     "must be an integer from %lld to %lld", (long long)f->min,
		                     (long long)f->max);
	schema_put_uint(f, at, (uint64_t)d->number);
	return ERR_OK;
}

static struct doc *uint_write(const struct schema_out *out, const struct schema_field *f,
                              const void *at)
{
	return doc_uint(out->arena, uint_get(f, at));
}

const struct schema_type schema_uint = {
	.read = uint_read, .write = uint_write, .copy = plain_copy, .eq = plain_eq};

/* Reads true or false. With ignore_unknown also 0 and 1, because bencode has no bools. */
static enum err bool_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	bool is_digit =
		in->ignore_unknown && d->kind == DOC_INT && (d->number == 0 || d->number == 1);

	if (d->kind != DOC_BOOL && !is_digit)
		return wrong_kind(in, f, d, DOC_BOOL);
	schema_put_uint(f, at, d->kind == DOC_BOOL ? d->truth : d->number != 0);
	return ERR_OK;
}

static struct doc *bool_write(const struct schema_out *out, const struct schema_field *f,
                              const void *at)
{
	return doc_bool(out->arena, uint_get(f, at) != 0);
}

const struct schema_type schema_bool = {
	.read = bool_read, .write = bool_write, .copy = plain_copy, .eq = plain_eq};

/* Returns true if the text has no control characters; ids appear in logs and on terminals. */
static bool is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static enum err text_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	size_t max = f->max && (size_t)f->max < f->size ? (size_t)f->max : f->size - 1;

	if (d->kind != DOC_TEXT)
		return wrong_kind(in, f, d, DOC_TEXT);
	if (d->text.n < (size_t)f->min || d->text.n > max)
		return schema_refuse(in, ERR_RANGE, f, d, "must be %lld to %zu octets long",
		                     (long long)f->min, max);
	if (f->type == &schema_text && !is_printable(d->text))
		return schema_refuse(in, ERR_INVALID, f, d, "must not contain control characters");
	memset(at, 0, f->size);
	memcpy(at, d->text.p, d->text.n);
	return ERR_OK;
}

static struct doc *text_write(const struct schema_out *out, const struct schema_field *f,
                              const void *at)
{
	(void)f;
	return doc_text(out->arena, str_of(at));
}

const struct schema_type schema_text = {
	.read = text_read, .write = text_write, .copy = plain_copy, .eq = plain_eq};

const struct schema_type schema_any_text = {
	.read = text_read, .write = text_write, .copy = plain_copy, .eq = plain_eq};

static enum err refuse_word(struct schema_in *in, const struct schema_field *f, const struct doc *d)
{
	char list[160] = "";
	size_t n = 0;

	for (const struct word *w = f->words; w->name && n < sizeof(list); w++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", w->name);
	return schema_refuse(in, ERR_INVALID, f, d, "must be one of %s", list);
}

static enum err word_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	const struct word *w = d->kind == DOC_TEXT ? word_find(f->words, d->text) : NULL;

	if (!w)
		return refuse_word(in, f, d);
	schema_put_uint(f, at, w->value);
	return ERR_OK;
}

static struct doc *word_write(const struct schema_out *out, const struct schema_field *f,
                              const void *at)
{
	for (const struct word *w = f->words; w->name; w++)
		if (w->value == uint_get(f, at))
			return doc_borrow(out->arena, str_of(w->name));
	return NULL;
}

const struct schema_type schema_word = {
	.read = word_read, .write = word_write, .copy = plain_copy, .eq = plain_eq};

static enum err bits_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	uint8_t bits = 0;

	if (d->kind != DOC_LIST)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list of words");
	for (DOC_EACH(it, d)) {
		const struct word *w = it->kind == DOC_TEXT ? word_find(f->words, it->text) : NULL;

		if (!w)
			return refuse_word(in, f, it);
		bits |= w->value;
	}
	*(uint8_t *)at = bits;
	return ERR_OK;
}

static struct doc *bits_write(const struct schema_out *out, const struct schema_field *f,
                              const void *at)
{
	struct doc *list = doc_list(out->arena);

	for (const struct word *w = f->words; w->name; w++)
		if (*(const uint8_t *)at & w->value)
			doc_append(list, doc_borrow(out->arena, str_of(w->name)));
	return list;
}

const struct schema_type schema_bits = {
	.read = bits_read, .write = bits_write, .copy = plain_copy, .eq = plain_eq};

static enum err addr_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct addr a;

	if (d->kind != DOC_TEXT || addr_parse(d->text, &a) || a.port == 0)
		return schema_refuse(in, ERR_INVALID, f, d,
		                     "must be ADDRESS:PORT or [IPv6]:PORT, an IP address and a "
		                     "port from 1 to 65535");
	if (addr_is_multicast(&a))
		return schema_refuse(in, ERR_INVALID, f, d, "must not be a multicast address");
	*(struct addr *)at = a;
	return ERR_OK;
}

static struct doc *addr_write(const struct schema_out *out, const struct schema_field *f,
                              const void *at)
{
	char text[ADDR_TEXT_MAX];

	(void)f;
	return addr_is_none(at) ? NULL : doc_text(out->arena, str_of(addr_print(at, text)));
}

static bool addr_same(const struct schema_field *f, const void *a, const void *b)
{
	(void)f;
	return addr_eq(a, b);
}

const struct schema_type schema_addr = {
	.read = addr_read, .write = addr_write, .copy = plain_copy, .eq = addr_same};

static enum err struct_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	return schema_read(in, f->sub, d, at);
}

static struct doc *struct_write(const struct schema_out *out, const struct schema_field *f,
                                const void *at)
{
	struct doc *d = schema_write(out, f->sub, at);

	return d && d->n ? d : NULL;
}

static enum err struct_copy(const struct schema_field *f, void *to, const void *from)
{
	return schema_copy(f->sub, to, from);
}

static bool struct_eq(const struct schema_field *f, const void *a, const void *b)
{
	return schema_eq(f->sub, a, b);
}

static void struct_fini(const struct schema_field *f, void *at)
{
	schema_fini(f->sub, at);
}

const struct schema_type schema_struct = {.read = struct_read,
                                          .write = struct_write,
                                          .copy = struct_copy,
                                          .eq = struct_eq,
                                          .fini = struct_fini};

/* --- walks ------------------------------------------------------------------ */

static void field_preset(const struct schema_field *f, void *at, const void *context)
{
	if (f->type->fini)
		f->type->fini(f, field_of(at, f));
	memset(field_of(at, f), 0, f->size);
	if (f->type == &schema_struct)
		schema_defaults(f->sub, field_of(at, f), context);
	else if (f->preset_at && context)
		memcpy(field_of(at, f), (const uint8_t *)context + f->preset_at - 1, f->size);
	else if (f->preset)
		schema_put_uint(f, field_of(at, f), (uint64_t)f->preset);
}

static const struct schema_field *field_find(const struct schema *s, struct str name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_is(name, s->fields[i].name))
			return &s->fields[i];
	return NULL;
}

/* Returns the field that a misspelt name probably means; NULL: no field name is similar. */
static const struct schema_field *field_near(const struct schema *s, struct str name)
{
	const struct schema_field *near = NULL;
	unsigned least = name.n > 3 ? 3 : 2;

	for (size_t i = 0; i < s->n; i++) {
		unsigned n = str_distance(name, str_of(s->fields[i].name));

		if (!s->fields[i].read_only && n < least) {
			least = n;
			near = &s->fields[i];
		}
	}
	return near;
}

static enum err refuse_unknown(struct schema_in *in, const struct schema *s, struct str name)
{
	const struct schema_field *near = field_near(s, name);
	char list[LIST_ROOM] = "";
	size_t n = 0;

	for (size_t i = 0; i < s->n && n < sizeof(list); i++)
		if (!s->fields[i].read_only)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
			                      s->fields[i].name);
	if (near)
		return schema_refuse(in, ERR_INVALID, NULL, NULL,
		                     "no such field; did you mean \"%s\"?", near->name);
	if (n >= sizeof(list))
		return schema_refuse(
			in, ERR_INVALID, NULL, NULL, "no such field; %s lists the %zu fields of %s",
			in->page ? in->page : "docs/control-protocol.md", s->n, s->name);
	return schema_refuse(in, ERR_INVALID, NULL, NULL, "no such field; %s has %s", s->name,
	                     n ? list : "none");
}

/* Reads one member `d` of an object into its field, and sets the field's bit in `given`. */
static enum err field_read(struct schema_in *in, const struct schema *s, const struct doc *d,
                           void *out, uint64_t *given)
{
	const struct schema_field *f = field_find(s, d->key);
	enum err e;

	if (!f || f->read_only)
		return in->ignore_unknown ? ERR_OK : refuse_unknown(in, s, d->key);
	if (d->kind == DOC_NULL && f->required)
		return schema_refuse(in, ERR_INVALID, f, d, "must be given");
	if (d->kind == DOC_NULL && in->refuse_null && !f->type->takes_null)
		return schema_refuse(in, ERR_INVALID, f, d, "must not be null");
	if (d->kind == DOC_NULL && !f->type->takes_null) {
		field_preset(f, out, in->context);
		/* null resets an embedded struct: mark all its fields as given. */
		if (f->type == &schema_struct)
			*mask_of(f->sub, field_of(out, f)) = UINT64_MAX >> (64 - f->sub->n);
	} else {
		e = f->type->read(in, f, d, field_of(out, f));
		if (e)
			return e;
	}
	*given |= 1ull << (f - s->fields);
	return ERR_OK;
}

enum err schema_read(struct schema_in *in, const struct schema *s, const struct doc *d, void *out)
{
	uint64_t own = 0, *given = s->no_mask ? &own : mask_of(s, out);
	enum err e = ERR_OK;

	if (d->kind != DOC_DICT)
		return schema_refuse(in, ERR_INVALID, NULL, NULL, "must be an object");
	for (const struct doc *it = d->first; it && !e; it = it->next) {
		size_t mark = schema_enter(in, it->key);

		e = field_read(in, s, it, out, given);
		schema_leave(in, mark);
	}
	for (size_t i = 0; i < s->n && !e; i++)
		if (s->fields[i].required && !(*given >> i & 1)) {
			size_t mark = schema_enter(in, str_of(s->fields[i].name));

			e = schema_refuse(in, ERR_INVALID, NULL, NULL, "must be given");
			schema_leave(in, mark);
		}
	return e;
}

enum err schema_read_document(const struct schema *s, const struct doc *d, void *out,
                              struct why *why)
{
	struct schema_fault fault = {.e = ERR_OK};
	struct schema_in in = {
		.refuse_null = true,
		.root = s->name,
		.page = "the manual",
		.fault = &fault,
	};
	enum err e = schema_read(&in, s, d, out);

	if (e)
		schema_fault_text(&fault, why);
	return e;
}

struct doc *schema_write(const struct schema_out *out, const struct schema *s, const void *from)
{
	struct doc *d = doc_dict(out->arena);

	for (size_t i = 0; i < s->n; i++)
		if (s->fields[i].type->write)
			doc_set(d, s->fields[i].name,
			        s->fields[i].type->write(out, &s->fields[i],
			                                 const_field_of(from, &s->fields[i])));
	return d;
}

void schema_defaults(const struct schema *s, void *out, const void *context)
{
	for (size_t i = 0; i < s->n; i++)
		field_preset(&s->fields[i], out, context);
	*mask_of(s, out) = 0;
}

enum err schema_apply(const struct schema *s, void *to, const void *from)
{
	uint64_t given = given_in(s, from);

	for (size_t i = 0; i < s->n; i++) {
		const struct schema_field *f = &s->fields[i];
		enum err e = ERR_OK;

		if (!(given >> i & 1))
			continue;
		if (f->type == &schema_struct)
			e = schema_apply(f->sub, field_of(to, f), const_field_of(from, f));
		else
			e = f->type->copy(f, field_of(to, f), const_field_of(from, f));
		if (e)
			return e;
		*mask_of(s, to) |= 1ull << i;
	}
	return ERR_OK;
}

enum err schema_copy(const struct schema *s, void *to, const void *from)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct schema_field *f = &s->fields[i];
		enum err e = f->type->copy(f, field_of(to, f), const_field_of(from, f));

		if (e)
			return e;
	}
	*mask_of(s, to) = given_in(s, from);
	return ERR_OK;
}

bool schema_eq(const struct schema *s, const void *a, const void *b)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->fields[i].type->eq(&s->fields[i], const_field_of(a, &s->fields[i]),
		                           const_field_of(b, &s->fields[i])))
			return false;
	return true;
}

void schema_fini(const struct schema *s, void *at)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->fields[i].type->fini)
			s->fields[i].type->fini(&s->fields[i], field_of(at, &s->fields[i]));
	memset(at, 0, s->bytes);
}
