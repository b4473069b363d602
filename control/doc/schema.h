/* SPDX-License-Identifier: MIT */
/* Tables that turn a doc into a struct and back, and remember which fields were given. */
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

/* What is wrong with a request, for its author. `value` is empty where it might be a key. */
struct schema_fault {
	enum err e;
	char path[160];    /* "media[0].legs.a.remote" */
	char value[96];    /* what was found, as JSON, cut at 80 octets */
	char allowed[256]; /* "must be …" */
};

/* One message while it is read. */
struct schema_in {
	bool ignore_unknown; /* ng: unknown fields are ignored; JSON refuses them */
	bool refuse_null;    /* files: null is not a value of any field */
	const char *root;    /* how a fault names the whole document; NULL: "params" */
	const void *context; /* the caller's: types look names up there, presets come from there */
	struct schema_fault *fault; /* filled by the first failure; not NULL */
	char path[160];
	size_t path_len;
};

struct schema_out {
	struct doc_arena *arena;
	const void *context;
};

/*
 * How one kind of value is read, written, copied, compared and freed. `at` is the field inside its
 * struct. `fini` NULL: there is nothing to free. copy replaces `to`, which holds a valid value; on
 * failure `to` is unchanged.
 */
struct schema_type {
	bool takes_null; /* read handles null itself */
	enum err (*read)(struct schema_in *in, const struct schema_field *f, const struct doc *d,
	                 void *at);
	struct doc *(*write)(const struct schema_out *out, const struct schema_field *f,
	                     const void *at); /* NULL: leave out */
	enum err (*copy)(const struct schema_field *f, void *to, const void *from);
	bool (*eq)(const struct schema_field *f, const void *a, const void *b);
	void (*fini)(const struct schema_field *f, void *at);
};

/* Reads entry `d` of the list `f`; `at` is the place of the whole list. */
typedef enum err schema_item_fn(struct schema_in *in, const struct schema_field *f,
                                const struct doc *d, void *at);

/* A row. Its index in the table is its bit in the mask of given fields: at most 64 rows. */
struct schema_field {
	const char *name;
	const struct schema_type *type;
	uint32_t offset, size;
	bool required;      /* by schema_read */
	bool secret;        /* faults never show its value */
	bool read_only;     /* written in replies, refused in requests */
	int64_t min, max;   /* numbers; text, keys: octets; lists: entries, max 0: no limit */
	int64_t preset;     /* value of schema_defaults: numbers, bools, words */
	uint32_t preset_at; /* 1 + offset of the preset inside the context, of the same size; 0:
	                       `preset` */
	const struct word *words; /* ended by a NULL name */
	const struct schema *sub; /* struct, list of structs */
	schema_item_fn *item;     /* schema_list: reads one entry */
	const char *help;         /* a line for docs/control-protocol.md */
};

/*
 * A struct described here has a mask of the fields that were given, a uint64_t: `has`, its first
 * member, unless has_at says where. With no_mask it has none, and only schema_read may be used on
 * it. A part of a struct that is an object of its own in JSON has a schema with `bytes` 0, and
 * has_at or no_mask; its rows lie in the whole struct, and so does the row of type schema_struct
 * that names it (offset and size 0).
 */
struct schema {
	const char *name;
	const struct schema_field *fields;
	size_t n;
	size_t bytes;  /* of the struct; 0: a part of another one */
	size_t has_at; /* offset of the mask */
	bool no_mask;
};

/* The schema of a struct whose first member is `has`. */
#define SCHEMA_OF(name_, fields_, struct_)                                     \
	{                                                                      \
		.name = (name_), .fields = (fields_), .n = ARRAY_LEN(fields_), \
		.bytes = sizeof(struct_)                                       \
	}

/* The schema of a struct without a mask, or of a part of one. */
#define SCHEMA_NO_MASK(name_, fields_)                                                         \
	{                                                                                      \
		.name = (name_), .fields = (fields_), .n = ARRAY_LEN(fields_), .no_mask = true \
	}

#define SCHEMA_FIELD(type_, struct_, member_)                  \
	.type = (type_), .offset = offsetof(struct_, member_), \
	.size = sizeof(((struct_ *)0)->member_)

/* Plain types. Text is a char array with its NUL; a word is a uint8_t; numbers are uint8_t to
 * uint64_t by size. */
extern const struct schema_type schema_bool, schema_uint, schema_text, schema_word, schema_addr;
/* Like schema_text, with any character but NUL: names of files. */
extern const struct schema_type schema_any_text;
/* A struct str that views the text of the doc. */
extern const struct schema_type schema_slice;
/* A struct secret of min to max octets, hexadecimal digits in JSON. */
extern const struct schema_type schema_hex_key;
/* A list of whole numbers from min to max: number n is bit n of an unsigned number. */
extern const struct schema_type schema_numbers;
/* A list of min to max entries that the row's `item` reads one after the other. */
extern const struct schema_type schema_list;
/* A list of words, each a bit of a uint8_t. */
extern const struct schema_type schema_bits;
/* An embedded struct of `sub`, an object in JSON. */
extern const struct schema_type schema_struct;

/*
 * Reads the fields that `d` has into `out` and sets their bits in `has`; the others keep their
 * values. `null` sets a field to its preset. On failure in->fault says where and why; `out` may be
 * partly read and stays valid for schema_fini.
 */
enum err schema_read(struct schema_in *in, const struct schema *s, const struct doc *d,
                     void *out) MUST_USE;
/* The same for a document of its own, such as a file: refuses null and unknown fields; `why` gets
 * the fault in words. The schema's name stands for the whole document. */
enum err schema_read_document(const struct schema *s, const struct doc *d, void *out,
                              struct why *why) MUST_USE;
struct doc *schema_write(const struct schema_out *out, const struct schema *s, const void *from);
/* Sets every field to its preset and `has` to 0. The struct is zeroed or valid before. */
void schema_defaults(const struct schema *s, void *out, const void *context);
/* Copies the fields in `from`'s mask to `to` and adds the mask. After ERR_NOMEM `to` is valid but
 * partly changed: work on a copy. */
enum err schema_apply(const struct schema *s, void *to, const void *from) MUST_USE;
/* Copies all fields and the mask. `to` is zeroed or valid before. */
enum err schema_copy(const struct schema *s, void *to, const void *from) MUST_USE;
/* Are the values equal? Ignores the masks. */
bool schema_eq(const struct schema *s, const void *a, const void *b);
/* Frees and zeroes; wipes keys. */
void schema_fini(const struct schema *s, void *at);

/* For types elsewhere: notes a fault at the current path and returns `e`. `d` NULL or a secret
 * field: without value. */
enum err schema_refuse(struct schema_in *in, enum err e, const struct schema_field *f,
                       const struct doc *d, const char *allowed, ...) PRINTF_LIKE(5, 6);
/* Writes an unsigned number of the field's size. */
void schema_put_uint(const struct schema_field *f, void *at, uint64_t v);
/* Appends to the path; schema_leave with the returned mark cuts it again. */
size_t schema_enter(struct schema_in *in, struct str name);
size_t schema_enter_index(struct schema_in *in, unsigned index);
void schema_leave(struct schema_in *in, size_t mark);
/* media[0].mode = "x": must be one of … */
void schema_fault_text(const struct schema_fault *fault, struct why *why);

#endif
