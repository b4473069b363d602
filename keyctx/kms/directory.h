/* SPDX-License-Identifier: MIT */
/* The configuration of a KMS: users and their keys, groups, shared ticket keys, the KMSs of
 * other domains, and the policy. */
#ifndef KEYCTX_KMS_DIRECTORY_H
#define KEYCTX_KMS_DIRECTORY_H

#include "base/secret.h"
#include "base/str.h"
#include "keyctx/mikey/payload.h"
#include "keyctx/pki.h"

/* A copy of an identity: the type octet, then the ID Data. It never changes, so its octets serve as
 * a key of base/map.h. */
struct kms_name {
	size_t n;
	uint8_t octets[]; /* octets[0]: enum mikey_id_type */
};

/* A list of names; it owns them. */
struct kms_names {
	struct kms_name **v;
	size_t n;
};

enum { KMS_NAME_MAX = 1024, KMS_PATTERN_MAX = 256, KMS_RULES_MAX = 64 };

/* Copies an identity; the caller frees it with mem_free. Returns NULL if out of memory, or if the
 * identity is empty or has KMS_NAME_MAX octets or more. */
struct kms_name *kms_name_new(struct mikey_id id);
struct mikey_id kms_name_id(const struct kms_name *n);
/* Appends `name`, which the list then owns. On ERR_NOMEM the caller still owns it. */
enum err kms_names_take(struct kms_names *list, struct kms_name *name) MUST_USE;
void kms_names_clear(struct kms_names *list);
/*
 * Parses an identity. "hex:0a0b" and "text:…" are byte strings; "nai:…" and "uri:…" have the type
 * that the prefix names; without a prefix the type is `plain`. The octets are copied to `room`.
 * ERR_SYNTAX, ERR_TOO_BIG.
 */
enum err kms_name_parse(struct str text, enum mikey_id_type plain, uint8_t *room, size_t room_n,
                        struct mikey_id *out) MUST_USE;
/* Writes an identity for people and audit lines: as text if all characters are printable, else as
 * "hex:…". `room` must be at least 9. Returns `out`. */
const char *kms_name_print(struct mikey_id id, char *out, size_t room);

/* A pattern for identities: "*" (anyone), "*@home1.example" (any user of a host), or one
 * identity. */
struct kms_pattern {
	char text[KMS_PATTERN_MAX];
};

bool kms_pattern_fits(const struct kms_pattern *p, struct mikey_id id);
/* Returns the host of a sip:, sips: or https: URI or of an NAI; empty if it has none, as in a tel:
 * URI. The result points into `id`. */
struct str kms_host_of(struct mikey_id id);

/* Where a user comes from: the credentials file, or the provisioning listener. */
enum kms_user_origin { KMS_USER_OF_FILE, KMS_USER_PROVISIONED };

/* Shared by count, so that a request keeps its user when the user is removed. A user in a directory
 * does not change; a change puts another struct in its place. */
struct kms_user {
	struct kms_names names; /* identities; log lines show the first */
	struct kms_name *psk_id;
	struct secret psk;    /* empty: the user has no key here and uses a certificate or GBA */
	uint64_t psk_until_s; /* end of the key's validity, seconds since 1970; 0: it never ends */
	char impi[256];       /* private identity (IMPI) for GBA; empty: none */
	enum kms_user_origin origin;
	uint64_t version; /* of a provisioned user: each change makes it larger */
	unsigned shared;  /* number of references beyond the first */
	bool is_removed;  /* the directory has it no longer */
};

struct kms_group {
	struct kms_name *name;
	struct kms_names members;
};

/* A configured ticket key: shared with the responder `owner` (mode 2), or, if `owner` is NULL, this
 * KMS's own. */
struct kms_ticket_key {
	struct kms_name *id, *owner;
	struct secret key;
};

/* The KMS of another domain (RFC 6043 9). */
struct kms_peer {
	struct kms_name *name;   /* the identity in IDRkms */
	struct kms_name *psk_id; /* id of `psk`, the key that both KMSs share */
	struct secret psk;
	char url[512]; /* URL of the peer for RESOLVE_INIT; empty: the peer is not asked */
	/* DNS name that the peer's client certificate must contain; never empty */
	char tls_name[256];
	struct str *domains; /* hosts of the identities for which the peer may act; owned */
	size_t n_domains;
};

/* Allows or denies tickets for calls from users that match `from` to users that match `to`. The
 * first matching rule decides. */
struct kms_rule {
	struct kms_pattern from, to;
	bool allow;
};

struct kms_policy {
	uint8_t modes;             /* bit m: mode m is allowed */
	unsigned accept_types;     /* bit t: ticket type t is allowed */
	bool suite_128, suite_256; /* true: the algorithm set is allowed */
	bool allow_reuse;          /* keep flag J of requests; false: the KMS clears it */
	/* keep flags L and M of requests; false: the KMS clears them */
	bool allow_initiator_keys, allow_responder_keys;
	uint32_t ticket_default_s, ticket_max_s; /* default and maximum lifetime of a ticket */
	uint32_t skew_s;
	/* how long a ticket key makes new tickets; after that it only opens tickets */
	uint32_t tpk_issue_s;
	/* request limits of each user; rate_per_minute 0: no limit */
	uint32_t rate_per_minute, rate_burst;
	/* after this time the BSF is asked for a key again, even if the key is still valid */
	uint32_t naf_key_max_s;
	/* applications whose tickets this KMS grants and resolves: a ticket with IDRapp must name
	 * one of them; owned by the directory */
	struct kms_names applications;
	struct kms_rule rules[KMS_RULES_MAX];
	size_t n_rules; /* 0: every user may call every user */
};

/* Returns true if the algorithm set of that PRF is allowed. Also true for an unknown PRF, which the
 * message reader refuses. */
bool kms_policy_serves(const struct kms_policy *p, unsigned prf);
bool kms_policy_allows(const struct kms_policy *p, struct mikey_id from, struct mikey_id to);

struct kms_directory;

enum err kms_directory_new(struct kms_directory **out) MUST_USE;
/* Releases one reference and frees the directory with the last one. `d` may be NULL. */
void kms_directory_free(struct kms_directory *d);
/* Adds a reference and returns `d`: a request keeps the directory with which it began. Control
 * thread only. */
struct kms_directory *kms_directory_keep(struct kms_directory *d);

/* Adds an identity of this KMS. Messages carry the first identity; requests may name any of them.
 * ERR_TOO_BIG: more than 8. */
enum err kms_directory_add_self(struct kms_directory *d, struct mikey_id id) MUST_USE;
struct mikey_id kms_directory_self(const struct kms_directory *d);
bool kms_directory_is_self(const struct kms_directory *d, struct mikey_id id);

/* These functions take ownership of the entry, also on failure. ERR_EXISTS: another entry has this
 * name or key id. ERR_NOMEM. */
enum err kms_directory_take_user(struct kms_directory *d, struct kms_user *u) MUST_USE;
/* Puts `u` in the place of `old`. Changes all or nothing, and takes ownership of `u` also on
 * failure. Cannot fail if `u` was in the place of `old` before and no user was added since. */
enum err kms_directory_replace_user(struct kms_directory *d, struct kms_user *old,
                                    struct kms_user *u) MUST_USE;
void kms_directory_remove_user(struct kms_directory *d, struct kms_user *u);
/* Returns a user other than `except` (may be NULL) that has a name, the key id or the private
 * identity of `u`; NULL if there is none. */
const struct kms_user *kms_directory_conflict(const struct kms_directory *d,
                                              const struct kms_user *u,
                                              const struct kms_user *except);
enum err kms_directory_take_group(struct kms_directory *d, struct kms_group *g) MUST_USE;
enum err kms_directory_take_ticket_key(struct kms_directory *d, struct kms_ticket_key *k) MUST_USE;
enum err kms_directory_take_peer(struct kms_directory *d, struct kms_peer *p) MUST_USE;
/* Releases one reference. Takes NULL. */
void kms_user_free(struct kms_user *u);
/* Adds a reference and returns `u`. */
struct kms_user *kms_user_keep(struct kms_user *u);
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
/* Returns the key shared with the responder `owner`, for mode 2; NULL if there is none. */
const struct kms_ticket_key *kms_directory_ticket_key_of(const struct kms_directory *d,
                                                         struct mikey_id owner);
const struct kms_peer *kms_directory_peer(const struct kms_directory *d, struct mikey_id kms);
const struct kms_peer *kms_directory_peer_by_psk(const struct kms_directory *d,
                                                 struct mikey_id psk_id);
bool kms_peer_speaks_for(const struct kms_peer *p, struct mikey_id id);
size_t kms_directory_users(const struct kms_directory *d);
/* Returns user `i`, in the order in which users were added; i < kms_directory_users(). */
const struct kms_user *kms_directory_user_at(const struct kms_directory *d, size_t i);
/* A listing in parts: the serial number of user `i`, and the index of the first user with a larger
 * one. Users that are added later have larger numbers; a change keeps the number. */
uint64_t kms_directory_user_serial(const struct kms_directory *d, size_t i);
size_t kms_directory_users_after(const struct kms_directory *d, uint64_t serial);

/* Returns the policy. The reader of the configuration writes it, the KMS reads it. */
struct kms_policy *kms_directory_policy(struct kms_directory *d);

/* The KMS's own key and certificate, and the authorities that it trusts. If all are NULL, the KMS
 * refuses public-key requests. */
struct kms_pki {
	struct pki_key *key;
	struct pki_cert *cert;
	struct pki_trust *trust;
};

void kms_directory_take_pki(struct kms_directory *d, struct kms_pki pki);
const struct kms_pki *kms_directory_pki(const struct kms_directory *d);

/* Where the KMS gets GBA keys: the BSF and the names to use with it. */
struct kms_gba {
	bool on; /* false: GBA is off and the other members are empty */
	char url[512];
	char naf_fqdn[256];   /* FQDN of this KMS in the NAF_Id */
	char bsf_domain[256]; /* only B-TIDs that end in "@" and this domain are accepted */
	uint32_t ask_max;     /* questions to the BSF at one time */
	/* questions about B-TIDs that the BSF does not know, from one address; ask_per_minute 0: no
	 * limit */
	uint32_t ask_per_minute, ask_burst;
	uint32_t unknown_s; /* how long an unknown B-TID is remembered, seconds; 0: not at all */
};

/* Sets the limits to their defaults; everything else is empty. */
void kms_gba_init(struct kms_gba *gba);

const struct kms_gba *kms_directory_gba(const struct kms_directory *d);
void kms_directory_set_gba(struct kms_directory *d, const struct kms_gba *gba);

/* What a client of the provisioning listener may do: an auditor reads, a provisioner also changes
 * users, an admin also rotates ticket keys. */
enum kms_admin_role {
	KMS_ADMIN_AUDITOR = 1 << 0,
	KMS_ADMIN_PROVISIONER = 1 << 1,
	KMS_ADMIN_ADMIN = 1 << 2,
};
enum { KMS_ADMINS_MAX = 64 };

struct kms_admin {
	char name[256]; /* a DNS name, or the common name, of the client's certificate */
	uint8_t role;   /* enum kms_admin_role */
};

struct kms_admins {
	struct kms_admin v[KMS_ADMINS_MAX];
	size_t n;
	/* request limits of each client; rate_per_minute 0: no limit */
	uint32_t rate_per_minute, rate_burst;
};

const struct kms_admins *kms_directory_admins(const struct kms_directory *d);
void kms_directory_set_admins(struct kms_directory *d, const struct kms_admins *admins);

#endif
