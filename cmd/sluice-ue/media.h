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
struct ue_media;

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

enum err media_open(struct ue_media **out, const struct addr *local, struct why *why) MUST_USE;
void media_close(struct ue_media *m);
struct addr media_local(const struct ue_media *m);
int media_fd(const struct ue_media *m);

/*
 * New keys; NULLs: RTP in clear. What is received is opened with them from now on, and with the
 * receive key before, for packets that are on their way. What is sent stays under the old key until
 * media_use_send: an answerer waits until the offerer has the new one. Sequence numbers and ROC go
 * on (RFC 3711 3.3.1). `peer_ssrc` 0: any, learned from what authenticates. Keys are borrowed for
 * the call.
 */
enum err media_set_keys(struct ue_media *m, const struct keyctx *send, uint32_t ssrc,
                        const struct keyctx *receive, uint32_t peer_ssrc, struct why *why) MUST_USE;
void media_use_send(struct ue_media *m);
void media_set_remote(struct ue_media *m, const struct addr *remote);
/* Frames leave, or (hold) do not. */
void media_set_sending(struct ue_media *m, bool on);

/* Sends what is due, frames and every half second a report; takes in what waits. */
void media_turn(struct ue_media *m, uint64_t now_ns);
/* When media_turn has something to send next; UINT64_MAX: not before a change. */
uint64_t media_next_ns(const struct ue_media *m);
/* A sender report at once: what was sent so far. */
void media_report(struct ue_media *m);
struct media_counts media_get_counts(const struct ue_media *m);

#endif
