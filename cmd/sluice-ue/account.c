/* SPDX-License-Identifier: MIT */
/* The credentials file of a terminal. */
#include "cmd/sluice-ue/account.h"

#include <stdio.h>

#include "base/mem.h"
#include "control/doc/json.h"
#include "control/kms/kms_conf.h"

enum { PSK_MIN = 16 };

static enum err read_psk(struct account *a, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"id", "key", "until", NULL};
	enum err e = kms_conf_only(node, "psk", names, why);

	if (!e)
		e = kms_conf_name(kms_conf_needed(node, "psk", "id"), MIKEY_ID_BYTES, &a->psk_id,
		                  why);
	if (!e)
		e = kms_conf_uint(kms_conf_optional(node, "psk", "until"), 1, INT64_MAX,
		                  &a->psk_until_s, why);
	return e ? e
	         : kms_conf_key(kms_conf_needed(node, "psk", "key"), PSK_MIN, MIKEY_KEY_MAX,
	                        &a->psk, why);
}

static enum err read_text(const struct doc *node, const char *name, char *out, size_t room,
                          struct why *why)
{
	struct str text;
	enum err e = kms_conf_text(kms_conf_optional(node, "kms", name), &text, why);

	if (!e && str_copy(text, out, room))
		e = why_fail(why, ERR_TOO_BIG, "kms.%s: more than %zu characters", name, room - 1);
	return e;
}

static enum err read_kms(struct account *a, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"id", "url", "ca", NULL};
	enum err e = kms_conf_only(node, "kms", names, why);

	if (!e)
		e = kms_conf_name(kms_conf_needed(node, "kms", "id"), MIKEY_ID_URI, &a->kms, why);
	if (!e)
		e = read_text(node, "url", a->url, sizeof(a->url), why);
	return e ? e : read_text(node, "ca", a->ca, sizeof(a->ca), why);
}

static enum err check_list(const struct doc *node, const char *name, size_t max, struct why *why)
{
	if (node && node->kind != DOC_LIST)
		return why_fail(why, ERR_INVALID, "%s: must be a list", name);
	if (node && node->n > max)
		return why_fail(why, ERR_TOO_BIG, "%s: at most %zu", name, max);
	return ERR_OK;
}

static enum err read_groups(struct account *a, const struct doc *node, struct why *why)
{
	uint8_t room[KMS_NAME_MAX];
	struct mikey_id id;
	enum err e = check_list(node, "groups", ACCOUNT_GROUPS_MAX, why);

	if (e || !node)
		return e;
	for (DOC_EACH(it, node)) {
		if (it->kind != DOC_TEXT ||
		    kms_name_parse(it->text, MIKEY_ID_URI, room, sizeof(room), &id))
			return why_fail(
				why, ERR_INVALID,
				"groups[%zu]: must be an identity such as sip:desk@home1.example",
				a->n_groups);
		a->groups[a->n_groups] = kms_name_new(id);
		if (!a->groups[a->n_groups])
			return why_fail(why, ERR_NOMEM, "out of memory");
		a->n_groups++;
	}
	return ERR_OK;
}

static enum err read_tpks(struct account *a, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"id", "key", "owner", NULL};
	char path[32];
	enum err e = check_list(node, "ticket_keys", ACCOUNT_TPKS_MAX, why);

	if (e || !node)
		return e;
	for (DOC_EACH(it, node)) {
		struct account_tpk *t = &a->tpks[a->n_tpks];

		snprintf(path, sizeof(path), "ticket_keys[%zu]", a->n_tpks++);
		e = kms_conf_only(it, path, names, why);
		if (!e)
			e = kms_conf_name(kms_conf_needed(it, path, "id"), MIKEY_ID_BYTES, &t->id,
			                  why);
		if (!e)
			e = kms_conf_name(kms_conf_needed(it, path, "owner"), MIKEY_ID_URI,
			                  &t->owner, why);
		if (!e)
			e = kms_conf_key(kms_conf_needed(it, path, "key"), PSK_MIN, MIKEY_KEY_MAX,
			                 &t->key, why);
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err read_protections(struct ue_rule *r, const struct doc *list, const char *path,
                                 struct why *why)
{
	enum ue_protection p;

	if (!list || list->kind != DOC_LIST || !list->n || list->n > UE_PROTECTIONS)
		return why_fail(why, ERR_INVALID,
		                "%s.protect: must be a list of e2e-kms, e2e-sdes, e2ae, none, in "
		                "order of preference",
		                path);
	for (DOC_EACH(it, list)) {
		if (it->kind != DOC_TEXT || ue_protection_find(it->text, &p))
			return why_fail(why, ERR_INVALID,
			                "%s.protect[%zu]: must be e2e-kms, e2e-sdes, e2ae or none",
			                path, r->n_protect);
		r->protect[r->n_protect++] = (uint8_t)p;
	}
	return ERR_OK;
}

static enum err read_bool(const struct doc *node, const char *path, const char *name, bool *out,
                          struct why *why)
{
	const struct doc *v = doc_get(node, name);

	if (v && v->kind != DOC_BOOL)
		return why_fail(why, ERR_INVALID, "%s.%s: must be true or false", path, name);
	if (v)
		*out = v->truth;
	return ERR_OK;
}

static enum err read_policy(struct account *a, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"peer", "protect", "strict", NULL};
	char path[32];
	enum err e = check_list(node, "policy", UE_RULES_MAX, why);

	if (e || !node)
		return e;
	for (DOC_EACH(it, node)) {
		struct ue_rule *r = &a->policy.rules[a->policy.n_rules];
		struct str peer;

		snprintf(path, sizeof(path), "policy[%zu]", a->policy.n_rules);
		e = kms_conf_only(it, path, names, why);
		if (!e)
			e = kms_conf_text(kms_conf_needed(it, path, "peer"), &peer, why);
		if (!e && str_copy(peer, r->peer.text, sizeof(r->peer.text)))
			e = why_fail(why, ERR_TOO_BIG, "%s.peer: more than %zu characters", path,
			             sizeof(r->peer.text) - 1);
		if (!e)
			e = read_protections(r, doc_get(it, "protect"), path, why);
		if (!e)
			e = read_bool(it, path, "strict", &r->strict, why);
		if (e)
			return e;
		a->policy.n_rules++;
	}
	return ERR_OK;
}

static enum err read_root(struct account *a, struct str json, struct why *why)
{
	static const char *const names[] = {"name",        "psk",          "kms",    "groups",
	                                    "ticket_keys", "network_e2ae", "policy", NULL};
	struct doc_arena *arena = NULL;
	struct doc *root = NULL;
	enum err e = doc_arena_new(&arena);

	if (e)
		return why_fail(why, e, "out of memory");
	e = doc_json_decode(&root, arena, json, why);
	if (!e)
		e = kms_conf_only(root, "credentials", names, why);
	if (!e)
		e = kms_conf_name(kms_conf_needed(root, "credentials", "name"), MIKEY_ID_URI,
		                  &a->name, why);
	if (!e && !doc_get(root, "psk") != !doc_get(root, "kms"))
		e = why_fail(why, ERR_INVALID,
		             "psk and kms: give both, or neither for a terminal without a KMS");
	if (!e && doc_get(root, "psk"))
		e = read_psk(a, doc_get(root, "psk"), why);
	if (!e && doc_get(root, "kms"))
		e = read_kms(a, doc_get(root, "kms"), why);
	if (!e)
		e = read_groups(a, doc_get(root, "groups"), why);
	if (!e)
		e = read_tpks(a, doc_get(root, "ticket_keys"), why);
	if (!e)
		e = read_bool(root, "credentials", "network_e2ae", &a->network_e2ae, why);
	if (!e)
		e = read_policy(a, doc_get(root, "policy"), why);
	doc_arena_free(arena);
	return e;
}

/* The views for the library; they point into `a`. */
static void show(struct account *a)
{
	struct ue_identity *id = &a->identity;

	id->me = kms_name_id(a->name);
	if (account_has_kms(a)) {
		id->kms = kms_name_id(a->kms);
		id->cred = (struct mikey_cred){.psk = {a->psk.octets, a->psk.len},
		                               .psk_id = kms_name_id(a->psk_id)};
	}
	id->until_s = a->psk_until_s;
	for (size_t i = 0; i < a->n_groups; i++)
		a->group_ids[i] = kms_name_id(a->groups[i]);
	for (size_t i = 0; i < a->n_tpks; i++)
		a->tpk_views[i] =
			(struct ue_tpk){.tpk = {.key = {a->tpks[i].key.octets, a->tpks[i].key.len},
		                                .id = kms_name_id(a->tpks[i].id)},
		                        .owner = kms_name_id(a->tpks[i].owner)};
	id->groups = a->group_ids;
	id->n_groups = a->n_groups;
	id->tpks = a->tpk_views;
	id->n_tpks = a->n_tpks;
	ticket_rules_init(&id->rules);
	/* The 256-bit set when the key is longer than 128 bits (RFC 6043 12.1). */
	if (a->psk.len > 16)
		id->rules.algs = mikey_algs_256;
}

enum err account_load(struct account *out, const char *file, struct why *why)
{
	struct kms_conf_file f = {0};
	enum err e = kms_conf_file_read(&f, file, ACCOUNT_FILE_MAX_BYTES, why);

	*out = (struct account){0};
	if (e)
		return e;
	e = read_root(out, str_make(f.p, f.n), why);
	kms_conf_file_free(&f);
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
