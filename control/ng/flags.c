/* SPDX-License-Identifier: MIT */
/* The words of the ng keys flags, rtcp-mux, replace, ICE, endpoint-learning, DTLS and OSRTP. */
#include "control/ng/words.h"

/* Defines the function of a word that takes no value and executes `statement_`. */
#define WORD(fn_, statement_)                                                        \
	static enum err fn_(struct ng_reading *r, const struct doc *v, struct str a) \
	{                                                                            \
		(void)v;                                                             \
		(void)a;                                                             \
		statement_;                                                          \
		return ERR_OK;                                                       \
	}

/* --- rtcp-mux, replace, ICE, endpoint-learning, DTLS, OSRTP ----------------- */

WORD(mux_offer, ng_options(r)->mux |= DIALOG_MUX_OFFER)
WORD(mux_require, ng_options(r)->mux |= DIALOG_MUX_REQUIRE)
WORD(mux_demux, ng_options(r)->mux |= DIALOG_MUX_DEMUX)
WORD(mux_accept, ng_options(r)->mux |= DIALOG_MUX_ACCEPT)
WORD(mux_reject, ng_options(r)->mux |= DIALOG_MUX_REJECT)

static const struct ng_word mux_words[] = {
	{"offer", NG_SUPPORTED, mux_offer, "rtcp-mux is offered to the other side"},
	{"require", NG_SUPPORTED, mux_require,
         "rtcp-mux is offered to the other side; an answer without it is refused"},
	{"demux", NG_SUPPORTED, mux_demux,
         "rtcp-mux is accepted from the offerer and not offered to the other side"},
	{"accept", NG_SUPPORTED, mux_accept,
         "rtcp-mux is accepted from the offerer, even if the other side refuses it"},
	{"reject", NG_SUPPORTED, mux_reject, "rtcp-mux is refused in the answer to the offerer"},
};
const struct ng_table ng_mux_table = {"rtcp-mux", mux_words, ARRAY_LEN(mux_words)};

WORD(replace_origin, ng_options(r)->replace |= DIALOG_REPLACE_ORIGIN)
WORD(replace_origin_full, ng_options(r)->replace |=
                          DIALOG_REPLACE_ORIGIN | DIALOG_REPLACE_USERNAME | DIALOG_REPLACE_VERSION)
WORD(replace_username, ng_options(r)->replace |= DIALOG_REPLACE_USERNAME)
WORD(replace_session_name, ng_options(r)->replace |= DIALOG_REPLACE_SESSION_NAME)
WORD(replace_zero, ng_options(r)->replace |= DIALOG_REPLACE_ZERO_ADDRESS)
WORD(replace_version, ng_options(r)->replace |= DIALOG_REPLACE_VERSION)

static const struct ng_word replace_words[] = {
	{"origin", NG_SUPPORTED, replace_origin, "the gateway writes its address into o="},
	{"origin-full", NG_SUPPORTED, replace_origin_full,
         "the same as origin, username and sdp-version together"},
	{"session-connection", NG_SUPPORTED, NULL,
         "always in effect: c= of the session has the gateway's address"},
	{"username", NG_SUPPORTED, replace_username, "the gateway replaces the user name in o="},
	{"session-name", NG_SUPPORTED, replace_session_name, "the gateway replaces s="},
	{"sdp-version", NG_SUPPORTED, replace_version,
         "the gateway writes its own version into o= and raises it with each change"},
	{"force-increment-sdp-ver", NG_SUPPORTED, replace_version, "the same as sdp-version"},
	{"zero-address", NG_SUPPORTED, replace_zero,
         "a hold by c=0.0.0.0 is rewritten to the gateway's address with a=sendonly or a=inactive; "
         "without this word 0.0.0.0 is forwarded"},
};
const struct ng_table ng_replace_table = {"replace", replace_words, ARRAY_LEN(replace_words)};

#define ICE_REASON                                                                              \
	"ICE is not supported; use ICE=remove, the gateway learns the peer's address from its " \
	"media"
static const struct ng_word ice_words[] = {
	{"remove", NG_SUPPORTED, NULL,
         "always in effect: candidates and credentials are removed from the SDP"},
	{"default", NG_SUPPORTED, NULL, "the same as remove"},
	{"optional", NG_SUPPORTED, NULL, "the same as remove"},
	{"force", NG_REFUSED, NULL, ICE_REASON},
	{"force-relay", NG_REFUSED, NULL, ICE_REASON},
	{"lite", NG_REFUSED, NULL, ICE_REASON},
};
const struct ng_table ng_ice_table = {"ICE", ice_words, ARRAY_LEN(ice_words)};

WORD(learning_off, ng_options(r)->latch = RELAY_LATCH_ASYMMETRIC)
WORD(learning_first, ng_options(r)->latch = RELAY_LATCH_FIRST)
WORD(learning_choice, ng_options(r)->latch = RELAY_LATCH_HEURISTIC)

static const struct ng_word learning_words[] = {
	{"off", NG_SUPPORTED, learning_off,
         "media always goes to the address in the SDP: the same as the flag asymmetric"},
	{"immediate", NG_SUPPORTED, learning_first,
         "the gateway accepts the sender of the first packet as the peer"},
	{"delayed", NG_SUPPORTED, learning_choice, "the same as heuristic"},
	{"heuristic", NG_SUPPORTED, learning_choice,
         "the default: the gateway accepts the sender of the first packet at once; within 3 s a "
         "better source replaces it; the best source is the signalled address"},
};
const struct ng_table ng_learning_table = {"endpoint-learning", learning_words,
                                           ARRAY_LEN(learning_words)};

static const struct ng_word dtls_words[] = {
	{"off", NG_SUPPORTED, NULL, "always in effect: DTLS-SRTP is not supported"},
	{"no", NG_SUPPORTED, NULL, "the same as off"},
	{"disable", NG_SUPPORTED, NULL, "the same as off"},
	{"passive", NG_IGNORED, NULL,
         "DTLS is not supported; a DTLS offer fails because of its profile"},
	{"active", NG_IGNORED, NULL, "the same as passive"},
};
const struct ng_table ng_dtls_table = {"DTLS", dtls_words, ARRAY_LEN(dtls_words)};

WORD(osrtp_offer, ng_options(r)->osrtp_offer = true)
WORD(osrtp_offer_legacy, ng_options(r)->osrtp_offer = ng_options(r)->osrtp_over_savp = true)
WORD(osrtp_end, ng_options(r)->osrtp = DIALOG_OSRTP_END)
WORD(osrtp_pairs, ng_options(r)->osrtp_pairs = true)
WORD(osrtp_accept, (ng_options(r)->osrtp = DIALOG_OSRTP_END, ng_options(r)->osrtp_pairs = true))
WORD(osrtp_pass, ng_options(r)->osrtp = DIALOG_OSRTP_PASS)
WORD(osrtp_off, ng_options(r)->osrtp = DIALOG_OSRTP_OFF)

static const struct ng_word osrtp_words[] = {
	{"offer", NG_SUPPORTED, osrtp_offer,
         "the gateway offers RTP/AVP with its own a=crypto lines to the other side (RFC 8643), "
         "which answers with or without keys"},
	{"offer-RFC", NG_SUPPORTED, osrtp_offer, "the same as offer"},
	{"offer-legacy", NG_SUPPORTED, osrtp_offer_legacy,
         "like offer, but also instead of RTP/SAVP: one m-line of RTP/AVP with keys (rtpengine "
         "writes two m-lines)"},
	{"accept-RFC", NG_SUPPORTED, osrtp_end,
         "the gateway terminates the offerer's optional SRTP; overrides the setting osrtp"},
	{"accept-legacy", NG_SUPPORTED, osrtp_pairs,
         "if two m-lines offer one media as RTP and as SRTP, the SRTP one is used and the other "
         "gets port 0"},
	{"accept", NG_SUPPORTED, osrtp_accept, "the same as accept-RFC and accept-legacy together"},
	{"pass", NG_SUPPORTED, osrtp_pass,
         "optional SRTP passes from end to end if no transport-protocol is given; otherwise the "
         "same as off"},
	{"off", NG_SUPPORTED, osrtp_off,
         "optional SRTP is not used: RTP without keys on both sides"},
};
const struct ng_table ng_osrtp_table = {"OSRTP", osrtp_words, ARRAY_LEN(osrtp_words)};

/* --- flags ------------------------------------------------------------------ */

WORD(flag_handover, ng_options(r)->latch = RELAY_LATCH_FOLLOW)
WORD(flag_strict, ng_options(r)->latch_strict = true)
WORD(flag_signalled, ng_options(r)->latch = RELAY_LATCH_SIGNALLED)
WORD(flag_trust, r->source_is_believed = false)
WORD(flag_source, r->source_is_believed = true)
WORD(flag_asymmetric, ng_options(r)->latch = RELAY_LATCH_ASYMMETRIC)
WORD(flag_no_rtcp_attr, ng_options(r)->no_rtcp_attr = true)
WORD(flag_full_rtcp_attr, ng_options(r)->full_rtcp_attr = true)
WORD(flag_loop, ng_options(r)->loop_protect = true)
WORD(flag_fatal, r->out->is_fatal = true)
WORD(flag_reject_rekey, ng_options(r)->accept_rekey = false)
WORD(flag_gates, ng_options(r)->gate_by_direction = true)
WORD(flag_bundle, ng_options(r)->keep_bundle = true)
WORD(flag_refuse_glare, ng_options(r)->supersede_glare = false)
WORD(flag_recrypt, ng_options(r)->terminate = true)
WORD(flag_no_recrypt, r->passes = true)

static enum err flag_sdes(struct ng_reading *r, const struct doc *v, struct str word)
{
	return ng_word_read(r, &ng_sdes_table, word, v);
}

static enum err flag_mux(struct ng_reading *r, const struct doc *v, struct str word)
{
	return ng_word_read(r, &ng_mux_table, word, v);
}

static enum err flag_replace(struct ng_reading *r, const struct doc *v, struct str word)
{
	return ng_word_read(r, &ng_replace_table, word, v);
}

static enum err flag_learning(struct ng_reading *r, const struct doc *v, struct str word)
{
	return ng_word_read(r, &ng_learning_table, word, v);
}

static enum err flag_ice(struct ng_reading *r, const struct doc *v, struct str word)
{
	return ng_word_read(r, &ng_ice_table, word, v);
}

static enum err flag_other(struct ng_reading *r, const struct doc *v, struct str word)
{
	(void)v;
	if (!dialog_other_find(word, &ng_options(r)->other_media))
		return ERR_OK;
	return why_fail(r->why, ERR_INVALID,
	                "flags other-media-%.*s: must be relay, relay-only, pass or refuse",
	                word.n < 24 ? (int)word.n : 24, word.p);
}

static enum err flag_osrtp(struct ng_reading *r, const struct doc *v, struct str word)
{
	return ng_word_read(r, &ng_osrtp_table, word, v);
}

static const struct ng_word flag_words[] = {
	{"trust-address", NG_SUPPORTED, flag_trust,
         "the default: media goes to the address in the SDP; received-from is ignored"},
	{"SIP-source-address", NG_SUPPORTED, flag_source,
         "media goes to the address in received-from instead of the SDP"},
	{"symmetric", NG_SUPPORTED, NULL,
         "the default: media goes to the address that packets come from"},
	{"strict-source", NG_SUPPORTED, flag_strict,
         "when the peer falls silent, other senders are accepted only after the next offer or "
         "answer"},
	{"media-handover", NG_SUPPORTED, flag_handover,
         "another sender is accepted when the current one pauses; on an SRTP leg at once, if its "
         "packets authenticate"},
	{"port-latching", NG_SUPPORTED, NULL, "always in effect: a call keeps its ports"},
	{"no-port-latching", NG_IGNORED, NULL, "a call always keeps its ports"},
	{"signalled-source", NG_SUPPORTED, flag_signalled,
         "packets are accepted from the signalled address only"},
	{"asymmetric", NG_SUPPORTED, flag_asymmetric,
         "media goes to the address in the SDP; packets are accepted from the sender of the first "
         "packet"},
	{"unidirectional", NG_IGNORED, NULL, "either side may send first"},
	{"no-rtcp-attribute", NG_SUPPORTED, flag_no_rtcp_attr, "no a=rtcp is written"},
	{"full-rtcp-attribute", NG_SUPPORTED, flag_full_rtcp_attr,
         "a=rtcp is written with port and address"},
	{"loop-protect", NG_SUPPORTED, flag_loop,
         "the gateway writes a=rtpengine with its id into the SDP; an SDP that already has this id "
         "is returned unchanged, uses no ports and does not change the call"},
	{"replace-=", NG_SUPPORTED, flag_replace,
         "the rest of the flag is a word of the key replace"},
	{"SDES-=", NG_SUPPORTED, flag_sdes, "the rest of the flag is a word of the key SDES"},
	{"OSRTP-=", NG_SUPPORTED, flag_osrtp, "the rest of the flag is a word of the key OSRTP"},
	{"rtcp-mux-=", NG_SUPPORTED, flag_mux,
         "the rest of the flag is a word of the key rtcp-mux"},
	{"ICE=", NG_SUPPORTED, flag_ice, "the rest of the flag is a word of the key ICE"},
	{"endpoint-learning-=", NG_SUPPORTED, flag_learning,
         "the rest of the flag is a word of the key endpoint-learning"},
	{"other-media-=", NG_SUPPORTED, flag_other,
         "overrides the setting other-media for this request: relay, relay-only, pass or refuse "
         "m-lines that are not RTP"},
	{"pad-crypto", NG_SUPPORTED, NULL, "the same as SDES: pad"},
	{"reject-ICE", NG_SUPPORTED, NULL, "the same as ICE: remove"},
	{"early-media", NG_SUPPORTED, NULL,
         "always in effect: media may flow from the first answer on"},
	{"provisional", NG_SUPPORTED, NULL,
         "always in effect: an offer may get several answers, from one terminal or from several"},
	{"original-sendrecv", NG_SUPPORTED, NULL,
         "always in effect: directions are forwarded unchanged"},
	{"allow-asymmetric-codecs", NG_SUPPORTED, NULL,
         "always in effect: the gateway does not change codecs"},
	{"no-jitter-buffer", NG_SUPPORTED, NULL,
         "always in effect: the gateway has no jitter buffer"},
	{"no-tls-id", NG_SUPPORTED, NULL, "always in effect: the gateway writes no a=tls-id"},
	{"no-redis-update", NG_SUPPORTED, NULL, "always in effect: the gateway does not use Redis"},
	{"directional", NG_SUPPORTED, NULL, "always in effect: from-tag and to-tag name the sides"},
	{"reset", NG_IGNORED, NULL,
         "a repeated offer resets nothing: a reset would interrupt the media of the call"},
	{"NAT-wait", NG_IGNORED, NULL, "media to a peer does not wait for media from it"},
	{"pierce-NAT", NG_IGNORED, NULL, "the gateway sends no empty packets"},
	{"trickle-ICE", NG_IGNORED, NULL, "ICE is not supported"},
	{"generate-mid", NG_IGNORED, NULL, "a=mid is forwarded unchanged"},
	{"generate-RTCP", NG_IGNORED, NULL, "the gateway forwards the terminals' own RTCP"},
	{"strip-extmap", NG_IGNORED, NULL,
         "a=extmap is forwarded unchanged; encrypted header extensions are removed where the "
         "gateway terminates SRTP"},
	{"single-codec", NG_IGNORED, NULL, "the gateway does not change codecs"},
	{"allow-transcoding", NG_IGNORED, NULL, "the gateway does not change codecs"},
	{"always-transcode", NG_IGNORED, NULL, "the gateway does not change codecs"},
	{"transcode-=", NG_IGNORED, NULL, "the gateway does not change codecs"},
	{"codec-=", NG_IGNORED, NULL, "the gateway does not change codecs"},
	{"sdp-attr-=", NG_IGNORED, NULL, "the gateway forwards other SDP lines unchanged"},
	{"record-call", NG_IGNORED, NULL, "recording is not supported"},
	{"debug", NG_IGNORED, NULL, "log-level is a setting of the process"},
	{"inject-DTMF", NG_IGNORED, NULL, "injecting is not supported"},
	{"detect-DTMF", NG_IGNORED, NULL, "the gateway does not analyse media"},
	{"block-DTMF", NG_REFUSED, NULL,
         "not supported; media is relayed unchanged, so DTMF would be heard"},
	{"block-media", NG_REFUSED, NULL,
         "not supported; close gates with session.update on the control socket"},
	{"webrtc", NG_REFUSED, NULL,
         "DTLS-SRTP and ICE are not supported; a browser needs another relay"},
	{"reject-rekey", NG_SUPPORTED, flag_reject_rekey,
         "a new key is refused if the peer's address did not change"},
	{"refuse-glare", NG_SUPPORTED, flag_refuse_glare,
         "an offer is refused while an offer of the other side is open; without this flag it "
         "replaces that offer"},
	{"gates-by-direction", NG_SUPPORTED, flag_gates,
         "a=inactive, a=sendonly and a=recvonly close gates: RTP in the closed direction is "
         "dropped, "
         "RTCP passes"},
	{"pass-bundle", NG_SUPPORTED, flag_bundle, "a=group:BUNDLE is kept"},
	{"recrypt", NG_SUPPORTED, flag_recrypt,
         "if both sides have SRTP, the gateway terminates it with its own keys instead of passing "
         "it from end to end"},
	{"no-recrypt", NG_SUPPORTED, flag_no_recrypt,
         "if both sides have SRTP, it passes from end to end; overrides the setting ng-srtp"},
	{"all", NG_IGNORED, NULL, "used by commands that are not supported"},
	{"fatal", NG_SUPPORTED, flag_fatal,
         "a delete of an unknown call is an error instead of a warning"},
};
const struct ng_table ng_flag_table = {"flags", flag_words, ARRAY_LEN(flag_words)};
