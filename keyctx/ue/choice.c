/* SPDX-License-Identifier: MIT */
/* Chooses the protection of a call. */
#include "keyctx/ue/choice.h"

#include <stdio.h>

static const struct ue_rule without_policy = {
	.peer = {"*"}, .protect = {UE_E2E_KMS}, .n_protect = 1};

static const struct ue_rule *rule_for(const struct ue_choosing *c)
{
	for (size_t i = 0; c->policy && i < c->policy->n_rules; i++)
		if (kms_pattern_fits(&c->policy->rules[i].peer, c->peer))
			return &c->policy->rules[i];
	return &without_policy;
}

static bool allows(const struct ue_rule *r, enum ue_protection p)
{
	for (size_t i = 0; i < r->n_protect; i++)
		if (r->protect[i] == p)
			return true;
	return false;
}

/* Returns what the terminal lacks for this protection; NULL if nothing. */
static const char *lacks(const struct ue_choosing *c, enum ue_protection p)
{
	if (p == UE_E2E_KMS && !c->has_kms)
		return "credentials for a KMS";
	/* For e2ae the terminal and the network must both announce it at registration (TS 33.328
	 * 7.2.1). */
	if (p == UE_E2AE && !c->network_does_e2ae)
		return "a network that announced e2ae at registration (network_e2ae)";
	return NULL;
}

static enum err check_user(const struct ue_choosing *c, const struct ue_rule *r, struct why *why)
{
	if (r->strict && !allows(r, c->user))
		return why_fail(
			why, ERR_DENIED,
			"%s is not allowed: the policy for \"%s\" is strict and does not list it",
			ue_protection_name(c->user), r->peer.text);
	return ERR_OK;
}

enum err ue_choose_offer(const struct ue_choosing *c, enum ue_protection *out, struct why *why)
{
	const struct ue_rule *r = rule_for(c);
	const char *missing = "entries in protect of this rule";
	enum err e;

	if (c->user_has_said) {
		e = check_user(c, r, why);
		if (e)
			return e;
		missing = lacks(c, c->user);
		if (missing)
			return why_fail(why, ERR_UNSUPPORTED, "%s needs %s",
			                ue_protection_name(c->user), missing);
		*out = c->user;
		return ERR_OK;
	}
	for (size_t i = 0; i < r->n_protect; i++) {
		missing = lacks(c, (enum ue_protection)r->protect[i]);
		if (missing)
			continue;
		*out = (enum ue_protection)r->protect[i];
		return ERR_OK;
	}
	return why_fail(why, ERR_UNSUPPORTED,
	                "no protection of the policy for \"%s\" is possible: missing %s",
	                r->peer.text, missing);
}

static void list_offered(unsigned offered, char *out, size_t room)
{
	size_t n = 0;

	snprintf(out, room, "%s", offered ? "" : "no protection that all m= lines share");
	for (unsigned p = 0; p < UE_PROTECTIONS && n < room; p++)
		if (offered & 1u << p)
			n += (size_t)snprintf(out + n, room - n, "%s%s", n ? ", " : "",
			                      ue_protection_name((enum ue_protection)p));
}

enum err ue_choose_answer(const struct ue_choosing *c, unsigned offered, enum ue_protection *out,
                          struct why *why)
{
	const struct ue_rule *r = rule_for(c);
	char text[64];
	enum err e;

	list_offered(offered, text, sizeof(text));
	if (c->user_has_said) {
		e = check_user(c, r, why);
		if (e)
			return e;
		if (!(offered & 1u << c->user))
			return why_fail(why, ERR_DENIED, "the offer has %s, but the user chose %s",
			                text, ue_protection_name(c->user));
		*out = c->user;
		return ERR_OK;
	}
	for (size_t i = 0; i < r->n_protect; i++)
		if (offered & 1u << r->protect[i] &&
		    !(r->protect[i] == UE_E2E_KMS && !c->has_kms)) {
			*out = (enum ue_protection)r->protect[i];
			return ERR_OK;
		}
	return why_fail(why, ERR_DENIED,
	                "the offer has %s, but the policy for \"%s\" allows none of them", text,
	                r->peer.text);
}
