/* SPDX-License-Identifier: MIT */
/* Reads the credentials file of a KMS. An error names the field, and never contains a key. */
#include "control/kms/kms_conf.h"

#include "base/mem.h"
#include "control/doc/json.h"
#include "control/kms/conf_schema.h"
#include "control/net/http.h"
#include "keyctx/kms/provision.h"

enum { FILE_MAX_BYTES = 256 << 20, PEM_MAX_BYTES = 1 << 20, DOMAINS_MAX = 64 };

/* --- names ------------------------------------------------------------------ */

static enum err name_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          enum mikey_id_type plain, struct kms_name **out)
{
	uint8_t room[KMS_NAME_MAX];
	struct mikey_id id;
	struct kms_name *n;

	if (d->kind != DOC_TEXT || kms_name_parse(d->text, plain, room, sizeof(room) - 1, &id))
		return schema_refuse(in, ERR_INVALID, f, d,
		                     "must be a string, \"hex:…\", \"text:…\", \"nai:…\" or "
		                     "\"uri:…\" of 1 to %d octets",
		                     KMS_NAME_MAX - 1);
	n = kms_name_new(id);
	if (!n)
		return schema_refuse(in, ERR_NOMEM, f, NULL, "out of memory");
	mem_free(*out);
	*out = n;
	return ERR_OK;
}

static enum err identity_read(struct schema_in *in, const struct schema_field *f,
                              const struct doc *d, void *at)
{
	return name_read(in, f, d, MIKEY_ID_URI, at);
}

static enum err key_id_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	return name_read(in, f, d, MIKEY_ID_BYTES, at);
}

static void name_fini(const struct schema_field *f, void *at)
{
	(void)f;
	mem_free(*(struct kms_name **)at);
}

const struct schema_type kms_conf_identity_type = {.read = identity_read, .fini = name_fini};
const struct schema_type kms_conf_key_id_type = {.read = key_id_read, .fini = name_fini};

enum err kms_conf_name_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	struct kms_name *name = NULL;
	enum err e = identity_read(in, f, d, &name);

	if (e)
		return e;
	if (kms_names_take(at, name)) {
		mem_free(name);
		return schema_refuse(in, ERR_NOMEM, f, NULL, "out of memory");
	}
	return ERR_OK;
}

#define TEXT(name_, struct_, member_) \
	.name = (name_), SCHEMA_FIELD(&schema_any_text, struct_, member_), .min = 1

/* --- users ------------------------------------------------------------------ */

static enum err refuse_memory(struct schema_in *in)
{
	return schema_refuse(in, ERR_NOMEM, NULL, NULL, "out of memory");
}

/* Turns the result of kms_directory_take_... into a fault. `exists`: the text for ERR_EXISTS. */
static enum err refuse_taken(struct schema_in *in, enum err e, const char *exists)
{
	return e ? schema_refuse(in, e, NULL, NULL, "%s", e == ERR_EXISTS ? exists : err_meaning(e))
	         : ERR_OK;
}

/* `until` is marked secret too: an operator may write the key there by mistake. */
static const struct schema_field user_psk_fields[] = {
	{.name = "id", SCHEMA_FIELD(&kms_conf_key_id_type, struct kms_user, psk_id)},
	KMS_CONF_KEY(struct kms_user, psk),
	{
		.name = "until",
		SCHEMA_FIELD(&schema_uint, struct kms_user, psk_until_s),
		.secret = true,
		.min = 1,
		.max = INT64_MAX,
	},
};
static const struct schema user_psk_schema = SCHEMA_NO_MASK("psk", user_psk_fields);

static const struct schema_field user_fields[] = {
	{KMS_CONF_NAMES("names", struct kms_user, names), .required = true, .min = 1},
	{TEXT("impi", struct kms_user, impi)},
	{.name = "psk", .type = &schema_struct, .sub = &user_psk_schema},
};
static const struct schema user_schema = SCHEMA_NO_MASK("a user", user_fields);

static enum err user_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct kms_user *u = mem_alloc(sizeof(*u));
	enum err e;

	(void)f;
	if (!u)
		return refuse_memory(in);
	e = schema_read(in, &user_schema, d, u);
	if (e) {
		kms_user_free(u);
		return e;
	}
	return refuse_taken(in, kms_directory_take_user(kms_conf_directory(at), u),
	                    "another user has one of its names, its key id or its impi");
}

/* A provisioned user may leave out its names: the URL has the first one. */
static const struct schema_field provisioned_fields[] = {
	{
		.name = "names",
		SCHEMA_FIELD(&schema_list, struct kms_user, names),
		.item = kms_conf_name_item,
		.min = 1,
		.max = KMS_PROVISION_NAMES_MAX,
	},
	{TEXT("impi", struct kms_user, impi)},
	{.name = "psk", .type = &schema_struct, .sub = &user_psk_schema},
};
static const struct schema provisioned_schema = SCHEMA_NO_MASK("the user", provisioned_fields);

enum err kms_conf_user(struct kms_user **out, const struct doc *d, struct why *why)
{
	struct kms_user *u = mem_alloc(sizeof(*u));
	enum err e;

	if (!u)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = schema_read_document(&provisioned_schema, d, u, why);
	if (e) {
		kms_user_free(u);
		return e;
	}
	*out = u;
	return ERR_OK;
}

/* --- groups ----------------------------------------------------------------- */

static const struct schema_field group_fields[] = {
	{
		.name = "name",
		SCHEMA_FIELD(&kms_conf_identity_type, struct kms_group, name),
		.required = true,
	},
	{KMS_CONF_NAMES("members", struct kms_group, members), .required = true, .min = 1},
};
static const struct schema group_schema = SCHEMA_NO_MASK("a group", group_fields);

static enum err group_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                           void *at)
{
	struct kms_group *g = mem_alloc(sizeof(*g));
	enum err e;

	(void)f;
	if (!g)
		return refuse_memory(in);
	e = schema_read(in, &group_schema, d, g);
	if (e) {
		kms_group_free(g);
		return e;
	}
	return refuse_taken(in, kms_directory_take_group(kms_conf_directory(at), g),
	                    "another group has that name");
}

/* --- ticket keys ------------------------------------------------------------ */

static const struct schema_field ticket_key_fields[] = {
	{
		.name = "id",
		SCHEMA_FIELD(&kms_conf_key_id_type, struct kms_ticket_key, id),
		.required = true,
	},
	KMS_CONF_KEY(struct kms_ticket_key, key),
	{.name = "owner", SCHEMA_FIELD(&kms_conf_identity_type, struct kms_ticket_key, owner)},
};
static const struct schema ticket_key_schema = SCHEMA_NO_MASK("a ticket key", ticket_key_fields);

static enum err ticket_key_item(struct schema_in *in, const struct schema_field *f,
                                const struct doc *d, void *at)
{
	struct kms_ticket_key *k = mem_alloc(sizeof(*k));
	enum err e;

	(void)f;
	if (!k)
		return refuse_memory(in);
	e = schema_read(in, &ticket_key_schema, d, k);
	if (e) {
		kms_ticket_key_free(k);
		return e;
	}
	return refuse_taken(in, kms_directory_take_ticket_key(kms_conf_directory(at), k),
	                    "another ticket key has that id or owner");
}

/* --- peers ------------------------------------------------------------------ */

/* Reads one entry of peers[].domains. `at` is the struct kms_peer. */
static enum err domain_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	struct kms_peer *p = at;
	struct str text;
	enum err e = schema_slice.read(in, f, d, &text);
	char *copy;

	if (e)
		return e;
	if (!p->domains)
		p->domains = mem_array(DOMAINS_MAX, sizeof(*p->domains));
	copy = p->domains ? mem_text(text.p, text.n) : NULL;
	if (!copy)
		return refuse_memory(in);
	p->domains[p->n_domains++] = str_make(copy, text.n);
	return ERR_OK;
}

/* Accepts any value of a field that the KMS does not use. */
static enum err unused_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	(void)in, (void)f, (void)d, (void)at;
	return ERR_OK;
}

static const struct schema_type unused_type = {.takes_null = true, .read = unused_read};

static const struct schema_field peer_psk_fields[] = {
	{.name = "id", SCHEMA_FIELD(&kms_conf_key_id_type, struct kms_peer, psk_id)},
	KMS_CONF_KEY(struct kms_peer, psk),
	{.name = "until", .type = &unused_type},
};
static const struct schema peer_psk_schema = SCHEMA_NO_MASK("psk", peer_psk_fields);

static const struct schema_field peer_fields[] = {
	{
		.name = "id",
		SCHEMA_FIELD(&kms_conf_identity_type, struct kms_peer, name),
		.required = true,
	},
	{TEXT("url", struct kms_peer, url)},
	{TEXT("tls_name", struct kms_peer, tls_name)},
	{.name = "psk", .type = &schema_struct, .sub = &peer_psk_schema, .required = true},
	{
		.name = "domains",
		.type = &schema_list,
		.item = domain_item,
		.required = true,
		.min = 1,
		.max = DOMAINS_MAX,
	},
};
static const struct schema peer_schema = SCHEMA_NO_MASK("a peer", peer_fields);

static enum err check_url(struct schema_in *in, const struct kms_peer *p)
{
	struct http_url url;
	struct why why = {""};
	size_t mark = schema_enter(in, STR("url"));
	enum err e = ERR_OK;

	if (p->url[0] && http_url_parse(str_of(p->url), &url, &why))
		e = schema_refuse(in, ERR_INVALID, NULL, NULL, "%s", why.text);
	else if (p->url[0] && !url.is_tls)
		e = schema_refuse(in, ERR_INVALID, NULL, NULL,
		                  "must begin with https://, not %.160s", p->url);
	schema_leave(in, mark);
	return e;
}

/* KMSs authenticate each other by certificates (RFC 6043 9): the url must be https, and the peer's
 * certificate must have tls_name, which defaults to the host in the peer's id. */
static enum err check_peer_tls(struct schema_in *in, struct kms_peer *p)
{
	struct str host = kms_host_of(kms_name_id(p->name));
	enum err e = check_url(in, p);
	size_t mark;

	if (e || p->tls_name[0])
		return e;
	if (host.n && !str_copy(host, p->tls_name, sizeof(p->tls_name)))
		return ERR_OK;
	mark = schema_enter(in, STR("tls_name"));
	e = schema_refuse(in, ERR_INVALID, NULL, NULL,
	                  "must be given, because the peer's id contains no host name to use");
	schema_leave(in, mark);
	return e;
}

static enum err peer_item(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct kms_peer *p = mem_alloc(sizeof(*p));
	enum err e;

	(void)f;
	if (!p)
		return refuse_memory(in);
	e = schema_read(in, &peer_schema, d, p);
	if (!e)
		e = check_peer_tls(in, p);
	if (e) {
		kms_peer_free(p);
		return e;
	}
	return refuse_taken(in, kms_directory_take_peer(kms_conf_directory(at), p),
	                    "another peer has that id or key id");
}

/* --- sections --------------------------------------------------------------- */

struct self {
	struct kms_name *id;
	struct kms_names aliases;
};

static const struct schema_field self_fields[] = {
	{.name = "id", SCHEMA_FIELD(&kms_conf_identity_type, struct self, id), .required = true},
	{KMS_CONF_NAMES("aliases", struct self, aliases)},
};
static const struct schema self_schema = SCHEMA_NO_MASK("kms", self_fields);

static enum err self_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	struct kms_directory *directory = kms_conf_directory(at);
	struct self self = {0};
	enum err e = schema_read(in, &self_schema, d, &self);

	(void)f;
	if (!e && kms_directory_add_self(directory, kms_name_id(self.id)))
		e = refuse_memory(in);
	for (size_t i = 0; i < self.aliases.n && !e; i++) {
		e = kms_directory_add_self(directory, kms_name_id(self.aliases.v[i]));
		if (e)
			e = schema_refuse(in, e, NULL, NULL, "%s",
			                  e == ERR_TOO_BIG ? "too many aliases" : err_meaning(e));
	}
	kms_names_clear(&self.aliases);
	mem_free(self.id);
	return e;
}

static const struct schema_type self_type = {.read = self_read};

#define LIMIT(name_, member_) .name = (name_), SCHEMA_FIELD(&schema_uint, struct kms_gba, member_)
static const struct schema_field gba_fields[] = {
	{TEXT("bsf", struct kms_gba, url), .required = true},
	{TEXT("naf_fqdn", struct kms_gba, naf_fqdn), .required = true},
	{TEXT("bsf_domain", struct kms_gba, bsf_domain), .required = true},
	{LIMIT("ask_max", ask_max), .min = 1, .max = 10000},
	{LIMIT("ask_per_minute", ask_per_minute), .max = 1000000},
	{LIMIT("ask_burst", ask_burst), .min = 1, .max = 1000000},
	{LIMIT("unknown_s", unknown_s), .max = 86400},
};
static const struct schema gba_schema = SCHEMA_NO_MASK("gba", gba_fields);

static enum err gba_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                         void *at)
{
	struct kms_gba gba;
	enum err e;

	(void)f;
	kms_gba_init(&gba);
	gba.on = true;
	e = schema_read(in, &gba_schema, d, &gba);
	if (!e)
		kms_directory_set_gba(kms_conf_directory(at), &gba);
	return e;
}

static const struct schema_type gba_type = {.read = gba_read};

/* The names of the PEM files of the section public_key. */
struct pem {
	char certificate[512], key[512], roots[512];
};

static const struct schema_field pem_fields[] = {
	{TEXT("certificate", struct pem, certificate), .required = true},
	{TEXT("key", struct pem, key), .required = true},
	{TEXT("roots", struct pem, roots), .required = true},
};
static const struct schema pem_schema = SCHEMA_NO_MASK("public_key", pem_fields);

static struct view view_of(const struct kms_conf_file *f)
{
	return (struct view){(const uint8_t *)f->p, f->n};
}

/* Reads the three files; relative names count from the folder of `file`. */
static enum err read_pki(struct kms_pki *pki, struct pem *pem, const char *file, struct why *why)
{
	char *const names[] = {pem->certificate, pem->key, pem->roots};
	struct kms_conf_file f[ARRAY_LEN(names)] = {{0}};
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < ARRAY_LEN(f); i++) {
		e = kms_conf_path(names[i], sizeof(pem->key), file, why);
		if (!e)
			e = names[i] == pem->key
			            ? kms_conf_file_read_keys(&f[i], names[i], PEM_MAX_BYTES, why)
			            : kms_conf_file_read(&f[i], names[i], PEM_MAX_BYTES, why);
	}
	if (!e)
		e = pki_cert_from_pem(&pki->cert, view_of(&f[0]), why);
	if (!e)
		e = pki_key_from_pem(&pki->key, view_of(&f[1]), why);
	if (!e)
		e = pki_trust_from_pem(&pki->trust, view_of(&f[2]), why);
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		kms_conf_file_free(&f[i]);
	return e;
}

static enum err public_key_read(struct schema_in *in, const struct schema_field *f,
                                const struct doc *d, void *at)
{
	struct pem pem = {.certificate = ""};
	struct kms_pki pki = {0};
	struct why why = {""};
	enum err e = schema_read(in, &pem_schema, d, &pem);

	(void)f;
	if (e)
		return e;
	e = read_pki(&pki, &pem, ((const struct kms_conf_place *)at)->file, &why);
	/* The directory frees `pki`, even if only a part of it was read. */
	kms_directory_take_pki(kms_conf_directory(at), pki);
	return e ? schema_refuse(in, e, NULL, NULL, "%s", why.text) : ERR_OK;
}

static const struct schema_type public_key_type = {.read = public_key_read};

/* --- the file --------------------------------------------------------------- */

#define LIST(name_, item_)                                                             \
	{                                                                              \
		.name = (name_), .type = &schema_list, .item = (item_), .secret = true \
	}
static const struct schema_field root_fields[] = {
	{.name = "kms", .type = &self_type, .required = true},
	{.name = "policy", .type = &kms_conf_policy_type},
	LIST("users", user_item),
	LIST("groups", group_item),
	LIST("ticket_keys", ticket_key_item),
	LIST("peers", peer_item),
	{.name = "gba", .type = &gba_type},
	{.name = "public_key", .type = &public_key_type},
	{.name = "admin", .type = &kms_conf_admin_type},
};
static const struct schema root_schema = SCHEMA_NO_MASK("the credentials file", root_fields);

static enum err parse(struct kms_directory **out, struct str json, const char *file,
                      struct why *why)
{
	struct kms_conf_place place = {.file = file};
	struct doc_arena *arena = NULL;
	struct doc *root;
	enum err e = doc_arena_new(&arena);

	if (e)
		return why_fail(why, e, "out of memory");
	e = doc_json_decode(&root, arena, json, why);
	if (!e) {
		e = kms_directory_new(&place.directory);
		if (e)
			why_fail(why, e, "out of memory");
	}
	if (!e)
		e = schema_read_document(&root_schema, root, &place, why);
	doc_arena_free(arena);
	if (e) {
		kms_directory_free(place.directory);
		return e;
	}
	*out = place.directory;
	return ERR_OK;
}

enum err kms_conf_parse(struct kms_directory **out, struct str json, struct why *why)
{
	return parse(out, json, NULL, why);
}

enum err kms_conf_load(struct kms_directory **out, const char *file, struct why *why)
{
	struct kms_conf_file f = {0};
	enum err e = kms_conf_file_read_keys(&f, file, FILE_MAX_BYTES, why);

	if (e)
		return e;
	e = parse(out, str_make(f.p, f.n), file, why);
	kms_conf_file_free(&f);
	if (e)
		why_prefix(why, "%s", file);
	return e;
}
