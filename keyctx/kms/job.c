/* SPDX-License-Identifier: MIT */
/* One request on its way through the KMS: whose it is, that it is theirs and new, then what serve.c
 * makes of it. */
#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/kms/kms_state.h"

enum { CERTS_MAX = 8, FULL_RETRY_S = 10 };

static const char *const state_names[] = {
	[JOB_IDENTIFY] = "identify", [JOB_WAIT_NAF] = "wait-naf",   [JOB_SERVE] = "serve",
	[JOB_WAIT_TPK] = "wait-tpk", [JOB_WAIT_PEER] = "wait-peer", [JOB_ANSWERED] = "answered",
};
static const char *const event_names[] = {
	[JOB_ON_ASK_NAF] = "ask-naf",       [JOB_ON_VERIFIED] = "verified",
	[JOB_ON_ASK_TPK] = "ask-tpk",       [JOB_ON_ASK_PEER] = "ask-peer",
	[JOB_ON_GIVEN_NAF] = "given-naf",   [JOB_ON_GIVEN_TPK] = "given-tpk",
	[JOB_ON_GIVEN_PEER] = "given-peer", [JOB_ON_ANSWER] = "answer",
};

enum { NO = STEP_NO };
static const uint8_t next_state[JOB_STATES][JOB_EVENTS] = {
	/*                 ask-naf       verified   ask-tpk       ask-peer       given-naf given-tpk
           given-peer answer */
	[JOB_IDENTIFY] = {JOB_WAIT_NAF, JOB_SERVE, NO, NO, NO, NO, NO, JOB_ANSWERED},
	[JOB_WAIT_NAF] = {NO, NO, NO, NO, JOB_IDENTIFY, NO, NO, NO},
	[JOB_SERVE] = {NO, NO, JOB_WAIT_TPK, JOB_WAIT_PEER, NO, NO, NO, JOB_ANSWERED},
	[JOB_WAIT_TPK] = {NO, NO, NO, NO, NO, JOB_SERVE, NO, NO},
	[JOB_WAIT_PEER] = {NO, NO, NO, NO, NO, NO, JOB_SERVE, NO},
	[JOB_ANSWERED] = {NO, NO, NO, NO, NO, NO, NO, NO},
};

const struct step_table kms_request_steps = {
	.name = "kms-job",
	.states = state_names,
	.events = event_names,
	.n_states = JOB_STATES,
	.n_events = JOB_EVENTS,
	.next = &next_state[0][0],
};

/* Only this module moves a job, and only where the table has a way: anything else is our own
 * mistake. */
void job_move(struct kms_job *j, enum job_event event)
{
	CHECK(step_take(&kms_request_steps, &j->state, event, NULL) == ERR_OK);
}

struct mikey_env job_env(struct kms_job *j)
{
	return (struct mikey_env){
		.now_ntp = clk_wall_to_ntp(j->wall_ns),
		.last_ntp = &j->k->last_ntp,
		.random = j->k->config.random,
		.random_ctx = j->k->config.random_ctx,
	};
}

/* --- the owner of a key ----------------------------------------------------- */

struct mikey_id job_owner_name(const struct kms_job *j)
{
	switch (j->owner) {
	case JOB_OWNER_USER:
		return kms_name_id(j->user->names[0]);
	case JOB_OWNER_NAF:
		return j->naf.key.n_names ? j->naf.key.names[0] : (struct mikey_id){0};
	case JOB_OWNER_PEER:
		return kms_name_id(j->asking->name);
	case JOB_OWNER_CERT:
		return authority_sender(j->a);
	case JOB_OWNER_NONE:
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

bool job_owner_has(const struct kms_job *j, struct mikey_id name)
{
	switch (j->owner) {
	case JOB_OWNER_USER:
		return kms_user_has(j->user, name);
	case JOB_OWNER_NAF:
		return naf_has(j->d, &j->naf.key, name);
	case JOB_OWNER_PEER:
		return kms_peer_speaks_for(j->asking, name);
	case JOB_OWNER_CERT:
		return mikey_id_eq(authority_sender(j->a),
		                   name); /* its certificate is compared by authority_verify */
	case JOB_OWNER_NONE:
		break;
	}
	return false;
}

enum job_found job_find_naf(struct kms_job *j, struct mikey_id id, bool asked, struct job_naf *out)
{
	const struct kms_gba *gba = kms_directory_gba(j->d);
	struct str text = str_make((const char *)id.data.p, id.data.n), domain;
	const struct kms_store *store = &j->k->config.store;
	uint64_t now_s = j->wall_ns / NS_PER_S;
	uint8_t rand[GBA_RAND_LEN];

	if (!gba->on || text.n > GBA_BTID_MAX || gba_btid_parse(text, rand, &domain) ||
	    !str_eq_nocase(domain, str_of(gba->bsf_domain)))
		return JOB_UNKNOWN;
	if (store->ops->get(store->arg, KMS_BUCKET_NAF, id.data, &out->record) == ERR_OK &&
	    naf_read(&out->key, (struct view){out->record.octets, out->record.len}) == ERR_OK) {
		if (now_s >= out->key.until_s) {
			/* The bootstrapping is over (TS 33.220 4.5.3): a new one is asked for by
			 * 401. */
			(void)!store->ops->remove(store->arg, KMS_BUCKET_NAF, id.data);
			return JOB_UNKNOWN;
		}
		if (now_s < out->key.ask_again_s || asked)
			return JOB_FOUND;
	}
	if (asked)
		return JOB_UNKNOWN;
	CHECK(str_copy(text, j->btid, sizeof(j->btid)) == ERR_OK);
	return JOB_ASK_BSF;
}

static bool user_is_live(const struct kms_job *j, const struct kms_user *u)
{
	return u && u->psk.len && (u->psk_until_s == 0 || j->wall_ns / NS_PER_S < u->psk_until_s);
}

static enum job_found find_peer(struct kms_job *j, struct mikey_id psk_id)
{
	const struct kms_peer *p = kms_directory_peer_by_psk(j->d, psk_id);

	if (p)
		j->unknown_why = j->operation == KMS_RESOLVE
		                         ? "the key is another KMS's, which showed no certificate "
		                           "with its tls_name"
		                         : "the key is another KMS's, which asks for no tickets";
	/* Another KMS resolves, it never asks for tickets; and it comes with the certificate we
	 * know it by. */
	if (!p || j->operation != KMS_RESOLVE || !(j->names && j->names(j->names_arg, p->tls_name)))
		return JOB_UNKNOWN;
	j->asking = p;
	j->owner = JOB_OWNER_PEER;
	return JOB_FOUND;
}

static enum job_found find_cert(struct kms_job *j)
{
	const struct kms_pki *pki = kms_directory_pki(j->d);
	struct view certs[CERTS_MAX];
	size_t n = authority_certs(j->a, certs, CERTS_MAX);

	if (!pki->trust || !pki->key || n == 0 || pki_chain_from_ders(&j->chain, certs, n, NULL) ||
	    pki_trust_check(pki->trust, j->chain, j->wall_ns / NS_PER_S, NULL))
		return JOB_UNKNOWN;
	j->owner = JOB_OWNER_CERT;
	return JOB_FOUND;
}

static enum job_found find_owner(struct kms_job *j)
{
	struct mikey_id psk_id = authority_psk_id(j->a);
	enum job_found found;

	if (authority_is_pk(j->a))
		return find_cert(j);
	j->user = mikey_id_is_set(psk_id)
	                  ? kms_directory_user_by_psk(j->d, psk_id)
	                  : kms_directory_user_by_name(j->d, authority_sender(j->a));
	if (user_is_live(j, j->user)) {
		j->owner = JOB_OWNER_USER;
		return JOB_FOUND;
	}
	if (!mikey_id_is_set(psk_id))
		return JOB_UNKNOWN;
	if (find_peer(j, psk_id) == JOB_FOUND)
		return JOB_FOUND;
	found = job_find_naf(j, psk_id, j->naf_asked, &j->naf);
	if (found == JOB_FOUND)
		j->owner = JOB_OWNER_NAF;
	return found;
}

static struct view owner_psk(const struct kms_job *j)
{
	switch (j->owner) {
	case JOB_OWNER_USER:
		return (struct view){j->user->psk.octets, j->user->psk.len};
	case JOB_OWNER_NAF:
		return j->naf.key.key;
	case JOB_OWNER_PEER:
		return (struct view){j->asking->psk.octets, j->asking->psk.len};
	case JOB_OWNER_CERT:
	case JOB_OWNER_NONE:
		break;
	}
	return (struct view){0};
}

/* --- ending ----------------------------------------------------------------- */

static void audit(const struct kms_job *j, const enum mikey_error *no, const char *text)
{
	struct kms_audit line = {
		.wall_ns = j->wall_ns,
		.operation = j->operation,
		.result = j->result,
		.text = text,
		.mode = j->mode,
		.has_error = no != NULL,
	};

	if (no)
		line.error = *no;
	if (j->a) {
		const struct ticket_policy *p = authority_policy(j->a);

		line.owner = job_owner_name(j);
		line.sender = authority_sender(j->a);
		line.initiator = p->idr_i;
		line.responder = p->n_r ? p->r[0] : (struct mikey_id){0};
		line.csb_id = authority_msg(j->a)->hdr.csb_id;
	}
	if (j->peer)
		line.other_kms = kms_name_id(j->peer->name);
	else if (j->asking)
		line.other_kms = kms_name_id(j->asking->name);
	j->k->results[j->operation][j->result]++;
	if (j->k->config.audit)
		j->k->config.audit(j->k->config.audit_arg, &line);
}

void job_refuse(struct kms_job *j, enum kms_result result, enum mikey_error no, const char *text)
{
	struct mikey_env env = job_env(j);

	j->result = result;
	/* What can't be answered in MIKEY is answered by its status alone. */
	if (authority_error(j->a, (struct view){j->octets, j->n_octets}, no, &env, j->error_room,
	                    sizeof(j->error_room), &j->answer))
		j->answer = (struct view){0};
	job_move(j, JOB_ON_ANSWER);
	audit(j, &no, text);
}

void job_refuse_fault(struct kms_job *j, enum err e, const struct mikey_fault *fault)
{
	enum kms_result result = KMS_REFUSED;

	if (e == ERR_NOMEM || e == ERR_CRYPTO || e == ERR_IO)
		result = KMS_BROKEN;
	else if (fault->no == MIKEY_E_AUTH || fault->no == MIKEY_E_ID || fault->no == MIKEY_E_CERT)
		result = KMS_FORBIDDEN;
	else if (fault->no == MIKEY_E_TS)
		result = KMS_REPLAYED;
	else if (!j->a && (e == ERR_SYNTAX || e == ERR_TRUNCATED || e == ERR_TOO_BIG))
		result = KMS_MALFORMED;
	job_refuse(j, result, fault->no, fault->why.text);
}

void job_answer(struct kms_job *j, struct view octets)
{
	j->result = KMS_GRANTED;
	j->answer = octets;
	job_move(j, JOB_ON_ANSWER);
	audit(j, NULL, "");
}

/* --- the way of a request --------------------------------------------------- */

static enum err verify(struct kms_job *j, struct mikey_fault *fault)
{
	const struct kms_pki *pki = kms_directory_pki(j->d);
	struct mikey_id sender = authority_sender(j->a);
	struct authority_peer peer = {
		.psk = owner_psk(j),
		.owner = job_owner_name(j),
		.owns_sender = !mikey_id_is_set(sender) || job_owner_has(j, sender),
		.chain = j->chain,
		.own_key = pki->key,
		.own_cert = pki->cert,
		.kms = kms_directory_self(j->d),
	};

	return authority_verify(j->a, &peer, fault);
}

/* The message is its owner's; is it new? Remembered before it is served, so that no crash lets it
 * be served twice. */
static enum err check_replay(struct kms_job *j)
{
	const struct kms_store *store = &j->k->config.store;
	const struct mikey_payload *t = mikey_msg_find(authority_msg(j->a), MIKEY_T);
	uint8_t key[32];
	enum err e = authority_replay_key(j->a, key);

	if (e)
		return e;
	return store->ops->remember(store->arg, clk_ntp_to_wall(mikey_ts_to_64(t->u.t)), key);
}

static void serve(struct kms_job *j)
{
	const struct kms_policy *p = kms_directory_policy(j->d);
	struct mikey_id owner = job_owner_name(j);
	enum err e = rate_take(j->k->rate, owner.data, p->rate_per_minute, p->rate_burst,
	                       j->wall_ns, &j->retry_after_s);

	if (e == ERR_LIMIT)
		job_refuse(j, KMS_LIMITED, MIKEY_E_UNSPECIFIED, "too many requests of one user");
	else if (e)
		job_refuse(j, KMS_BROKEN, MIKEY_E_UNSPECIFIED, "out of memory");
	else if (j->operation == KMS_REQUEST)
		serve_request(j);
	else
		serve_resolve(j);
}

/* What can't be remembered could be served twice, so it is not served. Without room there will be
 * some when older messages are forgotten. */
static void refuse_unwritten(struct kms_job *j, enum err e)
{
	j->k->store_failures++;
	j->retry_after_s = FULL_RETRY_S;
	job_refuse(j, e == ERR_LIMIT ? KMS_LIMITED : KMS_BROKEN, MIKEY_E_UNSPECIFIED,
	           e == ERR_LIMIT ? "the state has no room for one more message"
	                          : "the state can't be written");
}

static void identify(struct kms_job *j)
{
	struct mikey_fault fault;
	enum job_found found = find_owner(j);
	enum err e;

	if (found == JOB_ASK_BSF) {
		j->k->naf_asked++;
		job_move(j, JOB_ON_ASK_NAF);
		return;
	}
	if (found == JOB_UNKNOWN) {
		job_refuse(j, KMS_UNKNOWN_KEY, MIKEY_E_AUTH,
		           j->unknown_why ? j->unknown_why
		                          : "nobody has that key, or its life is over");
		return;
	}
	e = verify(j, &fault);
	if (e) {
		job_refuse_fault(j, e, &fault);
		return;
	}
	e = check_replay(j);
	if (e == ERR_REPLAY)
		job_refuse(j, KMS_REPLAYED, MIKEY_E_TS, "seen before");
	else if (e)
		refuse_unwritten(j, e);
	if (e)
		return;
	job_move(j, JOB_ON_VERIFIED);
	serve(j);
}

static enum err set_rules(struct kms_job *j, struct mikey_fault *fault)
{
	const struct kms_policy *p = kms_directory_policy(j->d);
	uint8_t prf =
		j->n_octets > 3
			? j->octets[3] & 0x7f
			: 0; /* of HDR, RFC 3830 6.1: answers use the algorithms of the question */

	ticket_rules_init(&j->rules);
	j->rules.algs = prf == MIKEY_PRF_SHA256 ? mikey_algs_256 : mikey_algs_128;
	j->rules.accept_types = p->accept_types;
	j->rules.skew_s = p->skew_s;
	j->rules.accept_pk = kms_directory_pki(j->d)->trust != NULL;
	if (!kms_policy_serves(p, prf))
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_PRF,
		                  "this set of algorithms is not served");
	return ERR_OK;
}

static enum err read_request(struct kms_job *j, struct mikey_fault *fault)
{
	const struct mikey_payload *t;
	enum err e = set_rules(j, fault);

	if (!e)
		e = authority_new(&j->a, &j->rules, (struct view){j->octets, j->n_octets},
		                  clk_wall_to_ntp(j->wall_ns), fault);
	if (e)
		return e;
	if (authority_is_resolve(j->a) != (j->operation == KMS_RESOLVE))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_DT,
		                  "the other kind of request was announced");
	t = mikey_msg_find(authority_msg(j->a), MIKEY_T);
	/* A counter has no place in time, so its memory could never end. */
	if (!t || t->u.t.type == MIKEY_TS_COUNTER)
		return mikey_fail(fault, ERR_UNSUPPORTED, MIKEY_E_TS,
		                  "counters are not taken as timestamps here");
	return ERR_OK;
}

enum err kms_job_new(struct kms_job **out, struct kms *k, const struct kms_ask *ask)
{
	struct kms_job *j = mem_alloc(sizeof(*j));
	struct mikey_fault fault;
	enum err e;

	if (!j)
		return ERR_NOMEM;
	j->octets = mem_dup(ask->octets.p, ask->octets.n ? ask->octets.n : 1);
	if (!j->octets) {
		mem_free(j);
		return ERR_NOMEM;
	}
	j->k = k;
	j->d = kms_directory_keep(k->directory);
	j->operation = ask->operation;
	j->n_octets = ask->octets.n;
	j->wall_ns = ask->wall_ns;
	j->names = ask->names;
	j->names_arg = ask->names_arg;
	k->jobs++;
	e = read_request(j, &fault);
	if (e)
		job_refuse_fault(j, e, &fault);
	else
		identify(j);
	j->names = NULL;
	*out = j;
	return ERR_OK;
}

void kms_job_free(struct kms_job *j)
{
	if (!j)
		return;
	j->k->jobs--;
	ticket_resolve_free(j->forward);
	ticket_resolution_free(j->resolution);
	authority_free(j->a);
	pki_chain_free(j->chain);
	secret_clear(&j->naf.record);
	secret_clear(&j->tpk_naf.record);
	kms_directory_free(j->d);
	mem_free(j->octets);
	mem_free(j);
}

static enum err keep_naf(struct kms_job *j, const struct naf_key *given)
{
	const struct kms_policy *p = kms_directory_policy(j->d);
	const struct kms_store *store = &j->k->config.store;
	struct naf_key key = *given;
	uint8_t *record = secret_alloc(NAF_RECORD_MAX);
	size_t len = 0;
	enum err e = record ? ERR_OK : ERR_NOMEM;

	key.ask_again_s = j->wall_ns / NS_PER_S + p->naf_key_max_s;
	if (!e)
		e = naf_write(&key, record, NAF_RECORD_MAX, &len);
	if (!e)
		e = store->ops->put(store->arg, KMS_BUCKET_NAF,
		                    (struct view){(const uint8_t *)j->btid, strlen(j->btid)},
		                    (struct view){record, len});
	secret_free(record);
	return e;
}

void kms_job_give_naf(struct kms_job *j, enum err e, const struct naf_key *key, uint64_t wall_ns)
{
	bool for_ticket = j->state == JOB_WAIT_TPK;
	enum err e_kept = ERR_OK;

	CHECK(kms_job_state(j) == KMS_WAIT_NAF);
	j->wall_ns = wall_ns;
	if (for_ticket)
		j->tpk_asked = true;
	else
		j->naf_asked = true;
	if (!e)
		e_kept = keep_naf(j, key);
	job_move(j, for_ticket ? JOB_ON_GIVEN_TPK : JOB_ON_GIVEN_NAF);
	if (e_kept)
		refuse_unwritten(j, e_kept);
	else if (e && e != ERR_NOT_FOUND)
		job_refuse(j, e == ERR_NOMEM ? KMS_BROKEN : KMS_UNREACHABLE, MIKEY_E_UNSPECIFIED,
		           "the BSF can't be asked");
	else if (for_ticket)
		serve_resolve(j);
	else
		identify(j);
}

void kms_job_give_peer(struct kms_job *j, struct view octets, uint64_t wall_ns)
{
	CHECK(kms_job_state(j) == KMS_WAIT_PEER);
	j->wall_ns = wall_ns;
	job_move(j, JOB_ON_GIVEN_PEER);
	if (octets.n)
		serve_relayed(j, octets);
	else
		job_refuse(j, KMS_UNREACHABLE, MIKEY_E_UNSPECIFIED, "the other KMS did not answer");
}

enum kms_wait kms_job_state(const struct kms_job *j)
{
	switch ((enum job_state)j->state) {
	case JOB_WAIT_NAF:
	case JOB_WAIT_TPK:
		return KMS_WAIT_NAF;
	case JOB_WAIT_PEER:
		return KMS_WAIT_PEER;
	case JOB_IDENTIFY:
	case JOB_SERVE:
	case JOB_ANSWERED:
	case JOB_STATES:
		break;
	}
	return KMS_ANSWERED;
}

struct str kms_job_btid(const struct kms_job *j)
{
	return str_of(j->btid);
}

const struct kms_peer *kms_job_peer(const struct kms_job *j)
{
	return j->peer;
}

struct view kms_job_peer_octets(const struct kms_job *j)
{
	return ticket_resolve_octets(j->forward);
}

enum kms_result kms_job_result(const struct kms_job *j)
{
	return j->result;
}

struct view kms_job_octets(const struct kms_job *j)
{
	return j->answer;
}

unsigned kms_job_retry_after_s(const struct kms_job *j)
{
	return j->retry_after_s;
}
