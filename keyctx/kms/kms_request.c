/* SPDX-License-Identifier: MIT */
/* Runs one request: finds the owner of the key, authenticates the message, and checks that it is
 * new. Then serve.c answers it. */
#include <stdio.h>

#include "base/clk.h"
#include "base/mem.h"
#include "keyctx/kms/kms_state.h"

enum {
	FULL_RETRY_S = 10, /* when the store or the user's share of it is full */
	OWN_NAMES_TRIED = 8,
	BUSY_RETRY_S = 1, /* after too many questions at once */
};

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

/* Tells the client why. A sender that is not authenticated gets no text about users and keys. */
static void set_reason(struct kms_request *r, const char *text)
{
	bool is_open = !r->a || authority_is_verified(r->a) ||
	               (r->result != KMS_UNKNOWN_KEY && r->result != KMS_FORBIDDEN);

	if (!is_open)
		text = r->result == KMS_UNKNOWN_KEY
		               ? "the key or certificate of the sender is unknown, not trusted or "
		                 "expired"
		               : "the request is not authentic";
	if (r->result == KMS_LIMITED)
		snprintf(r->reason, sizeof(r->reason), "%s; try again in %u s", text,
		         r->retry_after_s);
	else
		snprintf(r->reason, sizeof(r->reason), "%s", text);
}

void kms_request_refuse(struct kms_request *r, enum kms_result result, enum mikey_error no,
                        const char *text)
{
	struct mikey_env env = kms_request_env(r);

	r->result = result;
	if (result == KMS_LIMITED && !r->retry_after_s)
		r->retry_after_s = BUSY_RETRY_S;
	set_reason(r, text);
	/* If a MIKEY Error can't be built, the answer is only an HTTP status. */
	if (authority_error(r->a, (struct view){r->octets, r->n_octets}, no, &env,
	                    wr_make(r->error_room, sizeof(r->error_room)), &r->answer))
		r->answer = (struct view){0};
	kms_request_move(r, KMS_REQUEST_ON_ANSWER);
	audit(r, &no, text);
}

/* The result of each kind of failure; docs/kms.md has the same table with the HTTP status. */
static enum kms_result result_of(const struct kms_request *r, enum err e, enum mikey_error no)
{
	if (e == ERR_NOMEM || e == ERR_CRYPTO || e == ERR_IO)
		return KMS_BROKEN;
	if (e == ERR_LIMIT)
		return KMS_LIMITED;
	if (no == MIKEY_E_TS)
		return KMS_REPLAYED;
	if (no == MIKEY_E_AUTH || no == MIKEY_E_ID || no == MIKEY_E_CERT || e == ERR_DENIED)
		return KMS_FORBIDDEN;
	return r->a && authority_is_verified(r->a) ? KMS_REFUSED : KMS_MALFORMED;
}

void kms_request_refuse_fault(struct kms_request *r, enum err e, const struct mikey_fault *fault)
{
	kms_request_refuse(r, result_of(r, e, fault->no), fault->no, fault->why.text);
}

void kms_request_answer(struct kms_request *r, struct view octets)
{
	r->result = KMS_GRANTED;
	r->answer = octets;
	kms_request_move(r, KMS_REQUEST_ON_ANSWER);
	audit(r, NULL, "");
}

static enum err verify_as(struct kms_request *r, struct mikey_id owner, struct mikey_fault *fault)
{
	const struct kms_pki *pki = kms_directory_pki(r->d);
	struct mikey_id sender = authority_sender(r->a);
	struct authority_peer peer = {
		.psk = kms_owner_psk(r),
		.owner = owner,
		.owns_sender = !mikey_id_is_set(sender) || kms_owner_has(r, sender),
		.chain = r->chain,
		.own_key = pki->key,
		.own_cert = pki->cert,
		.kms = kms_directory_self(r->d),
	};

	return authority_verify(r->a, &peer, fault);
}

/* Authenticates the request. The MAC covers the sender's identity; if the request leaves it out, it
 * may be any identity of the key's owner. */
static enum err verify(struct kms_request *r, struct mikey_fault *fault)
{
	enum err e = verify_as(r, kms_owner_name(r), fault);

	for (size_t i = 1; e == ERR_AUTH && !mikey_id_is_set(authority_sender(r->a)) &&
	                   i < OWN_NAMES_TRIED && i < kms_owner_names(r);
	     i++)
		e = verify_as(r, kms_owner_name_at(r, i), fault);
	return e;
}

/* Refuses a user who has too many messages in the store, so that the others find room: a user may
 * have at most as many as are free. ERR_LIMIT. */
static enum err check_share(const struct kms_request *r)
{
	const struct kms_store *store = &r->k->config.store;
	size_t mine, all;

	if (!store->seen_max)
		return ERR_OK;
	mine = rate_remembered(r->k->rate, kms_owner_key(r), r->wall_ns,
	                       kms_keep_ns(kms_directory_policy(r->d)));
	all = store->ops->count(store->arg);
	return mine && mine >= (all < store->seen_max ? store->seen_max - all : 0) ? ERR_LIMIT
	                                                                           : ERR_OK;
}

/* Checks that the authenticated message is new (else ERR_REPLAY) and stores it. It is stored before
 * it is served, so that even after a crash no message is served twice. */
static enum err remember(struct kms_request *r)
{
	const struct kms_store *store = &r->k->config.store;
	const struct mikey_payload *t = mikey_msg_find(authority_msg(r->a), MIKEY_T);
	uint8_t key[32];
	enum err e = authority_replay_key(r->a, key);

	if (!e)
		e = store->ops->remember(store->arg, clk_ntp_to_wall(mikey_ts_to_64(t->u.t)), key);
	if (!e)
		e = rate_remember(r->k->rate, kms_owner_key(r), r->wall_ns,
		                  kms_keep_ns(kms_directory_policy(r->d)));
	return e;
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

static void refuse_seen(struct kms_request *r, enum err e)
{
	switch (e) {
	case ERR_REPLAY:
		rate_give(r->k->rate, kms_owner_key(r));
		kms_request_refuse(r, KMS_REPLAYED, MIKEY_E_TS,
		                   "the message was already served (replay)");
		return;
	case ERR_EXPIRED:
		r->k->clock_back++;
		kms_request_refuse(
			r, KMS_REPLAYED, MIKEY_E_TS,
			"T is older than messages that the KMS has already forgotten, "
			"so the message could be a replay; check whether the clock of the "
			"KMS was set back");
		return;
	default:
		refuse_unwritten(r, e);
		return;
	}
}

/* Checks the limits of the user, and stores the message. The limits come first: a user who is over
 * them writes nothing. Returns false if the request was refused. */
static bool admit(struct kms_request *r)
{
	const struct kms_policy *p = kms_directory_policy(r->d);
	enum err e = rate_take(r->k->rate, kms_owner_key(r),
	                       (struct rate_limit){p->rate_per_minute, p->rate_burst}, r->wall_ns,
	                       &r->retry_after_s);

	if (e == ERR_LIMIT) {
		kms_request_refuse(r, KMS_LIMITED, MIKEY_E_UNSPECIFIED,
		                   "too many requests from this user (policy.rate_per_minute, "
		                   "policy.rate_burst)");
		return false;
	}
	if (e) {
		kms_request_refuse(r, KMS_BROKEN, MIKEY_E_UNSPECIFIED, "out of memory");
		return false;
	}
	if (check_share(r)) {
		r->retry_after_s = FULL_RETRY_S;
		kms_request_refuse(
			r, KMS_LIMITED, MIKEY_E_UNSPECIFIED,
			"this user has used up its share of the store of served messages "
			"(--seen-max); try again later");
		return false;
	}
	e = remember(r);
	if (e)
		refuse_seen(r, e);
	return !e;
}

void kms_request_ask_bsf(struct kms_request *r, enum kms_request_event event)
{
	const struct kms_gba *gba = kms_directory_gba(r->d);
	const struct asks_limits limits = {
		.at_once = gba->ask_max,
		.source = {gba->ask_per_minute, gba->ask_burst},
	};
	struct asks_refusal why;
	enum err e = asks_begin(r->k->asks, (struct view){r->source, r->n_source}, &limits,
	                        r->wall_ns, &why);

	if (!e) {
		r->is_asking = true;
		r->k->naf_asked++;
		kms_request_move(r, event);
		return;
	}
	if (e != ERR_LIMIT) {
		kms_request_refuse(r, KMS_BROKEN, MIKEY_E_UNSPECIFIED, "out of memory");
		return;
	}
	r->k->naf_refused++;
	r->retry_after_s = why.wait_s;
	kms_request_refuse(r, KMS_LIMITED, MIKEY_E_UNSPECIFIED,
	                   why.by_source
	                           ? "too many requests from this address with keys that the BSF "
	                             "does not know (gba.ask_per_minute, gba.ask_burst)"
	                           : "too many requests wait for the BSF (gba.ask_max)");
}

static void identify(struct kms_request *r)
{
	struct mikey_fault fault;
	enum kms_key_found found = kms_request_find_owner(r);
	enum err e;

	if (found == KMS_KEY_ASK_BSF) {
		kms_request_ask_bsf(r, KMS_REQUEST_ON_ASK_NAF);
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
	if (!admit(r))
		return;
	kms_request_move(r, KMS_REQUEST_ON_VERIFIED);
	if (r->operation == KMS_REQUEST)
		serve_request(r);
	else
		serve_resolve(r);
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
			fault, ERR_DENIED, MIKEY_E_PRF,
			"the policy does not allow this set of algorithms (policy.suites)");
	return ERR_OK;
}

static enum err read_request(struct kms_request *r, struct mikey_fault *fault)
{
	enum err e = set_rules(r, fault);

	if (!e)
		e = authority_new(&r->a, &r->rules, (struct view){r->octets, r->n_octets},
		                  clk_wall_to_ntp(r->wall_ns), fault);
	if (e)
		return e;
	if (authority_is_resolve(r->a) != (r->operation == KMS_RESOLVE))
		return mikey_fail(fault, ERR_INVALID, MIKEY_E_DT,
		                  "the message does not match the URL (request or resolve)");
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
	r->n_source = ask->source.n < sizeof(r->source) ? ask->source.n : sizeof(r->source);
	if (r->n_source)
		memcpy(r->source, ask->source.p, r->n_source);
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

static void end_asking(struct kms_request *r, bool is_known)
{
	asks_end(r->k->asks, (struct view){r->source, r->n_source}, is_known);
	r->is_asking = false;
}

void kms_request_free(struct kms_request *r)
{
	if (!r)
		return;
	r->k->requests--;
	if (r->is_asking)
		end_asking(r, false);
	ticket_resolve_free(r->forward);
	ticket_resolution_free(r->resolution);
	authority_free(r->a);
	pki_chain_free(r->chain);
	secret_clear(&r->naf.record);
	secret_clear(&r->tpk_naf.record);
	kms_user_free(r->user);
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

/* Refuses the request if its user was removed or changed since it was authenticated. */
static bool user_is_gone(struct kms_request *r)
{
	if (!r->user || !r->user->is_removed)
		return false;
	kms_request_refuse(r, KMS_UNKNOWN_KEY, MIKEY_E_AUTH,
	                   "the user was removed or changed while the request waited");
	return true;
}

static const char too_many_wait[] =
	"too many requests wait for the BSF or another KMS (--waiting-max)";

void kms_request_give_naf(struct kms_request *r, enum err e, const struct naf_key *key,
                          uint64_t wall_ns)
{
	bool for_ticket = r->state == KMS_REQUEST_WAIT_TPK;
	enum err e_kept = ERR_OK;

	CHECK(kms_request_waits_for(r) == KMS_WAIT_NAF);
	r->wall_ns = wall_ns;
	end_asking(r, !e);
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
		kms_request_refuse(r,
		                   e == ERR_NOMEM   ? KMS_BROKEN
		                   : e == ERR_LIMIT ? KMS_LIMITED
		                                    : KMS_UNREACHABLE,
		                   MIKEY_E_UNSPECIFIED,
		                   e == ERR_LIMIT ? too_many_wait : "the BSF did not answer");
	else if (!for_ticket)
		identify(r);
	else if (!user_is_gone(r))
		serve_resolve(r);
}

void kms_request_give_peer(struct kms_request *r, enum err e, struct view octets, uint64_t wall_ns)
{
	CHECK(kms_request_waits_for(r) == KMS_WAIT_PEER);
	r->wall_ns = wall_ns;
	kms_request_move(r, KMS_REQUEST_ON_GIVEN_PEER);
	if (user_is_gone(r))
		return;
	if (e == ERR_LIMIT)
		kms_request_refuse(r, KMS_LIMITED, MIKEY_E_UNSPECIFIED, too_many_wait);
	else if (!e && octets.n)
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

const char *kms_request_reason(const struct kms_request *r)
{
	return r->reason;
}

unsigned kms_request_retry_after_s(const struct kms_request *r)
{
	return r->retry_after_s;
}
