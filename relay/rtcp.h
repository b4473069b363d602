/* SPDX-License-Identifier: MIT */
/* Compound RTCP: is it well formed, and which SSRCs does it name (RFC 3550 6, 3611, 4585, 5104, 5506)? */
#ifndef RELAY_RTCP_H
#define RELAY_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One or more packets of version 2 whose lengths add up to `n`, padding on the last only; the first has an SSRC. It need not begin with a report
 * (reduced size, RFC 5506). Types that are not known pass.
 */
bool rtcp_is_valid(const uint8_t *p, size_t n);

/* How the SSRCs of a packet that crosses from one leg to the other are renamed. */
struct rtcp_names {
	uint32_t (*source)(void *arg, uint32_t ssrc); /* either NULL: kept as they are. Of the sender's side: who sends, describes itself, leaves */
	uint32_t (*target)(void *arg, uint32_t ssrc); /* of the other side: whom it reports on or asks */
	void *arg;
};

/*
 * Renames in place every SSRC of a valid packet: SR, RR and their blocks, SDES, BYE, APP, XR (loss, duplicates, receipt times, DLRR, summary,
 * VoIP), transport and payload feedback with the entries of TMMBR, TMMBN, FIR, TSTR, TSTN, VBCM and REMB.
 */
void rtcp_rename(uint8_t *p, size_t n, const struct rtcp_names *names);

#endif
