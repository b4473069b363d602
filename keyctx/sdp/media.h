/* SPDX-License-Identifier: MIT */
/* Reads and writes the SDP lines that say where media goes: c=, a=rtcp, a=rtcp-mux, direction, ICE,
 * groups. */
#ifndef KEYCTX_SDP_MEDIA_H
#define KEYCTX_SDP_MEDIA_H

#include "base/addr.h"
#include "keyctx/sdp/sdp.h"

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

const char *sdp_direction_name(enum sdp_direction d);
/* Returns the direction that the other side sees: recvonly for sendonly, and the reverse. */
enum sdp_direction sdp_direction_reverse(enum sdp_direction d);

/* Where the sender of a description wants to receive media for one m-line. Session-level lines are
 * taken into account. */
struct sdp_transport {
	struct addr rtp; /* 0.0.0.0 or "::" means hold, the older way (RFC 3264 8.4) */
	/* From a=rtcp (RFC 3605); else the RTP port with rtcp-mux, the RTP port + 1 without. Has
	 * the address family of `rtp`. */
	struct addr rtcp;
	bool has_rtcp_attr;
	bool is_held_by_address;
	bool rtcp_mux, rtcp_mux_only; /* a=rtcp-mux (RFC 5761), a=rtcp-mux-only (RFC 8858) */
	enum sdp_direction direction;
};

/* Reads where media for one m-line goes. Call it only for m-lines whose port is not 0. ERR_SYNTAX:
 * no address, or an unreadable m= line; ERR_UNSUPPORTED: a host name, a multicast address, or
 * several addresses; ERR_RANGE: no port is left for RTCP. */
enum err sdp_transport_read(const struct sdp *s, unsigned media, struct sdp_transport *out,
                            struct why *why) MUST_USE;

/* Returns the direction of an m-line: from the m-line, else from session level, else sendrecv. */
enum sdp_direction sdp_direction_read(const struct sdp *s, unsigned media);
enum err sdp_direction_write(struct sdp *s, unsigned media, enum sdp_direction d) MUST_USE;

/* Addresses and ports to write into an m-line. */
struct sdp_place {
	struct addr rtp;
	struct addr rtcp; /* for a=rtcp; addr_is_none: no a=rtcp line */
	bool rtcp_mux;
	bool full_rtcp;       /* write the address into a=rtcp even if c= has the same one */
	bool held_by_address; /* write 0.0.0.0 or :: into c=, because the peer signals hold so */
};

/* Writes port and transport into m=, and writes c=, a=rtcp and a=rtcp-mux. The m-line gets its own
 * c= line. ERR_NOMEM. */
enum err sdp_place_write(struct sdp *s, unsigned media, const struct sdp_place *place,
                         enum sdp_profile profile) MUST_USE;

/* Replaces the address in the session-level c= by `addr`. Before that, copies the old c= into each
 * m-line that has no c=, whose port is not 0, and that is not in `ours` (bit i: media i). Does
 * nothing if there is no session-level c=. */
enum err sdp_session_connection_write(struct sdp *s, const struct addr *addr,
                                      uint32_t ours) MUST_USE;
/* Replaces the address in o=, or the whole line if it is unreadable. ERR_NOT_FOUND: no o= line. */
enum err sdp_origin_write(struct sdp *s, const struct addr *addr) MUST_USE;
/* Replace the user name in o= or the session name in s=; an empty `name` becomes "-".
 * ERR_NOT_FOUND: there is no such line; ERR_SYNTAX: the o= line is unreadable, or `name` has a line
 * end. */
enum err sdp_username_write(struct sdp *s, struct str name) MUST_USE;
enum err sdp_session_name_write(struct sdp *s, struct str name) MUST_USE;
/* Reads the version in o=. ERR_NOT_FOUND: no o= line; ERR_SYNTAX, ERR_RANGE: it is unreadable. */
enum err sdp_origin_version(const struct sdp *s, uint64_t *version) MUST_USE;
enum err sdp_origin_version_write(struct sdp *s, uint64_t version) MUST_USE;

/*
 * Removes attributes that would let the peer send media past the gateway or reject media from the
 * gateway: ICE, alternative addresses, source filters, realms. At session level it also removes
 * a=rtcp, which has no meaning there. sdp_place_write handles c= and a=rtcp of an m-line. Returns
 * the number of removed lines.
 */
unsigned sdp_ways_remove(struct sdp *s, int section);
/* Removes DTLS-SRTP lines: fingerprint, setup, tls-id, connection. Returns the number of removed
 * lines. */
unsigned sdp_dtls_remove(struct sdp *s, int section);
/* For tests: returns true if an a=group:BUNDLE line names the media. */
bool sdp_is_bundled(const struct sdp *s, unsigned media);
/* Removes a=group:BUNDLE and a=bundle-only, so that each m-line keeps its own port. */
void sdp_bundle_remove(struct sdp *s);

#endif
