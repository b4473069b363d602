/* SPDX-License-Identifier: MIT */
/* The media of one terminal: sends SRTP frames on a schedule, and compares every received octet
 * with what was sent. */
#ifndef CMD_SLUICE_UE_MEDIA_H
#define CMD_SLUICE_UE_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "keyctx/keyctx.h"

/* Carries RTP with PCMU frames of 20 ms, and RTCP on the same port (RFC 5761). Main thread only. */
struct terminal_media;

struct media_counts {
	uint64_t sent;     /* frames sent */
	uint64_t received; /* authentic frames received */
	uint64_t verified; /* received frames with exactly the octets that were sent */
	/* packets that are not authentic, replayed, or from an unexpected SSRC */
	uint64_t refused;
	uint64_t told;    /* frames that the peer sent, according to its last report */
	uint64_t lost;    /* frames counted in `told` that had not arrived when the report came */
	uint64_t early;   /* packets received before any keys were set */
	uint64_t old_key; /* received frames that needed the previous key */
	unsigned rekeys;  /* changes of the receive key */
};

enum err media_open(struct terminal_media **out, const struct addr *local,
                    struct why *why) MUST_USE;
void media_close(struct terminal_media *m);
struct addr media_local(const struct terminal_media *m);
int media_fd(const struct terminal_media *m);

struct media_keys {
	const struct keyctx *send, *receive; /* both NULL: plain RTP */
	uint32_t ssrc;                       /* SSRC of the sent stream; 0: unchanged */
	/* SSRC of the received stream; 0: taken from the first authentic packet */
	uint32_t peer_ssrc;
};

/*
 * Sets new keys, which are copied. Received packets are decrypted with the new receive key, or else
 * with the previous one. Packets are sent with the old key until media_use_send, because an
 * answerer must wait until the offerer has the new key. Sequence numbers and ROC continue (RFC 3711
 * 3.3.1).
 */
enum err media_set_keys(struct terminal_media *m, const struct media_keys *keys,
                        struct why *why) MUST_USE;
void media_use_send(struct terminal_media *m);
void media_set_remote(struct terminal_media *m, const struct addr *remote);
/* Starts sending frames, or stops it (hold). */
void media_set_sending(struct terminal_media *m, bool on);

/* Sends the frames that are due, and a report every half second; receives waiting packets. */
void media_turn(struct terminal_media *m, uint64_t now_ns);
/* Sends an RTCP sender report now. */
void media_report(struct terminal_media *m);
struct media_counts media_get_counts(const struct terminal_media *m);

#endif
