/* SPDX-License-Identifier: MIT */
/* Levelled log lines in logfmt. Control thread only: workers send events instead. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

/* error: someone must act. warn: someone may. info: the life of sessions. debug: control only. */
enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

void log_set_level(enum log_level level);
/* "error", "warn", "info", "debug". */
enum err log_level_parse(struct str name, enum log_level *out) MUST_USE;

/*
 * One line to standard error: `level=info mod=session sid=… msg="…"`. `fmt` yields the fields after
 * mod; values with blanks are quoted by the caller with log_quote. Never a key, never per packet.
 */
void log_error(const char *mod, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *mod, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_info(const char *mod, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_debug(const char *mod, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Text from strangers made fit for a field: quoted, escaped, cut at `room`. Returns `out`. */
const char *log_quote(struct str text, char *out, size_t room);

#endif
