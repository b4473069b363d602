/* SPDX-License-Identifier: MIT */
/* SIP messages from a stream: a complete message is read or refused, and all texts that are read
 * point into the buffer. */
#include "control/net/sip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size), method;
	struct sip_message m;
	uint64_t number;
	size_t n;

	if (sip_length(text, &n))
		return 0;
	CHECK(n > 0 && n <= size);
	if (sip_read(&m, str_make(text.p, n)))
		return 0;
	CHECK(m.body.p + m.body.n == text.p + n);
	(void)!sip_cseq(&m, &number, &method);
	for (size_t i = 0; i < m.n_headers; i++) {
		struct str uri = sip_uri(m.headers[i].value),
			   tag = sip_param(m.headers[i].value, "tag");

		CHECK(!uri.n || (uri.p >= text.p && uri.p + uri.n <= text.p + n));
		CHECK(!tag.n || (tag.p >= text.p && tag.p + tag.n <= text.p + n));
	}
	return 0;
}
