/* SPDX-License-Identifier: MIT */
/* MIKEY messages from untrusted input: a message that was read is written back identically; a tree
 * of its payloads stays inside the message. */
#include <stdlib.h>

#include "base/buf.h"
#include "keyctx/mikey/keys.h"
#include "keyctx/ticket/tree.h"
#include "keyctx/ticket/ticket_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct mikey_msg *m)
{
	static uint8_t room[MIKEY_MESSAGE_MAX];
	struct mikey_build b;
	struct view again;

	mikey_build_start(&b, wr_make(room, sizeof(room)), &m->hdr, m->cs, m->n_cs);
	for (size_t i = 0; i < m->n; i++)
		mikey_build_add(&b, &m->p[i]);
	/* Compare only messages with GENERIC-ID maps: SRTP-ID and empty maps are read but never
	 * written. */
	if (m->hdr.map_type == MIKEY_MAP_GENERIC_ID && !mikey_build_done(&b, &again))
		CHECK(view_eq(again, m->octets));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mikey_msg m;
	struct mikey_keys *keys = mikey_keys_new();
	struct mikey_fault fault;
	struct mikey_tree t;
	struct buf out = {0};

	if (!mikey_msg_read(&m, (struct view){.p = data, .n = size}, &fault))
		write_again(&m);
	if (keys && !mikey_keys_read(keys, (struct view){.p = data, .n = size}, 7, &fault))
		CHECK(keys->n <= MIKEY_KEYS_MAX);
	mikey_keys_free(keys);
	if (!mikey_tree_make(&t, (struct view){.p = data, .n = size})) {
		for (size_t i = 0; i < t.n; i++)
			CHECK(t.nodes[i].offset + t.nodes[i].len <= size);
		mikey_tree_text(&t, &out);
		mikey_tree_json(&t, &out);
		mikey_tree_free(&t);
	}
	buf_free(&out);
	return 0;
}
