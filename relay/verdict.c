/* SPDX-License-Identifier: MIT */
/* Names and meanings of the verdicts. */
#include "relay/verdict.h"

#include "base/err.h"

static const struct {
	const char *name;
	const char *meaning;
} table[VERDICT_COUNT] = {
	[VERDICT_NONE] = {"none", "still on its way"},
	[VERDICT_FORWARDED] = {"forwarded", "handed to the network towards the peer leg"},
	[VERDICT_NO_PORT] = {"no_port", "no leg owns the port it came to"},
	[VERDICT_MALFORMED] = {"malformed", "not a well-formed RTP or RTCP packet"},
	[VERDICT_MARTIAN] = {"martian", "from an address that no packet from outside can have, or "
                                        "for another link address"},
	[VERDICT_NOT_MEDIA] = {"not_media",
                               "STUN, DTLS or unknown where RTP and RTCP are expected"},
	[VERDICT_TOO_BIG] = {"too_big", "larger than a packet buffer, as it is or once protected"},
	[VERDICT_OVERLOAD] = {"overload", "no packet buffer or ring slot was free"},
	[VERDICT_GATE_CLOSED] = {"gate_closed", "the leg is on hold in this direction"},
	[VERDICT_SOURCE] = {"source", "not from an address that the latch policy allows"},
	[VERDICT_NO_KEY] = {"no_key", "no key covers it: none set yet, or an unknown MKI"},
	[VERDICT_SSRC_LIMIT] = {"ssrc_limit", "one more SSRC than the leg may have"},
	[VERDICT_CLEAR] = {"clear", "plain RTP or RTCP where SRTP is due"},
	[VERDICT_AUTH_FAILED] = {"auth_failed", "the authentication tag does not verify"},
	[VERDICT_REPLAYED] = {"replayed", "its index was seen before"},
	[VERDICT_TOO_OLD] = {"too_old", "its index is left of the replay window"},
	[VERDICT_KEY_EXPIRED] = {"key_expired", "the lifetime of the key is used up"},
	[VERDICT_CRYPTO_FAILED] = {"crypto_failed", "the crypto engine failed"},
	[VERDICT_NO_PEER] = {"no_peer", "no active peer leg, or its address is not known yet"},
	[VERDICT_DUPLICATE] = {"duplicate", "its outbound index was already used"},
	[VERDICT_LOOP] = {"loop", "would go back to where it came from"},
	[VERDICT_MTU] = {"mtu", "larger than the path towards the peer allows"},
	[VERDICT_NO_ROUTE] = {"no_route", "the next hop is not reachable"},
	[VERDICT_SEND_FAILED] = {"send_failed", "the network refused it"},
};

const char *verdict_name(enum verdict v)
{
	CHECK((unsigned)v < VERDICT_COUNT);
	return table[v].name;
}

const char *verdict_meaning(enum verdict v)
{
	CHECK((unsigned)v < VERDICT_COUNT);
	return table[v].meaning;
}
