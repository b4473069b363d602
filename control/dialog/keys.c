/* SPDX-License-Identifier: MIT */
/* Keys of earlier agreements. An m-line that is off, or carried without SRTP, keeps its last keys.
 * Offer and answer are checked for keys that the session would refuse because of earlier use. */
#include "control/dialog/media.h"

static enum err remember_side(struct dialog_side *side, const struct dialog_side *before)
{
	enum err e;

	if (side->theirs.n_keys || side->ours.n_keys)
		return ERR_OK;
	e = sdes_line_copy(&side->theirs, &before->theirs);
	return e ? e : sdes_line_copy(&side->ours, &before->ours);
}

enum err dialog_remember_keys(struct dialog_exchange *x, const struct dialog_exchange *now)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; now && i < x->n_media && i < now->n_media && !e; i++)
		for (unsigned k = 0; k < 2 && !e; k++)
			e = remember_side(&x->media[i].side[k], &now->media[i].side[k]);
	return e;
}

bool dialog_is_spent(const struct sdes_line *l, bool is_send, const struct dialog_options *o)
{
	for (unsigned i = 0; o->judge && i < l->n_keys; i++)
		if (o->judge->refuses(o->judge->arg, l->keys[i], is_send))
			return true;
	return false;
}

void dialog_judge_spent(struct sdes_list *list, const struct dialog_options *o)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->lines[i].fault == SDES_USABLE &&
		    dialog_is_spent(&list->lines[i], false, o))
			list->lines[i].fault = SDES_SPENT_KEY;
}
