/* SPDX-License-Identifier: MIT */
/* Finds the owner of the key that protects a request: a user, a user of a BSF, a peer KMS, or the
 * holder of a certificate. */
#include "base/clk.h"
#include "keyctx/kms/kms_state.h"

enum { CERTS_MAX = 8 };

struct mikey_id kms_owner_name_at(const struct kms_request *r, size_t i)
{
	switch (r->owner) {
	case KMS_OWNER_USER:
		return kms_name_id(r->user->names.v[i]);
	case KMS_OWNER_NAF:
		return i < r->naf.key.n_names ? r->naf.key.names[i] : (struct mikey_id){0};
	case KMS_OWNER_PEER:
		return kms_name_id(r->asking->name);
	case KMS_OWNER_CERT:
		return authority_sender(r->a);
	case KMS_OWNER_NONE:
		break;
	}
	return (struct mikey_id){0};
}

struct mikey_id kms_owner_name(const struct kms_request *r)
{
	return kms_owner_name_at(r, 0);
}

size_t kms_owner_names(const struct kms_request *r)
{
	return r->owner == KMS_OWNER_USER  ? r->user->names.n
	       : r->owner == KMS_OWNER_NAF ? r->naf.key.n_names
	                                   : 1;
}

static bool naf_has(const struct kms_directory *d, const struct naf_key *naf, struct mikey_id name)
{
	const struct kms_user *user = kms_directory_user_by_impi(d, naf->impi);

	for (size_t i = 0; i < naf->n_names; i++)
		if (mikey_id_eq(naf->names[i], name))
			return true;
	return user && kms_user_has(user, name);
}

bool kms_owner_has(const struct kms_request *r, struct mikey_id name)
{
	switch (r->owner) {
	case KMS_OWNER_USER:
		return kms_user_has(r->user, name);
	case KMS_OWNER_NAF:
		return naf_has(r->d, &r->naf.key, name);
	case KMS_OWNER_PEER:
		return kms_peer_speaks_for(r->asking, name);
	case KMS_OWNER_CERT:
		/* authority_verify compares this identity with the certificate */
		return mikey_id_eq(authority_sender(r->a), name);
	case KMS_OWNER_NONE:
		break;
	}
	return false;
}

struct view kms_owner_key(const struct kms_request *r)
{
	/* A user of the BSF may have no public identity here. */
	if (r->owner == KMS_OWNER_NAF)
		return (struct view){(const uint8_t *)r->naf.key.impi.p, r->naf.key.impi.n};
	return kms_owner_name(r).data;
}

/* Remembers that the BSF does not know the B-TID, or that its key has expired. */
static void note_unknown(struct kms_request *r, struct str btid)
{
	asks_note_unknown(r->k->asks, btid, r->wall_ns,
	                  (uint64_t)kms_directory_gba(r->d)->unknown_s * NS_PER_S);
}

enum kms_key_found kms_request_find_naf(struct kms_request *r, struct mikey_id id, bool asked,
                                        struct kms_naf *out)
{
	const struct kms_gba *gba = kms_directory_gba(r->d);
	struct str text = str_make((const char *)id.data.p, id.data.n), domain;
	const struct kms_store *store = &r->k->config.store;
	uint64_t now_s = r->wall_ns / NS_PER_S;
	uint8_t rand[GBA_RAND_LEN];

	if (!gba->on || text.n > GBA_BTID_MAX || gba_btid_parse(text, rand, &domain) ||
	    !str_eq_nocase(domain, str_of(gba->bsf_domain)))
		return KMS_KEY_UNKNOWN;
	if (store->ops->get(store->arg, KMS_BUCKET_NAF, id.data, &out->record) == ERR_OK &&
	    naf_read(&out->key, (struct view){out->record.octets, out->record.len}) == ERR_OK) {
		if (now_s >= out->key.until_s) {
			/* The bootstrapping has expired (TS 33.220 4.5.3). The HTTP answer 401
			 * makes the terminal bootstrap again. */
			(void)!store->ops->remove(store->arg, KMS_BUCKET_NAF, id.data);
			note_unknown(r, text);
			return KMS_KEY_UNKNOWN;
		}
		if (now_s < out->key.ask_again_s || asked)
			return KMS_KEY_FOUND;
	}
	if (asked)
		note_unknown(r, text);
	if (asked || asks_is_unknown(r->k->asks, text, r->wall_ns))
		return KMS_KEY_UNKNOWN;
	CHECK(str_copy(text, r->btid, sizeof(r->btid)) == ERR_OK);
	return KMS_KEY_ASK_BSF;
}

static bool user_is_live(const struct kms_request *r, const struct kms_user *u)
{
	return u && u->psk.len && (u->psk_until_s == 0 || r->wall_ns / NS_PER_S < u->psk_until_s);
}

static enum kms_key_found find_peer(struct kms_request *r, struct mikey_id psk_id)
{
	const struct kms_peer *p = kms_directory_peer_by_psk(r->d, psk_id);

	if (p)
		r->unknown_why =
			r->operation == KMS_RESOLVE
				? "the key belongs to a peer KMS, but the client presented "
				  "no TLS certificate with the tls_name of that KMS"
				: "the key belongs to a peer KMS, which may only resolve "
				  "tickets, not request them";
	/* A peer KMS may only resolve tickets, and its client certificate must contain the
	 * configured tls_name. */
	if (!p || r->operation != KMS_RESOLVE || !(r->names && r->names(r->names_arg, p->tls_name)))
		return KMS_KEY_UNKNOWN;
	r->asking = p;
	r->owner = KMS_OWNER_PEER;
	return KMS_KEY_FOUND;
}

static enum kms_key_found find_cert(struct kms_request *r)
{
	const struct kms_pki *pki = kms_directory_pki(r->d);
	struct view certs[CERTS_MAX];
	size_t n = authority_certs(r->a, certs, CERTS_MAX);

	if (!pki->trust || !pki->key || n == 0 || pki_chain_from_ders(&r->chain, certs, n, NULL) ||
	    pki_trust_check(pki->trust, r->chain, r->wall_ns / NS_PER_S, NULL))
		return KMS_KEY_UNKNOWN;
	r->owner = KMS_OWNER_CERT;
	return KMS_KEY_FOUND;
}

/* Keeps the user: it may be removed while the request waits for a BSF or another KMS. */
static void set_user(struct kms_request *r, const struct kms_user *u)
{
	kms_user_free(r->user);
	r->user = u ? kms_user_keep((struct kms_user *)(uintptr_t)u) : NULL;
}

enum kms_key_found kms_request_find_owner(struct kms_request *r)
{
	struct mikey_id psk_id = authority_psk_id(r->a);
	enum kms_key_found found;

	if (authority_is_pk(r->a))
		return find_cert(r);
	set_user(r, mikey_id_is_set(psk_id)
	                    ? kms_directory_user_by_psk(r->d, psk_id)
	                    : kms_directory_user_by_name(r->d, authority_sender(r->a)));
	if (user_is_live(r, r->user)) {
		r->owner = KMS_OWNER_USER;
		return KMS_KEY_FOUND;
	}
	if (!mikey_id_is_set(psk_id))
		return KMS_KEY_UNKNOWN;
	if (find_peer(r, psk_id) == KMS_KEY_FOUND)
		return KMS_KEY_FOUND;
	found = kms_request_find_naf(r, psk_id, r->naf_asked, &r->naf);
	if (found == KMS_KEY_FOUND)
		r->owner = KMS_OWNER_NAF;
	return found;
}

struct view kms_owner_psk(const struct kms_request *r)
{
	switch (r->owner) {
	case KMS_OWNER_USER:
		return (struct view){r->user->psk.octets, r->user->psk.len};
	case KMS_OWNER_NAF:
		return r->naf.key.key;
	case KMS_OWNER_PEER:
		return (struct view){r->asking->psk.octets, r->asking->psk.len};
	case KMS_OWNER_CERT:
	case KMS_OWNER_NONE:
		break;
	}
	return (struct view){0};
}
