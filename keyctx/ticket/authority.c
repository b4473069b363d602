/* SPDX-License-Identifier: MIT */
/* A KMS reads a request and authenticates its sender. */
#include "keyctx/ticket/authority.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/mikey/replay.h"
#include "keyctx/ticket/authority_state.h"
#include "keyctx/ticket/step.h"

bool authority_is_resolve(const struct authority *a)
{
	return a->msg.hdr.data_type == MIKEY_DT_RESOLVE_INIT_PSK ||
	       a->msg.hdr.data_type == MIKEY_DT_RESOLVE_INIT_PK;
}

bool authority_is_pk(const struct authority *a)
{
	return a->msg.hdr.data_type == MIKEY_DT_REQUEST_INIT_PK ||
	       a->msg.hdr.data_type == MIKEY_DT_RESOLVE_INIT_PK;
}

unsigned authority_sender_role(const struct authority *a)
{
	return authority_is_resolve(a) ? MIKEY_ROLE_R : MIKEY_ROLE_I;
}

static struct mikey_id id_of(const struct authority *a, unsigned role)
{
	const struct mikey_payload *p = mikey_msg_idr(&a->msg, role);

	return p ? p->u.idr.id : (struct mikey_id){0};
}

const struct mikey_msg *authority_msg(const struct authority *a)
{
	return &a->msg;
}

enum authority_state authority_get_state(const struct authority *a)
{
	return (enum authority_state)a->state;
}

struct mikey_id authority_sender(const struct authority *a)
{
	return id_of(a, authority_sender_role(a));
}

struct mikey_id authority_kms(const struct authority *a)
{
	return id_of(a, MIKEY_ROLE_KMS);
}

struct mikey_id authority_psk_id(const struct authority *a)
{
	return id_of(a, MIKEY_ROLE_PSK);
}

const struct ticket_policy *authority_policy(const struct authority *a)
{
	return &a->policy;
}

const struct mikey_payload *authority_ticket(const struct authority *a)
{
	return mikey_msg_find(&a->msg, MIKEY_TICKET);
}

struct mikey_id authority_tpk_id(const struct authority *a)
{
	const struct mikey_payload *ticket = authority_ticket(a);
	struct ticket_data data;

	if (!ticket || ticket_data_read(&data, ticket, NULL))
		return (struct mikey_id){0};
	return data.tpk_id;
}

size_t authority_certs(const struct authority *a, struct view *out, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < a->msg.n && n < room; i++)
		if (a->msg.p[i].type == MIKEY_CERT)
			out[n++] = a->msg.p[i].u.cert.data;
	return n;
}

enum err authority_replay_key(const struct authority *a, uint8_t out[32])
{
	struct mikey_id sender = authority_sender(a);

	return mikey_replay_key(&a->msg, mikey_id_is_set(sender) ? sender : authority_psk_id(a),
	                        out);
}

bool authority_is_verified(const struct authority *a)
{
	return a->is_verified;
}

bool authority_policy_lists(const struct ticket_policy *p, struct mikey_id who)
{
	for (size_t i = 0; i < p->n_r; i++)
		if (mikey_id_eq(p->r[i], who))
			return true;
	return false;
}

static enum err check_header(const struct authority *a, struct mikey_fault *fault)
{
	const struct mikey_hdr *h = &a->msg.hdr;

	if (h->data_type != MIKEY_DT_REQUEST_INIT_PSK &&
	    h->data_type != MIKEY_DT_RESOLVE_INIT_PSK && !authority_is_pk(a))
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_DT, 1,
		                     "%s is not a request to a KMS",
		                     mikey_data_type_name(h->data_type));
	if (authority_is_pk(a) && !a->rules.accept_pk)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_DT, 1,
		                     "public-key requests are not enabled on this KMS");
	if (!mikey_prf_is_known(h->prf))
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_PRF, 3,
		                     "PRF %u is not supported, must be 0 or 1", h->prf);
	if (h->n_cs || h->map_type != MIKEY_MAP_EMPTY)
		return mikey_fail_at(
			fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, 8,
			"a request to a KMS must have no crypto sessions (#CS 0, Empty map)");
	return ERR_OK;
}

/* Checks that the request has all payloads that its kind must have (RFC 6043 4.2.1.1, 4.2.3.1). */
static enum err check_payloads(const struct authority *a, struct mikey_fault *fault)
{
	const unsigned needed[] = {
		MIKEY_T,
		MIKEY_RANDR,
		authority_is_resolve(a) ? MIKEY_TICKET : MIKEY_TP,
		authority_is_pk(a) ? MIKEY_PKE : MIKEY_V,
		authority_is_pk(a) ? MIKEY_SIGN : MIKEY_V,
	};

	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		if (!mikey_msg_find(&a->msg, needed[i]))
			return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
			                  "the request has no %s payload",
			                  mikey_type_name(needed[i]));
	if (!mikey_msg_rand_of(&a->msg, authority_sender_role(a)).n)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED,
		                  "the request has no RANDR payload with the sender's role");
	return ERR_OK;
}

static enum err check_algs(struct authority *a, struct mikey_fault *fault)
{
	const struct mikey_payload *v = mikey_msg_find(&a->msg, MIKEY_V);
	struct mikey_algs algs = {a->msg.hdr.prf, MIKEY_ENCR_NULL, MIKEY_MAC_NULL};

	/* A public-key request names no MAC algorithm; the answer uses the one that has the
	 * strength of the PRF. */
	a->mac_alg = a->msg.hdr.prf == MIKEY_PRF_SHA256 ? MIKEY_MAC_SHA256_256 : MIKEY_MAC_SHA1_160;
	if (authority_is_pk(a))
		return ERR_OK;
	algs.mac = v->u.v.alg;
	return mikey_algs_check(algs, false, fault);
}

static enum err read_policy(struct authority *a, struct mikey_fault *fault)
{
	const struct mikey_payload *p =
		mikey_msg_find(&a->msg, authority_is_resolve(a) ? MIKEY_TICKET : MIKEY_TP);

	return ticket_policy_read(&a->policy, p, fault);
}

enum err authority_new(struct authority **out, const struct ticket_rules *rules, struct view octets,
                       uint64_t now_ntp, struct mikey_fault *fault)
{
	struct authority *a = octets.n <= MIKEY_MESSAGE_MAX ? mem_alloc(sizeof(*a)) : NULL;
	enum err e;

	if (octets.n > MIKEY_MESSAGE_MAX)
		return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED,
		                  "the message has %zu octets, at most %d are allowed", octets.n,
		                  MIKEY_MESSAGE_MAX);
	if (!a ||
	    !(a->octets = mem_dup(octets.n ? (const void *)octets.p : "", octets.n + !octets.n))) {
		authority_free(a);
		return authority_no_memory(fault);
	}
	a->rules = *rules;
	a->now_ntp = now_ntp;
	e = mikey_msg_read(&a->msg, (struct view){.p = a->octets, .n = octets.n}, fault);
	if (!e)
		e = check_header(a, fault);
	if (!e)
		e = check_payloads(a, fault);
	if (!e)
		e = ticket_rules_check_time(rules, mikey_msg_find(&a->msg, MIKEY_T)->u.t, now_ntp,
		                            fault);
	if (!e)
		e = check_algs(a, fault);
	if (!e)
		e = read_policy(a, fault);
	if (e)
		authority_free(a);
	else
		*out = a;
	return e;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	secret_clear(&a->key);
	mem_free(a->octets);
	mem_free(a->names);
	mem_free(a);
}

enum err authority_phase_keys(const struct authority *a, unsigned phase, struct mikey_msg_keys *out)
{
	struct view rand = mikey_msg_rand_of(&a->msg, authority_sender_role(a));
	bool resolve = authority_is_resolve(a);

	struct mikey_msg_seed from = {
		.prf = a->msg.hdr.prf,
		.inkey = {.p = a->key.octets, .n = a->key.len},
		.csb_id = a->msg.hdr.csb_id,
		.phase = phase,
	};

	*(resolve ? &from.randr : &from.randi) = rand;
	return mikey_prf_msg_keys(out, &from);
}

/* Returns the two identities that MAC or signature covers. Takes an identity that the request
 * leaves out from `peer` (decision 0010.6). */
static void names_of(const struct authority *a, const struct authority_peer *peer,
                     struct view out[2])
{
	struct mikey_id sender = authority_sender(a), kms = authority_kms(a);

	out[0] = mikey_id_is_set(sender) ? sender.data : peer->owner.data;
	out[1] = mikey_id_is_set(kms) ? kms.data : peer->kms.data;
}

static enum err verify_psk(struct authority *a, const struct authority_peer *peer,
                           struct mikey_fault *fault)
{
	struct view names[2], rand = mikey_msg_rand_of(&a->msg, authority_sender_role(a));
	struct mikey_msg_keys *k;
	enum err e;

	if (!peer->psk.n)
		return mikey_fail(fault, ERR_AUTH, MIKEY_E_AUTH,
		                  "the KMS has no key for the sender");
	if (secret_set(&a->key, peer->psk.p, peer->psk.n) || !(k = secret_alloc(sizeof(*k))))
		return authority_no_memory(fault);
	names_of(a, peer, names);
	e = authority_phase_keys(a, 1, k);
	if (!e)
		e = mikey_msg_check_mac(&a->msg, k, names, 2, fault);
	secret_free(k);
	if (!e && a->rules.enforce_rand_len && rand.n < peer->psk.n)
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
		               "RANDR has %zu octets, must be at least as long as the key, %zu "
		               "(RFC 6043 12.1)",
		               rand.n, peer->psk.n);
	return e;
}

static enum err check_chash(const struct authority *a, const struct pki_cert *own,
                            struct mikey_fault *fault)
{
	const struct mikey_payload *p = mikey_msg_find(&a->msg, MIKEY_CHASH);
	uint8_t hash[PRIM_HASH_MAX];
	enum prim_hash alg;
	enum err e;

	if (!p)
		return ERR_OK;
	if (p->u.chash.hash == MIKEY_HASH_MD5)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_HASH, p->offset,
		                     "CHASH uses MD5, must be SHA-1 or SHA-256");
	alg = p->u.chash.hash == MIKEY_HASH_SHA256 ? PRIM_SHA256 : PRIM_SHA1;
	e = prim_digest(alg, pki_cert_der(own), hash);
	if (!e && !view_eq(p->u.chash.data, (struct view){.p = hash, .n = prim_hash_len(alg)}))
		e = mikey_fail_at(fault, ERR_INVALID, MIKEY_E_CERT, p->offset,
		                  "CHASH is not the hash of this KMS's certificate");
	return e;
}

/* Verifies the signature before it decrypts PKE, so that an unauthenticated sender can't test how
 * decryption fails. */
static enum err verify_pk(struct authority *a, const struct authority_peer *peer,
                          struct mikey_fault *fault)
{
	const struct pki_cert *cert = peer->chain ? pki_chain_at(peer->chain, 0) : NULL;
	struct mikey_id sender = authority_sender(a);
	struct view names[2], rand = mikey_msg_rand_of(&a->msg, authority_sender_role(a));
	enum err e;

	if (!cert || !peer->own_key || !peer->own_cert)
		return mikey_fail(fault, ERR_AUTH, MIKEY_E_CERT,
		                  "the KMS has no certificate of the sender, or no key and "
		                  "certificate of its own");
	names_of(a, peer, names);
	e = mikey_msg_check_sign(&a->msg,
	                         (struct mikey_signed_by){cert, a->rules.accept_sha1_signatures},
	                         names, 2, fault);
	if (!e && !pki_cert_names(cert, mikey_id_is_set(sender) ? sender.data : peer->owner.data))
		e = mikey_fail(fault, ERR_AUTH, MIKEY_E_ID,
		               "the sender's identity is not a subjectAltName of the certificate");
	if (!e)
		e = check_chash(a, peer->own_cert, fault);
	if (!e &&
	    pki_decrypt(peer->own_key, mikey_msg_find(&a->msg, MIKEY_PKE)->u.pke.data, &a->key))
		e = mikey_fail(fault, ERR_AUTH, MIKEY_E_AUTH,
		               "PKE can't be decrypted with the key of this KMS");
	if (!e &&
	    (a->key.len < mikey_default_key_len(a->msg.hdr.prf) || a->key.len > MIKEY_KEY_MAX ||
	     (a->rules.enforce_rand_len && rand.n < a->key.len)))
		e = mikey_fail(
			fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
			"the envelope key has %zu octets, RANDR %zu: the key must have 16 (PRF 0) "
			"or 32 (PRF 1) to 64 octets, RANDR at least as many as the key",
			a->key.len, rand.n);
	a->own_key = peer->own_key;
	return e;
}

static enum err keep_names(struct authority *a, struct mikey_id kms, struct mikey_id owner)
{
	struct wr w;

	a->names = mem_alloc(kms.data.n + owner.data.n + 1);
	if (!a->names)
		return ERR_NOMEM;
	w = wr_make(a->names, kms.data.n + owner.data.n);
	wr_view(&w, kms.data);
	wr_view(&w, owner.data);
	a->kms = (struct mikey_id){.type = kms.type, .data = {.p = a->names, .n = kms.data.n}};
	a->owner = (struct mikey_id){
		.type = owner.type,
		.data = {.p = a->names + kms.data.n, .n = owner.data.n},
	};
	return ERR_OK;
}

enum err authority_verify(struct authority *a, const struct authority_peer *peer,
                          struct mikey_fault *fault)
{
	struct mikey_id named = authority_kms(a);
	enum err e;

	if (!step_allows(&authority_steps, a->state, AUTHORITY_ON_VERIFY))
		return step_take(&authority_steps, &a->state, AUTHORITY_ON_VERIFY, fault);
	e = authority_is_pk(a) ? verify_pk(a, peer, fault) : verify_psk(a, peer, fault);
	if (!e && mikey_id_is_set(named) && mikey_id_is_set(peer->kms) &&
	    !mikey_id_eq(named, peer->kms))
		e = mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		               "IDRkms of the request names another KMS");
	if (!e && !peer->owns_sender)
		e = mikey_fail(
			fault, ERR_DENIED, MIKEY_E_ID,
			"IDRi or IDRr of the request does not belong to the owner of the key");
	if (!e && !mikey_id_is_set(authority_sender(a)) && !mikey_id_is_set(peer->owner))
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_ID,
		               "the request has no IDRi or IDRr, and its key has no owner");
	if (!e && keep_names(a, mikey_id_is_set(named) ? named : peer->kms, peer->owner))
		e = authority_no_memory(fault);
	if (!e)
		e = step_take(&authority_steps, &a->state, AUTHORITY_ON_VERIFY, fault);
	/* If the MAC is correct but another check failed, the key still authenticates the Error
	 * message. If the MAC is wrong, nothing authenticates it. */
	a->is_verified = e != ERR_AUTH && e != ERR_NOMEM && e != ERR_CRYPTO && a->key.len;
	if (!a->is_verified)
		secret_clear(&a->key);
	return e;
}
