/* SPDX-License-Identifier: MIT */
/* A session description (RFC 8866) as sections of lines: parse, edit, print. Lines that are not
 * edited are printed unchanged, octet for octet. */
#ifndef KEYCTX_SDP_SDP_H
#define KEYCTX_SDP_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
#include "keyctx/sdp/profile.h"

enum {
	SDP_TEXT_MAX = 65535, /* octets of a description, and of one line */
	SDP_LINES_MAX = 4096,
	SDP_MEDIA_MAX = 16,
	SDP_MEDIA_SAID_MAX = 64,
};

/* A section is a media's index, or SDP_SESSION: the lines before the first m=. */
enum { SDP_SESSION = -1 };

/* Owned and freed by the description. */
struct sdp_line {
	struct link link;
	struct str text;  /* without its end: "a=rtcp-mux" */
	struct str value; /* behind the "=" */
	char type;
	uint8_t end_len; /* 1: LF, 2: CRLF, 0: the last line had none */
};

/* The m= line taken apart; the texts live as long as the description. */
struct sdp_media {
	struct link lines; /* the m= line first */
	struct str kind;   /* "audio" */
	struct str proto;
	struct str formats;
	enum sdp_profile profile;
	uint16_t port;
	uint16_t n_ports; /* the number after "port/"; 1 if there is none */
	/* static: why this line can't be used; NULL: it can. Unreadable texts are empty, an
	 * unreadable port is 0. */
	const char *fault;
};

/* May contain keys: sdp_free wipes every octet. Any thread; used by one at a time. */
struct sdp {
	struct link session; /* lines before the first m= */
	unsigned n_media;
	unsigned n_said; /* m= lines of the text; those beyond SDP_MEDIA_MAX are not in `media` */
	struct sdp_media media[SDP_MEDIA_MAX];
	uint8_t end_len;  /* line end of the first line, used for new ones */
	bool is_repaired; /* sdp_print does not give the parsed text */
	struct sdp_chunk *chunks;
};

/*
 * Copies `text`. ERR_SYNTAX, with the line number: a NUL or a lone CR, another version, a second
 * description, or no line at all; ERR_TOO_BIG: octets, lines or m= lines (SDP_MEDIA_SAID_MAX);
 * ERR_NOMEM. Repairs (docs/decisions/0060): a line that is not a letter, "=" and text is removed, a
 * capital letter becomes small, blanks before it are removed, a missing v=0 is added. An unreadable
 * m= line gets a `fault`; m= lines beyond SDP_MEDIA_MAX are removed with the lines below them.
 * Other lines are not checked.
 */
enum err sdp_parse(struct sdp **out, struct str text, struct why *why) MUST_USE;
void sdp_free(struct sdp *s); /* takes NULL */

/* The number of octets that sdp_print writes. */
size_t sdp_length(const struct sdp *s);
/* Writes the text without NUL; *len: its length. ERR_TOO_BIG: `room` is too small. */
enum err sdp_print(const struct sdp *s, char *out, size_t room, size_t *len) MUST_USE;

/* --- lines; `section` is a media's index or SDP_SESSION --------------------- */

/* The line after `after` (NULL: the first one); NULL: there is none. */
struct sdp_line *sdp_next(const struct sdp *s, int section, const struct sdp_line *after);
/* The next line of a type. */
struct sdp_line *sdp_next_type(const struct sdp *s, int section, const struct sdp_line *after,
                               char type);
/* Is it a=`name` or a=`name`:value? Ignores case and blanks around the name. `value` (NULL: not
 * wanted) is trimmed. */
bool sdp_line_is_attr(const struct sdp_line *l, const char *name, struct str *value);
/* The next line for which sdp_line_is_attr is true. */
struct sdp_line *sdp_next_attr(const struct sdp *s, int section, const struct sdp_line *after,
                               const char *name, struct str *value);
bool sdp_has_attr(const struct sdp *s, int section, const char *name);

/* Replaces the text after "x=" by a copy of `value`. ERR_NOMEM, ERR_TOO_BIG; ERR_SYNTAX: it
 * contains a line end or NUL. */
enum err sdp_line_set(struct sdp *s, struct sdp_line *l, struct str value) MUST_USE;
/* Adds a line after `after`, a line of `section`; NULL: at the section's end. Errors as above. */
enum err sdp_line_add(struct sdp *s, int section, struct sdp_line *after, char type,
                      struct str value) MUST_USE;
void sdp_line_remove(struct sdp_line *l);

/* Removes all a=`name` lines of the section; returns how many. */
unsigned sdp_attr_remove(struct sdp *s, int section, const char *name);
/* Adds a=`name`:`value`, or a=`name` when the value is empty. */
enum err sdp_attr_add(struct sdp *s, int section, const char *name, struct str value) MUST_USE;

/* Sets port and transport of the m= line. */
enum err sdp_media_set(struct sdp *s, unsigned media, uint16_t port, struct str proto) MUST_USE;
/* Refuses a media: port 0, and no attributes but its mid (RFC 3264 6, RFC 5888). */
enum err sdp_media_reject(struct sdp *s, unsigned media) MUST_USE;

/* Appends an m-line with port 0; there must be room (SDP_MEDIA_MAX). Copies the texts; empty ones
 * become audio and RTP/AVP. ERR_NOMEM. */
enum err sdp_media_append(struct sdp *s, struct str kind, struct str proto) MUST_USE;

#endif
