/* SPDX-License-Identifier: MIT */
/* The credentials file of a terminal. */
#include "cmd/sluice-ue/account.h"

#include <stdio.h>

#include "base/mem.h"
#include "control/doc/json.h"
#include "control/doc/schema.h"
#include "control/kms/kms_conf.h"

#define ACCOUNT(name_, type_, member_) \
	.name = (name_), SCHEMA_FIELD(&(type_), struct account, member_)

/* The fields of `psk`. An error does not show the value of `until` either: the user may have put
 * the key there by mistake. */
static const struct schema_field psk_fields[] = {
	{ACCOUNT("id", kms_conf_key_id_type, psk_id), .required = true},
	{ACCOUNT("until", schema_uint, psk_until_s), .secret = true, .min = 1, .max = INT64_MAX},
	KMS_CONF_KEY(struct account, psk),
};
static const struct schema psk_schema = SCHEMA_NO_MASK("psk", psk_fields);

static const struct schema_field kms_fields[] = {
	{ACCOUNT("id", kms_conf_identity_type, kms), .required = true},
	{ACCOUNT("url", schema_any_text, url), .min = 1},
	{ACCOUNT("ca", schema_any_text, ca), .min = 1},
};
static const struct schema kms_schema = SCHEMA_NO_MASK("kms", kms_fields);

static enum err group_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           void *at)
{
	struct account *a = at;
	enum err e = kms_conf_identity_type.read(in, f, d, &a->groups[a->n_groups]);

	a->n_groups += !e;
	return e;
}

static const struct schema_field tpk_fields[] = {
	{
		.name = "id",
		SCHEMA_FIELD(&kms_conf_key_id_type, struct account_tpk, id),
		.required = true,
	},
	KMS_CONF_KEY(struct account_tpk, key),
	{
		.name = "owner",
		SCHEMA_FIELD(&kms_conf_identity_type, struct account_tpk, owner),
		.required = true,
	},
};
static const struct schema tpk_schema = SCHEMA_NO_MASK("a ticket key", tpk_fields);

/* Counts the key before it is read, so that account_clear frees a partly read key, too. */
static enum err tpk_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                         void *at)
{
	struct account *a = at;

	(void)f;
	return schema_read(in, &tpk_schema, d, &a->tpks[a->n_tpks++]);
}

static enum err protection_item(struct schema_in *in, const struct schema_field *f,
                                const struct doc *d, void *at)
{
	struct ue_rule *r = at;
	enum ue_protection p;

	if (d->kind != DOC_TEXT || ue_protection_find(d->text, &p))
		return schema_refuse(in, ERR_INVALID, f, d,
		                     "must be e2e-kms, e2e-sdes, e2ae or none");
	r->protect[r->n_protect++] = (uint8_t)p;
	return ERR_OK;
}

static const struct schema_field rule_fields[] = {
	{
		.name = "peer",
		SCHEMA_FIELD(&schema_any_text, struct ue_rule, peer.text),
		.required = true,
		.min = 1,
	},
	{
		.name = "protect",
		.type = &schema_list,
		.item = protection_item,
		.required = true,
		.min = 1,
		.max = UE_PROTECTIONS,
	},
	{.name = "strict", SCHEMA_FIELD(&schema_bool, struct ue_rule, strict)},
};
static const struct schema rule_schema = SCHEMA_NO_MASK("a rule", rule_fields);

static enum err rule_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct ue_policy *p = &((struct account *)at)->policy;

	(void)f;
	return schema_read(in, &rule_schema, d, &p->rules[p->n_rules++]);
}

#define LIST(name_, item_, max_) \
	.name = (name_), .type = &schema_list, .item = (item_), .max = (max_)
static const struct schema_field account_fields[] = {
	{ACCOUNT("name", kms_conf_identity_type, name), .required = true},
	{.name = "psk", .type = &schema_struct, .sub = &psk_schema},
	{.name = "kms", .type = &schema_struct, .sub = &kms_schema},
	{LIST("groups", group_item, ACCOUNT_GROUPS_MAX)},
	{LIST("ticket_keys", tpk_item, ACCOUNT_TPKS_MAX), .secret = true},
	{
		ACCOUNT("ticket_types", schema_numbers, accept_types),
		.min = TICKET_TYPE_MIKEY,
		.max = TICKET_TYPE_3GPP,
	},
	{ACCOUNT("network_e2ae", schema_bool, network_e2ae)},
	{ACCOUNT("application", kms_conf_identity_type, application)},
	{ACCOUNT("replay", schema_any_text, replay), .min = 1},
	{LIST("policy", rule_item, UE_RULES_MAX)},
};
static const struct schema account_schema = SCHEMA_NO_MASK("the credentials file", account_fields);

static enum err read_root(struct account *a, struct str json, struct why *why)
{
	struct doc_arena *arena = NULL;
	struct doc *root = NULL;
	enum err e = doc_arena_new(&arena);

	if (e)
		return why_fail(why, e, "out of memory");
	e = doc_json_decode(&root, arena, json, why);
	if (!e)
		e = schema_read_document(&account_schema, root, a, why);
	if (!e && !a->psk_id != !a->kms)
		e = why_fail(why, ERR_INVALID,
		             "psk and kms: give both; for a terminal without a KMS give neither");
	if (!e && !a->accept_types)
		e = why_fail(
			why, ERR_INVALID,
			"ticket_types: must have at least one of 1 (the MIKEY base ticket) and 2 "
			"(the 3GPP base ticket)");
	doc_arena_free(arena);
	return e;
}

/* Fills in the views for keyctx/ue, which point into `a`. */
static void show(struct account *a)
{
	struct ue_identity *id = &a->identity;

	id->me = kms_name_id(a->name);
	if (account_has_kms(a)) {
		id->kms = kms_name_id(a->kms);
		id->cred = (struct mikey_cred){
			.psk = {a->psk.octets, a->psk.len},
			.psk_id = kms_name_id(a->psk_id),
		};
	}
	id->until_s = a->psk_until_s;
	for (size_t i = 0; i < a->n_groups; i++)
		a->group_ids[i] = kms_name_id(a->groups[i]);
	for (size_t i = 0; i < a->n_tpks; i++)
		a->tpk_views[i] = (struct ue_tpk){
			.tpk = {.key = {a->tpks[i].key.octets, a->tpks[i].key.len},
		                .id = kms_name_id(a->tpks[i].id)},
			.owner = kms_name_id(a->tpks[i].owner),
		};
	if (a->application)
		id->app = kms_name_id(a->application);
	id->groups = a->group_ids;
	id->n_groups = a->n_groups;
	id->tpks = a->tpk_views;
	id->n_tpks = a->n_tpks;
	ticket_rules_init(&id->rules);
	id->rules.accept_types = a->accept_types;
	/* Use the 256-bit algorithms if the key is longer than 128 bits (RFC 6043 12.1). */
	if (a->psk.len > 16)
		id->rules.algs = mikey_algs_256;
}

/* Chooses the file of the replay cache: the field `replay`, or a name beside the credentials. */
static enum err find_replay(struct account *a, const char *file, struct why *why)
{
	if (a->replay[0])
		return kms_conf_path(a->replay, sizeof(a->replay), file, why);
	if (!str_is(str_of(file), "-") &&
	    snprintf(a->replay, sizeof(a->replay), "%s.replay", file) >= (int)sizeof(a->replay))
		return why_fail(why, ERR_TOO_BIG,
		                "the name of the replay cache, %s.replay, must be shorter than %zu "
		                "characters; set the field replay",
		                file, sizeof(a->replay));
	return ERR_OK;
}

enum err account_load(struct account *out, const char *file, struct why *why)
{
	struct kms_conf_file f = {0};
	enum err e = kms_conf_file_read_keys(&f, file, ACCOUNT_FILE_MAX_BYTES, why);

	*out = (struct account){.accept_types = 1u << TICKET_TYPE_MIKEY | 1u << TICKET_TYPE_3GPP};
	if (e)
		return e;
	e = read_root(out, str_make(f.p, f.n), why);
	kms_conf_file_free(&f);
	if (!e)
		e = kms_conf_path(out->ca, sizeof(out->ca), file, why);
	if (!e)
		e = find_replay(out, file, why);
	if (e) {
		account_clear(out);
		why_prefix(why, "%s", file);
		return e;
	}
	show(out);
	return ERR_OK;
}

void account_clear(struct account *a)
{
	mem_free(a->name);
	mem_free(a->psk_id);
	mem_free(a->kms);
	mem_free(a->application);
	secret_clear(&a->psk);
	for (size_t i = 0; i < a->n_groups; i++)
		mem_free(a->groups[i]);
	for (size_t i = 0; i < a->n_tpks; i++) {
		mem_free(a->tpks[i].id);
		mem_free(a->tpks[i].owner);
		secret_clear(&a->tpks[i].key);
	}
	*a = (struct account){0};
}
