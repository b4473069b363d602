/* SPDX-License-Identifier: MIT */
/* Decides for each m-line what an IMS-ALG does: terminate SRTP here, pass it end to end, or refuse
 * it (TS 33.328, TS 24.229). The names of the rows are those of docs/keying.md. */
#ifndef KEYCTX_SDP_IMS_H
#define KEYCTX_SDP_IMS_H

#include <stdbool.h>

#include "keyctx/sdp/sdes.h"
#include "keyctx/sdp/sdp.h"

/* The value of a=3ge2ae in an m-line. Other values, and the attribute at session level, count as
 * absent (TS 24.229 7.5.2). */
enum ims_3ge2ae { IMS_3GE2AE_ABSENT, IMS_3GE2AE_REQUESTED, IMS_3GE2AE_APPLIED };

/* Reads a=3ge2ae of an m-line. Outside ims.c only tests call it. */
enum ims_3ge2ae ims_3ge2ae_read(const struct sdp *s, unsigned media);
/* Removes a=3ge2ae from all sections: the gateway neither sends it to the core nor trusts it when
 * the core sends it. */
void ims_3ge2ae_remove(struct sdp *s);
/* Sets a=3ge2ae of an m-line to `v`; IMS_3GE2AE_ABSENT removes it. */
enum err ims_3ge2ae_write(struct sdp *s, unsigned media, enum ims_3ge2ae v) MUST_USE;

/* What the gateway knows about an offered m-line. */
struct ims_facts {
	enum sdp_profile profile;
	bool has_crypto, has_usable_crypto;
	bool has_keymgmt;
	/* it has a potential RTP/SAVP(F) configuration (RFC 5939) that the gateway supports */
	bool has_capability;
	bool is_requested; /* it has a=3ge2ae:requested */
};

/* Fills `out` for one m-line. `list`: its a=crypto lines; `has_capability`: capneg_choose found a
 * configuration. */
void ims_facts_read(struct ims_facts *out, const struct sdp *s, unsigned media,
                    const struct sdes_list *list, bool has_capability);

/* What the gateway knows about the call, and the settings that apply. */
struct ims_call {
	bool has_binding; /* UE and gateway agreed on e2ae at registration */
	bool is_emergency;
	bool e2ae_enabled;       /* policy allows e2ae towards the served UE */
	bool gm_is_confidential; /* signalling to the UE (Gm) is encrypted by IPsec or TLS */
	bool require_confidential_gm;
	bool accept_avp_crypto; /* accept a=crypto under RTP/AVP(F), row O8 */
	bool use_capabilities;  /* accept potential configurations, row O9 */
};

/* Sets the defaults: e2ae is enabled, Gm must be confidential and is taken to be so, rows O8 and O9
 * are enabled. */
void ims_call_defaults(struct ims_call *c);

enum ims_action {
	IMS_PLAIN,           /* relay RTP without protection */
	IMS_E2AE,            /* terminate SRTP here; RTP/SAVP(F) with keys in a=crypto */
	IMS_E2AE_AVP,        /* terminate SRTP here; the answer has RTP/AVP(F) and a=crypto */
	IMS_E2AE_CAPABILITY, /* terminate SRTP here; the answer chooses a potential configuration */
	IMS_E2E,             /* end to end: key lines and packets pass unchanged */
	IMS_REFUSE, /* answer port 0 if other m-lines are left, else 488 with a Warning 399 */
	IMS_ACTION_COUNT
};

/* For tests: returns the name of an action, to print when a test fails. */
const char *ims_action_name(enum ims_action a);

/* The table row that decided, to show in replies, logs and tests. */
struct ims_decision {
	const char *row; /* name such as "O2" or "T1"; the name of an emergency row ends in "e" */
	enum ims_action action;
	const char *reason;
};

/* Decides about one m-line of an offer from the served UE (rows O1 to O11). Call it for each m-line
 * whose port is not 0. */
struct ims_decision ims_decide_from_ue(const struct ims_facts *f, const struct ims_call *c);
/* Decides about one m-line of an offer from the core to the served UE (rows T1 to T4 and T6). In
 * row T5, an INVITE without SDP, the UE makes the offer: call ims_decide_from_ue. */
struct ims_decision ims_decide_from_core(const struct ims_facts *f, const struct ims_call *c);
/* Returns true if both profiles are of the same kind: not RTP, plain RTP, SRTP, or DTLS-SRTP. An
 * answer must be of the same kind as its offer (RFC 3264 6). */
bool ims_is_answer_in_kind(enum sdp_profile offered, enum sdp_profile answered);

#endif
