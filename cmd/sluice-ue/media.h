/* SPDX-License-Identifier: MIT */
/* The media of one terminal: sends SRTP frames on a schedule, compares every received octet. */
#ifndef CMD_SLUICE_UE_MEDIA_H
#define CMD_SLUICE_UE_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "keyctx/keyctx.h"

/* RTP, PCMU, 20 ms; RTCP on the same port (RFC 5761). Main thread only. */
struct terminal_media;

struct media_counts {
	uint64_t sent;     /* frames */
	uint64_t received; /* authentic frames */
	uint64_t verified; /* of those: with the octets that were sent */
	uint64_t refused;  /* packets not authentic, replayed, or with a foreign SSRC */
	uint64_t told;     /* frames that the peer sent, according to its last report */
	uint64_t lost;     /* of those: not received when the report arrived */
	uint64_t early;    /* packets received before the keys */
	uint64_t old_key;  /* of received: under the previous key */
	unsigned rekeys;   /* changes of a receive key */
};

enum err media_open(struct terminal_media **out, const struct addr *local,
                    struct why *why) MUST_USE;
void media_close(struct terminal_media *m);
struct addr media_local(const struct terminal_media *m);
int media_fd(const struct terminal_media *m);

struct media_keys {
	const struct keyctx *send, *receive; /* both NULL: RTP in clear */
	uint32_t ssrc;                       /* of what is sent */
	uint32_t peer_ssrc; /* of what is received; 0: that of the first authentic packet */
};

/*
 * New keys, borrowed for the call. Packets received from now on are opened with the new receive key
 * or, while they are on their way, with the one before it. Packets are sent under the old key until
 * media_use_send: an answerer waits until the offerer has the new one. Sequence numbers and ROC
 * continue (RFC 3711 3.3.1).
 */
enum err media_set_keys(struct terminal_media *m, const struct media_keys *keys,
                        struct why *why) MUST_USE;
void media_use_send(struct terminal_media *m);
void media_set_remote(struct terminal_media *m, const struct addr *remote);
/* Starts or stops (hold) sending frames. */
void media_set_sending(struct terminal_media *m, bool on);

/* Sends the frames that are due and a report every half second; receives waiting packets. */
void media_turn(struct terminal_media *m, uint64_t now_ns);
/* Sends a sender report now. */
void media_report(struct terminal_media *m);
struct media_counts media_get_counts(const struct terminal_media *m);

#endif
