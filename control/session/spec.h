/* SPDX-License-Identifier: MIT */
/* The content of a session as session.create and session.update give it. Control thread only. */
#ifndef CONTROL_SESSION_SPEC_H
#define CONTROL_SESSION_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "control/doc/schema.h"
#include "keyctx/keyctx.h"
#include "relay/relay.h"

/*
 * The same structs hold the whole content of a session (a full spec) or a change of it (a patch).
 * Each begins with a mask of the fields that are given: a bit for each row of the tables below;
 * SPEC_HAS(x, FIELD) sets one. A spec owns its keys, which are in secret memory.
 */
/* Rows of a direction of a leg, an object of its own in JSON. */
enum spec_direction_field { SPEC_DIRECTION_KEYING, SPEC_DIRECTION_GATE };

/* Rows of spec_leg_schema. Rows that no code names come last and have no constant. */
enum spec_leg_field {
	SPEC_LEG_INTERFACE,
	SPEC_LEG_REMOTE,
	SPEC_LEG_REMOTE_RTCP,
	SPEC_LEG_RTCP,
	SPEC_LEG_LATCH,
	SPEC_LEG_LATCH_STRICT,
	SPEC_LEG_LATCH_WINDOW_MS,
	SPEC_LEG_TEACHES,
	SPEC_LEG_DSCP,
	SPEC_LEG_LOOP_PROTECT,
	SPEC_LEG_INACTIVITY_MS,
	SPEC_LEG_REKEY_ROC,
	SPEC_LEG_REKEY_OVERLAP_MS,
	SPEC_LEG_RECEIVE,
	SPEC_LEG_SEND,
	SPEC_LEG_FAMILY,
};
/* A pair of ports of a local address. */
struct spec_place {
	uint8_t interface; /* index into the relay's interfaces */
	uint16_t port;     /* even; 0: none */
};

/*
 * A leg: the relay's spec, and the choice of its local address. The table spec_leg_schema reads,
 * writes, presets, copies and compares it. A new setting of a leg needs a member of struct
 * relay_leg_spec, a row of that table, and the code that acts on it.
 */
struct spec_leg {
	uint64_t has;                   /* bits of enum spec_leg_field */
	uint64_t receive_has, send_has; /* bits of enum spec_direction_field */
	bool exists; /* false in a full spec: a hole; in a patch: unchanged, or deleted if `gone` */
	bool gone;
	uint8_t choice; /* of local addresses (control/session/interfaces.h) */
	uint8_t family; /* 4 or 6: of the local address without a remote; 0: IPv4 if possible */
	/* Owns its keys (keyctx_take). `exists`, interfaces and ports are 0 here:
	 * service_spec_fill sets them. */
	struct relay_leg_spec relay;
	/* The next two are chosen by control/session/local.h and are not part of the content. */
	struct spec_place at;    /* the local address for signalling */
	struct spec_place other; /* the address of the other family, which receives too */
};

/* By index: a, b, b2 … b8. */
struct spec_legs {
	uint8_t n;
	struct spec_leg *items;
};

enum spec_kind { SPEC_KIND_AUDIO, SPEC_KIND_VIDEO };

enum spec_media_field {
	SPEC_MEDIA_ID,
	SPEC_MEDIA_MODE,
	SPEC_MEDIA_KIND,
	SPEC_MEDIA_ACTIVE,
	SPEC_MEDIA_LEGS
};
struct spec_media {
	uint64_t has;
	char id[32];
	uint8_t mode;   /* enum relay_mode; must be given when the media is new */
	uint8_t kind;   /* enum spec_kind: which replay window its keys get */
	uint8_t active; /* index of the core leg in use; default 1 */
	struct spec_legs legs;
};

struct spec_media_list {
	uint8_t n;
	struct spec_media *items; /* a media keeps its index; one that has ended has no legs */
};

enum spec_rekey { SPEC_REKEY_REJECT, SPEC_REKEY_ACCEPT };
extern const struct word spec_rekey_words[];

enum spec_session_field {
	SPEC_SESSION_ID,
	SPEC_SESSION_SETUP_TIMEOUT_MS,
	SPEC_SESSION_E2AE_REKEY,
	SPEC_SESSION_MEDIA
};
struct spec_session {
	uint64_t has;
	char id[128];
	uint32_t setup_timeout_ms;
	/* enum spec_rekey: a new key on an e2ae access leg that did not move (TS 33.328 7.4) */
	uint8_t e2ae_rekey;
	struct spec_media_list media;
};

#define SPEC_HAS(struct_, field)      ((struct_)->has |= 1ull << (field))
#define SPEC_IS_GIVEN(struct_, field) (((struct_)->has >> (field)&1) != 0)

/* For reading and writing specs: the interfaces with their names, and defaults from settings. */
struct spec_context {
	const struct relay_interface *interfaces;
	unsigned n_interfaces;
	uint32_t setup_timeout_ms;
	uint8_t e2ae_rekey;
	struct relay_leg_spec leg; /* defaults of a leg's plain settings */
};

/* The tables: they drive reading, writing, defaults, copying and comparing. */
extern const struct schema spec_session_schema, spec_media_schema, spec_leg_schema;
/* The name of a mode in an octet. */
extern const struct schema_type spec_mode_type;

/* An empty spec or patch. spec_free takes NULL. */
enum err spec_new(struct spec_session **out) MUST_USE;
void spec_free(struct spec_session *s);
/* Swaps the contents; the structs, and so the addresses of the ids, stay. */
void spec_swap(struct spec_session *a, struct spec_session *b);

/* "a" "b" "b2" … "b8"; ERR_NOT_FOUND. */
const char *spec_leg_name(unsigned index);
enum err spec_leg_find(struct str name, unsigned *out) MUST_USE;

/* For code that builds a patch: the media with that id, the leg with that index, added if absent.
 * NULL: no memory, or too many. */
struct spec_media *spec_patch_media(struct spec_session *patch, struct str id);
struct spec_leg *spec_patch_leg(struct spec_media *media, unsigned index);
/* Set the key (NULL: none) or the gate of one direction in a patch. */
void spec_leg_set_key(struct spec_leg *leg, bool is_send, const struct keyctx *key);
void spec_leg_set_gate(struct spec_leg *leg, bool is_send, bool is_open);
/* NULL: there is none. */
struct spec_media *spec_find_media(const struct spec_session *s, struct str id);

/*
 * Makes a new full spec: a copy of `base`, ports included (NULL: a new session), with the patch
 * applied. ERR_INVALID: a new media has no mode, there is no media, or an active leg does not
 * exist; ERR_LIMIT: too many media; ERR_NOMEM.
 */
enum err spec_apply(struct spec_session **out, const struct spec_session *base,
                    const struct spec_session *patch, const struct spec_context *context,
                    struct why *why) MUST_USE;
/* Compares ids, fields and keys, not ports. The time does not depend on the key octets. */
bool spec_eq(const struct spec_session *a, const struct spec_session *b);

#endif
