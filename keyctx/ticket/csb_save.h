/* SPDX-License-Identifier: MIT */
/* An established bundle as octets, for a terminal that ends between two steps of a call. */
#ifndef KEYCTX_TICKET_CSB_SAVE_H
#define KEYCTX_TICKET_CSB_SAVE_H

#include "keyctx/ticket/csb.h"

/* Everything of the bundle, keys and an update under way included: `w` writes into secret memory.
 * ERR_TOO_BIG. */
enum err ticket_csb_save(const struct ticket_csb *c, struct wr *w) MUST_USE;
/* The same bundle again; reads no more than belongs to it. `rules` are the reader's own.
 * ERR_SYNTAX, ERR_NOMEM. */
enum err ticket_csb_load(struct ticket_csb **out, struct rd *r,
                         const struct ticket_rules *rules) MUST_USE;

#endif
