/* SPDX-License-Identifier: MIT */
/* Removes keys and SRTP attributes of one side that must not reach the other side. Finds the lines
 * by name and by content, at session level and in every m-line. */
#include "control/dialog/media.h"
#include "keyctx/sdp/capneg.h"

/* Which lines a section (the session level or an m-line) may keep. */
struct keep {
	bool keys; /* lines with SRTP keys */
	/* lines of capability negotiation, which contain keys or profiles of the sending side */
	bool capabilities;
	bool key_mgmt;  /* a=key-mgmt, which m-lines over TLS use too (RFC 4567, TS 33.328) */
	bool transform; /* attributes of the SRTP transform (is_transform) */
	const struct dialog_options *suites; /* options that limit the suites; NULL: no limit */
};

static bool has_text(struct str text, const char *what)
{
	size_t n = strlen(what);

	for (size_t at = 0; at + n <= text.n; at++)
		if (str_eq_nocase(str_make(text.p + at, n), str_make(what, n)))
			return true;
	return false;
}

/* Does the line have a key? True for k=, for attributes whose name begins with "crypto" (except
 * a=cryptex), and for any line that contains "inline:". */
static bool is_key(const struct sdp_line *l)
{
	struct str name;

	if (l->type == 'k' || has_text(l->value, "inline:"))
		return true;
	name = str_trim(l->value);
	return l->type == 'a' && name.n >= 6 && str_eq_nocase(str_make(name.p, 6), STR("crypto")) &&
	       !sdp_line_is_attr(l, "cryptex", NULL);
}

/* Does the line negotiate encrypted header extensions (RFC 9335, RFC 6904)? Those work only if SRTP
 * passes end to end. */
static bool is_transform(const struct sdp_line *l)
{
	struct str value;

	if (sdp_line_is_attr(l, "cryptex", NULL))
		return true;
	return sdp_line_is_attr(l, "extmap", &value) &&
	       has_text(value, "urn:ietf:params:rtp-hdrext:encrypt");
}

/* Does the request allow an a=crypto line of this suite (NULL: unknown) to pass end to end? Call it
 * under DIALOG_PLAIN only; under IMS the terminals choose suites. */
static bool may_pass(const struct suite *suite, const struct dialog_options *o)
{
	return o->n_suites && (suite ? o->sdes.suites >> suite->id & 1 : !o->only_named);
}

/* Does the request allow this line to pass end to end? The suite is one of the words of the line,
 * also in a capability line. */
static bool suite_may_pass(const struct sdp_line *l, const struct dialog_options *o)
{
	struct str rest = l->value;
	const struct suite *suite = NULL;

	if (l->type == 'k')
		return true;
	for (struct str word = str_word(&rest); word.n && !suite; word = str_word(&rest))
		suite = suite_find(word);
	return may_pass(suite, o);
}

enum err dialog_strip_leaves(const struct sdes_list *list, const struct dialog_options *o,
                             struct why *why)
{
	if (!list->n || o->profile != DIALOG_PLAIN)
		return ERR_OK;
	for (unsigned i = 0; i < list->n; i++)
		if (may_pass(list->lines[i].suite, o))
			return ERR_OK;
	return why_fail(why, ERR_INVALID,
	                "the SDES options of the request exclude every a=crypto line; allow at "
	                "least one of their suites");
}

static bool may_stay(const struct sdp_line *l, const struct keep *keep)
{
	if (keep->suites && is_key(l) && !suite_may_pass(l, keep->suites))
		return false;
	return (keep->keys || !is_key(l)) && (keep->capabilities || !capneg_is_line(l)) &&
	       (keep->key_mgmt || !sdp_line_is_attr(l, "key-mgmt", NULL)) &&
	       (keep->transform || !is_transform(l));
}

static void strip_section(struct sdp *s, int section, const struct keep *keep)
{
	struct sdp_line *next;

	for (struct sdp_line *l = sdp_next(s, section, NULL); l; l = next) {
		next = sdp_next(s, section, l);
		if (l->type != 'm' && !may_stay(l, keep))
			sdp_line_remove(l);
	}
}

/* Numbers of m-lines. `ended`: this gateway terminates their SRTP; includes m-lines that are off
 * and secure on one side only. `opaque`: relayed end to end. `tls`: over TLS, not RTP. */
struct census {
	unsigned ended, opaque, tls;
};

static struct census count(const struct sdp *s, const struct dialog_exchange *x)
{
	struct census n = {0};

	for (unsigned i = 0; i < x->n_media; i++) {
		const struct dialog_media *m = &x->media[i];

		if (m->treat == DIALOG_TREAT_PASS || dialog_media_is_other(m))
			n.tls += has_text(s->media[i].proto, "TLS");
		else if (m->treat == DIALOG_TREAT_OFF)
			n.ended += sdp_profile_is_secure(m->side[0].profile) !=
			           sdp_profile_is_secure(m->side[1].profile);
		else if (m->treat == DIALOG_TREAT_RELAY && dialog_mode_ends_srtp(m->mode))
			n.ended++;
		else if (m->treat == DIALOG_TREAT_RELAY && dialog_mode_is_opaque(m->mode))
			n.opaque++;
	}
	return n;
}

/* Which lines m-line i may keep. An m-line that is off or refused keeps none of them. */
static struct keep keep_of(const struct sdp *s, const struct dialog_media *m, unsigned i,
                           const struct census *n)
{
	bool all = n->opaque && !n->ended, opaque = dialog_mode_is_opaque(m->mode),
	     as_is = opaque || m->mode == RELAY_MODE_RTP;

	if (m->treat == DIALOG_TREAT_RELAY && !dialog_media_is_other(m))
		return (struct keep){
			.keys = opaque,
			.capabilities = opaque,
			.key_mgmt = opaque,
			.transform = as_is,
		};
	if (m->treat <= DIALOG_TREAT_RELAY)
		return (struct keep){
			.keys = all,
			.capabilities = all,
			.key_mgmt = all || has_text(s->media[i].proto, "TLS"),
			.transform = true,
		};
	return (struct keep){0};
}

static struct keep keep_of_session(const struct census *n)
{
	bool all = n->opaque && !n->ended;

	return (struct keep){
		.keys = all,
		.capabilities = all,
		.key_mgmt = !n->ended && (n->opaque || n->tls),
		.transform = !n->ended,
	};
}

/* Copies a session-level attribute to the m-lines that pass end to end and do not have it. Call it
 * before the attribute is removed from the session level. */
static enum err push_down(struct sdp *s, const struct dialog_exchange *x, const char *name)
{
	uint32_t to = 0;
	enum err e = ERR_OK;

	for (unsigned i = 0; i < x->n_media; i++)
		if (dialog_mode_is_opaque(x->media[i].mode) &&
		    x->media[i].treat == DIALOG_TREAT_RELAY &&
		    !dialog_media_is_other(&x->media[i]) && !sdp_has_attr(s, (int)i, name))
			to |= 1u << i;
	for (struct sdp_line *l = sdp_next_attr(s, SDP_SESSION, NULL, name, NULL); l && !e;
	     l = sdp_next_attr(s, SDP_SESSION, l, name, NULL))
		for (unsigned i = 0; i < x->n_media && !e; i++)
			if (to >> i & 1)
				e = sdp_line_add(s, (int)i, NULL, 'a', l->value);
	return e;
}

enum err dialog_strip(struct sdp *sdp, const struct dialog_exchange *x,
                      const struct dialog_options *o)
{
	static const char *const names[] = {"key-mgmt", "cryptex", "extmap"};
	struct census n = count(sdp, x);
	struct keep keep = keep_of_session(&n);
	enum err e = ERR_OK;

	for (unsigned i = 0; i < ARRAY_LEN(names) && n.ended && n.opaque && !e; i++)
		e = push_down(sdp, x, names[i]);
	if (e)
		return e;
	keep.suites = o->profile == DIALOG_PLAIN ? o : NULL;
	strip_section(sdp, SDP_SESSION, &keep);
	for (unsigned i = 0; i < x->n_media; i++) {
		keep = keep_of(sdp, &x->media[i], i, &n);
		keep.suites = o->profile == DIALOG_PLAIN ? o : NULL;
		strip_section(sdp, (int)i, &keep);
	}
	return ERR_OK;
}
