/* SPDX-License-Identifier: MIT */
/* Derives NAF keys; reads and writes bootstrapping transaction identifiers (B-TID). */
#include "keyctx/kms/gba.h"

#include "base/b64.h"
#include "keyctx/prim.h"

const uint8_t gba_ua_mikey[GBA_UA_LEN] = {0x01, 0x00, 0x00, 0x00, 0x06};

enum { GBA_FC = 0x01, RAND_B64_LEN = B64_TEXT_LEN(GBA_RAND_LEN) };

enum err gba_naf_id(struct str fqdn, const uint8_t ua[GBA_UA_LEN], uint8_t *out, size_t room,
                    size_t *len)
{
	if (fqdn.n == 0 || fqdn.n > GBA_FQDN_MAX)
		return ERR_INVALID;
	if (fqdn.n + GBA_UA_LEN > room)
		return ERR_TOO_BIG;
	memcpy(out, fqdn.p, fqdn.n);
	memcpy(out + fqdn.n, ua, GBA_UA_LEN);
	*len = fqdn.n + GBA_UA_LEN;
	return ERR_OK;
}

enum err gba_derive(struct secret *out, enum gba_key which, const struct gba_input *in)
{
	static const struct view labels[] = {
		[GBA_KEY_ME] = {(const uint8_t *)"gba-me", 6},
		[GBA_KEY_CARD] = {(const uint8_t *)"gba-u", 5},
	};
	uint8_t naf_id[GBA_FQDN_MAX + GBA_UA_LEN], s[1024];
	struct view p[4] = {
		labels[which], in->rand, {(const uint8_t *)in->impi.p, in->impi.n}, {naf_id, 0}};
	struct wr w = wr_make(s, sizeof(s));
	enum err e;

	if (in->ks.n != GBA_KS_LEN || in->rand.n != GBA_RAND_LEN || in->impi.n == 0 ||
	    in->impi.n > GBA_IMPI_MAX)
		return ERR_INVALID;
	e = gba_naf_id(in->naf_fqdn, in->ua, naf_id, sizeof(naf_id), &p[3].n);
	if (e)
		return e;
	/* TS 33.220 B.2.0: S = FC || P0 || L0 || P1 || L1 ... */
	wr_u8(&w, GBA_FC);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		wr_view(&w, p[i]);
		wr_u16(&w, (uint16_t)p[i].n);
	}
	CHECK(wr_ok(&w));
	e = secret_make(out, GBA_KEY_LEN);
	if (e)
		return e;
	e = prim_hmac(PRIM_SHA256, in->ks, &(struct view){s, wr_len(&w)}, 1, out->octets);
	if (e)
		secret_clear(out);
	return e;
}

enum err gba_btid_print(const uint8_t rand[GBA_RAND_LEN], struct str domain, char *out, size_t room)
{
	if (domain.n == 0 || domain.n > GBA_FQDN_MAX)
		return ERR_INVALID;
	if (room < RAND_B64_LEN + 1 + domain.n + 1)
		return ERR_TOO_BIG;
	CHECK(b64_encode(rand, GBA_RAND_LEN, true, out, room) == ERR_OK);
	out[RAND_B64_LEN] = '@';
	return str_copy(domain, out + RAND_B64_LEN + 1, room - RAND_B64_LEN - 1);
}

enum err gba_btid_parse(struct str btid, uint8_t rand[GBA_RAND_LEN], struct str *domain)
{
	struct str rest, text = str_cut(btid, '@', &rest);
	uint8_t octets[GBA_RAND_LEN + 4];
	size_t len = 0;

	if (rest.n == 0 || rest.n > GBA_FQDN_MAX || text.n > RAND_B64_LEN)
		return ERR_SYNTAX;
	if (b64_decode(text, octets, sizeof(octets), &len) || len != GBA_RAND_LEN)
		return ERR_SYNTAX;
	memcpy(rand, octets, GBA_RAND_LEN);
	*domain = rest;
	return ERR_OK;
}
