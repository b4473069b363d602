/* SPDX-License-Identifier: MIT */
/* Whom a KMS knows: users and their keys, groups, shared ticket keys, the KMSs of other domains,
 * and what is allowed. */
#ifndef KEYCTX_KMS_DIRECTORY_H
#define KEYCTX_KMS_DIRECTORY_H

#include "base/secret.h"
#include "base/str.h"
#include "keyctx/mikey/payload.h"
#include "keyctx/pki.h"

/* An identity of one's own: the type octet, then ID Data; so it is a map's key, too. Owned,
 * immutable. */
struct kms_name {
	size_t n;
	uint8_t octets[]; /* octets[0]: enum mikey_id_type */
};

enum { KMS_NAME_MAX = 1024, KMS_PATTERN_MAX = 256, KMS_RULES_MAX = 64 };

struct kms_name *
kms_name_new(struct mikey_id id); /* NULL: out of memory, or longer than KMS_NAME_MAX */
struct mikey_id kms_name_id(const struct kms_name *n);
/* "hex:0a0b" and "text:…" are byte strings, "nai:…" and "uri:…" what they say; without a prefix
 * `plain` is the type. ERR_SYNTAX, ERR_TOO_BIG. */
enum err kms_name_parse(struct str text, enum mikey_id_type plain, uint8_t *room, size_t room_n,
                        struct mikey_id *out) MUST_USE;
/* For people and audit lines: text where it is printable, else "hex:…". Returns `out`. */
const char *kms_name_print(struct mikey_id id, char *out, size_t room);

/* "*", "*@home1.example" (any user of a host), or an identity as it stands. */
struct kms_pattern {
	char text[KMS_PATTERN_MAX];
};

bool kms_pattern_fits(const struct kms_pattern *p, struct mikey_id id);
/* The host of a sip:, tel: or https: URI; a tel: URI has none. Empty when there is none. */
struct str kms_host_of(struct mikey_id id);

struct kms_user {
	struct kms_name **names; /* identities; the first is the one logged */
	size_t n_names;
	struct kms_name *psk_id;
	struct secret psk;    /* empty: known by name only (certificates, or GBA) */
	uint64_t psk_until_s; /* since 1970; 0: for ever */
	char impi[256];       /* for GBA: the private identity; else empty */
};

struct kms_group {
	struct kms_name *name;
	struct kms_name **members;
	size_t n_members;
};

/* A ticket key that does not rotate: shared with a responder (mode 2), or the KMS's own when
 * `owner` is NULL. */
struct kms_ticket_key {
	struct kms_name *id, *owner;
	struct secret key;
};

/* The KMS of another domain (RFC 6043 9). */
struct kms_peer {
	struct kms_name *name;   /* its IDRkms */
	struct kms_name *psk_id; /* of the key both KMSs share */
	struct secret psk;
	char url[512];       /* where RESOLVE goes */
	char tls_name[256];  /* whom its certificate must name when it asks us; never empty */
	struct str *domains; /* hosts of the identities it may speak for; texts owned */
	size_t n_domains;
};

/* Who may ask for whom: the first rule that fits decides. */
struct kms_rule {
	struct kms_pattern from, to;
	bool allow;
};

struct kms_policy {
	uint8_t modes;                                   /* bit m: mode m is served */
	unsigned accept_types;                           /* bit t: ticket type t */
	bool suite_128, suite_256;                       /* which algorithm sets are served */
	bool allow_reuse;                                /* J; else it is taken off */
	bool allow_initiator_keys, allow_responder_keys; /* L, M in tickets made here */
	uint32_t ticket_default_s, ticket_max_s;         /* lifetime */
	uint32_t skew_s;
	uint32_t tpk_issue_s; /* how long one TPK makes tickets; it opens them until the last has
	                         ended */
	uint32_t rate_per_minute, rate_burst; /* of one user; 0: no limit */
	uint32_t naf_key_max_s; /* a key of the BSF is asked for again after this, whatever its
	                           lifetime */
	struct kms_rule rules[KMS_RULES_MAX];
	size_t n_rules; /* none: everybody may call everybody */
};

/* Is the algorithm set of that PRF served? An unknown PRF: yes, refusing it is the message
 * reader's. */
bool kms_policy_serves(const struct kms_policy *p, unsigned prf);
bool kms_policy_allows(const struct kms_policy *p, struct mikey_id from, struct mikey_id to);

struct kms_directory;

enum err kms_directory_new(struct kms_directory **out) MUST_USE;
/* Releases one reference; kms_directory_new gives the first. Takes NULL. */
void kms_directory_free(struct kms_directory *d);
/* One more reference: requests under way keep the directory they began with. Returns `d`. */
struct kms_directory *kms_directory_keep(struct kms_directory *d);

/* Own name and further names it answers to; the first call sets the one that is sent. */
enum err kms_directory_add_self(struct kms_directory *d, struct mikey_id id) MUST_USE;
struct mikey_id kms_directory_self(const struct kms_directory *d);
bool kms_directory_is_self(const struct kms_directory *d, struct mikey_id id);

/* The `take` calls own what they are given, whatever they return. ERR_EXISTS for a name or key id
 * another has. */
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
/* The key shared with that responder, for mode 2; NULL. */
const struct kms_ticket_key *kms_directory_ticket_key_of(const struct kms_directory *d,
                                                         struct mikey_id owner);
const struct kms_peer *kms_directory_peer(const struct kms_directory *d, struct mikey_id kms);
const struct kms_peer *kms_directory_peer_by_psk(const struct kms_directory *d,
                                                 struct mikey_id psk_id);
bool kms_peer_speaks_for(const struct kms_peer *p, struct mikey_id id);
size_t kms_directory_users(const struct kms_directory *d);
/* In the order they were taken; i < kms_directory_users(). */
const struct kms_user *kms_directory_user_at(const struct kms_directory *d, size_t i);

/* Set by the reader of the credentials; read by the KMS. */
struct kms_policy *kms_directory_policy(struct kms_directory *d);

/* Public keys: the KMS's own certificate and key, and whom it believes. All NULL: public-key
 * variants are refused. Taken. */
struct kms_pki {
	struct pki_key *key;
	struct pki_cert *cert;
	struct pki_trust *trust;
};

void kms_directory_take_pki(struct kms_directory *d, struct kms_pki pki);
const struct kms_pki *kms_directory_pki(const struct kms_directory *d);

/* Where GBA keys come from: domains of B-TIDs that are ours, the URL of the Zn adapter, the names
 * the NAF_Id may hold. */
struct kms_gba {
	bool on;
	char url[512];
	char naf_fqdn[256];
	char bsf_domain[256]; /* B-TIDs end in "@" and this */
};

const struct kms_gba *kms_directory_gba(const struct kms_directory *d);
void kms_directory_set_gba(struct kms_directory *d, const struct kms_gba *gba);

#endif
