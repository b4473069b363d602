/* SPDX-License-Identifier: MIT */
/* Every error code of Sluice, its name and meaning, and a text for the human who waits for it. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

/* What a call that can fail returns. ERR_OK is 0; everything else left the outputs untouched. */
enum err {
	ERR_OK = 0,
	ERR_NOMEM,       /* an allocation failed */
	ERR_INVALID,     /* a value is not one of those allowed */
	ERR_RANGE,       /* a number is outside its limits */
	ERR_SYNTAX,      /* octets or text do not follow their grammar */
	ERR_TRUNCATED,   /* octets end before what they announce */
	ERR_TOO_BIG,     /* a size or a count is above its bound */
	ERR_NOT_FOUND,   /* nothing has that name */
	ERR_EXISTS,      /* something else already has that name */
	ERR_WRONG_STATE, /* not possible in the present state */
	ERR_UNSUPPORTED, /* known, and not carried */
	ERR_LIMIT,       /* a configured limit is reached */
	ERR_DENIED,      /* the caller may not ask for it */
	ERR_AUTH,        /* a tag, MAC or signature does not verify */
	ERR_REPLAY,      /* seen before, or too old to tell */
	ERR_EXPIRED,     /* a lifetime is over */
	ERR_REKEY,       /* a new key where a change of key is refused */
	ERR_KEY_USED,    /* a key that is, or was, in use in another place */
	ERR_BUSY,        /* try again later */
	ERR_TIMEOUT,     /* no answer in time */
	ERR_IO,          /* the operating system refused */
	ERR_CRYPTO,      /* a cryptographic library refused */
	ERR_CLOSED,      /* the other side is gone */
	ERR_COUNT
};

/* Marks a result that must not be ignored. */
#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* A stable lower-case word for programs ("not-found") and a line for people. Never NULL. */
const char *err_name(enum err e);
const char *err_meaning(enum err e);

/* The text a person reads when a call fails: names the field, the value and what would do. */
struct why {
	char text[320];
};

/* Writes the text where it is known; `why` may be NULL. Returns `e`, so that a failure is one line.
 */
enum err why_fail(struct why *why, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "prefix: " before the text already there, to name the place that called. */
void why_prefix(struct why *why, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* For our own mistakes, in release builds too; never for input. Ends the process. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))
_Noreturn void check_failed(const char *what, const char *file, int line);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
