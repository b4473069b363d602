/* SPDX-License-Identifier: MIT */
/* Names and meanings of the error codes. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static const struct {
	const char *name;
	const char *meaning;
} table[ERR_COUNT] = {
	[ERR_OK] = {"ok", "no error"},
	[ERR_NOMEM] = {"no-memory", "out of memory"},
	[ERR_INVALID] = {"invalid", "the value is not allowed"},
	[ERR_RANGE] = {"range", "the number is out of range"},
	[ERR_SYNTAX] = {"syntax", "the input does not follow its grammar"},
	[ERR_TRUNCATED] = {"truncated", "the input ends too early"},
	[ERR_TOO_BIG] = {"too-big", "a size or a count exceeds its limit"},
	[ERR_NOT_FOUND] = {"not-found", "not found"},
	[ERR_EXISTS] = {"exists", "another entry already has this name"},
	[ERR_WRONG_STATE] = {"wrong-state", "not possible in the present state"},
	[ERR_UNSUPPORTED] = {"unsupported", "understood, but not supported"},
	[ERR_LIMIT] = {"limit", "a configured limit is reached"},
	[ERR_DENIED] = {"denied", "not allowed for this caller"},
	[ERR_AUTH] = {"auth", "authentication failed"},
	[ERR_REPLAY] = {"replay", "already seen, or too old to be checked"},
	[ERR_EXPIRED] = {"expired", "the lifetime has ended"},
	[ERR_REKEY] = {"rekey-not-allowed", "the key may not change here"},
	[ERR_KEY_USED] = {"key-used", "the key is in use elsewhere, or was used before"},
	[ERR_BUSY] = {"busy", "try again later"},
	[ERR_TIMEOUT] = {"timeout", "no answer within the time limit"},
	[ERR_IO] = {"io", "a call to the operating system failed"},
	[ERR_CRYPTO] = {"crypto", "a cryptographic operation failed"},
	[ERR_CLOSED] = {"closed", "the peer closed the connection"},
};

const char *err_name(enum err e)
{
	return (unsigned)e < ERR_COUNT ? table[e].name : "unknown";
}

const char *err_meaning(enum err e)
{
	return (unsigned)e < ERR_COUNT ? table[e].meaning : "unknown error";
}

enum err why_fail(struct why *why, enum err e, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return e;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return e;
}

void why_prefix(struct why *why, const char *fmt, ...)
{
	struct why old;
	va_list ap;
	int n;

	if (!why)
		return;
	old = *why;
	va_start(ap, fmt);
	n = vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(why->text))
		snprintf(why->text + n, sizeof(why->text) - (size_t)n, ": %.*s",
		         (int)(sizeof(why->text) - (size_t)n - 3), old.text);
}

void check_failed(const char *what, const char *file, int line)
{
	struct log_site site = {.level = LOG_ERROR_LEVEL,
	                        .mod = "check",
	                        .msg = "broken invariant",
	                        .any_level = true,
	                        .unlimited = true};
	char at[200];

	snprintf(at, sizeof(at), "%s:%d", file, line);
	log_line(&site, LOG_ARRAY(LOG_TEXT(expr, what), LOG_TEXT(at, at)));
	abort();
}
