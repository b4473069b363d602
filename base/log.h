/* SPDX-License-Identifier: MIT */
/* Levelled log lines in logfmt. Control thread only; workers send events instead. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

/* error: an operator must act. warn: an operator may have to act. info: normal events, such as the
 * start and end of a session. debug: details for developers. */
enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

void log_set_level(enum log_level level);
/* `name` is "error", "warn", "info" or "debug". */
enum err log_level_parse(struct str name, enum log_level *out) MUST_USE;

/* Writes one line to standard error: `time=… level=info mod=session sid=… msg="…"`. `fmt` gives the
 * fields after mod; the caller quotes values that contain blanks with log_quote. Never log a key;
 * never log per packet. */
void log_error(const char *mod, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *mod, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_info(const char *mod, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_debug(const char *mod, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Makes untrusted text safe as the value of a field: quotes and escapes it, and truncates it to
 * `room` octets. Returns `out`. */
const char *log_quote(struct str text, char *out, size_t room);

enum { LOG_QUOTED_ROOM = 640 };
/* Quotes and escapes a text into a buffer that lives until the end of the enclosing block. Use it
 * for every text that a peer or a client chose: a Call-ID with a line break must not forge a log
 * line. */
#define LOG_QUOTED(text) log_quote(str_of(text), (char[LOG_QUOTED_ROOM]){0}, LOG_QUOTED_ROOM)

#endif
