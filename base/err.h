/* SPDX-License-Identifier: MIT */
/* The error codes, their names and meanings, and the text that explains an error to a person. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

/* The result of a function that can fail. ERR_OK is 0. If the result is not ERR_OK, the outputs are
 * unchanged. */
enum err {
	ERR_OK = 0,
	ERR_NOMEM,       /* an allocation failed */
	ERR_INVALID,     /* a value is not allowed */
	ERR_RANGE,       /* a number is out of range */
	ERR_SYNTAX,      /* octets or text violate their grammar */
	ERR_TRUNCATED,   /* the octets end before an announced length */
	ERR_TOO_BIG,     /* a size or a count exceeds its limit */
	ERR_NOT_FOUND,   /* no entry has this name or number */
	ERR_EXISTS,      /* another entry already has this name */
	ERR_WRONG_STATE, /* the operation is not possible in the present state */
	ERR_UNSUPPORTED, /* the input is understood, but not supported */
	ERR_LIMIT,       /* a configured limit is reached */
	ERR_DENIED,      /* the caller is not allowed to do this */
	ERR_AUTH,        /* a tag, MAC or signature does not verify */
	ERR_REPLAY,      /* a message was already seen, or is too old to be checked */
	ERR_EXPIRED,     /* the lifetime of a key, ticket or certificate has ended */
	ERR_REKEY,       /* a new key was given where the key may not change */
	ERR_KEY_USED,    /* the key is in use elsewhere, or was used before */
	ERR_BUSY,        /* a resource is busy: try again later */
	ERR_TIMEOUT,     /* no answer arrived within the time limit */
	ERR_IO,          /* a call to the operating system failed */
	ERR_CRYPTO,      /* a call to a cryptographic library failed */
	ERR_CLOSED,      /* the peer closed the connection */
	ERR_COUNT
};

/* Marks a result that must not be ignored. */
#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* err_name returns a stable lower-case word for programs ("not-found"), err_meaning a text for
 * people. Neither returns NULL. */
const char *err_name(enum err e);
const char *err_meaning(enum err e);

/* The text that explains to a person why a function failed: it names the field, the value and what
 * is allowed. */
struct why {
	char text[320];
};

/* Writes the text into `why`, which may be NULL. Returns `e`, so that a function can fail in one
 * statement. */
enum err why_fail(struct why *why, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts "PREFIX: " in front of the text; the prefix names the context, such as a file or a field. */
void why_prefix(struct why *why, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Ends the process if an invariant of this program is broken, in release builds too. Do not use it
 * to check input. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))
_Noreturn void check_failed(const char *what, const char *file, int line);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
