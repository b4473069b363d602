/* SPDX-License-Identifier: MIT */
/* a=key-mgmt lines (RFC 4567): find, copy and write. Their octets are not interpreted here. */
#ifndef KEYCTX_SDP_KEYMGMT_H
#define KEYCTX_SDP_KEYMGMT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "keyctx/sdp/sdp.h"

enum { KEYMGMT_OCTETS_MAX = 16 * 1024 };

/* One message as octets. Not secret: a MIKEY message protects what it carries. */
struct keymgmt {
	struct str protocol; /* "mikey", case-sensitive; borrowed from the description */
	uint8_t *octets;     /* owned */
	size_t len;
	bool is_session_level;
};

/* For tests, which parse single values; the programs use keymgmt_find. `value` is what follows
 * "a=key-mgmt:"; one blank before the protocol is allowed. ERR_SYNTAX, ERR_TOO_BIG, ERR_NOMEM. */
enum err keymgmt_parse(struct keymgmt *out, struct str value) MUST_USE;
void keymgmt_clear(struct keymgmt *k);
/*
 * The message of `protocol` that applies to an m-line: its own, else the session's (RFC 4567 3.1).
 * ERR_NOT_FOUND: there is none; ERR_SYNTAX: unreadable, or two of a protocol at one level.
 */
enum err keymgmt_find(struct keymgmt *out, const struct sdp *s, unsigned media,
                      const char *protocol) MUST_USE;
/* The same in one section only: SDP_SESSION or an m-line's index. */
enum err keymgmt_find_at(struct keymgmt *out, const struct sdp *s, int section,
                         const char *protocol) MUST_USE;
/* Is there a line of any protocol, at the m-line or the session level? */
bool keymgmt_is_present(const struct sdp *s, unsigned media);

/* For tests: same protocol and octets? */
bool keymgmt_eq(const struct keymgmt *a, const struct keymgmt *b);

/* Adds a=key-mgmt:protocol base64. `section` as in sdp.h. */
enum err keymgmt_write(struct sdp *s, int section, const struct keymgmt *k) MUST_USE;

#endif
