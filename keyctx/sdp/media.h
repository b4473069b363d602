/* SPDX-License-Identifier: MIT */
/* Reads and writes what says where media goes: c=, a=rtcp, a=rtcp-mux, direction, ICE, groups. */
#ifndef KEYCTX_SDP_MEDIA_H
#define KEYCTX_SDP_MEDIA_H

#include "base/addr.h"
#include "keyctx/sdp/sdp.h"

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

const char *sdp_direction_name(enum sdp_direction d);
/* As the other side sees it: sendonly becomes recvonly. */
enum sdp_direction sdp_direction_reverse(enum sdp_direction d);

/* Where one m-line wants media, session-level lines included. */
struct sdp_transport {
	struct addr rtp;  /* 0.0.0.0 or ::: hold, the old way (RFC 3264 8.4) */
	struct addr rtcp; /* a=rtcp (RFC 3605), else the next port; of the family of `rtp` */
	bool has_rtcp_attr;
	bool is_held_by_address;
	bool rtcp_mux, rtcp_mux_only; /* RFC 5761, RFC 8858 */
	enum sdp_direction direction;
};

/*
 * ERR_SYNTAX: no address, or an m= line that can't be read; ERR_UNSUPPORTED: a host name, a
 * multicast address, several addresses; ERR_RANGE. Ask only for m-lines whose port is not 0.
 */
enum err sdp_transport_read(const struct sdp *s, unsigned media, struct sdp_transport *out,
                            struct why *why) MUST_USE;

/* The direction of an m-line: its own, else the session's, else sendrecv. */
enum sdp_direction sdp_direction_read(const struct sdp *s, unsigned media);
enum err sdp_direction_write(struct sdp *s, unsigned media, enum sdp_direction d) MUST_USE;

/* What to write into an m-line. */
struct sdp_place {
	struct addr rtp;
	struct addr rtcp; /* for a=rtcp; none: no such line */
	bool rtcp_mux;
	bool full_rtcp;       /* write the address into a=rtcp even if it is that of c= */
	bool held_by_address; /* write 0.0.0.0 or :: as the peer did */
};

/* Writes port and transport of m=, c=, a=rtcp, a=rtcp-mux. The media gets its own c=. ERR_NOMEM. */
enum err sdp_place_write(struct sdp *s, unsigned media, const struct sdp_place *place,
                         enum sdp_profile profile) MUST_USE;

/*
 * Replaces the session-level c= by `addr`. Before that, each m-line without c= that is not in
 * `ours` (bit i: media i) gets a copy of the old one. Does nothing if there is no session-level c=.
 */
enum err sdp_session_connection_write(struct sdp *s, const struct addr *addr,
                                      uint32_t ours) MUST_USE;
/* Replaces the address in o=, or the whole line if it is unreadable. ERR_NOT_FOUND: no o= line. */
enum err sdp_origin_write(struct sdp *s, const struct addr *addr) MUST_USE;
/* Replaces user name ("-" if empty) or session name. ERR_NOT_FOUND: no such line; ERR_SYNTAX. */
enum err sdp_username_write(struct sdp *s, struct str name) MUST_USE;
enum err sdp_session_name_write(struct sdp *s, struct str name) MUST_USE;
/* The version in o=. ERR_SYNTAX. */
enum err sdp_origin_version(const struct sdp *s, uint64_t *version) MUST_USE;
enum err sdp_origin_version_write(struct sdp *s, uint64_t version) MUST_USE;

/*
 * Removes ICE and other attributes that let the other side send media past the gateway, or refuse
 * media from it: further addresses, source filters, realms; at session level also a=rtcp, which
 * has no meaning there. sdp_place_write handles c= and a=rtcp of an m-line. Returns the number of
 * removed lines.
 */
unsigned sdp_ways_remove(struct sdp *s, int section);
/* Removes DTLS-SRTP lines: fingerprint, setup, tls-id, connection. Returns the number removed. */
unsigned sdp_dtls_remove(struct sdp *s, int section);
/* For tests: is the media in an a=group:BUNDLE? */
bool sdp_is_bundled(const struct sdp *s, unsigned media);
/* Removes a=group:BUNDLE and a=bundle-only, so that each m-line keeps its own port. */
void sdp_bundle_remove(struct sdp *s);

#endif
