/* SPDX-License-Identifier: MIT */
/* JSON from strangers: what parses prints, and parses again. */
#include "base/buf.h"
#include "control/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct doc *d = NULL, *again = NULL;
	struct buf b = {0};

	if (doc_json_parse(&d, str_make((const char *)data, size), NULL) == ERR_OK) {
		doc_json_print(doc_root(d), size & 1, &b);
		if (!b.bad)
			CHECK(doc_json_parse(&again, buf_as_str(&b), NULL) == ERR_OK);
	}
	doc_free(again);
	doc_free(d);
	buf_free(&b);
	return 0;
}
