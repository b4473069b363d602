/* SPDX-License-Identifier: MIT */
/*
 * Calls negotiated by SDP offer and answer (RFC 3264). A request contains the SDP of one side; the
 * functions here update the session's legs and return the SDP for the other side. Control thread
 * only.
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
/* Answers waiting requests with ERR_CLOSED. `d` may be NULL. */
void dialogs_free(struct dialogs *d);
size_t dialogs_count(const struct dialogs *d); /* number of calls; for tests */

enum dialog_op { DIALOG_OFFER, DIALOG_ANSWER, DIALOG_REJECT, DIALOG_DELETE };

/* The rules that decide how each m-line is secured. docs/keying.md has the rows O1 to T6. */
enum dialog_profile {
	DIALOG_PLAIN,  /* the request's options; `transport` names the profile of the other side */
	DIALOG_IMS_UE, /* "ims-access", SDP from the served UE: rows O1 to O11 */
	DIALOG_IMS_CORE, /* "ims-access", SDP from the core: rows T1 to T6 */
};

/*
 * Treatment of a=rtcp-mux; bits. With no bit set, the gateway passes a=rtcp-mux of the offer to the
 * answerer and a=rtcp-mux of the answer to the offerer.
 */
enum dialog_mux {
	DIALOG_MUX_OFFER = 1,   /* always offer rtcp-mux to the answerer */
	DIALOG_MUX_REQUIRE = 2, /* offer rtcp-mux-only and refuse an answer without rtcp-mux */
	DIALOG_MUX_DEMUX = 4,   /* accept rtcp-mux from the offerer, do not offer it */
	DIALOG_MUX_ACCEPT = 8,  /* accept rtcp-mux from the offerer even if the answerer does not */
	DIALOG_MUX_REJECT = 16, /* answer the offerer without rtcp-mux */
};

/* Parts of the SDP to replace; bits. */
enum dialog_replace {
	DIALOG_REPLACE_ORIGIN = 1,
	DIALOG_REPLACE_USERNAME = 2,
	DIALOG_REPLACE_SESSION_NAME = 4,
	DIALOG_REPLACE_VERSION = 8,
	/* replace c=0.0.0.0 (hold) by our address and a=sendonly or a=inactive */
	DIALOG_REPLACE_ZERO_ADDRESS = 16,
};

/* Treatment of m-lines that are not RTP: fax over UDPTL, BFCP, MSRP, data channels. */
enum dialog_other {
	DIALOG_OTHER_RELAY,      /* relay UDP unchanged; other protocols bypass the gateway */
	DIALOG_OTHER_RELAY_ONLY, /* relay UDP unchanged; refuse other protocols */
	DIALOG_OTHER_PASS, /* leave every such m-line in the SDP; its media bypasses the gateway */
	DIALOG_OTHER_REFUSE, /* refuse every such m-line with port 0 */
	DIALOG_OTHER_COUNT
};

/* Finds an enum dialog_other by its name, such as "relay-only". ERR_NOT_FOUND: no such name. */
enum err dialog_other_find(struct str name, uint8_t *out) MUST_USE;
extern const struct word dialog_other_words[];

/* Treatment of optional SRTP: RTP/AVP(F) with a=crypto (RFC 8643). */
enum dialog_osrtp {
	DIALOG_OSRTP_END,  /* terminate SRTP here; the other side does not see the keys */
	DIALOG_OSRTP_PASS, /* pass SRTP end to end; works like OFF if `transport` names a profile */
	DIALOG_OSRTP_OFF,  /* ignore the keys; the media is plain RTP */
};
extern const struct word dialog_osrtp_words[]; /* "end", "pass", "off" */

enum { DIALOG_SUITES_MAX = SUITE_COUNT, DIALOG_TAG_MAX = 256 };
#define DIALOG_DELAY_SETTING UINT32_MAX

/* Asks whether the call's session refuses key `k` because it has used the key before. `is_send`:
 * the gateway sends with the key; else the peer does. */
struct dialog_judge {
	bool (*refuses)(void *arg, const struct keyctx *k, bool is_send);
	void *arg;
};

/* The options of a request. "PLAIN:" and "IMS:" mark options that apply under that profile only. */
struct dialog_options {
	enum dialog_profile profile;
	/* PLAIN: RTP profile for the other side; SDP_PROFILE_OTHER: the request names none */
	enum sdp_profile transport;
	/* RTP/SAVP on both sides: terminate SRTP here (srtp-srtp) instead of passing it (e2e) */
	bool terminate;
	uint8_t osrtp;    /* PLAIN: enum dialog_osrtp */
	bool osrtp_offer; /* PLAIN: offer plain RTP together with our keys (RFC 8643) */
	/* with osrtp_offer: where the offer would have RTP/SAVP(F), write RTP/AVP(F) with keys */
	bool osrtp_over_savp;
	/* PLAIN: if two m-lines offer one media as RTP and as SRTP, refuse the RTP m-line */
	bool osrtp_pairs;
	bool offerers_first; /* srtp-srtp: offer first the offerer's suites, then ours */
	/* with offerers_first: offer only the offerer's suites, unless none of them is usable */
	bool no_new_suites;
	struct ims_call ims;
	bool allow_mode_switch; /* IMS: a media may change between e2ae and e2e (row U13) */
	bool applied_in_answer; /* IMS: write a=3ge2ae:applied into answers too */
	struct sdes_policy sdes;
	bool only_named; /* do not pass a=crypto lines whose suite this gateway does not know */
	/* lengths of `suites` and `preferred`; n_suites 0: the other side gets no a=crypto line */
	uint8_t n_suites, n_preferred;
	enum suite_id suites[DIALOG_SUITES_MAX];    /* suites that we offer, best first */
	enum suite_id preferred[DIALOG_SUITES_MAX]; /* suites to choose from an offer, best first */
	uint8_t n_order;                            /* length of `order` */
	/* suites to move to the front of the offered ones, in this order */
	enum suite_id order[DIALOG_SUITES_MAX];
	/* bits by suite_id: suites accepted from an SRTP offerer when the other side is plain; 0:
	 * sdes.suites decides */
	uint32_t end_suites;
	/* accept an answer with a wrong tag if exactly one offered line has its suite */
	bool any_tag;
	uint8_t mux, replace; /* enum dialog_mux, dialog_replace */
	bool accept_rekey;
	/* both sides offer (glare): the later offer replaces the waiting one and is not refused */
	bool supersede_glare;
	bool keep_bundle;
	uint8_t other_media; /* enum dialog_other */
	bool no_rtcp_attr, full_rtcp_attr;
	/* a=inactive, a=sendonly and a=recvonly close gates for RTP; RTCP passes */
	bool gate_by_direction;
	/* if the SDP has this gateway's mark, return it unchanged and leave the call as it is; else
	 * write the mark */
	bool loop_protect;
	/* choices of control/session/interfaces.h: [0] for the sender of this SDP, [1] for the
	 * other side; -1: not named */
	int16_t interface[2];
	/* 4 or 6: family of our address for the other side; 0: the sender's if available */
	uint8_t family;
	struct addr media_address; /* address that the SDP names instead of ours; none: ours */
	struct addr received_from; /* peer address to use instead of the SDP's; none: the SDP's */
	uint8_t latch;             /* enum relay_latch, for the sender of this SDP */
	bool latch_strict;         /* a silent peer does not lose its leg to another source */
	int16_t dscp;              /* DSCP, 0 to 63; -1: the default of the service */
	/* the client receives no events: end a call without media here (control/dialog/idle.h) */
	bool ends_when_silent;
	const struct dialog_judge *judge; /* the dialog sets it when a request starts; else NULL */
	/* DELETE: time until the call ends; DIALOG_DELAY_SETTING: use the setting delete-delay */
	uint32_t delete_delay_ms;
};

void dialog_options_defaults(struct dialog_options *o);

/* One request. dialog_submit copies the texts. */
struct dialog_command {
	enum dialog_op op;
	struct str call;   /* Call-ID */
	struct str from;   /* the offerer's tag, in an offer and in its answer */
	struct str to;     /* the answerer's tag; may be empty in an offer */
	struct str branch; /* tells the branches of a forked offer apart; may be empty */
	struct str sdp;
	struct dialog_options options;
};

/* The decision about one m-line. */
struct dialog_media_report {
	const char *row;    /* row of the IMS tables; "" under DIALOG_PLAIN */
	const char *action; /* "relay", "pass", "refuse" or "off" */
	enum relay_mode mode;
	const char *change; /* a name of offer_change_name */
	const char *reason; /* why this m-line alone is refused or not relayed; else "" */
};

struct dialog_reply {
	enum err e;
	const struct why *why;
	int sip_status; /* on failure: the SIP response to send: 488, 491, 481, 503, 500 */
	/* OFFER, ANSWER: SDP for the other side; contains keys, is wiped after the callback */
	struct str sdp;
	unsigned n_media;
	struct dialog_media_report media[SDP_MEDIA_MAX];
	const char *warning; /* the reasons of all m-lines as one text; "" if there are none */
	bool is_unknown;     /* on failure: no call has this Call-ID */
	/* the limit that made a new call fail; another gateway may have room */
	enum service_limit limit;
	struct registry_session *session; /* NULL: the call has no session */
	/* DELETE: final counts, or current counts if the call continues for its delete delay */
	const struct relay_session_stats *stats;
};

/* Called once for each request, during dialog_submit or later. The reply and all it points to are
 * valid only during the callback. */
typedef void dialog_done_fn(void *arg, const struct dialog_reply *reply);

/*
 * Carries out the requests of one call in order. OFFER and ANSWER return the SDP for the other
 * side; a request that fails changes nothing. REJECT: the receiver refused the waiting offer; the
 * earlier agreement stays. DELETE ends what it names: a branch of the first offer, one of several
 * dialogs that answered the offer, or the call. When no branch or dialog is left, the call ends
 * after delete_delay_ms; an offer or answer before that cancels the end.
 */
void dialog_submit(struct dialogs *d, const struct dialog_command *command, dialog_done_fn *done,
                   void *arg);

/* Writes the session id of a call: the Call-ID, or "sha256-…" if the Call-ID is too long or
 * contains a NUL octet. ERR_SYNTAX: the Call-ID is empty; ERR_CRYPTO. */
enum { DIALOG_ID_MAX = 128 };
enum err dialog_session_id(struct str call, char out[DIALOG_ID_MAX]) MUST_USE;
/* The side that has leg a of media `media_id` ("1", "2" …); A when the call is unknown. */
enum offer_side dialog_access(const struct dialogs *d, struct str call, const char *media_id);
/* Did the last offer or answer of this session's call set ends_when_silent? *settled_ns: when
 * signalling last changed the call (monotonic). */
bool dialogs_ends_when_silent(const struct dialogs *d, struct str session, uint64_t *settled_ns);
/* Records whether a leg that should receive packets is silent. */
void dialogs_set_quiet(struct dialogs *d, struct str session, bool on);
/* Calls `fn` for each ends_when_silent call that is marked quiet or was last changed by signalling
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
