/* SPDX-License-Identifier: MIT */
/* Reads and builds whole MIKEY messages: the header with its crypto sessions, then the chain of
 * payloads. */
#ifndef KEYCTX_MIKEY_MSG_H
#define KEYCTX_MIKEY_MSG_H

#include "keyctx/mikey/payload.h"

enum mikey_data_type {
	MIKEY_DT_PSK_INIT = 0, /* 0 to 5 are from RFC 3830; only their names are known */
	MIKEY_DT_ERROR = 6,
	MIKEY_DT_REQUEST_INIT_PSK = 11,
	MIKEY_DT_REQUEST_INIT_PK = 12,
	MIKEY_DT_REQUEST_RESP = 13,
	MIKEY_DT_TRANSFER_INIT = 14,
	MIKEY_DT_TRANSFER_RESP = 15,
	MIKEY_DT_RESOLVE_INIT_PSK = 16,
	MIKEY_DT_RESOLVE_INIT_PK = 17,
	MIKEY_DT_RESOLVE_RESP = 18,
};

enum mikey_map { MIKEY_MAP_SRTP_ID = 0, MIKEY_MAP_EMPTY = 1, MIKEY_MAP_GENERIC_ID = 2 };

enum { MIKEY_CS_MAX = 64 }; /* most crypto sessions in a message; the header allows 255 */

/* One crypto session of a GENERIC-ID map (RFC 6043 6.1.1) or an SRTP-ID map (RFC 3830 6.1.1). */
struct mikey_cs {
	uint8_t cs_id; /* in an SRTP-ID map: the position, counted from 1 */
	uint8_t prot;
	bool has_roc;         /* S flag: the session data ends with ROC and SEQ */
	struct view policies; /* policy numbers, one octet each */
	/* octets: 0, 4 (SSRC), 10 (SSRC, ROC, SEQ); SRTP-ID map: 8 (SSRC, ROC) */
	struct view session;
	struct view spi;
};

struct mikey_hdr {
	uint8_t version, data_type, next;
	bool v;
	uint8_t prf;
	uint32_t csb_id;
	uint8_t n_cs, map_type;
	struct view map; /* the map's octets as received */
};

/* A decoded message: views on `octets`, which must outlive it. About 10 kB: too
 * large for a small stack. */
struct mikey_msg {
	struct view octets;
	struct mikey_hdr hdr;
	struct mikey_cs cs[MIKEY_CS_MAX];
	size_t n_cs; /* entries of `cs`: as many as the header says, 0 for an Empty map */
	struct mikey_payload p[MIKEY_PAYLOADS_MAX];
	size_t n;
};

/* Decodes the whole message or nothing. Checks the header and all lengths, that nothing follows V
 * or SIGN, that no payload which must be single occurs twice (decision 0010.21), and that crypto
 * session ids are unique. ERR_TOO_BIG, ERR_TRUNCATED, ERR_SYNTAX, ERR_UNSUPPORTED. */
enum err mikey_msg_read(struct mikey_msg *out, struct view octets,
                        struct mikey_fault *fault) MUST_USE;

/* Like mikey_msg_read, but on failure `out` keeps what was read before the fault. For tools that
 * show broken messages; never decide anything by its result. */
enum err mikey_msg_read_prefix(struct mikey_msg *out, struct view octets,
                               struct mikey_fault *fault) MUST_USE;

/* Return the first payload of `type`, or the IDR payload with that role; NULL if there is none. */
const struct mikey_payload *mikey_msg_find(const struct mikey_msg *m, unsigned type);
const struct mikey_payload *mikey_msg_idr(const struct mikey_msg *m, unsigned role);
/* Returns the random value of the RANDR payload with that role; empty if there is none. */
struct view mikey_msg_rand_of(const struct mikey_msg *m, unsigned role);
/* Returns the crypto session with that id, or NULL. */
const struct mikey_cs *mikey_msg_cs(const struct mikey_msg *m, unsigned cs_id);

const char *mikey_data_type_name(unsigned data_type);

/* Builds a message: the header, then each payload. The builder fills in every next-payload octet.
 * If the room is too small it sets `w.bad`. */
struct mikey_build {
	struct wr w;
	/* offset of the octet that names the next payload; SIZE_MAX: there is none */
	size_t next_at;
};

/* Begins a message in `room`, an empty writer from wr_make(). */
void mikey_build_start(struct mikey_build *b, struct wr room, const struct mikey_hdr *hdr,
                       const struct mikey_cs *cs, size_t n_cs);
/* Begins a chain of payloads at the end of `w`, for example inside another payload. `numbered`:
 * writes an octet before the first payload that names its type. */
void mikey_build_chain(struct mikey_build *b, const struct wr *w, bool numbered);
/* Appends a payload. Ignores p->next; sets the next-payload octet of the payload before to
 * p->type. */
void mikey_build_add(struct mikey_build *b, const struct mikey_payload *p);
/* Appends a payload from its octets without the next-payload octet, such as a received ticket. */
void mikey_build_add_raw(struct mikey_build *b, unsigned type, struct view body);
/* Sets `*out` to the built message, a view on the room of mikey_build_start. ERR_TOO_BIG: the
 * message did not fit. */
enum err mikey_build_done(const struct mikey_build *b, struct view *out) MUST_USE;

/* Return payloads that many messages need. */
struct mikey_payload mikey_make_t(struct mikey_ts ts);
struct mikey_payload mikey_make_idr(unsigned role, struct mikey_id id);
struct mikey_payload mikey_make_randr(unsigned role, struct view rand);
struct mikey_payload mikey_make_v(unsigned alg, struct view mac);

#endif
