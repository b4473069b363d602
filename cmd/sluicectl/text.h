/* SPDX-License-Identifier: MIT */
/* Answers as text for a terminal. */
#ifndef CMD_SLUICECTL_TEXT_H
#define CMD_SLUICECTL_TEXT_H

#include "base/buf.h"
#include "control/doc/doc.h"

/* "name: value" lines, indented by depth; lists of plain values on one line. */
void text_print(struct buf *out, const struct doc *d);
/* A table of session.list's sessions. */
void text_sessions(struct buf *out, const struct doc *answer);
/* An event on one line. */
void text_event(struct buf *out, const struct doc *event);
/* A number of a dict, 0 when absent. */
uint64_t text_number(const struct doc *dict, const char *name);

#endif
