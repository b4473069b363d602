/* SPDX-License-Identifier: MIT */
/* Tables that describe how a doc is read into a struct and written from it. A mask in the struct
 * notes which fields were given. */
#ifndef CONTROL_DOC_SCHEMA_H
#define CONTROL_DOC_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/word.h"
#include "control/doc/doc.h"

struct schema;
struct schema_field;

/* Why a document was refused, for the author of the document. */
struct schema_fault {
	enum err e;
	char path[160];    /* the field, such as "media[0].legs.a.remote" */
	char value[96];    /* its value as JSON, cut to 80 octets; empty if it may be a key */
	char allowed[256]; /* what is allowed: "must be …" */
};

/* The state of reading one document. */
struct schema_in {
	bool ignore_unknown; /* true, for ng: skip unknown fields, and take 0 and 1 for bools */
	bool refuse_null;    /* true, for files: refuse null; false: null means the default */
	const char *root;    /* name of the whole document in faults; NULL: "params" */
	const char *page;    /* document that lists the fields; NULL: docs/control-protocol.md */
	const void *context; /* data of the caller: names for types, defaults for preset_at */
	struct schema_fault *fault; /* set by the failure that ends reading; not NULL */
	char path[160];             /* path of the field that is being read */
	size_t path_len;
};

/* The state of writing one document. */
struct schema_out {
	struct doc_arena *arena;
	const void *context;
};

/*
 * How one type of value is read, written, copied, compared and freed. `at` points to the field
 * inside its struct. `fini` NULL: the type has nothing to free. `copy` replaces `to`, which holds a
 * valid value; on failure `to` is unchanged.
 */
struct schema_type {
	bool takes_null; /* `read` is called for null too */
	enum err (*read)(struct schema_in *in, const struct schema_field *f, const struct doc *d,
	                 void *at);
	struct doc *(*write)(const struct schema_out *out, const struct schema_field *f,
	                     const void *at); /* a result of NULL leaves the field out */
	enum err (*copy)(const struct schema_field *f, void *to, const void *from);
	bool (*eq)(const struct schema_field *f, const void *a, const void *b);
	void (*fini)(const struct schema_field *f, void *at);
};

/* Reads entry `d` of the list field `f`; `at` points to the field of the whole list. */
typedef enum err schema_item_fn(struct schema_in *in, const struct schema_field *f,
                                const struct doc *d, void *at);

/* A row of a table. Row i uses bit i of the mask of given fields: a table has at most 64 rows. */
struct schema_field {
	const char *name;
	const struct schema_type *type;
	uint32_t offset, size;
	bool required;  /* schema_read fails if the field is absent */
	bool secret;    /* faults never show its value */
	bool read_only; /* schema_write writes it; schema_read refuses it */
	/* range of numbers, or of the length of texts, keys and lists (lists: max 0 is no limit) */
	int64_t min, max;
	int64_t preset;     /* default value, for numbers, bools and words */
	uint32_t preset_at; /* not 0: the default is in the context, at offset preset_at - 1 */
	const struct word *words; /* the words allowed; the last row has a NULL name */
	const struct schema *sub; /* schema_struct: the table of the embedded struct */
	schema_item_fn *item;     /* schema_list: the function that reads one entry */
	const char *help;         /* what the field does, for docs/control-protocol.md */
};

/*
 * The table of one struct. The struct has a uint64_t with the mask of the fields that were given,
 * at offset has_at; usually it is the first member, `has`. With no_mask the struct has no mask, and
 * only schema_read may be used on it.
 *
 * Some members of a struct may form an object of their own in JSON. Their schema has `bytes` 0, and
 * has_at or no_mask; its offsets count from the whole struct. The row that refers to it has type
 * schema_struct, offset 0 and size 0.
 */
struct schema {
	const char *name; /* for errors: "a session" */
	const struct schema_field *fields;
	size_t n;
	size_t bytes;  /* size of the struct; 0: the rows are a part of another struct */
	size_t has_at; /* offset of the mask in the struct */
	bool no_mask;
};

/* The schema of a struct whose first member is its mask, `has`. */
#define SCHEMA_OF(name_, fields_, struct_)                                     \
	{                                                                      \
		.name = (name_), .fields = (fields_), .n = ARRAY_LEN(fields_), \
		.bytes = sizeof(struct_)                                       \
	}

/* The schema of a struct without a mask, or of a part of such a struct. */
#define SCHEMA_NO_MASK(name_, fields_)                                                         \
	{                                                                                      \
		.name = (name_), .fields = (fields_), .n = ARRAY_LEN(fields_), .no_mask = true \
	}

#define SCHEMA_FIELD(type_, struct_, member_)                  \
	.type = (type_), .offset = offsetof(struct_, member_), \
	.size = sizeof(((struct_ *)0)->member_)

/* Types of single values. text: a char array with a NUL at its end; word: a uint8_t; bool and uint:
 * uint8_t to uint64_t, by the size of the member; addr: a struct addr. */
extern const struct schema_type schema_bool, schema_uint, schema_text, schema_word, schema_addr;
/* Like schema_text, but control characters are allowed: for file names. */
extern const struct schema_type schema_any_text;
/* A struct str that borrows the text of the doc, which must not be empty. */
extern const struct schema_type schema_slice;
/* A struct secret of min to max octets; in JSON a string of hexadecimal digits. */
extern const struct schema_type schema_hex_key;
/* An unsigned member, a set of integers from min to max: integer n is bit n. In JSON a list. */
extern const struct schema_type schema_numbers;
/* A list of min to max entries; the row's `item` reads each entry. */
extern const struct schema_type schema_list;
/* A uint8_t that is a set of words: each word's value is a bit. In JSON a list. */
extern const struct schema_type schema_bits;
/* An embedded struct, described by the row's `sub`; in JSON an object. */
extern const struct schema_type schema_struct;

/*
 * Reads the fields that `d` has into `out` and sets their bits in the mask; other fields keep their
 * values. `null` sets a field to its default. On failure in->fault says where and why, and some
 * fields of `out` may be read already: `out` is valid for schema_fini.
 */
enum err schema_read(struct schema_in *in, const struct schema *s, const struct doc *d,
                     void *out) MUST_USE;
/* Like schema_read, for a whole file: refuses null and unknown fields, and writes the fault to
 * `why`, where s->name stands for the whole document. */
enum err schema_read_document(const struct schema *s, const struct doc *d, void *out,
                              struct why *why) MUST_USE;
/* Writes all fields of `from` as an object in out->arena. NULL when memory is exhausted. */
struct doc *schema_write(const struct schema_out *out, const struct schema *s, const void *from);
/* Sets every field to its default, and the mask to 0. `out` must be zeroed or valid before. */
void schema_defaults(const struct schema *s, void *out, const void *context);
/* Copies to `to` the fields whose bits are set in `from`'s mask, and sets these bits in `to`'s
 * mask. After ERR_NOMEM `to` is valid but partly changed: work on a copy. */
enum err schema_apply(const struct schema *s, void *to, const void *from) MUST_USE;
/* Copies all fields and the mask. `to` must be zeroed or valid before. */
enum err schema_copy(const struct schema *s, void *to, const void *from) MUST_USE;
/* Are the values of all fields equal? Ignores the masks. */
bool schema_eq(const struct schema *s, const void *a, const void *b);
/* Frees what the fields own, wipes keys, and zeroes the struct. */
void schema_fini(const struct schema *s, void *at);

/* For types in other files: writes a fault at the current path to in->fault and returns `e`. `d` is
 * the wrong value; the fault does not show it if `d` or `f` is NULL, or the field is secret. */
enum err schema_refuse(struct schema_in *in, enum err e, const struct schema_field *f,
                       const struct doc *d, const char *allowed, ...) PRINTF_LIKE(5, 6);
/* Writes `v` to an unsigned member of the size f->size. */
void schema_put_uint(const struct schema_field *f, void *at, uint64_t v);
/* Append a field name or a list index to in->path. Pass the result to schema_leave, which removes
 * what was appended. */
size_t schema_enter(struct schema_in *in, struct str name);
size_t schema_enter_index(struct schema_in *in, unsigned index);
void schema_leave(struct schema_in *in, size_t mark);
/* Writes a fault as text: media[0].mode = "x": must be one of … */
void schema_fault_text(const struct schema_fault *fault, struct why *why);

#endif
