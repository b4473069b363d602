/* SPDX-License-Identifier: MIT */
/* An established bundle as octets, for a terminal program that exits
 * between two steps of a call. */
#ifndef KEYCTX_TICKET_CSB_SAVE_H
#define KEYCTX_TICKET_CSB_SAVE_H

#include "keyctx/ticket/csb.h"

/* Writes the whole bundle, with its keys and a pending update; `w` must write into
 * secret memory. ERR_TOO_BIG. */
enum err ticket_csb_save(const struct ticket_csb *c, struct wr *w) MUST_USE;
/* Reads a saved bundle; octets after it stay unread. `rules` are the reader's own, not the
 * writer's. ERR_SYNTAX, ERR_NOMEM. The caller owns it. */
enum err ticket_csb_load(struct ticket_csb **out, struct rd *r,
                         const struct ticket_rules *rules) MUST_USE;

#endif
