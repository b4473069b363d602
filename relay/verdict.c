/* SPDX-License-Identifier: MIT */
/* Names and meanings of the verdicts. */
#include "relay/verdict.h"

#include "base/err.h"

static const struct {
	const char *name;
	/* the text of the verdict's row in docs/operations.md (checked by tests/lint/verdicts) */
	const char *meaning;
} table[VERDICT_COUNT] = {
	[VERDICT_NONE] = {"none", "not decided yet"},
	[VERDICT_FORWARDED] = {"forwarded", "sent to the peer of the other leg"},
	[VERDICT_NO_PORT] = {"no_port", "no leg uses the port it arrived on"},
	[VERDICT_MALFORMED] = {"malformed", "not a valid RTP or RTCP packet"},
	[VERDICT_MARTIAN] = {"martian", "its source address cannot come from another host, or its "
                                        "link-layer destination is another host"},
	[VERDICT_NOT_MEDIA] =
		{"not_media",
                 "STUN, DTLS or something unknown where only RTP and RTCP are accepted"},
	[VERDICT_TOO_BIG] = {"too_big", "larger than a packet buffer, before or after protection"},
	[VERDICT_OVERLOAD] = {"overload", "no packet buffer or ring slot was free"},
	[VERDICT_GATE_CLOSED] = {"gate_closed", "the gate of the leg is closed in this direction"},
	[VERDICT_SOURCE] = {"source", "from an address that the latch policy does not accept"},
	[VERDICT_NO_KEY] = {"no_key",
                            "the leg has no key for it: none is set yet, or its MKI is unknown"},
	[VERDICT_SSRC_LIMIT] = {"ssrc_limit",
                                "a new SSRC on a leg that already has ssrcs-per-leg SSRCs"},
	[VERDICT_CLEAR] = {"clear", "plain RTP or RTCP on a leg that requires SRTP"},
	[VERDICT_AUTH_FAILED] = {"auth_failed", "its authentication tag is wrong"},
	[VERDICT_REPLAYED] = {"replayed", "a packet with its index was received before"},
	[VERDICT_TOO_OLD] = {"too_old", "its index is below the replay window"},
	[VERDICT_KEY_EXPIRED] = {"key_expired", "the lifetime of its key is used up"},
	[VERDICT_CRYPTO_FAILED] = {"crypto_failed", "the crypto engine reported an error"},
	[VERDICT_NO_PEER] = {"no_peer",
                             "the other side has no active leg, that leg takes no RTCP, or its "
                             "address is unknown, 0.0.0.0 (hold) or has port 0"},
	[VERDICT_DUPLICATE] = {"duplicate", "a packet with its index was sent before"},
	[VERDICT_LOOP] = {"loop", "it would go back to the address it came from"},
	[VERDICT_MTU] = {"mtu", "larger than the path MTU towards the peer"},
	[VERDICT_NO_ROUTE] = {"no_route", "the next hop towards the peer cannot be reached"},
	[VERDICT_SEND_FAILED] = {"send_failed",
                                 "the kernel or the network device refused to send it"},
};

const char *verdict_name(enum verdict v)
{
	CHECK((unsigned)v < VERDICT_COUNT);
	return table[v].name;
}
