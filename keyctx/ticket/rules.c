/* SPDX-License-Identifier: MIT */
/* Sets the default settings, and checks timestamps. */
#include "keyctx/ticket/rules.h"

void ticket_rules_init(struct ticket_rules *r)
{
	*r = (struct ticket_rules){
		.algs = mikey_algs_128,
		.accept_types = 1u << TICKET_TYPE_MIKEY | 1u << TICKET_TYPE_3GPP,
		.ticket_type = TICKET_TYPE_MIKEY,
		.skew_s = 300,
		.enforce_rand_len = true,
		.v_flag_in_requests = true,
		.accept_pk = true,
		.accept_sha1_signatures = true,
	};
}

enum err ticket_rules_check_time(const struct ticket_rules *r, struct mikey_ts t, uint64_t now_ntp,
                                 struct mikey_fault *fault)
{
	int64_t skew = (int64_t)((uint64_t)r->skew_s << 32);
	int64_t diff = ticket_ntp_diff(mikey_ts_to_64(t), now_ntp);

	if (t.type == MIKEY_TS_COUNTER)
		return r->accept_counter
		               ? ERR_OK
		               : mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_TS,
		                            "T is of type 2 (COUNTER), must be a time (type 0, "
		                            "NTP-UTC, is best): a counter does not tell how old "
		                            "the message is");
	if (diff > skew || diff < -skew)
		return mikey_fail(
			fault, ERR_EXPIRED, MIKEY_E_TS,
			"T is %u s %s, must be within %u s of now; check the clock",
			(unsigned)((diff < 0 ? 0 - (uint64_t)diff : (uint64_t)diff) >> 32),
			diff < 0 ? "in the past" : "in the future", r->skew_s);
	return ERR_OK;
}
