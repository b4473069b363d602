/* SPDX-License-Identifier: MIT */
/* Base64, hexadecimal and addresses from untrusted input: a decoded value, encoded and decoded
 * again, is the same value. */
#include "base/addr.h"
#include "base/b64.h"
#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	uint8_t octets[4096], again[4096];
	char out[8200], print[ADDR_TEXT_MAX];
	size_t n, m;
	struct addr a, b;

	if (!b64_decode(text, octets, sizeof(octets), &n)) {
		CHECK(!b64_encode(octets, n, true, out, sizeof(out)));
		CHECK(!b64_decode(str_of(out), again, sizeof(again), &m) && m == n &&
		      memcmp(octets, again, n) == 0);
	}
	if (!hex_decode(text, octets, sizeof(octets), &n))
		CHECK(!hex_encode(octets, n, out, sizeof(out)) && strlen(out) == 2 * n);
	if (!addr_parse(text, &a))
		CHECK(!addr_parse(str_of(addr_print(&a, print)), &b) && addr_eq(&a, &b));
	return 0;
}
