/* SPDX-License-Identifier: MIT */
/* Compares, chooses, answers and prints a=crypto lines. */
#include "keyctx/sdp/sdes.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/secret.h"

void sdes_policy_defaults(struct sdes_policy *p)
{
	*p = (struct sdes_policy){
		.suites = (1u << SUITE_COUNT) - 1,
		.keys_max = 1,
		.accept_mki = true,
		.pad = true,
	};
}

static const struct {
	const char *name, *meaning;
} faults[SDES_FAULT_COUNT] = {
	[SDES_USABLE] = {"usable", "the line can be used"},
	[SDES_BAD_SYNTAX] = {"bad-syntax", "the syntax is not that of RFC 4568 section 9"},
	[SDES_BAD_TAG] = {"bad-tag", "the tag is not 1 to 9 digits without leading zeros"},
	[SDES_DUPLICATE_TAG] = {"duplicate-tag", "another line has this tag"},
	[SDES_UNKNOWN_SUITE] = {"unknown-suite", "the crypto suite is not supported"},
	[SDES_REFUSED_SUITE] = {"refused-suite",
                                "the crypto suite is not allowed by the settings or the request"},
	[SDES_UNKNOWN_METHOD] = {"unknown-method", "the key method is not inline"},
	[SDES_BAD_KEY] = {"bad-key", "the key is not base64 of the suite's key and salt length"},
	[SDES_BAD_LIFETIME] = {"bad-lifetime", "the lifetime is not a number within the limits"},
	[SDES_BAD_MKI] = {"bad-mki", "the MKI is not a number that fits its 1 to 128 octets"},
	[SDES_MKI_NEEDED] = {"mki-needed", "several keys need distinct MKIs of one length"},
	[SDES_REFUSED_MKI] = {"refused-mki", "MKIs are not allowed here"},
	[SDES_TOO_MANY_KEYS] = {"too-many-keys", "more inline keys than allowed"},
	[SDES_REPEATED_KEY] = {"repeated-key", "the description has the same key twice"},
	[SDES_REFLECTED_KEY] = {"reflected-key", "the peer sent the gateway's own key back"},
	[SDES_REUSED_KEY] = {"reused-key", "the key is in use with another suite, MKI or lifetime"},
	[SDES_SPENT_KEY] =
		{"spent-key",
                 "the call used this key before and its state is gone; a new key is needed"},
	[SDES_BAD_PARAM] = {"bad-parameter",
                            "a session parameter has a wrong value or occurs twice"},
	[SDES_UNKNOWN_PARAM] = {"unknown-parameter",
                                "a mandatory session parameter is not supported"},
	[SDES_REFUSED_PARAM] = {"refused-parameter", "a session parameter is not allowed here"},
	[SDES_WEAK_PARAM] = {"weak-parameter",
                             "UNENCRYPTED_SRTP, UNENCRYPTED_SRTCP and UNAUTHENTICATED_SRTP are "
                             "refused: media must be encrypted and authenticated"},
};

const char *sdes_fault_name(enum sdes_fault f)
{
	return faults[f].name;
}

const char *sdes_fault_meaning(enum sdes_fault f)
{
	return faults[f].meaning;
}

/* --- making and freeing ----------------------------------------------------- */

static void clear_keys(struct keyctx **keys, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		keyctx_free(keys[i]);
	mem_free(keys);
}

enum err sdes_key_add(struct keyctx ***keys, uint8_t *n, struct keyctx *key)
{
	struct keyctx **grown;

	CHECK(*n < SDES_KEYS_MAX);
	grown = mem_resize(*keys, *n + 1u, sizeof((*keys)[0]));
	if (!grown) {
		keyctx_free(key);
		return ERR_NOMEM;
	}
	grown[(*n)++] = key;
	*keys = grown;
	return ERR_OK;
}

void sdes_line_clear(struct sdes_line *l)
{
	clear_keys(l->keys, l->n_keys);
	clear_keys(l->fec_keys, l->n_fec_keys);
	*l = (struct sdes_line){.fault = SDES_BAD_SYNTAX};
}

static enum err copy_keys(struct keyctx ***out, uint8_t *n_out, struct keyctx *const *keys,
                          unsigned n)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < n && !e; i++)
		e = sdes_key_add(out, n_out, keyctx_take(keys[i]));
	return e;
}

enum err sdes_line_copy(struct sdes_line *out, const struct sdes_line *l)
{
	struct sdes_line copy = {.fault = l->fault,
	                         .tag = l->tag,
	                         .suite = l->suite,
	                         .spelling = l->spelling,
	                         .params = l->params};
	enum err e = copy_keys(&copy.keys, &copy.n_keys, l->keys, l->n_keys);

	if (!e)
		e = copy_keys(&copy.fec_keys, &copy.n_fec_keys, l->fec_keys, l->n_fec_keys);
	if (e)
		sdes_line_clear(&copy);
	else
		*out = copy;
	return e;
}

void sdes_list_clear(struct sdes_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		sdes_line_clear(&list->lines[i]);
	list->n = 0;
}

/* --- choose and compare ----------------------------------------------------- */

const struct sdes_line *sdes_list_first(const struct sdes_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->lines[i].fault == SDES_USABLE)
			return &list->lines[i];
	return NULL;
}

/* Returns the text for the fault of a line; for a weak parameter it names the parameter. */
static const char *fault_text(const struct sdes_line *l)
{
	if (l->fault != SDES_WEAK_PARAM)
		return sdes_fault_name(l->fault);
	return l->params.unencrypted_srtp ? "UNENCRYPTED_SRTP is refused, media must be encrypted"
	       : l->params.unencrypted_srtcp
	               ? "UNENCRYPTED_SRTCP is refused, RTCP must be encrypted"
	               : "UNAUTHENTICATED_SRTP is refused, media must be authenticated";
}

const char *sdes_list_describe(const struct sdes_list *list, char *out, size_t room)
{
	size_t at = 0;

	snprintf(out, room, "no a=crypto line");
	for (unsigned i = 0; i < list->n && at < room; i++)
		at += (size_t)snprintf(out + at, room - at, "%stag %" PRIu32 ": %s", i ? ", " : "",
		                       list->lines[i].tag, fault_text(&list->lines[i]));
	return out;
}

static bool keys_eq(struct keyctx *const *a, unsigned n_a, struct keyctx *const *b, unsigned n_b)
{
	unsigned same = 0;

	if (n_a != n_b)
		return false;
	/* Compares the keys as sets, because the order of keys with MKIs has no meaning. */
	for (unsigned i = 0; i < n_a; i++)
		for (unsigned k = 0; k < n_b; k++)
			same += keyctx_eq(a[i], b[k]);
	return same == n_a;
}

static bool negotiated_eq(const struct sdes_params *a, const struct sdes_params *b)
{
	return a->unencrypted_srtp == b->unencrypted_srtp &&
	       a->unencrypted_srtcp == b->unencrypted_srtcp &&
	       a->unauthenticated_srtp == b->unauthenticated_srtp;
}

bool sdes_line_eq(const struct sdes_line *a, const struct sdes_line *b)
{
	bool keys = keys_eq(a->keys, a->n_keys, b->keys, b->n_keys);
	bool fec = keys_eq(a->fec_keys, a->n_fec_keys, b->fec_keys, b->n_fec_keys);

	return a->suite == b->suite && keys && fec && negotiated_eq(&a->params, &b->params) &&
	       a->params.kdr == b->params.kdr && a->params.wsh == b->params.wsh &&
	       a->params.fec_order == b->params.fec_order;
}

const struct sdes_line *sdes_list_find(const struct sdes_list *list, const struct sdes_line *now)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->lines[i].fault == SDES_USABLE && sdes_line_eq(&list->lines[i], now))
			return &list->lines[i];
	return NULL;
}

/* Compares key and salt, not the suite: the same octets under _80 and _32 are one key. */
static bool same_octets(const struct keyctx *a, const struct keyctx *b)
{
	bool key = secret_eq(a->key, b->key, SUITE_KEY_MAX);
	bool salt = secret_eq(a->salt, b->salt, SUITE_SALT_MAX);

	return key && salt;
}

bool sdes_line_shares_key(const struct sdes_line *a, const struct sdes_line *b)
{
	unsigned same = 0;

	for (unsigned i = 0; i < a->n_keys; i++)
		for (unsigned k = 0; k < b->n_keys; k++)
			same += same_octets(a->keys[i], b->keys[k]);
	return same != 0;
}

bool sdes_list_has_fault(const struct sdes_list *list, enum sdes_fault f)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->lines[i].fault == f)
			return true;
	return false;
}

bool sdes_list_has_key(const struct sdes_list *list, const struct keyctx *k)
{
	unsigned found = 0;

	for (unsigned i = 0; i < list->n; i++)
		for (unsigned n = 0; n < list->lines[i].n_keys; n++)
			found += same_octets(list->lines[i].keys[n], k);
	return found != 0;
}

/* --- offer and answer ------------------------------------------------------- */

static bool is_seen(const struct sdes_line *offered, const struct sdes_list *seen,
                    const struct keyctx *k)
{
	unsigned found = 0;

	for (unsigned i = 0; offered && i < offered->n_keys; i++)
		found += same_octets(offered->keys[i], k);
	return found || (seen && sdes_list_has_key(seen, k));
}

static enum err fresh_key(struct keyctx **out, const struct suite *suite,
                          const struct sdes_line *offered, const struct sdes_list *seen,
                          uint64_t lifetime_pkts)
{
	enum err e = keyctx_generate_for(out, suite, lifetime_pkts);

	/* A working random generator never repeats a key. If it does, fail the call. */
	if (!e && is_seen(offered, seen, *out)) {
		keyctx_free(*out);
		e = ERR_CRYPTO;
	}
	return e;
}

enum err sdes_answer_make(struct sdes_line *out, const struct sdes_line *offered,
                          const struct sdes_list *seen, uint64_t lifetime_pkts)
{
	struct sdes_line l = {.fault = SDES_USABLE,
	                      .tag = offered->tag,
	                      .suite = offered->suite,
	                      .spelling = offered->spelling};
	struct keyctx *key = NULL;
	enum err e = fresh_key(&key, offered->suite, offered, seen, lifetime_pkts);

	if (!e)
		e = sdes_key_add(&l.keys, &l.n_keys, key);
	if (e)
		return e;
	l.params.unencrypted_srtp = offered->params.unencrypted_srtp;
	l.params.unencrypted_srtcp = offered->params.unencrypted_srtcp;
	l.params.unauthenticated_srtp = offered->params.unauthenticated_srtp;
	*out = l;
	return ERR_OK;
}

enum err sdes_offer_make(struct sdes_line *out, uint32_t tag, const struct suite *suite,
                         uint64_t lifetime_pkts)
{
	struct sdes_line l = {.fault = SDES_USABLE, .tag = tag, .suite = suite};
	struct keyctx *key = NULL;
	enum err e = fresh_key(&key, suite, NULL, NULL, lifetime_pkts);

	if (!e)
		e = sdes_key_add(&l.keys, &l.n_keys, key);
	if (e)
		return e;
	*out = l;
	return ERR_OK;
}

static const struct sdes_line *match_offer(const struct sdes_list *offered,
                                           const struct sdes_line *l, bool any_tag)
{
	const struct sdes_line *by_suite = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < offered->n; i++) {
		const struct sdes_line *o = &offered->lines[i];

		if (o->suite != l->suite || o->fault)
			continue;
		if (o->tag == l->tag)
			return o;
		by_suite = o;
		n++;
	}
	return any_tag && n == 1 ? by_suite : NULL;
}

enum err sdes_answer_check(const struct sdes_list *offered, const struct sdes_list *answer,
                           bool any_tag, const struct sdes_line **ours, struct why *why)
{
	const struct sdes_line *l = &answer->lines[0], *o;

	if (answer->n + answer->n_unread != 1)
		return why_fail(why, ERR_INVALID,
		                "an answer must have one a=crypto line; this one has %u",
		                answer->n + answer->n_unread);
	if (l->fault)
		return why_fail(why, ERR_INVALID, "a=crypto of the answer: %s",
		                sdes_fault_meaning(l->fault));
	o = match_offer(offered, l, any_tag);
	if (!o)
		return why_fail(why, ERR_INVALID,
		                "a=crypto of the answer: tag %" PRIu32 " with %s was not offered",
		                l->tag, l->suite->name);
	for (unsigned i = 0; i < l->n_keys; i++)
		if (sdes_list_has_key(offered, l->keys[i]))
			return why_fail(
				why, ERR_INVALID,
				"a=crypto of the answer repeats the gateway's key; the peer "
				"must make a new key");
	if (!negotiated_eq(&l->params, &o->params))
		return why_fail(
			why, ERR_INVALID,
			"a=crypto of the answer: the negotiated parameters differ from the offer");
	*ours = o;
	return ERR_OK;
}

/* --- print ------------------------------------------------------------------ */

static void print_text(struct wr *w, const char *text)
{
	wr_octets(w, text, strlen(text));
}

static void print_number(struct wr *w, uint64_t n)
{
	char text[24];

	wr_octets(w, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, n));
}

static void print_lifetime(struct wr *w, uint64_t n)
{
	print_text(w, "|");
	if ((n & (n - 1)) == 0) {
		print_text(w, "2^");
		n = (uint64_t)__builtin_ctzll(n);
	}
	print_number(w, n);
}

static void print_mki(struct wr *w, const struct keyctx *k)
{
	char digits[3 * KEYCTX_MKI_MAX];

	print_text(w, "|");
	wr_octets(w, digits, sdes_mki_print(keyctx_mki(k), digits, sizeof(digits)));
	print_text(w, ":");
	print_number(w, k->mki_len);
}

static void print_key(struct wr *w, const struct keyctx *k, bool pad)
{
	uint8_t master[SUITE_MASTER_MAX];
	char text[B64_TEXT_LEN(SUITE_MASTER_MAX) + 1];
	size_t n = (size_t)k->suite->key_len + k->suite->salt_len;

	memcpy(master, k->key, k->suite->key_len);
	memcpy(master + k->suite->key_len, k->salt, k->suite->salt_len);
	CHECK(b64_encode(master, n, pad, text, sizeof(text)) == ERR_OK);
	print_text(w, "inline:");
	print_text(w, text);
	secret_wipe(master, sizeof(master));
	secret_wipe(text, sizeof(text));
	if (k->has_lifetime)
		print_lifetime(w, k->lifetime_pkts);
	if (k->mki_len)
		print_mki(w, k);
}

static void print_keys(struct wr *w, struct keyctx *const *keys, unsigned n, bool pad)
{
	for (unsigned i = 0; i < n; i++) {
		if (i)
			print_text(w, ";");
		print_key(w, keys[i], pad);
	}
}

static void print_params(struct wr *w, const struct sdes_line *l, bool pad)
{
	const struct sdes_params *p = &l->params;

	if (p->kdr) {
		print_text(w, " KDR=");
		print_number(w, p->kdr);
	}
	if (p->unencrypted_srtp)
		print_text(w, " UNENCRYPTED_SRTP");
	if (p->unencrypted_srtcp)
		print_text(w, " UNENCRYPTED_SRTCP");
	if (p->unauthenticated_srtp)
		print_text(w, " UNAUTHENTICATED_SRTP");
	if (p->fec_order == SDES_SRTP_FEC)
		print_text(w, " FEC_ORDER=SRTP_FEC");
	if (l->n_fec_keys) {
		print_text(w, " FEC_KEY=");
		print_keys(w, l->fec_keys, l->n_fec_keys, pad);
	}
	if (p->wsh) {
		print_text(w, " WSH=");
		print_number(w, p->wsh);
	}
}

void sdes_line_print(const struct sdes_line *l, bool pad, struct wr *w)
{
	char name[SUITE_NAME_MAX];

	print_number(w, l->tag);
	print_text(w, " ");
	print_text(w, suite_spell(l->suite, l->spelling, name));
	print_text(w, " ");
	print_keys(w, l->keys, l->n_keys, pad);
	print_params(w, l, pad);
}

enum err sdes_line_write(struct sdp *s, unsigned media, const struct sdes_line *l, bool pad)
{
	char text[SDES_TEXT_MAX];
	struct wr w = wr_make(text, sizeof(text));
	enum err e = ERR_TOO_BIG;

	sdes_line_print(l, pad, &w);
	if (wr_ok(&w))
		e = sdp_attr_add(s, (int)media, "crypto", str_make(text, wr_len(&w)));
	secret_wipe(text, sizeof(text));
	return e;
}
