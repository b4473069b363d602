/* SPDX-License-Identifier: MIT */
/* A MIKEY message as an annotated tree, to debug interoperability: every field with its offset, and
 * the first fault. */
#ifndef KEYCTX_TICKET_TREE_H
#define KEYCTX_TICKET_TREE_H

#include "base/buf.h"
#include "keyctx/mikey/fault.h"

/* One field or group. Children follow their parent with a greater depth.
 * The tree owns the texts. */
struct mikey_node {
	uint8_t depth;
	uint32_t offset, len; /* place in the message, in octets */
	const char *name;     /* stable name for programs: "HDR", "T", "csb_id" */
	char *value;          /* such as "260a9c5f"; NULL for a group */
	char *note;           /* such as "2011-03-13 07:06:40.250 UTC"; NULL: no note */
};

struct mikey_tree {
	struct mikey_node *nodes;
	size_t n, room;
	bool has_fault;
	struct mikey_fault fault; /* the first fault; the tree holds what was read before it */
	bool bad;                 /* memory ran out while the tree was built */
};

/* Makes a tree from any octets; a broken message gives a tree with a fault. Shows no keys:
 * encrypted data stay encrypted, other keys are left out. ERR_NOMEM. */
enum err mikey_tree_make(struct mikey_tree *out, struct view octets) MUST_USE;
void mikey_tree_free(struct mikey_tree *t);
/* Writes indented lines that begin with the offset; the fault is last. */
void mikey_tree_text(const struct mikey_tree *t, struct buf *out);
/*
 * {"fault": {"offset":…, "error":…, "error_name":…, "text":…} or null,
 *  "tree": [{"name":…, "offset":…, "length":…, "value":…, "note":…, "children":[…]}]}
 */
void mikey_tree_json(const struct mikey_tree *t, struct buf *out);

#endif
