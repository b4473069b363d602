/* SPDX-License-Identifier: MIT */
/* Calls that were deleted and go on for a while: proxies delete a call whose re-INVITE was refused,
 * which goes on as it was. */
#ifndef CONTROL_DIALOG_LATER_H
#define CONTROL_DIALOG_LATER_H

#include "control/dialog/dialog.h"
#include "control/net/loop.h"

struct dialog;
/* One for the dialogs. Control only. */
struct dialog_later;

/* From now on deletes may wait. When ports run short, the call that was deleted first ends at once.
 */
enum err dialog_later_new(struct dialog_later **out, struct loop *l, struct service *sv,
                          struct dialogs *d) MUST_USE;
/* Before the dialogs. Takes NULL. What waited stays: who ends the process ends it. */
void dialog_later_free(struct dialog_later *l);

/*
 * The call ends after that time, unless an offer or an answer comes before; asked again, at the
 * earlier time. `in_doubt`: perhaps it has not ended at all, and until then counts like any other.
 * False: it can't wait (no dialog_later, no memory).
 */
bool dialog_later_end(struct dialog *g, uint32_t after_ms, bool in_doubt);
/* It goes on, or has ended. */
void dialog_later_forget(struct dialog *g);
/* Was it deleted, beyond doubt, while no offer waited? Then another call may take its Call-ID. */
bool dialog_later_is_over(const struct dialog *g);

#endif
