/* SPDX-License-Identifier: MIT */
/* The tables of a session's content, and how a patch becomes part of it. */
#include "control/spec.h"

#include <stdio.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/secret.h"

/* --- keying: an object in a request, a key context in the spec ---------------------------------------- */

static const struct schema_field keying_fields[] = {
	{.name = "suite", .required = true, .help = "name as in a=crypto: AES_CM_128_HMAC_SHA1_80 …"},
	{.name = "inline", .required = true, .secret = true, .help = "base64 of master key and salt; never in a reply"},
	{.name = "mki", .secret = true, .help = "base64 of the MKI's octets, 1 to 128"},
	{.name = "lifetime", .help = "packets under this key: a number, or a text like \"2^31\""},
};
enum { KEYING_SUITE, KEYING_INLINE, KEYING_MKI, KEYING_LIFETIME };

/* What was found in a keying object. The octets are in secret memory, `master` then `mki`. */
struct keying_parts {
	const struct suite *suite;
	uint64_t lifetime_pkts;
	size_t master_len, mki_len;
	struct {
		uint8_t master[SUITE_MASTER_MAX], mki[KEYCTX_MKI_MAX];
	} *octets;
};

/* A key pasted into the wrong field must not be echoed: only what looks like a suite's name is shown. */
static bool looks_like_suite(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
			return false;
	return s.n < 40;
}

static enum err read_suite(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	char list[160] = "";
	size_t n = 0;

	k->suite = d->kind == DOC_TEXT ? suite_find(d->text) : NULL;
	if (k->suite)
		return ERR_OK;
	for (unsigned i = 0; i < SUITE_COUNT && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", suite_get((enum suite_id)i)->name);
	if (d->kind == DOC_TEXT && looks_like_suite(d->text))
		return schema_refuse(in, ERR_UNSUPPORTED, &keying_fields[KEYING_SUITE], d, "must be one of %s", list);
	return schema_refuse(in, ERR_UNSUPPORTED, NULL, NULL, "must be one of %s", list);
}

static enum err read_octets(struct schema_in *in, const struct doc *d, void *out, size_t room, size_t *len)
{
	if (d->kind != DOC_TEXT || b64_decode(d->text, out, room, len) || *len == 0)
		return schema_refuse(in, ERR_INVALID, NULL, NULL, "must be base64 of 1 to %zu octets", room);
	return ERR_OK;
}

/* RFC 4568 6.1: a decimal number or a power of two. */
static enum err read_lifetime(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	uint64_t v = 0;

	if (d->kind == DOC_INT && d->number > 0) {
		v = (uint64_t)d->number;
	} else if (d->kind == DOC_TEXT && str_starts(d->text, "2^")) {
		uint64_t power;

		if (!str_to_u64(str_skip(d->text, 2), 48, &power))
			v = 1ull << power;
	} else if (d->kind == DOC_TEXT && str_to_u64(d->text, 1ull << 48, &v)) {
		v = 0;
	}
	if (v == 0 || v > 1ull << 48)
		return schema_refuse(in, ERR_RANGE, NULL, NULL, "must be 1 to 2^48, a number or a text like \"2^31\"");
	k->lifetime_pkts = v;
	return ERR_OK;
}

static enum err read_keying_field(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	if (str_is(d->key, "suite"))
		return read_suite(in, d, k);
	if (str_is(d->key, "inline"))
		return read_octets(in, d, k->octets->master, sizeof(k->octets->master), &k->master_len);
	if (str_is(d->key, "mki") && d->kind != DOC_NULL)
		return read_octets(in, d, k->octets->mki, sizeof(k->octets->mki), &k->mki_len);
	if (str_is(d->key, "lifetime") && d->kind != DOC_NULL)
		return read_lifetime(in, d, k);
	if (d->kind == DOC_NULL || in->ignore_unknown)
		return ERR_OK;
	return schema_refuse(in, ERR_INVALID, NULL, NULL, "no such field; keying has suite, inline, mki, lifetime");
}

static enum err read_keying_parts(struct schema_in *in, const struct doc *d, struct keying_parts *k)
{
	for (DOC_EACH(it, d)) {
		size_t mark = schema_enter(in, it->key);
		enum err e = read_keying_field(in, it, k);

		schema_leave(in, mark);
		if (e)
			return e;
	}
	if (!k->suite || !k->master_len)
		return schema_refuse(in, ERR_INVALID, NULL, NULL, "must have suite and inline");
	return ERR_OK;
}

static enum err keying_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	struct keying_parts k = {0};
	struct keyctx *made = NULL;
	struct why why;
	enum err e;

	(void)f;
	if (d->kind != DOC_DICT)
		return schema_refuse(in, ERR_INVALID, NULL, NULL, "must be an object");
	k.octets = secret_alloc(sizeof(*k.octets));
	if (!k.octets)
		return schema_refuse(in, ERR_NOMEM, NULL, NULL, "no locked memory for the key");
	e = read_keying_parts(in, d, &k);
	if (e)
		goto out;
	e = keyctx_new(&made,
	               &(struct keyctx_spec){.suite = k.suite,
	                                     .master = {.p = k.octets->master, .n = k.master_len},
	                                     .mki = {.p = k.octets->mki, .n = k.mki_len},
	                                     .lifetime_pkts = k.lifetime_pkts},
	               &why);
	if (e)
		e = schema_refuse(in, e, NULL, NULL, "%.180s", e == ERR_NOMEM ? "no memory for the key" : why.text);
out:
	secret_free(k.octets);
	if (!e) {
		keyctx_free(*(struct keyctx **)at);
		*(struct keyctx **)at = made;
	}
	return e;
}

/* Everything but the key. */
static struct doc *keying_write(const struct schema_out *out, const struct schema_field *f, const void *at)
{
	const struct keyctx *k = *(struct keyctx *const *)at;
	char mki[B64_TEXT_LEN(KEYCTX_MKI_MAX) + 1];
	struct doc *d;

	(void)f;
	if (!k)
		return NULL;
	d = doc_dict(out->arena);
	doc_set_text(out->arena, d, "suite", str_of(k->suite->name));
	if (k->mki_len && !b64_encode(k->mki, k->mki_len, true, mki, sizeof(mki)))
		doc_set_text(out->arena, d, "mki", str_of(mki));
	if (k->has_lifetime)
		doc_set_uint(out->arena, d, "lifetime", k->lifetime_pkts);
	return d;
}

static enum err keying_copy(const struct schema_field *f, void *to, const void *from)
{
	const struct keyctx *k = *(struct keyctx *const *)from;
	struct keyctx *copy = NULL;

	(void)f;
	if (k && keyctx_copy(&copy, k))
		return ERR_NOMEM;
	keyctx_free(*(struct keyctx **)to);
	*(struct keyctx **)to = copy;
	return ERR_OK;
}

static bool keying_eq(const struct schema_field *f, const void *a, const void *b)
{
	(void)f;
	return keyctx_eq(*(struct keyctx *const *)a, *(struct keyctx *const *)b);
}

static void keying_fini(const struct schema_field *f, void *at)
{
	(void)f;
	keyctx_free(*(struct keyctx **)at);
	*(struct keyctx **)at = NULL;
}

static const struct schema_type keying_type = {
	.read = keying_read, .write = keying_write, .copy = keying_copy, .eq = keying_eq, .fini = keying_fini};

/* --- interface: a name outside, an index inside ------------------------------------------------------- */

static enum err interface_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	const struct spec_context *c = in->context;
	char list[160] = "";
	size_t n = 0;

	for (unsigned i = 0; i < c->n_interfaces; i++) {
		if (d->kind == DOC_TEXT && str_is(d->text, c->interfaces[i].name)) {
			*(uint8_t *)at = (uint8_t)i;
			return ERR_OK;
		}
		if (n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", c->interfaces[i].name);
	}
	return schema_refuse(in, ERR_NOT_FOUND, f, d, "must be the name of an interface: %s", list);
}

static struct doc *interface_write(const struct schema_out *out, const struct schema_field *f, const void *at)
{
	const struct spec_context *c = out->context;

	(void)f;
	return doc_borrow(out->arena, str_of(c->interfaces[*(const uint8_t *)at].name));
}

static enum err octet_copy(const struct schema_field *f, void *to, const void *from)
{
	(void)f;
	*(uint8_t *)to = *(const uint8_t *)from;
	return ERR_OK;
}

static bool octet_eq(const struct schema_field *f, const void *a, const void *b)
{
	(void)f;
	return *(const uint8_t *)a == *(const uint8_t *)b;
}

static const struct schema_type interface_type = {
	.read = interface_read, .write = interface_write, .copy = octet_copy, .eq = octet_eq};

/* --- a leg's index: "a" "b" "b2" … -------------------------------------------------------------------- */

static const char *const leg_names[RELAY_LEGS_MAX] = {"a", "b", "b2", "b3", "b4", "b5", "b6", "b7", "b8"};

const char *spec_leg_name(unsigned index)
{
	return index < RELAY_LEGS_MAX ? leg_names[index] : "?";
}

enum err spec_leg_find(struct str name, unsigned *out)
{
	for (unsigned i = 0; i < RELAY_LEGS_MAX; i++)
		if (str_is(name, leg_names[i])) {
			*out = i;
			return ERR_OK;
		}
	return ERR_NOT_FOUND;
}

static enum err active_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	unsigned i;

	if (d->kind != DOC_TEXT || spec_leg_find(d->text, &i) || i == RELAY_LEG_ACCESS)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a core leg: b, b2 … b8");
	*(uint8_t *)at = (uint8_t)i;
	return ERR_OK;
}

static struct doc *active_write(const struct schema_out *out, const struct schema_field *f, const void *at)
{
	(void)f;
	return doc_borrow(out->arena, str_of(spec_leg_name(*(const uint8_t *)at)));
}

static const struct schema_type active_type = {
	.read = active_read, .write = active_write, .copy = octet_copy, .eq = octet_eq};

/* --- mode: the relay's table of names ----------------------------------------------------------------- */

static enum err mode_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	char list[160] = "";
	enum relay_mode mode;
	size_t n = 0;

	if (d->kind == DOC_TEXT && !relay_mode_find(d->text, &mode)) {
		*(uint8_t *)at = (uint8_t)mode;
		return ERR_OK;
	}
	for (unsigned i = 0; i < RELAY_MODE_COUNT && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", relay_mode_name((enum relay_mode)i));
	return schema_refuse(in, ERR_INVALID, f, d, "must be one of %s", list);
}

static struct doc *mode_write(const struct schema_out *out, const struct schema_field *f, const void *at)
{
	(void)f;
	return doc_borrow(out->arena, str_of(relay_mode_name(*(const uint8_t *)at)));
}

const struct schema_type spec_mode_type = {.read = mode_read, .write = mode_write, .copy = octet_copy, .eq = octet_eq};

/* --- legs: an object whose names are indexes; null takes a leg away ------------------------------------ */

static enum err legs_grow(struct spec_legs *legs, unsigned n)
{
	struct spec_leg *items;

	if (n <= legs->n)
		return ERR_OK;
	items = mem_resize(legs->items, n, sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	memset(items + legs->n, 0, (n - legs->n) * sizeof(*items));
	legs->items = items;
	legs->n = (uint8_t)n;
	return ERR_OK;
}

static void leg_end(struct spec_leg *leg)
{
	schema_fini(&spec_leg_schema, leg);
}

static enum err leg_read(struct schema_in *in, const struct doc *d, struct spec_legs *legs)
{
	unsigned i;
	struct spec_leg *leg;

	if (spec_leg_find(d->key, &i))
		return in->ignore_unknown ? ERR_OK
		                          : schema_refuse(in, ERR_INVALID, NULL, NULL, "no such leg; there are a, b, b2 … b8");
	if (legs_grow(legs, i + 1))
		return schema_refuse(in, ERR_NOMEM, NULL, NULL, "out of memory");
	leg = &legs->items[i];
	if (d->kind == DOC_NULL) {
		leg_end(leg);
		leg->gone = true;
		return ERR_OK;
	}
	leg->exists = true;
	leg->gone = false;
	return schema_read(in, &spec_leg_schema, d, leg);
}

static enum err legs_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	struct spec_legs *legs = at;
	enum err e = ERR_OK;

	if (d->kind == DOC_NULL) {
		if (legs_grow(legs, RELAY_LEGS_MAX))
			return schema_refuse(in, ERR_NOMEM, NULL, NULL, "out of memory");
		for (unsigned i = 0; i < legs->n; i++) {
			leg_end(&legs->items[i]);
			legs->items[i].gone = true;
		}
		return ERR_OK;
	}
	if (d->kind != DOC_DICT)
		return schema_refuse(in, ERR_INVALID, f, d, "must be an object");
	for (const struct doc *it = d->first; it && !e; it = it->next) {
		size_t mark = schema_enter(in, it->key);

		e = leg_read(in, it, legs);
		schema_leave(in, mark);
	}
	return e;
}

static struct doc *legs_write(const struct schema_out *out, const struct schema_field *f, const void *at)
{
	const struct spec_legs *legs = at;
	struct doc *d = doc_dict(out->arena);

	(void)f;
	for (unsigned i = 0; i < legs->n; i++)
		if (legs->items[i].exists)
			doc_set(d, spec_leg_name(i), schema_write(out, &spec_leg_schema, &legs->items[i]));
	return d;
}

static void legs_fini(const struct schema_field *f, void *at)
{
	struct spec_legs *legs = at;

	(void)f;
	for (unsigned i = 0; i < legs->n; i++)
		leg_end(&legs->items[i]);
	mem_free(legs->items);
	*legs = (struct spec_legs){0};
}

/* A patch is copied as it is, marks and all; over a full spec it is applied by legs_apply instead. */
static enum err legs_copy(const struct schema_field *f, void *to, const void *from)
{
	const struct spec_legs *legs = from;
	struct spec_legs copy = {0};
	enum err e = legs_grow(&copy, legs->n);

	for (unsigned i = 0; i < legs->n && !e; i++) {
		e = schema_copy(&spec_leg_schema, &copy.items[i], &legs->items[i]);
		copy.items[i].exists = legs->items[i].exists;
		copy.items[i].gone = legs->items[i].gone;
		copy.items[i].port = legs->items[i].port;
	}
	if (e) {
		legs_fini(f, &copy);
		return e;
	}
	legs_fini(f, to);
	*(struct spec_legs *)to = copy;
	return ERR_OK;
}

static bool leg_exists(const struct spec_legs *legs, unsigned i)
{
	return i < legs->n && legs->items[i].exists;
}

static bool legs_eq(const struct schema_field *f, const void *a, const void *b)
{
	const struct spec_legs *x = a, *y = b;

	(void)f;
	for (unsigned i = 0; i < RELAY_LEGS_MAX; i++) {
		if (leg_exists(x, i) != leg_exists(y, i))
			return false;
		if (leg_exists(x, i) && !schema_eq(&spec_leg_schema, &x->items[i], &y->items[i]))
			return false;
	}
	return true;
}

static const struct schema_type legs_type = {.takes_null = true,
                                             .read = legs_read,
                                             .write = legs_write,
                                             .copy = legs_copy,
                                             .eq = legs_eq,
                                             .fini = legs_fini};

/* --- media: a list merged by id ----------------------------------------------------------------------- */

static enum err media_grow(struct spec_media_list *list, unsigned n)
{
	struct spec_media *items;

	if (n > RELAY_MEDIA_MAX)
		return ERR_LIMIT;
	items = mem_resize(list->items, n, sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	memset(items + list->n, 0, (n - list->n) * sizeof(*items));
	list->items = items;
	list->n = (uint8_t)n;
	return ERR_OK;
}

static struct spec_media *media_find(const struct spec_media_list *list, struct str id)
{
	for (unsigned i = 0; i < list->n; i++)
		if (str_is(id, list->items[i].id))
			return &list->items[i];
	return NULL;
}

static enum err media_read_one(struct schema_in *in, const struct doc *d, struct spec_media_list *list)
{
	struct spec_media *m;
	enum err e;

	if (media_grow(list, list->n + 1))
		return schema_refuse(in, list->n < RELAY_MEDIA_MAX ? ERR_NOMEM : ERR_LIMIT, NULL, NULL,
		                     "a session has at most %d media", RELAY_MEDIA_MAX);
	m = &list->items[list->n - 1];
	e = schema_read(in, &spec_media_schema, d, m);
	if (!e && media_find(list, str_of(m->id)) != m)
		e = schema_refuse(in, ERR_EXISTS, NULL, NULL, "this media id stands in the list twice");
	return e;
}

static enum err media_read(struct schema_in *in, const struct schema_field *f, const struct doc *d, void *at)
{
	enum err e = ERR_OK;
	unsigned i = 0;

	if (d->kind != DOC_LIST)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a list");
	for (const struct doc *it = d->first; it && !e; it = it->next) {
		size_t mark = schema_enter_index(in, i++);

		e = media_read_one(in, it, at);
		schema_leave(in, mark);
	}
	return e;
}

static struct doc *media_write(const struct schema_out *out, const struct schema_field *f, const void *at)
{
	const struct spec_media_list *list = at;
	struct doc *d = doc_list(out->arena);

	(void)f;
	for (unsigned i = 0; i < list->n; i++)
		doc_append(d, schema_write(out, &spec_media_schema, &list->items[i]));
	return d;
}

static void media_fini(const struct schema_field *f, void *at)
{
	struct spec_media_list *list = at;

	(void)f;
	for (unsigned i = 0; i < list->n; i++)
		schema_fini(&spec_media_schema, &list->items[i]);
	mem_free(list->items);
	*list = (struct spec_media_list){0};
}

static enum err media_copy(const struct schema_field *f, void *to, const void *from)
{
	const struct spec_media_list *list = from;
	struct spec_media_list copy = {0};
	enum err e = list->n ? media_grow(&copy, list->n) : ERR_OK;

	for (unsigned i = 0; i < list->n && !e; i++)
		e = schema_copy(&spec_media_schema, &copy.items[i], &list->items[i]);
	if (e) {
		media_fini(f, &copy);
		return e;
	}
	media_fini(f, to);
	*(struct spec_media_list *)to = copy;
	return ERR_OK;
}

static bool media_eq(const struct schema_field *f, const void *a, const void *b)
{
	const struct spec_media_list *x = a, *y = b;

	(void)f;
	if (x->n != y->n)
		return false;
	for (unsigned i = 0; i < x->n; i++)
		if (!schema_eq(&spec_media_schema, &x->items[i], &y->items[i]))
			return false;
	return true;
}

static const struct schema_type media_type = {
	.read = media_read, .write = media_write, .copy = media_copy, .eq = media_eq, .fini = media_fini};

/* --- the tables --------------------------------------------------------------------------------------- */

static const struct schema_word gate_words[] = {{"open", 1}, {"closed", 0}, {0}};
static const struct schema_word rtcp_words[] = {
	{"mux", RELAY_RTCP_MUX}, {"pair", RELAY_RTCP_PAIR}, {"none", RELAY_RTCP_NONE}, {0}};
static const struct schema_word latch_words[] = {
	{"signalled", RELAY_LATCH_SIGNALLED}, {"first", RELAY_LATCH_FIRST}, {"follow", RELAY_LATCH_FOLLOW},
	{"asymmetric", RELAY_LATCH_ASYMMETRIC}, {0}};
static const struct schema_word roc_words[] = {
	{"either", RELAY_ROC_EITHER}, {"keep", RELAY_ROC_KEEP}, {"zero", RELAY_ROC_ZERO}, {0}};
static const struct schema_word rekey_words[] = {{"reject", SPEC_REKEY_REJECT}, {"accept", SPEC_REKEY_ACCEPT}, {0}};

static const struct schema_field direction_fields[] = {
	[SPEC_DIRECTION_KEYING] = {.name = "keying", SCHEMA_FIELD(&keying_type, struct spec_direction, keying), .secret = true,
	                           .help = "suite, inline, mki, lifetime; null: no key"},
	[SPEC_DIRECTION_GATE] = {.name = "gate", SCHEMA_FIELD(&schema_word, struct spec_direction, gate_open),
	                         .words = gate_words, .preset = 1, .help = "open: packets pass; closed: they are dropped"},
};
const struct schema spec_direction_schema = {"a direction", direction_fields, ARRAY_LEN(direction_fields),
                                             sizeof(struct spec_direction)};

#define FROM_CONTEXT(member_) .preset_at = 1 + offsetof(struct spec_context, member_)
static const struct schema_field leg_fields[] = {
	[SPEC_LEG_INTERFACE] = {.name = "interface", SCHEMA_FIELD(&interface_type, struct spec_leg, interface),
	                        .help = "name of a local interface; default: the first"},
	[SPEC_LEG_REMOTE] = {.name = "remote", SCHEMA_FIELD(&schema_addr, struct spec_leg, remote),
	                     .help = "where the peer receives RTP; null: not known yet"},
	[SPEC_LEG_REMOTE_RTCP] = {.name = "remote_rtcp", SCHEMA_FIELD(&schema_addr, struct spec_leg, remote_rtcp),
	                          .help = "where it receives RTCP, with rtcp pair; default: the next port"},
	[SPEC_LEG_RTCP] = {.name = "rtcp", SCHEMA_FIELD(&schema_word, struct spec_leg, rtcp), .words = rtcp_words,
	                   .help = "mux: on the RTP port (RFC 5761); pair: on the next port; none"},
	[SPEC_LEG_LATCH] = {.name = "latch", SCHEMA_FIELD(&schema_word, struct spec_leg, latch), .words = latch_words,
	                    .help = "which sources are believed; with keys only authenticated packets teach"},
	[SPEC_LEG_LATCH_WINDOW_MS] = {.name = "latch_window_ms",
	                              SCHEMA_FIELD(&schema_uint, struct spec_leg, latch_window_ms), .max = 3600000,
	                              .help = "latch first: how long it learns; 0: 10 s"},
	[SPEC_LEG_DSCP] = {.name = "dscp", SCHEMA_FIELD(&schema_uint, struct spec_leg, dscp), .max = 63, FROM_CONTEXT(dscp),
	                   .help = "of packets sent to the peer"},
	[SPEC_LEG_LOOP_PROTECT] = {.name = "loop_protect", SCHEMA_FIELD(&schema_bool, struct spec_leg, loop_protect),
	                           .help = "drop packets that would go back where they came from"},
	[SPEC_LEG_INACTIVITY_MS] = {.name = "inactivity_ms", SCHEMA_FIELD(&schema_uint, struct spec_leg, inactivity_ms),
	                            .max = 86400000, FROM_CONTEXT(inactivity_ms),
	                            .help = "silence of the peer that is worth an event; 0: none is"},
	[SPEC_LEG_REKEY_ROC] = {.name = "rekey_roc", SCHEMA_FIELD(&schema_word, struct spec_leg, rekey_roc), .words = roc_words,
	                        FROM_CONTEXT(rekey_roc), .help = "rollover counter under a new key at the same address"},
	[SPEC_LEG_REKEY_OVERLAP_MS] = {.name = "rekey_overlap_ms",
	                               SCHEMA_FIELD(&schema_uint, struct spec_leg, rekey_overlap_ms), .max = 600000,
	                               FROM_CONTEXT(rekey_overlap_ms), .help = "how long the old receive key still opens packets"},
	[SPEC_LEG_RECEIVE] = {.name = "receive", SCHEMA_FIELD(&schema_struct, struct spec_leg, receive),
	                      .sub = &spec_direction_schema, .help = "what comes from the peer"},
	[SPEC_LEG_SEND] = {.name = "send", SCHEMA_FIELD(&schema_struct, struct spec_leg, send),
	                   .sub = &spec_direction_schema, .help = "what goes to the peer"},
};
const struct schema spec_leg_schema = {"a leg", leg_fields, ARRAY_LEN(leg_fields), sizeof(struct spec_leg)};

static const struct schema_field media_fields[] = {
	[SPEC_MEDIA_ID] = {.name = "id", SCHEMA_FIELD(&schema_text, struct spec_media, id), .required = true, .min = 1,
	                   .help = "unique in the session: the m-line's number or mid"},
	[SPEC_MEDIA_MODE] = {.name = "mode", SCHEMA_FIELD(&spec_mode_type, struct spec_media, mode),
	                     .help = "what is done to the media; needed for a new one"},
	[SPEC_MEDIA_ACTIVE] = {.name = "active", SCHEMA_FIELD(&active_type, struct spec_media, active), .preset = 1,
	                       .help = "the core leg that leg a is joined to"},
	[SPEC_MEDIA_LEGS] = {.name = "legs", SCHEMA_FIELD(&legs_type, struct spec_media, legs),
	                     .help = "a: access; b, b2 … b8: core; a leg that is null goes away"},
};
const struct schema spec_media_schema = {"a media", media_fields, ARRAY_LEN(media_fields), sizeof(struct spec_media)};

static const struct schema_field session_fields[] = {
	[SPEC_SESSION_ID] = {.name = "id", SCHEMA_FIELD(&schema_text, struct spec_session, id), .required = true, .min = 1,
	                     .help = "chosen by the caller"},
	[SPEC_SESSION_SETUP_TIMEOUT_MS] = {.name = "setup_timeout_ms",
	                                   SCHEMA_FIELD(&schema_uint, struct spec_session, setup_timeout_ms), .max = 86400000,
	                                   FROM_CONTEXT(setup_timeout_ms),
	                                   .help = "no packet at all for so long after create: an event; 0: none"},
	[SPEC_SESSION_E2AE_REKEY] = {.name = "e2ae_rekey", SCHEMA_FIELD(&schema_word, struct spec_session, e2ae_rekey),
	                             .words = rekey_words, FROM_CONTEXT(e2ae_rekey),
	                             .help = "a new key for an e2ae access leg that did not move (TS 33.328 7.4)"},
	[SPEC_SESSION_MEDIA] = {.name = "media", SCHEMA_FIELD(&media_type, struct spec_session, media),
	                        .help = "one for each m-line; in an update those that change"},
};
const struct schema spec_session_schema = {"a session", session_fields, ARRAY_LEN(session_fields),
                                           sizeof(struct spec_session)};

/* --- making and merging ------------------------------------------------------------------------------- */

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

struct spec_media *spec_find_media(const struct spec_session *s, struct str id)
{
	return media_find(&s->media, id);
}

struct spec_media *spec_patch_media(struct spec_session *patch, struct str id)
{
	struct spec_media *m = media_find(&patch->media, id);

	if (m)
		return m;
	if (id.n >= sizeof(m->id) || media_grow(&patch->media, patch->media.n + 1u))
		return NULL;
	m = &patch->media.items[patch->media.n - 1];
	memcpy(m->id, id.p, id.n);
	SPEC_HAS(m, SPEC_MEDIA_ID);
	SPEC_HAS(patch, SPEC_SESSION_MEDIA);
	return m;
}

struct spec_leg *spec_patch_leg(struct spec_media *media, unsigned index)
{
	if (index >= RELAY_LEGS_MAX || legs_grow(&media->legs, index + 1))
		return NULL;
	SPEC_HAS(media, SPEC_MEDIA_LEGS);
	media->legs.items[index].exists = true;
	media->legs.items[index].gone = false;
	return &media->legs.items[index];
}

static enum err legs_apply(struct spec_legs *legs, const struct spec_legs *patch, const struct spec_context *context)
{
	enum err e = legs_grow(legs, patch->n);

	for (unsigned i = 0; i < patch->n && !e; i++) {
		struct spec_leg *leg = &legs->items[i];

		if (patch->items[i].gone)
			leg_end(leg);
		if (!patch->items[i].exists)
			continue;
		if (!leg->exists)
			schema_defaults(&spec_leg_schema, leg, context);
		leg->exists = true;
		e = schema_apply(&spec_leg_schema, leg, &patch->items[i]);
	}
	return e;
}

static enum err media_apply(struct spec_session *s, const struct spec_media *patch, const struct spec_context *context,
                            struct why *why)
{
	struct spec_media *m = media_find(&s->media, str_of(patch->id));
	enum err e;

	if (!m) {
		if (!SPEC_IS_GIVEN(patch, SPEC_MEDIA_MODE))
			return why_fail(why, ERR_INVALID, "media \"%s\": mode must be given for a new media", patch->id);
		e = media_grow(&s->media, s->media.n + 1u);
		if (e)
			return why_fail(why, e, e == ERR_LIMIT ? "a session has at most %d media" : "out of memory (%d media)",
			                RELAY_MEDIA_MAX);
		m = &s->media.items[s->media.n - 1];
		schema_defaults(&spec_media_schema, m, context);
	}
	memcpy(m->id, patch->id, sizeof(m->id));
	if (SPEC_IS_GIVEN(patch, SPEC_MEDIA_MODE))
		m->mode = patch->mode;
	if (SPEC_IS_GIVEN(patch, SPEC_MEDIA_ACTIVE))
		m->active = patch->active;
	m->has |= patch->has;
	if (legs_apply(&m->legs, &patch->legs, context))
		return why_fail(why, ERR_NOMEM, "out of memory");
	return ERR_OK;
}

static enum err check_media(const struct spec_media *m, struct why *why)
{
	bool has_core = false;

	for (unsigned i = 1; i < m->legs.n; i++)
		has_core |= m->legs.items[i].exists;
	if (has_core && !leg_exists(&m->legs, m->active))
		return why_fail(why, ERR_INVALID, "media \"%s\": active leg %s does not exist", m->id, spec_leg_name(m->active));
	return ERR_OK;
}

static enum err apply_over(struct spec_session *s, const struct spec_session *patch, const struct spec_context *context,
                           struct why *why)
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
		e = why_fail(why, ERR_INVALID, "media: a session has at least one");
	for (unsigned i = 0; i < s->media.n && !e; i++)
		e = check_media(&s->media.items[i], why);
	return e;
}

enum err spec_apply(struct spec_session **out, const struct spec_session *base, const struct spec_session *patch,
                    const struct spec_context *context, struct why *why)
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
