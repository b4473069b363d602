/* SPDX-License-Identifier: MIT */
/* Tables of the words of ng requests, and what each word does. */
#ifndef CONTROL_NG_WORDS_H
#define CONTROL_NG_WORDS_H

#include "control/ng/message.h"

/* Suites in the order named, each once. */
struct ng_suites {
	uint8_t n;
	uint32_t seen;
	enum suite_id ids[DIALOG_SUITES_MAX];
};

/* A request while it is read. */
struct ng_reading {
	struct ng_message *out;
	const struct ng_context *context;
	struct why *why;
	struct addr received_from; /* used with the flag SIP-source-address, in any order */
	bool source_is_believed;
	/* About suites; evaluated after all words, which come in any order. */
	bool sdes_off, has_only, has_crypto;
	bool passes; /* SRTP on both sides passes, whatever other words say */
	uint32_t no_suites;
	struct ng_suites only, added, crypto;
};

/* `value`: of the key; for a flag the word itself. `argument`: what follows the prefix. */
typedef enum err ng_word_fn(struct ng_reading *r, const struct doc *value, struct str argument);

/* One word. A name that ends in "=" is a prefix. */
struct ng_word {
	const char *name;
	enum ng_how how;
	ng_word_fn *fn; /* called for a SUPPORTED word; NULL: nothing to do */
	const char *text;
};

struct ng_table {
	const char *where;
	const struct ng_word *words;
	size_t n;
};

extern const struct ng_table ng_key_table, ng_flag_table, ng_sdes_table, ng_mux_table,
	ng_replace_table, ng_ice_table, ng_dtls_table, ng_learning_table, ng_osrtp_table;

/* Looks a word up and carries it out. ERR_UNSUPPORTED: it is refused. */
enum err ng_word_read(struct ng_reading *r, const struct ng_table *t, struct str said,
                      const struct doc *value) MUST_USE;
/* The same for a list of words, or a single word. */
enum err ng_words_read(struct ng_reading *r, const struct ng_table *t,
                       const struct doc *value) MUST_USE;
/* The key `crypto`: suites to accept and offer, best first. */
enum err ng_crypto_read(struct ng_reading *r, const struct doc *v) MUST_USE;
/* Decides, after all words, which suites are accepted and offered. */
void ng_sdes_settle(struct ng_reading *r);
/* A value for error texts: a text or number in quotes, cut and printable; other values by their
 * kind. Not for values that may hold keys. */
#define NG_SAID_MAX 56
const char *ng_said(const struct doc *v, char out[NG_SAID_MAX]);
/* Remembers an ignored word. */
void ng_word_ignore(struct ng_reading *r, const char *where, struct str said);

static inline struct dialog_options *ng_options(struct ng_reading *r)
{
	return &r->out->dialog.options;
}

#endif
