/* SPDX-License-Identifier: MIT */
/* The bencode reader of the ng client: a value that is printed and read again is the same. */
#include "base/err.h"
#include "bench/target/bencode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = {0};
	json_t *v = NULL, *again = NULL;

	if (bencode_parse(&v, str_make((const char *)data, size)) != ERR_OK)
		return 0;
	CHECK(bencode_print(v, &text) == ERR_OK);
	CHECK(bencode_parse(&again, buf_as_str(&text)) == ERR_OK);
	CHECK(json_equal(v, again));
	json_decref(v);
	json_decref(again);
	buf_free(&text);
	return 0;
}
