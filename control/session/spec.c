/* SPDX-License-Identifier: MIT */
/* The tables of a session's fields, and functions that apply a patch to a session's content. */
#include "base/mem.h"
#include "control/session/spec_schema.h"

/* --- the tables ------------------------------------------------------------- */

static const struct word gate_words[] = {{"open", 1}, {"closed", 0}, {0}};
static const struct word kind_words[] = {
	{"audio", SPEC_KIND_AUDIO}, {"video", SPEC_KIND_VIDEO}, {0}};
const struct word spec_rekey_words[] = {
	{"reject", SPEC_REKEY_REJECT}, {"accept", SPEC_REKEY_ACCEPT}, {0}};

#define LEG(type_, member_) SCHEMA_FIELD(type_, struct spec_leg, relay.member_)
#define DIRECTION(key_type_, key_, gate_)                                                      \
	{                                                                                      \
		[SPEC_DIRECTION_KEYING] = {.name = "keying",                                   \
		                           LEG(key_type_, key_),                               \
		                           .secret = true,                                     \
		                           .help = "suite, inline, mki, lifetime, roc; null: " \
		                                   "no key"},                                  \
		[SPEC_DIRECTION_GATE] = {                                                      \
			.name = "gate",                                                        \
			LEG(&schema_word, gate_),                                              \
			.words = gate_words,                                                   \
			.preset = 1,                                                           \
			.help = "open: packets pass; closed: RTP is dropped, RTCP passes",     \
		},                                                                             \
	}
static const struct schema_field receive_fields[] =
	DIRECTION(&spec_receive_key_type, receive, can_receive);
static const struct schema_field send_fields[] = DIRECTION(&spec_send_key_type, send, can_send);
static const struct schema receive_schema = {.name = "a direction",
                                             .fields = receive_fields,
                                             .n = ARRAY_LEN(receive_fields),
                                             .has_at = offsetof(struct spec_leg, receive_has)};
static const struct schema send_schema = {.name = "a direction",
                                          .fields = send_fields,
                                          .n = ARRAY_LEN(send_fields),
                                          .has_at = offsetof(struct spec_leg, send_has)};

#define FROM_CONTEXT(member_) .preset_at = 1 + offsetof(struct spec_context, member_)
static const struct schema_field leg_fields[] = {
	[SPEC_LEG_INTERFACE] = {.name = "interface",
                                SCHEMA_FIELD(&spec_interface_type, struct spec_leg, choice),
                                .help = "NAME or NAME/ADDR of --interface; default: the first name "
                                        "with an address of the leg's family"},
	[SPEC_LEG_REMOTE] = {.name = "remote",
                             LEG(&schema_addr, remote),
                             .help = "where the peer receives RTP; null: not known yet"},
	[SPEC_LEG_REMOTE_RTCP] =
		{.name = "remote_rtcp",
                 LEG(&schema_addr, remote_rtcp),
                 .help = "where the peer receives RTCP if rtcp is pair; default: the port after "
                         "remote"},
	[SPEC_LEG_RTCP] = {.name = "rtcp",
                           LEG(&schema_word, rtcp),
                           .words = relay_rtcp_words,
                           .help = "mux: on the RTP port (RFC 5761); pair: on the next port; none"},
	[SPEC_LEG_LATCH] =
		{.name = "latch",
                 LEG(&schema_word, latch),
                 .words = relay_latch_words,
                 .help = "how the leg learns its peer's address: signalled, first, follow, "
                         "asymmetric, heuristic"},
	[SPEC_LEG_LATCH_STRICT] = {.name = "latch_strict",
                                   LEG(&schema_bool, latch_strict),
                                   .help = "true: a silent peer does not lose the leg to another "
                                           "source; only signalling or an authentic packet moves "
                                           "the leg"},
	[SPEC_LEG_LATCH_WINDOW_MS] =
		{.name = "latch_window_ms",
                 LEG(&schema_uint, latch_window_ms),
                 .max = 3600000,
                 .help = "heuristic latch: how long the leg compares sources, from the first "
                         "packet on; 0: 3 s"},
	[SPEC_LEG_TEACHES] =
		{.name = "teaches",
                 LEG(&schema_bits, teaches),
                 .words = relay_teach_words,
                 .help = "opaque legs: datagrams besides RTP and RTCP that may teach the peer's "
                         "address: stun, dtls, any"},
	[SPEC_LEG_DSCP] = {.name = "dscp",
                           LEG(&schema_uint, dscp),
                           .max = 63,
                           FROM_CONTEXT(leg.dscp),
                           .help = "DSCP of packets sent to the peer"},
	[SPEC_LEG_LOOP_PROTECT] =
		{.name = "loop_protect",
                 LEG(&schema_bool, loop_protect),
                 .help = "drop packets that would return to the address they came from"},
	[SPEC_LEG_INACTIVITY_MS] =
		{.name = "inactivity_ms",
                 LEG(&schema_uint, inactivity_ms),
                 .max = 86400000,
                 FROM_CONTEXT(leg.inactivity_ms),
                 .help = "event media-timeout if the peer is silent for this long; 0: never"},
	[SPEC_LEG_REKEY_ROC] =
		{.name = "rekey_roc",
                 LEG(&schema_word, rekey_roc),
                 .words = relay_rekey_roc_words,
                 FROM_CONTEXT(leg.rekey_roc),
                 .help = "where the rollover counter continues under a new key at the "
                         "same address: either, keep, zero"},
	[SPEC_LEG_REKEY_OVERLAP_MS] =
		{.name = "rekey_overlap_ms",
                 LEG(&schema_uint, rekey_overlap_ms),
                 .max = 600000,
                 FROM_CONTEXT(leg.rekey_overlap_ms),
                 .help = "how long the old receive key still decrypts packets"},
	[SPEC_LEG_RECEIVE] = {.name = "receive",
                              .type = &schema_struct,
                              .sub = &receive_schema,
                              .help = "key and gate of packets from the peer"},
	[SPEC_LEG_SEND] = {.name = "send",
                           .type = &schema_struct,
                           .sub = &send_schema,
                           .help = "key and gate of packets to the peer"},
	[SPEC_LEG_FAMILY] = {.name = "family",
                             SCHEMA_FIELD(&spec_family_type, struct spec_leg, family),
                             .help = "family of the local address while remote is null: 4 or 6; "
                                     "default: 4 if the interface has it"},
};
const struct schema spec_leg_schema = SCHEMA_OF("a leg", leg_fields, struct spec_leg);

static const struct schema_field media_fields[] = {
	[SPEC_MEDIA_ID] = {.name = "id",
                           SCHEMA_FIELD(&schema_text, struct spec_media, id),
                           .required = true,
                           .min = 1,
                           .help = "unique in the session: the m-line's number or mid"},
	[SPEC_MEDIA_MODE] = {.name = "mode",
                             SCHEMA_FIELD(&spec_mode_type, struct spec_media, mode),
                             .help = "what the gateway does to packets; required for a new media"},
	[SPEC_MEDIA_KIND] = {.name = "kind",
                             SCHEMA_FIELD(&schema_word, struct spec_media, kind),
                             .words = kind_words,
                             .help = "audio or video: receive keys get replay-window or "
                                     "replay-window-video"},
	[SPEC_MEDIA_ACTIVE] = {.name = "active",
                               SCHEMA_FIELD(&spec_active_type, struct spec_media, active),
                               .preset = 1,
                               .help = "the core leg that leg a is joined to"},
	[SPEC_MEDIA_LEGS] = {.name = "legs",
                             SCHEMA_FIELD(&spec_legs_type, struct spec_media, legs),
                             .help = "a: access leg; b, b2 … b8: core legs; null deletes a leg"},
};
const struct schema spec_media_schema = SCHEMA_OF("a media", media_fields, struct spec_media);

static const struct schema_field session_fields[] = {
	[SPEC_SESSION_ID] = {.name = "id",
                             SCHEMA_FIELD(&schema_text, struct spec_session, id),
                             .required = true,
                             .min = 1,
                             .help = "chosen by the caller"},
	[SPEC_SESSION_SETUP_TIMEOUT_MS] = {.name = "setup_timeout_ms",
                                           SCHEMA_FIELD(&schema_uint, struct spec_session,
                                                        setup_timeout_ms),
                                           .max = 86400000,
                                           FROM_CONTEXT(setup_timeout_ms),
                                           .help = "event setup-timeout when no packet comes for "
                                                   "this long after the create; 0: never"},
	[SPEC_SESSION_E2AE_REKEY] = {.name = "e2ae_rekey",
                                     SCHEMA_FIELD(&schema_word, struct spec_session, e2ae_rekey),
                                     .words = spec_rekey_words,
                                     FROM_CONTEXT(e2ae_rekey),
                                     .help = "reject or accept a new key on an e2ae access leg "
                                             "whose address did not change (TS 33.328 7.4)"},
	[SPEC_SESSION_MEDIA] = {.name = "media",
                                SCHEMA_FIELD(&spec_media_type, struct spec_session, media),
                                .help = "one for each m-line; an update lists only changed ones"},
};
const struct schema spec_session_schema =
	SCHEMA_OF("a session", session_fields, struct spec_session);

/* --- making and merging ----------------------------------------------------- */

enum err spec_new(struct spec_session **out)
{
	struct spec_session *s = mem_alloc(sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	*out = s;
	return ERR_OK;
}

void spec_free(struct spec_session *s)
{
	if (!s)
		return;
	schema_fini(&spec_session_schema, s);
	mem_free(s);
}

void spec_swap(struct spec_session *a, struct spec_session *b)
{
	struct spec_session old = *a;

	*a = *b;
	*b = old;
}

static enum err media_apply(struct spec_session *s, const struct spec_media *patch,
                            const struct spec_context *context, struct why *why)
{
	struct spec_media *m = spec_media_find(&s->media, str_of(patch->id));
	enum err e;

	if (!m) {
		if (!SPEC_IS_GIVEN(patch, SPEC_MEDIA_MODE))
			return why_fail(why, ERR_INVALID,
			                "media \"%s\": mode must be given for a new media",
			                patch->id);
		e = spec_media_grow(&s->media, s->media.n + 1u);
		if (e)
			return e == ERR_LIMIT ? why_fail(why, e, "a session has at most %d media",
			                                 RELAY_MEDIA_MAX)
			                      : why_fail(why, e, "out of memory");
		m = &s->media.items[s->media.n - 1];
		schema_defaults(&spec_media_schema, m, context);
	}
	memcpy(m->id, patch->id, sizeof(m->id));
	if (SPEC_IS_GIVEN(patch, SPEC_MEDIA_MODE))
		m->mode = patch->mode;
	if (SPEC_IS_GIVEN(patch, SPEC_MEDIA_KIND))
		m->kind = patch->kind;
	if (SPEC_IS_GIVEN(patch, SPEC_MEDIA_ACTIVE))
		m->active = patch->active;
	m->has |= patch->has;
	if (spec_legs_apply(&m->legs, &patch->legs, context))
		return why_fail(why, ERR_NOMEM, "out of memory");
	return ERR_OK;
}

static enum err check_media(const struct spec_media *m, struct why *why)
{
	bool has_core = false;

	for (unsigned i = 1; i < m->legs.n; i++)
		has_core |= m->legs.items[i].exists;
	if (has_core && !spec_leg_exists(&m->legs, m->active))
		return why_fail(why, ERR_INVALID, "media \"%s\": active leg %s does not exist",
		                m->id, spec_leg_name(m->active));
	return ERR_OK;
}

static enum err apply_over(struct spec_session *s, const struct spec_session *patch,
                           const struct spec_context *context, struct why *why)
{
	enum err e = ERR_OK;

	if (SPEC_IS_GIVEN(patch, SPEC_SESSION_SETUP_TIMEOUT_MS))
		s->setup_timeout_ms = patch->setup_timeout_ms;
	if (SPEC_IS_GIVEN(patch, SPEC_SESSION_E2AE_REKEY))
		s->e2ae_rekey = patch->e2ae_rekey;
	memcpy(s->id, patch->id, sizeof(s->id));
	s->has |= patch->has;
	for (unsigned i = 0; i < patch->media.n && !e; i++)
		e = media_apply(s, &patch->media.items[i], context, why);
	if (!e && s->media.n == 0)
		e = why_fail(why, ERR_INVALID, "media: must have at least one entry");
	for (unsigned i = 0; i < s->media.n && !e; i++)
		e = check_media(&s->media.items[i], why);
	return e;
}

enum err spec_apply(struct spec_session **out, const struct spec_session *base,
                    const struct spec_session *patch, const struct spec_context *context,
                    struct why *why)
{
	struct spec_session *s = NULL;
	enum err e = spec_new(&s);

	if (!e && base)
		e = schema_copy(&spec_session_schema, s, base);
	else if (!e)
		schema_defaults(&spec_session_schema, s, context);
	if (e)
		why_fail(why, e, "out of memory");
	else
		e = apply_over(s, patch, context, why);
	if (e) {
		spec_free(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}

bool spec_eq(const struct spec_session *a, const struct spec_session *b)
{
	return schema_eq(&spec_session_schema, a, b);
}
