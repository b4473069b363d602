/* SPDX-License-Identifier: MIT */
/* Runs one request: finds the owner of the key, authenticates the message, and checks that it is
 * new. Then serve.c answers it. */
#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/kms/kms_state.h"

enum { CERTS_MAX = 8, FULL_RETRY_S = 10 };

static const char *const state_names[] = {
	[KMS_REQUEST_IDENTIFY] = "identify",   [KMS_REQUEST_WAIT_NAF] = "wait-naf",
	[KMS_REQUEST_SERVE] = "serve",         [KMS_REQUEST_WAIT_TPK] = "wait-tpk",
	[KMS_REQUEST_WAIT_PEER] = "wait-peer", [KMS_REQUEST_ANSWERED] = "answered",
};
static const char *const event_names[] = {
	[KMS_REQUEST_ON_ASK_NAF] = "ask-naf",       [KMS_REQUEST_ON_VERIFIED] = "verified",
	[KMS_REQUEST_ON_ASK_TPK] = "ask-tpk",       [KMS_REQUEST_ON_ASK_PEER] = "ask-peer",
	[KMS_REQUEST_ON_GIVEN_NAF] = "given-naf",   [KMS_REQUEST_ON_GIVEN_TPK] = "given-tpk",
	[KMS_REQUEST_ON_GIVEN_PEER] = "given-peer", [KMS_REQUEST_ON_ANSWER] = "answer",
};

enum { NO = STEP_NO };
static const uint8_t next_state[KMS_REQUEST_STATES][KMS_REQUEST_EVENTS] = {
	/* columns: ask-naf, verified, ask-tpk, ask-peer, given-naf, given-tpk, given-peer,
         * answer */
	[KMS_REQUEST_IDENTIFY] = {KMS_REQUEST_WAIT_NAF, KMS_REQUEST_SERVE, NO, NO, NO, NO, NO,
                                  KMS_REQUEST_ANSWERED},
	[KMS_REQUEST_WAIT_NAF] = {NO, NO, NO, NO, KMS_REQUEST_IDENTIFY, NO, NO, NO},
	[KMS_REQUEST_SERVE] = {NO, NO, KMS_REQUEST_WAIT_TPK, KMS_REQUEST_WAIT_PEER, NO, NO, NO,
                               KMS_REQUEST_ANSWERED},
	[KMS_REQUEST_WAIT_TPK] = {NO, NO, NO, NO, NO, KMS_REQUEST_SERVE, NO, NO},
	[KMS_REQUEST_WAIT_PEER] = {NO, NO, NO, NO, NO, NO, KMS_REQUEST_SERVE, NO},
	[KMS_REQUEST_ANSWERED] = {NO, NO, NO, NO, NO, NO, NO, NO},
};

static const struct step_table kms_request_steps = {
	.name = "kms-request",
	.states = state_names,
	.events = event_names,
	.n_states = KMS_REQUEST_STATES,
	.n_events = KMS_REQUEST_EVENTS,
	.next = &next_state[0][0],
};

/* An event that the table forbids is a bug of this program, not a fault of a peer. */
void kms_request_move(struct kms_request *r, enum kms_request_event event)
{
	CHECK(step_take(&kms_request_steps, &r->state, event, NULL) == ERR_OK);
}

struct mikey_env kms_request_env(struct kms_request *r)
{
	return (struct mikey_env){
		.now_ntp = clk_wall_to_ntp(r->wall_ns),
		.last_ntp = &r->k->last_ntp,
		.random = r->k->config.random,
		.random_ctx = r->k->config.random_ctx,
	};
}

struct mikey_id kms_owner_name(const struct kms_request *r)
{
	switch (r->owner) {
	case KMS_OWNER_USER:
		return kms_name_id(r->user->names.v[0]);
	case KMS_OWNER_NAF:
		return r->naf.key.n_names ? r->naf.key.names[0] : (struct mikey_id){0};
	case KMS_OWNER_PEER:
		return kms_name_id(r->asking->name);
	case KMS_OWNER_CERT:
		return authority_sender(r->a);
	case KMS_OWNER_NONE:
		break;
	}
	return (struct mikey_id){0};
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
			return KMS_KEY_UNKNOWN;
		}
		if (now_s < out->key.ask_again_s || asked)
			return KMS_KEY_FOUND;
	}
	if (asked)
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

static enum kms_key_found find_owner(struct kms_request *r)
{
	struct mikey_id psk_id = authority_psk_id(r->a);
	enum kms_key_found found;

	if (authority_is_pk(r->a))
		return find_cert(r);
	r->user = mikey_id_is_set(psk_id)
	                  ? kms_directory_user_by_psk(r->d, psk_id)
	                  : kms_directory_user_by_name(r->d, authority_sender(r->a));
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

static struct view owner_psk(const struct kms_request *r)
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

static void audit(const struct kms_request *r, const enum mikey_error *no, const char *text)
{
	struct kms_audit line = {
		.wall_ns = r->wall_ns,
		.operation = r->operation,
		.result = r->result,
		.text = text,
		.mode = r->mode,
		.has_error = no != NULL,
	};

	if (no)
		line.error = *no;
	if (r->a) {
		const struct ticket_policy *p = authority_policy(r->a);

		line.owner = kms_owner_name(r);
		line.sender = authority_sender(r->a);
		line.initiator = p->idr_i;
		line.responder = p->n_r ? p->r[0] : (struct mikey_id){0};
		line.csb_id = authority_msg(r->a)->hdr.csb_id;
	}
	if (r->peer)
		line.other_kms = kms_name_id(r->peer->name);
	else if (r->asking)
		line.other_kms = kms_name_id(r->asking->name);
	r->k->results[r->operation][r->result]++;
	if (r->k->config.audit)
		r->k->config.audit(r->k->config.audit_arg, &line);
}

void kms_request_refuse(struct kms_request *r, enum kms_result result, enum mikey_error no,
                        const char *text)
{
	struct mikey_env env = kms_request_env(r);

	r->result = result;
	/* If a MIKEY Error can't be built, the answer is only an HTTP status. */
	if (authority_error(r->a, (struct view){r->octets, r->n_octets}, no, &env,
	                    wr_make(r->error_room, sizeof(r->error_room)), &r->answer))
		r->answer = (struct view){0};
	kms_request_move(r, KMS_REQUEST_ON_ANSWER);
	audit(r, &no, text);
}

void kms_request_refuse_fault(struct kms_request *r, enum err e, const struct mikey_fault *fault)
{
	enum kms_result result = KMS_REFUSED;

	if (e == ERR_NOMEM || e == ERR_CRYPTO || e == ERR_IO)
		result = KMS_BROKEN;
	else if (fault->no == MIKEY_E_AUTH || fault->no == MIKEY_E_ID || fault->no == MIKEY_E_CERT)
		result = KMS_FORBIDDEN;
	else if (fault->no == MIKEY_E_TS)
		result = KMS_REPLAYED;
	else if (!r->a && (e == ERR_SYNTAX || e == ERR_TRUNCATED || e == ERR_TOO_BIG))
		result = KMS_MALFORMED;
	kms_request_refuse(r, result, fault->no, fault->why.text);
}

void kms_request_answer(struct kms_request *r, struct view octets)
{
	r->result = KMS_GRANTED;
	r->answer = octets;
	kms_request_move(r, KMS_REQUEST_ON_ANSWER);
	audit(r, NULL, "");
}

static enum err verify(struct kms_request *r, struct mikey_fault *fault)
{
	const struct kms_pki *pki = kms_directory_pki(r->d);
	struct mikey_id sender = authority_sender(r->a);
	struct authority_peer peer = {
		.psk = owner_psk(r),
		.owner = kms_owner_name(r),
		.owns_sender = !mikey_id_is_set(sender) || kms_owner_has(r, sender),
		.chain = r->chain,
		.own_key = pki->key,
		.own_cert = pki->cert,
		.kms = kms_directory_self(r->d),
	};

	return authority_verify(r->a, &peer, fault);
}

/* Checks that the authenticated message is new (else ERR_REPLAY) and stores it. It is stored before
 * it is served, so that even after a crash no message is served twice. */
static enum err check_replay(struct kms_request *r)
{
	const struct kms_store *store = &r->k->config.store;
	const struct mikey_payload *t = mikey_msg_find(authority_msg(r->a), MIKEY_T);
	uint8_t key[32];
	enum err e = authority_replay_key(r->a, key);

	if (e)
		return e;
	return store->ops->remember(store->arg, clk_ntp_to_wall(mikey_ts_to_64(t->u.t)), key);
}

static void serve(struct kms_request *r)
{
	const struct kms_policy *p = kms_directory_policy(r->d);
	struct mikey_id owner = kms_owner_name(r);
	enum err e = rate_take(r->k->rate, owner.data,
	                       (struct rate_limit){p->rate_per_minute, p->rate_burst}, r->wall_ns,
	                       &r->retry_after_s);

	if (e == ERR_LIMIT)
		kms_request_refuse(r, KMS_LIMITED, MIKEY_E_UNSPECIFIED,
		                   "too many requests from this user (policy.rate_per_minute, "
		                   "policy.rate_burst)");
	else if (e)
		kms_request_refuse(r, KMS_BROKEN, MIKEY_E_UNSPECIFIED, "out of memory");
	else if (r->operation == KMS_REQUEST)
		serve_request(r);
	else
		serve_resolve(r);
}

/* A message that can't be stored is refused, because it could be served twice. A full store has
 * room again once older messages are removed. */
static void refuse_unwritten(struct kms_request *r, enum err e)
{
	r->k->store_failures++;
	r->retry_after_s = FULL_RETRY_S;
	kms_request_refuse(r, e == ERR_LIMIT ? KMS_LIMITED : KMS_BROKEN, MIKEY_E_UNSPECIFIED,
	                   e == ERR_LIMIT ? "the store of served messages is full (--seen-max)"
	                                  : "the state can't be written; check the disk");
}

static void identify(struct kms_request *r)
{
	struct mikey_fault fault;
	enum kms_key_found found = find_owner(r);
	enum err e;

	if (found == KMS_KEY_ASK_BSF) {
		r->k->naf_asked++;
		kms_request_move(r, KMS_REQUEST_ON_ASK_NAF);
		return;
	}
	if (found == KMS_KEY_UNKNOWN) {
		kms_request_refuse(r, KMS_UNKNOWN_KEY, MIKEY_E_AUTH,
		                   r->unknown_why ? r->unknown_why
		                                  : "the sender's key or certificate is unknown, "
		                                    "not trusted or expired");
		return;
	}
	e = verify(r, &fault);
	if (e) {
		kms_request_refuse_fault(r, e, &fault);
		return;
	}
	e = check_replay(r);
	if (e == ERR_REPLAY)
		kms_request_refuse(r, KMS_REPLAYED, MIKEY_E_TS,
		                   "the message was already served (replay)");
	else if (e)
		refuse_unwritten(r, e);
	if (e)
		return;
	kms_request_move(r, KMS_REQUEST_ON_VERIFIED);
	serve(r);
}

static enum err set_rules(struct kms_request *r, struct mikey_fault *fault)
{
	const struct kms_policy *p = kms_directory_policy(r->d);
	/* The PRF field of HDR (RFC 3830 6.1). The answer uses the algorithms of the request. */
	uint8_t prf = r->n_octets > 3 ? r->octets[3] & 0x7f : 0;

	ticket_rules_init(&r->rules);
	r->rules.algs = prf == MIKEY_PRF_SHA256 ? mikey_algs_256 : mikey_algs_128;
	r->rules.accept_types = p->accept_types;
	r->rules.skew_s = p->skew_s;
	r->rules.accept_pk = kms_directory_pki(r->d)->trust != NULL;
	if (!kms_policy_serves(p, prf))
		return mikey_fail(
			fault, ERR_UNSUPPORTED, MIKEY_E_PRF,
			"the policy does not allow this set of algorithms (policy.suites)");
	return ERR_OK;
}

static enum err read_request(struct kms_request *r, struct mikey_fault *fault)
{
	const struct mikey_payload *t;
	enum err e = set_rules(r, fault);

	if (!e)
		e = authority_new(&r->a, &r->rules, (struct view){r->octets, r->n_octets},
		                  clk_wall_to_ntp(r->wall_ns), fault);
	if (e)
		return e;
	if (authority_is_resolve(r->a) != (r->operation == KMS_RESOLVE))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_DT,
		                  "the message does not match the URL (request or resolve)");
	t = mikey_msg_find(authority_msg(r->a), MIKEY_T);
	/* T must be a time: a stored message whose T is a counter would never become old enough to
	 * be removed. */
	if (!t || t->u.t.type == MIKEY_TS_COUNTER)
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_TS,
		                  "T must be a time, not a counter");
	return ERR_OK;
}

enum err kms_request_new(struct kms_request **out, struct kms *k,
                         const struct kms_request_params *ask)
{
	struct kms_request *r = mem_alloc(sizeof(*r));
	struct mikey_fault fault;
	enum err e;

	if (!r)
		return ERR_NOMEM;
	r->octets = mem_dup(ask->octets.p, ask->octets.n ? ask->octets.n : 1);
	if (!r->octets) {
		mem_free(r);
		return ERR_NOMEM;
	}
	r->k = k;
	r->d = kms_directory_keep(k->directory);
	r->operation = ask->operation;
	r->n_octets = ask->octets.n;
	r->wall_ns = ask->wall_ns;
	r->names = ask->names;
	r->names_arg = ask->names_arg;
	k->requests++;
	e = read_request(r, &fault);
	if (e)
		kms_request_refuse_fault(r, e, &fault);
	else
		identify(r);
	r->names = NULL;
	*out = r;
	return ERR_OK;
}

void kms_request_free(struct kms_request *r)
{
	if (!r)
		return;
	r->k->requests--;
	ticket_resolve_free(r->forward);
	ticket_resolution_free(r->resolution);
	authority_free(r->a);
	pki_chain_free(r->chain);
	secret_clear(&r->naf.record);
	secret_clear(&r->tpk_naf.record);
	kms_directory_free(r->d);
	mem_free(r->octets);
	mem_free(r);
}

static enum err keep_naf(struct kms_request *r, const struct naf_key *given)
{
	const struct kms_policy *p = kms_directory_policy(r->d);
	const struct kms_store *store = &r->k->config.store;
	struct naf_key key = *given;
	uint8_t *record = secret_alloc(NAF_RECORD_MAX);
	size_t len = 0;
	enum err e = record ? ERR_OK : ERR_NOMEM;

	key.ask_again_s = r->wall_ns / NS_PER_S + p->naf_key_max_s;
	if (!e)
		e = naf_write(&key, record, NAF_RECORD_MAX, &len);
	if (!e)
		e = store->ops->put(store->arg, KMS_BUCKET_NAF,
		                    (struct view){(const uint8_t *)r->btid, strlen(r->btid)},
		                    (struct view){record, len});
	secret_free(record);
	return e;
}

void kms_request_give_naf(struct kms_request *r, enum err e, const struct naf_key *key,
                          uint64_t wall_ns)
{
	bool for_ticket = r->state == KMS_REQUEST_WAIT_TPK;
	enum err e_kept = ERR_OK;

	CHECK(kms_request_waits_for(r) == KMS_WAIT_NAF);
	r->wall_ns = wall_ns;
	if (for_ticket)
		r->tpk_asked = true;
	else
		r->naf_asked = true;
	if (!e)
		e_kept = keep_naf(r, key);
	kms_request_move(r, for_ticket ? KMS_REQUEST_ON_GIVEN_TPK : KMS_REQUEST_ON_GIVEN_NAF);
	if (e_kept)
		refuse_unwritten(r, e_kept);
	else if (e && e != ERR_NOT_FOUND)
		kms_request_refuse(r, e == ERR_NOMEM ? KMS_BROKEN : KMS_UNREACHABLE,
		                   MIKEY_E_UNSPECIFIED, "the BSF did not answer");
	else if (for_ticket)
		serve_resolve(r);
	else
		identify(r);
}

void kms_request_give_peer(struct kms_request *r, struct view octets, uint64_t wall_ns)
{
	CHECK(kms_request_waits_for(r) == KMS_WAIT_PEER);
	r->wall_ns = wall_ns;
	kms_request_move(r, KMS_REQUEST_ON_GIVEN_PEER);
	if (octets.n)
		serve_relayed(r, octets);
	else
		kms_request_refuse(r, KMS_UNREACHABLE, MIKEY_E_UNSPECIFIED,
		                   "the other KMS did not answer");
}

enum kms_wait kms_request_waits_for(const struct kms_request *r)
{
	switch ((enum kms_request_state)r->state) {
	case KMS_REQUEST_WAIT_NAF:
	case KMS_REQUEST_WAIT_TPK:
		return KMS_WAIT_NAF;
	case KMS_REQUEST_WAIT_PEER:
		return KMS_WAIT_PEER;
	case KMS_REQUEST_IDENTIFY:
	case KMS_REQUEST_SERVE:
	case KMS_REQUEST_ANSWERED:
	case KMS_REQUEST_STATES:
		break;
	}
	return KMS_ANSWERED;
}

struct str kms_request_btid(const struct kms_request *r)
{
	return str_of(r->btid);
}

const struct kms_peer *kms_request_peer(const struct kms_request *r)
{
	return r->peer;
}

struct view kms_request_peer_octets(const struct kms_request *r)
{
	return ticket_resolve_octets(r->forward);
}

enum kms_result kms_request_result(const struct kms_request *r)
{
	return r->result;
}

struct view kms_request_octets(const struct kms_request *r)
{
	return r->answer;
}

unsigned kms_request_retry_after_s(const struct kms_request *r)
{
	return r->retry_after_s;
}
