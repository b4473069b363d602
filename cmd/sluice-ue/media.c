/* SPDX-License-Identifier: MIT */
/* Session descriptions of a terminal. */
#include "cmd/sluice-ue/media.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "cmd/sluice-ue/input.h"

enum err media_read(struct sdp **out, const char *file, struct why *why)
{
	struct buf in = {0};
	struct sdp *s = NULL;
	enum err e = input_read(&in, file, why);

	if (!e)
		e = sdp_parse(&s, buf_as_str(&in), why);
	buf_free(&in);
	if (!e && !s->n_media)
		e = why_fail(why, ERR_UNSUPPORTED, "%s: no m= line", file);
	for (unsigned m = 0; !e && m < s->n_media; m++)
		if (!sdp_profile_is_rtp(s->media[m].profile) || sdp_profile_is_dtls(s->media[m].profile))
			e = why_fail(why, ERR_UNSUPPORTED, "%s: m= line %u is neither RTP/AVP(F) nor RTP/SAVP(F)", file, m + 1);
	if (e)
		sdp_free(s);
	else
		*out = s;
	return e;
}

static enum err make_secure(struct sdp *s, struct why *why)
{
	for (unsigned m = 0; m < s->n_media; m++) {
		if (keymgmt_is_present(s, m) || sdp_has_attr(s, (int)m, "crypto"))
			return why_fail(why, ERR_EXISTS, "m= line %u has keys already (a=key-mgmt or a=crypto)", m + 1);
		if (sdp_media_set(s, m, s->media[m].port, str_of(sdp_profile_name(sdp_profile_with(s->media[m].profile, true)))))
			return why_fail(why, ERR_NOMEM, "out of memory");
	}
	return ERR_OK;
}

static enum err print_to(const struct sdp *s, const char *file, struct why *why)
{
	size_t room = sdp_length(s), n = 0;
	char *text = mem_alloc(room + 1);
	FILE *f = NULL;
	enum err e = text ? sdp_print(s, text, room, &n) : ERR_NOMEM;

	if (e)
		e = why_fail(why, e, "the description can't be written: %s", err_meaning(e));
	else if (!(f = fopen(file, "wb")))
		e = why_fail(why, ERR_IO, "%s: %s", file, strerror(errno));
	if (f) {
		bool ok = fwrite(text, 1, n, f) == n;

		if (fclose(f) || !ok)
			e = why_fail(why, ERR_IO, "%s: can't be written", file);
	}
	mem_free(text);
	return e;
}

enum err media_write(struct sdp *s, struct view mikey, const char *file, struct why *why)
{
	struct keymgmt k = {.protocol = STR("mikey"), .octets = (uint8_t *)mikey.p, .len = mikey.n};
	enum err e = make_secure(s, why);

	if (e)
		return e;
	e = keymgmt_write(s, SDP_SESSION, &k);
	return e ? why_fail(why, e, "a=key-mgmt: %s", err_meaning(e)) : print_to(s, file, why);
}

enum err media_message(struct keymgmt *out, const struct sdp *s, struct why *why)
{
	struct keymgmt k;
	enum err e = keymgmt_find(&k, s, 0, "mikey");

	if (e)
		return why_fail(why, e, "a=key-mgmt:mikey: %s", err_meaning(e));
	for (unsigned m = 0; s->n_media > 1 && m < s->n_media; m++)
		if (!k.is_session_level || sdp_has_attr(s, (int)m, "key-mgmt")) {
			keymgmt_clear(&k);
			return why_fail(why, ERR_UNSUPPORTED, "a=key-mgmt of single m= lines, of several");
		}
	*out = k;
	return ERR_OK;
}

enum err media_protocols(const struct sdp *s, char *out, size_t room)
{
	int section = sdp_has_attr(s, SDP_SESSION, "key-mgmt") ? SDP_SESSION : 0;
	struct sdp_line *l = NULL;
	struct str value;
	size_t n = 0;

	if (s->n_media && sdp_has_attr(s, 0, "key-mgmt"))
		section = 0;
	while ((l = sdp_next_attr(s, section, l, "key-mgmt", &value))) {
		struct str word = str_word(&value);

		if (n + word.n + 2 > room)
			return ERR_TOO_BIG;
		if (n)
			out[n++] = ';';
		memcpy(out + n, word.p, word.n);
		n += word.n;
	}
	out[n] = '\0';
	return ERR_OK;
}

bool media_ssrc(const struct sdp *s, unsigned media, uint32_t *out)
{
	struct str value;
	uint64_t v;

	if (!sdp_next_attr(s, (int)media, NULL, "ssrc", &value) || str_to_u64(str_word(&value), UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}
