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
/* Rows of the table for one direction of a leg (JSON objects "receive" and "send"). */
enum spec_direction_field { SPEC_DIRECTION_KEYING, SPEC_DIRECTION_GATE };

/* Rows of spec_leg_schema. Rows that the code never names come last and have no constant. */
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
	/* full spec: false if there is no leg at this index; patch: false if the patch does not
	 * change the leg, or deletes it (`gone`) */
	bool exists;
	bool gone;      /* patch: delete the leg */
	uint8_t choice; /* choice of local addresses (control/session/interfaces.h) */
	/* 4 or 6: family of the local address while no remote is set; 0: IPv4 if possible */
	uint8_t family;
	/* Owns its keys (keyctx_take). `exists`, interfaces and ports are 0 here; service_spec_fill
	 * sets them in its copy. */
	struct relay_leg_spec relay;
	/* The next two are chosen by control/session/local.h and are not part of the content. */
	struct spec_place at;    /* the local address for signalling */
	struct spec_place other; /* address of the other family, where the leg also receives */
};

/* The legs of a media. Index 0 is leg a; then follow b, b2 … b8. */
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
	uint8_t kind;   /* enum spec_kind: selects the replay window of receive keys */
	uint8_t active; /* index of the core leg in use; default 1 */
	struct spec_legs legs;
};

struct spec_media_list {
	uint8_t n;
	struct spec_media *items; /* a media keeps its index; after its end it has no legs */
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
	/* enum spec_rekey: accept a new key on an e2ae access leg that did not move?
	 * (TS 33.328 7.4) */
	uint8_t e2ae_rekey;
	struct spec_media_list media;
};

#define SPEC_HAS(struct_, field)      ((struct_)->has |= 1ull << (field))
#define SPEC_IS_GIVEN(struct_, field) (((struct_)->has >> (field)&1) != 0)

/* Input for reading and writing specs: the interfaces, and defaults from the settings. */
struct spec_context {
	const struct relay_interface *interfaces;
	unsigned n_interfaces;
	uint32_t setup_timeout_ms;
	uint8_t e2ae_rekey;
	struct relay_leg_spec leg; /* defaults of a leg's plain settings */
};

/* The tables of fields, for reading, writing, defaults, copying and comparing. */
extern const struct schema spec_session_schema, spec_media_schema, spec_leg_schema;
/* The type of a field that is a mode: a name in JSON, an enum relay_mode in an octet. */
extern const struct schema_type spec_mode_type;

/* Makes an empty spec or patch. spec_free accepts NULL. */
enum err spec_new(struct spec_session **out) MUST_USE;
void spec_free(struct spec_session *s);
/* Swaps the contents. Pointers to either struct stay valid. */
void spec_swap(struct spec_session *a, struct spec_session *b);

/* The name of a leg: "a", "b", "b2" … "b8"; and its index. ERR_NOT_FOUND: no leg has that name. */
const char *spec_leg_name(unsigned index);
enum err spec_leg_find(struct str name, unsigned *out) MUST_USE;

/* For code that builds a patch: returns the media with that id, or the leg with that index; adds it
 * if it is absent. NULL: no memory, or too many. */
struct spec_media *spec_patch_media(struct spec_session *patch, struct str id);
struct spec_leg *spec_patch_leg(struct spec_media *media, unsigned index);
/* Set the key (NULL: no key) or the gate of one direction of a leg in a patch. */
void spec_leg_set_key(struct spec_leg *leg, bool is_send, const struct keyctx *key);
void spec_leg_set_gate(struct spec_leg *leg, bool is_send, bool is_open);
/* Finds a media by its id. NULL: there is none. */
struct spec_media *spec_find_media(const struct spec_session *s, struct str id);

/*
 * Makes a new full spec: copies `base` with its ports (NULL: begins a new session) and applies the
 * patch. ERR_INVALID: a new media has no mode, there is no media, or an active leg does not
 * exist; ERR_LIMIT: too many media; ERR_NOMEM.
 */
enum err spec_apply(struct spec_session **out, const struct spec_session *base,
                    const struct spec_session *patch, const struct spec_context *context,
                    struct why *why) MUST_USE;
/* Compares ids, fields and keys, but not ports. The time it takes does not depend on the keys. */
bool spec_eq(const struct spec_session *a, const struct spec_session *b);

#endif
