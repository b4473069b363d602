/* SPDX-License-Identifier: MIT */
/* The session descriptions of a terminal: sets profiles, writes MIKEY messages, and reads those of
 * the peer (RFC 4567). */
#ifndef KEYCTX_UE_DESC_H
#define KEYCTX_UE_DESC_H

#include "keyctx/sdp/keymgmt.h"
#include "keyctx/sdp/sdp.h"
#include "keyctx/ue/ue.h"

/* Where the MIKEY messages are: one message at session level for all m-lines, or one in each
 * m-line. */
enum ue_level { UE_LEVEL_SESSION, UE_LEVEL_MEDIA };

/* Parses a description; the caller owns it. ERR_SYNTAX. ERR_UNSUPPORTED: it has no m-line, or an
 * m-line that is neither RTP/AVP(F) nor RTP/SAVP(F). */
enum err ue_desc_parse(struct sdp **out, struct str text, struct why *why) MUST_USE;
/* Changes the profiles to RTP/SAVP(F), or to RTP/AVP(F) if `secure` is false. ERR_EXISTS: the
 * description already has keys. */
enum err ue_desc_prepare(struct sdp *s, bool secure, struct why *why) MUST_USE;

/* Returns the protections that all m-lines of an offer share, as bits of enum ue_protection. */
unsigned ue_desc_offered(const struct sdp *s);

/* Returns true if all m-lines are RTP/SAVP(F), and there are no keys: the answer to an offer that
 * asks for no TRANSFER_RESP. */
bool ue_desc_is_secure_without_keys(const struct sdp *s);

/* The place of a MIKEY message, and the m-lines for which it has keys. */
struct ue_part {
	int section;    /* SDP_SESSION, or the index of the m-line that contains the message */
	uint32_t lines; /* bit m is set if m-line m uses the message */
};

/*
 * Finds the MIKEY messages (a=key-mgmt:mikey) of a description. A message at media level overrides
 * the one at session level (RFC 4567 3.1). `*n` is the number of parts, at most SDP_MEDIA_MAX + 1.
 * ERR_NOT_FOUND: an m-line has no message.
 */
enum err ue_desc_parts(const struct sdp *s, struct ue_part out[SDP_MEDIA_MAX + 1], unsigned *n,
                       struct why *why) MUST_USE;
/* Lists the parts for an offer of this terminal. Returns their number. */
unsigned ue_desc_make_parts(const struct sdp *s, enum ue_level level,
                            struct ue_part out[SDP_MEDIA_MAX + 1]);

/*
 * Returns the CS ID of a stream: odd if the initiator sends it, even if the responder sends it. A
 * message at session level has two CS IDs for each m-line, in order (RFC 4567 7.1); a message at
 * media level has 1 and 2. No RFC assigns the CS IDs to directions.
 */
uint8_t ue_part_cs(const struct ue_part *p, unsigned media, bool of_initiator);

enum err ue_desc_put(struct sdp *s, int section, struct view mikey, struct why *why) MUST_USE;
/* Reads the message of `section`, never that of another level. ERR_NOT_FOUND. The caller clears it
 * with keymgmt_clear. */
enum err ue_desc_get(const struct sdp *s, int section, struct keymgmt *out,
                     struct why *why) MUST_USE;
/* Writes the value that the SDP IDs extension of the message in `section` must have (RFC 4567
 * 4.1.4): all protocols of that level, in order, separated by ";". ERR_TOO_BIG. */
enum err ue_desc_protocols(const struct sdp *s, int section, char *out, size_t room) MUST_USE;

/* Reads the SSRC in the first a=ssrc of an m-line; returns false if there is none. */
bool ue_desc_ssrc(const struct sdp *s, unsigned media, uint32_t *out);

#endif
