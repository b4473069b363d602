/* SPDX-License-Identifier: MIT */
/* Compound RTCP: tells whether a packet is RTCP, and renames its SSRCs (RFC 3550 6,
 * 3611, 4585, 5104, 5506). */
#ifndef RELAY_PACKET_RTCP_H
#define RELAY_PACKET_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True for a packet of version 2 that names the SSRC of its sender, which the relay needs. What
 * follows is not checked. */
bool rtcp_has_sender(const uint8_t *p, size_t n);
/* True if rtcp_has_sender is true and the packets (version 2, an RTCP type of RFC 5761 4) follow
 * each other up to the last octet. It distinguishes plain RTCP from RTP. Padding is not checked. */
bool rtcp_fills(const uint8_t *p, size_t n);
/* The check of rtcp_fills for SRTCP, where only the first header is readable: its length must leave
 * room for the index and a tag (RFC 3711 3.4). */
bool srtcp_may_fill(const uint8_t *p, size_t n);

/* Functions that give the new SSRCs of an RTCP packet that crosses from one leg to the other. */
struct rtcp_names {
	/* new SSRC of a source on the sender's side: sender, described (SDES), leaving (BYE); NULL:
	 * unchanged */
	uint32_t (*source)(void *arg, uint32_t ssrc);
	/* new SSRC of a source on the other side: reported on, or asked for something; NULL:
	 * unchanged */
	uint32_t (*target)(void *arg, uint32_t ssrc);
	void *arg;
};

/*
 * Renames in place every SSRC that it finds, up to the end of the last complete packet: SR, RR and
 * their blocks, SDES, BYE, APP, XR (loss, duplicates, receipt times, DLRR, summary, VoIP),
 * transport and payload feedback with the entries of TMMBR, TMMBN, FIR, TSTR, TSTN, VBCM and REMB.
 */
void rtcp_rename(uint8_t *p, size_t n, const struct rtcp_names *names);

#endif
