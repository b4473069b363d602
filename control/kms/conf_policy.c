/* SPDX-License-Identifier: MIT */
/* Reads the policy of a KMS: who may call whom, allowed modes and algorithms, lifetimes, rates. */
#include <inttypes.h>

#include "control/kms/conf_schema.h"
#include "keyctx/kms/tpk.h"

enum { MODE_MAX = 4, TICKET_TYPE_MAX = 31, YEAR_S = 31536000, DAY_S = 86400, RATE_MAX = 1000000 };
enum { SUITE_128 = 1, SUITE_256 = 2 };

static const struct word suite_words[] = {{"128", SUITE_128}, {"256", SUITE_256}, {0}};

/* Reads `suites`. `at` is the struct kms_policy, which has a bool for each set of algorithms. */
static enum err suites_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	struct kms_policy *p = at;
	uint8_t bits = 0;
	enum err e = schema_bits.read(in, f, d, &bits);

	if (e)
		return e;
	p->suite_128 = bits & SUITE_128;
	p->suite_256 = bits & SUITE_256;
	return ERR_OK;
}

static const struct schema_type suites_type = {.read = suites_read};

static const struct schema_field rule_fields[] = {
	{.name = "from", SCHEMA_FIELD(&schema_any_text, struct kms_rule, from.text), .min = 1},
	{.name = "to", SCHEMA_FIELD(&schema_any_text, struct kms_rule, to.text), .min = 1},
	{.name = "allow", SCHEMA_FIELD(&schema_bool, struct kms_rule, allow), .required = true},
};
static const struct schema rule_schema = SCHEMA_NO_MASK("a rule", rule_fields);

/* Reads one rule. `at` is the struct kms_policy; the row's max keeps p->n_rules in bounds. */
static enum err rule_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct kms_policy *p = at;
	struct kms_rule *rule = &p->rules[p->n_rules++];

	(void)f;
	*rule = (struct kms_rule){.from = {"*"}, .to = {"*"}};
	return schema_read(in, &rule_schema, d, rule);
}

#define POLICY(name_, type_, member_) \
	.name = (name_), SCHEMA_FIELD(&(type_), struct kms_policy, member_)
static const struct schema_field policy_fields[] = {
	{POLICY("modes", schema_numbers, modes), .min = 1, .max = MODE_MAX},
	{.name = "suites", .type = &suites_type, .words = suite_words},
	{POLICY("ticket_types", schema_numbers, accept_types), .min = 1, .max = TICKET_TYPE_MAX},
	{POLICY("allow_reuse", schema_bool, allow_reuse)},
	{POLICY("allow_initiator_keys", schema_bool, allow_initiator_keys)},
	{POLICY("allow_responder_keys", schema_bool, allow_responder_keys)},
	{POLICY("ticket_default_s", schema_uint, ticket_default_s), .min = 1, .max = YEAR_S},
	{POLICY("ticket_max_s", schema_uint, ticket_max_s), .min = 1, .max = YEAR_S},
	{POLICY("skew_s", schema_uint, skew_s), .min = 1, .max = DAY_S},
	{POLICY("ticket_key_issue_s", schema_uint, tpk_issue_s), .min = 1, .max = YEAR_S},
	{POLICY("rate_per_minute", schema_uint, rate_per_minute), .max = RATE_MAX},
	{POLICY("rate_burst", schema_uint, rate_burst), .min = 1, .max = RATE_MAX},
	{POLICY("naf_key_max_s", schema_uint, naf_key_max_s), .min = 1, .max = YEAR_S},
	{KMS_CONF_NAMES("applications", struct kms_policy, applications)},
	{.name = "rules", .type = &schema_list, .item = rule_item, .max = KMS_RULES_MAX},
};
static const struct schema policy_schema = SCHEMA_NO_MASK("policy", policy_fields);

/* Checks lifetimes that depend on each other. Ticket keys made by the KMS may use half of
 * KMS_TPKS_MAX; the rest is for keys that SIGUSR1 makes. */
static enum err check_lifetimes(struct schema_in *in, const struct kms_policy *p)
{
	uint64_t open_s = (uint64_t)p->ticket_max_s + 2 * (uint64_t)p->skew_s,
		 least_s = open_s / (KMS_TPKS_MAX / 2) + 1;

	if (p->ticket_default_s > p->ticket_max_s)
		return schema_refuse(in, ERR_RANGE, NULL, NULL,
		                     "ticket_default_s: %" PRIu32
		                     " must not exceed ticket_max_s, which is %" PRIu32,
		                     p->ticket_default_s, p->ticket_max_s);
	if (p->tpk_issue_s < least_s)
		return schema_refuse(in, ERR_RANGE, NULL, NULL,
		                     "ticket_key_issue_s: %" PRIu32 " with ticket_max_s %" PRIu32
		                     " needs more ticket keys than %d: must be at least %" PRIu64,
		                     p->tpk_issue_s, p->ticket_max_s, KMS_TPKS_MAX / 2, least_s);
	return ERR_OK;
}

static enum err policy_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	struct kms_policy *p = kms_directory_policy(kms_conf_directory(at));
	enum err e = schema_read(in, &policy_schema, d, p);

	(void)f;
	if (e)
		return e;
	/* A ticket_default_s that the file does not set is at most ticket_max_s. */
	if (!doc_get(d, "ticket_default_s") && p->ticket_default_s > p->ticket_max_s)
		p->ticket_default_s = p->ticket_max_s;
	return check_lifetimes(in, p);
}

const struct schema_type kms_conf_policy_type = {.read = policy_read};
