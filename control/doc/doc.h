/* SPDX-License-Identifier: MIT */
/* The tree of values that JSON and bencode messages are decoded to and encoded from. */
#ifndef CONTROL_DOC_DOC_H
#define CONTROL_DOC_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum doc_kind { DOC_NULL, DOC_BOOL, DOC_INT, DOC_REAL, DOC_TEXT, DOC_LIST, DOC_DICT };

/* Every decoder enforces these limits, so code that walks a tree need not check them. */
enum { DOC_DEPTH_MAX = 16, DOC_TEXT_MAX = 16 << 20 };

/*
 * A node. Nodes and their texts live in an arena and are freed with it. Bencode has no null, bool
 * or real: its decoder makes none, its encoder writes null as an empty string and bools as 0 and 1.
 */
struct doc {
	enum doc_kind kind;
	uint32_t n;       /* LIST and DICT: number of children */
	struct str key;   /* for a child of a DICT: its name; else empty */
	struct doc *next; /* next sibling */
	union {
		bool truth;
		int64_t number;
		double real;
		struct str text;
		struct {
			struct doc *first, *last;
		};
	};
};

/*
 * The memory of a tree. Reset and free wipe it, because a message may hold keys. Control thread
 * only. After a failed allocation every function that creates returns NULL, and doc_arena_failed is
 * true. Functions that append ignore NULL docs, so build the whole tree, then check once.
 */
struct doc_arena;

enum err doc_arena_new(struct doc_arena **out) MUST_USE;
void doc_arena_free(struct doc_arena *a); /* takes NULL */
/* Wipes and frees all docs of the arena, and clears doc_arena_failed. */
void doc_arena_reset(struct doc_arena *a);
bool doc_arena_failed(const struct doc_arena *a);
void *doc_arena_take(struct doc_arena *a, size_t bytes);      /* zeroed, aligned to 8 octets */
struct str doc_arena_text(struct doc_arena *a, struct str s); /* a NUL-terminated copy */

struct doc *doc_null(struct doc_arena *a);
struct doc *doc_bool(struct doc_arena *a, bool v);
struct doc *doc_int(struct doc_arena *a, int64_t v);
struct doc *doc_uint(struct doc_arena *a, uint64_t v); /* stores at most INT64_MAX */
struct doc *doc_real(struct doc_arena *a, double v);
struct doc *doc_text(struct doc_arena *a, struct str s); /* copies `s` */
/* Borrows `s`, which must stay valid until the arena is reset or freed. */
struct doc *doc_borrow(struct doc_arena *a, struct str s);
struct doc *doc_list(struct doc_arena *a);
struct doc *doc_dict(struct doc_arena *a);

/* Appends `v`, which must not have a parent yet. */
void doc_append(struct doc *list, struct doc *v);
/* Append `v` under `key`. Borrow `key`: a literal, or a text of the arena. The caller keeps keys
 * unique. */
void doc_set(struct doc *dict, const char *key, struct doc *v);
void doc_set_str(struct doc *dict, struct str key, struct doc *v);
void doc_set_text(struct doc_arena *a, struct doc *dict, const char *key, struct str v);
void doc_set_uint(struct doc_arena *a, struct doc *dict, const char *key, uint64_t v);
void doc_set_bool(struct doc_arena *a, struct doc *dict, const char *key, bool v);

/* Returns the first child named `key`; NULL when it is absent, or `dict` is NULL or not a DICT. */
const struct doc *doc_get(const struct doc *dict, const char *key);
/* Like doc_get, for a tree that the caller may change. */
struct doc *doc_find(struct doc *dict, const char *key);
/* The text of the child `key`; empty when it is absent or not a text. */
struct str doc_get_text(const struct doc *dict, const char *key);

/* A name for error texts: "null", "true or false", "an integer" … */
const char *doc_kind_name(enum doc_kind k);

/* Walks the children of a LIST or DICT: for (DOC_EACH(it, list)) */
#define DOC_EACH(it, parent)                    \
	const struct doc *it = (parent)->first; \
	it;                                     \
	it = it->next

#endif
