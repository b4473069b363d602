/* SPDX-License-Identifier: MIT */
/* What a leg is sent while nothing of it has verified under its receive key: plain packets, packets
 * under another key, tags of another length. */
#ifndef RELAY_WORKER_UNHEARD_H
#define RELAY_WORKER_UNHEARD_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/relay.h"

struct pkt;

enum {
	UNHEARD_SAMPLE = 16, /* of so many packets that fail, one is tried with the other tag
	                        length; and so many make a finding */
	UNHEARD_ALIKE = 8,   /* octets alike among them that tell plain payload from cipher text,
	                        where 0.5 are alike by chance */
	UNHEARD_HEAD =
		8, /* octets of a payload that are compared with those of the packet before */
};

/* Of a leg, worker only; zeroed: nothing was seen. Nothing here decides whether a packet is let in.
 */
struct unheard {
	uint64_t reported_ns; /* when a finding was last told as an event; 0: never */
	uint32_t ssrc, timestamp;
	uint16_t seq;
	bool has_last;         /* the three above, and `head`, are those of a packet */
	uint8_t finding, reported; /* enum relay_finding */
	uint8_t failed;        /* packets since the last finding */
	uint8_t alike;
	uint8_t n_head;
	uint8_t head[UNHEARD_HEAD];
};

/*
 * Looks at an RTP or RTCP packet as it came, its header_len known. True: it can't be SRTP, for it
 * is RTCP whose lengths fill it, or RTP of a codec of fixed rate with just as many octets as its
 * timestamp went on since the packet before.
 */
bool unheard_look(struct unheard *u, const struct pkt *pkt);

/* Another packet failed. True: this one is to be tried with the other tag length. */
bool unheard_count(struct unheard *u);
/* What is known now; called after unheard_count, with what the trial found. */
void unheard_judge(struct unheard *u, bool has_other_tag);

#endif
