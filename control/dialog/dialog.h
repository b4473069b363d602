/* SPDX-License-Identifier: MIT */
/* Offer and answer over sessions: SDP in, legs made and changed underneath, SDP out. */
#ifndef CONTROL_DIALOG_DIALOG_H
#define CONTROL_DIALOG_DIALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "control/session/service.h"
#include "keyctx/sdp/ims.h"
#include "keyctx/sdp/offer.h"
#include "keyctx/sdp/sdes.h"
#include "keyctx/sdp/sdp.h"

/* Every call that signalling speaks of by its SDP. Control only; ends before the service does. */
struct dialogs;

enum err dialogs_new(struct dialogs **out, struct service *sv) MUST_USE;
/* What still waits is answered with ERR_CLOSED. Takes NULL. */
void dialogs_free(struct dialogs *d);
size_t dialogs_count(const struct dialogs *d); /* for tests */

enum dialog_op { DIALOG_OFFER, DIALOG_ANSWER, DIALOG_REJECT, DIALOG_DELETE };

/* Who decides about security. */
enum dialog_profile {
	DIALOG_PLAIN,    /* the request: `transport` names what the other side shall see */
	DIALOG_IMS_UE,   /* "ims-access", the SDP comes from the served UE: rows O1 to O11 */
	DIALOG_IMS_CORE, /* "ims-access", it comes from the core: rows T1 to T6 */
};

/* What is done about a=rtcp-mux; bits. None: towards the answerer as the offerer did, back as the
 * answerer did. */
enum dialog_mux {
	DIALOG_MUX_OFFER = 1,   /* offer it to the answerer in any case */
	DIALOG_MUX_REQUIRE = 2, /* the same, as rtcp-mux-only; an answer without it is refused */
	DIALOG_MUX_DEMUX = 4,   /* accept it of the offerer, do not offer it on */
	DIALOG_MUX_ACCEPT = 8,  /* accept it of the offerer whatever the answerer says */
	DIALOG_MUX_REJECT = 16, /* refuse it to the offerer */
};

enum dialog_replace {
	DIALOG_REPLACE_ORIGIN = 1,
	DIALOG_REPLACE_USERNAME = 2,
	DIALOG_REPLACE_SESSION_NAME = 4,
	DIALOG_REPLACE_VERSION = 8,
	DIALOG_REPLACE_ZERO_ADDRESS =
		16, /* hold by 0.0.0.0 is told by direction, with our address */
};

/* What is done with m-lines that are not RTP: fax over UDPTL, BFCP, MSRP, data channels. */
enum dialog_other {
	DIALOG_OTHER_RELAY,      /* what is UDP is relayed as it is, the rest passes by */
	DIALOG_OTHER_RELAY_ONLY, /* what is UDP is relayed, the rest is refused */
	DIALOG_OTHER_PASS,       /* all pass by */
	DIALOG_OTHER_REFUSE,     /* port 0 */
	DIALOG_OTHER_COUNT
};

/* "relay", "relay-only" …; ERR_NOT_FOUND. */
enum err dialog_other_find(struct str name, uint8_t *out) MUST_USE;
extern const struct word dialog_other_words[];

/* What becomes of optional SRTP, which is RTP/AVP(F) with a=crypto (RFC 8643). */
enum dialog_osrtp {
	DIALOG_OSRTP_END,  /* it ends here; the other side sees no keys of it */
	DIALOG_OSRTP_PASS, /* it passes where `transport` does not name a profile; else as OFF */
	DIALOG_OSRTP_OFF,  /* it is not taken: plain RTP */
};
extern const struct word dialog_osrtp_words[]; /* "end", "pass", "off" */

enum { DIALOG_SUITES_MAX = SUITE_COUNT, DIALOG_TAG_MAX = 256 };
#define DIALOG_DELAY_SETTING UINT32_MAX

/* Would the call's session refuse this key (the peer's, or ours to send with), for it was used
 * there before? */
struct dialog_judge {
	bool (*refuses)(void *arg, const struct keyctx *k, bool is_send);
	void *arg;
};

/* How a request wants things. */
struct dialog_options {
	enum dialog_profile profile;
	enum sdp_profile
		transport; /* PLAIN: profile for the other side; SDP_PROFILE_OTHER: as it came */
	bool terminate;   /* RTP/SAVP on both sides: end it here (srtp-srtp) rather than let it pass
	                     (e2e) */
	uint8_t osrtp;    /* PLAIN: enum dialog_osrtp */
	bool osrtp_offer; /* PLAIN: plain RTP for the other side is offered with keys of ours beside
	                     it */
	bool osrtp_over_savp; /* with osrtp_offer: RTP/SAVP(F) for the other side too */
	bool osrtp_pairs;    /* PLAIN: of two m-lines that are one media in RTP and in SRTP the SRTP
	                        one is taken */
	bool offerers_first; /* srtp-srtp: the suites of the offerer are offered before ours */
	bool no_new_suites;  /* srtp-srtp: the suites of the offerer alone, where he has one that we
	                        serve */
	struct ims_call ims;
	bool allow_mode_switch; /* IMS: e2ae and e2e may become each other in mid-call (U13) */
	bool applied_in_answer; /* IMS: write a=3ge2ae:applied into answers too */
	struct sdes_policy sdes;
	bool only_named;               /* suites that nobody here knows don't pass either */
	uint8_t n_suites, n_preferred; /* no suite at all: no security descriptions for the other
	                                  side, whoever made them */
	enum suite_id suites[DIALOG_SUITES_MAX];    /* that we offer, in this order */
	enum suite_id preferred[DIALOG_SUITES_MAX]; /* taken of an offer before the others, in this
	                                               order */
	uint8_t n_order;
	enum suite_id order[DIALOG_SUITES_MAX]; /* those of them that are offered stand first, in
	                                           this order */
	uint32_t end_suites;  /* bits: taken of an offerer whose SRTP ends here while the other side
	                         has none; 0: those of `sdes` */
	bool any_tag;         /* an answer with a wrong tag is forgiven where the suite is unique */
	uint8_t mux, replace; /* enum dialog_mux, dialog_replace */
	bool accept_rekey;
	bool supersede_glare; /* an offer of the other side ends the one that waits, instead of
	                         being refused */
	bool keep_bundle;
	uint8_t other_media; /* enum dialog_other */
	bool no_rtcp_attr, full_rtcp_attr;
	bool gate_by_direction; /* a=inactive and the like close the gates, RTCP included */
	bool loop_protect;    /* the SDP is marked as written here, and one that is so marked passes
	                         untouched: no ports, no change of the call */
	int16_t interface[2]; /* of local addresses (control/session/interfaces.h) for the side that
	                         sends this SDP, and for the other; -1: any */
	uint8_t family; /* 4 or 6: of our address towards the other side; 0: as the sender's if
	                   there is one */
	struct addr media_address; /* put into the SDP instead of our own; none: ours */
	struct addr received_from; /* believed instead of the address in the SDP; none: the SDP */
	uint8_t latch;             /* enum relay_latch, of the side that sends this SDP */
	bool latch_strict;         /* a silent peer keeps its leg */
	int16_t dscp;              /* -1: the service's */
	bool ends_when_silent;     /* nobody hears our events: a call without media ends by itself
	                              (control/dialog/idle) */
	const struct dialog_judge *judge; /* set while a request is carried out; else NULL */
	uint32_t delete_delay_ms;         /* DELETE of a whole call: it goes on for so long;
	                                     DIALOG_DELAY_SETTING: as the setting says */
};

void dialog_options_defaults(struct dialog_options *o);

/* One request; everything is borrowed for the call. */
struct dialog_command {
	enum dialog_op op;
	struct str call;   /* Call-ID */
	struct str from;   /* the offerer's tag, of an answer too */
	struct str to;     /* the answerer's; may be empty in an offer */
	struct str branch; /* tells offers of one call apart that go to different places; may be
	                      empty */
	struct str sdp;
	struct dialog_options options;
};

/* What was decided about one m-line. */
struct dialog_media_report {
	const char *row;    /* of the IMS tables, else "" */
	const char *action; /* "relay" "pass" "refuse" "off" */
	enum relay_mode mode;
	const char *change; /* offer_change_name */
	const char *reason; /* why this line alone was refused or passes by; "" when it does not */
};

struct dialog_reply {
	enum err e;
	const struct why *why;
	int sip_status; /* on failure: what signalling may answer with: 488, 491, 481, 503, 500 */
	struct str
		sdp; /* OFFER, ANSWER: for the other side. Holds keys: it is wiped after the call */
	unsigned n_media;
	struct dialog_media_report media[SDP_MEDIA_MAX];
	const char *warning; /* what is not as it was asked, for people: reasons of m-lines; "" */
	bool is_unknown;     /* on failure: there is no such call */
	enum service_limit limit; /* on failure of a call that is new: what there is not enough of
	                             here, another gateway may have it */
	struct registry_session *session; /* NULL when there is none */
	const struct relay_session_stats
		*stats; /* DELETE: final, or those of now where the call goes on */
};

/* Made once for each request, from inside dialog_submit or later. Everything lives for the call.
 */
typedef void dialog_done_fn(void *arg, const struct dialog_reply *reply);

/*
 * Requests of one call are carried out in order. OFFER and ANSWER return the SDP for the other
 * side; a request that fails changes nothing. REJECT: the offer that waits was refused by its
 * receiver; everything old stays. DELETE ends what its names name: a branch of the first offer, one
 * of several dialogs that answered it, or, when nothing else is left, the call; that after
 * delete_delay_ms, unless an offer or answer comes before.
 */
void dialog_submit(struct dialogs *d, const struct dialog_command *command, dialog_done_fn *done,
                   void *arg);

/* The session's id of a call: the Call-ID itself, or "sha256-…" of one that is too long. */
enum { DIALOG_ID_MAX = 128 };
enum err dialog_session_id(struct str call, char out[DIALOG_ID_MAX]) MUST_USE;
/* The side whose leg is leg a of that media ("1", "2" …); A when nothing is known. */
enum offer_side dialog_access(const struct dialogs *d, struct str call, const char *media_id);
/* Did the call of this session ask to end by itself? When signalling last settled something about
 * it (monotonic). */
bool dialogs_ends_when_silent(const struct dialogs *d, struct str session, uint64_t *settled_ns);
/* Somebody in it is missed, or nobody is any more. */
void dialogs_set_quiet(struct dialogs *d, struct str session, bool on);
/* Those of them where somebody is missed, or that signalling said nothing about since then. `fn`
 * may end the call it is told of. */
void dialogs_each_quiet(struct dialogs *d, uint64_t limit_ns,
                        void (*fn)(void *arg, const char *session), void *arg);
/* When the call was last spoken of (monotonic; 0: it is none of ours), and when its sides' tags
 * were first heard of (wall time; 0: not yet). */
void dialog_times(const struct dialogs *d, struct str call, uint64_t *settled_ns,
                  uint64_t seen_wall_ns[2]);
/* Tags of the call whose session this is; empty when it is not one of ours. */
void dialog_tags(const struct dialogs *d, struct str call, struct str *first, struct str *second);

#endif
