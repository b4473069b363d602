/* SPDX-License-Identifier: MIT */
/* Bencode from untrusted input: a document that was read, written and read again is the same. */
#include "base/buf.h"
#include "control/doc/bencode.h"
#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = {0}, twice = {0};
	struct doc_arena *a;
	struct doc *d;

	CHECK(!doc_arena_new(&a));
	if (!doc_bencode_decode(&d, a, str_make((const char *)data, size), NULL)) {
		doc_bencode_encode(&once, d);
		CHECK(!doc_bencode_decode(&d, a, buf_as_str(&once), NULL));
		doc_bencode_encode(&twice, d);
		CHECK(str_eq(buf_as_str(&once), buf_as_str(&twice)));
	}
	doc_arena_free(a);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
