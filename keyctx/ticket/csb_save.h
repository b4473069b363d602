/* SPDX-License-Identifier: MIT */
/* Saves and loads an established bundle as octets, for a terminal program that exits between two
 * steps of a call. */
#ifndef KEYCTX_TICKET_CSB_SAVE_H
#define KEYCTX_TICKET_CSB_SAVE_H

#include "keyctx/ticket/csb.h"

/* Writes the whole bundle, with its keys and an update that waits for its response. `w` must write
 * into secret memory. ERR_TOO_BIG. */
enum err ticket_csb_save(const struct ticket_csb *c, struct wr *w) MUST_USE;
/* Reads a saved bundle and leaves octets after it unread. `rules` are the settings of the program
 * that loads it; they are not saved. ERR_SYNTAX, ERR_NOMEM. The caller owns it. */
enum err ticket_csb_load(struct ticket_csb **out, struct rd *r,
                         const struct ticket_rules *rules) MUST_USE;

#endif
