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
	SDP_TEXT_MAX = 65535, /* most octets of a description, and of one line */
	SDP_LINES_MAX = 4096,
	SDP_MEDIA_MAX = 16,
	SDP_MEDIA_SAID_MAX = 64,
};

/* A section is the index of an m-line, or SDP_SESSION for the lines before the first m=. */
enum { SDP_SESSION = -1 };

/* One line. The description owns and frees it. */
struct sdp_line {
	struct link link;
	struct str text;  /* the whole line without its line end, such as "a=rtcp-mux" */
	struct str value; /* the text after "=" */
	char type;
	uint8_t end_len; /* octets of the line end: 1 (LF), 2 (CRLF), 0 (last line without one) */
};

/* The fields of an m= line and the lines of its section. The texts live as long as the
 * description. */
struct sdp_media {
	struct link lines; /* lines of the section; the m= line is the first */
	struct str kind;   /* media type, such as "audio" */
	struct str proto;
	struct str formats;
	enum sdp_profile profile;
	uint16_t port;
	uint16_t n_ports; /* the number after "port/"; 1 if there is none */
	/* why this m= line can't be used, a static text; NULL: it can be used. Unreadable texts are
	 * empty, an unreadable port is 0. */
	const char *fault;
};

/* A parsed description. It may contain keys, so sdp_free wipes every octet. Any thread may use it,
 * but only one at a time. */
struct sdp {
	struct link session; /* lines before the first m= */
	unsigned n_media;
	/* number of m= lines in the text; lines beyond SDP_MEDIA_MAX are not in `media` */
	unsigned n_said;
	struct sdp_media media[SDP_MEDIA_MAX];
	uint8_t end_len; /* end_len of the first line, used for new lines */
	/* true: parsing changed something, so sdp_print writes another text than the parsed one */
	bool is_repaired;
	struct sdp_chunk *chunks;
};

/*
 * Copies and parses `text`. ERR_SYNTAX: a NUL or a lone CR, a version other than 0, or a second
 * description, with the line number; or no line at all. ERR_TOO_BIG: too many octets, lines or m=
 * lines (SDP_MEDIA_SAID_MAX). ERR_NOMEM. Repairs (docs/decisions/0060): removes a line that is not
 * a letter, "=" and a value; makes a capital letter small; removes blanks before the letter; adds a
 * missing v=0. An unreadable m= line gets a `fault`. Removes m= lines beyond SDP_MEDIA_MAX with the
 * lines below them. Does not check other lines.
 */
enum err sdp_parse(struct sdp **out, struct str text, struct why *why) MUST_USE;
void sdp_free(struct sdp *s); /* does nothing for NULL */

/* Returns the number of octets that sdp_print writes. */
size_t sdp_length(const struct sdp *s);
/* Writes the text without NUL, and its length to `*len`. ERR_TOO_BIG: `room` is too small. */
enum err sdp_print(const struct sdp *s, char *out, size_t room, size_t *len) MUST_USE;

/* --- lines; `section` is a media's index or SDP_SESSION --------------------- */

/* Returns the line after `after`; NULL for `after` means: the first line. Returns NULL if there is
 * none. */
struct sdp_line *sdp_next(const struct sdp *s, int section, const struct sdp_line *after);
/* Like sdp_next, but returns the next line of that type. */
struct sdp_line *sdp_next_type(const struct sdp *s, int section, const struct sdp_line *after,
                               char type);
/* Returns true if the line is a=`name` or a=`name`:value. Ignores case, and blanks around the name.
 * Sets `*value` to the trimmed value, unless `value` is NULL. */
bool sdp_line_is_attr(const struct sdp_line *l, const char *name, struct str *value);
/* Like sdp_next, but returns the next line for which sdp_line_is_attr is true. */
struct sdp_line *sdp_next_attr(const struct sdp *s, int section, const struct sdp_line *after,
                               const char *name, struct str *value);
bool sdp_has_attr(const struct sdp *s, int section, const char *name);

/* Replaces the text after "x=" by a copy of `value`. ERR_NOMEM, ERR_TOO_BIG; ERR_SYNTAX: `value`
 * contains a line end or NUL. */
enum err sdp_line_set(struct sdp *s, struct sdp_line *l, struct str value) MUST_USE;
/* Adds a line after `after`, which is a line of `section`; NULL: at the end of the section. Errors
 * as of sdp_line_set. */
enum err sdp_line_add(struct sdp *s, int section, struct sdp_line *after, char type,
                      struct str value) MUST_USE;
void sdp_line_remove(struct sdp_line *l);

/* Removes all a=`name` lines of the section; returns the number of removed lines. */
unsigned sdp_attr_remove(struct sdp *s, int section, const char *name);
/* Adds a=`name`:`value`, or a=`name` when the value is empty. */
enum err sdp_attr_add(struct sdp *s, int section, const char *name, struct str value) MUST_USE;

/* Sets port and transport of the m= line. */
enum err sdp_media_set(struct sdp *s, unsigned media, uint16_t port, struct str proto) MUST_USE;
/* Refuses a media: sets port 0 and removes all lines of the section except m= and a=mid (RFC 3264
 * 6, RFC 5888). */
enum err sdp_media_reject(struct sdp *s, unsigned media) MUST_USE;

/* Appends an m-line with port 0 to a description that has fewer than SDP_MEDIA_MAX. Copies the
 * texts; an empty `kind` becomes audio, an empty `proto` becomes RTP/AVP. ERR_NOMEM. */
enum err sdp_media_append(struct sdp *s, struct str kind, struct str proto) MUST_USE;

#endif
