/* SPDX-License-Identifier: MIT */
/* Session descriptions on the terminal's way: made secure, given their MIKEY messages, and read for
 * the peer's (RFC 4567). */
#ifndef KEYCTX_UE_DESC_H
#define KEYCTX_UE_DESC_H

#include "keyctx/sdp/keymgmt.h"
#include "keyctx/sdp/sdp.h"
#include "keyctx/ue/ue.h"

/* Where messages stand: one for all m-lines, or one for each. */
enum ue_level { UE_LEVEL_SESSION, UE_LEVEL_MEDIA };

/* ERR_SYNTAX, ERR_UNSUPPORTED: no media, or one that is not RTP with keys of SDP. */
enum err ue_desc_parse(struct sdp **out, struct str text, struct why *why) MUST_USE;
/* Profiles become RTP/SAVP(F), or with `secure` false RTP/AVP(F). ERR_EXISTS: the description has
 * keys already. */
enum err ue_desc_prepare(struct sdp *s, bool secure, struct why *why) MUST_USE;

/* What an offer holds: a bit of each enum ue_protection that all its m-lines share. */
unsigned ue_desc_offered(const struct sdp *s);

/* A message that several m-lines share, or one of its own. */
struct ue_part {
	int section;    /* SDP_SESSION, or the m-line it stands at */
	uint32_t lines; /* bit of each m-line it is in force for */
};

/*
 * The parts of a description by where a=key-mgmt:mikey stands: at media level over session level
 * (RFC 4567 3.1). ERR_NOT_FOUND: an m-line without a message. Returns their number in `*n`, at most
 * SDP_MEDIA_MAX + 1 of `out`.
 */
enum err ue_desc_parts(const struct sdp *s, struct ue_part out[SDP_MEDIA_MAX + 1], unsigned *n,
                       struct why *why) MUST_USE;
/* The parts of an offer of our own. */
unsigned ue_desc_make_parts(const struct sdp *s, enum ue_level level,
                            struct ue_part out[SDP_MEDIA_MAX + 1]);

/*
 * Odd crypto sessions carry what the initiator sends, even ones what the responder does: two for
 * each m-line, by its place in the description where the message is the session's (RFC 4567 7.1),
 * else 1 and 2 (the directions are a reading: no text has them).
 */
uint8_t ue_part_cs(const struct ue_part *p, unsigned media, bool of_initiator);

enum err ue_desc_put(struct sdp *s, int section, struct view mikey, struct why *why) MUST_USE;
/* The message that stands at exactly that section; ERR_NOT_FOUND. */
enum err ue_desc_get(const struct sdp *s, int section, struct keymgmt *out,
                     struct why *why) MUST_USE;
/* What the SDP IDs extension of that message must hold (RFC 4567 4.1.4): every protocol of its
 * level, in order, parted by ";". ERR_TOO_BIG. */
enum err ue_desc_protocols(const struct sdp *s, int section, char *out, size_t room) MUST_USE;

/* The SSRC that a=ssrc names first in an m-line. */
bool ue_desc_ssrc(const struct sdp *s, unsigned media, uint32_t *out);

#endif
