/* SPDX-License-Identifier: MIT */
/* The decision tables of an IMS-ALG, and the attribute a=3ge2ae. */
#include "keyctx/sdp/ims.h"

#include "keyctx/sdp/keymgmt.h"

/* --- a=3ge2ae --------------------------------------------------------------- */

static const char attr_name[] = "3ge2ae";
static const char *const values[] = {
	[IMS_3GE2AE_REQUESTED] = "requested",
	[IMS_3GE2AE_APPLIED] = "applied",
};

enum ims_3ge2ae ims_3ge2ae_read(const struct sdp *s, unsigned media)
{
	struct str value;

	for (struct sdp_line *l = sdp_next_attr(s, (int)media, NULL, attr_name, &value); l;
	     l = sdp_next_attr(s, (int)media, l, attr_name, &value))
		for (unsigned v = IMS_3GE2AE_REQUESTED; v < ARRAY_LEN(values); v++)
			if (str_is(str_trim(value), values[v]))
				return (enum ims_3ge2ae)v;
	return IMS_3GE2AE_ABSENT;
}

void ims_3ge2ae_remove(struct sdp *s)
{
	for (int section = SDP_SESSION; section < (int)s->n_media; section++)
		(void)sdp_attr_remove(s, section, attr_name);
}

enum err ims_3ge2ae_write(struct sdp *s, unsigned media, enum ims_3ge2ae v)
{
	(void)sdp_attr_remove(s, (int)media, attr_name);
	return v ? sdp_attr_add(s, (int)media, attr_name, str_of(values[v])) : ERR_OK;
}

/* --- facts about an m-line and the call ------------------------------------- */

void ims_facts_read(struct ims_facts *out, const struct sdp *s, unsigned media,
                    const struct sdes_list *list, bool has_capability)
{
	*out = (struct ims_facts){
		.profile = s->media[media].profile,
		.has_crypto = list->n > 0,
		.has_usable_crypto = sdes_list_first(list) != NULL,
		.has_keymgmt = keymgmt_is_present(s, media),
		.has_capability = has_capability,
		.is_requested = ims_3ge2ae_read(s, media) == IMS_3GE2AE_REQUESTED,
	};
}

void ims_call_defaults(struct ims_call *c)
{
	*c = (struct ims_call){
		.e2ae_enabled = true,
		.gm_is_confidential = true,
		.require_confidential_gm = true,
		.accept_avp_crypto = true,
		.use_capabilities = true,
	};
}

/* --- decision tables -------------------------------------------------------- */

enum what { ANY, YES, NO };
enum transport { PLAIN = 1, SECURE = 2, DTLS = 4, OTHER = 8, EVERY = 15 };

/* A row of a decision table: conditions, then the action. The first row whose conditions all hold
 * decides. A condition that is ANY (0) always holds. */
struct row {
	const char *name;
	uint8_t transports;
	uint8_t crypto, usable, keymgmt, capability, requested, can_e2ae, emergency, avp_crypto,
		use_capabilities;
	enum ims_action action;
	const char *reason;
};

/* clang-format off */
static const struct row from_ue[] = {
	/* An emergency call is never refused for security; the gateway terminates its SRTP if it
	 * can. */
	{.name = "O2e", .transports = SECURE, .usable = YES, .can_e2ae = YES, .emergency = YES,
	 .action = IMS_E2AE,
	 .reason = "emergency call with usable keys: the gateway terminates SRTP"},
	{.name = "O11e", .transports = SECURE, .emergency = YES, .action = IMS_E2E,
	 .reason = "emergency call, e2ae not possible: SRTP passes end to end"},
	{.name = "O10", .transports = DTLS, .action = IMS_E2E,
	 .reason = "DTLS-SRTP passes end to end"},
	{.name = "O3", .transports = SECURE, .crypto = YES, .requested = YES, .can_e2ae = NO,
	 .action = IMS_REFUSE,
	 .reason = "e2ae requested, but not agreed at registration"},
	{.name = "O7", .transports = SECURE, .usable = YES, .keymgmt = YES, .requested = YES,
	 .can_e2ae = YES,
	 .action = IMS_E2AE, .reason = "e2ae requested: the gateway removes a=key-mgmt"},
	{.name = "O7", .transports = SECURE, .keymgmt = YES, .requested = YES, .action = IMS_REFUSE,
	 .reason = "e2ae requested without a usable a=crypto line"},
	{.name = "O2", .transports = SECURE, .usable = YES, .requested = YES, .can_e2ae = YES,
	 .action = IMS_E2AE,
	 .reason = "e2ae requested and agreed"},
	{.name = "O11", .transports = SECURE, .requested = YES, .action = IMS_REFUSE,
	 .reason = "e2ae requested without a usable a=crypto line"},
	{.name = "O6", .transports = SECURE, .crypto = YES, .keymgmt = YES, .action = IMS_E2E,
	 .reason = "a=crypto and a=key-mgmt: the answerer chooses one, SRTP passes end to end"},
	{.name = "O4", .transports = SECURE, .usable = YES, .action = IMS_E2E,
	 .reason = "a=crypto without e2ae request: SRTP passes end to end"},
	{.name = "O5", .transports = SECURE, .keymgmt = YES, .action = IMS_E2E,
	 .reason = "a=key-mgmt without e2ae request: SRTP passes end to end"},
	{.name = "O11", .transports = SECURE, .action = IMS_E2E,
	 .reason = "no keys that the gateway can use: SRTP passes end to end"},
	{.name = "O8", .transports = PLAIN, .usable = YES, .requested = YES, .can_e2ae = YES,
	 .avp_crypto = YES,
	 .action = IMS_E2AE_AVP, .reason = "e2ae requested under RTP/AVP"},
	{.name = "O9", .transports = PLAIN, .capability = YES, .can_e2ae = YES,
	 .use_capabilities = YES,
	 .action = IMS_E2AE_CAPABILITY, .reason = "potential configuration with SRTP chosen"},
	{.name = "O1", .transports = EVERY, .action = IMS_PLAIN, .reason = "no media security"},
};

static const struct row from_core[] = {
	{.name = "T6", .transports = DTLS, .action = IMS_E2E,
	 .reason = "DTLS-SRTP passes end to end"},
	{.name = "T3", .transports = SECURE, .action = IMS_E2E,
	 .reason = "SRTP offered by the core passes end to end"},
	{.name = "T4", .transports = PLAIN, .crypto = YES, .can_e2ae = YES, .action = IMS_E2AE,
	 .reason = "a=crypto under RTP/AVP removed; SRTP between gateway and UE"},
	{.name = "T4", .transports = PLAIN, .crypto = YES, .action = IMS_PLAIN,
	 .reason = "a=crypto under RTP/AVP removed; RTP without security"},
	{.name = "T1", .transports = PLAIN, .can_e2ae = YES, .action = IMS_E2AE,
	 .reason = "RTP from the core; SRTP between gateway and UE"},
	{.name = "T2", .transports = EVERY, .action = IMS_PLAIN,
	 .reason = "no e2ae: not agreed with the UE, or not allowed by the settings"},
};
/* clang-format on */

static bool fits(uint8_t want, bool is)
{
	return want == ANY || (want == YES) == is;
}

static enum transport transport_of(enum sdp_profile p)
{
	if (!sdp_profile_is_rtp(p))
		return OTHER;
	return sdp_profile_is_dtls(p) ? DTLS : sdp_profile_is_secure(p) ? SECURE : PLAIN;
}

static bool row_fits(const struct row *r, const struct ims_facts *f, const struct ims_call *c)
{
	/* Keys in SDP protect media only if signalling is encrypted (RFC 4568 8.3). */
	bool gm = c->gm_is_confidential || !c->require_confidential_gm;
	bool can = c->has_binding && c->e2ae_enabled && gm;

	return (r->transports & transport_of(f->profile)) && fits(r->crypto, f->has_crypto) &&
	       fits(r->usable, f->has_usable_crypto) && fits(r->keymgmt, f->has_keymgmt) &&
	       fits(r->capability, f->has_capability) && fits(r->requested, f->is_requested) &&
	       fits(r->can_e2ae, can) && fits(r->emergency, c->is_emergency) &&
	       fits(r->avp_crypto, c->accept_avp_crypto) &&
	       fits(r->use_capabilities, c->use_capabilities);
}

static struct ims_decision decide(const struct row *rows, size_t n, const struct ims_facts *f,
                                  const struct ims_call *c)
{
	const struct row *r = rows;

	/* The conditions of the last row of each table always hold. */
	while (r < rows + n - 1 && !row_fits(r, f, c))
		r++;
	return (struct ims_decision){.row = r->name, .action = r->action, .reason = r->reason};
}

struct ims_decision ims_decide_from_ue(const struct ims_facts *f, const struct ims_call *c)
{
	return decide(from_ue, ARRAY_LEN(from_ue), f, c);
}

struct ims_decision ims_decide_from_core(const struct ims_facts *f, const struct ims_call *c)
{
	return decide(from_core, ARRAY_LEN(from_core), f, c);
}

bool ims_is_answer_in_kind(enum sdp_profile offered, enum sdp_profile answered)
{
	return sdp_profile_is_secure(offered) == sdp_profile_is_secure(answered) &&
	       sdp_profile_is_dtls(offered) == sdp_profile_is_dtls(answered) &&
	       sdp_profile_is_rtp(offered) == sdp_profile_is_rtp(answered);
}

static const char *const action_names[IMS_ACTION_COUNT] = {
	[IMS_PLAIN] = "plain",       [IMS_E2AE] = "e2ae",
	[IMS_E2AE_AVP] = "e2ae-avp", [IMS_E2AE_CAPABILITY] = "e2ae-capability",
	[IMS_E2E] = "e2e",           [IMS_REFUSE] = "refuse",
};

const char *ims_action_name(enum ims_action a)
{
	return action_names[a];
}
