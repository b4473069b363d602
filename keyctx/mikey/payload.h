/* SPDX-License-Identifier: MIT */
/* Reads and writes each MIKEY payload (RFC 3830 6, RFC 6043 6). A payload that was read holds views
 * on the received octets. */
#ifndef KEYCTX_MIKEY_PAYLOAD_H
#define KEYCTX_MIKEY_PAYLOAD_H

#include "base/bytes.h"
#include "keyctx/mikey/fault.h"

/* Payload types, as in the next-payload octets: RFC 3830 6.1, RFC 6043 6.1, RFC 6509. */
enum mikey_type {
	MIKEY_LAST = 0,
	MIKEY_KEMAC = 1,
	MIKEY_PKE = 2,
	MIKEY_DH = 3, /* known only by name: its content is not decoded */
	MIKEY_SIGN = 4,
	MIKEY_T = 5,
	MIKEY_ID = 6, /* not supported: RFC 6043 6.6 uses IDR */
	MIKEY_CERT = 7,
	MIKEY_CHASH = 8,
	MIKEY_V = 9,
	MIKEY_SP = 10,
	MIKEY_RAND = 11,
	MIKEY_ERR = 12,
	MIKEY_TR = 13,
	MIKEY_IDR = 14,
	MIKEY_RANDR = 15,
	MIKEY_TP = 16,
	MIKEY_TICKET = 17,
	MIKEY_KEY = 20,
	MIKEY_EXT = 21,
	MIKEY_SAKKE = 26, /* known only by name: its content is not decoded */
	/* has no number on the wire: always first in Ticket Data (RFC 6043 A.1) */
	MIKEY_THDR = 256,
};

enum mikey_prf { MIKEY_PRF_SHA1 = 0, MIKEY_PRF_SHA256 = 1 };
enum mikey_encr {
	MIKEY_ENCR_NULL = 0,
	MIKEY_ENCR_CM_128 = 1,
	MIKEY_ENCR_KW_128 = 2,
	MIKEY_ENCR_CM_256 = 3
};
enum mikey_mac { MIKEY_MAC_NULL = 0, MIKEY_MAC_SHA1_160 = 1, MIKEY_MAC_SHA256_256 = 2 };
enum mikey_hash { MIKEY_HASH_SHA1 = 0, MIKEY_HASH_MD5 = 1, MIKEY_HASH_SHA256 = 2 };
enum mikey_sign { MIKEY_SIGN_PKCS1 = 0, MIKEY_SIGN_PSS = 1 };
enum mikey_ts_type {
	MIKEY_TS_NTP_UTC = 0,
	MIKEY_TS_NTP = 1,
	MIKEY_TS_COUNTER = 2,
	MIKEY_TS_NTP_UTC_32 = 3
};
enum mikey_tr_role { MIKEY_TR_ISSUE = 1, MIKEY_TR_START = 2, MIKEY_TR_END = 3, MIKEY_TR_REKEY = 4 };
enum mikey_role {
	MIKEY_ROLE_I = 1,
	MIKEY_ROLE_R = 2,
	MIKEY_ROLE_KMS = 3,
	MIKEY_ROLE_PSK = 4,
	MIKEY_ROLE_APP = 5
};
enum mikey_id_type { MIKEY_ID_NAI = 0, MIKEY_ID_URI = 1, MIKEY_ID_BYTES = 2 };
enum mikey_ext_type { MIKEY_EXT_VENDOR = 0, MIKEY_EXT_SDP_IDS = 1, MIKEY_EXT_KEY_ID = 3 };
enum mikey_key_type {
	MIKEY_TGK = 0,
	MIKEY_TGK_SALT = 1,
	MIKEY_TEK = 2,
	MIKEY_TEK_SALT = 3,
	MIKEY_GTGK = 4,
	MIKEY_GTGK_SALT = 5,
	MIKEY_MPK = 6,
};
enum mikey_kv { MIKEY_KV_NULL = 0, MIKEY_KV_SPI = 1, MIKEY_KV_INTERVAL = 2 };

enum {
	MIKEY_MESSAGE_MAX = 16384, /* most octets of a message, received or sent */
	MIKEY_PAYLOADS_MAX = 64,   /* most payloads in one chain */
	MIKEY_MAC_MAX = 32,
};

/* An identity: type and ID Data. Two identities are equal if type and data are equal, octet for
 * octet. */
struct mikey_id {
	uint8_t type; /* enum mikey_id_type */
	struct view data;
};

static inline bool mikey_id_eq(struct mikey_id a, struct mikey_id b)
{
	return a.type == b.type && view_eq(a.data, b.data);
}

static inline bool mikey_id_is_set(struct mikey_id id)
{
	return id.data.n > 0;
}

/* A timestamp as on the wire: `value` has 64 bits for the NTP types, 32 for
 * COUNTER and NTP-UTC-32. */
struct mikey_ts {
	uint8_t type;
	uint64_t value;
};

size_t mikey_ts_len(unsigned type); /* octets of the value: 8 or 4; 0: unknown type */
/* Returns the 64 bits that enter the IV of a KEMAC. A counter gets zeros before it; a 32-bit time
 * gets a fraction of zero after it (decision 0010.13). */
uint64_t mikey_ts_to_64(struct mikey_ts ts);

/* The Ticket Policy part of TP and TICKET (RFC 6043 6.10).
 * keyctx/ticket/ticket_payload.h decodes `data`. */
struct mikey_tp {
	uint16_t ticket_type;
	uint8_t subtype, version;
	uint8_t prf;
	uint16_t flags; /* flags D to O, O in the lowest bit: enum ticket_flag */
	uint8_t res;    /* five reserved bits, kept so that writing reproduces what was read */
	struct view data;
};

/* One payload, decoded. Every view lies inside the octets read. */
struct mikey_payload {
	uint16_t type;      /* enum mikey_type */
	uint8_t next;       /* type of the payload that follows; 0 for the last one and for SIGN */
	uint32_t offset;    /* offset of its first octet from the start of the message */
	struct view octets; /* the whole payload, as received */
	union {
		struct {
			uint8_t encr, mac_alg;
			struct view data, mac;
		} kemac;
		struct {
			uint8_t c; /* two bits: envelope key cache, RFC 3830 6.3 */
			struct view data;
		} pke;
		struct {
			uint8_t scheme;
			struct view sig;
		} sign;
		struct mikey_ts t;
		struct {
			uint8_t kind;
			struct view data;
		} cert;
		struct {
			uint8_t hash;
			struct view data;
		} chash;
		struct {
			uint8_t alg;
			struct view mac;
		} v;
		struct {
			uint8_t no, prot;
			struct view params;
		} sp;
		struct view rand;
		struct {
			uint8_t no;
			uint16_t reserved;
		} err;
		struct {
			uint8_t role;
			struct mikey_ts ts;
		} tr;
		struct {
			uint8_t role;
			struct mikey_id id;
		} idr;
		struct {
			uint8_t role;
			struct view rand;
		} randr;
		struct mikey_tp tp;
		struct {
			struct mikey_tp tp;
			struct view data;      /* Ticket Data */
			struct view init_data; /* Initiator Data */
		} ticket;
		struct {
			uint8_t type, kv;
			struct view key, salt;
			struct view spi; /* set if kv is MIKEY_KV_SPI */
			/* set if kv is MIKEY_KV_INTERVAL: first and last value */
			struct view from, to;
		} key;
		struct {
			uint8_t kind;
			struct view data;
		} ext;
		struct view thdr;
	} u;
};

/*
 * Reads one payload of `type` at `r`. `base`: octets of the message before the start of `r`. Checks
 * bounds and the numbers that decide the length of a field, but not the meaning. ERR_TRUNCATED,
 * ERR_UNSUPPORTED. An unknown type can't be skipped, because payloads have no common length field.
 */
enum err mikey_payload_read(struct rd *r, unsigned type, size_t base, struct mikey_payload *out,
                            struct mikey_fault *fault) MUST_USE;
/* Writes p->next (a SIGN payload has none) and then the payload; ignores `octets` and `offset`. */
void mikey_payload_write(struct wr *w, const struct mikey_payload *p);

/* A chain of payloads, as mikey_chain_read reads it. */
struct mikey_chain {
	struct mikey_payload *p; /* the caller's array of `room` payloads */
	size_t room, n;          /* `n`: payloads read, also on failure */
};

/* Reads payloads until one names no next payload. `first` is the type of the first one.
 * ERR_TOO_BIG: more than `room` payloads. */
enum err mikey_chain_read(struct rd *r, unsigned first, size_t base, struct mikey_chain *out,
                          struct mikey_fault *fault) MUST_USE;

/* Names for people, such as "IDR" and "TGK+SALT"; "unknown" for other numbers. */
const char *mikey_type_name(unsigned type);
const char *mikey_key_type_name(unsigned type);

#endif
