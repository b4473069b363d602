/* SPDX-License-Identifier: MIT */
/* The configuration of a KMS: users and their keys, groups, shared ticket keys, the KMSs of
 * other domains, and the policy. */
#ifndef KEYCTX_KMS_DIRECTORY_H
#define KEYCTX_KMS_DIRECTORY_H

#include "base/secret.h"
#include "base/str.h"
#include "keyctx/mikey/payload.h"
#include "keyctx/pki.h"

/* A copy of an identity: the type octet, then ID Data, which is also a key of
 * base/map.h. Never changes. */
struct kms_name {
	size_t n;
	uint8_t octets[]; /* octets[0]: enum mikey_id_type */
};

/* A list that owns its names. */
struct kms_names {
	struct kms_name **v;
	size_t n;
};

enum { KMS_NAME_MAX = 1024, KMS_PATTERN_MAX = 256, KMS_RULES_MAX = 64 };

/* Copies an identity; the caller frees it with mem_free. NULL: out of memory, empty, or
 * KMS_NAME_MAX octets or more. */
struct kms_name *kms_name_new(struct mikey_id id);
struct mikey_id kms_name_id(const struct kms_name *n);
/* Appends `name`, which the list owns then. ERR_NOMEM: the caller keeps it. */
enum err kms_names_take(struct kms_names *list, struct kms_name *name) MUST_USE;
void kms_names_clear(struct kms_names *list);
/*
 * Reads an identity. "hex:0a0b" and "text:…" are byte strings, "nai:…" and "uri:…"
 * have the type they name; without a prefix the type is `plain`. The octets go to
 * `room`. ERR_SYNTAX, ERR_TOO_BIG.
 */
enum err kms_name_parse(struct str text, enum mikey_id_type plain, uint8_t *room, size_t room_n,
                        struct mikey_id *out) MUST_USE;
/* Writes an identity for people and audit lines: as text if it is printable, else "hex:…". `room`
 * is at least 9. Returns `out`. */
const char *kms_name_print(struct mikey_id id, char *out, size_t room);

/* "*" (anyone), "*@home1.example" (any user of a host), or one identity. */
struct kms_pattern {
	char text[KMS_PATTERN_MAX];
};

bool kms_pattern_fits(const struct kms_pattern *p, struct mikey_id id);
/* The host of a sip:, sips: or https: URI or of an NAI; empty if there is none, as in
 * a tel: URI. A view on `id`. */
struct str kms_host_of(struct mikey_id id);

struct kms_user {
	struct kms_names names; /* identities; log lines show the first */
	struct kms_name *psk_id;
	struct secret psk;    /* empty: the user has no key here (uses a certificate or GBA) */
	uint64_t psk_until_s; /* end of the key's validity, since 1970; 0: no end */
	char impi[256];       /* private identity, for GBA; else empty */
};

struct kms_group {
	struct kms_name *name;
	struct kms_names members;
};

/* A fixed ticket key: shared with the responder `owner` (mode 2), or the KMS's
 * own if `owner` is NULL. */
struct kms_ticket_key {
	struct kms_name *id, *owner;
	struct secret key;
};

/* The KMS of another domain (RFC 6043 9). */
struct kms_peer {
	struct kms_name *name;   /* the identity in IDRkms */
	struct kms_name *psk_id; /* names the key that both KMSs share */
	struct secret psk;
	char url[512];       /* its URL for RESOLVE_INIT */
	char tls_name[256];  /* the DNS name that its client certificate must have; never empty */
	struct str *domains; /* the hosts of the identities it may act for; texts owned */
	size_t n_domains;
};

/* May users that match `from` get tickets for calls to users that match `to`? The first
 * rule that matches decides. */
struct kms_rule {
	struct kms_pattern from, to;
	bool allow;
};

struct kms_policy {
	uint8_t modes;             /* bit m: mode m is allowed */
	unsigned accept_types;     /* bit t: ticket type t is allowed */
	bool suite_128, suite_256; /* the algorithm sets allowed */
	bool allow_reuse;          /* keep flag J; false: the KMS clears it */
	/* keep flags L, M; false: the KMS clears them */
	bool allow_initiator_keys, allow_responder_keys;
	uint32_t ticket_default_s, ticket_max_s; /* lifetime of tickets */
	uint32_t skew_s;
	/* how long one TPK makes tickets; it opens them until the last one ends */
	uint32_t tpk_issue_s;
	uint32_t rate_per_minute, rate_burst; /* limits of one user; per minute 0: no limit */
	/* the BSF is asked for a key again after this time, even if the key is still valid */
	uint32_t naf_key_max_s;
	struct kms_rule rules[KMS_RULES_MAX];
	size_t n_rules; /* 0: everyone may call everyone */
};

/* Is the algorithm set of that PRF allowed? True for an unknown PRF, which the
 * message reader refuses. */
bool kms_policy_serves(const struct kms_policy *p, unsigned prf);
bool kms_policy_allows(const struct kms_policy *p, struct mikey_id from, struct mikey_id to);

struct kms_directory;

enum err kms_directory_new(struct kms_directory **out) MUST_USE;
/* Releases one reference; kms_directory_new returns the first. Takes NULL. */
void kms_directory_free(struct kms_directory *d);
/* Adds a reference and returns `d`. A request keeps the directory it began with. Control thread. */
struct kms_directory *kms_directory_keep(struct kms_directory *d);

/* Adds an identity of the KMS. The first one is sent in messages, all are
 * accepted. ERR_TOO_BIG above 8. */
enum err kms_directory_add_self(struct kms_directory *d, struct mikey_id id) MUST_USE;
struct mikey_id kms_directory_self(const struct kms_directory *d);
bool kms_directory_is_self(const struct kms_directory *d, struct mikey_id id);

/* The `take` functions take ownership also on failure. ERR_EXISTS: another entry has
 * this name or key id. ERR_NOMEM. */
enum err kms_directory_take_user(struct kms_directory *d, struct kms_user *u) MUST_USE;
enum err kms_directory_take_group(struct kms_directory *d, struct kms_group *g) MUST_USE;
enum err kms_directory_take_ticket_key(struct kms_directory *d, struct kms_ticket_key *k) MUST_USE;
enum err kms_directory_take_peer(struct kms_directory *d, struct kms_peer *p) MUST_USE;
void kms_user_free(struct kms_user *u);
void kms_group_free(struct kms_group *g);
void kms_ticket_key_free(struct kms_ticket_key *k);
void kms_peer_free(struct kms_peer *p);

const struct kms_user *kms_directory_user_by_psk(const struct kms_directory *d,
                                                 struct mikey_id psk_id);
const struct kms_user *kms_directory_user_by_name(const struct kms_directory *d,
                                                  struct mikey_id name);
const struct kms_user *kms_directory_user_by_impi(const struct kms_directory *d, struct str impi);
bool kms_user_has(const struct kms_user *u, struct mikey_id name);
bool kms_directory_in_group(const struct kms_directory *d, struct mikey_id group,
                            struct mikey_id member);
const struct kms_ticket_key *kms_directory_ticket_key(const struct kms_directory *d,
                                                      struct mikey_id id);
/* The key shared with that responder, for mode 2; NULL if there is none. */
const struct kms_ticket_key *kms_directory_ticket_key_of(const struct kms_directory *d,
                                                         struct mikey_id owner);
const struct kms_peer *kms_directory_peer(const struct kms_directory *d, struct mikey_id kms);
const struct kms_peer *kms_directory_peer_by_psk(const struct kms_directory *d,
                                                 struct mikey_id psk_id);
bool kms_peer_speaks_for(const struct kms_peer *p, struct mikey_id id);
size_t kms_directory_users(const struct kms_directory *d);
/* Users in the order they were added; i < kms_directory_users(). */
const struct kms_user *kms_directory_user_at(const struct kms_directory *d, size_t i);

/* The policy; the reader of the configuration writes it, the KMS reads it. */
struct kms_policy *kms_directory_policy(struct kms_directory *d);

/* The KMS's own key and certificate, and the authorities it trusts. All NULL: it
 * refuses public-key requests. */
struct kms_pki {
	struct pki_key *key;
	struct pki_cert *cert;
	struct pki_trust *trust;
};

void kms_directory_take_pki(struct kms_directory *d, struct kms_pki pki);
const struct kms_pki *kms_directory_pki(const struct kms_directory *d);

/* The source of GBA keys. */
struct kms_gba {
	bool on; /* false: GBA is off and the other members are empty */
	char url[512];
	char naf_fqdn[256];   /* the FQDN in the NAF_Id */
	char bsf_domain[256]; /* only B-TIDs that end in "@" and this domain are accepted */
};

const struct kms_gba *kms_directory_gba(const struct kms_directory *d);
void kms_directory_set_gba(struct kms_directory *d, const struct kms_gba *gba);

#endif
