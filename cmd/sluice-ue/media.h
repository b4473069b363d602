/* SPDX-License-Identifier: MIT */
/* The media of one terminal of a call: SRTP frames out on a schedule, SRTP in, every octet checked.
 */
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
	uint64_t received; /* frames that authenticated */
	uint64_t verified; /* of those: with the octets their sender made */
	uint64_t refused;  /* packets that did not authenticate, were replayed, or came under a
	                      foreign SSRC */
	uint64_t told;     /* frames the peer says it sent (its last sender report) */
	uint64_t lost;     /* of those: not here when the report was */
	uint64_t early;    /* packets before there were keys */
	uint64_t old_key;  /* of received: under the key before the last one */
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
 * media_use_send: an answerer waits until the offerer has the new one. Sequence numbers and ROC go
 * on (RFC 3711 3.3.1).
 */
enum err media_set_keys(struct terminal_media *m, const struct media_keys *keys,
                        struct why *why) MUST_USE;
void media_use_send(struct terminal_media *m);
void media_set_remote(struct terminal_media *m, const struct addr *remote);
/* Frames leave, or (hold) do not. */
void media_set_sending(struct terminal_media *m, bool on);

/* Sends what is due, frames and every half second a report; takes in what waits. */
void media_turn(struct terminal_media *m, uint64_t now_ns);
/* A sender report at once: what was sent so far. */
void media_report(struct terminal_media *m);
struct media_counts media_get_counts(const struct terminal_media *m);

#endif
