/* SPDX-License-Identifier: MIT */
/* Serves a verified request. The answer is a new ticket, the keys of a ticket, or the answer of
 * another KMS. */
#include <inttypes.h>

#include "base/clk.h"
#include "keyctx/kms/kms_state.h"

static enum err check_callees(const struct kms_request *r, struct mikey_id sender,
                              const struct ticket_policy_spec *spec, struct mikey_fault *fault)
{
	const struct kms_policy *p = kms_directory_policy(r->d);

	for (size_t i = 0; i < spec->n_r; i++)
		if (!kms_policy_allows(p, sender, spec->r[i]))
			return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
			                  "the policy does not allow this user to call IDRr %zu of "
			                  "the request",
			                  i + 1);
	return ERR_OK;
}

/* Writes IDRi and IDRkms into every ticket, so that the responder and other KMSs see who requested
 * it and which KMS can resolve it (RFC 6043 6.10). */
static enum err fill_names(const struct kms_request *r, struct ticket_policy_spec *spec,
                           struct mikey_fault *fault)
{
	struct mikey_id sender = authority_sender(r->a), kms = authority_kms(r->a);

	if (!mikey_id_is_set(sender))
		sender = kms_owner_name(r);
	if (mikey_id_is_set(kms) && !kms_directory_is_self(r->d, kms))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "IDRkms of the request names another KMS");
	if (mikey_id_is_set(spec->idr_kms) && !kms_directory_is_self(r->d, spec->idr_kms))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "IDRkms of the requested policy names another KMS");
	if (mikey_id_is_set(spec->idr_i) && !mikey_id_eq(spec->idr_i, sender))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
		                  "IDRi of the requested policy is not the sender");
	spec->idr_i = sender;
	if (!mikey_id_is_set(spec->idr_kms))
		spec->idr_kms = kms_directory_self(r->d);
	return check_callees(r, sender, spec, fault);
}

/* Limits the lifetime of the ticket to that of the policy. Refuses an end in the past or before the
 * start. */
static enum err fill_times(const struct kms_request *r, struct ticket_policy_spec *spec,
                           struct mikey_fault *fault)
{
	const struct kms_policy *p = kms_directory_policy(r->d);
	uint64_t now = clk_wall_to_ntp(r->wall_ns), most = now + ((uint64_t)p->ticket_max_s << 32);
	uint64_t start = spec->has_start ? mikey_ts_to_64(spec->start) : now;
	enum err e = ticket_policy_check_order(spec, fault);

	if (e)
		return e;
	if (spec->has_end && ticket_ntp_diff(mikey_ts_to_64(spec->end), now) <= 0)
		return mikey_fail(
			fault, ERR_INVALID, MIKEY_E_TPPAR,
			"the end of the requested ticket is in the past; check the clock");
	if (ticket_ntp_diff(start, most) > 0)
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "the requested ticket starts after the longest lifetime of a "
		                  "ticket, %" PRIu32 " s from now (policy.ticket_max_s)",
		                  p->ticket_max_s);
	if (!spec->has_end) {
		spec->has_end = true;
		if (ticket_ntp_diff(start, now) < 0)
			start = now;
		spec->end = ticket_ts_32(start + ((uint64_t)p->ticket_default_s << 32));
	}
	if (ticket_ntp_diff(mikey_ts_to_64(spec->end), most) > 0)
		spec->end = ticket_ts_32(most);
	/* The end lost its fraction of a second, the start may have one. */
	return ticket_policy_check_order(spec, fault);
}

static void fill_flags(const struct kms_request *r, struct ticket_policy_spec *spec)
{
	const struct kms_policy *p = kms_directory_policy(r->d);

	spec->flags |= TICKET_D;
	if (!p->allow_reuse)
		spec->flags &= (uint16_t)~TICKET_J;
	if (!p->allow_initiator_keys)
		spec->flags &= (uint16_t)~TICKET_L;
	if (!p->allow_responder_keys)
		spec->flags &= (uint16_t)~TICKET_M;
}

/* Chooses mode and key of the ticket. Mode 2 needs a single responder that shares a key with this
 * KMS. Otherwise, or if the policy does not allow mode 2, the ticket gets mode 1. */
static enum err choose_tpk(struct kms_request *r, struct ticket_policy_spec *spec,
                           struct ticket_tpk *out)
{
	const struct kms_policy *p = kms_directory_policy(r->d);
	struct kms_tpk_life life = {.issue_s = p->tpk_issue_s,
	                            .open_s = p->ticket_max_s + 2 * p->skew_s};
	const struct kms_ticket_key *shared =
		spec->n_r == 1 ? kms_directory_ticket_key_of(r->d, spec->r[0]) : NULL;
	struct mikey_env env = kms_request_env(r);
	const struct kms_tpk *own;
	size_t before = r->k->tpks.n;
	enum err e;

	if (!(spec->flags & TICKET_E) && shared && p->modes & 1 << 2) {
		r->mode = 2;
		*out = (struct ticket_tpk){
			.key = {shared->key.octets, shared->key.len},
			.id = kms_name_id(shared->id),
		};
		return ERR_OK;
	}
	r->mode = 1;
	spec->flags |= TICKET_E;
	e = kms_tpks_issuing(&r->k->tpks, &life, &env, r->wall_ns / NS_PER_S, &own);
	if (e)
		return e;
	r->k->tpks_made += r->k->tpks.n > before;
	*out = (struct ticket_tpk){.key = kms_tpk_key(own, spec->prf), .id = kms_tpk_id(own)};
	return ERR_OK;
}

/* Checks the algorithm set of the ticket: its PRF may differ from that of the message. */
static enum err check_set(const struct kms_request *r, struct mikey_fault *fault)
{
	if (kms_policy_serves(kms_directory_policy(r->d), authority_policy(r->a)->tp.prf))
		return ERR_OK;
	return mikey_fail(
		fault, ERR_DENIED, MIKEY_E_TPPAR,
		"the policy does not allow tickets with this set of algorithms (policy.suites)");
}

/* A ticket with IDRapp is for these applications only (RFC 6043 6.10). */
static enum err check_applications(const struct kms_request *r, struct mikey_fault *fault)
{
	const struct ticket_policy *policy = authority_policy(r->a);
	const struct kms_names *ours = &kms_directory_policy(r->d)->applications;

	for (size_t i = 0; i < policy->n_app; i++)
		for (size_t j = 0; j < ours->n; j++)
			if (mikey_id_eq(policy->app[i], kms_name_id(ours->v[j])))
				return ERR_OK;
	if (!policy->n_app)
		return ERR_OK;
	return mikey_fail(fault, ERR_DENIED, MIKEY_E_ID,
	                  "the ticket is for other applications: none of its %zu IDRapp is in "
	                  "policy.applications, which has %zu",
	                  policy->n_app, ours->n);
}

void serve_request(struct kms_request *r)
{
	const struct kms_policy *p = kms_directory_policy(r->d);
	struct ticket_policy_spec spec = {0};
	struct ticket_wish wishes[MIKEY_KEYS_MAX];
	struct ticket_tpk tpk = {0};
	struct mikey_fault fault = {0};
	struct mikey_env env = kms_request_env(r);
	struct view octets;
	enum err e;

	ticket_policy_spec_of(&spec, authority_policy(r->a), wishes, MIKEY_KEYS_MAX);
	fill_flags(r, &spec);
	e = check_set(r, &fault);
	if (!e)
		e = check_applications(r, &fault);
	if (!e)
		e = fill_names(r, &spec, &fault);
	if (!e)
		e = fill_times(r, &spec, &fault);
	if (!e) {
		e = choose_tpk(r, &spec, &tpk);
		if (e)
			mikey_fail(&fault, e, MIKEY_E_UNSPECIFIED,
			           "the KMS has no key to protect the ticket: %s",
			           e == ERR_LIMIT ? "too many ticket keys still open tickets"
			                          : err_meaning(e));
	}
	if (!e && !(p->modes & 1 << r->mode))
		e = mikey_fail(&fault, ERR_DENIED, MIKEY_E_TPPAR,
		               "the policy does not allow tickets of mode %d (policy.modes)",
		               r->mode);
	if (!e)
		e = authority_grant(r->a, &spec, &tpk, &env, &octets, &fault);
	if (e)
		kms_request_refuse_fault(r, e, &fault);
	else
		kms_request_answer(r, octets);
}

/* Returns the identity for IDRr of the answer if the request has none: the one that the ticket
 * names, else the first one of the owner (RFC 6043 4.2.3.5). */
static struct mikey_id responder_name(const struct kms_request *r)
{
	const struct ticket_policy *policy = authority_policy(r->a);

	for (size_t i = 0; i < policy->n_r; i++)
		if (r->owner != KMS_OWNER_PEER && kms_owner_has(r, policy->r[i]))
			return policy->r[i];
	return kms_owner_name(r);
}

/* Asks the KMS `kms`, to which the ticket belongs, on behalf of the sender (RFC 6043 9). */
static void forward(struct kms_request *r, struct mikey_id kms)
{
	const struct kms_peer *peer = kms_directory_peer(r->d, kms);
	struct mikey_env env = kms_request_env(r);
	struct mikey_fault fault = {0};
	struct mikey_cred cred = {0};
	struct ticket_resolve_params params = {.rules = &r->rules,
	                                       .cred = &cred,
	                                       .me = authority_sender(r->a),
	                                       .kms = kms,
	                                       .ticket = authority_ticket(r->a)};
	enum err e;

	if (!peer || !peer->url[0]) {
		kms_request_refuse(r, KMS_FORBIDDEN, MIKEY_E_ID,
		                   "IDRkms of the ticket names another KMS, which is not in peers "
		                   "(or has no url there)");
		return;
	}
	if (r->owner == KMS_OWNER_PEER) {
		kms_request_refuse(r, KMS_FORBIDDEN, MIKEY_E_ID,
		                   "a peer KMS asked to resolve a ticket of a third KMS; this is "
		                   "not forwarded");
		return;
	}
	r->peer = peer;
	cred.psk = (struct view){peer->psk.octets, peer->psk.len};
	if (peer->psk_id)
		cred.psk_id = kms_name_id(peer->psk_id);
	if (!mikey_id_is_set(params.me))
		params.me = responder_name(r);
	e = ticket_resolve_new(&r->forward, &params, &env, &fault);
	if (e) {
		kms_request_refuse_fault(r, e, &fault);
		return;
	}
	r->k->peer_asked++;
	kms_request_move(r, KMS_REQUEST_ON_ASK_PEER);
}

void serve_relayed(struct kms_request *r, struct view octets)
{
	struct mikey_fault fault = {0};
	struct mikey_env env = kms_request_env(r);
	struct view answer;
	enum err e = ticket_resolve_receive(r->forward, octets, &r->resolution, &fault);

	if (e == ERR_AUTH) {
		kms_request_refuse(r, KMS_UNREACHABLE, MIKEY_E_UNSPECIFIED,
		                   "the answer of the other KMS is not authentic");
		return;
	}
	if (!e)
		e = authority_relay(r->a, r->resolution, &env, &answer, &fault);
	if (e)
		kms_request_refuse_fault(r, e, &fault);
	else
		kms_request_answer(r, answer);
}

/* Finds the key of the ticket and the owner of that key. The owner must be the maker of the ticket
 * (decision 0010.28). The key of a user counts as the initiator's if IDRi is an identity of that
 * user. */
static enum kms_key_found find_tpk(struct kms_request *r, struct authority_resolution *how)
{
	const struct ticket_policy *policy = authority_policy(r->a);
	struct mikey_id id = authority_tpk_id(r->a);
	uint64_t now_s = r->wall_ns / NS_PER_S;
	const struct kms_tpk *own = kms_tpks_find(&r->k->tpks, id, now_s);
	const struct kms_ticket_key *fixed = kms_directory_ticket_key(r->d, id);
	const struct kms_user *user = kms_directory_user_by_psk(r->d, id);
	enum kms_key_found found;

	if (own || fixed) {
		how->tpk = own ? kms_tpk_key(own, policy->tp.prf)
		               : (struct view){fixed->key.octets, fixed->key.len};
		how->tpk_is_kms =
			own || !fixed->owner || kms_owner_has(r, kms_name_id(fixed->owner));
		if (!how->tpk_is_kms)
			how->tpk_owner = kms_name_id(fixed->owner);
		return KMS_KEY_FOUND;
	}
	if (user && user->psk.len && (user->psk_until_s == 0 || now_s < user->psk_until_s)) {
		how->tpk = (struct view){user->psk.octets, user->psk.len};
		how->tpk_owner = kms_user_has(user, policy->idr_i) ? policy->idr_i
		                                                   : kms_name_id(user->names.v[0]);
		return KMS_KEY_FOUND;
	}
	found = kms_request_find_naf(r, id, r->tpk_asked, &r->tpk_naf);
	if (found == KMS_KEY_FOUND) {
		const struct naf_key *naf = &r->tpk_naf.key;
		const struct kms_user *by_impi = kms_directory_user_by_impi(r->d, naf->impi);

		how->tpk = naf->key;
		how->tpk_owner = naf->n_names ? naf->names[0] : (struct mikey_id){0};
		for (size_t i = 0; i < naf->n_names; i++)
			if (mikey_id_eq(naf->names[i], policy->idr_i))
				how->tpk_owner = policy->idr_i;
		if (by_impi && kms_user_has(by_impi, policy->idr_i))
			how->tpk_owner = policy->idr_i;
	}
	return found;
}

/* Returns true if an IDRr of the ticket is an identity of the sender, or a group that contains the
 * sender, and the policy allows the ticket's initiator to call it. */
static bool may_resolve(const struct kms_request *r, struct mikey_id sender)
{
	const struct ticket_policy *policy = authority_policy(r->a);
	const struct kms_policy *p = kms_directory_policy(r->d);

	for (size_t i = 0; i < policy->n_r; i++) {
		bool meant = mikey_id_eq(policy->r[i], sender) ||
		             (r->owner != KMS_OWNER_PEER && kms_owner_has(r, policy->r[i])) ||
		             kms_directory_in_group(r->d, policy->r[i], sender);

		/* The initiator of a ticket of mode 3 did not ask this KMS, so the policy is
		 * checked here. */
		if (meant && kms_policy_allows(p, policy->idr_i, policy->r[i]))
			return true;
	}
	return false;
}

/* Checks a ticket that its initiator made (modes 3 and 4) against the policy that tickets of this
 * KMS obey from the start. */
static enum err check_foreign_ticket(const struct kms_request *r, struct mikey_fault *fault)
{
	const struct ticket_policy *policy = authority_policy(r->a);
	const struct kms_policy *p = kms_directory_policy(r->d);
	const struct {
		unsigned flag;
		bool allowed;
		const char *text;
	} rows[] = {
		{TICKET_J, p->allow_reuse, "be used again (flag J; policy.allow_reuse)"},
		{TICKET_L, p->allow_initiator_keys,
	         "let the initiator supply keys (flag L; policy.allow_initiator_keys)"},
		{TICKET_M, p->allow_responder_keys,
	         "let the responder supply keys (flag M; policy.allow_responder_keys)"},
	};
	uint64_t now = clk_wall_to_ntp(r->wall_ns), end = mikey_ts_to_64(policy->end);
	int64_t most = (int64_t)((uint64_t)p->ticket_max_s << 32);
	int64_t skew = (int64_t)((uint64_t)p->skew_s << 32);
	struct ticket_data data;
	enum err e;

	if (policy->tp.flags & TICKET_D)
		return ERR_OK;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (policy->tp.flags & rows[i].flag && !rows[i].allowed)
			return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
			                  "the policy does not allow that a ticket may %s",
			                  rows[i].text);
	e = ticket_data_read(&data, authority_ticket(r->a), fault);
	if (e)
		return e;
	if (!policy->has_end || ticket_ntp_diff(end, now) - skew > most ||
	    (data.t.type != MIKEY_TS_COUNTER &&
	     ticket_ntp_diff(end, mikey_ts_to_64(data.t)) > most))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "the ticket has no end or is valid for longer than the policy "
		                  "allows, %" PRIu32 " s (policy.ticket_max_s)",
		                  p->ticket_max_s);
	return ERR_OK;
}

void serve_resolve(struct kms_request *r)
{
	const struct kms_policy *p = kms_directory_policy(r->d);
	const struct ticket_policy *policy = authority_policy(r->a);
	struct mikey_id sender = authority_sender(r->a), kms = authority_kms(r->a);
	struct authority_resolution how = {0};
	struct mikey_fault fault = {0};
	struct mikey_env env = kms_request_env(r);
	struct view octets;
	enum kms_key_found found;
	enum err e;

	r->mode = policy->tp.flags & TICKET_D   ? (policy->tp.flags & TICKET_E ? 1 : 2)
	          : policy->tp.flags & TICKET_E ? 3
	                                        : 4;
	if (mikey_id_is_set(kms) && !kms_directory_is_self(r->d, kms)) {
		kms_request_refuse(r, KMS_FORBIDDEN, MIKEY_E_ID,
		                   "IDRkms of the request names another KMS");
		return;
	}
	e = check_applications(r, &fault);
	if (e) {
		kms_request_refuse_fault(r, e, &fault);
		return;
	}
	if (mikey_id_is_set(policy->idr_kms) && !kms_directory_is_self(r->d, policy->idr_kms)) {
		forward(r, policy->idr_kms);
		return;
	}
	e = p->modes & 1 << r->mode
	            ? check_set(r, &fault)
	            : mikey_fail(&fault, ERR_DENIED, MIKEY_E_TPPAR,
	                         "the policy does not allow tickets of mode %d (policy.modes)",
	                         r->mode);
	if (!e)
		e = check_foreign_ticket(r, &fault);
	if (e) {
		kms_request_refuse_fault(r, e, &fault);
		return;
	}
	found = find_tpk(r, &how);
	if (found == KMS_KEY_ASK_BSF) {
		kms_request_ask_bsf(r, KMS_REQUEST_ON_ASK_TPK);
		return;
	}
	if (found == KMS_KEY_UNKNOWN) {
		kms_request_refuse(r, KMS_REFUSED, MIKEY_E_TICKET,
		                   "the key of the ticket is unknown or has expired");
		return;
	}
	if (!mikey_id_is_set(sender) && policy->tp.flags & TICKET_I)
		how.idr = responder_name(r);
	how.may_resolve = may_resolve(r, mikey_id_is_set(sender) ? sender : kms_owner_name(r));
	e = authority_resolve(r->a, &how, &env, &octets, &fault);
	if (e)
		kms_request_refuse_fault(r, e, &fault);
	else
		kms_request_answer(r, octets);
}
