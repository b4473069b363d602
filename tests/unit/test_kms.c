/* SPDX-License-Identifier: MIT */
/* The KMS brain with its state on disk: terminals made of keyctx/ticket ask it, misuse it, and see it die in between. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clk.h"
#include "control/kms_conf.h"
#include "control/kms_store.h"
#include "keyctx/kms/kms.h"
#include "keyctx/ticket/offer.h"
#include "keyctx/ticket/request.h"
#include "keyctx/ticket/resolve.h"
#include "tests/harness/harness.h"

#define NOW_NS (1800000000ull * NS_PER_S)

static const char home1[] =
	"{\"kms\":{\"id\":\"https://kms.home1.example\"},"
	"\"policy\":{\"rate_per_minute\":60,\"rate_burst\":5,\"rules\":[{\"from\":\"sip:mallory@home1.example\",\"allow\":false},{\"allow\":true}]},"
	"\"users\":["
	"{\"names\":[\"sip:alice@home1.example\"],\"psk\":{\"id\":\"alice\",\"key\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}},"
	"{\"names\":[\"sip:bob@home1.example\"],\"psk\":{\"id\":\"bob\",\"key\":\"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\"}},"
	"{\"names\":[\"sip:mallory@home1.example\"],\"psk\":{\"id\":\"mallory\",\"key\":\"404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f\"}},"
	"{\"names\":[\"sip:old@home1.example\"],\"psk\":{\"id\":\"old\",\"until\":1799999999,\"key\":\"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f\"}}],"
	"\"groups\":[{\"name\":\"sip:desk@home1.example\",\"members\":[\"sip:bob@home1.example\"]}],"
	"\"gba\":{\"bsf\":\"http://127.0.0.1:1/\",\"naf_fqdn\":\"kms.home1.example\",\"bsf_domain\":\"bsf.home1.example\"},"
	"\"peers\":[{\"id\":\"https://kms.home2.example\",\"psk\":{\"id\":\"kms2\",\"key\":\"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f\"},"
	"\"domains\":[\"home2.example\"],\"tls_name\":\"kms.home2.example\"}]}";
static const char home2[] =
	"{\"kms\":{\"id\":\"https://kms.home2.example\"},"
	"\"users\":[{\"names\":[\"sip:carol@home2.example\"],\"psk\":{\"id\":\"carol\",\"key\":\"a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf\"}}],"
	"\"peers\":[{\"id\":\"https://kms.home1.example\",\"url\":\"https://kms.home1.example\",\"domains\":[\"home1.example\"],"
	"\"psk\":{\"id\":\"kms2\",\"key\":\"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f\"}}]}";

/* One KMS with its state in a folder of its own. */
struct office {
	char dir[64];
	const char *conf;
	size_t seen_max; /* 0: as usual */
	struct kms_store_disk *disk;
	struct kms *kms;
};

static bool open_office(struct office *o)
{
	struct kms_config c = {.random = mikey_random_system};
	struct why why = {{0}};
	bool ok = EXPECT_OK(kms_store_disk_open(&o->disk, &(struct kms_store_disk_config){.path = o->dir, .seen_max = o->seen_max}, &why)) &&
	          EXPECT_OK(kms_conf_parse(&c.directory, str_of(o->conf), &why));

	test_context("%s", why.text);
	if (!ok)
		return false;
	c.store = kms_store_disk_use(o->disk);
	return EXPECT_OK(kms_new(&o->kms, &c, &why));
}

/* Without a word to the state: what a killed process leaves. */
static void close_office(struct office *o)
{
	kms_free(o->kms);
	kms_store_disk_close(o->disk);
	o->kms = NULL;
	o->disk = NULL;
}

static bool start(struct office *o, const char *conf)
{
	*o = (struct office){.conf = conf};
	snprintf(o->dir, sizeof(o->dir), "/tmp/sluice-kms-XXXXXX");
	return EXPECT(mkdtemp(o->dir)) && open_office(o);
}

static void end(struct office *o)
{
	static const char *const files[] = {"keys.mdb", "keys.mdb-lock", "seen.mdb", "seen.mdb-lock", "lock", "master.key"};
	char path[128];

	close_office(o);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", o->dir, files[i]);
		unlink(path);
	}
	rmdir(o->dir);
}

static struct mikey_id uri(const char *text)
{
	return (struct mikey_id){MIKEY_ID_URI, {(const uint8_t *)text, strlen(text)}};
}

static struct mikey_id octets_id(const char *text)
{
	return (struct mikey_id){MIKEY_ID_BYTES, {(const uint8_t *)text, strlen(text)}};
}

/* A terminal: its name, its key (32 octets counting up from `first`) and its clock. */
struct terminal {
	const char *name, *psk_id, *kms;
	uint8_t key[32];
	uint64_t last_ntp, wall_ns;
	struct ticket_rules rules;
	uint8_t ticket_prf;
};

static struct terminal terminal(const char *name, const char *psk_id, uint8_t first, const char *kms)
{
	struct terminal t = {.name = name, .psk_id = psk_id, .kms = kms, .wall_ns = NOW_NS, .ticket_prf = MIKEY_PRF_SHA256};

	for (unsigned i = 0; i < sizeof(t.key); i++)
		t.key[i] = (uint8_t)(first + i);
	ticket_rules_init(&t.rules);
	t.rules.algs = mikey_algs_256;
	return t;
}

static struct mikey_env env_of(struct terminal *t)
{
	return (struct mikey_env){.now_ntp = clk_wall_to_ntp(t->wall_ns), .last_ntp = &t->last_ntp, .random = mikey_random_system};
}

static struct mikey_cred cred_of(const struct terminal *t)
{
	return (struct mikey_cred){.psk = {t->key, sizeof(t->key)}, .psk_id = octets_id(t->psk_id)};
}

enum { FLAGS_1 = TICKET_D | TICKET_E | TICKET_F | TICKET_G | TICKET_H | TICKET_I | TICKET_N | TICKET_O };

static struct ticket_policy_spec policy_for(const struct terminal *t, const struct mikey_id *callee, unsigned flags)
{
	return (struct ticket_policy_spec){
		.prf = t->ticket_prf, .flags = (uint16_t)flags, .idr_kms = uri("https://kms.home1.example"), .idr_i = uri(t->name), .has_end = true,
		.end = ticket_ts_32(clk_wall_to_ntp(NOW_NS + 600 * NS_PER_S)), .r = callee, .n_r = 1,
	};
}

static struct kms_job *ask(struct office *o, enum kms_operation op, struct view octets, uint64_t wall_ns, kms_names_fn *names)
{
	struct kms_job *j = NULL;

	EXPECT_OK(kms_job_new(&j, o->kms, &(struct kms_ask){.operation = op, .octets = octets, .wall_ns = wall_ns, .names = names}));
	return j;
}

static struct ticket_request *make_request(struct terminal *t, const char *callee)
{
	struct mikey_id r = uri(callee);
	struct ticket_policy_spec policy = policy_for(t, &r, FLAGS_1);
	struct mikey_cred cred = cred_of(t);
	struct mikey_env env = env_of(t);
	struct mikey_fault fault = {0};
	struct ticket_request *q = NULL;
	struct ticket_request_params params = {.rules = &t->rules, .cred = &cred, .me = uri(t->name), .kms = uri(t->kms), .policy = &policy};

	if (!EXPECT_OK(ticket_request_new(&q, &params, &env, &fault)))
		fprintf(stderr, "%s\n", fault.why.text);
	return q;
}

/* Mode 1: asks for a ticket; NULL when it was refused, `*result` says how. */
static struct ticket_grant *request(struct office *o, struct terminal *t, const char *callee, enum kms_result *result)
{
	struct ticket_request *q = make_request(t, callee);
	struct kms_job *j = q ? ask(o, KMS_REQUEST, ticket_request_octets(q), t->wall_ns, NULL) : NULL;
	struct ticket_grant *grant = NULL;
	struct mikey_fault fault = {0};

	if (j && EXPECT_INT(kms_job_state(j), KMS_ANSWERED)) {
		*result = kms_job_result(j);
		if (*result == KMS_GRANTED && !EXPECT_OK(ticket_request_answer(q, kms_job_octets(j), &grant, &fault)))
			fprintf(stderr, "%s\n", fault.why.text);
	}
	kms_job_free(j);
	ticket_request_free(q);
	return grant;
}

/* Resolves the ticket of an offer made with `grant`. */
struct resolving {
	struct mikey_payload ticket;
	struct ticket_resolve *q;
	struct ticket_offer *offer;
	struct mikey_msg msg;
};


static bool offer(struct resolving *x, struct terminal *from, struct terminal *to, const struct ticket_grant *grant)
{
	struct csmap_policy sp;
	struct ticket_cs cs[2] = {{.cs_id = 1, .policies = {0}, .n_policies = 1, .has_ssrc = true, .ssrc = 0x11223344},
	                          {.cs_id = 2, .policies = {0}, .n_policies = 1, .has_ssrc = true, .ssrc = 0x11223344}};
	struct ticket_offer_params p = {.rules = &from->rules, .grant = grant, .me = uri(from->name), .peer = uri(to->name), .cs = cs, .n_cs = 2,
	                                .policies = &sp, .n_policies = 1};
	struct mikey_env env = env_of(from), env_to = env_of(to);
	struct mikey_cred cred = cred_of(to);
	struct ticket_resolve_params q = {.rules = &to->rules, .cred = &cred, .me = uri(to->name), .kms = uri(to->kms)};
	struct mikey_fault fault = {0};

	memset(x, 0, sizeof(*x));
	csmap_policy_from_suite(&sp, 0, suite_get(SUITE_AES_CM_128_HMAC_SHA1_80));
	if (!EXPECT_OK(ticket_offer_new(&x->offer, &p, &env, &fault)) ||
	    !EXPECT_OK(mikey_msg_read(&x->msg, ticket_offer_octets(x->offer), &fault))) {
		fprintf(stderr, "%s\n", fault.why.text);
		return false;
	}
	q.ticket = mikey_msg_find(&x->msg, MIKEY_TICKET);
	return EXPECT_OK(ticket_resolve_new(&x->q, &q, &env_to, &fault));
}

static void resolving_end(struct resolving *x)
{
	ticket_resolve_free(x->q);
	ticket_offer_free(x->offer);
}

static bool take(struct resolving *x, struct kms_job *j, const struct ticket_grant *grant)
{
	struct ticket_resolution *r = NULL;
	struct mikey_fault fault = {0};
	bool ok = EXPECT_INT(kms_job_state(j), KMS_ANSWERED) && EXPECT_INT(kms_job_result(j), KMS_GRANTED) &&
	          EXPECT_OK(ticket_resolve_answer(x->q, kms_job_octets(j), &r, &fault));

	/* MPKi is the same at both ends; MPKr is forked, so it is not. */
	ok = ok && EXPECT(memcmp(r->keys->mpki, grant->keys->mpki, grant->keys->mpk_len) == 0) &&
	     EXPECT(memcmp(r->keys->mpkr, grant->keys->mpkr, grant->keys->mpk_len) != 0);
	ticket_resolution_free(r);
	return ok;
}

static void mode_1_across_a_death(void)
{
	struct office o;
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal bob = terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	struct terminal mallory = terminal("sip:mallory@home1.example", "mallory", 0x40, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x, y;
	struct kms_job *j;

	if (!start(&o, home1))
		return;
	grant = request(&o, &alice, bob.name, &result);
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		close_office(&o);
		REQUIRE(open_office(&o));
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		take(&x, j, grant);
		kms_job_free(j);
		/* The same octets again, also after another death. */
		close_office(&o);
		REQUIRE(open_office(&o));
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		EXPECT_INT(kms_job_result(j), KMS_REPLAYED);
		kms_job_free(j);
		if (offer(&y, &alice, &mallory, grant)) {
			j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(y.q), NOW_NS, NULL);
			EXPECT_INT(kms_job_result(j), KMS_FORBIDDEN);
			kms_job_free(j);
		}
		resolving_end(&y);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

static void groups(void)
{
	struct office o;
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal bob = terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x;
	struct kms_job *j;

	if (!start(&o, home1))
		return;
	grant = request(&o, &alice, "sip:desk@home1.example", &result);
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		take(&x, j, grant);
		kms_job_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

static struct ticket_grant *own_ticket(struct terminal *t, const char *callee)
{
	struct mikey_id r = uri(callee);
	struct ticket_policy_spec policy = policy_for(t, &r, (FLAGS_1 & ~TICKET_D) | TICKET_L);
	struct ticket_tpk tpk = {.key = {t->key, sizeof(t->key)}, .id = octets_id(t->psk_id)};
	struct mikey_env env = env_of(t);
	struct mikey_fault fault = {0};
	struct ticket_grant *grant = NULL;

	if (!EXPECT_OK(ticket_create(&grant, &policy, &tpk, t->ticket_prf == MIKEY_PRF_SHA256 ? mikey_algs_256 : mikey_algs_128, &env, &fault)))
		fprintf(stderr, "%s\n", fault.why.text);
	return grant;
}

/* The ticket's key is a NAF key the KMS must ask the BSF for. */
static void mode_3_with_gba(void)
{
	static const char btid[] = "oKGio6SlpqeoqaqrrK2urw==@bsf.home1.example";
	struct office o;
	struct terminal alice = terminal("sip:alice@home1.example", btid, 0x77, "https://kms.home1.example");
	struct terminal bob = terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	struct naf_key naf = {.key = {alice.key, sizeof(alice.key)}, .until_s = NOW_NS / NS_PER_S + 100, .impi = STR("alice@home1.example"),
	                      .names = {uri("sip:alice@home1.example")}, .n_names = 1};
	struct ticket_grant *grant = own_ticket(&alice, bob.name);
	struct resolving x;
	struct kms_job *j;

	if (!start(&o, home1))
		return;
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		if (EXPECT_INT(kms_job_state(j), KMS_WAIT_NAF) && EXPECT(str_is(kms_job_btid(j), btid))) {
			kms_job_give_naf(j, ERR_OK, &naf, NOW_NS);
			take(&x, j, grant);
		}
		kms_job_free(j);
		resolving_end(&x);
	}
	/* Kept now; and gone when the bootstrapping ends. */
	if (grant && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		take(&x, j, grant);
		kms_job_free(j);
		resolving_end(&x);
	}
	bob.wall_ns += 101 * NS_PER_S;
	if (grant && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), bob.wall_ns, NULL);
		EXPECT_INT(kms_job_result(j), KMS_REFUSED);
		kms_job_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

/* Mallory makes a ticket in Alice's name under his own key. */
static void mode_3_in_anothers_name(void)
{
	struct office o;
	struct terminal liar = terminal("sip:alice@home1.example", "mallory", 0x40, "https://kms.home1.example");
	struct terminal bob = terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	struct ticket_grant *grant = own_ticket(&liar, bob.name);
	struct resolving x;
	struct kms_job *j;

	if (!start(&o, home1))
		return;
	if (EXPECT(grant) && offer(&x, &liar, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		EXPECT(kms_job_result(j) == KMS_FORBIDDEN || kms_job_result(j) == KMS_REFUSED);
		kms_job_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

static void refusals(void)
{
	static const struct {
		const char *name, *psk_id, *kms;
		uint8_t first;
		int64_t late_s;
		enum kms_result want;
	} rows[] = {
		{"sip:alice@home1.example", "alice", "https://kms.home1.example", 0, 0, KMS_GRANTED},
		{"sip:alice@home1.example", "alice", "https://kms.home1.example", 1, 0, KMS_FORBIDDEN},
		{"sip:bob@home1.example", "alice", "https://kms.home1.example", 0, 0, KMS_FORBIDDEN},
		{"sip:alice@home1.example", "nobody", "https://kms.home1.example", 0, 0, KMS_UNKNOWN_KEY},
		{"sip:old@home1.example", "old", "https://kms.home1.example", 0x60, 0, KMS_UNKNOWN_KEY},
		{"sip:mallory@home1.example", "mallory", "https://kms.home1.example", 0x40, 0, KMS_FORBIDDEN},
		{"sip:alice@home1.example", "alice", "https://kms.home3.example", 0, 0, KMS_FORBIDDEN},
		{"sip:alice@home1.example", "alice", "https://kms.home1.example", 0, 301, KMS_REPLAYED},
		{"sip:alice@home1.example", "alice", "https://kms.home1.example", 0, -301, KMS_REPLAYED},
	};
	struct office o;

	if (!start(&o, home1))
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct terminal t = terminal(rows[i].name, rows[i].psk_id, rows[i].first, rows[i].kms);
		struct ticket_request *q = make_request(&t, "sip:bob@home1.example");
		struct kms_job *j = q ? ask(&o, KMS_REQUEST, ticket_request_octets(q), (uint64_t)((int64_t)NOW_NS + rows[i].late_s * (int64_t)NS_PER_S), NULL) : NULL;

		test_context("row %zu", i);
		EXPECT_INT(j ? (int)kms_job_result(j) : -1, rows[i].want);
		kms_job_free(j);
		ticket_request_free(q);
	}
	end(&o);
}

/* Every octet of a request changed, and every shorter one: never granted, never a wait, never a crash. */
static void damaged(void)
{
	struct office o;
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
	uint8_t copy[MIKEY_MESSAGE_MAX];
	struct view good;

	REQUIRE(q);
	good = ticket_request_octets(q);
	if (!start(&o, home1))
		return;
	for (size_t i = 0; i < good.n; i++) {
		struct kms_job *j;

		memcpy(copy, good.p, good.n);
		copy[i] ^= 0x01;
		j = ask(&o, KMS_REQUEST, (struct view){copy, good.n}, NOW_NS, NULL);
		test_context("octet %zu", i);
		EXPECT(kms_job_state(j) == KMS_ANSWERED && kms_job_result(j) != KMS_GRANTED);
		kms_job_free(j);
		j = ask(&o, KMS_REQUEST, (struct view){good.p, i}, NOW_NS, NULL);
		EXPECT(kms_job_state(j) == KMS_ANSWERED && kms_job_result(j) != KMS_GRANTED);
		kms_job_free(j);
	}
	ticket_request_free(q);
	end(&o);
}

static void limits_rate(void)
{
	struct office o;
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;

	if (!start(&o, home1))
		return;
	for (unsigned i = 0; i < 5; i++) {
		ticket_grant_free(request(&o, &alice, "sip:bob@home1.example", &result));
		EXPECT_INT(result, KMS_GRANTED);
	}
	EXPECT(!request(&o, &alice, "sip:bob@home1.example", &result));
	EXPECT_INT(result, KMS_LIMITED);
	alice.wall_ns += 2 * NS_PER_S;
	ticket_grant_free(request(&o, &alice, "sip:bob@home1.example", &result));
	EXPECT_INT(result, KMS_GRANTED);
	end(&o);
}

static bool names_kms2(void *arg, const char *dns_name)
{
	(void)arg;
	return strcmp(dns_name, "kms.home2.example") == 0;
}

/* Carol's KMS asks Alice's; without its certificate it is nobody. */
static void two_domains(void)
{
	struct office one, two;
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal carol = terminal("sip:carol@home2.example", "carol", 0xa0, "https://kms.home2.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x;

	if (!start(&one, home1) || !start(&two, home2))
		return;
	grant = request(&one, &alice, carol.name, &result);
	if (EXPECT(grant) && offer(&x, &alice, &carol, grant)) {
		struct kms_job *at2 = ask(&two, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL), *at1;

		if (EXPECT_INT(kms_job_state(at2), KMS_WAIT_PEER)) {
			at1 = ask(&one, KMS_RESOLVE, kms_job_peer_octets(at2), NOW_NS, NULL);
			EXPECT_INT(kms_job_result(at1), KMS_UNKNOWN_KEY);
			kms_job_free(at1);
			at1 = ask(&one, KMS_RESOLVE, kms_job_peer_octets(at2), NOW_NS, names_kms2);
			EXPECT_INT(kms_job_result(at1), KMS_GRANTED);
			kms_job_give_peer(at2, kms_job_octets(at1), NOW_NS);
			take(&x, at2, grant);
			kms_job_free(at1);
		}
		kms_job_free(at2);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&one);
	end(&two);
}

static void rotates(void)
{
	struct office o;
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal bob = terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct kms_stats s;
	struct resolving x;
	struct kms_job *j;

	if (!start(&o, home1))
		return;
	grant = request(&o, &alice, bob.name, &result);
	EXPECT_OK(kms_rotate(o.kms, NOW_NS));
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		take(&x, j, grant);
		kms_job_free(j);
		resolving_end(&x);
	}
	kms_get_stats(o.kms, &s);
	EXPECT(s.tpks == 2 && s.replay_entries == 2);
	EXPECT_OK(kms_tick(o.kms, NOW_NS + 3 * 86400 * NS_PER_S));
	kms_get_stats(o.kms, &s);
	EXPECT(s.tpks == 0 && s.replay_entries == 0);
	ticket_grant_free(grant);
	end(&o);
}

/* Alice and Bob under a policy. */
#define TWO_USERS(policy) \
	"{\"kms\":{\"id\":\"https://kms.home1.example\"},\"policy\":{" policy "},\"users\":[" \
	"{\"names\":[\"sip:alice@home1.example\"],\"psk\":{\"id\":\"alice\",\"key\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}}," \
	"{\"names\":[\"sip:bob@home1.example\"],\"psk\":{\"id\":\"bob\",\"key\":\"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\"}}]}"

/* What is not served in messages is not served in tickets either: a 128-bit ticket asked for, or made, inside 256-bit messages. */
static void sets_of_algorithms(void)
{
	static const char only_256[] = TWO_USERS("\"suites\":[\"256\"]");
	struct office o;
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct terminal bob = terminal("sip:bob@home1.example", "bob", 0x20, "https://kms.home1.example");
	enum kms_result result = KMS_BROKEN;
	struct ticket_grant *grant;
	struct resolving x;
	struct kms_job *j;

	if (!start(&o, only_256))
		return;
	grant = request(&o, &alice, bob.name, &result);
	EXPECT_INT(result, KMS_GRANTED);
	ticket_grant_free(grant);
	alice.ticket_prf = MIKEY_PRF_SHA1;
	grant = request(&o, &alice, bob.name, &result);
	EXPECT_INT(result, KMS_REFUSED);
	ticket_grant_free(grant);
	grant = own_ticket(&alice, bob.name);
	if (EXPECT(grant) && offer(&x, &alice, &bob, grant)) {
		j = ask(&o, KMS_RESOLVE, ticket_resolve_octets(x.q), NOW_NS, NULL);
		EXPECT_INT(kms_job_result(j), KMS_REFUSED);
		kms_job_free(j);
		resolving_end(&x);
	}
	ticket_grant_free(grant);
	end(&o);
}

/* A state that has no room refuses, forgets nothing, and goes on when there is room again. */
static const char crowd[] = TWO_USERS("\"rate_per_minute\":0,\"skew_s\":100");
enum { CROWD_MAX = 20000 };

static void fill_up(struct office *o, struct terminal *t, enum kms_result *result)
{
	unsigned n = 0;

	do
		ticket_grant_free(request(o, t, "sip:bob@home1.example", result));
	while (*result == KMS_GRANTED && ++n < CROWD_MAX);
	EXPECT(n > 10 && n < CROWD_MAX);
}

/* What was served before is still known as a replay; room comes with time. */
static void recovers(struct office *o, struct terminal *t, struct view seen)
{
	enum kms_result result = KMS_BROKEN;
	struct kms_stats s;
	struct kms_job *j;

	close_office(o);
	REQUIRE(open_office(o));
	j = ask(o, KMS_REQUEST, seen, NOW_NS, NULL);
	EXPECT_INT(kms_job_result(j), KMS_REPLAYED);
	kms_job_free(j);
	t->wall_ns = NOW_NS + 201 * NS_PER_S;
	for (unsigned i = 0; i < 10; i++)
		EXPECT_OK(kms_tick(o->kms, t->wall_ns));
	kms_get_stats(o->kms, &s);
	EXPECT_INT((int)s.replay_entries, 0);
	ticket_grant_free(request(o, t, "sip:bob@home1.example", &result));
	EXPECT_INT(result, KMS_GRANTED);
}

static void a_full_memory(void)
{
	struct office o = {.conf = crowd, .seen_max = 500, .dir = "/tmp/sluice-kms-XXXXXX"};
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
	enum kms_result result = KMS_BROKEN;
	struct kms_stats s;

	REQUIRE(q && mkdtemp(o.dir) && open_office(&o));
	kms_job_free(ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL));
	fill_up(&o, &alice, &result);
	EXPECT_INT(result, KMS_LIMITED);
	kms_get_stats(o.kms, &s);
	EXPECT(s.store_failures == 1 && s.replay_entries == 500);
	recovers(&o, &alice, ticket_request_octets(q));
	ticket_request_free(q);
	end(&o);
}

/* No file may grow: what a full disk does, without one. */
static void a_full_disk(void)
{
	struct office o = {.conf = crowd, .dir = "/tmp/sluice-kms-XXXXXX"};
	struct terminal alice = terminal("sip:alice@home1.example", "alice", 0, "https://kms.home1.example");
	struct ticket_request *q = make_request(&alice, "sip:bob@home1.example");
	enum kms_result result = KMS_BROKEN;
	struct rlimit before, tight;

	REQUIRE(q && mkdtemp(o.dir) && open_office(&o) && getrlimit(RLIMIT_FSIZE, &before) == 0);
	kms_job_free(ask(&o, KMS_REQUEST, ticket_request_octets(q), NOW_NS, NULL));
	signal(SIGXFSZ, SIG_IGN);
	tight = (struct rlimit){.rlim_cur = 128 << 10, .rlim_max = before.rlim_max};
	REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
	fill_up(&o, &alice, &result);
	/* A write cut short is EIO to LMDB, one refused is EFBIG: the disk is full in either case. */
	EXPECT(result == KMS_LIMITED || result == KMS_BROKEN);
	/* A key that can't be stored makes no ticket: none must outlive its only copy. */
	for (unsigned i = 0; i < 64; i++)
		if (kms_rotate(o.kms, NOW_NS) != ERR_OK)
			break;
	REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
	recovers(&o, &alice, ticket_request_octets(q));
	ticket_request_free(q);
	end(&o);
}

static enum err put_naf(struct office *o, const char *btid, uint64_t until_s)
{
	struct kms_store store = kms_store_disk_use(o->disk);
	uint8_t octets[16] = {1}, record[NAF_RECORD_MAX];
	struct naf_key key = {.key = {octets, sizeof(octets)}, .until_s = until_s, .impi = STR("x")};
	size_t len = 0;
	enum err e = naf_write(&key, record, sizeof(record), &len);

	return e ? e : store.ops->put(store.arg, KMS_BUCKET_NAF, (struct view){(const uint8_t *)btid, strlen(btid)}, (struct view){record, len});
}

/* Users come back with new B-TIDs; nobody asks for the old ones, so they must go by themselves. */
static void old_keys_of_the_bsf_go(void)
{
	enum { OLD = 1000, LIVE = 150 };
	struct office o;
	struct kms_store store;
	struct secret record = {0};
	uint8_t key[KMS_STORE_KEY_MAX];
	size_t n = 0, left = 0;
	char btid[32];

	if (!start(&o, home1))
		return;
	for (unsigned i = 0; i < OLD + LIVE; i++) {
		snprintf(btid, sizeof(btid), "%08x@bsf", i * 2654435761u);
		EXPECT_OK(put_naf(&o, btid, NOW_NS / NS_PER_S + (i % 8 == 0 && i / 8 < LIVE ? 100 : 0)));
	}
	for (unsigned i = 0; i < 20; i++)
		EXPECT_OK(kms_tick(o.kms, NOW_NS));
	store = kms_store_disk_use(o.disk);
	while (store.ops->next(store.arg, KMS_BUCKET_NAF, (struct view){key, n}, key, &n, &record) == ERR_OK)
		left++;
	EXPECT_INT((int)left, (OLD + LIVE + 7) / 8);
	secret_clear(&record);
	end(&o);
}

static void state_is_one_process_and_one_key(void)
{
	struct office o;
	struct kms_store_disk *second = NULL;
	struct why why = {{0}};
	char other[80];
	FILE *f;

	if (!start(&o, home1))
		return;
	EXPECT_ERR(kms_store_disk_open(&second, &(struct kms_store_disk_config){.path = o.dir}, &why), ERR_BUSY);
	EXPECT_OK(kms_rotate(o.kms, NOW_NS));
	close_office(&o);
	snprintf(other, sizeof(other), "%s/other.key", o.dir);
	f = fopen(other, "w");
	REQUIRE(f);
	fprintf(f, "%064d\n", 7);
	fclose(f);
	EXPECT_ERR(kms_store_disk_open(&second, &(struct kms_store_disk_config){.path = o.dir, .master_file = other}, &why), ERR_AUTH);
	unlink(other);
	REQUIRE(open_office(&o));
	end(&o);
}

static void credentials_are_strict(void)
{
	static const char *const wrong[] = {
		"{}", "{\"kms\":{}}", "{\"kms\":{\"id\":\"x\"},\"oops\":1}", "{\"kms\":{\"id\":\"x\"},\"users\":[{\"names\":[]}]}",
		"{\"kms\":{\"id\":\"x\"},\"users\":[{\"names\":[\"a\"],\"psk\":{\"id\":\"a\",\"key\":\"c0ffee\"}}]}",
		"{\"kms\":{\"id\":\"x\"},\"users\":[{\"names\":[\"a\"]},{\"names\":[\"a\"]}]}",
		"{\"kms\":{\"id\":\"x\"},\"policy\":{\"modes\":[5]}}", "{\"kms\":{\"id\":\"x\"},\"policy\":{\"ticket_max_s\":0}}",
		"{\"kms\":{\"id\":\"x\"},\"policy\":{\"ticket_max_s\":86400,\"ticket_key_issue_s\":60}}",
		"{\"kms\":{\"id\":\"x\"},\"peers\":[{\"id\":\"https://b\",\"url\":\"http://b\",\"psk\":{\"id\":\"a\",\"key\":\"00112233445566778899aabbccddeeff\"},\"domains\":[\"b\"]}]}",
		"{\"kms\":{\"id\":\"x\"},\"peers\":[{\"id\":\"text:b\",\"psk\":{\"id\":\"a\",\"key\":\"00112233445566778899aabbccddeeff\"},\"domains\":[\"b\"]}]}",
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct kms_directory *d = NULL;
		struct why why = {{0}};

		test_context("%s", wrong[i]);
		EXPECT(kms_conf_parse(&d, str_of(wrong[i]), &why) != ERR_OK && !d);
		EXPECT(why.text[0] && !strstr(why.text, "c0ffee"));
	}
}

static enum err parse_once(void)
{
	struct kms_directory *d = NULL;
	enum err e = kms_conf_parse(&d, str_of(home1), NULL);

	if (!e)
		kms_directory_free(d);
	return e;
}

static void survives_no_memory(void)
{
	test_each_allocation_failing(parse_once);
}

TEST_MAIN("kms", {"mode 1 across a death", mode_1_across_a_death}, {"groups", groups}, {"mode 3 with GBA", mode_3_with_gba},
          {"mode 3 in another's name", mode_3_in_anothers_name}, {"refusals", refusals}, {"damaged", damaged}, {"limits rate", limits_rate},
          {"two domains", two_domains}, {"rotates", rotates}, {"sets of algorithms", sets_of_algorithms}, {"a full memory of messages", a_full_memory}, {"a full disk", a_full_disk},
          {"old keys of the BSF go", old_keys_of_the_bsf_go}, {"state is one process and one key", state_is_one_process_and_one_key},
          {"credentials are strict", credentials_are_strict}, {"survives no memory", survives_no_memory})
