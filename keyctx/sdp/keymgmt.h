/* SPDX-License-Identifier: MIT */
/* Finds, copies and writes a=key-mgmt lines (RFC 4567). Does not interpret the messages in them. */
#ifndef KEYCTX_SDP_KEYMGMT_H
#define KEYCTX_SDP_KEYMGMT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "keyctx/sdp/sdp.h"

enum { KEYMGMT_OCTETS_MAX = 16 * 1024 };

/* One key management message as octets. The octets are not secret: MIKEY encrypts the keys in a
 * message. */
struct keymgmt {
	struct str protocol; /* such as "mikey", case-sensitive; borrowed from the description */
	uint8_t *octets;     /* owned; keymgmt_clear frees it */
	size_t len;
	bool is_session_level;
};

/* Parses `value`, the text after "a=key-mgmt:". Ignores blanks before the protocol. To find the
 * message of an m-line call keymgmt_find. ERR_SYNTAX, ERR_TOO_BIG, ERR_NOMEM. */
enum err keymgmt_parse(struct keymgmt *out, struct str value) MUST_USE;
void keymgmt_clear(struct keymgmt *k);
/* Finds the message of `protocol` that applies to an m-line: the one in the m-line, else the one at
 * session level (RFC 4567 3.1). ERR_NOT_FOUND: there is none; ERR_SYNTAX: the line is unreadable,
 * or one level has two lines of the protocol. */
enum err keymgmt_find(struct keymgmt *out, const struct sdp *s, unsigned media,
                      const char *protocol) MUST_USE;
/* Like keymgmt_find, but searches one section only: SDP_SESSION or the index of an m-line. */
enum err keymgmt_find_at(struct keymgmt *out, const struct sdp *s, int section,
                         const char *protocol) MUST_USE;
/* Returns true if the m-line or the session level has an a=key-mgmt line of any protocol. */
bool keymgmt_is_present(const struct sdp *s, unsigned media);

/* For tests: returns true if protocol and octets are equal. */
bool keymgmt_eq(const struct keymgmt *a, const struct keymgmt *b);

/* Adds an a=key-mgmt line with the message in base64. `section`: SDP_SESSION or the index of an
 * m-line. ERR_NOMEM, ERR_TOO_BIG. */
enum err keymgmt_write(struct sdp *s, int section, const struct keymgmt *k) MUST_USE;

#endif
