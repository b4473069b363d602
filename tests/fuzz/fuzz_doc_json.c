/* SPDX-License-Identifier: MIT */
/* JSON from strangers: a bounded doc or a fault; and what is written of it reads the same again,
 * where no fraction was rounded. */
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
	/* A fraction is written in six digits, and a whole one reads as a number: from then on all
	 * is the same. */
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
