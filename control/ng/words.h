/* SPDX-License-Identifier: MIT */
/* Tables of the words of ng requests, and what each word does. */
#ifndef CONTROL_NG_WORDS_H
#define CONTROL_NG_WORDS_H

#include "control/ng/message.h"

/* Suites in the order in which the request names them, each once. */
struct ng_suites {
	uint8_t n;
	uint32_t seen; /* bits by suite_id: the suites in `ids` */
	enum suite_id ids[DIALOG_SUITES_MAX];
};

/* The state of reading one request. */
struct ng_reading {
	struct ng_message *out;
	const struct ng_context *context;
	struct why *why;
	struct addr received_from; /* used if the flag SIP-source-address is present */
	bool source_is_believed;   /* true: SIP-source-address; false: trust-address, the default */
	/* Words about suites come in any order; ng_sdes_settle evaluates them at the end. */
	bool sdes_off, has_only, has_crypto;
	bool passes;        /* no-recrypt: SRTP on both sides passes, whatever other words say */
	uint32_t no_suites; /* bits by suite_id: excluded by SDES no- */
	struct ng_suites only, added, crypto; /* SDES only-, SDES suite names, key `crypto` */
};

/* `value`: the value of the key, or the word of a list. `argument`: the text after the prefix of a
 * name that ends in "=". */
typedef enum err ng_word_fn(struct ng_reading *r, const struct doc *value, struct str argument);

/* One word: a row of a table. A `name` that ends in "=" is a prefix that an argument follows. */
struct ng_word {
	const char *name;
	enum ng_how how;
	ng_word_fn *fn;   /* called for a SUPPORTED or IGNORED word; NULL: nothing to do */
	const char *text; /* what the word does, or why it is ignored or refused */
};

struct ng_table {
	const char *where; /* the key that has these words; "key" for the table of keys */
	const struct ng_word *words;
	size_t n;
};

extern const struct ng_table ng_key_table, ng_flag_table, ng_sdes_table, ng_mux_table,
	ng_replace_table, ng_ice_table, ng_dtls_table, ng_learning_table, ng_osrtp_table;

/* Looks up a word and calls its function. ERR_UNSUPPORTED: the table refuses the word; else the
 * error of the function. */
enum err ng_word_read(struct ng_reading *r, const struct ng_table *t, struct str said,
                      const struct doc *value) MUST_USE;
/* Calls ng_word_read for each word of a list, or for a single word. */
enum err ng_words_read(struct ng_reading *r, const struct ng_table *t,
                       const struct doc *value) MUST_USE;
/* Reads the key `crypto`: suites to accept and offer, best first. */
enum err ng_crypto_read(struct ng_reading *r, const struct doc *v) MUST_USE;
/* Decides which suites are accepted and offered. Call it after all words are read. */
void ng_sdes_settle(struct ng_reading *r);
/* Writes a value for an error text: a text or number in quotes, cut to 48 octets, with "?" for
 * unprintable characters; of other values their kind. Not for values that may hold keys. */
#define NG_SAID_MAX 56
const char *ng_said(const struct doc *v, char out[NG_SAID_MAX]);
/* Counts an ignored word and appends its name to the list for the log. */
void ng_word_ignore(struct ng_reading *r, const char *where, struct str said);

static inline struct dialog_options *ng_options(struct ng_reading *r)
{
	return &r->out->dialog.options;
}

#endif
