/* SPDX-License-Identifier: MIT */
/* ng's `flags`, and the short lists beside them: rtcp-mux, replace, ICE, DTLS. */
#include "control/ng/words.h"

/* A word that sets one thing. */
#define WORD(fn_, statement_)                                                        \
	static enum err fn_(struct ng_reading *r, const struct doc *v, struct str a) \
	{                                                                            \
		(void)v;                                                             \
		(void)a;                                                             \
		statement_;                                                          \
		return ERR_OK;                                                       \
	}

/* --- rtcp-mux, replace, ICE, DTLS ------------------------------------------- */

WORD(mux_offer, ng_options(r)->mux |= DIALOG_MUX_OFFER)
WORD(mux_require, ng_options(r)->mux |= DIALOG_MUX_REQUIRE)
WORD(mux_demux, ng_options(r)->mux |= DIALOG_MUX_DEMUX)
WORD(mux_accept, ng_options(r)->mux |= DIALOG_MUX_ACCEPT)
WORD(mux_reject, ng_options(r)->mux |= DIALOG_MUX_REJECT)

static const struct ng_word mux_words[] = {
	{"offer", NG_SUPPORTED, mux_offer, "rtcp-mux is offered to the other side"},
	{"require", NG_SUPPORTED, mux_require,
         "it is offered, and an answer without it is refused"},
	{"demux", NG_SUPPORTED, mux_demux, "accepted of the offerer, not offered on"},
	{"accept", NG_SUPPORTED, mux_accept,
         "accepted of the offerer whatever the other side says"},
	{"reject", NG_SUPPORTED, mux_reject, "refused to the offerer"},
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
	{"origin", NG_SUPPORTED, replace_origin, "our address in o="},
	{"origin-full", NG_SUPPORTED, replace_origin_full,
         "origin, username and sdp-version together"},
	{"session-connection", NG_SUPPORTED, NULL, "always so: c= of the session is ours"},
	{"username", NG_SUPPORTED, replace_username, "the user in o= is replaced"},
	{"session-name", NG_SUPPORTED, replace_session_name, "s= is replaced"},
	{"sdp-version", NG_SUPPORTED, replace_version,
         "the version in o= is ours and rises with each change"},
	{"force-increment-sdp-ver", NG_SUPPORTED, replace_version, "the same as sdp-version"},
	{"zero-address", NG_SUPPORTED, replace_zero,
         "hold by c=0.0.0.0 becomes our address and a=sendonly or inactive; else it passes as "
         "hold"},
};
const struct ng_table ng_replace_table = {"replace", replace_words, ARRAY_LEN(replace_words)};

#define ICE_REASON "ICE is not spoken; remove it, and learn the peer's address from its media"
static const struct ng_word ice_words[] = {
	{"remove", NG_SUPPORTED, NULL, "always so: candidates and credentials leave the SDP"},
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
         "media goes where the SDP says, whatever comes: the same as the flag asymmetric"},
	{"immediate", NG_SUPPORTED, learning_first, "the first packet's source is learnt"},
	{"delayed", NG_SUPPORTED, learning_choice, "the same as heuristic"},
	{"heuristic", NG_SUPPORTED, learning_choice,
         "the default: the first packet's source is heard at once, and the best of who comes "
         "within 3 s stays, the signalled address first"},
};
const struct ng_table ng_learning_table = {"endpoint-learning", learning_words,
                                           ARRAY_LEN(learning_words)};

static const struct ng_word dtls_words[] = {
	{"off", NG_SUPPORTED, NULL, "always so: DTLS-SRTP is not spoken"},
	{"no", NG_SUPPORTED, NULL, "the same as off"},
	{"disable", NG_SUPPORTED, NULL, "the same as off"},
	{"passive", NG_IGNORED, NULL,
         "there is no DTLS to be passive in; a DTLS offer fails for its profile"},
	{"active", NG_IGNORED, NULL, "as passive"},
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
         "RTP/AVP for the other side is offered with a=crypto lines of ours (RFC 8643); it answers "
         "with keys or without"},
	{"offer-RFC", NG_SUPPORTED, osrtp_offer, "the same as offer"},
	{"offer-legacy", NG_SUPPORTED, osrtp_offer_legacy,
         "as offer, for RTP/SAVP as well: one m-line of RTP/AVP with keys, where rtpengine writes "
         "two"},
	{"accept-RFC", NG_SUPPORTED, osrtp_end,
         "the offerer's optional SRTP ends here, whatever the setting osrtp says"},
	{"accept-legacy", NG_SUPPORTED, osrtp_pairs,
         "of two m-lines that offer one media in RTP and in SRTP the SRTP one is taken, the other "
         "refused by port 0"},
	{"accept", NG_SUPPORTED, osrtp_accept, "accept-RFC and accept-legacy"},
	{"pass", NG_SUPPORTED, osrtp_pass,
         "optional SRTP passes from end to end where no transport-protocol is given; else as off"},
	{"off", NG_SUPPORTED, osrtp_off,
         "optional SRTP is not taken: RTP without keys on both sides"},
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
	                "flags other-media-%.*s: relay, relay-only, pass or refuse is needed",
	                word.n < 24 ? (int)word.n : 24, word.p);
}

static enum err flag_osrtp(struct ng_reading *r, const struct doc *v, struct str word)
{
	return ng_word_read(r, &ng_osrtp_table, word, v);
}

static const struct ng_word flag_words[] = {
	{"trust-address", NG_SUPPORTED, flag_trust,
         "the default: the address in the SDP is believed, whatever received-from says"},
	{"SIP-source-address", NG_SUPPORTED, flag_source,
         "received-from is believed instead of the SDP"},
	{"symmetric", NG_SUPPORTED, NULL, "the default: media goes back to where it came from"},
	{"strict-source", NG_SUPPORTED, flag_strict,
         "a peer that falls silent keeps its leg: other sources stay out until signalling speaks "
         "again"},
	{"media-handover", NG_SUPPORTED, flag_handover,
         "a change of source is followed once the one before pauses; where there are keys at once, "
         "after authentication"},
	{"port-latching", NG_SUPPORTED, NULL, "always so: ports stay for the life of the call"},
	{"no-port-latching", NG_IGNORED, NULL, "ports stay for the life of the call"},
	{"signalled-source", NG_SUPPORTED, flag_signalled, "only the signalled address may send"},
	{"asymmetric", NG_SUPPORTED, flag_asymmetric,
         "media goes where the SDP says, and comes from wherever the first packet did"},
	{"unidirectional", NG_IGNORED, NULL, "either direction may start"},
	{"no-rtcp-attribute", NG_SUPPORTED, flag_no_rtcp_attr, "no a=rtcp is written"},
	{"full-rtcp-attribute", NG_SUPPORTED, flag_full_rtcp_attr,
         "a=rtcp is written with its address"},
	{"loop-protect", NG_SUPPORTED, flag_loop,
         "a=rtpengine with this gateway's id marks the SDP, and an SDP that has the mark passes "
         "untouched: no ports, no change of the call"},
	{"replace-=", NG_SUPPORTED, flag_replace, "as replace: what follows"},
	{"SDES-=", NG_SUPPORTED, flag_sdes, "as SDES: what follows"},
	{"OSRTP-=", NG_SUPPORTED, flag_osrtp, "as OSRTP: what follows"},
	{"rtcp-mux-=", NG_SUPPORTED, flag_mux, "as rtcp-mux: what follows"},
	{"ICE=", NG_SUPPORTED, flag_ice, "as ICE: what follows"},
	{"endpoint-learning-=", NG_SUPPORTED, flag_learning, "as endpoint-learning: what follows"},
	{"other-media-=", NG_SUPPORTED, flag_other,
         "for this request, what the setting other-media says: relay, relay-only, pass or refuse "
         "m-lines that are not RTP"},
	{"pad-crypto", NG_SUPPORTED, NULL, "as SDES: pad"},
	{"reject-ICE", NG_SUPPORTED, NULL, "as ICE: remove"},
	{"early-media", NG_SUPPORTED, NULL, "always so: media may flow from the first answer on"},
	{"provisional", NG_SUPPORTED, NULL,
         "always so: an answer may come again, from the same place or another"},
	{"original-sendrecv", NG_SUPPORTED, NULL, "always so: directions pass as they are"},
	{"allow-asymmetric-codecs", NG_SUPPORTED, NULL, "always so: codecs are not touched"},
	{"no-jitter-buffer", NG_SUPPORTED, NULL, "always so: packets are not held back"},
	{"no-tls-id", NG_SUPPORTED, NULL, "always so"},
	{"no-redis-update", NG_SUPPORTED, NULL, "always so"},
	{"directional", NG_SUPPORTED, NULL, "always so: from-tag and to-tag say who speaks"},
	{"reset", NG_IGNORED, NULL,
         "nothing here is reset by a repeated offer: that is how calls go silent"},
	{"NAT-wait", NG_IGNORED, NULL, "media to a peer does not wait for media of it"},
	{"pierce-NAT", NG_IGNORED, NULL, "no empty packets are sent"},
	{"trickle-ICE", NG_IGNORED, NULL, "ICE is not spoken"},
	{"generate-mid", NG_IGNORED, NULL, "a=mid passes as it is"},
	{"generate-RTCP", NG_IGNORED, NULL, "the terminals' own reports pass through"},
	{"strip-extmap", NG_IGNORED, NULL,
         "a=extmap passes as it is, but for encrypted ones where SRTP ends"},
	{"single-codec", NG_IGNORED, NULL, "codecs are not touched"},
	{"allow-transcoding", NG_IGNORED, NULL, "codecs are not touched"},
	{"always-transcode", NG_IGNORED, NULL, "codecs are not touched"},
	{"transcode-=", NG_IGNORED, NULL, "codecs are not touched"},
	{"codec-=", NG_IGNORED, NULL, "codecs are not touched"},
	{"sdp-attr-=", NG_IGNORED, NULL, "lines that are not ours pass as they are"},
	{"record-call", NG_IGNORED, NULL, "there is no recording"},
	{"debug", NG_IGNORED, NULL, "log-level is a setting of the process"},
	{"inject-DTMF", NG_IGNORED, NULL, "nothing is played or injected"},
	{"detect-DTMF", NG_IGNORED, NULL, "media is not listened to"},
	{"block-DTMF", NG_REFUSED, NULL,
         "media passes as it is: what should be hidden would be heard"},
	{"block-media", NG_REFUSED, NULL, "close gates by session.update on the control socket"},
	{"webrtc", NG_REFUSED, NULL,
         "DTLS-SRTP and ICE are not spoken: a browser needs another relay"},
	{"reject-rekey", NG_SUPPORTED, flag_reject_rekey,
         "a new key where the peer did not move is refused"},
	{"refuse-glare", NG_SUPPORTED, flag_refuse_glare,
         "an offer while the other side's waits is refused, instead of taking its place"},
	{"gates-by-direction", NG_SUPPORTED, flag_gates,
         "a=inactive and the like close gates, RTCP included"},
	{"pass-bundle", NG_SUPPORTED, flag_bundle, "a=group:BUNDLE is left in"},
	{"recrypt", NG_SUPPORTED, flag_recrypt,
         "SRTP on both sides ends here, with keys of ours, instead of passing from end to end"},
	{"no-recrypt", NG_SUPPORTED, flag_no_recrypt,
         "SRTP on both sides passes, whatever the setting ng-srtp says"},
	{"all", NG_IGNORED, NULL, "of other commands"},
	{"fatal", NG_SUPPORTED, flag_fatal,
         "a delete of an unknown call is an error instead of a warning"},
};
const struct ng_table ng_flag_table = {"flags", flag_words, ARRAY_LEN(flag_words)};
