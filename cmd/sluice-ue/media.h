/* SPDX-License-Identifier: MIT */
/* A session description on the terminal's way: made secure, given its MIKEY message, and read for the peer's (RFC 4567). */
#ifndef CMD_SLUICE_UE_MEDIA_H
#define CMD_SLUICE_UE_MEDIA_H

#include "keyctx/sdp/keymgmt.h"
#include "keyctx/sdp/sdp.h"
#include "base/bytes.h"

/* ERR_IO, ERR_SYNTAX, ERR_UNSUPPORTED: no media, or one that is not RTP. */
enum err media_read(struct sdp **out, const char *file, struct why *why) MUST_USE;

/* The file gets the description with RTP/SAVP(F) profiles and a=key-mgmt at session level. ERR_EXISTS: it has keying of its own already. */
enum err media_write(struct sdp *s, struct view mikey, const char *file, struct why *why) MUST_USE;

/*
 * The MIKEY message of a peer's description: one for all its m-lines. ERR_NOT_FOUND: end-to-end keys were not offered there.
 * ERR_UNSUPPORTED: messages for single m-lines of several.
 */
enum err media_message(struct keymgmt *out, const struct sdp *s, struct why *why) MUST_USE;

/* What the SDP IDs extension of that message must hold (RFC 4567 4.1.4): every protocol offered, in order, parted by ";". ERR_TOO_BIG. */
enum err media_protocols(const struct sdp *s, char *out, size_t room) MUST_USE;

/* The SSRC that a=ssrc names first in an m-line. */
bool media_ssrc(const struct sdp *s, unsigned media, uint32_t *out);

#endif
