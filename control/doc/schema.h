/* SPDX-License-Identifier: MIT */
/* Tables that turn a doc into a struct and back, and know which fields were given. */
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

/* What a person needs to mend a request. `value` is left empty where it might be a key. */
struct schema_fault {
	enum err e;
	char path[160];    /* "media[0].legs.a.remote" */
	char value[96];    /* what was found, as JSON, cut */
	char allowed[256]; /* what would do */
};

/* The walk of one message. */
struct schema_in {
	bool ignore_unknown; /* ng: fields nobody knows are passed over; JSON refuses them */
	const void *context; /* the caller's own: where types look names up, and rows find their
	                        presets */
	struct schema_fault *fault; /* filled by the first failure; not NULL */
	char path[160];
	size_t path_len;
};

struct schema_out {
	struct doc_arena *arena;
	const void *context;
};

/*
 * How one kind of value is read, written, copied, compared and released. `at` points at the field
 * inside its struct. A NULL `fini` means plain octets. copy replaces `to`, which holds a valid
 * value; on failure it is untouched.
 */
struct schema_type {
	bool takes_null; /* read means something by null */
	enum err (*read)(struct schema_in *in, const struct schema_field *f, const struct doc *d,
	                 void *at);
	struct doc *(*write)(const struct schema_out *out, const struct schema_field *f,
	                     const void *at); /* NULL: leave out */
	enum err (*copy)(const struct schema_field *f, void *to, const void *from);
	bool (*eq)(const struct schema_field *f, const void *a, const void *b);
	void (*fini)(const struct schema_field *f, void *at);
};

/* A row. Its place in the table is its bit in the mask of given fields: at most 64 rows. */
struct schema_field {
	const char *name;
	const struct schema_type *type;
	uint32_t offset, size;
	bool required;      /* by schema_read */
	bool secret;        /* its value never shows in a fault */
	bool read_only;     /* written in replies, refused in requests */
	int64_t min, max;   /* numbers; text: octets */
	int64_t preset;     /* value of schema_defaults: numbers, bools, words */
	uint32_t preset_at; /* 1 + offset of the preset inside the context, of the same size; 0:
	                       `preset` */
	const struct word *words; /* ended by a NULL name */
	const struct schema *sub; /* struct, list of structs */
	const char *help;         /* a line for docs/control-protocol.md */
};

/*
 * Every struct described here has a mask of the fields that were given, a uint64_t: `has`, its
 * first member, unless has_at says where. A part of a struct that is an object of its own in JSON
 * has a schema with `bytes` 0 and has_at; its rows lie in the whole struct, and so does the row of
 * type schema_struct that names it (offset and size 0).
 */
struct schema {
	const char *name;
	const struct schema_field *fields;
	size_t n;
	size_t bytes;  /* of the struct; 0: a part of another one */
	size_t has_at; /* offset of the mask */
};

/* The schema of a struct whose first member is `has`. */
#define SCHEMA_OF(name_, fields_, struct_)                                     \
	{                                                                      \
		.name = (name_), .fields = (fields_), .n = ARRAY_LEN(fields_), \
		.bytes = sizeof(struct_)                                       \
	}

#define SCHEMA_FIELD(type_, struct_, member_)                  \
	.type = (type_), .offset = offsetof(struct_, member_), \
	.size = sizeof(((struct_ *)0)->member_)

/* Plain types. Text is a char array with its NUL; a word is a uint8_t; numbers are uint8_t to
 * uint64_t by size. */
extern const struct schema_type schema_bool, schema_uint, schema_text, schema_word, schema_addr;
/* A list of words, each a bit of a uint8_t. */
extern const struct schema_type schema_bits;
/* An embedded struct of `sub`, an object in JSON. */
extern const struct schema_type schema_struct;

/*
 * Reads the fields present into `out` and sets their bits in `has`; the others stay. `null` gives a
 * field its preset and sets its bit. On failure `out` may be half read: it stays valid for
 * schema_fini, and in->fault says where, what and why.
 */
enum err schema_read(struct schema_in *in, const struct schema *s, const struct doc *d,
                     void *out) MUST_USE;
struct doc *schema_write(const struct schema_out *out, const struct schema *s, const void *from);
/* Presets everything, `has` becomes 0. The struct was zeroed or valid. */
void schema_defaults(const struct schema *s, void *out, const void *context);
/* Copies what `from` has over `to` and joins the masks. On ERR_NOMEM `to` is half changed and
 * valid: work on a copy. */
enum err schema_apply(const struct schema *s, void *to, const void *from) MUST_USE;
/* Copies everything, masks too. `to` is zeroed or valid. */
enum err schema_copy(const struct schema *s, void *to, const void *from) MUST_USE;
/* Same values, whatever the masks. */
bool schema_eq(const struct schema *s, const void *a, const void *b);
/* Releases and zeroes; keys are wiped. */
void schema_fini(const struct schema *s, void *at);

/* For types elsewhere: note a fault at the present path and return `e`. `d` NULL or secret field:
 * no value. */
enum err schema_refuse(struct schema_in *in, enum err e, const struct schema_field *f,
                       const struct doc *d, const char *allowed, ...) PRINTF_LIKE(5, 6);
/* Longer and shorter path: returns the mark to give back. */
size_t schema_enter(struct schema_in *in, struct str name);
size_t schema_enter_index(struct schema_in *in, unsigned index);
void schema_leave(struct schema_in *in, size_t mark);
/* "params.media[0].mode: \"x\" where one of … is allowed" */
void schema_fault_text(const struct schema_fault *fault, struct why *why);

#endif
