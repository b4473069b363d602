/* SPDX-License-Identifier: MIT */
/* The audio that a demo endpoint plays: a WAV file of G.711 mu-law, read as a whole. */
#ifndef CMD_SLUICE_DEMO_AUDIO_H
#define CMD_SLUICE_DEMO_AUDIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { AUDIO_FRAME_BYTES = 160, AUDIO_FRAME_MS = 20 }; /* 8,000 octets a second, RFC 3551 4.5.14 */

/* The audio of a WAV file. The caller frees it with audio_close. */
struct audio {
	uint8_t *samples;
	/* number of whole frames; a partial frame at the end of the file is not played */
	size_t n_frames;
};

/* Reads the file. ERR_IO, ERR_SYNTAX (not RIFF/WAVE), ERR_UNSUPPORTED (not mu-law, 8,000 Hz, mono),
 * ERR_TRUNCATED (less than one frame), ERR_NOMEM. */
enum err audio_open(struct audio *out, const char *path, struct why *why) MUST_USE;
void audio_close(struct audio *a);
/* Returns frame `n`; after its last frame the audio starts again. */
const uint8_t *audio_frame(const struct audio *a, uint64_t n);

#endif
