/* SPDX-License-Identifier: MIT */
/* A KMS with its state on disk, and terminals (keyctx/ticket) that send requests to it. */
#ifndef TESTS_UNIT_KMS_ON_DISK_H
#define TESTS_UNIT_KMS_ON_DISK_H

#include <stdlib.h>
#include <unistd.h>

#include "base/clk.h"
#include "control/kms/kms_conf.h"
#include "control/kms/store.h"
#include "keyctx/kms/gba.h"
#include "keyctx/kms/kms.h"
#include "keyctx/ticket/initiator.h"
#include "keyctx/ticket/request.h"
#include "keyctx/ticket/resolve.h"
#include "tests/harness/harness.h"

#define NOW_NS (1800000000ull * NS_PER_S)

static const char home1[] __attribute__((unused)) =
	"{\"kms\":{\"id\":\"https://kms.home1.example\"},"
	"\"policy\":{\"rate_per_minute\":60,\"rate_burst\":5,\"rules\":[{\"from\":\"sip:mallory@"
	"home1.example\",\"allow\":false},{\"allow\":true}]},"
	"\"users\":["
	"{\"names\":[\"sip:alice@home1.example\"],\"psk\":{\"id\":\"alice\",\"key\":"
	"\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}},"
	"{\"names\":[\"sip:bob@home1.example\"],\"psk\":{\"id\":\"bob\",\"key\":"
	"\"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\"}},"
	"{\"names\":[\"sip:mallory@home1.example\"],\"psk\":{\"id\":\"mallory\",\"key\":"
	"\"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f\"}},"
	"{\"names\":[\"sip:old@home1.example\"],\"psk\":{\"id\":\"old\",\"until\":1799999999,"
	"\"key\":\"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f\"}}],"
	"\"groups\":[{\"name\":\"sip:desk@home1.example\",\"members\":[\"sip:bob@home1.example\"]}]"
	","
	"\"gba\":{\"bsf\":\"http://127.0.0.1:1/"
	"\",\"naf_fqdn\":\"kms.home1.example\",\"bsf_domain\":\"bsf.home1.example\"},"
	"\"peers\":[{\"id\":\"https://"
	"kms.home2.example\",\"psk\":{\"id\":\"kms2\",\"key\":"
	"\"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f\"},"
	"\"domains\":[\"home2.example\"],\"tls_name\":\"kms.home2.example\"}]}";
static const char home2[] __attribute__((unused)) =
	"{\"kms\":{\"id\":\"https://kms.home2.example\"},"
	"\"users\":[{\"names\":[\"sip:carol@home2.example\"],\"psk\":{\"id\":\"carol\",\"key\":"
	"\"a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf\"}}],"
	"\"peers\":[{\"id\":\"https://kms.home1.example\",\"url\":\"https://"
	"kms.home1.example\",\"domains\":[\"home1.example\"],"
	"\"psk\":{\"id\":\"kms2\",\"key\":"
	"\"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f\"}}]}";

/* A KMS with its state in a separate folder. */
struct office {
	char dir[64];
	const char *conf;
	size_t seen_max; /* most requests remembered against replay; 0: the default */
	struct kms_store_disk *disk;
	struct kms *kms;
};

static inline bool open_office(struct office *o)
{
	struct kms_config c = {.random = mikey_random_system};
	struct why why = {{0}};
	bool ok = EXPECT_OK(kms_store_disk_open(
			  &o->disk,
			  &(struct kms_store_disk_config){.path = o->dir, .seen_max = o->seen_max},
			  &why)) &&
	          EXPECT_OK(kms_conf_parse(&c.directory, str_of(o->conf), &why));

	test_context("%s", why.text);
	if (!ok)
		return false;
	c.store = kms_store_disk_use(o->disk);
	return EXPECT_OK(kms_new(&o->kms, &c, &why));
}

/* Closes the KMS and its store, as sluice-kms does when it ends. */
static inline void close_office(struct office *o)
{
	kms_free(o->kms);
	kms_store_disk_close(o->disk);
	o->kms = NULL;
	o->disk = NULL;
}

static inline bool start(struct office *o, const char *conf)
{
	*o = (struct office){.conf = conf};
	snprintf(o->dir, sizeof(o->dir), "/tmp/sluice-kms-XXXXXX");
	return EXPECT(mkdtemp(o->dir)) && open_office(o);
}

static inline void end(struct office *o)
{
	static const char *const files[] = {"keys.mdb",      "keys.mdb-lock", "seen.mdb",
	                                    "seen.mdb-lock", "lock",          "master.key"};
	char path[128];

	close_office(o);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", o->dir, files[i]);
		unlink(path);
	}
	rmdir(o->dir);
}

static inline struct mikey_id uri(const char *text)
{
	return (struct mikey_id){MIKEY_ID_URI, {(const uint8_t *)text, strlen(text)}};
}

static inline struct mikey_id octets_id(const char *text)
{
	return (struct mikey_id){MIKEY_ID_BYTES, {(const uint8_t *)text, strlen(text)}};
}

/* A terminal: its names, its key (32 octets that count up from `first`) and its clock. */
struct terminal {
	const char *name, *psk_id, *kms;
	uint8_t key[32];
	uint64_t last_ntp, wall_ns;
	struct ticket_rules rules;
	uint8_t ticket_prf;
};

static inline struct terminal terminal(const char *name, const char *psk_id, uint8_t first,
                                       const char *kms)
{
	struct terminal t = {.name = name,
	                     .psk_id = psk_id,
	                     .kms = kms,
	                     .wall_ns = NOW_NS,
	                     .ticket_prf = MIKEY_PRF_SHA256};

	for (unsigned i = 0; i < sizeof(t.key); i++)
		t.key[i] = (uint8_t)(first + i);
	ticket_rules_init(&t.rules);
	t.rules.algs = mikey_algs_256;
	return t;
}

static inline struct mikey_env env_of(struct terminal *t)
{
	return (struct mikey_env){
		.now_ntp = clk_wall_to_ntp(t->wall_ns),
		.last_ntp = &t->last_ntp,
		.random = mikey_random_system,
	};
}

static inline struct mikey_cred cred_of(const struct terminal *t)
{
	return (struct mikey_cred){.psk = {t->key, sizeof(t->key)}, .psk_id = octets_id(t->psk_id)};
}

enum {
	FLAGS_1 = TICKET_D | TICKET_E | TICKET_F | TICKET_G | TICKET_H | TICKET_I | TICKET_N |
	          TICKET_O
};

static inline struct ticket_policy_spec policy_for(const struct terminal *t,
                                                   const struct mikey_id *callee, unsigned flags)
{
	return (struct ticket_policy_spec){
		.prf = t->ticket_prf,
		.flags = (uint16_t)flags,
		.idr_kms = uri("https://kms.home1.example"),
		.idr_i = uri(t->name),
		.has_end = true,
		.end = ticket_ts_32(clk_wall_to_ntp(NOW_NS + 600 * NS_PER_S)),
		.r = callee,
		.n_r = 1,
	};
}

static inline struct kms_request *ask(struct office *o, enum kms_operation op, struct view octets,
                                      uint64_t wall_ns, kms_names_fn *names)
{
	struct kms_request *j = NULL;

	EXPECT_OK(kms_request_new(&j, o->kms,
	                          &(struct kms_request_params){
					  .operation = op,
					  .octets = octets,
					  .wall_ns = wall_ns,
					  .names = names,
				  }));
	return j;
}

static inline struct ticket_request *make_request_for(struct terminal *t,
                                                      const struct ticket_policy_spec *policy)
{
	struct mikey_cred cred = cred_of(t);
	struct mikey_env env = env_of(t);
	struct mikey_fault fault = {0};
	struct ticket_request *q = NULL;
	struct ticket_request_params params = {.rules = &t->rules,
	                                       .cred = &cred,
	                                       .me = uri(t->name),
	                                       .kms = uri(t->kms),
	                                       .policy = policy};

	if (!EXPECT_OK(ticket_request_new(&q, &params, &env, &fault)))
		fprintf(stderr, "%s\n", fault.why.text);
	return q;
}

static inline struct ticket_request *make_request(struct terminal *t, const char *callee)
{
	struct mikey_id r = uri(callee);
	struct ticket_policy_spec policy = policy_for(t, &r, FLAGS_1);

	return make_request_for(t, &policy);
}

/* Sends the request `q` and frees it. NULL if the KMS refuses; `*result` has the reason. */
static inline struct ticket_grant *send_request(struct office *o, struct terminal *t,
                                                struct ticket_request *q, enum kms_result *result)
{
	struct kms_request *j =
		q ? ask(o, KMS_REQUEST, ticket_request_octets(q), t->wall_ns, NULL) : NULL;
	struct ticket_grant *grant = NULL;
	struct mikey_fault fault = {0};

	if (j && EXPECT_INT(kms_request_waits_for(j), KMS_ANSWERED)) {
		*result = kms_request_result(j);
		if (*result == KMS_GRANTED &&
		    !EXPECT_OK(ticket_request_receive(q, kms_request_octets(j), &grant, &fault)))
			fprintf(stderr, "%s\n", fault.why.text);
	}
	kms_request_free(j);
	ticket_request_free(q);
	return grant;
}

/* Mode 1: requests a ticket. NULL if the KMS refuses; `*result` has the reason. */
static inline struct ticket_grant *request(struct office *o, struct terminal *t, const char *callee,
                                           enum kms_result *result)
{
	return send_request(o, t, make_request(t, callee), result);
}

/* Modes 3 and 4: the terminal makes the ticket itself, with its pre-shared key. */
static inline struct ticket_grant *own_ticket_for(struct terminal *t,
                                                  const struct ticket_policy_spec *policy)
{
	struct ticket_tpk tpk = {.key = {t->key, sizeof(t->key)}, .id = octets_id(t->psk_id)};
	struct mikey_env env = env_of(t);
	struct mikey_fault fault = {0};
	struct ticket_grant *grant = NULL;

	if (!EXPECT_OK(ticket_create(&grant, policy, &tpk,
	                             t->ticket_prf == MIKEY_PRF_SHA256 ? mikey_algs_256
	                                                               : mikey_algs_128,
	                             &env, &fault)))
		fprintf(stderr, "%s\n", fault.why.text);
	return grant;
}

enum { FLAGS_3 = (FLAGS_1 & ~TICKET_D) | TICKET_L };

static inline struct ticket_grant *own_ticket(struct terminal *t, const char *callee)
{
	struct mikey_id r = uri(callee);
	struct ticket_policy_spec policy = policy_for(t, &r, FLAGS_3);

	return own_ticket_for(t, &policy);
}

/* A ticket that the callee received in an offer and lets the KMS resolve. */
struct resolving {
	struct mikey_payload ticket;
	struct ticket_resolve *q;
	struct ticket_initiator *offer;
	struct mikey_msg msg;
};

static inline bool offer(struct resolving *x, struct terminal *from, struct terminal *to,
                         const struct ticket_grant *grant)
{
	struct csmap_policy sp;
	struct ticket_cs cs[2] = {{
					  .cs_id = 1,
					  .policies = {0},
					  .n_policies = 1,
					  .has_ssrc = true,
					  .ssrc = 0x11223344,
				  },
	                          {
					  .cs_id = 2,
					  .policies = {0},
					  .n_policies = 1,
					  .has_ssrc = true,
					  .ssrc = 0x11223344,
				  }};
	struct ticket_initiator_params p = {.rules = &from->rules,
	                                    .grant = grant,
	                                    .me = uri(from->name),
	                                    .peer = uri(to->name),
	                                    .cs = cs,
	                                    .n_cs = 2,
	                                    .policies = &sp,
	                                    .n_policies = 1};
	struct mikey_env env = env_of(from), env_to = env_of(to);
	struct mikey_cred cred = cred_of(to);
	struct ticket_resolve_params q = {
		.rules = &to->rules, .cred = &cred, .me = uri(to->name), .kms = uri(to->kms)};
	struct mikey_fault fault = {0};

	memset(x, 0, sizeof(*x));
	csmap_policy_from_suite(&sp, 0, suite_get(SUITE_AES_CM_128_HMAC_SHA1_80));
	if (!EXPECT_OK(ticket_initiator_new(&x->offer, &p, &env, &fault)) ||
	    !EXPECT_OK(mikey_msg_read(&x->msg, ticket_initiator_octets(x->offer), &fault))) {
		fprintf(stderr, "%s\n", fault.why.text);
		return false;
	}
	q.ticket = mikey_msg_find(&x->msg, MIKEY_TICKET);
	return EXPECT_OK(ticket_resolve_new(&x->q, &q, &env_to, &fault));
}

static inline void resolving_end(struct resolving *x)
{
	ticket_resolve_free(x->q);
	ticket_initiator_free(x->offer);
}

static inline bool take(struct resolving *x, struct kms_request *j,
                        const struct ticket_grant *grant)
{
	struct ticket_resolution *r = NULL;
	struct mikey_fault fault = {0};
	bool ok = EXPECT_INT(kms_request_waits_for(j), KMS_ANSWERED) &&
	          EXPECT_INT(kms_request_result(j), KMS_GRANTED) &&
	          EXPECT_OK(ticket_resolve_receive(x->q, kms_request_octets(j), &r, &fault));

	/* Caller and callee must have the same MPKi. MPKr is forked, so it must differ. */
	ok = ok && EXPECT(memcmp(r->keys->mpki, grant->keys->mpki, grant->keys->mpk_len) == 0) &&
	     EXPECT(memcmp(r->keys->mpkr, grant->keys->mpkr, grant->keys->mpk_len) != 0);
	ticket_resolution_free(r);
	return ok;
}

#define TWO_USERS(policy)                                                                     \
	"{\"kms\":{\"id\":\"https://kms.home1.example\"},\"policy\":{" policy "},\"users\":[" \
	"{\"names\":[\"sip:alice@home1.example\"],\"psk\":{\"id\":\"alice\",\"key\":"         \
	"\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}},"             \
	"{\"names\":[\"sip:bob@home1.example\"],\"psk\":{\"id\":\"bob\",\"key\":"             \
	"\"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\"}}]}"

#endif
