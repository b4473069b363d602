/* SPDX-License-Identifier: MIT */
/*
 * Calls negotiated by SDP offer and answer (RFC 3264). A request brings the SDP of one side; the
 * room updates the session's legs and returns the SDP for the other side. Control thread only.
 */
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

/* All calls negotiated by SDP. Free it before the service. */
struct dialogs;

enum err dialogs_new(struct dialogs **out, struct service *sv) MUST_USE;
/* Waiting requests are answered with ERR_CLOSED. Takes NULL. */
void dialogs_free(struct dialogs *d);
size_t dialogs_count(const struct dialogs *d); /* for tests */

enum dialog_op { DIALOG_OFFER, DIALOG_ANSWER, DIALOG_REJECT, DIALOG_DELETE };

/* What decides how each m-line is secured. The rows are those of docs/keying.md. */
enum dialog_profile {
	DIALOG_PLAIN,    /* the request's options; `transport` is the profile for the other side */
	DIALOG_IMS_UE,   /* "ims-access", SDP from the served UE: rows O1 to O11 */
	DIALOG_IMS_CORE, /* "ims-access", SDP from the core: rows T1 to T6 */
};

/*
 * Treatment of a=rtcp-mux; bits. With no bit set, the answerer is offered what the offerer offered,
 * and the offerer is answered what the answerer answered.
 */
enum dialog_mux {
	DIALOG_MUX_OFFER = 1,   /* always offer it to the answerer */
	DIALOG_MUX_REQUIRE = 2, /* offer rtcp-mux-only and refuse an answer without rtcp-mux */
	DIALOG_MUX_DEMUX = 4,   /* accept it from the offerer; do not offer it to the answerer */
	DIALOG_MUX_ACCEPT = 8,  /* accept it from the offerer whatever the answerer says */
	DIALOG_MUX_REJECT = 16, /* refuse it to the offerer */
};

/* Session-level lines of the SDP to replace; bits. */
enum dialog_replace {
	DIALOG_REPLACE_ORIGIN = 1,
	DIALOG_REPLACE_USERNAME = 2,
	DIALOG_REPLACE_SESSION_NAME = 4,
	DIALOG_REPLACE_VERSION = 8,
	/* write c=0.0.0.0 (hold) as our address with a=sendonly or a=inactive */
	DIALOG_REPLACE_ZERO_ADDRESS = 16,
};

/* Treatment of m-lines that are not RTP: fax over UDPTL, BFCP, MSRP, data channels. */
enum dialog_other {
	DIALOG_OTHER_RELAY,      /* relay UDP unchanged; pass the m-line of other protocols on */
	DIALOG_OTHER_RELAY_ONLY, /* relay UDP unchanged; refuse other protocols */
	DIALOG_OTHER_PASS,       /* pass every such m-line on; its media does not come here */
	DIALOG_OTHER_REFUSE,     /* refuse every such m-line with port 0 */
	DIALOG_OTHER_COUNT
};

/* By name: "relay", "relay-only" … ERR_NOT_FOUND. */
enum err dialog_other_find(struct str name, uint8_t *out) MUST_USE;
extern const struct word dialog_other_words[];

/* Treatment of optional SRTP: RTP/AVP(F) with a=crypto (RFC 8643). */
enum dialog_osrtp {
	DIALOG_OSRTP_END,  /* end it here; the other side does not see its keys */
	DIALOG_OSRTP_PASS, /* pass it end to end; as OFF when `transport` names a profile */
	DIALOG_OSRTP_OFF,  /* ignore the keys: plain RTP */
};
extern const struct word dialog_osrtp_words[]; /* "end", "pass", "off" */

enum { DIALOG_SUITES_MAX = SUITE_COUNT, DIALOG_TAG_MAX = 256 };
#define DIALOG_DELAY_SETTING UINT32_MAX

/* Would the call's session refuse this key because it was used there before? `is_send`: it is a key
 * of ours to send with, else a key of the peer. */
struct dialog_judge {
	bool (*refuses)(void *arg, const struct keyctx *k, bool is_send);
	void *arg;
};

/* The options of a request. "PLAIN" and "IMS": read only under that profile. */
struct dialog_options {
	enum dialog_profile profile;
	/* PLAIN: profile for the other side; SDP_PROFILE_OTHER: not named */
	enum sdp_profile transport;
	/* with RTP/SAVP on both sides: end SRTP here (srtp-srtp) instead of passing it (e2e) */
	bool terminate;
	uint8_t osrtp;        /* PLAIN: enum dialog_osrtp */
	bool osrtp_offer;     /* PLAIN: offer plain RTP together with our keys (RFC 8643) */
	bool osrtp_over_savp; /* with osrtp_offer: offer RTP/SAVP(F) as RTP/AVP(F) with keys too */
	/* PLAIN: two m-lines offer one media as RTP and as SRTP: refuse the RTP one */
	bool osrtp_pairs;
	bool offerers_first; /* srtp-srtp: offer the offerer's suites before ours */
	/* srtp-srtp: offer only the offerer's suites, unless we support none of them */
	bool no_new_suites;
	struct ims_call ims;
	bool allow_mode_switch; /* IMS: a media may change between e2ae and e2e (row U13) */
	bool applied_in_answer; /* IMS: write a=3ge2ae:applied into answers too */
	struct sdes_policy sdes;
	bool only_named; /* do not pass a=crypto lines whose suite is unknown here */
	/* lengths of `suites` and `preferred`; n_suites 0: the other side gets no a=crypto line,
	 * neither ours nor passed ones */
	uint8_t n_suites, n_preferred;
	enum suite_id suites[DIALOG_SUITES_MAX];    /* offered by us, in this order */
	enum suite_id preferred[DIALOG_SUITES_MAX]; /* chosen from an offer first, in this order */
	uint8_t n_order;
	/* those of the offered suites that come first, in this order */
	enum suite_id order[DIALOG_SUITES_MAX];
	/* bits by suite_id: accepted from an offerer whose SRTP ends here while the other side is
	 * plain; 0: those of `sdes` */
	uint32_t end_suites;
	bool any_tag;         /* accept an answer with a wrong tag if its suite is unique */
	uint8_t mux, replace; /* enum dialog_mux, dialog_replace */
	bool accept_rekey;
	/* glare: an offer of the other side replaces the waiting offer instead of being refused */
	bool supersede_glare;
	bool keep_bundle;
	uint8_t other_media; /* enum dialog_other */
	bool no_rtcp_attr, full_rtcp_attr;
	bool gate_by_direction; /* a=inactive, sendonly and recvonly close gates, RTCP's too */
	/* mark the SDP as written by this gateway; return a marked SDP unchanged and do not touch
	 * the call */
	bool loop_protect;
	/* local interfaces (control/session/interfaces.h) for the sender of this SDP and for the
	 * other side; -1: any */
	int16_t interface[2];
	/* 4 or 6: family of our address for the other side; 0: the sender's if available */
	uint8_t family;
	struct addr media_address; /* written into the SDP instead of our address; none: ours */
	struct addr received_from; /* used instead of the address in the SDP; none: the SDP's */
	uint8_t latch;             /* enum relay_latch, for the sender of this SDP */
	bool latch_strict;         /* a silent peer keeps its leg */
	int16_t dscp;              /* 0 to 63; -1: the service's */
	/* the client hears no events: end a call without media here (control/dialog/idle.h) */
	bool ends_when_silent;
	const struct dialog_judge *judge; /* set while a request is carried out; else NULL */
	/* DELETE: how long the whole call goes on; DIALOG_DELAY_SETTING: as long as delete-delay */
	uint32_t delete_delay_ms;
};

void dialog_options_defaults(struct dialog_options *o);

/* One request. All texts are borrowed during dialog_submit. */
struct dialog_command {
	enum dialog_op op;
	struct str call;   /* Call-ID */
	struct str from;   /* the offerer's tag, in an answer too */
	struct str to;     /* the answerer's tag; may be empty in an offer */
	struct str branch; /* tells the branches of a forked offer apart; may be empty */
	struct str sdp;
	struct dialog_options options;
};

/* What was decided about one m-line. */
struct dialog_media_report {
	const char *row;    /* of the IMS tables, else "" */
	const char *action; /* "relay" "pass" "refuse" "off" */
	enum relay_mode mode;
	const char *change; /* offer_change_name */
	const char *reason; /* why this m-line alone is refused or not relayed; else "" */
};

struct dialog_reply {
	enum err e;
	const struct why *why;
	int sip_status; /* on failure: the SIP response to send: 488, 491, 481, 503, 500 */
	/* OFFER, ANSWER: for the other side. Contains keys; wiped after the callback. */
	struct str sdp;
	unsigned n_media;
	struct dialog_media_report media[SDP_MEDIA_MAX];
	const char *warning; /* the reasons of all m-lines as one text; "" */
	bool is_unknown;     /* on failure: there is no such call */
	/* on failure of a new call: the limit it hit; another gateway may have room */
	enum service_limit limit;
	struct registry_session *session; /* NULL when there is none */
	/* DELETE: final counts, or the current ones when the call goes on for its delete delay */
	const struct relay_session_stats *stats;
};

/* Called once for each request, during dialog_submit or later. The reply and all it points to are
 * valid only during the callback. */
typedef void dialog_done_fn(void *arg, const struct dialog_reply *reply);

/*
 * Carries out the requests of one call in order. OFFER and ANSWER return the SDP for the other
 * side; a request that fails changes nothing. REJECT: the receiver refused the waiting offer; the
 * agreement before it stays. DELETE ends what it names: a branch of the first offer, one of several
 * dialogs that answered it, or the call. The call ends when nothing else is left, delete_delay_ms
 * later; an offer or answer before that cancels the end.
 */
void dialog_submit(struct dialogs *d, const struct dialog_command *command, dialog_done_fn *done,
                   void *arg);

/* The session id of a call: the Call-ID, or "sha256-…" of a Call-ID that is too long. ERR_SYNTAX:
 * the Call-ID is empty; ERR_CRYPTO. */
enum { DIALOG_ID_MAX = 128 };
enum err dialog_session_id(struct str call, char out[DIALOG_ID_MAX]) MUST_USE;
/* The side that has leg a of media `media_id` ("1", "2" …); A when the call is unknown. */
enum offer_side dialog_access(const struct dialogs *d, struct str call, const char *media_id);
/* Did the last request of this session's call set ends_when_silent? *settled_ns: when signalling
 * last changed the call (monotonic). */
bool dialogs_ends_when_silent(const struct dialogs *d, struct str session, uint64_t *settled_ns);
/* Records whether a leg that should receive packets is silent. */
void dialogs_set_quiet(struct dialogs *d, struct str session, bool on);
/* Calls `fn` for each ends_when_silent call that is marked quiet, or that signalling last changed
 * before limit_ns (monotonic). `fn` may end that call. */
void dialogs_each_quiet(struct dialogs *d, uint64_t limit_ns,
                        void (*fn)(void *arg, const char *session), void *arg);
/* When signalling last changed the call (monotonic; 0: unknown call), and when the tag of each side
 * was first seen (wall time; 0: not yet). */
void dialog_times(const struct dialogs *d, struct str call, uint64_t *settled_ns,
                  uint64_t seen_wall_ns[2]);
/* The tags of side A and side B; empty when the call or the tag is unknown. */
void dialog_tags(const struct dialogs *d, struct str call, struct str *first, struct str *second);

#endif
