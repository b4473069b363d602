/* SPDX-License-Identifier: MIT */
/* A session description (RFC 8866) as sections of lines: parse, edit, print. A line that nobody
 * edits is printed octet for octet as it came. */
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

/* Where a line stands: a media's index, or before the first of them. */
enum { SDP_SESSION = -1 };

/* The description owns it, and frees it. */
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
	uint16_t n_ports;  /* behind the slash of the port; 1 without */
	const char *fault; /* why this line can't be used; NULL: it can. What could not be read is
	                      empty, the port 0 */
};

/* Keys may stand in it: every octet is wiped by sdp_free. Any thread, one at a time. */
struct sdp {
	struct link session; /* lines before the first m= */
	unsigned n_media;
	unsigned n_said; /* m= lines of the text; those beyond SDP_MEDIA_MAX are left out */
	struct sdp_media media[SDP_MEDIA_MAX];
	uint8_t end_len;  /* line end of the first line, used for new ones */
	bool is_repaired; /* it does not print as it came */
	struct sdp_chunk *chunks;
};

/*
 * Copies `text`. ERR_SYNTAX (names the line), ERR_TOO_BIG (text, lines, SDP_MEDIA_SAID_MAX),
 * ERR_NOMEM. Refused are a NUL or a lone CR, another version or a second description, and what
 * holds no line at all. A line that is not a letter, "=" and text is left out; a capital letter
 * becomes small, blanks before it go, and v=0 is put in front of what lacks it. An m= line that
 * can't be read has a `fault`; those that are too many are left out with all that stands below
 * them. Other lines are not judged.
 */
enum err sdp_parse(struct sdp **out, struct str text, struct why *why) MUST_USE;
void sdp_free(struct sdp *s); /* takes NULL */

/* Octets sdp_print will write. */
size_t sdp_length(const struct sdp *s);
/* ERR_TOO_BIG. No NUL is added. */
enum err sdp_print(const struct sdp *s, char *out, size_t room, size_t *len) MUST_USE;

/* --- lines; `section` is a media's index or SDP_SESSION --------------------- */

/* The lines in order: NULL begins, NULL ends. */
struct sdp_line *sdp_next(const struct sdp *s, int section, const struct sdp_line *after);
/* The next line of a type. */
struct sdp_line *sdp_next_type(const struct sdp *s, int section, const struct sdp_line *after,
                               char type);
/* Is it a=`name` or a=`name`:value? Case and blanks around the name don't count; `value` is
 * trimmed, and may be NULL. */
bool sdp_line_is_attr(const struct sdp_line *l, const char *name, struct str *value);
/* The next such line. */
struct sdp_line *sdp_next_attr(const struct sdp *s, int section, const struct sdp_line *after,
                               const char *name, struct str *value);
bool sdp_has_attr(const struct sdp *s, int section, const char *name);

/* Replaces the text behind "x="; copied. ERR_NOMEM, ERR_TOO_BIG, ERR_SYNTAX (a line end inside). */
enum err sdp_line_set(struct sdp *s, struct sdp_line *l, struct str value) MUST_USE;
/* A new line behind `after`, which belongs to `section`; NULL: at the section's end. */
enum err sdp_line_add(struct sdp *s, int section, struct sdp_line *after, char type,
                      struct str value) MUST_USE;
void sdp_line_remove(struct sdp_line *l);

/* All a=`name` lines of the section; returns how many there were. */
unsigned sdp_attr_remove(struct sdp *s, int section, const char *name);
/* a=`name`:`value`, or a=`name` when the value is empty. */
enum err sdp_attr_add(struct sdp *s, int section, const char *name, struct str value) MUST_USE;

/* Rewrite the m= line. */
enum err sdp_media_set(struct sdp *s, unsigned media, uint16_t port, struct str proto) MUST_USE;
/* Refused: port 0, no attributes but those needed to name it (RFC 3264 6). */
enum err sdp_media_reject(struct sdp *s, unsigned media) MUST_USE;

/* One more m-line, that is off; at the end, which may not be the last of SDP_MEDIA_MAX. Texts are
 * copied; empty ones become audio, RTP/AVP. ERR_NOMEM. */
enum err sdp_media_append(struct sdp *s, struct str kind, struct str proto) MUST_USE;

#endif
