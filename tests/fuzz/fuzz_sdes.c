/* SPDX-License-Identifier: MIT */
/* Any text as the value of a=crypto: a usable value can be printed, and the printed text parses to
 * the same value. */
#include <stdlib.h>

#include "keyctx/sdp/sdes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sdes_policy all = {
		.suites = 0xff,
		.keys_max = SDES_KEYS_MAX,
		.accept_kdr = true,
		.accept_unencrypted_srtp = true,
		.accept_unencrypted_srtcp = true,
		.accept_unauthenticated_srtp = true,
		.accept_srtp_fec = true,
		.has_fec_address = true,
		.accept_mki = true,
	};
	struct sdes_policy product;
	struct sdes_line l, again;
	char text[16384];
	struct wr w = wr_make(text, sizeof(text));

	sdes_policy_defaults(&product);
	if (sdes_line_parse(&l, str_make((const char *)data, size), &product))
		return 0;
	sdes_line_clear(&l);
	if (sdes_line_parse(&l, str_make((const char *)data, size), &all))
		return 0;
	if (l.fault == SDES_USABLE) {
		sdes_line_print(&l, size & 1, &w);
		if (!wr_ok(&w) || sdes_line_parse(&again, str_make(text, wr_len(&w)), &all))
			abort();
		if (again.fault || !sdes_line_eq(&l, &again))
			abort();
		sdes_line_clear(&again);
	}
	sdes_line_clear(&l);
	return 0;
}
