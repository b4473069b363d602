/* SPDX-License-Identifier: MIT */
/* The decision of an IMS-ALG about each m-line: end SRTP here, pass it end to end, or refuse
 * (TS 33.328, TS 24.229). Rows are those of docs/keying.md. */
#ifndef KEYCTX_SDP_IMS_H
#define KEYCTX_SDP_IMS_H

#include <stdbool.h>

#include "keyctx/sdp/sdes.h"
#include "keyctx/sdp/sdp.h"

/* a=3ge2ae at an m-line; other values and the session level count as absent (24.229 7.5.2). */
enum ims_3ge2ae { IMS_3GE2AE_ABSENT, IMS_3GE2AE_REQUESTED, IMS_3GE2AE_APPLIED };

/* For tests, which read the attribute in descriptions that were written. */
enum ims_3ge2ae ims_3ge2ae_read(const struct sdp *s, unsigned media);
/* Removes it from every section: it is neither sent to the core nor believed from there. */
void ims_3ge2ae_remove(struct sdp *s);
/* Replaces it in an m-line. */
enum err ims_3ge2ae_write(struct sdp *s, unsigned media, enum ims_3ge2ae v) MUST_USE;

/* The facts about an offered m-line. */
struct ims_facts {
	enum sdp_profile profile;
	bool has_crypto, has_usable_crypto;
	bool has_keymgmt;
	bool has_capability; /* RFC 5939: a potential RTP/SAVP(F) configuration that we can use */
	bool is_requested;   /* 3ge2ae:requested */
};

/* `list`: the m-line's a=crypto lines; has_capability: capneg_choose found a configuration. */
void ims_facts_read(struct ims_facts *out, const struct sdp *s, unsigned media,
                    const struct sdes_list *list, bool has_capability);

/* The facts about the call, and settings. */
struct ims_call {
	bool has_binding; /* the registration agreed on e2ae */
	bool is_emergency;
	bool e2ae_enabled;       /* policy allows e2ae towards the served UE */
	bool gm_is_confidential; /* Gm uses IPsec with encryption, or TLS */
	bool require_confidential_gm;
	bool accept_avp_crypto; /* row O8 */
	bool use_capabilities;  /* row O9 */
};

/* The defaults: e2ae on, Gm is and must be confidential, rows O8 and O9 on. */
void ims_call_defaults(struct ims_call *c);

enum ims_action {
	IMS_PLAIN,           /* relay RTP */
	IMS_E2AE,            /* end SRTP here: keys by a=crypto, RTP/SAVP(F) */
	IMS_E2AE_AVP,        /* the same, the answer keeps RTP/AVP(F) beside a=crypto */
	IMS_E2AE_CAPABILITY, /* the same, by a potential configuration */
	IMS_E2E,             /* opaque: lines and packets pass unchanged */
	IMS_REFUSE,          /* port 0 if other m-lines are left, else 488 with a Warning 399 */
	IMS_ACTION_COUNT
};

/* For tests: names in messages of failed tests. */
const char *ims_action_name(enum ims_action a);

/* A row of the tables, for replies, logs and tests. */
struct ims_decision {
	const char *row; /* "O2", "T1"; emergency rows end in "e" */
	enum ims_action action;
	const char *reason;
};

/* An offer of the served UE, per m-line with a port (rows O1 to O11). */
struct ims_decision ims_decide_from_ue(const struct ims_facts *f, const struct ims_call *c);
/* An offer of the core towards the served UE (rows T1 to T6; T5 is ims_decide_from_ue on the UE's
 * own offer). */
struct ims_decision ims_decide_from_core(const struct ims_facts *f, const struct ims_call *c);
/* True when both are RTP or both are not, and have the same protection: none, SRTP or DTLS-SRTP. An
 * answer must be so (RFC 3264 6). */
bool ims_is_answer_in_kind(enum sdp_profile offered, enum sdp_profile answered);

#endif
