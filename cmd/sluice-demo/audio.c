/* SPDX-License-Identifier: MIT */
/* Reads a WAV file. */
#include "cmd/sluice-demo/audio.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { FILE_MAX_BYTES = 16 << 20, WAVE_FORMAT_MULAW = 7 };

static uint32_t le(const uint8_t *p, unsigned octets)
{
	uint32_t v = 0;

	for (unsigned i = octets; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

static enum err read_file(const char *path, uint8_t **out, size_t *n, struct why *why)
{
	FILE *f = fopen(path, "rb");
	uint8_t *octets = f ? mem_alloc(FILE_MAX_BYTES) : NULL;
	enum err e = ERR_OK;

	if (!f)
		return why_fail(why, ERR_IO, "cannot open audio file %s: %s", path,
		                strerror(errno));
	if (octets)
		*n = fread(octets, 1, FILE_MAX_BYTES, f);
	else
		e = why_fail(why, ERR_NOMEM, "no memory for audio file %s", path);
	fclose(f);
	if (!e)
		*out = octets;
	return e;
}

/* Finds a chunk of a RIFF file; returns false if it is missing or runs past the end of the file. */
static bool find_chunk(const uint8_t *p, size_t n, const char *id, const uint8_t **chunk,
                       size_t *len)
{
	size_t at = 12;

	while (at + 8 <= n) {
		size_t size = le(p + at + 4, 4);

		if (size > n - at - 8)
			return false;
		if (memcmp(p + at, id, 4) == 0) {
			*chunk = p + at + 8;
			*len = size;
			return true;
		}
		at += 8 + size + (size & 1);
	}
	return false;
}

enum err audio_open(struct audio *out, const char *path, struct why *why)
{
	uint8_t *file = NULL;
	const uint8_t *fmt, *data;
	size_t n = 0, fmt_len, data_len;
	enum err e = read_file(path, &file, &n, why);

	if (e)
		return e;
	if (n < 12 || memcmp(file, "RIFF", 4) != 0 || memcmp(file + 8, "WAVE", 4) != 0 ||
	    !find_chunk(file, n, "fmt ", &fmt, &fmt_len) || fmt_len < 16 ||
	    !find_chunk(file, n, "data", &data, &data_len))
		e = why_fail(why, ERR_SYNTAX, "%s is not a WAV file", path);
	else if (le(fmt, 2) != WAVE_FORMAT_MULAW || le(fmt + 2, 2) != 1 || le(fmt + 4, 4) != 8000)
		e = why_fail(why, ERR_UNSUPPORTED, "%s must be mu-law at 8,000 Hz with one channel",
		             path);
	else if (data_len < AUDIO_FRAME_BYTES)
		e = why_fail(why, ERR_TRUNCATED, "%s must hold at least one frame of %d octets",
		             path, AUDIO_FRAME_BYTES);
	if (!e) {
		out->n_frames = data_len / AUDIO_FRAME_BYTES;
		out->samples = mem_dup(data, data_len);
		if (!out->samples)
			e = why_fail(why, ERR_NOMEM, "no memory for audio file %s", path);
	}
	mem_free(file);
	return e;
}

void audio_close(struct audio *a)
{
	mem_free(a->samples);
	a->samples = NULL;
}

const uint8_t *audio_frame(const struct audio *a, uint64_t n)
{
	return a->samples + n % a->n_frames * AUDIO_FRAME_BYTES;
}
