/* SPDX-License-Identifier: MIT */
/* The error codes, with name and meaning, and the text that explains an error to a person. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

/* The result of a call that can fail. ERR_OK is 0. After any other result the
 * outputs are unchanged. */
enum err {
	ERR_OK = 0,
	ERR_NOMEM,       /* an allocation failed */
	ERR_INVALID,     /* a value is not allowed */
	ERR_RANGE,       /* a number is out of range */
	ERR_SYNTAX,      /* octets or text violate their grammar */
	ERR_TRUNCATED,   /* octets end before an announced length */
	ERR_TOO_BIG,     /* a size or a count exceeds its limit */
	ERR_NOT_FOUND,   /* nothing has this name */
	ERR_EXISTS,      /* something else already has this name */
	ERR_WRONG_STATE, /* not possible in the present state */
	ERR_UNSUPPORTED, /* known, but not supported */
	ERR_LIMIT,       /* a configured limit is reached */
	ERR_DENIED,      /* the caller is not allowed to do this */
	ERR_AUTH,        /* a tag, MAC or signature does not verify */
	ERR_REPLAY,      /* already seen, or too old to decide */
	ERR_EXPIRED,     /* a lifetime has ended */
	ERR_REKEY,       /* a new key where the key may not change */
	ERR_KEY_USED,    /* a key that is, or was, used elsewhere */
	ERR_BUSY,        /* try again later */
	ERR_TIMEOUT,     /* no answer within the time limit */
	ERR_IO,          /* the operating system refused */
	ERR_CRYPTO,      /* a cryptographic library refused */
	ERR_CLOSED,      /* the peer closed the connection */
	ERR_COUNT
};

/* Marks a result that must not be ignored. */
#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* A stable lower-case word for programs ("not-found"), and a text for people. Never NULL. */
const char *err_name(enum err e);
const char *err_meaning(enum err e);

/* Explains to a person why a call failed: names the field, the value and what is allowed. */
struct why {
	char text[320];
};

/* Writes the text; `why` may be NULL. Returns `e`, so that a failure is one statement. */
enum err why_fail(struct why *why, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "prefix: " in front of the text, to name the caller's context. */
void why_prefix(struct why *why, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Checks an invariant of this program, in release builds too. Never for input. A failure
 * ends the process. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))
_Noreturn void check_failed(const char *what, const char *file, int line);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
