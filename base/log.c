/* SPDX-License-Identifier: MIT */
/* Log lines in logfmt. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const char *const names[] = {
	[LOG_ERROR_LEVEL] = "error",
	[LOG_WARN_LEVEL] = "warn",
	[LOG_INFO_LEVEL] = "info",
	[LOG_DEBUG_LEVEL] = "debug",
};

static enum log_level current = LOG_INFO_LEVEL;

void log_set_level(enum log_level level)
{
	current = level;
}

enum err log_level_parse(struct str name, enum log_level *out)
{
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (str_is(name, names[i])) {
			*out = (enum log_level)i;
			return ERR_OK;
		}
	}
	return ERR_INVALID;
}

static void emit(enum log_level level, const char *mod, const char *fmt, va_list ap)
{
	char line[1024];
	struct timespec now;
	struct tm tm;
	int n;

	if (level > current)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = snprintf(line, sizeof(line),
	             "time=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ level=%s mod=%s ",
	             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	             now.tv_nsec / 1000000, names[level], mod);
	if (n < 0 || (size_t)n >= sizeof(line))
		return;
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	/* One write per line: lines of several processes do not mix. */
	fprintf(stderr, "%s\n", line);
}

#define DEFINE_LEVEL(fn, level)                        \
	void fn(const char *mod, const char *fmt, ...) \
	{                                              \
		va_list ap;                            \
		va_start(ap, fmt);                     \
		emit(level, mod, fmt, ap);             \
		va_end(ap);                            \
	}

DEFINE_LEVEL(log_error, LOG_ERROR_LEVEL)
DEFINE_LEVEL(log_warn, LOG_WARN_LEVEL)
DEFINE_LEVEL(log_info, LOG_INFO_LEVEL)
DEFINE_LEVEL(log_debug, LOG_DEBUG_LEVEL)

const char *log_quote(struct str text, char *out, size_t room)
{
	size_t at = 0;

	if (room < 3)
		return "";
	out[at++] = '"';
	for (size_t i = 0; i < text.n && at + 7 < room; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '"' || c == '\\') {
			out[at++] = '\\';
			out[at++] = (char)c;
		} else if (c < 0x20 || c >= 0x7f) {
			at += (size_t)snprintf(out + at, room - at, "\\x%02x", c);
		} else {
			out[at++] = (char)c;
		}
	}
	out[at++] = '"';
	out[at] = '\0';
	return out;
}
