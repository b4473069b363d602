/* SPDX-License-Identifier: MIT */
/* Diagnoses what a leg receives while nothing verifies under its receive key: plain packets,
 * another key, or another tag length (docs/decisions/0055-unheard.md). */
#ifndef RELAY_WORKER_UNHEARD_H
#define RELAY_WORKER_UNHEARD_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/relay.h"

struct pkt;

enum {
	/* failed packets in a sample; the first one is tried with the other tag length */
	UNHEARD_SAMPLE = 16,
	/* a sample with this many repeated octets is plain; ciphertext repeats 0.5 octets on
	 * average */
	UNHEARD_ALIKE = 8,
	/* octets at the start of a payload that are compared with the previous packet */
	UNHEARD_HEAD = 8,
};

/* State of a leg; starts zeroed. It only explains failures and never decides whether a packet is
 * accepted. Worker only. */
struct unheard {
	uint64_t reported_ns; /* when nothing-authentic was last raised; 0: never */
	uint32_t ssrc, timestamp;
	uint16_t seq;
	/* ssrc, timestamp, seq and head are those of the previous packet */
	bool has_last;
	uint8_t finding, reported; /* enum relay_finding */
	uint8_t failed;            /* failed packets in the present sample */
	uint8_t alike;             /* octets that repeated in the present sample */
	uint8_t n_head;
	uint8_t head[UNHEARD_HEAD];
};

/* Looks at a received RTP or RTCP packet whose header_len is set. True: it cannot be SRTP. It is
 * RTCP whose length fields fill it, or RTP of a fixed-rate codec with exactly the octets by which
 * the timestamp advanced since the previous packet. */
bool unheard_look(struct unheard *u, const struct pkt *pkt);

/* Counts a failed packet. True: try this one with the other tag length. */
bool unheard_count(struct unheard *u);
/* Updates the finding. Call it after unheard_count, with the result of that try. */
void unheard_judge(struct unheard *u, bool has_other_tag);

#endif
