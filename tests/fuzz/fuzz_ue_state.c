/* SPDX-License-Identifier: MIT */
/* The state that a terminal stores between two steps, an offer or a call: any octets are read or
 * refused; a call that was read and written stays the same. */
#include "base/secret.h"
#include "keyctx/ue/ue_offer.h"
#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 256 * 1024 };

static uint8_t room[ROOM], again[ROOM];

static void session(struct view octets)
{
	struct rd r = rd_view(octets);
	struct wr w = wr_make(room, ROOM), w2 = wr_make(again, ROOM);
	struct ue_session *s = NULL, *same = NULL;
	struct ue_stream_key k = {0};

	if (ue_session_load(&s, &r))
		return;
	CHECK(!ue_session_save(s, &w));
	r = rd_make(room, wr_len(&w));
	CHECK(!ue_session_load(&same, &r) && !ue_session_save(same, &w2));
	CHECK(wr_len(&w) == wr_len(&w2) && memcmp(room, again, wr_len(&w)) == 0);
	for (unsigned m = 0; m < s->n_media; m++)
		if (!ue_session_key(s, m, true, &k, NULL))
			keyctx_free(k.key);
	ue_session_free(same);
	ue_session_free(s);
}

static void offer(struct view octets)
{
	static const char answer[] =
		"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 "
		"0\r\na=key-mgmt:mikey AQAF\r\nm=audio 4 RTP/SAVP 0\r\n"
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
		"inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\r\n";
	struct rd r = rd_view(octets);
	struct ue_session *s = NULL;
	struct ue_offer *o = NULL;
	struct sdp *sdp = NULL;
	struct why why;

	if (ue_offer_load(&o, &r))
		return;
	if (!ue_desc_parse(&sdp, STR(answer), &why) && !ue_offer_answered(o, sdp, &s, &why))
		ue_session_free(s);
	sdp_free(sdp);
	ue_offer_free(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view octets = {.p = data + 1, .n = size - 1};

	if (!size)
		return 0;
	if (data[0] & 1)
		session(octets);
	else
		offer(octets);
	return 0;
}
