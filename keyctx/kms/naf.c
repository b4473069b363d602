/* SPDX-License-Identifier: MIT */
/* Writes and reads NAF keys as records of the store. */
#include "keyctx/kms/naf.h"

static void write_text(struct wr *w, struct view v)
{
	wr_u16(w, (uint16_t)v.n);
	wr_view(w, v);
}

enum err naf_write(const struct naf_key *k, uint8_t *room, size_t room_n, size_t *len)
{
	struct wr w = wr_make(room, room_n);

	if (k->key.n > UINT16_MAX || k->impi.n > UINT16_MAX || k->n_names > NAF_NAMES_MAX)
		return ERR_TOO_BIG;
	wr_u64(&w, k->until_s);
	wr_u64(&w, k->ask_again_s);
	write_text(&w, k->key);
	write_text(&w, (struct view){(const uint8_t *)k->impi.p, k->impi.n});
	wr_u8(&w, (uint8_t)k->n_names);
	for (size_t i = 0; i < k->n_names; i++) {
		if (k->names[i].data.n > UINT16_MAX)
			return ERR_TOO_BIG;
		wr_u8(&w, k->names[i].type);
		write_text(&w, k->names[i].data);
	}
	if (!wr_ok(&w))
		return ERR_TOO_BIG;
	*len = wr_len(&w);
	return ERR_OK;
}

enum err naf_read(struct naf_key *out, struct view record)
{
	struct rd r = rd_view(record);
	struct naf_key k = {0};
	struct view impi;

	k.until_s = rd_u64(&r);
	k.ask_again_s = rd_u64(&r);
	k.key = rd_octets(&r, rd_u16(&r));
	impi = rd_octets(&r, rd_u16(&r));
	k.impi = str_make((const char *)impi.p, impi.n);
	k.n_names = rd_u8(&r);
	if (k.n_names > NAF_NAMES_MAX)
		return ERR_SYNTAX;
	for (size_t i = 0; i < k.n_names; i++) {
		k.names[i].type = rd_u8(&r);
		k.names[i].data = rd_octets(&r, rd_u16(&r));
	}
	if (!rd_done(&r))
		return ERR_SYNTAX;
	*out = k;
	return ERR_OK;
}
