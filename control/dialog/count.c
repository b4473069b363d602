/* SPDX-License-Identifier: MIT */
/*
 * Each side has its own count of m-lines (RFC 3264 6 and 8). The SDP for a side has as many m-lines
 * as that side counts, whatever the other side wrote. An m-line that a description omits is off;
 * m-lines of an answer beyond those of the offer are dropped.
 */
#include "control/dialog/media.h"

#include <stdio.h>

static enum err append(struct sdp *s, const struct dialog_media *m, enum offer_side side)
{
	const char *profile = m ? sdp_profile_name(m->side[side].profile) : "";

	return sdp_media_append(s, str_of(m ? m->kind : ""),
	                        str_of(profile[0] || !m ? profile : m->proto));
}

static enum err append_missing(struct sdp *s, unsigned n, const struct dialog_exchange *x,
                               enum offer_side side)
{
	enum err e = ERR_OK;

	while (s->n_media < n && s->n_media < SDP_MEDIA_MAX && !e)
		e = append(s, s->n_media < x->n_media ? &x->media[s->n_media] : NULL, side);
	return e;
}

enum err dialog_count_read(struct sdp *s, const struct dialog_exchange *x, enum offer_side by,
                           bool is_answer)
{
	if (x && is_answer && s->n_media > x->n_media)
		s->n_media = x->n_media;
	return x ? append_missing(s, x->n_media, x, by) : ERR_OK;
}

void dialog_count_note(struct dialog_exchange *x, const struct dialog_exchange *now,
                       const struct sdp *s)
{
	unsigned known = now ? now->n_lines[!x->from] : 0;

	x->n_lines[x->from] = s->n_said;
	x->n_lines[!x->from] = known > x->n_media ? known : x->n_media;
	for (unsigned i = 0; i < x->n_media; i++) {
		snprintf(x->media[i].kind, sizeof(x->media[i].kind), "%.*s",
		         STR_ARG(s->media[i].kind));
		snprintf(x->media[i].proto, sizeof(x->media[i].proto), "%.*s",
		         STR_ARG(s->media[i].proto));
	}
}

enum err dialog_count_write(struct sdp *s, const struct dialog_exchange *x, enum offer_side to)
{
	unsigned n = x->n_lines[to];
	enum err e;

	if (s->n_media > n)
		s->n_media = n;
	e = append_missing(s, n, x, to);
	for (unsigned i = SDP_MEDIA_MAX; i < n && !e; i++)
		e = sdp_line_add(s, (int)s->n_media - 1, NULL, 'm', STR("audio 0 RTP/AVP 0"));
	return e;
}
