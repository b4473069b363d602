/* SPDX-License-Identifier: MIT */
/* The two PRFs, and the label of every derived key. */
#include "keyctx/mikey/prf.h"

#include "base/secret.h"
#include "keyctx/prim.h"

enum {
	/* inkey is split into blocks of 256 bits for both hashes (RFC 3830 4.1.2, RFC 6043 6.1) */
	BLOCK = 32,
	LABEL_MAX = 4 + 1 + 4 + 1 + 2 * (1 + 255),
	ID_MAX = 2048, /* most octets of the identity that keys are forked with */
	OUT_MAX = 128, /* octets of the longest key derived */
	NO_CS = 0xff,
};

/* The constant in each label: nine decimal digits of the number e (RFC 3830 4.1.3, 4.1.4, RFC 6043
 * 5.1.1, A.2). */
static const uint32_t CONST_TEK = 0x2ad01c64, CONST_AUTH_TEK = 0x1b5c7973,
		      CONST_ENCR_TEK = 0x15798cef, CONST_SALT_TEK = 0x39a2c14b,
		      CONST_ENCR = 0x150533e1, CONST_AUTH = 0x2d22ac75, CONST_SALT = 0x29b88916,
		      CONST_MPKR_FORK = 0x2b288856, CONST_TGK_FORK = 0x1512b54a,
		      CONST_MPKI = 0x220e99a2, CONST_MPKR = 0x1f4d675b;
/* The CSB ID in the labels of keys that do not depend on a CSB ID. */
static const uint32_t NO_CSB = 0xffffffff;

/* The octet after the CSB ID in a label: what the key is for. */
enum {
	USE_FORK = 0,
	USE_TEK = 3, /* 1 and 2 are the phases INIT and RESP */
	USE_INIT_DATA = 4,
	USE_TPK = 5,
	USE_MPK = 6
};

static const enum prim_hash hashes[] = {
	[MIKEY_PRF_SHA1] = PRIM_SHA1,
	[MIKEY_PRF_SHA256] = PRIM_SHA256,
};

bool mikey_prf_is_known(unsigned prf)
{
	return prf < ARRAY_LEN(hashes);
}

/* XORs P(s, label, m) of RFC 3830 4.1.2 into `out`. */
static enum err xor_p(enum prim_hash hash, struct view s, struct view label, uint8_t *out,
                      size_t out_len)
{
	size_t hash_len = prim_hash_len(hash);
	uint8_t a[PRIM_HASH_MAX], block[PRIM_HASH_MAX];
	struct view a_view = label;
	enum err e = ERR_OK;

	for (size_t done = 0; done < out_len && !e; done += hash_len) {
		e = prim_hmac(hash, s, &a_view, 1, a);
		a_view = (struct view){.p = a, .n = hash_len};
		if (!e)
			e = prim_hmac(hash, s, (struct view[]){a_view, label}, 2, block);
		for (size_t i = 0; i < hash_len && done + i < out_len && !e; i++)
			out[done + i] ^= block[i];
	}
	secret_wipe(a, sizeof(a));
	secret_wipe(block, sizeof(block));
	return e;
}

enum err mikey_prf(unsigned prf, struct view inkey, struct view label, uint8_t *out, size_t out_len)
{
	uint8_t tmp[OUT_MAX];
	enum err e = ERR_OK;

	if (!mikey_prf_is_known(prf) || !inkey.n || out_len > sizeof(tmp))
		return ERR_INVALID;
	memset(tmp, 0, out_len);
	for (size_t at = 0; at < inkey.n && !e; at += BLOCK) {
		size_t n = inkey.n - at < BLOCK ? inkey.n - at : BLOCK;

		e = xor_p(hashes[prf], (struct view){.p = inkey.p + at, .n = n}, label, tmp,
		          out_len);
	}
	if (!e)
		memcpy(out, tmp, out_len);
	secret_wipe(tmp, sizeof(tmp));
	return e;
}

/* The fixed first part of a label (RFC 3830 4.1.3, RFC 6043 5.1). */
struct label_head {
	uint32_t constant;
	unsigned cs_id; /* NO_CS: the key is not for a single crypto session */
	uint32_t csb_id;
	unsigned use;
};

static struct wr label_start(uint8_t *room, size_t n, struct label_head head)
{
	struct wr w = wr_make(room, n);

	wr_u32(&w, head.constant);
	wr_u8(&w, (uint8_t)head.cs_id);
	wr_u32(&w, head.csb_id);
	wr_u8(&w, (uint8_t)head.use);
	return w;
}

static void label_rand(struct wr *w, struct view rand)
{
	if (rand.n > UINT8_MAX)
		w->bad = true;
	wr_u8(w, (uint8_t)rand.n);
	wr_view(w, rand);
}

static enum err derive(unsigned prf, struct view inkey, const struct wr *label, uint8_t *out,
                       size_t n)
{
	if (!wr_ok(label))
		return ERR_INVALID;
	return mikey_prf(prf, inkey, (struct view){.p = label->start, .n = wr_len(label)}, out, n);
}

/* Derives encryption key, authentication key and salt. from->phase goes into the label as the octet
 * after the CSB ID; `rands` are in the label's order. */
static enum err derive_msg_keys(struct mikey_msg_keys *out, const struct mikey_msg_seed *from,
                                const struct view *rands, size_t n_rands)
{
	const struct {
		uint32_t constant;
		uint8_t *to;
		size_t n;
	} rows[] = {
		{CONST_ENCR, out->encr, sizeof(out->encr)},
		{CONST_AUTH, out->auth, sizeof(out->auth)},
		{CONST_SALT, out->salt, sizeof(out->salt)},
	};
	enum err e = ERR_OK;

	for (size_t i = 0; i < ARRAY_LEN(rows) && !e; i++) {
		struct label_head head = {rows[i].constant, NO_CS, from->csb_id, from->phase};
		uint8_t room[LABEL_MAX];
		struct wr label = label_start(room, sizeof(room), head);

		for (size_t j = 0; j < n_rands; j++)
			label_rand(&label, rands[j]);
		e = derive(from->prf, from->inkey, &label, rows[i].to, rows[i].n);
	}
	return e;
}

enum err mikey_prf_msg_keys(struct mikey_msg_keys *out, const struct mikey_msg_seed *from)
{
	return derive_msg_keys(out, from, (struct view[]){from->randi, from->randr}, 2);
}

enum err mikey_prf_ticket_keys(struct mikey_msg_keys *out, unsigned prf, struct view tpk,
                               struct view rand)
{
	struct mikey_msg_seed from = {.prf = prf, .inkey = tpk, .csb_id = NO_CSB, .phase = USE_TPK};

	return derive_msg_keys(out, &from, &rand, 1);
}

enum err mikey_prf_mpk(uint8_t *mpki, uint8_t *mpkr, unsigned prf, struct view mpk,
                       struct view rand)
{
	struct label_head head = {CONST_MPKI, NO_CS, NO_CSB, USE_MPK};
	uint8_t room[LABEL_MAX];
	struct wr label = label_start(room, sizeof(room), head);
	enum err e;

	label_rand(&label, rand);
	e = derive(prf, mpk, &label, mpki, mpk.n);
	if (e)
		return e;
	head.constant = CONST_MPKR;
	label = label_start(room, sizeof(room), head);
	label_rand(&label, rand);
	return derive(prf, mpk, &label, mpkr, mpk.n);
}

enum err mikey_prf_init_data(uint8_t out[32], unsigned prf, struct view mpkr)
{
	struct label_head head = {CONST_AUTH, NO_CS, NO_CSB, USE_INIT_DATA};
	uint8_t room[LABEL_MAX];
	struct wr label = label_start(room, sizeof(room), head);

	return derive(prf, mpkr, &label, out, 32);
}

enum err mikey_prf_fork(uint8_t *out, enum mikey_fork what, struct view key,
                        const struct mikey_fork_seed *with)
{
	struct label_head head = {what == MIKEY_FORK_MPKR ? CONST_MPKR_FORK : CONST_TGK_FORK, NO_CS,
	                          NO_CSB, USE_FORK};
	uint8_t room[LABEL_MAX + 2 + ID_MAX];
	struct wr label = label_start(room, sizeof(room), head);

	wr_u16(&label, (uint16_t)with->id_data.n);
	wr_view(&label, with->id_data);
	label_rand(&label, with->rand_kms);
	return derive(with->prf, key, &label, out, key.n);
}

enum err mikey_prf_tek(uint8_t *out, size_t out_len, enum mikey_tek_part part,
                       const struct mikey_tek_seed *from)
{
	const uint32_t constants[] = {
		[MIKEY_PART_TEK] = CONST_TEK,
		[MIKEY_PART_SALT] = CONST_SALT_TEK,
		[MIKEY_PART_AUTH] = CONST_AUTH_TEK,
		[MIKEY_PART_ENCR] = CONST_ENCR_TEK,
	};
	struct label_head head = {constants[part], from->cs_id, NO_CSB, USE_TEK};
	uint8_t room[LABEL_MAX];
	struct wr label = label_start(room, sizeof(room), head);

	label_rand(&label, from->randi);
	label_rand(&label, from->randr);
	return derive(from->prf, from->tgk, &label, out, out_len);
}
