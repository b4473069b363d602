/* SPDX-License-Identifier: MIT */
/* The tree of values a message decodes to, whatever its notation. */
#ifndef CONTROL_DOC_H
#define CONTROL_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum doc_kind { DOC_NULL, DOC_BOOL, DOC_INT, DOC_REAL, DOC_TEXT, DOC_LIST, DOC_MAP };
enum { DOC_DEPTH_MAX = 16 };

/* A value in a tree; its memory is the document's. Read freely, change only through doc_add_*. */
struct doc_node {
	enum doc_kind kind;
	bool flag;              /* BOOL */
	int64_t number;         /* INT */
	double real;            /* REAL; INT carries it too */
	struct str text;        /* TEXT: UTF-8 (or octets, from bencode); NUL-terminated */
	struct str name;        /* of a member of a map, else empty; NUL-terminated */
	struct doc_node *first; /* LIST and MAP: members in order */
	struct doc_node *last, *next;
	size_t n;               /* LIST and MAP: how many */
};

/* One document: nodes and texts live in its pool, which is wiped when it goes: messages carry keys. One thread. */
struct doc;

enum err doc_new(struct doc **out) MUST_USE;
void doc_free(struct doc *d);
/* NULL until the first doc_add_* without a parent made it. */
struct doc_node *doc_root(const struct doc *d);
/* False when an addition could not be had; such additions returned NULL. Build first, ask once. */
bool doc_ok(const struct doc *d);

/*
 * Adds a member to `parent` (a LIST or MAP), or makes the root when `parent` is NULL and nothing is there. Name and text are
 * copied. A failed parent (NULL after the root exists) fails the addition and marks the document.
 */
struct doc_node *doc_add(struct doc *d, struct doc_node *parent, struct str name, enum doc_kind kind);
struct doc_node *doc_add_map(struct doc *d, struct doc_node *parent, const char *name);
struct doc_node *doc_add_list(struct doc *d, struct doc_node *parent, const char *name);
void doc_add_text(struct doc *d, struct doc_node *parent, const char *name, struct str value);
void doc_add_int(struct doc *d, struct doc_node *parent, const char *name, int64_t value);
void doc_add_bool(struct doc *d, struct doc_node *parent, const char *name, bool value);
/* The text a TEXT node shall hold, copied into the pool. */
void doc_set_text(struct doc *d, struct doc_node *node, struct str value);

/* The member of that name; NULL when absent or when `map` is NULL or no map. */
const struct doc_node *doc_get(const struct doc_node *map, const char *name);
/* "null" "boolean" "integer" "number" "text" "list" "object": for people. */
const char *doc_kind_name(enum doc_kind kind);

/* Each member: DOC_EACH(it, node) { … }; none when `node` is NULL or no container. */
#define DOC_EACH(it, node) \
	for (const struct doc_node *it = (node) ? (node)->first : NULL; it; it = it->next)

/* --- JSON (RFC 8259): control/doc_json.c ------------------------------------------------------------- */

/*
 * One whole JSON text. ERR_SYNTAX (with line and column in `why`), ERR_TOO_BIG (depth), ERR_NOMEM. Repeated names in an object are an error.
 */
enum err doc_json_parse(struct doc **out, struct str text, struct why *why) MUST_USE;
/* Appends JSON text to `out`, one line, or with line ends and two blanks an indent. Octets that are no UTF-8 become U+FFFD. */
void doc_json_print(const struct doc_node *node, bool indent, struct buf *out);
/* A JSON string with its quotes. */
void doc_json_quote(struct str text, struct buf *out);

#endif
