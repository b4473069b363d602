/* SPDX-License-Identifier: MIT */
/* Compound RTCP: is it that at all, and which SSRCs does it name (RFC 3550 6, 3611, 4585, 5104,
 * 5506)? */
#ifndef RELAY_PACKET_RTCP_H
#define RELAY_PACKET_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A packet of version 2 that names who sends it: what must be readable of RTCP to relay it. What
 * stands behind it is nobody's business here. */
bool rtcp_has_sender(const uint8_t *p, size_t n);
/* The same, and packets of version 2 of RTCP's types (RFC 5761 4) follow each other to the last
 * octet: what tells clear RTCP from RTP. Padding is not looked at. */
bool rtcp_fills(const uint8_t *p, size_t n);
/* The same of SRTCP, of which only the first header can be read: its length leaves room for the
 * index and a tag (RFC 3711 3.4). */
bool srtcp_may_fill(const uint8_t *p, size_t n);

/* How the SSRCs of a packet that crosses from one leg to the other are renamed. */
struct rtcp_names {
	uint32_t (*source)(void *arg,
	                   uint32_t ssrc); /* either NULL: kept as they are. Of the sender's side:
	                                      who sends, describes itself, leaves */
	uint32_t (*target)(void *arg,
	                   uint32_t ssrc); /* of the other side: whom it reports on or asks */
	void *arg;
};

/*
 * Renames in place every SSRC that can be found, as far as the packets go: SR, RR and their blocks,
 * SDES, BYE, APP, XR (loss, duplicates, receipt times, DLRR, summary, VoIP), transport and payload
 * feedback with the entries of TMMBR, TMMBN, FIR, TSTR, TSTN, VBCM and REMB.
 */
void rtcp_rename(uint8_t *p, size_t n, const struct rtcp_names *names);

#endif
