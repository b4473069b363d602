/* SPDX-License-Identifier: MIT */
/* Reads the rows of vectors/mikey-vectors.json, and the parties that they describe. */
#include "tests/harness/mikey_parties.h"

#include <stdlib.h>

#include "base/clk.h"
#include "tests/harness/harness.h"

static const char *const who_names[] = {"alice", "bob", "carol", "kms"};

json_t *play_vectors(void)
{
	static json_t *root;
	json_error_t error;

	if (!root)
		root = json_load_file(test_path("vectors/mikey-vectors.json"), 0, &error);
	CHECK(root);
	return root;
}

json_t *play_session(const char *name)
{
	static const char *const lists[] = {"sessions", "updates", "must_reject"};

	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		json_t *s;
		size_t i;

		json_array_foreach(json_object_get(play_vectors(), lists[l]), i, s)
		{
			const char *n =
				json_string_value(json_object_get(s, l == 2 ? "what" : "name"));

			if (n && strcmp(n, name) == 0)
				return s;
		}
	}
	return NULL;
}

struct mikey_id play_uri(const char *text)
{
	return (struct mikey_id){
		.type = MIKEY_ID_URI,
		.data = {.p = (const uint8_t *)text, .n = strlen(text)},
	};
}

size_t play_hex(json_t *o, const char *key, uint8_t *out, size_t room)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? test_hex(text, out, room) : 0;
}

struct mikey_id play_key_id(json_t *j, uint8_t *room, size_t n)
{
	const char *text = json_is_string(j) ? json_string_value(j) + 4
	                                     : json_string_value(json_object_get(j, "hex"));

	return (struct mikey_id){
		.type = MIKEY_ID_BYTES,
		.data = {.p = room, .n = text ? test_hex(text, room, n) : 0},
	};
}

uint64_t play_ntp_of(double unix_s)
{
	uint64_t s = (uint64_t)unix_s;

	return (s + NTP_UNIX_OFFSET_S) << 32 | (uint64_t)((unix_s - (double)s) * 4294967296.0);
}

static enum err draw(void *ctx, const char *name, uint8_t *out, size_t n)
{
	struct play_party *p = ctx;

	for (size_t i = 0; i < p->n_drawn; i++) {
		if (p->drawn[i].used || strcmp(p->drawn[i].name, name) != 0)
			continue;
		p->drawn[i].used = true;
		if (!test_expect(p->drawn[i].n == n, __FILE__, __LINE__,
		                 "%s draws %zu octets of %s, not %zu", p->name, p->drawn[i].n, name,
		                 n))
			return ERR_CRYPTO;
		memcpy(out, p->drawn[i].octets, n);
		return ERR_OK;
	}
	/* Where the random padding had an octet 00, the vectors have 01, and the product draws
	 * another octet (docs/decisions/0010-mikey-readings). */
	if (strcmp(name, "pkcs1-padding-again") == 0) {
		memset(out, 1, n);
		return ERR_OK;
	}
	if (!p->play->fresh_random)
		test_expect(false, __FILE__, __LINE__, "the vectors to have %s draw %s", p->name,
		            name);
	return mikey_random_system(NULL, name, out, n);
}

static void load_random(struct play_party *p, json_t *session)
{
	json_t *a, *t;
	size_t i, j;

	json_array_foreach(json_object_get(session, "actions"), i, a)
	{
		if (strcmp(json_string_value(json_object_get(a, "party")), p->name) != 0)
			continue;
		json_array_foreach(json_object_get(a, "trace"), j, t)
		{
			struct play_drawn *d = &p->drawn[p->n_drawn];

			if (strcmp(json_string_value(json_object_get(t, "op")), "random") != 0)
				continue;
			CHECK(p->n_drawn++ < ARRAY_LEN(p->drawn));
			snprintf(d->name, sizeof(d->name), "%s",
			         json_string_value(json_object_get(t, "name")));
			d->n = play_hex(t, "value", d->octets, sizeof(d->octets));
		}
	}
}

static struct view text_of(json_t *o)
{
	return (struct view){
		.p = (const uint8_t *)json_string_value(o),
		.n = json_string_length(o),
	};
}

static void load_pki(struct play_party *p, json_t *pki)
{
	char pem[16384] = "";
	json_t *c;
	size_t i;
	struct why why;

	if (!pki)
		return;
	CHECK(!pki_key_from_pem(&p->key, text_of(json_object_get(pki, "key_pem")), &why));
	json_array_foreach(json_object_get(pki, "cert_pem"), i, c)
		snprintf(pem + strlen(pem), sizeof(pem) - strlen(pem), "%s", json_string_value(c));
	CHECK(!pki_chain_from_pem(
		&p->chain, (struct view){.p = (const uint8_t *)pem, .n = strlen(pem)}, &why));
	if (json_object_get(pki, "kms_cert_pem"))
		CHECK(!pki_cert_from_pem(&p->kms_cert,
		                         text_of(json_object_get(pki, "kms_cert_pem")), &why));
	c = json_array_get(json_object_get(pki, "trust_pem"), 0);
	if (c)
		CHECK(!pki_trust_from_pem(&p->trust, text_of(c), &why));
}

static double now_of(json_t *session, json_t *party, const char *name)
{
	json_t *map = json_object_get(session, "now_unix");

	return json_is_object(map) ? json_number_value(json_object_get(map, name))
	                           : json_number_value(json_object_get(party, "now"));
}

void play_load_party(struct play *play, enum play_who who)
{
	struct play_party *p = &play->party[who];
	json_t *kms, *j;
	size_t i;

	p->play = play;
	p->name = who_names[who];
	p->json = json_object_get(json_object_get(play->json, "parties"), p->name);
	p->me[p->n_me++] = play_uri(json_string_value(json_object_get(p->json, "id")));
	json_array_foreach(json_object_get(p->json, "aliases"), i, j) p->me[p->n_me++] =
		play_uri(json_string_value(j));
	kms = json_object_get(p->json, "kms");
	p->kms = who == PLAY_KMS ? p->me[0]
	                         : play_uri(json_string_value(json_object_get(kms, "id")));
	p->cred.psk = (struct view){.p = p->psk, .n = play_hex(kms, "psk", p->psk, sizeof(p->psk))};
	if (kms)
		p->cred.psk_id =
			play_key_id(json_object_get(kms, "psk_id"), p->psk_id, sizeof(p->psk_id));
	json_array_foreach(json_object_get(p->json, "tpks"), i, j)
	{
		p->tpks[i].key = (struct view){
			.p = p->tpk[i],
			.n = play_hex(j, "key", p->tpk[i], sizeof(p->tpk[i])),
		};
		p->tpks[i].id =
			play_key_id(json_object_get(j, "id"), p->tpk_id[i], sizeof(p->tpk_id[i]));
		if (json_is_string(json_object_get(j, "owner")))
			p->tpk_owner[i] = play_uri(json_string_value(json_object_get(j, "owner")));
		p->n_tpks++;
	}
	load_pki(p, json_object_get(p->json, "pki"));
	if (play->pk && who != PLAY_KMS && p->key) {
		p->cred = (struct mikey_cred){
			.key = p->key,
			.chain = p->chain,
			.kms_cert = p->kms_cert,
			.send_chash = true,
			.sign_hash = PRIM_SHA256,
		};
	}
	load_random(p, play->json);
	p->env = (struct mikey_env){
		.now_ntp = play_ntp_of(now_of(play->json, p->json, p->name)),
		.last_ntp = &p->last_ntp,
		.random = draw,
		.random_ctx = p,
	};
}
