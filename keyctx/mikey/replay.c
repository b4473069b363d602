/* SPDX-License-Identifier: MIT */
/* Makes a key that identifies a message, so that the KMS recognises a second copy. */
#include "keyctx/mikey/replay.h"

#include "keyctx/prim.h"

enum err mikey_replay_key(const struct mikey_msg *m, struct mikey_id sender, uint8_t out[32])
{
	const struct mikey_payload *t = mikey_msg_find(m, MIKEY_T);
	uint8_t room[1 + 4 + 1 + 1 + 8 + 32];
	struct wr w = wr_make(room, sizeof(room));
	uint8_t hash[32];
	enum err e = prim_digest(PRIM_SHA256, sender.data, hash);

	if (e || !t)
		return e ? e : ERR_INVALID;
	wr_u8(&w, m->hdr.data_type);
	wr_u32(&w, m->hdr.csb_id);
	wr_u8(&w, t->u.t.type);
	wr_u64(&w, t->u.t.value);
	wr_u8(&w, sender.type);
	wr_octets(&w, hash, sizeof(hash));
	return prim_digest(PRIM_SHA256, (struct view){.p = room, .n = wr_len(&w)}, out);
}
