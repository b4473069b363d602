/* SPDX-License-Identifier: MIT */
/* Session descriptions of a terminal: sets the profiles, writes MIKEY messages, and
 * reads the peer's (RFC 4567). */
#ifndef KEYCTX_UE_DESC_H
#define KEYCTX_UE_DESC_H

#include "keyctx/sdp/keymgmt.h"
#include "keyctx/sdp/sdp.h"
#include "keyctx/ue/ue.h"

/* The level of the MIKEY messages: one for all m-lines, or one for each. */
enum ue_level { UE_LEVEL_SESSION, UE_LEVEL_MEDIA };

/* Parses a description; the caller owns it. ERR_SYNTAX; ERR_UNSUPPORTED: no m-line, or one that is
 * neither RTP/AVP(F) nor RTP/SAVP(F). */
enum err ue_desc_parse(struct sdp **out, struct str text, struct why *why) MUST_USE;
/* Changes the profiles to RTP/SAVP(F), or to RTP/AVP(F) if `secure` is false. ERR_EXISTS: the
 * description already has keys. */
enum err ue_desc_prepare(struct sdp *s, bool secure, struct why *why) MUST_USE;

/* The protections that all m-lines of an offer share, as bits of enum ue_protection. */
unsigned ue_desc_offered(const struct sdp *s);

/* A MIKEY message and the m-lines that it is for. */
struct ue_part {
	int section;    /* SDP_SESSION, or the m-line that contains it */
	uint32_t lines; /* a bit for each m-line that uses it */
};

/*
 * The parts of a description by the position of a=key-mgmt:mikey; one at media level overrides the
 * one at session level (RFC 4567 3.1). `*n` is their number, at most SDP_MEDIA_MAX + 1.
 * ERR_NOT_FOUND: an m-line without a message.
 */
enum err ue_desc_parts(const struct sdp *s, struct ue_part out[SDP_MEDIA_MAX + 1], unsigned *n,
                       struct why *why) MUST_USE;
/* The parts of an own offer. Returns their number. */
unsigned ue_desc_make_parts(const struct sdp *s, enum ue_level level,
                            struct ue_part out[SDP_MEDIA_MAX + 1]);

/*
 * The CS ID of a stream: odd for what the initiator sends, even for what the responder sends. A
 * message at session level has two for each m-line in order (RFC 4567 7.1), one at media level has
 * 1 and 2. No RFC fixes the directions.
 */
uint8_t ue_part_cs(const struct ue_part *p, unsigned media, bool of_initiator);

enum err ue_desc_put(struct sdp *s, int section, struct view mikey, struct why *why) MUST_USE;
/* The message of exactly that section. ERR_NOT_FOUND. Clear it with keymgmt_clear. */
enum err ue_desc_get(const struct sdp *s, int section, struct keymgmt *out,
                     struct why *why) MUST_USE;
/* What the SDP IDs extension of that message must hold (RFC 4567 4.1.4): all protocols of its
 * level, in order, separated by ";". ERR_TOO_BIG. */
enum err ue_desc_protocols(const struct sdp *s, int section, char *out, size_t room) MUST_USE;

/* The first SSRC of a=ssrc in an m-line; false if there is none. */
bool ue_desc_ssrc(const struct sdp *s, unsigned media, uint32_t *out);

#endif
