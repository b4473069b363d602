/* SPDX-License-Identifier: MIT */
/* A KMS serving one request. */
#include "keyctx/ticket/authority.h"

#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/mikey/replay.h"
#include "keyctx/ticket/machines.h"

struct authority {
	struct ticket_rules rules;
	uint8_t state;
	uint8_t *octets; /* the request, ours */
	uint64_t now_ntp;
	struct mikey_msg msg;
	struct ticket_policy policy;
	struct secret key; /* PSK or envelope key, once verified */
	bool is_verified;
	uint8_t mac_alg;             /* of the messages made here */
	struct mikey_id kms;         /* own name, views `names` */
	uint8_t *names;
	const struct pki_key *own_key; /* borrowed, as authority_verify says */
	uint8_t reply[MIKEY_MESSAGE_MAX];
};

static enum err no_memory(struct mikey_fault *fault)
{
	return mikey_fail(fault, ERR_NOMEM, MIKEY_E_UNSPECIFIED, "out of memory");
}

bool authority_is_resolve(const struct authority *a)
{
	return a->msg.hdr.data_type == MIKEY_DT_RESOLVE_INIT_PSK || a->msg.hdr.data_type == MIKEY_DT_RESOLVE_INIT_PK;
}

bool authority_is_pk(const struct authority *a)
{
	return a->msg.hdr.data_type == MIKEY_DT_REQUEST_INIT_PK || a->msg.hdr.data_type == MIKEY_DT_RESOLVE_INIT_PK;
}

static unsigned sender_role(const struct authority *a)
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
	return id_of(a, sender_role(a));
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

	return mikey_replay_key(&a->msg, mikey_id_is_set(sender) ? sender : authority_psk_id(a), out);
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

	if (h->data_type != MIKEY_DT_REQUEST_INIT_PSK && h->data_type != MIKEY_DT_RESOLVE_INIT_PSK && !authority_is_pk(a))
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_DT, 1, "%s is not for a KMS", mikey_data_type_name(h->data_type));
	if (authority_is_pk(a) && !a->rules.accept_pk)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_DT, 1, "public-key requests are switched off");
	if (!mikey_prf_is_known(h->prf))
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_PRF, 3, "PRF %u is not known", h->prf);
	if (h->n_cs || h->map_type != MIKEY_MAP_EMPTY)
		return mikey_fail_at(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, 8, "crypto sessions in a request to a KMS");
	return ERR_OK;
}

/* What each kind of request can't do without (RFC 6043 4.2.1.1, 4.2.3.1). */
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
			return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED, "%s is missing", mikey_type_name(needed[i]));
	if (!mikey_msg_rand_of(&a->msg, sender_role(a)).n)
		return mikey_fail(fault, ERR_SYNTAX, MIKEY_E_UNSPECIFIED, "RANDR of the sender is missing");
	return ERR_OK;
}

static enum err check_algs(struct authority *a, struct mikey_fault *fault)
{
	const struct mikey_payload *v = mikey_msg_find(&a->msg, MIKEY_V);
	struct mikey_algs algs = {a->msg.hdr.prf, MIKEY_ENCR_NULL, MIKEY_MAC_NULL};

	/* A public-key request names no MAC; the answer's is the one of the PRF's strength. */
	a->mac_alg = a->msg.hdr.prf == MIKEY_PRF_SHA256 ? MIKEY_MAC_SHA256_256 : MIKEY_MAC_SHA1_160;
	if (authority_is_pk(a))
		return ERR_OK;
	algs.mac = v->u.v.alg;
	return mikey_algs_check(algs, false, fault);
}

static enum err read_policy(struct authority *a, struct mikey_fault *fault)
{
	const struct mikey_payload *p = mikey_msg_find(&a->msg, authority_is_resolve(a) ? MIKEY_TICKET : MIKEY_TP);

	return ticket_policy_read(&a->policy, p, fault);
}

enum err authority_new(struct authority **out, const struct ticket_rules *rules, struct view octets, uint64_t now_ntp,
                       struct mikey_fault *fault)
{
	struct authority *a = octets.n <= MIKEY_MESSAGE_MAX ? mem_alloc(sizeof *a) : NULL;
	enum err e;

	if (octets.n > MIKEY_MESSAGE_MAX)
		return mikey_fail(fault, ERR_TOO_BIG, MIKEY_E_UNSPECIFIED, "%zu octets, %d at most", octets.n, MIKEY_MESSAGE_MAX);
	if (!a || !(a->octets = mem_dup(octets.n ? (const void *)octets.p : "", octets.n + !octets.n))) {
		authority_free(a);
		return no_memory(fault);
	}
	a->rules = *rules;
	a->now_ntp = now_ntp;
	e = mikey_msg_read(&a->msg, (struct view){.p = a->octets, .n = octets.n}, fault);
	if (!e)
		e = check_header(a, fault);
	if (!e)
		e = check_payloads(a, fault);
	if (!e)
		e = ticket_rules_check_time(rules, mikey_msg_find(&a->msg, MIKEY_T)->u.t, now_ntp, fault);
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

static enum err phase_keys(const struct authority *a, unsigned phase, struct mikey_msg_keys *out)
{
	struct view rand = mikey_msg_rand_of(&a->msg, sender_role(a));
	bool resolve = authority_is_resolve(a);

	return mikey_prf_msg_keys(out, a->msg.hdr.prf, (struct view){.p = a->key.octets, .n = a->key.len}, a->msg.hdr.csb_id, phase,
	                          resolve ? (struct view){0} : rand, resolve ? rand : (struct view){0});
}

/* Both names enter the MAC; one that was left out is known from elsewhere (readings 6). */
static void names_of(const struct authority *a, const struct authority_peer *peer, struct view out[2])
{
	struct mikey_id sender = authority_sender(a), kms = authority_kms(a);

	out[0] = mikey_id_is_set(sender) ? sender.data : peer->owner.data;
	out[1] = mikey_id_is_set(kms) ? kms.data : peer->kms.data;
}

static enum err verify_psk(struct authority *a, const struct authority_peer *peer, struct mikey_fault *fault)
{
	struct view names[2], rand = mikey_msg_rand_of(&a->msg, sender_role(a));
	struct mikey_msg_keys *k;
	enum err e;

	if (!peer->psk.n)
		return mikey_fail(fault, ERR_AUTH, MIKEY_E_AUTH, "no key is known for the sender");
	if (secret_set(&a->key, peer->psk.p, peer->psk.n) || !(k = secret_alloc(sizeof *k)))
		return no_memory(fault);
	names_of(a, peer, names);
	e = phase_keys(a, 1, k);
	if (!e)
		e = mikey_msg_check_mac(&a->msg, k, names, 2, fault);
	secret_free(k);
	if (!e && a->rules.enforce_rand_len && rand.n < peer->psk.n)
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, "a RAND of %zu octets under a key of %zu (RFC 6043 12.1)", rand.n,
		               peer->psk.n);
	return e;
}

static enum err check_chash(const struct authority *a, const struct pki_cert *own, struct mikey_fault *fault)
{
	const struct mikey_payload *p = mikey_msg_find(&a->msg, MIKEY_CHASH);
	uint8_t hash[PRIM_HASH_MAX];
	enum prim_hash alg;
	enum err e;

	if (!p)
		return ERR_OK;
	if (p->u.chash.hash == MIKEY_HASH_MD5)
		return mikey_fail_at(fault, ERR_UNSUPPORTED, MIKEY_E_HASH, p->offset, "CHASH by MD5");
	alg = p->u.chash.hash == MIKEY_HASH_SHA256 ? PRIM_SHA256 : PRIM_SHA1;
	e = prim_digest(alg, pki_cert_der(own), hash);
	if (!e && !view_eq(p->u.chash.data, (struct view){.p = hash, .n = prim_hash_len(alg)}))
		e = mikey_fail_at(fault, ERR_INVALID, MIKEY_E_CERT, p->offset, "CHASH names another certificate");
	return e;
}

/* The signature first: only then is PKE opened, so that nobody may try ciphertexts on us. */
static enum err verify_pk(struct authority *a, const struct authority_peer *peer, struct mikey_fault *fault)
{
	const struct pki_cert *cert = peer->chain ? pki_chain_at(peer->chain, 0) : NULL;
	struct mikey_id sender = authority_sender(a);
	struct view names[2], rand = mikey_msg_rand_of(&a->msg, sender_role(a));
	enum err e;

	if (!cert || !peer->own_key || !peer->own_cert)
		return mikey_fail(fault, ERR_AUTH, MIKEY_E_CERT, "no certificate to check with");
	names_of(a, peer, names);
	e = mikey_msg_check_sign(&a->msg, cert, a->rules.accept_sha1_signatures, names, 2, fault);
	if (!e && !pki_cert_names(cert, mikey_id_is_set(sender) ? sender.data : peer->owner.data))
		e = mikey_fail(fault, ERR_AUTH, MIKEY_E_ID, "the certificate is not the sender's");
	if (!e)
		e = check_chash(a, peer->own_cert, fault);
	if (!e && pki_decrypt(peer->own_key, mikey_msg_find(&a->msg, MIKEY_PKE)->u.pke.data, &a->key))
		e = mikey_fail(fault, ERR_AUTH, MIKEY_E_AUTH, "the envelope key does not open");
	if (!e && (a->key.len < mikey_default_key_len(a->msg.hdr.prf) || a->key.len > MIKEY_KEY_MAX ||
	           (a->rules.enforce_rand_len && rand.n < a->key.len)))
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, "an envelope key of %zu octets under a RAND of %zu", a->key.len,
		               rand.n);
	a->own_key = peer->own_key;
	return e;
}

static enum err keep_name(struct authority *a, struct mikey_id kms)
{
	a->names = mem_dup(kms.data.n ? (const void *)kms.data.p : "", kms.data.n + !kms.data.n);
	if (!a->names)
		return ERR_NOMEM;
	a->kms = (struct mikey_id){.type = kms.type, .data = {.p = a->names, .n = kms.data.n}};
	return ERR_OK;
}

enum err authority_verify(struct authority *a, const struct authority_peer *peer, struct mikey_fault *fault)
{
	struct mikey_id named = authority_kms(a);
	enum err e;

	if (!step_allows(&authority_machine, a->state, AUTHORITY_ON_VERIFY))
		return step_take(&authority_machine, &a->state, AUTHORITY_ON_VERIFY, fault);
	e = authority_is_pk(a) ? verify_pk(a, peer, fault) : verify_psk(a, peer, fault);
	if (!e && mikey_id_is_set(named) && mikey_id_is_set(peer->kms) && !mikey_id_eq(named, peer->kms))
		e = mikey_fail(fault, ERR_DENIED, MIKEY_E_ID, "the request is for another KMS");
	if (!e && !peer->owns_sender)
		e = mikey_fail(fault, ERR_DENIED, MIKEY_E_ID, "the sender's identity is not the key owner's");
	if (!e && !mikey_id_is_set(authority_sender(a)) && !mikey_id_is_set(peer->owner))
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_ID, "nobody knows who asks");
	if (!e && keep_name(a, mikey_id_is_set(named) ? named : peer->kms))
		e = no_memory(fault);
	if (!e)
		e = step_take(&authority_machine, &a->state, AUTHORITY_ON_VERIFY, fault);
	/* With a wrong name behind a true MAC the key still authenticates the Error; with a false one nothing does. */
	a->is_verified = e != ERR_AUTH && e != ERR_NOMEM && e != ERR_CRYPTO && a->key.len;
	if (!a->is_verified)
		secret_clear(&a->key);
	return e;
}

/* What a reply is made of; in secret memory. */
struct reply {
	struct mikey_msg_keys keys;
	struct mikey_keys plain;
	struct ticket_keys ticket;
};

static void add(struct mikey_build *b, struct mikey_payload p)
{
	mikey_build_add(b, &p);
}

static void start_reply(struct mikey_build *b, const struct authority *a, uint8_t *room, size_t n, unsigned data_type, struct mikey_ts t)
{
	struct mikey_hdr hdr = {.data_type = (uint8_t)data_type, .prf = a->msg.hdr.prf, .csb_id = a->msg.hdr.csb_id,
	                        .map_type = MIKEY_MAP_EMPTY};

	mikey_build_start(b, room, n, &hdr, NULL, 0);
	add(b, mikey_make_t(t));
}

static unsigned encr_of(const struct authority *a)
{
	return a->msg.hdr.prf == a->rules.algs.prf                 ? a->rules.algs.encr
	       : a->msg.hdr.prf == MIKEY_PRF_SHA256 ? MIKEY_ENCR_CM_256
	                                                            : MIKEY_ENCR_CM_128;
}

static enum err add_kemac(struct mikey_build *b, const struct authority *a, const struct reply *r, struct mikey_ts t)
{
	uint8_t sealed[4096];
	struct wr w = wr_make(sealed, sizeof sealed);
	struct mikey_payload p = {.type = MIKEY_KEMAC, .u.kemac = {.encr = (uint8_t)encr_of(a)}};
	enum err e = mikey_kemac_seal(&w, encr_of(a), &r->keys, a->msg.hdr.csb_id, t, &r->plain);

	p.u.kemac.data = (struct view){.p = sealed, .n = wr_len(&w)};
	if (!e)
		mikey_build_add(b, &p);
	return e;
}

/* V over the reply and the request it answers. */
static enum err finish_reply(struct mikey_build *b, const struct authority *a, const struct reply *r, struct view *octets,
                             struct mikey_fault *fault)
{
	enum err e = mikey_build_add_mac(b, a->mac_alg, &r->keys, &a->msg.octets, 1);

	if (!e)
		e = mikey_build_done(b, octets);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "the answer can't be built") : ERR_OK;
}

/* RFC 6043 12.1: what the request's RAND must cover now that the keys are known. */
static enum err check_rand(const struct authority *a, const struct ticket_keys *k, struct mikey_fault *fault)
{
	struct view rand = mikey_msg_rand_of(&a->msg, sender_role(a));
	size_t longest = mikey_keys_longest(&k->session);

	if (longest < k->mpk_len)
		longest = k->mpk_len;
	if (a->rules.enforce_rand_len && rand.n < longest)
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_UNSPECIFIED, "keys of %zu octets under a RAND of %zu (RFC 6043 12.1)",
		                  longest, rand.n);
	return mikey_algs_check_keys((struct mikey_algs){.prf = a->msg.hdr.prf}, &k->session, fault);
}

/* Same granted octets, but for what a KMS must change? */
static bool policy_differs(const struct ticket_policy_spec *asked, const struct ticket_policy_spec *granted)
{
	uint8_t room[2][2048];
	struct wr w[2] = {wr_make(room[0], sizeof room[0]), wr_make(room[1], sizeof room[1])};

	ticket_policy_write(&w[0], asked, true);
	ticket_policy_write(&w[1], granted, true);
	return asked->ticket_type != granted->ticket_type || asked->prf != granted->prf ||
	       (asked->flags | TICKET_K) != (granted->flags | TICKET_K) || asked->n_wishes != granted->n_wishes ||
	       !wr_ok(&w[0]) || !wr_ok(&w[1]) ||
	       !view_eq((struct view){.p = room[0], .n = wr_len(&w[0])}, (struct view){.p = room[1], .n = wr_len(&w[1])});
}

static enum err write_grant(struct authority *a, const struct ticket_grant *g, struct reply *r, const struct mikey_env *env,
                            struct view *octets, struct mikey_fault *fault)
{
	struct mikey_ts t = {.type = MIKEY_TS_NTP_UTC};
	uint8_t body[8192 + 2];
	struct wr w = wr_make(body, sizeof body);
	struct mikey_build b;
	enum err e = ticket_keys_pack(&r->plain, g->keys, g->policy.tp.flags & TICKET_I, env);

	if (!e)
		e = phase_keys(a, 2, &r->keys);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "keys can't be packed");
	wr_view(&w, g->body);
	wr_u16(&w, 0); /* no Initiator Data yet, but its length is there */
	t.value = mikey_env_stamp(env, 0);
	start_reply(&b, a, a->reply, sizeof a->reply, MIKEY_DT_REQUEST_RESP, t);
	if (mikey_id_is_set(a->kms))
		add(&b, mikey_make_idr(MIKEY_ROLE_KMS, a->kms));
	mikey_build_add_raw(&b, MIKEY_TICKET, (struct view){.p = body, .n = wr_len(&w)});
	e = add_kemac(&b, a, r, t);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "keys can't be sealed") : finish_reply(&b, a, r, octets, fault);
}

static struct mikey_algs ticket_algs(const struct authority *a, unsigned prf)
{
	return prf == a->rules.algs.prf ? a->rules.algs : prf == MIKEY_PRF_SHA256 ? mikey_algs_256 : mikey_algs_128;
}

enum err authority_grant(struct authority *a, const struct ticket_policy_spec *spec, const struct ticket_tpk *tpk,
                         const struct mikey_env *env, struct view *octets, struct mikey_fault *fault)
{
	struct ticket_wish wishes[MIKEY_KEYS_MAX];
	struct ticket_policy_spec asked, granted;
	struct ticket_grant *g = NULL;
	struct mikey_id sender = authority_sender(a);
	struct reply *r = NULL;
	enum err e;

	if (!step_allows(&authority_machine, a->state, AUTHORITY_ON_GRANT) || authority_is_resolve(a))
		return mikey_fail(fault, ERR_WRONG_STATE, MIKEY_E_UNSPECIFIED, "nothing to grant");
	e = ticket_policy_check(&a->policy, TICKET_WANTED, a->rules.accept_types, fault);
	if (!e && a->policy.has_kemac) {
		size_t n;

		e = ticket_policy_wishes(&a->policy, wishes, MIKEY_KEYS_MAX, &n, fault);
	}
	if (!e && mikey_id_is_set(a->policy.idr_i) && mikey_id_is_set(sender) && !mikey_id_eq(a->policy.idr_i, sender))
		e = mikey_fail(fault, ERR_DENIED, MIKEY_E_ID, "the policy names another initiator than the request");
	if (e)
		return e;
	ticket_policy_spec_of(&asked, &a->policy, wishes, MIKEY_KEYS_MAX);
	granted = spec ? *spec : asked;
	granted.flags = (uint16_t)((granted.flags | TICKET_D) & ~(unsigned)TICKET_K);
	if (policy_differs(&asked, &granted))
		granted.flags |= TICKET_K;
	e = ticket_create(&g, &granted, tpk, ticket_algs(a, granted.prf), env, fault);
	if (!e)
		e = check_rand(a, g->keys, fault);
	if (!e && !(r = secret_alloc(sizeof *r)))
		e = no_memory(fault);
	if (!e)
		e = write_grant(a, g, r, env, octets, fault);
	if (!e)
		e = step_take(&authority_machine, &a->state, AUTHORITY_ON_GRANT, fault);
	secret_free(r);
	ticket_grant_free(g);
	return e;
}

/* Vi and Vr: the ticket is used by the one it was granted to (RFC 6043 4.1.2). The responder compares Vi. */
static enum err check_init_data(const struct authority *a, const struct ticket_keys *k, struct mikey_fault *fault)
{
	const struct mikey_payload *ticket = authority_ticket(a);
	struct ticket_init_data d;
	struct mikey_msg_keys *keys;
	unsigned prf = a->policy.tp.prf;
	enum err e;

	if (!(a->policy.tp.flags & TICKET_I))
		return ticket->u.ticket.init_data.n
		               ? mikey_fail(fault, ERR_INVALID, MIKEY_E_TICKET, "Initiator Data without key forking")
		               : ERR_OK;
	e = ticket_init_data_read(&d, ticket, fault);
	if (!e)
		e = mikey_algs_check((struct mikey_algs){(uint8_t)prf, MIKEY_ENCR_NULL, d.vr.u.v.alg}, false, fault);
	if (!e && d.vr.u.v.alg != d.vi.u.v.alg)
		e = mikey_fail(fault, ERR_INVALID, MIKEY_E_MAC, "Vi and Vr by different algorithms");
	if (e)
		return e;
	keys = secret_alloc(sizeof *keys);
	if (!keys)
		return no_memory(fault);
	e = mikey_prf_init_data(keys->auth, prf, (struct view){.p = k->mpkr, .n = k->mpk_len});
	if (!e)
		e = mikey_mac_check(d.vr.u.v.alg, d.vr.u.v.mac, keys, &d.covered, 1, fault);
	secret_free(keys);
	return e;
}

/* Who may have made this ticket (readings 28), and who may open it. */
static enum err check_right(const struct authority *a, const struct authority_resolution *how, struct mikey_fault *fault)
{
	bool made_by_kms = a->policy.tp.flags & TICKET_D;

	if (!how->tpk.n)
		return mikey_fail(fault, ERR_NOT_FOUND, MIKEY_E_TICKET, "the key of the ticket is not known");
	if (made_by_kms != how->tpk_is_kms)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TICKET, "the ticket says it was made by %s, its key says otherwise",
		                  made_by_kms ? "a KMS" : "its initiator");
	if (!made_by_kms && (!mikey_id_is_set(a->policy.idr_i) || !mikey_id_eq(a->policy.idr_i, how->tpk_owner)))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TICKET, "the ticket's initiator does not own its key");
	if (!how->may_resolve)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID, "the responder may not resolve this ticket");
	return ERR_OK;
}

/* HDR, T, IDRkms, KEMAC, IDRr, RANDRkms, V; `k` already forked. */
static enum err write_resolution(struct authority *a, const struct ticket_keys *k, struct mikey_id idr, struct view rand_kms,
                                 struct reply *r, const struct mikey_env *env, struct view *octets, struct mikey_fault *fault)
{
	struct mikey_ts t = {.type = MIKEY_TS_NTP_UTC};
	struct mikey_build b;
	enum err e = check_rand(a, k, fault);

	if (e)
		return e;
	e = ticket_keys_pack(&r->plain, k, a->policy.tp.flags & TICKET_I, env);
	if (!e)
		e = phase_keys(a, 2, &r->keys);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "keys can't be packed");
	t.value = mikey_env_stamp(env, 0);
	start_reply(&b, a, a->reply, sizeof a->reply, MIKEY_DT_RESOLVE_RESP, t);
	if (mikey_id_is_set(a->kms))
		add(&b, mikey_make_idr(MIKEY_ROLE_KMS, a->kms));
	e = add_kemac(&b, a, r, t);
	if (e)
		return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "keys can't be sealed");
	if (mikey_id_is_set(idr))
		add(&b, mikey_make_idr(MIKEY_ROLE_R, idr));
	if (rand_kms.n)
		add(&b, mikey_make_randr(MIKEY_ROLE_KMS, rand_kms));
	return finish_reply(&b, a, r, octets, fault);
}

static enum err resolve(struct authority *a, const struct authority_resolution *how, struct reply *r, const struct mikey_env *env,
                        struct view *octets, struct mikey_fault *fault)
{
	bool forking = a->policy.tp.flags & TICKET_I;
	/* Without forking the name matters to nobody, and is sent only when it differs. */
	struct mikey_id idr = mikey_id_is_set(how->idr) || !forking ? how->idr : authority_sender(a);
	uint8_t rand[MIKEY_KEY_MAX];
	size_t rand_len = 0;
	enum err e = ticket_open(&r->ticket, authority_ticket(a), &a->policy, how->tpk, fault);

	if (!e)
		e = check_init_data(a, &r->ticket, fault);
	if (e)
		return e;
	if (forking && !mikey_id_is_set(idr))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_ID, "no identity to fork the keys with");
	if (forking) {
		size_t longest = mikey_keys_longest(&r->ticket.session);

		rand_len = mikey_rand_len(a->policy.tp.prf, longest > r->ticket.mpk_len ? longest : r->ticket.mpk_len);
		e = env->random(env->random_ctx, "randkms", rand, rand_len);
		if (!e)
			e = ticket_fork(&r->ticket, a->policy.tp.prf, idr.data, (struct view){.p = rand, .n = rand_len});
		if (e)
			return mikey_fail(fault, e, MIKEY_E_UNSPECIFIED, "keys can't be forked");
	}
	return write_resolution(a, &r->ticket, idr, (struct view){.p = rand, .n = rand_len}, r, env, octets, fault);
}

enum err authority_resolve(struct authority *a, const struct authority_resolution *how, const struct mikey_env *env,
                           struct view *octets, struct mikey_fault *fault)
{
	struct reply *r;
	enum err e;

	if (!step_allows(&authority_machine, a->state, AUTHORITY_ON_RESOLVE) || !authority_is_resolve(a))
		return mikey_fail(fault, ERR_WRONG_STATE, MIKEY_E_UNSPECIFIED, "nothing to resolve");
	e = ticket_policy_check(&a->policy, TICKET_GRANTED, a->rules.accept_types, fault);
	if (!e)
		e = ticket_policy_check_time(&a->policy, env->now_ntp, fault);
	if (!e)
		e = check_right(a, how, fault);
	if (e)
		return e;
	r = secret_alloc(sizeof *r);
	e = r ? resolve(a, how, r, env, octets, fault) : no_memory(fault);
	if (!e)
		e = step_take(&authority_machine, &a->state, AUTHORITY_ON_RESOLVE, fault);
	secret_free(r);
	return e;
}

enum err authority_relay(struct authority *a, const struct ticket_resolution *res, const struct mikey_env *env, struct view *octets,
                         struct mikey_fault *fault)
{
	struct reply *r;
	enum err e;

	if (!step_allows(&authority_machine, a->state, AUTHORITY_ON_RELAY) || !authority_is_resolve(a))
		return mikey_fail(fault, ERR_WRONG_STATE, MIKEY_E_UNSPECIFIED, "nothing to resolve");
	r = secret_alloc(sizeof *r);
	e = r ? write_resolution(a, res->keys, res->idr, res->rand_kms, r, env, octets, fault) : no_memory(fault);
	if (!e)
		e = step_take(&authority_machine, &a->state, AUTHORITY_ON_RELAY, fault);
	secret_free(r);
	return e;
}

/* With V of the request's phase-1 key, or SIGNkms; a request that proved nothing gets no proof. */
static enum err finish_error(const struct authority *a, struct mikey_build *b)
{
	struct mikey_msg_keys *k;
	enum err e;

	if (!a || !a->is_verified)
		return ERR_OK;
	if (authority_is_pk(a))
		return a->own_key ? mikey_build_add_sign(b, a->own_key, MIKEY_SIGN_PKCS1, PRIM_SHA256, NULL, 0) : ERR_OK;
	k = secret_alloc(sizeof *k);
	e = k ? phase_keys(a, 1, k) : ERR_NOMEM;
	if (!e)
		e = mikey_build_add_mac(b, mikey_msg_find(&a->msg, MIKEY_V)->u.v.alg, k, NULL, 0);
	secret_free(k);
	return e;
}

enum err authority_error(struct authority *a, struct view request, enum mikey_error no, const struct mikey_env *env, uint8_t *room,
                         size_t room_n, struct view *octets)
{
	struct mikey_payload err = {.type = MIKEY_ERR, .u.err.no = (uint8_t)no};
	struct mikey_hdr hdr = {.data_type = MIKEY_DT_ERROR, .map_type = MIKEY_MAP_EMPTY};
	struct rd r = rd_view(a ? a->msg.octets : request);
	struct mikey_build b;
	uint8_t version = rd_u8(&r), data_type = rd_u8(&r);
	enum err e;

	rd_skip(&r, 1);
	hdr.prf = rd_u8(&r) & 0x7f;
	hdr.csb_id = rd_u32(&r);
	if (!rd_ok(&r) || version != 1 || data_type == MIKEY_DT_ERROR)
		return ERR_SYNTAX;
	mikey_build_start(&b, room, room_n, &hdr, NULL, 0);
	add(&b, mikey_make_t((struct mikey_ts){.type = MIKEY_TS_NTP_UTC, .value = mikey_env_stamp(env, 0)}));
	mikey_build_add(&b, &err);
	e = finish_error(a, &b);
	if (!e && a && step_allows(&authority_machine, a->state, AUTHORITY_ON_REFUSE))
		e = step_take(&authority_machine, &a->state, AUTHORITY_ON_REFUSE, NULL);
	return e ? e : mikey_build_done(&b, octets);
}
