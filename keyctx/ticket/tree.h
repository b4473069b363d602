/* SPDX-License-Identifier: MIT */
/* A MIKEY message as an annotated tree, for people who debug interoperability: every field, its
 * place, the first fault. */
#ifndef KEYCTX_TICKET_TREE_H
#define KEYCTX_TICKET_TREE_H

#include "base/buf.h"
#include "keyctx/mikey/fault.h"

/* One field or group; children follow their parent with a greater depth. Text is owned by the tree.
 */
struct mikey_node {
	uint8_t depth;
	uint32_t offset, len; /* octets of the message this stands for */
	const char *name;     /* "HDR", "T", "csb_id": stable, for programs */
	char *value;          /* "0x260a9c5f"; NULL for a group */
	char *note;           /* "2011-03-13 07:06:40.25 UTC"; NULL when there is nothing to add */
};

struct mikey_tree {
	struct mikey_node *nodes;
	size_t n, room;
	bool has_fault;
	struct mikey_fault fault; /* the first one; what was read before it is in the tree */
	bool bad;                 /* out of memory */
};

/* Never fails on content: a broken message has a fault. ERR_NOMEM. No key is shown: what is
 * encrypted stays so. */
enum err mikey_tree_make(struct mikey_tree *out, struct view octets) MUST_USE;
void mikey_tree_free(struct mikey_tree *t);
/* Indented lines, offset first; the fault last. */
void mikey_tree_text(const struct mikey_tree *t, struct buf *out);
/*
 * {"fault": {"offset":…, "error":…, "text":…} or null,
 *  "tree": [{"name":…, "offset":…, "length":…, "value":…, "note":…, "children":[…]}]}
 */
void mikey_tree_json(const struct mikey_tree *t, struct buf *out);

#endif
