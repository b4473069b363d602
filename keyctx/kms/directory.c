/* SPDX-License-Identifier: MIT */
/* The configuration of a KMS, in maps by name and by key id. */
#include "keyctx/kms/directory.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/map.h"
#include "base/mem.h"
#include "keyctx/kms/users.h"

enum { SELF_MAX = 8 };

struct kms_directory {
	unsigned references;
	struct kms_name *self[SELF_MAX];
	size_t n_self;
	struct kms_users users;
	/* `groups`, `ticket_keys` and `peers` own their values. The other maps borrow them. */
	struct map *groups;
	struct map *ticket_keys, *ticket_keys_by_owner;
	struct map *peers, *peers_by_psk;
	struct kms_policy policy;
	struct kms_pki pki;
	struct kms_gba gba;
	struct kms_admins admins;
};

struct kms_name *kms_name_new(struct mikey_id id)
{
	struct kms_name *n;

	if (id.data.n == 0 || id.data.n >= KMS_NAME_MAX)
		return NULL;
	n = mem_alloc(sizeof(*n) + 1 + id.data.n);
	if (!n)
		return NULL;
	n->n = 1 + id.data.n;
	n->octets[0] = id.type;
	memcpy(n->octets + 1, id.data.p, id.data.n);
	return n;
}

struct mikey_id kms_name_id(const struct kms_name *n)
{
	return (struct mikey_id){.type = n->octets[0], .data = {n->octets + 1, n->n - 1}};
}

enum err kms_names_take(struct kms_names *list, struct kms_name *name)
{
	/* If the number of names is 0 or a power of two, the array is full and doubles. */
	if ((list->n & (list->n - 1)) == 0) {
		struct kms_name **grown =
			mem_resize(list->v, list->n ? 2 * list->n : 1, sizeof(struct kms_name *));

		if (!grown)
			return ERR_NOMEM;
		list->v = grown;
	}
	list->v[list->n++] = name;
	return ERR_OK;
}

void kms_names_clear(struct kms_names *list)
{
	for (size_t i = 0; i < list->n; i++)
		mem_free(list->v[i]);
	mem_free(list->v);
	*list = (struct kms_names){0};
}

enum err kms_name_parse(struct str text, enum mikey_id_type plain, uint8_t *room, size_t room_n,
                        struct mikey_id *out)
{
	static const struct {
		const char *prefix;
		enum mikey_id_type type;
	} forms[] = {
		{"hex:", MIKEY_ID_BYTES},
		{"text:", MIKEY_ID_BYTES},
		{"nai:", MIKEY_ID_NAI},
		{"uri:", MIKEY_ID_URI},
	};
	enum mikey_id_type type = plain;
	bool hex = str_starts(text, "hex:");
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (!str_starts(text, forms[i].prefix))
			continue;
		type = forms[i].type;
		text = str_skip(text, strlen(forms[i].prefix));
		break;
	}
	if (text.n == 0)
		return ERR_SYNTAX;
	if (hex) {
		enum err e = hex_decode(text, room, room_n, &len);

		if (e)
			return e;
	} else {
		if (text.n > room_n)
			return ERR_TOO_BIG;
		memcpy(room, text.p, text.n);
		len = text.n;
	}
	*out = (struct mikey_id){.type = (uint8_t)type, .data = {room, len}};
	return ERR_OK;
}

const char *kms_name_print(struct mikey_id id, char *out, size_t room)
{
	bool plain = id.data.n > 0 && id.data.n < room;

	CHECK(room > 8);
	for (size_t i = 0; plain && i < id.data.n; i++)
		plain = id.data.p[i] > ' ' && id.data.p[i] < 0x7f && id.data.p[i] != '"' &&
		        id.data.p[i] != '\\';
	if (plain) {
		memcpy(out, id.data.p, id.data.n);
		out[id.data.n] = 0;
	} else {
		size_t fits = (room - 5) / 2, n = id.data.n < fits ? id.data.n : fits;

		memcpy(out, "hex:", 5);
		CHECK(hex_encode(id.data.p, n, out + 4, room - 4) == ERR_OK);
	}
	return out;
}

static struct str text_of(struct mikey_id id)
{
	return str_make((const char *)id.data.p, id.data.n);
}

struct str kms_host_of(struct mikey_id id)
{
	struct str text = text_of(id), host;
	size_t at = str_find(text, '@');

	if (at < text.n)
		host = str_skip(text, at + 1);
	else if (str_starts(text, "https://"))
		host = str_skip(text, 8);
	else if (str_starts(text, "sip:") || str_starts(text, "sips:"))
		host = str_skip(text, str_find(text, ':') + 1);
	else
		return STR("");
	for (size_t i = 0; i < host.n; i++)
		if (strchr(";?/:", host.p[i]))
			return str_make(host.p, i);
	return host;
}

bool kms_pattern_fits(const struct kms_pattern *p, struct mikey_id id)
{
	struct str pattern = str_of(p->text);

	if (str_is(pattern, "*"))
		return true;
	if (str_starts(pattern, "*@"))
		return str_eq_nocase(str_skip(pattern, 2), kms_host_of(id));
	return str_eq(pattern, text_of(id));
}

static void kms_policy_init(struct kms_policy *p)
{
	/* The IMS profile uses modes 1 and 3 of RFC 6043. This is not verified against TS 33.328
	 * Annex D, so the modes are a setting (policy.modes). */
	*p = (struct kms_policy){
		.modes = 1 << 1 | 1 << 3,
		.accept_types = 1 << 1 | 1 << 2,
		.suite_128 = true,
		.suite_256 = true,
		.allow_reuse = true,
		.allow_initiator_keys = true,
		.allow_responder_keys = true,
		.ticket_default_s = 3600,
		.ticket_max_s = 86400,
		.skew_s = 300,
		.tpk_issue_s = 86400,
		.rate_per_minute = 600,
		.rate_burst = 100,
		.naf_key_max_s = 3600,
	};
}

bool kms_policy_serves(const struct kms_policy *p, unsigned prf)
{
	return (prf != MIKEY_PRF_SHA256 || p->suite_256) && (prf != MIKEY_PRF_SHA1 || p->suite_128);
}

bool kms_policy_allows(const struct kms_policy *p, struct mikey_id from, struct mikey_id to)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (kms_pattern_fits(&p->rules[i].from, from) &&
		    kms_pattern_fits(&p->rules[i].to, to))
			return p->rules[i].allow;
	return p->n_rules == 0;
}

enum err kms_directory_new(struct kms_directory **out)
{
	struct kms_directory *d = mem_alloc(sizeof(*d));

	if (!d)
		return ERR_NOMEM;
	if (kms_users_init(&d->users) || map_new(&d->groups) || map_new(&d->ticket_keys) ||
	    map_new(&d->ticket_keys_by_owner) || map_new(&d->peers) || map_new(&d->peers_by_psk)) {
		kms_directory_free(d);
		return ERR_NOMEM;
	}
	d->references = 1;
	kms_policy_init(&d->policy);
	d->admins = (struct kms_admins){.rate_per_minute = 3000, .rate_burst = 100};
	*out = d;
	return ERR_OK;
}

void kms_group_free(struct kms_group *g)
{
	if (!g)
		return;
	mem_free(g->name);
	kms_names_clear(&g->members);
	mem_free(g);
}

void kms_ticket_key_free(struct kms_ticket_key *k)
{
	if (!k)
		return;
	mem_free(k->id);
	mem_free(k->owner);
	secret_clear(&k->key);
	mem_free(k);
}

void kms_peer_free(struct kms_peer *p)
{
	if (!p)
		return;
	mem_free(p->name);
	mem_free(p->psk_id);
	secret_clear(&p->psk);
	for (size_t i = 0; i < p->n_domains; i++)
		mem_free((char *)(uintptr_t)p->domains[i].p);
	mem_free(p->domains);
	mem_free(p);
}

#define FREE_VALUES(map, free_fn)                                      \
	do {                                                           \
		size_t at_ = 0;                                        \
		for (void *v_; (map) && (v_ = map_next((map), &at_));) \
			free_fn(v_);                                   \
		map_free(map);                                         \
	} while (0)

void kms_directory_free(struct kms_directory *d)
{
	if (!d || (d->references && --d->references > 0))
		return;
	for (size_t i = 0; i < d->n_self; i++)
		mem_free(d->self[i]);
	kms_users_fini(&d->users);
	map_free(d->ticket_keys_by_owner);
	map_free(d->peers_by_psk);
	FREE_VALUES(d->groups, kms_group_free);
	FREE_VALUES(d->ticket_keys, kms_ticket_key_free);
	FREE_VALUES(d->peers, kms_peer_free);
	kms_names_clear(&d->policy.applications);
	kms_directory_take_pki(d, (struct kms_pki){0});
	mem_free(d);
}

struct kms_directory *kms_directory_keep(struct kms_directory *d)
{
	d->references++;
	return d;
}

static enum err put(struct map *m, const struct kms_name *name, void *value)
{
	return map_put(m, name->octets, name->n, value);
}

/* Looks up an identity in a map whose keys are octets of struct kms_name. */
static void *get(const struct map *m, struct mikey_id id)
{
	uint8_t key[KMS_NAME_MAX];

	if (id.data.n == 0 || id.data.n >= sizeof(key))
		return NULL;
	key[0] = id.type;
	memcpy(key + 1, id.data.p, id.data.n);
	return map_get(m, key, 1 + id.data.n);
}

enum err kms_directory_add_self(struct kms_directory *d, struct mikey_id id)
{
	if (d->n_self == SELF_MAX)
		return ERR_TOO_BIG;
	d->self[d->n_self] = kms_name_new(id);
	if (!d->self[d->n_self])
		return ERR_NOMEM;
	d->n_self++;
	return ERR_OK;
}

struct mikey_id kms_directory_self(const struct kms_directory *d)
{
	return d->n_self ? kms_name_id(d->self[0]) : (struct mikey_id){0};
}

bool kms_directory_is_self(const struct kms_directory *d, struct mikey_id id)
{
	for (size_t i = 0; i < d->n_self; i++)
		if (mikey_id_eq(kms_name_id(d->self[i]), id))
			return true;
	return false;
}

enum err kms_directory_take_user(struct kms_directory *d, struct kms_user *u)
{
	enum err e = kms_users_add(&d->users, u);

	if (e)
		kms_user_free(u);
	return e;
}

enum err kms_directory_replace_user(struct kms_directory *d, struct kms_user *old,
                                    struct kms_user *u)
{
	enum err e = kms_users_replace(&d->users, old, u);

	if (e)
		kms_user_free(u);
	return e;
}

void kms_directory_remove_user(struct kms_directory *d, struct kms_user *u)
{
	kms_users_remove(&d->users, u);
}

const struct kms_user *kms_directory_conflict(const struct kms_directory *d,
                                              const struct kms_user *u,
                                              const struct kms_user *except)
{
	const struct kms_user *other;

	for (size_t i = 0; i < u->names.n; i++) {
		other = get(d->users.by_name, kms_name_id(u->names.v[i]));
		if (other && other != except)
			return other;
	}
	other = u->psk_id ? get(d->users.by_psk, kms_name_id(u->psk_id)) : NULL;
	if (other && other != except)
		return other;
	other = u->impi[0] ? kms_directory_user_by_impi(d, str_of(u->impi)) : NULL;
	return other != except ? other : NULL;
}

enum err kms_directory_take_group(struct kms_directory *d, struct kms_group *g)
{
	enum err e = put(d->groups, g->name, g);

	if (e)
		kms_group_free(g);
	return e;
}

enum err kms_directory_take_ticket_key(struct kms_directory *d, struct kms_ticket_key *k)
{
	enum err e = put(d->ticket_keys, k->id, k);

	if (e) {
		kms_ticket_key_free(k);
		return e;
	}
	if (k->owner)
		e = put(d->ticket_keys_by_owner, k->owner, k);
	return e;
}

enum err kms_directory_take_peer(struct kms_directory *d, struct kms_peer *p)
{
	enum err e = put(d->peers, p->name, p);

	if (e) {
		kms_peer_free(p);
		return e;
	}
	if (p->psk_id)
		e = put(d->peers_by_psk, p->psk_id, p);
	return e;
}

/* Returns `u`, or NULL if it was removed: an older directory, which requests may still use, has the
 * user even then. */
static const struct kms_user *present(const struct kms_user *u)
{
	return u && !u->is_removed ? u : NULL;
}

const struct kms_user *kms_directory_user_by_psk(const struct kms_directory *d,
                                                 struct mikey_id psk_id)
{
	return present(get(d->users.by_psk, psk_id));
}

const struct kms_user *kms_directory_user_by_name(const struct kms_directory *d,
                                                  struct mikey_id name)
{
	return present(get(d->users.by_name, name));
}

const struct kms_user *kms_directory_user_by_impi(const struct kms_directory *d, struct str impi)
{
	return present(map_get(d->users.by_impi, impi.p, impi.n));
}

bool kms_user_has(const struct kms_user *u, struct mikey_id name)
{
	for (size_t i = 0; i < u->names.n; i++)
		if (mikey_id_eq(kms_name_id(u->names.v[i]), name))
			return true;
	return false;
}

bool kms_directory_in_group(const struct kms_directory *d, struct mikey_id group,
                            struct mikey_id member)
{
	const struct kms_group *g = get(d->groups, group);

	for (size_t i = 0; g && i < g->members.n; i++)
		if (mikey_id_eq(kms_name_id(g->members.v[i]), member))
			return true;
	return false;
}

const struct kms_ticket_key *kms_directory_ticket_key(const struct kms_directory *d,
                                                      struct mikey_id id)
{
	return get(d->ticket_keys, id);
}

const struct kms_ticket_key *kms_directory_ticket_key_of(const struct kms_directory *d,
                                                         struct mikey_id owner)
{
	return get(d->ticket_keys_by_owner, owner);
}

const struct kms_peer *kms_directory_peer(const struct kms_directory *d, struct mikey_id kms)
{
	return get(d->peers, kms);
}

const struct kms_peer *kms_directory_peer_by_psk(const struct kms_directory *d,
                                                 struct mikey_id psk_id)
{
	return get(d->peers_by_psk, psk_id);
}

bool kms_peer_speaks_for(const struct kms_peer *p, struct mikey_id id)
{
	struct str host = kms_host_of(id);

	for (size_t i = 0; i < p->n_domains; i++)
		if (host.n && str_eq_nocase(p->domains[i], host))
			return true;
	return false;
}

size_t kms_directory_users(const struct kms_directory *d)
{
	return d->users.n;
}

const struct kms_user *kms_directory_user_at(const struct kms_directory *d, size_t i)
{
	return d->users.v[i].user;
}

uint64_t kms_directory_user_serial(const struct kms_directory *d, size_t i)
{
	return d->users.v[i].serial;
}

size_t kms_directory_users_after(const struct kms_directory *d, uint64_t serial)
{
	size_t from = 0, to = d->users.n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (d->users.v[middle].serial <= serial)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct kms_policy *kms_directory_policy(struct kms_directory *d)
{
	return &d->policy;
}

void kms_directory_take_pki(struct kms_directory *d, struct kms_pki pki)
{
	pki_key_free(d->pki.key);
	pki_cert_free(d->pki.cert);
	pki_trust_free(d->pki.trust);
	d->pki = pki;
}

const struct kms_pki *kms_directory_pki(const struct kms_directory *d)
{
	return &d->pki;
}

void kms_gba_init(struct kms_gba *gba)
{
	*gba = (struct kms_gba){
		.ask_max = 32, .ask_per_minute = 60, .ask_burst = 20, .unknown_s = 30};
}

const struct kms_gba *kms_directory_gba(const struct kms_directory *d)
{
	return &d->gba;
}

void kms_directory_set_gba(struct kms_directory *d, const struct kms_gba *gba)
{
	d->gba = *gba;
}

const struct kms_admins *kms_directory_admins(const struct kms_directory *d)
{
	return &d->admins;
}

void kms_directory_set_admins(struct kms_directory *d, const struct kms_admins *admins)
{
	d->admins = *admins;
}
