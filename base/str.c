/* SPDX-License-Identifier: MIT */
/* Slices of text with a length. */
#include "base/str.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool str_is(struct str a, const char *c)
{
	return str_eq(a, str_of(c));
}

bool str_starts(struct str a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.n >= n && (n == 0 || memcmp(a.p, prefix, n) == 0);
}

bool str_ends(struct str a, const char *suffix)
{
	size_t n = strlen(suffix);

	return a.n >= n && (n == 0 || memcmp(a.p + a.n - n, suffix, n) == 0);
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

struct str str_skip(struct str s, size_t n)
{
	if (n < s.n)
		return str_make(s.p + n, s.n - n);
	return str_make(s.n ? s.p + s.n : s.p, 0); /* an empty text may have a NULL pointer */
}

struct str str_cut(struct str s, char sep, struct str *rest)
{
	size_t at = str_find(s, sep);

	if (rest)
		*rest = str_skip(s, at < s.n ? at + 1 : at);
	return str_make(s.p, at);
}

struct str str_word(struct str *s)
{
	size_t n = 0;
	struct str word;

	while (s->n && is_blank(s->p[0]))
		*s = str_skip(*s, 1);
	while (n < s->n && !is_blank(s->p[n]))
		n++;
	word = str_make(s->p, n);
	*s = str_skip(*s, n);
	return word;
}

enum err str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		if (s.p[i] < '0' || digit > 9)
			return ERR_SYNTAX;
		if (v > (UINT64_MAX - digit) / 10)
			return ERR_RANGE;
		v = v * 10 + digit;
	}
	if (v > max)
		return ERR_RANGE;
	*out = v;
	return ERR_OK;
}

size_t str_put_u64(char *out, uint64_t v)
{
	char digits[STR_U64_MAX];
	size_t n = 0;

	do {
		digits[STR_U64_MAX - ++n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	memcpy(out, digits + STR_U64_MAX - n, n);
	return n;
}

enum err str_copy(struct str s, char *out, size_t room)
{
	if (s.n >= room)
		return ERR_TOO_BIG;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return ERR_OK;
}

enum { DISTANCE_MAX_LEN = 40 };

unsigned str_distance(struct str a, struct str b)
{
	unsigned row[DISTANCE_MAX_LEN + 1];

	if (a.n > DISTANCE_MAX_LEN || b.n > DISTANCE_MAX_LEN)
		return 3;
	for (size_t k = 0; k <= b.n; k++)
		row[k] = (unsigned)k;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (size_t k = 1; k <= b.n; k++) {
			unsigned best = corner + (a.p[i - 1] != b.p[k - 1]);

			corner = row[k];
			best = best < row[k] + 1 ? best : row[k] + 1;
			row[k] = best < row[k - 1] + 1 ? best : row[k - 1] + 1;
		}
	}
	return row[b.n] < 3 ? row[b.n] : 3;
}
