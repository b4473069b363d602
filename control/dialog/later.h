/* SPDX-License-Identifier: MIT */
/* Deleted calls that go on for a delay: some proxies send a delete when a re-INVITE is refused,
 * though the call goes on. */
#ifndef CONTROL_DIALOG_LATER_H
#define CONTROL_DIALOG_LATER_H

#include "control/dialog/dialog.h"
#include "control/net/loop.h"

struct dialog;
/* One per struct dialogs. Control thread only. */
struct dialog_later;

/* From now on deletes may have a delay. When ports run out, the first deleted call ends at once. */
enum err dialog_later_new(struct dialog_later **out, struct loop *l, struct service *sv,
                          struct dialogs *d) MUST_USE;
/* Call before freeing the dialogs. Takes NULL. Cancels waiting deletes: their calls go on. */
void dialog_later_free(struct dialog_later *l);

/*
 * Ends the call after this time unless an offer or answer comes first. When called again, the
 * earlier time counts. `in_doubt`: the call may still be alive; until its end it counts against
 * sessions-max and does not make room when ports run short. False: no delay is possible (no
 * dialog_later, no session, no memory).
 */
bool dialog_later_end(struct dialog *g, uint32_t after_ms, bool in_doubt);
/* The end of the call failed: a waiting delete that caused it is tried again soon. */
void dialog_later_retry(struct dialog *g);
/* Cancels the waiting delete, if any. */
void dialog_later_forget(struct dialog *g);
/* May a new call take over the Call-ID? True after a delete that was not in doubt, made while no
 * offer waited in the call. */
bool dialog_later_is_over(const struct dialog *g);

#endif
