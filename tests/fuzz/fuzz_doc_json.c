/* SPDX-License-Identifier: MIT */
/* JSON from untrusted input: the reader gives a bounded document or an error. The document, written
 * and read again, is the same, unless a fraction was rounded. */
#include <string.h>

#include "base/buf.h"
#include "control/doc/json.h"
#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = {0}, twice = {0};
	struct doc_arena *a;
	struct doc *d = NULL;
	enum err e;

	CHECK(!doc_arena_new(&a));
	e = doc_json_decode(&d, a, str_make((const char *)data, size), NULL);
	CHECK(e == ERR_OK || e == ERR_TOO_BIG || e == ERR_SYNTAX);
	/* A fraction is written with six digits, and a fraction without digits is read back as an
	 * integer. After that nothing changes. */
	for (unsigned i = 0; i < 3 && !e; i++) {
		buf_free(&once);
		once = twice;
		twice = (struct buf){0};
		doc_json_encode(&twice, d);
		CHECK(!doc_json_decode(&d, a, buf_as_str(&twice), NULL));
	}
	CHECK(e || str_eq(buf_as_str(&once), buf_as_str(&twice)));
	doc_arena_free(a);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
