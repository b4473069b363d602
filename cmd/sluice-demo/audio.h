/* SPDX-License-Identifier: MIT */
/* The audio a demo endpoint plays: a WAV file of G.711 mu-law, read whole. */
#ifndef CMD_SLUICE_DEMO_AUDIO_H
#define CMD_SLUICE_DEMO_AUDIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { AUDIO_FRAME_BYTES = 160, AUDIO_FRAME_MS = 20 }; /* 8,000 octets a second, RFC 3551 4.5.14 */

/* Owned by the caller: audio_close. */
struct audio {
	uint8_t *samples;
	size_t n_frames; /* whole frames; the rest of the file is not played */
};

/* ERR_IO, ERR_SYNTAX (not RIFF/WAVE), ERR_UNSUPPORTED (not mu-law, 8,000 Hz, mono), ERR_NOMEM. */
enum err audio_open(struct audio *out, const char *path, struct why *why) MUST_USE;
void audio_close(struct audio *a);
/* Frame `n` of endless play; after its end the file starts again. */
const uint8_t *audio_frame(const struct audio *a, uint64_t n);

#endif
