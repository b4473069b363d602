/* SPDX-License-Identifier: MIT */
/* Prints answers of the gateway as text for people. */
#ifndef CMD_SLUICECTL_TEXT_H
#define CMD_SLUICECTL_TEXT_H

#include "base/buf.h"
#include "control/doc/doc.h"

/* Prints "name: value" lines, indented by depth; a list of plain values is printed on one line. */
void text_print(struct buf *out, const struct doc *d);
/* Prints the answer of session.list as a table. */
void text_sessions(struct buf *out, const struct doc *answer);
/* Prints an event on one line. */
void text_event(struct buf *out, const struct doc *event);
/* Returns a number of a dictionary; 0 if it is absent. */
uint64_t text_number(const struct doc *dict, const char *name);

#endif
