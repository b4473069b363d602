/* SPDX-License-Identifier: MIT */
/* Reads and writes the session descriptions of a terminal. */
#include "keyctx/ue/desc.h"

enum err ue_desc_parse(struct sdp **out, struct str text, struct why *why)
{
	struct sdp *s = NULL;
	enum err e = sdp_parse(&s, text, why);

	if (!e && !s->n_media)
		e = why_fail(why, ERR_UNSUPPORTED, "the description has no m= line");
	for (unsigned m = 0; !e && m < s->n_media; m++)
		if (!sdp_profile_is_rtp(s->media[m].profile) ||
		    sdp_profile_is_dtls(s->media[m].profile))
			e = why_fail(why, ERR_UNSUPPORTED,
			             "the profile of m= line %u must be RTP/AVP(F) or RTP/SAVP(F)",
			             m + 1);
	if (e)
		sdp_free(s);
	else
		*out = s;
	return e;
}

enum err ue_desc_prepare(struct sdp *s, bool secure, struct why *why)
{
	for (unsigned m = 0; m < s->n_media; m++) {
		enum sdp_profile p = sdp_profile_with(s->media[m].profile, secure);

		if (keymgmt_is_present(s, m) || sdp_has_attr(s, (int)m, "crypto"))
			return why_fail(
				why, ERR_EXISTS,
				"m= line %u already has keys; remove a=key-mgmt and a=crypto",
				m + 1);
		if (p != s->media[m].profile &&
		    sdp_media_set(s, m, s->media[m].port, str_of(sdp_profile_name(p))))
			return why_fail(why, ERR_NOMEM, "out of memory");
	}
	return ERR_OK;
}

static bool has_mikey(const struct sdp *s, int section)
{
	struct sdp_line *l = NULL;
	struct str value;

	while ((l = sdp_next_attr(s, section, l, "key-mgmt", &value)))
		if (str_is(str_word(&value), "mikey"))
			return true;
	return false;
}

static unsigned line_offers(const struct sdp *s, unsigned m)
{
	unsigned has = 0;
	struct str value;

	if (!sdp_profile_is_secure(s->media[m].profile))
		return 1u << UE_NONE;
	if (has_mikey(s, (int)m) || has_mikey(s, SDP_SESSION))
		has |= 1u << UE_E2E_KMS;
	/* In an offer to a terminal, the network edge writes a=3ge2ae:applied (TS 24.229 7.5.2). */
	if (sdp_has_attr(s, (int)m, "crypto"))
		has |= 1u << (sdp_next_attr(s, (int)m, NULL, "3ge2ae", &value) ? UE_E2AE
		                                                               : UE_E2E_SDES);
	return has;
}

unsigned ue_desc_offered(const struct sdp *s)
{
	unsigned all = ~0u;

	for (unsigned m = 0; m < s->n_media; m++)
		all &= line_offers(s, m);
	return s->n_media ? all : 0;
}

bool ue_desc_is_secure_without_keys(const struct sdp *s)
{
	bool is = s->n_media && !has_mikey(s, SDP_SESSION);

	for (unsigned m = 0; m < s->n_media; m++)
		is = is && sdp_profile_is_secure(s->media[m].profile) && !has_mikey(s, (int)m) &&
		     !sdp_has_attr(s, (int)m, "crypto");
	return is;
}

enum err ue_desc_parts(const struct sdp *s, struct ue_part out[SDP_MEDIA_MAX + 1], unsigned *n,
                       struct why *why)
{
	struct ue_part shared = {.section = SDP_SESSION};
	bool at_session = has_mikey(s, SDP_SESSION);

	*n = 0;
	for (unsigned m = 0; m < s->n_media; m++) {
		if (has_mikey(s, (int)m))
			out[(*n)++] = (struct ue_part){.section = (int)m, .lines = 1u << m};
		else if (at_session)
			shared.lines |= 1u << m;
		else
			return why_fail(why, ERR_NOT_FOUND, "m= line %u has no a=key-mgmt:mikey",
			                m + 1);
	}
	if (shared.lines)
		out[(*n)++] = shared;
	return ERR_OK;
}

unsigned ue_desc_make_parts(const struct sdp *s, enum ue_level level,
                            struct ue_part out[SDP_MEDIA_MAX + 1])
{
	if (level == UE_LEVEL_SESSION) {
		out[0] = (struct ue_part){.section = SDP_SESSION, .lines = (1u << s->n_media) - 1};
		return 1;
	}
	for (unsigned m = 0; m < s->n_media; m++)
		out[m] = (struct ue_part){.section = (int)m, .lines = 1u << m};
	return s->n_media;
}

uint8_t ue_part_cs(const struct ue_part *p, unsigned media, bool of_initiator)
{
	unsigned place = p->section == SDP_SESSION ? media : 0;

	return (uint8_t)(2 * place + (of_initiator ? 1 : 2));
}

enum err ue_desc_put(struct sdp *s, int section, struct view mikey, struct why *why)
{
	struct keymgmt k = {
		.protocol = STR("mikey"), .octets = (uint8_t *)(uintptr_t)mikey.p, .len = mikey.n};
	enum err e = keymgmt_write(s, section, &k);

	return e ? why_fail(why, e, "a=key-mgmt can't be written: %s", err_meaning(e)) : ERR_OK;
}

enum err ue_desc_get(const struct sdp *s, int section, struct keymgmt *out, struct why *why)
{
	struct keymgmt k = {0};
	enum err e = keymgmt_find_at(&k, s, section, "mikey");

	if (e)
		return section == SDP_SESSION
		               ? why_fail(why, e, "a=key-mgmt:mikey at session level: %s",
		                          err_meaning(e))
		               : why_fail(why, e, "a=key-mgmt:mikey of m= line %d: %s", section + 1,
		                          err_meaning(e));
	*out = k;
	return ERR_OK;
}

enum err ue_desc_protocols(const struct sdp *s, int section, char *out, size_t room)
{
	struct sdp_line *l = NULL;
	struct str value;
	size_t n = 0;

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

bool ue_desc_ssrc(const struct sdp *s, unsigned media, uint32_t *out)
{
	struct str value;
	uint64_t v;

	if (!sdp_next_attr(s, (int)media, NULL, "ssrc", &value) ||
	    str_to_u64(str_word(&value), UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}
