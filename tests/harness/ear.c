/* SPDX-License-Identifier: MIT */
/* A receiver that uses libsrtp directly. */
#include "tests/harness/ear.h"

#include <srtp2/srtp.h>
#include <string.h>

#include "base/bytes.h"
#include "base/map.h"
#include "base/mem.h"
#include "relay/packet/rtp.h"
#include "tests/harness/harness.h"

enum { KEYSTREAM_LEN = 16 };

/* The keystream of a packet. No two packets may have the same keystream, whatever their SSRC and
 * index. */
struct seen {
	uint8_t keystream[KEYSTREAM_LEN];
};

static void fill(srtp_policy_t *p, const struct keyctx *k, uint8_t master[SUITE_MASTER_MAX])
{
	*p = (srtp_policy_t){.key = master, .window_size = 128, .ssrc.type = ssrc_any_inbound};
	memcpy(master, k->key, k->suite->key_len);
	memcpy(master + k->suite->key_len, k->salt, k->suite->salt_len);
	srtp_crypto_policy_set_rtp_default(&p->rtp);
	srtp_crypto_policy_set_rtp_default(&p->rtcp);
	if (k->suite->id == SUITE_AES_CM_128_HMAC_SHA1_32)
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&p->rtp);
	if (k->suite->id == SUITE_AEAD_AES_128_GCM) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p->rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p->rtcp);
	}
}

bool ear_open(struct ear *e, const struct keyctx *k)
{
	uint8_t master[SUITE_MASTER_MAX];
	srtp_policy_t policy;
	srtp_err_status_t status = srtp_init();
	srtp_t srtp = NULL;

	*e = (struct ear){.srtp = NULL};
	fill(&policy, k, master);
	/* srtp_init returns bad_param if libsrtp is already initialised. */
	if (!EXPECT(status == srtp_err_status_ok || status == srtp_err_status_bad_param) ||
	    !EXPECT_INT(srtp_create(&srtp, &policy), srtp_err_status_ok) ||
	    !EXPECT_OK(map_new(&e->used)))
		return false;
	e->srtp = srtp;
	return true;
}

void ear_close(struct ear *e)
{
	struct seen *x;
	size_t at = 0;

	while ((x = map_next(e->used, &at)))
		mem_free(x);
	map_free(e->used);
	if (e->srtp)
		(void)srtp_dealloc(e->srtp);
	*e = (struct ear){.srtp = NULL};
}

bool ear_rekey(struct ear *e, const struct keyctx *k)
{
	uint8_t master[SUITE_MASTER_MAX];
	srtp_policy_t policy;
	bool ok = true;

	fill(&policy, k, master);
	/* Existing streams keep their state and get the new key, as does the template for new
	 * streams. */
	ok &= EXPECT_INT(srtp_update(e->srtp, &policy), srtp_err_status_ok);
	return ok;
}

static void note_ssrc(struct ear *e, uint32_t ssrc)
{
	for (unsigned i = 0; i < e->n_ssrcs; i++)
		if (e->ssrcs[i] == ssrc)
			return;
	if (e->n_ssrcs < ARRAY_LEN(e->ssrcs))
		e->ssrcs[e->n_ssrcs++] = ssrc;
}

static void note_keystream(struct ear *e, const uint8_t *covered, const uint8_t *clear)
{
	struct seen *x = mem_alloc(sizeof(*x));

	CHECK(x != NULL);
	for (int i = 0; i < KEYSTREAM_LEN; i++)
		x->keystream[i] = covered[i] ^ clear[i];
	if (map_put(e->used, x->keystream, KEYSTREAM_LEN, x)) {
		e->reused++;
		mem_free(x);
	}
}

size_t ear_hears(struct ear *e, uint8_t *data, size_t n)
{
	enum pkt_kind kind = rtp_classify(data, n);
	size_t header = kind == PKT_RTCP ? 8 : RTP_HEADER_MIN;
	uint8_t covered[KEYSTREAM_LEN];
	uint32_t trailer = kind == PKT_RTCP && n > 14 ? be32_get(data + n - 14) : 0;
	int len = (int)n;
	srtp_err_status_t status;

	CHECK(n > header + KEYSTREAM_LEN);
	memcpy(covered, data + header, KEYSTREAM_LEN);
	status = kind == PKT_RTCP ? srtp_unprotect_rtcp(e->srtp, data, &len)
	                          : srtp_unprotect(e->srtp, data, &len);
	if (status != srtp_err_status_ok) {
		e->refused++;
		return 0;
	}
	e->heard++;
	note_ssrc(e, be32_get(data + (kind == PKT_RTCP ? 4 : 8)));
	note_keystream(e, covered, data + header);
	if (kind == PKT_RTCP)
		e->rtcp_index = trailer & 0x7fffffff;
	return (size_t)len;
}
