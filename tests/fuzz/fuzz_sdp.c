/* SPDX-License-Identifier: MIT */
/* Parses any octets as a session description, reads, edits and prints it. A description that was
 * not edited or corrected is printed unchanged. */
#include <stdlib.h>

#include "keyctx/sdp/media.h"
#include "keyctx/sdp/sdes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks that a corrected description needs no second correction. */
static void expect_settled(struct str text)
{
	static char again[4 * SDP_TEXT_MAX];
	struct sdp *s;
	size_t n;

	if (text.n > SDP_TEXT_MAX)
		return;
	if (sdp_parse(&s, text, NULL) || s->is_repaired || sdp_print(s, again, sizeof(again), &n) ||
	    n != text.n || memcmp(again, text.p, n) != 0)
		abort();
	sdp_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[4 * SDP_TEXT_MAX];
	struct sdp_place place = {.rtp = {.version = 6, .ip = {0x20, 1}, .port = 4},
	                          .rtcp = {.version = 6, .port = 9}};
	struct sdp *s;
	size_t n;

	if (sdp_parse(&s, str_make((const char *)data, size), NULL))
		return 0;
	if (sdp_print(s, text, sizeof(text), &n) ||
	    (!s->is_repaired && (n != size || memcmp(text, data, n) != 0)))
		abort();
	if (s->is_repaired)
		expect_settled(str_make(text, n));
	for (unsigned i = 0; i < s->n_media; i++) {
		struct sdp_transport t;

		(void)!sdp_transport_read(s, i, &t, NULL);
		(void)sdp_is_bundled(s, i);
		(void)!sdp_place_write(s, i, &place, SDP_PROFILE_SAVP);
		(void)!sdp_direction_write(s, i, SDP_INACTIVE);
		(void)sdp_ways_remove(s, (int)i);
	}
	(void)!sdp_session_connection_write(s, &place.rtp, 5);
	(void)!sdp_origin_write(s, &place.rtp);
	sdp_bundle_remove(s);
	if (s->n_media && sdp_media_reject(s, 0))
		abort();
	(void)!sdp_print(s, text, sizeof(text), &n);
	sdp_free(s);
	return 0;
}
