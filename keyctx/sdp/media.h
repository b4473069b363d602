/* SPDX-License-Identifier: MIT */
/* Where a media flows according to its lines: c=, a=rtcp, a=rtcp-mux, direction, ICE and groups;
 * read and rewrite. */
#ifndef KEYCTX_SDP_MEDIA_H
#define KEYCTX_SDP_MEDIA_H

#include "base/addr.h"
#include "keyctx/sdp/sdp.h"

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

const char *sdp_direction_name(enum sdp_direction d);
/* As the other side sees it: sendonly becomes recvonly. */
enum sdp_direction sdp_direction_reverse(enum sdp_direction d);

/* What one m-line says of its receive address, session-level lines included. */
struct sdp_transport {
	struct addr rtp;  /* where media is wanted; 0.0.0.0 or :: is the old way to hold (RFC
	                     3264 8.4) */
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

/* The direction in force at a section (media over session over sendrecv). */
enum sdp_direction sdp_direction_read(const struct sdp *s, unsigned media);
enum err sdp_direction_write(struct sdp *s, unsigned media, enum sdp_direction d) MUST_USE;

/* What our m-line shall say. */
struct sdp_place {
	struct addr rtp;
	struct addr rtcp; /* none: with rtcp_mux the same port, else the next one, and no a=rtcp
	                     line is written */
	bool rtcp_mux;
	bool full_rtcp;       /* a=rtcp with its address even where it is that of c= */
	bool held_by_address; /* write 0.0.0.0 or :: as the peer did */
};

/* m= port and transport, c=, a=rtcp, a=rtcp-mux. The media gets a c= line of its own. ERR_NOMEM. */
enum err sdp_place_write(struct sdp *s, unsigned media, const struct sdp_place *place,
                         enum sdp_profile profile) MUST_USE;

/*
 * Replaces the session-level c= by `addr`, after giving each m-line that is not in `ours` (a bit
 * for each media) and has no c= of its own a copy of the old one. Nothing without a session-level
 * c=.
 */
enum err sdp_session_connection_write(struct sdp *s, const struct addr *addr,
                                      uint32_t ours) MUST_USE;
/* Replaces the address in o=, or the whole line where it can't be read. ERR_NOT_FOUND: there is
 * none. */
enum err sdp_origin_write(struct sdp *s, const struct addr *addr) MUST_USE;
/* Replaces user name ("-" if empty) or session name. ERR_NOT_FOUND: no such line; ERR_SYNTAX. */
enum err sdp_username_write(struct sdp *s, struct str name) MUST_USE;
enum err sdp_session_name_write(struct sdp *s, struct str name) MUST_USE;
/* The id and version of o=; ERR_SYNTAX. */
enum err sdp_origin_version(const struct sdp *s, uint64_t *version) MUST_USE;
enum err sdp_origin_version_write(struct sdp *s, uint64_t version) MUST_USE;

/*
 * Takes out ICE and all else by which the other side could send media past us, or would refuse what
 * comes from us: other addresses, source filters, realms; of the session section a=rtcp, which has
 * no meaning there, too. An m-line's own c= and a=rtcp are sdp_place_write's. Returns how many
 * went.
 */
unsigned sdp_ways_remove(struct sdp *s, int section);
/* DTLS-SRTP lines: fingerprint, setup, tls-id. */
unsigned sdp_dtls_remove(struct sdp *s, int section);
/* For tests: is the media in an a=group:BUNDLE? */
bool sdp_is_bundled(const struct sdp *s, unsigned media);
/* Takes a=group:BUNDLE and a=bundle-only out, so that each m-line keeps a port of its own. */
void sdp_bundle_remove(struct sdp *s);

#endif
