/* SPDX-License-Identifier: MIT */
/* Reads the credentials of a KMS: strict, every fault with its path, no key in any text. */
#include "control/kms/kms_conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/b64.h"
#include "base/mem.h"
#include "control/doc/json.h"
#include "control/net/http.h"
#include "keyctx/mikey/keys.h"

enum { FILE_MAX_BYTES = 256 << 20, PATH_MAX_TEXT = 96, NAMES_MAX = 64, PSK_MIN = 16 };

/* --- helpers ---------------------------------------------------------------- */

enum err kms_conf_file_read(struct kms_conf_file *out, const char *file, size_t max,
                            struct why *why)
{
	FILE *f = str_is(str_of(file), "-") ? stdin : fopen(file, "rb");
	struct kms_conf_file got = {0};
	size_t room = 0;
	enum err e = ERR_OK;

	if (!f)
		return why_fail(why, ERR_IO, "%s: cannot open: %s", file, strerror(errno));
	while (!e && !feof(f) && !ferror(f)) {
		if (got.n == room) {
			/* May hold keys: the old copy is wiped, which realloc would not do. */
			size_t more = room ? room * 4 : 65536;
			char *p = more > 4 * max ? NULL : mem_alloc(more);

			if (!p) {
				e = why_fail(why, more > 4 * max ? ERR_TOO_BIG : ERR_NOMEM,
				             "%s: must be at most %zu octets", file, max);
				break;
			}
			if (got.n)
				memcpy(p, got.p, got.n);
			kms_conf_file_free(&(struct kms_conf_file){got.p, got.n});
			got.p = p;
			room = more;
		}
		got.n += fread(got.p + got.n, 1, room - got.n, f);
	}
	if (!e && ferror(f))
		e = why_fail(why, ERR_IO, "%s: cannot read: %s", file, strerror(errno));
	if (!e && got.n > max)
		e = why_fail(why, ERR_TOO_BIG, "%s: must be at most %zu octets", file, max);
	if (f != stdin)
		fclose(f);
	if (e) {
		kms_conf_file_free(&got);
		return e;
	}
	*out = got;
	return ERR_OK;
}

void kms_conf_file_free(struct kms_conf_file *f)
{
	if (f->p)
		secret_wipe(f->p, f->n);
	mem_free(f->p);
	f->p = NULL;
}

enum err kms_conf_only(const struct doc *node, const char *path, const char *const *names,
                       struct why *why)
{
	if (!node || node->kind != DOC_DICT)
		return why_fail(why, ERR_INVALID, "%s: must be an object", path);
	for (DOC_EACH(it, node)) {
		size_t i = 0;

		while (names[i] && !str_is(it->key, names[i]))
			i++;
		if (!names[i])
			return why_fail(why, ERR_INVALID, "%s: no field is named \"%.*s\"", path,
			                STR_ARG(it->key));
	}
	return ERR_OK;
}

enum err kms_conf_text(struct kms_conf_member m, struct str *out, struct why *why)
{
	const struct doc *v = doc_get(m.node, m.name);

	if (!v && m.is_needed)
		return why_fail(why, ERR_INVALID, "%s.%s is missing", m.path, m.name);
	if (v && (v->kind != DOC_TEXT || v->text.n == 0 || memchr(v->text.p, 0, v->text.n)))
		return why_fail(why, ERR_INVALID, "%s.%s: must be a string that is not empty",
		                m.path, m.name);
	*out = v ? v->text : STR("");
	return ERR_OK;
}

enum err kms_conf_uint(struct kms_conf_member m, uint64_t min, uint64_t max, uint64_t *out,
                       struct why *why)
{
	const struct doc *v = doc_get(m.node, m.name);

	if (!v)
		return ERR_OK;
	if (v->kind != DOC_INT || v->number < 0 || (uint64_t)v->number < min ||
	    (uint64_t)v->number > max)
		return why_fail(why, ERR_RANGE,
		                "%s.%s: must be an integer from %" PRIu64 " to %" PRIu64, m.path,
		                m.name, min, max);
	*out = (uint64_t)v->number;
	return ERR_OK;
}

enum err kms_conf_key(struct kms_conf_member m, size_t min, size_t max, struct secret *out,
                      struct why *why)
{
	struct str text;
	struct secret key = {0};
	size_t len = 0;
	enum err e = kms_conf_text(m, &text, why);

	if (e)
		return e;
	if (text.n % 2 || text.n < 2 * min || text.n > 2 * max)
		return why_fail(why, ERR_INVALID,
		                "%s.%s: must be %zu to %zu octets, two hexadecimal digits each",
		                m.path, m.name, min, max);
	e = secret_make(&key, text.n / 2);
	if (e)
		return why_fail(why, e, "out of memory");
	if (hex_decode(text, key.octets, key.len, &len)) {
		secret_clear(&key);
		return why_fail(why, ERR_SYNTAX, "%s.%s: must be hexadecimal digits", m.path,
		                m.name);
	}
	secret_clear(out);
	*out = key;
	return ERR_OK;
}

static enum err make_name(struct str text, enum mikey_id_type plain, const char *path,
                          struct kms_name **out, struct why *why)
{
	uint8_t room[KMS_NAME_MAX];
	struct mikey_id id;
	struct kms_name *n;

	if (kms_name_parse(text, plain, room, sizeof(room) - 1, &id))
		return why_fail(
			why, ERR_INVALID,
			"%s: must be an identity of at most %d octets: a string, \"hex:…\", "
			"\"text:…\", \"nai:…\" or \"uri:…\"",
			path, KMS_NAME_MAX - 1);
	n = kms_name_new(id);
	if (!n)
		return why_fail(why, ERR_NOMEM, "out of memory");
	*out = n;
	return ERR_OK;
}

enum err kms_conf_name(struct kms_conf_member m, enum mikey_id_type plain, struct kms_name **out,
                       struct why *why)
{
	char place[PATH_MAX_TEXT];
	struct str text;
	enum err e = kms_conf_text(m, &text, why);

	if (e || text.n == 0)
		return e;
	snprintf(place, sizeof(place), "%s.%s", m.path, m.name);
	return make_name(text, plain, place, out, why);
}

static enum err names_list(const struct doc *list, const char *path, struct kms_name ***out,
                           size_t *n, struct why *why)
{
	struct kms_name **names;

	if (!list || list->kind != DOC_LIST || list->n == 0 || list->n > 100000)
		return why_fail(why, ERR_INVALID, "%s: must be a list of 1 to 100000 identities",
		                path);
	names = mem_array(list->n, sizeof(*names));
	if (!names)
		return why_fail(why, ERR_NOMEM, "out of memory");
	/* The caller frees it, also when only a part of it was read. */
	*out = names;
	for (DOC_EACH(it, list)) {
		enum err e =
			it->kind == DOC_TEXT
				? make_name(it->text, MIKEY_ID_URI, path, &names[*n], why)
				: why_fail(why, ERR_INVALID, "%s: must be a list of strings", path);

		if (e)
			return e;
		(*n)++;
	}
	return ERR_OK;
}

enum err kms_conf_text_into(struct kms_conf_member m, char *out, size_t room, struct why *why)
{
	struct str s;
	enum err e = kms_conf_text(m, &s, why);

	if (!e && s.n && str_copy(s, out, room))
		e = why_fail(why, ERR_TOO_BIG, "%s.%s: must be at most %zu octets", m.path, m.name,
		             room - 1);
	return e;
}

/* --- sections --------------------------------------------------------------- */

/* Where the parts of a pre-shared key go. */
struct psk_out {
	struct kms_name **id;
	struct secret *key;
	uint64_t *until_s; /* NULL: the key has no end */
};

static enum err read_psk(const struct doc *node, const char *path, const struct psk_out *out,
                         struct why *why)
{
	static const char *const names[] = {"id", "key", "until", NULL};
	enum err e = kms_conf_only(node, path, names, why);

	if (!e)
		e = kms_conf_name(kms_conf_optional(node, path, "id"), MIKEY_ID_BYTES, out->id,
		                  why);
	if (!e)
		e = kms_conf_key(kms_conf_needed(node, path, "key"), PSK_MIN, MIKEY_KEY_MAX,
		                 out->key, why);
	if (!e && out->until_s)
		e = kms_conf_uint(kms_conf_optional(node, path, "until"), 1, INT64_MAX,
		                  out->until_s, why);
	return e;
}

static enum err read_user(struct kms_directory *d, const struct doc *node, const char *path,
                          struct why *why)
{
	static const char *const names[] = {"names", "impi", "psk", NULL};
	struct kms_user *u = mem_alloc(sizeof(*u));
	char place[PATH_MAX_TEXT];
	struct psk_out psk;
	enum err e;

	if (!u)
		return why_fail(why, ERR_NOMEM, "out of memory");
	psk = (struct psk_out){.id = &u->psk_id, .key = &u->psk, .until_s = &u->psk_until_s};
	snprintf(place, sizeof(place), "%s.names", path);
	e = kms_conf_only(node, path, names, why);
	if (!e)
		e = names_list(doc_get(node, "names"), place, &u->names, &u->n_names, why);
	if (!e)
		e = kms_conf_text_into(kms_conf_optional(node, path, "impi"), u->impi,
		                       sizeof(u->impi), why);
	snprintf(place, sizeof(place), "%s.psk", path);
	if (!e && doc_get(node, "psk"))
		e = read_psk(doc_get(node, "psk"), place, &psk, why);
	if (e) {
		kms_user_free(u);
		return e;
	}
	e = kms_directory_take_user(d, u);
	return e ? why_fail(why, e, "%s: %s", path,
	                    e == ERR_EXISTS
	                            ? "another user has one of its names, its key id or its impi"
	                            : err_meaning(e))
	         : ERR_OK;
}

static enum err read_group(struct kms_directory *d, const struct doc *node, const char *path,
                           struct why *why)
{
	static const char *const names[] = {"name", "members", NULL};
	struct kms_group *g = mem_alloc(sizeof(*g));
	char place[PATH_MAX_TEXT];
	enum err e;

	if (!g)
		return why_fail(why, ERR_NOMEM, "out of memory");
	snprintf(place, sizeof(place), "%s.members", path);
	e = kms_conf_only(node, path, names, why);
	if (!e)
		e = kms_conf_name(kms_conf_needed(node, path, "name"), MIKEY_ID_URI, &g->name, why);
	if (!e)
		e = names_list(doc_get(node, "members"), place, &g->members, &g->n_members, why);
	if (e) {
		kms_group_free(g);
		return e;
	}
	e = kms_directory_take_group(d, g);
	return e ? why_fail(why, e, "%s: %s", path,
	                    e == ERR_EXISTS ? "another group has that name" : err_meaning(e))
	         : ERR_OK;
}

static enum err read_ticket_key(struct kms_directory *d, const struct doc *node, const char *path,
                                struct why *why)
{
	static const char *const names[] = {"id", "key", "owner", NULL};
	struct kms_ticket_key *k = mem_alloc(sizeof(*k));
	enum err e;

	if (!k)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = kms_conf_only(node, path, names, why);
	if (!e)
		e = kms_conf_name(kms_conf_needed(node, path, "id"), MIKEY_ID_BYTES, &k->id, why);
	if (!e)
		e = kms_conf_name(kms_conf_optional(node, path, "owner"), MIKEY_ID_URI, &k->owner,
		                  why);
	if (!e)
		e = kms_conf_key(kms_conf_needed(node, path, "key"), PSK_MIN, MIKEY_KEY_MAX,
		                 &k->key, why);
	if (e) {
		kms_ticket_key_free(k);
		return e;
	}
	e = kms_directory_take_ticket_key(d, k);
	return e ? why_fail(why, e, "%s: %s", path,
	                    e == ERR_EXISTS ? "another ticket key has that id or owner"
	                                    : err_meaning(e))
	         : ERR_OK;
}

static enum err read_domains(struct kms_peer *p, const struct doc *list, const char *path,
                             struct why *why)
{
	if (!list || list->kind != DOC_LIST || list->n == 0 || list->n > NAMES_MAX)
		return why_fail(why, ERR_INVALID,
		                "%s.domains: must be a list of 1 to %d host names", path,
		                NAMES_MAX);
	p->domains = mem_array(list->n, sizeof(*p->domains));
	if (!p->domains)
		return why_fail(why, ERR_NOMEM, "out of memory");
	for (DOC_EACH(it, list)) {
		char *text;

		if (it->kind != DOC_TEXT || it->text.n == 0)
			return why_fail(why, ERR_INVALID, "%s.domains: must be a list of strings",
			                path);
		text = mem_text(it->text.p, it->text.n);
		if (!text)
			return why_fail(why, ERR_NOMEM, "out of memory");
		p->domains[p->n_domains++] = str_make(text, it->text.n);
	}
	return ERR_OK;
}

/* KMSs authenticate each other by certificates (RFC 6043 9): requests go over https, and the
 * certificate must bear tls_name. */
static enum err check_peer_tls(struct kms_peer *p, const char *path, struct why *why)
{
	struct http_url url;
	struct str host = kms_host_of(kms_name_id(p->name));

	if (p->url[0] && http_url_parse(str_of(p->url), &url, why)) {
		why_prefix(why, "%s.url", path);
		return ERR_INVALID;
	}
	if (p->url[0] && !url.is_tls)
		return why_fail(why, ERR_INVALID, "%s.url: must begin with https://, not %s", path,
		                p->url);
	if (!p->tls_name[0] && (host.n == 0 || str_copy(host, p->tls_name, sizeof(p->tls_name))))
		return why_fail(why, ERR_INVALID,
		                "%s.tls_name is missing, and %s.id has no host to take it from",
		                path, path);
	return ERR_OK;
}

static enum err read_peer(struct kms_directory *d, const struct doc *node, const char *path,
                          struct why *why)
{
	static const char *const names[] = {"id", "url", "tls_name", "psk", "domains", NULL};
	struct kms_peer *p = mem_alloc(sizeof(*p));
	char place[PATH_MAX_TEXT];
	enum err e;

	if (!p)
		return why_fail(why, ERR_NOMEM, "out of memory");
	snprintf(place, sizeof(place), "%s.psk", path);
	e = kms_conf_only(node, path, names, why);
	if (!e)
		e = kms_conf_name(kms_conf_needed(node, path, "id"), MIKEY_ID_URI, &p->name, why);
	if (!e)
		e = kms_conf_text_into(kms_conf_optional(node, path, "url"), p->url, sizeof(p->url),
		                       why);
	if (!e)
		e = kms_conf_text_into(kms_conf_optional(node, path, "tls_name"), p->tls_name,
		                       sizeof(p->tls_name), why);
	if (!e)
		e = check_peer_tls(p, path, why);
	if (!e)
		e = read_psk(doc_get(node, "psk"), place,
		             &(struct psk_out){.id = &p->psk_id, .key = &p->psk}, why);
	if (!e)
		e = read_domains(p, doc_get(node, "domains"), path, why);
	if (e) {
		kms_peer_free(p);
		return e;
	}
	e = kms_directory_take_peer(d, p);
	return e ? why_fail(why, e, "%s: %s", path,
	                    e == ERR_EXISTS ? "another peer has that id or key id" : err_meaning(e))
	         : ERR_OK;
}

typedef enum err read_fn(struct kms_directory *d, const struct doc *node, const char *path,
                         struct why *why);

static enum err read_list(struct kms_directory *d, const struct doc *root, const char *name,
                          read_fn *fn, struct why *why)
{
	const struct doc *list = doc_get(root, name);
	char path[PATH_MAX_TEXT];
	size_t i = 0;

	if (!list)
		return ERR_OK;
	if (list->kind != DOC_LIST)
		return why_fail(why, ERR_INVALID, "%s: must be a list", name);
	for (DOC_EACH(it, list)) {
		enum err e;

		snprintf(path, sizeof(path), "%s[%zu]", name, i++);
		e = fn(d, it, path, why);
		if (e)
			return e;
	}
	return ERR_OK;
}

/* An empty list means the same as an absent one. */
static bool has_items(const struct doc *list)
{
	return list && !(list->kind == DOC_LIST && list->n == 0);
}

static enum err read_self(struct kms_directory *d, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"id", "aliases", NULL};
	struct kms_name *id = NULL, **aliases = NULL;
	size_t n = 0;
	enum err e = kms_conf_only(node, "kms", names, why);

	if (!e)
		e = kms_conf_name(kms_conf_needed(node, "kms", "id"), MIKEY_ID_URI, &id, why);
	if (!e)
		e = kms_directory_add_self(d, kms_name_id(id));
	if (!e && has_items(doc_get(node, "aliases")))
		e = names_list(doc_get(node, "aliases"), "kms.aliases", &aliases, &n, why);
	for (size_t i = 0; i < n; i++) {
		if (!e) {
			e = kms_directory_add_self(d, kms_name_id(aliases[i]));
			if (e)
				why_fail(why, e, "kms.aliases: too many");
		}
		mem_free(aliases[i]);
	}
	mem_free(aliases);
	mem_free(id);
	return e;
}

static enum err read_gba(struct kms_directory *d, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"bsf", "naf_fqdn", "bsf_domain", NULL};
	struct kms_gba g = {.on = true};
	enum err e;

	if (!node)
		return ERR_OK;
	e = kms_conf_only(node, "gba", names, why);
	if (!e)
		e = kms_conf_text_into(kms_conf_needed(node, "gba", "bsf"), g.url, sizeof(g.url),
		                       why);
	if (!e)
		e = kms_conf_text_into(kms_conf_needed(node, "gba", "naf_fqdn"), g.naf_fqdn,
		                       sizeof(g.naf_fqdn), why);
	if (!e)
		e = kms_conf_text_into(kms_conf_needed(node, "gba", "bsf_domain"), g.bsf_domain,
		                       sizeof(g.bsf_domain), why);
	if (!e)
		kms_directory_set_gba(d, &g);
	return e;
}

static enum err read_pem(const struct doc *node, const char *name, struct kms_conf_file *out,
                         struct why *why)
{
	char file[512] = "";
	enum err e = kms_conf_text_into(kms_conf_needed(node, "public_key", name), file,
	                                sizeof(file), why);

	return e ? e : kms_conf_file_read(out, file, 1 << 20, why);
}

static struct view view_of(const struct kms_conf_file *f)
{
	return (struct view){(const uint8_t *)f->p, f->n};
}

static enum err read_public_key(struct kms_directory *d, const struct doc *node, struct why *why)
{
	static const char *const names[] = {"certificate", "key", "roots", NULL};
	struct kms_conf_file f[3] = {{0}};
	struct kms_pki pki = {0};
	enum err e;

	if (!node)
		return ERR_OK;
	e = kms_conf_only(node, "public_key", names, why);
	for (size_t i = 0; !e && i < ARRAY_LEN(f); i++)
		e = read_pem(node, names[i], &f[i], why);
	if (!e)
		e = pki_cert_from_pem(&pki.cert, view_of(&f[0]), why);
	if (!e)
		e = pki_key_from_pem(&pki.key, view_of(&f[1]), why);
	if (!e)
		e = pki_trust_from_pem(&pki.trust, view_of(&f[2]), why);
	/* The directory frees it, also when only a part of it was read. */
	kms_directory_take_pki(d, pki);
	for (size_t i = 0; i < ARRAY_LEN(f); i++)
		kms_conf_file_free(&f[i]);
	return e;
}

/* --- the file --------------------------------------------------------------- */

static enum err read_root(struct kms_directory *d, const struct doc *root, struct why *why)
{
	static const char *const names[] = {"kms",    "policy",      "users",
	                                    "groups", "ticket_keys", "peers",
	                                    "gba",    "public_key",  NULL};
	static const struct {
		const char *name;
		read_fn *fn;
	} lists[] = {{"users", read_user},
	             {"groups", read_group},
	             {"ticket_keys", read_ticket_key},
	             {"peers", read_peer}};
	enum err e = kms_conf_only(root, "credentials", names, why);

	if (!e)
		e = read_self(d, doc_get(root, "kms"), why);
	if (!e)
		e = kms_conf_policy(kms_directory_policy(d), doc_get(root, "policy"), why);
	for (size_t i = 0; !e && i < ARRAY_LEN(lists); i++)
		e = read_list(d, root, lists[i].name, lists[i].fn, why);
	if (!e)
		e = read_gba(d, doc_get(root, "gba"), why);
	if (!e)
		e = read_public_key(d, doc_get(root, "public_key"), why);
	return e;
}

enum err kms_conf_parse(struct kms_directory **out, struct str json, struct why *why)
{
	struct kms_directory *d = NULL;
	struct doc_arena *arena = NULL;
	struct doc *root;
	enum err e = doc_arena_new(&arena);

	if (e)
		return why_fail(why, e, "out of memory");
	e = doc_json_decode(&root, arena, json, why);
	if (!e) {
		e = kms_directory_new(&d);
		if (e)
			why_fail(why, e, "out of memory");
	}
	if (!e)
		e = read_root(d, root, why);
	doc_arena_free(arena);
	if (e) {
		kms_directory_free(d);
		return e;
	}
	*out = d;
	return ERR_OK;
}

enum err kms_conf_load(struct kms_directory **out, const char *file, struct why *why)
{
	struct kms_conf_file f = {0};
	enum err e = kms_conf_file_read(&f, file, FILE_MAX_BYTES, why);

	if (e)
		return e;
	e = kms_conf_parse(out, str_make(f.p, f.n), why);
	kms_conf_file_free(&f);
	if (e)
		why_prefix(why, "%s", file);
	return e;
}
