/* SPDX-License-Identifier: MIT */
/* The tree of values that a message decodes to and a reply encodes from, for JSON and bencode. */
#ifndef CONTROL_DOC_DOC_H
#define CONTROL_DOC_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum doc_kind { DOC_NULL, DOC_BOOL, DOC_INT, DOC_REAL, DOC_TEXT, DOC_LIST, DOC_DICT };

/* Every codec keeps these bounds, so walking a tree needs no check. */
enum { DOC_DEPTH_MAX = 16, DOC_TEXT_MAX = 16 << 20 };

/*
 * A node. Nodes and their texts live in an arena and are freed with it. Bencode has no null, bool
 * or real: its decoder makes none, its encoder writes null as an empty string and bools as 0 and 1.
 */
struct doc {
	enum doc_kind kind;
	uint32_t n;       /* LIST and DICT: children */
	struct str key;   /* name under a DICT, else empty */
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
 * The memory of a tree. Reset and free wipe it, because a message may hold keys. Control only.
 * After a failed allocation every function returns NULL and doc_arena_failed is true. All functions
 * accept NULL docs and ignore them, so build the whole tree, then check once.
 */
struct doc_arena;

enum err doc_arena_new(struct doc_arena **out) MUST_USE;
void doc_arena_free(struct doc_arena *a);
void doc_arena_reset(struct doc_arena *a);
bool doc_arena_failed(const struct doc_arena *a);
void *doc_arena_take(struct doc_arena *a, size_t bytes);      /* zeroed, aligned to 8 */
struct str doc_arena_text(struct doc_arena *a, struct str s); /* a copy; NUL-terminated */

struct doc *doc_null(struct doc_arena *a);
struct doc *doc_bool(struct doc_arena *a, bool v);
struct doc *doc_int(struct doc_arena *a, int64_t v);
struct doc *doc_uint(struct doc_arena *a, uint64_t v); /* above INT64_MAX: INT64_MAX */
struct doc *doc_real(struct doc_arena *a, double v);
struct doc *doc_text(struct doc_arena *a, struct str s); /* copies */
/* Borrows the slice, which must live as long as the arena's content. */
struct doc *doc_borrow(struct doc_arena *a, struct str s);
struct doc *doc_list(struct doc_arena *a);
struct doc *doc_dict(struct doc_arena *a);

/* Appends. A node has one parent. */
void doc_append(struct doc *list, struct doc *v);
/* Borrows `key`: a literal, or a text of the arena. The caller keeps keys unique. */
void doc_set(struct doc *dict, const char *key, struct doc *v);
void doc_set_str(struct doc *dict, struct str key, struct doc *v);
void doc_set_text(struct doc_arena *a, struct doc *dict, const char *key, struct str v);
void doc_set_uint(struct doc_arena *a, struct doc *dict, const char *key, uint64_t v);
void doc_set_bool(struct doc_arena *a, struct doc *dict, const char *key, bool v);

/* NULL when the key is absent, or `dict` is NULL or not a DICT. */
const struct doc *doc_get(const struct doc *dict, const char *key);
/* As doc_get, for a tree that is being built. */
struct doc *doc_find(struct doc *dict, const char *key);
/* The text, or an empty slice. */
struct str doc_get_text(const struct doc *dict, const char *key);

/* "null", "true or false", "an integer" …: for errors. */
const char *doc_kind_name(enum doc_kind k);

/* for (DOC_EACH(it, list)) */
#define DOC_EACH(it, parent)                    \
	const struct doc *it = (parent)->first; \
	it;                                     \
	it = it->next

#endif
