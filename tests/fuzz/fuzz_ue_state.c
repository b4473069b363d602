/* SPDX-License-Identifier: MIT */
/* The state that a terminal stores between two steps, an offer, a call or its replay cache: any
 * octets are read or refused; a call that was read and written stays the same. */
#include "base/secret.h"
#include "keyctx/ue/seen.h"
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

/* A replay cache refuses or takes any mark; shrinking it forgets no record that still counts. */
static void seen(struct view octets)
{
	struct ue_mark m = {.kind = UE_MARK_MESSAGE};
	struct wr w = wr_make(room, ROOM);
	enum err before;

	if (octets.n < sizeof(m.key) || octets.n + UE_SEEN_RECORD > ROOM)
		return;
	memcpy(m.key, octets.p + octets.n - sizeof(m.key), sizeof(m.key));
	before = ue_seen_check(octets, &m, 1, 0, NULL);
	ue_seen_shrink(&w, octets, 0);
	CHECK(wr_ok(&w));
	if (before != ERR_REPLAY && before != ERR_SYNTAX)
		CHECK(ue_seen_check((struct view){room, wr_len(&w)}, &m, 1, 0, NULL) == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view octets = {.p = data + 1, .n = size - 1};

	if (!size)
		return 0;
	if (data[0] == 2)
		seen(octets);
	else if (data[0] & 1)
		session(octets);
	else
		offer(octets);
	return 0;
}
