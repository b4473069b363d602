/* SPDX-License-Identifier: MIT */
/* Reads the policy of a KMS: who may call whom, the modes and algorithms, lifetimes and rates. */
#include <inttypes.h>
#include <stdio.h>

#include "control/kms/kms_conf.h"
#include "keyctx/kms/tpk.h"

enum { PATH_MAX_TEXT = 96 };

static enum err read_number_set(const struct doc *list, const char *path, unsigned max,
                                unsigned *bits, struct why *why)
{
	unsigned got = 0;

	if (!list)
		return ERR_OK;
	if (list->kind != DOC_LIST)
		return why_fail(why, ERR_INVALID, "%s: must be a list of integers from 1 to %u",
		                path, max);
	for (DOC_EACH(it, list)) {
		if (it->kind != DOC_INT || it->number < 1 || it->number > (int64_t)max)
			return why_fail(why, ERR_RANGE,
			                "%s: must be a list of integers from 1 to %u", path, max);
		got |= 1u << it->number;
	}
	*bits = got;
	return ERR_OK;
}

static enum err read_suites(struct kms_policy *p, const struct doc *list, struct why *why)
{
	if (!list)
		return ERR_OK;
	if (list->kind != DOC_LIST)
		return why_fail(why, ERR_INVALID,
		                "policy.suites: must be a list of \"128\" and \"256\"");
	p->suite_128 = p->suite_256 = false;
	for (DOC_EACH(it, list)) {
		bool is_128 = it->kind == DOC_TEXT && str_is(it->text, "128"),
		     is_256 = it->kind == DOC_TEXT && str_is(it->text, "256");

		if (!is_128 && !is_256)
			return why_fail(why, ERR_INVALID,
			                "policy.suites: must be a list of \"128\" and \"256\"");
		p->suite_128 |= is_128;
		p->suite_256 |= is_256;
	}
	return ERR_OK;
}

static enum err read_bool(const struct doc *node, const char *name, bool *out, struct why *why)
{
	const struct doc *v = doc_get(node, name);

	if (!v)
		return ERR_OK;
	if (v->kind != DOC_BOOL)
		return why_fail(why, ERR_INVALID, "policy.%s: must be true or false", name);
	*out = v->truth;
	return ERR_OK;
}

static enum err read_rule(struct kms_policy *p, const struct doc *node, const char *path,
                          struct why *why)
{
	static const char *const names[] = {"from", "to", "allow", NULL};
	struct kms_rule rule = {.from = {"*"}, .to = {"*"}, .allow = true};
	const struct doc *allow;
	enum err e = kms_conf_only(node, path, names, why);

	if (!e && p->n_rules == KMS_RULES_MAX)
		e = why_fail(why, ERR_TOO_BIG, "%s: at most %d rules", path, KMS_RULES_MAX);
	if (!e)
		e = kms_conf_text_into(kms_conf_optional(node, path, "from"), rule.from.text,
		                       sizeof(rule.from.text), why);
	if (!e)
		e = kms_conf_text_into(kms_conf_optional(node, path, "to"), rule.to.text,
		                       sizeof(rule.to.text), why);
	if (e)
		return e;
	allow = doc_get(node, "allow");
	if (!allow || allow->kind != DOC_BOOL)
		return why_fail(why, ERR_INVALID, "%s.allow: must be true or false", path);
	rule.allow = allow->truth;
	p->rules[p->n_rules++] = rule;
	return ERR_OK;
}

static enum err read_rules(struct kms_policy *p, const struct doc *list, struct why *why)
{
	char path[PATH_MAX_TEXT];
	size_t i = 0;

	if (!list)
		return ERR_OK;
	if (list->kind != DOC_LIST)
		return why_fail(why, ERR_INVALID, "policy.rules: must be a list");
	for (DOC_EACH(it, list)) {
		enum err e;

		snprintf(path, sizeof(path), "policy.rules[%zu]", i++);
		e = read_rule(p, it, path, why);
		if (e)
			return e;
	}
	return ERR_OK;
}

/* Half of KMS_TPKS_MAX stays free for keys that an operator makes by hand. */
static enum err check_lifetimes(const struct kms_policy *p, struct why *why)
{
	uint64_t open_s = (uint64_t)p->ticket_max_s + 2 * (uint64_t)p->skew_s,
		 least_s = open_s / (KMS_TPKS_MAX / 2) + 1;

	if (p->ticket_default_s > p->ticket_max_s)
		return why_fail(why, ERR_RANGE,
		                "policy.ticket_default_s: %" PRIu32
		                " is more than policy.ticket_max_s, %" PRIu32,
		                p->ticket_default_s, p->ticket_max_s);
	if (p->tpk_issue_s < least_s)
		return why_fail(why, ERR_RANGE,
		                "policy.ticket_key_issue_s: %" PRIu32
		                " with policy.ticket_max_s %" PRIu32
		                " needs more ticket keys than %d: must be at least %" PRIu64,
		                p->tpk_issue_s, p->ticket_max_s, KMS_TPKS_MAX / 2, least_s);
	return ERR_OK;
}

enum err kms_conf_policy(struct kms_policy *p, const struct doc *node, struct why *why)
{
	static const char *const names[] = {
		"modes",
		"suites",
		"ticket_types",
		"allow_reuse",
		"allow_initiator_keys",
		"allow_responder_keys",
		"ticket_default_s",
		"ticket_max_s",
		"skew_s",
		"ticket_key_issue_s",
		"rate_per_minute",
		"rate_burst",
		"naf_key_max_s",
		"rules",
		NULL,
	};
	const struct {
		const char *name;
		uint32_t *at;
		uint32_t min, max;
	} numbers[] = {
		{"ticket_default_s", &p->ticket_default_s, 1, 31536000},
		{"ticket_max_s", &p->ticket_max_s, 1, 31536000},
		{"skew_s", &p->skew_s, 1, 86400},
		{"ticket_key_issue_s", &p->tpk_issue_s, 1, 31536000},
		{"rate_per_minute", &p->rate_per_minute, 0, 1000000},
		{"rate_burst", &p->rate_burst, 1, 1000000},
		{"naf_key_max_s", &p->naf_key_max_s, 1, 31536000},
	};
	unsigned modes = p->modes;
	enum err e;

	if (!node)
		return ERR_OK;
	e = kms_conf_only(node, "policy", names, why);
	for (size_t i = 0; !e && i < ARRAY_LEN(numbers); i++) {
		uint64_t v = *numbers[i].at;

		e = kms_conf_uint(kms_conf_optional(node, "policy", numbers[i].name),
		                  numbers[i].min, numbers[i].max, &v, why);
		*numbers[i].at = (uint32_t)v;
	}
	if (!e)
		e = read_number_set(doc_get(node, "modes"), "policy.modes", 4, &modes, why);
	p->modes = (uint8_t)modes;
	if (!e)
		e = read_number_set(doc_get(node, "ticket_types"), "policy.ticket_types", 31,
		                    &p->accept_types, why);
	if (!e)
		e = read_suites(p, doc_get(node, "suites"), why);
	if (!e)
		e = read_bool(node, "allow_reuse", &p->allow_reuse, why);
	if (!e)
		e = read_bool(node, "allow_initiator_keys", &p->allow_initiator_keys, why);
	if (!e)
		e = read_bool(node, "allow_responder_keys", &p->allow_responder_keys, why);
	/* The default was not set: it follows a shorter maximum. */
	if (!e && !doc_get(node, "ticket_default_s") && p->ticket_default_s > p->ticket_max_s)
		p->ticket_default_s = p->ticket_max_s;
	if (!e)
		e = check_lifetimes(p, why);
	return e ? e : read_rules(p, doc_get(node, "rules"), why);
}
