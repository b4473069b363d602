/* SPDX-License-Identifier: MIT */
/* keyctx/mikey: PRF, key derivation and ciphers, with the units of vectors/mikey-vectors.json and
 * the known answers of vectors/mikey-ticket-kat.txt. */
#include <stdlib.h>

#include "keyctx/mikey/modes.h"
#include "tests/harness/harness.h"
#include "tests/harness/mikey_vectors.h"

struct octets {
	uint8_t p[256];
	size_t n;
};

static struct octets get(json_t *u, const char *key)
{
	struct octets o = {.n = 0};

	o.n = play_hex(u, key, o.p, sizeof(o.p));
	return o;
}

static struct view view_of(const struct octets *o)
{
	return (struct view){.p = o->p, .n = o->n};
}

static unsigned prf_of(json_t *u)
{
	EXPECT(json_is_integer(json_object_get(u, "prf")));
	return (unsigned)json_integer_value(json_object_get(u, "prf"));
}

static void expect(json_t *u, const char *key, const uint8_t *got)
{
	struct octets want = get(u, key);

	if (test_expect(want.n > 0, __FILE__, __LINE__, "the vectors have \"%s\"", key))
		EXPECT_OCTETS(got, want.n, want.p, want.n);
}

static void do_prf(json_t *u)
{
	struct octets key = get(u, "inkey"), label = get(u, "label");
	size_t n = (size_t)json_integer_value(json_object_get(u, "bits")) / 8;
	uint8_t out[128];

	REQUIRE_OK(mikey_prf(prf_of(u), view_of(&key), view_of(&label), out, n));
	expect(u, "outkey", out);
}

/* The label of a message's keys is a constant of RFC 3830 4.1.4 and the tail of the vectors: it
 * gives the same key. */
static void expect_label_tail(json_t *u, uint32_t constant, const uint8_t *got, size_t n)
{
	struct octets key = get(u, "inkey"), tail = get(u, "label_tail"), label = {.n = 4};
	uint8_t out[64];

	be32_put(label.p, constant);
	if (!EXPECT(tail.n > 0) || !EXPECT(tail.n <= sizeof(label.p) - 4))
		return;
	memcpy(label.p + 4, tail.p, tail.n);
	label.n += tail.n;
	EXPECT_OK(mikey_prf(prf_of(u), view_of(&key), view_of(&label), out, n));
	EXPECT_OCTETS(got, n, out, n);
}

static void do_msg_keys(json_t *u)
{
	struct octets key = get(u, "inkey"), csb = get(u, "csb_id"), randi = get(u, "randi"),
		      randr = get(u, "randr");
	struct mikey_msg_keys k;
	unsigned phase = json_is_true(json_object_get(u, "response")) ? 2 : 1;

	EXPECT(json_is_boolean(json_object_get(u, "response")));
	REQUIRE_OK(mikey_prf_msg_keys(
		&k, &(struct mikey_msg_seed){prf_of(u), view_of(&key), be32_get(csb.p), phase,
	                                     view_of(&randi), view_of(&randr)}));
	expect(u, "encr_128", k.encr);
	expect(u, "encr_256", k.encr);
	expect(u, "auth_160", k.auth);
	expect(u, "auth_256", k.auth);
	expect(u, "salt_112", k.salt);
	expect(u, "salt_64", k.salt);
	expect_label_tail(u, 0x150533E1, k.encr, 32);
	expect_label_tail(u, 0x2D22AC75, k.auth, 32);
	expect_label_tail(u, 0x29B88916, k.salt, 14);
}

static void do_tgk(json_t *u)
{
	struct octets tgk = get(u, "tgk"), randi = get(u, "randi"), randr = get(u, "randr");
	const struct {
		const char *key;
		enum mikey_tek_part part;
		size_t n;
	} rows[] = {
		{"tek_128", MIKEY_PART_TEK, 16},   {"tek_256", MIKEY_PART_TEK, 32},
		{"salt_112", MIKEY_PART_SALT, 14}, {"auth_160", MIKEY_PART_AUTH, 20},
		{"encr_128", MIKEY_PART_ENCR, 16},
	};
	unsigned cs_id = (unsigned)json_integer_value(json_object_get(u, "cs_id"));
	uint8_t out[32];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		EXPECT_OK(
			mikey_prf_tek(out, rows[i].n, rows[i].part,
		                      &(struct mikey_tek_seed){prf_of(u), view_of(&tgk), cs_id,
		                                               view_of(&randi), view_of(&randr)}));
		expect(u, rows[i].key, out);
	}
}

static void do_fork(json_t *u)
{
	struct octets key = get(u, "inkey"), id = get(u, "id_data"), rand = get(u, "randkms");
	uint8_t out[64];

	EXPECT_OK(
		mikey_prf_fork(out, MIKEY_FORK_MPKR, view_of(&key),
	                       &(struct mikey_fork_seed){prf_of(u), view_of(&id), view_of(&rand)}));
	expect(u, "mpkr'", out);
	EXPECT_OK(
		mikey_prf_fork(out, MIKEY_FORK_TGK, view_of(&key),
	                       &(struct mikey_fork_seed){prf_of(u), view_of(&id), view_of(&rand)}));
	expect(u, "tgk'", out);
}

static void do_mpk(json_t *u)
{
	struct octets mpk = get(u, "mpk"), rand = get(u, "rand");
	uint8_t i[64], r[64];

	EXPECT_OK(mikey_prf_mpk(i, r, prf_of(u), view_of(&mpk), view_of(&rand)));
	expect(u, "mpki", i);
	expect(u, "mpkr", r);
}

static void do_tpk(json_t *u)
{
	struct octets tpk = get(u, "tpk"), rand = get(u, "rand");
	struct mikey_msg_keys k;

	EXPECT_OK(mikey_prf_ticket_keys(&k, prf_of(u), view_of(&tpk), view_of(&rand)));
	expect(u, "encr_128", k.encr);
	expect(u, "auth_160", k.auth);
	expect(u, "auth_256", k.auth);
	expect(u, "salt_112", k.salt);
}

static void do_init_data(json_t *u)
{
	struct octets mpkr = get(u, "mpkr");
	uint8_t out[32];

	EXPECT_OK(mikey_prf_init_data(out, prf_of(u), view_of(&mpkr)));
	expect(u, "auth_160", out);
	expect(u, "auth_256", out);
}

static void do_aes_cm(json_t *u)
{
	struct octets key = get(u, "key"), iv = get(u, "iv"), plain = get(u, "plaintext");
	uint8_t out[256];

	EXPECT_OK(prim_aes_ctr(view_of(&key), iv.p, plain.p, out, plain.n));
	expect(u, "ciphertext", out);
}

static void do_aes_kw(json_t *u)
{
	struct octets key = get(u, "key"), iv = get(u, "salt_iv"), plain = get(u, "plaintext"),
		      cipher = get(u, "ciphertext");
	uint8_t out[256];

	EXPECT_OK(prim_aes_wrap(view_of(&key), iv.p, plain.p, plain.n, out));
	expect(u, "ciphertext", out);
	EXPECT_OK(prim_aes_unwrap(view_of(&key), iv.p, cipher.p, cipher.n, out));
	expect(u, "plaintext", out);
	cipher.p[3] ^= 4;
	EXPECT_ERR(prim_aes_unwrap(view_of(&key), iv.p, cipher.p, cipher.n, out), ERR_AUTH);
}

/* `min`: the number of rows that the file had when this test was written. With fewer rows the file
 * is damaged. */
static const struct {
	const char *op;
	void (*fn)(json_t *u);
	unsigned min;
} ops[] = {
	{"prf", do_prf, 6},       {"msg-keys", do_msg_keys, 12},
	{"tgk", do_tgk, 6},       {"fork", do_fork, 6},
	{"mpk", do_mpk, 6},       {"tpk-keys", do_tpk, 6},
	{"aes-cm", do_aes_cm, 6}, {"initdata-keys", do_init_data, 6},
	{"aes-kw", do_aes_kw, 6},
};

static void units(void)
{
	unsigned n_done[ARRAY_LEN(ops)] = {0};
	size_t i, done = 0;
	json_t *u;

	json_array_foreach(json_object_get(play_vectors(), "units"), i, u)
	{
		const char *op = json_string_value(json_object_get(u, "op"));

		test_context("unit %zu %s", i, op);
		for (size_t j = 0; j < ARRAY_LEN(ops); j++)
			if (strcmp(ops[j].op, op) == 0) {
				ops[j].fn(u);
				n_done[j]++;
				done++;
			}
	}
	EXPECT_INT(done, json_array_size(json_object_get(play_vectors(), "units")));
	for (size_t j = 0; j < ARRAY_LEN(ops); j++) {
		test_context("rows of %s", ops[j].op);
		EXPECT(n_done[j] >= ops[j].min);
	}
}

/* A KEMAC in counter mode: its IV follows from salt, CSB ID and T, as in the vectors. */
static void kemac_iv(void)
{
	json_t *u;
	size_t i;

	json_array_foreach(json_object_get(play_vectors(), "units"), i, u)
	{
		struct octets key, salt, csb, ts, iv;
		struct mikey_msg_keys k = {0};
		struct mikey_keys *one = mikey_keys_new();
		static const uint8_t secret[16] = {1, 2, 3};
		uint8_t room[256], plain[64], want[64];
		struct wr w = wr_make(room, sizeof(room)), p = wr_make(plain, sizeof(plain));

		CHECK(one);
		if (strcmp(json_string_value(json_object_get(u, "op")), "aes-cm") == 0) {
			key = get(u, "key");
			salt = get(u, "salt");
			csb = get(u, "csb_id");
			ts = get(u, "ts64");
			iv = get(u, "iv");
			memcpy(k.encr, key.p, key.n);
			memcpy(k.salt, salt.p, salt.n);
			EXPECT_OK(mikey_keys_add(
				one, MIKEY_TGK, (struct view){.p = secret, .n = 16},
				(struct view){0}, (struct view){.p = secret, .n = 3}));
			mikey_keys_write(&p, one);
			EXPECT_OK(mikey_kemac_seal(
				&w, key.n == 32 ? MIKEY_ENCR_CM_256 : MIKEY_ENCR_CM_128,
				&(struct mikey_kemac_seed){
					&k, be32_get(csb.p),
					(struct mikey_ts){
						.value = (uint64_t)be32_get(ts.p) << 32 |
			                                 be32_get(ts.p + 4),
					}},
				one));
			EXPECT_OK(prim_aes_ctr(view_of(&key), iv.p, plain, want, wr_len(&p)));
			EXPECT_OCTETS(room, wr_len(&w), want, wr_len(&p));
		}
		mikey_keys_free(one);
	}
}

/* AES key wrap takes a plaintext of any length: zeros pad it to a multiple of 8 octets, none if it
 * already is one (decision 0010.7). */
static void key_wrap(void)
{
	static const uint8_t key[64] = {9, 8, 7};
	struct mikey_msg_keys k = {.encr = {1}, .salt = {2}};

	for (size_t spi = 1; spi < 12; spi++) {
		struct mikey_keys *in = mikey_keys_new(), *out = mikey_keys_new();
		uint8_t room[256];
		struct wr w = wr_make(room, sizeof(room));
		struct mikey_payload p = {.type = MIKEY_KEMAC,
		                          .u.kemac = {.encr = MIKEY_ENCR_KW_128}};
		struct mikey_fault fault;

		EXPECT_OK(mikey_keys_add(in, MIKEY_TGK, (struct view){.p = key, .n = 16},
		                         (struct view){0}, (struct view){.p = key, .n = spi}));
		EXPECT_OK(mikey_kemac_seal(&w, MIKEY_ENCR_KW_128,
		                           &(struct mikey_kemac_seed){&k, 1, (struct mikey_ts){0}},
		                           in));
		EXPECT_INT(wr_len(&w) % 8, 0);
		p.u.kemac.data = (struct view){.p = room, .n = wr_len(&w)};
		EXPECT_OK(mikey_kemac_open(
			out, &p, &(struct mikey_kemac_seed){&k, 1, (struct mikey_ts){0}}, &fault));
		EXPECT_INT(out->n, 1);
		EXPECT_INT(out->k[0].spi_len, spi);
		room[5] ^= 1;
		EXPECT_ERR(mikey_kemac_open(out, &p,
		                            &(struct mikey_kemac_seed){&k, 1, (struct mikey_ts){0}},
		                            &fault),
		           ERR_AUTH);
		mikey_keys_free(in);
		mikey_keys_free(out);
	}
}

/* A PRF, a cipher and a MAC of different strengths are refused together (RFC 6043 12.1). */
static void strengths(void)
{
	for (unsigned prf = 0; prf < 3; prf++)
		for (unsigned encr = 0; encr < 5; encr++)
			for (unsigned mac = 0; mac < 4; mac++) {
				bool small = prf == 0 && encr <= 2 && mac == 1,
				     big = prf == 1 && (encr == 0 || encr == 3) && mac == 2;
				enum err e = mikey_algs_check((struct mikey_algs){(uint8_t)prf,
				                                                  (uint8_t)encr,
				                                                  (uint8_t)mac},
				                              false, NULL);

				test_context("prf %u encr %u mac %u", prf, encr, mac);
				EXPECT_INT(e == ERR_OK, small || big);
			}
}

TEST_MAIN("mikey_units", {"vectors", units}, {"kemac-iv", kemac_iv}, {"key-wrap", key_wrap},
          {"strengths", strengths})
