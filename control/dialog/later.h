/* SPDX-License-Identifier: MIT */
/* Ends deleted calls after a delay. Some proxies send a delete when a re-INVITE is refused,
 * although the call continues. */
#ifndef CONTROL_DIALOG_LATER_H
#define CONTROL_DIALOG_LATER_H

#include "control/dialog/dialog.h"
#include "control/net/loop.h"

struct dialog;
/* Exists once per struct dialogs. Control thread only. */
struct dialog_later;

/* From now on deletes may have a delay. When ports run out, the call deleted first ends at once. */
enum err dialog_later_new(struct dialog_later **out, struct loop *l, struct service *sv,
                          struct dialogs *d) MUST_USE;
/* Call it before freeing the dialogs. Cancels waiting deletes; their calls continue. `l` may be
 * NULL. */
void dialog_later_free(struct dialog_later *l);

/*
 * Ends the call after this time unless an offer or answer comes first. If a delete waits already,
 * the earlier time counts. `in_doubt`: the call may still be alive, so until its end it counts
 * against sessions-max and is not ended early when ports run out. False: no delay is possible (no
 * dialog_later, no session, no memory).
 */
bool dialog_later_end(struct dialog *g, uint32_t after_ms, bool in_doubt);
/* Call it when the end of the call failed. The waiting delete behind it tries again after 1 s. */
void dialog_later_retry(struct dialog *g);
/* Cancels the waiting delete, if any. */
void dialog_later_forget(struct dialog *g);
/* May a new call take over the Call-ID? True if a delete waits that is not in doubt and came while
 * no re-offer waited for its answer. */
bool dialog_later_is_over(const struct dialog *g);

#endif
