/* SPDX-License-Identifier: MIT */
/* The responder of a Ticket Transfer builds its answer: TRANSFER_RESP with the CSB, or an Error. */
#include "base/mem.h"
#include "base/secret.h"
#include "keyctx/ticket/responder_state.h"
#include "keyctx/ticket/step.h"

enum { RANDR_MIN = 16 };

/* Work space for an answer; in secret memory. */
struct building {
	struct mikey_keys keys;
	struct mikey_msg_keys msg_keys;
	struct mikey_msg msg;
	uint8_t room[MIKEY_MESSAGE_MAX];
	struct csb_policies policies;
	struct csb_sessions chosen;
	uint8_t randr[MIKEY_KEY_MAX];
	size_t randr_len;
};

static struct view mpk_of(const struct ticket_responder *a)
{
	const struct ticket_keys *k = a->resolution->keys;

	return (struct view){
		.p = a->policy.tp.flags & TICKET_I ? k->mpkr : k->mpki,
		.n = k->mpk_len,
	};
}

/* Draws RANDRr. RANDRi and RANDRr together must be as long as the longest key (RFC 6043 12.1), and
 * RANDRr alone at least 128 bits. */
static enum err draw_randr(const struct ticket_responder *a, struct building *b,
                           const struct mikey_env *env)
{
	size_t longest = mikey_keys_longest(&b->keys),
	       randi = mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I).n;

	if (!(a->policy.tp.flags & TICKET_G))
		return ERR_OK;
	if (longest < a->resolution->keys->mpk_len)
		longest = a->resolution->keys->mpk_len;
	b->randr_len = longest > randi + RANDR_MIN ? longest - randi : RANDR_MIN;
	return env->random(env->random_ctx, "randr", b->randr, b->randr_len);
}

static struct mikey_id own_name(const struct ticket_responder *a)
{
	return mikey_id_is_set(a->resolution->idr) ? a->resolution->idr : a->me;
}

static void add(struct mikey_build *b, struct mikey_payload p)
{
	mikey_build_add(b, &p);
}

/* Builds HDR, T, RANDRr, IDRr, RANDRkms, SPs, KEMAC, V. */
static enum err build(struct ticket_responder *a, struct building *b,
                      const struct ticket_responder_choice *choice, const struct mikey_env *env,
                      struct view *octets)
{
	struct mikey_algs algs = responder_algs_of(a);
	struct mikey_hdr hdr = {.data_type = MIKEY_DT_TRANSFER_RESP,
	                        .prf = algs.prf,
	                        .csb_id = a->msg.hdr.csb_id,
	                        .map_type = MIKEY_MAP_GENERIC_ID};
	struct mikey_cs cs[MIKEY_CS_MAX];
	struct csb_cs_room rooms[MIKEY_CS_MAX];
	struct mikey_ts t = {.type = MIKEY_TS_NTP_UTC};
	struct mikey_build m;
	struct mikey_msg_seed seed = {.prf = algs.prf,
	                              .inkey = mpk_of(a),
	                              .csb_id = hdr.csb_id,
	                              .phase = 2,
	                              .randi = mikey_msg_rand_of(&a->msg, MIKEY_ROLE_I),
	                              .randr = {.p = b->randr, .n = b->randr_len}};
	enum err e = mikey_prf_msg_keys(&b->msg_keys, &seed);

	for (size_t i = 0; i < b->chosen.n; i++)
		csb_cs_write(&cs[i], &rooms[i], &b->chosen.cs[i]);
	mikey_build_start(&m, wr_make(b->room, sizeof(b->room)), &hdr, cs, b->chosen.n);
	t.value = mikey_env_stamp(env, 0);
	add(&m, mikey_make_t(t));
	if (b->randr_len)
		add(&m, mikey_make_randr(MIKEY_ROLE_R,
		                         (struct view){.p = b->randr, .n = b->randr_len}));
	add(&m, mikey_make_idr(MIKEY_ROLE_R, own_name(a)));
	if (a->resolution->rand_kms.n)
		add(&m, mikey_make_randr(MIKEY_ROLE_KMS, a->resolution->rand_kms));
	csb_add_policies(&m, choice->policies, choice->n_policies);
	if (!e)
		e = csb_add_kemac(&m, algs.encr,
		                  &(struct mikey_kemac_seed){&b->msg_keys, hdr.csb_id, t},
		                  choice->keys);
	if (!e)
		e = mikey_build_add_mac(&m, algs.mac, &b->msg_keys, &a->msg.octets, 1);
	return e ? e : mikey_build_done(&m, octets);
}

static enum err add_own_keys(const struct ticket_responder *a, struct building *b,
                             const struct mikey_keys *own, struct mikey_fault *fault)
{
	if (!own || !own->n)
		return ERR_OK;
	if (!(a->policy.tp.flags & TICKET_M))
		return mikey_fail(fault, ERR_DENIED, MIKEY_E_TPPAR,
		                  "own session keys of the responder need flag M in the ticket");
	for (size_t i = 0; i < own->n; i++)
		if (mikey_keys_add(&b->keys, own->k[i].type, mikey_key_octets(&own->k[i]),
		                   mikey_key_salt(&own->k[i]), mikey_key_spi(&own->k[i])))
			return mikey_fail(
				fault, ERR_INVALID, MIKEY_E_UNSPECIFIED,
				"two keys have the same SPI, or there are more than 12 keys");
	return mikey_algs_check_keys(responder_algs_of(a), own, fault);
}

static enum err check_numbers(const struct ticket_responder *a,
                              const struct ticket_responder_choice *choice,
                              struct mikey_fault *fault)
{
	for (size_t i = 0; i < choice->n_policies; i++)
		if (csb_policy(&a->policies, 0, choice->policies[i].no))
			return mikey_fail(
				fault, ERR_INVALID, MIKEY_E_SPPAR,
				"the offer already uses SRTP policy number %u; choose another",
				choice->policies[i].no);
	return ERR_OK;
}

static enum err build_response(struct ticket_responder *a, struct building *b,
                               const struct ticket_responder_choice *choice,
                               const struct mikey_env *env, struct mikey_fault *fault)
{
	struct csb_choice from = {.offer = &a->msg,
	                          .sender = 0,
	                          .policies = &b->policies,
	                          .keys = &b->keys,
	                          .given = choice->cs,
	                          .n_given = choice->n_cs};
	struct view built;
	enum err e = check_numbers(a, choice, fault);

	if (!e)
		e = draw_randr(a, b, env);
	b->policies = a->policies;
	for (size_t i = 0; i < choice->n_policies && i < CSB_POLICIES_MAX; i++)
		b->policies.of[1][b->policies.n[1]++] = choice->policies[i];
	if (!e)
		e = csb_choose_sessions(&b->chosen, &from, env, fault);
	if (e)
		return e;
	e = build(a, b, choice, env, &built);
	return e ? mikey_fail(fault, e, MIKEY_E_UNSPECIFIED,
	                      "the answer can't be built (message too long or cryptography failed)")
	         : mikey_msg_read(&b->msg, built, fault);
}

/* Six parameters: responder, choice and environment; bundle, message and fault. */
enum err ticket_responder_finish(struct ticket_responder *a,
                                 const struct ticket_responder_choice *choice,
                                 const struct mikey_env *env, struct ticket_csb **csb,
                                 struct view *octets, struct mikey_fault *fault)
{
	static const struct ticket_responder_choice nothing;
	const struct ticket_responder_choice *ch = choice ? choice : &nothing;
	bool responds = a->policy.tp.flags & TICKET_F;
	struct csb_agreed made = {.rules = &a->rules,
	                          .init = &a->msg,
	                          .flags = a->policy.tp.flags,
	                          .algs = responder_algs_of(a),
	                          .id_i = responder_id_of(a, MIKEY_ROLE_I),
	                          .id_r = responder_id_of(a, MIKEY_ROLE_R)};
	struct building *b;
	enum err e;

	if (!step_allows(&responder_steps, a->state, RESPONDER_ON_FINISH))
		return step_take(&responder_steps, &a->state, RESPONDER_ON_FINISH, fault);
	b = secret_alloc(sizeof(*b));
	if (!b)
		return responder_no_memory(fault);
	b->keys = *a->keys;
	e = add_own_keys(a, b, ch->keys, fault);
	if (!e && responds)
		e = build_response(a, b, ch, env, fault);
	if (!e) {
		made.mpk = mpk_of(a);
		made.keys = &b->keys;
		if (responds) {
			made.resp = &b->msg;
			made.id_r = own_name(a);
		}
		e = csb_new(csb, &made, fault);
	}
	if (!e) {
		*octets = responds ? ticket_csb_last_sent(*csb) : (struct view){0};
		e = step_take(&responder_steps, &a->state, RESPONDER_ON_FINISH, fault);
	}
	secret_free(b);
	return e;
}

/* Writes HDR, T, ERR and the policies. */
static void start_error(struct mikey_build *b, const struct mikey_hdr *hdr,
                        const struct ticket_responder_refusal *refusal, const struct mikey_env *env,
                        struct wr room)
{
	mikey_build_start(b, room, hdr, NULL, 0);
	add(b, mikey_make_t((struct mikey_ts){
		       .type = MIKEY_TS_NTP_UTC,
		       .value = mikey_env_stamp(env, 0),
	       }));
	add(b, (struct mikey_payload){.type = MIKEY_ERR, .u.err.no = (uint8_t)refusal->no});
	csb_add_policies(b, refusal->policies, refusal->n_policies);
}

enum err ticket_responder_error(struct ticket_responder *a,
                                const struct ticket_responder_refusal *refusal,
                                const struct mikey_env *env, struct wr room, struct view *octets)
{
	struct mikey_hdr hdr = {.data_type = MIKEY_DT_ERROR,
	                        .prf = a->msg.hdr.prf,
	                        .csb_id = a->msg.hdr.csb_id,
	                        .map_type = MIKEY_MAP_EMPTY};
	struct mikey_msg_keys *k = a->resolution ? secret_alloc(sizeof(*k)) : NULL;
	struct mikey_build b;
	enum err e = a->resolution && !k
	                     ? ERR_NOMEM
	                     : step_take(&responder_steps, &a->state, RESPONDER_ON_REFUSE, NULL);

	start_error(&b, &hdr, refusal, env, room);
	if (!e && k)
		e = responder_offer_keys(a, a->resolution->keys, k);
	if (!e && k)
		e = mikey_build_add_mac(&b, responder_algs_of(a).mac, k, NULL, 0);
	secret_free(k);
	return e ? e : mikey_build_done(&b, octets);
}

enum err ticket_responder_error_to(struct view offer,
                                   const struct ticket_responder_refusal *refusal,
                                   const struct mikey_env *env, struct wr room, struct view *octets)
{
	enum { V_FLAG = 0x80 };
	struct mikey_hdr hdr = {.data_type = MIKEY_DT_ERROR, .map_type = MIKEY_MAP_EMPTY};
	struct rd r = rd_view(offer);
	unsigned version = rd_u8(&r), data_type = rd_u8(&r);
	struct mikey_build b;

	rd_skip(&r, 1); /* next payload */
	hdr.prf = rd_u8(&r) & ~V_FLAG;
	hdr.csb_id = rd_u32(&r);
	if (!rd_ok(&r) || version != 1 || data_type == MIKEY_DT_ERROR)
		return ERR_INVALID;
	start_error(&b, &hdr, refusal, env, room);
	return mikey_build_done(&b, octets);
}
