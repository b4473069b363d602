/* SPDX-License-Identifier: MIT */
/* Command lines of the terminal's tool. */
#include "cmd/sluice-ue/options.h"

#include <getopt.h>
#include <string.h>

struct option_row {
	char letter;
	const char *name, *argument; /* argument NULL: a flag */
	const char *help;
};

static const struct option_row rows[] = {
	{'c', "credentials", "FILE", "who the terminal is"},
	{'t', "to", "URI", "who is called; of a ticket, who may resolve it (repeatable)"},
	{'s', "state", "FILE", "what an offer keeps until its answer is there"},
	{'C', "call", "FILE", "what a call keeps for its updates"},
	{'T', "ticket", "FILE", "a ticket asked for before"},
	{'p', "protect", "e2e-kms|e2e-sdes|e2ae|none",
         "the user's choice for this call; else the policy of the credentials decides"},
	{'F', "caller", "URI",
         "who calls, as the signalling says: for the policy; else as the offer's message says"},
	{'m', "mode", "1|2|3|4",
         "1, 2: the KMS makes the ticket; 3 (default), 4: the terminal does. 2, 4: the called one "
         "opens it by itself"},
	{'l', "lifetime", "SECONDS", "of the ticket (3600)"},
	{'u', "suite", "NAME", "SRTP crypto suite (AES_CM_128_HMAC_SHA1_80)"},
	{'L', "level", "session|media", "one message for all m= lines, or one for each"},
	{'r', "reuse", NULL, "the ticket is for more calls than one"},
	{'R', "rekey", "caller|called|both|none", "who may bring new keys into the call"},
	{'=', "same", NULL, "hold, resume, another address: the keys stay as they are"},
	{'k', "show-keys", NULL, "print master keys and salts"},
	{'f', "from", "FILE", "what a GBA client left: ks, rand, impi, btid, lifetime"},
	{'n', "name", "URI", "own identity, for new credentials"},
	{'i', "kms-id", "URI", "the KMS's identity, for new credentials"},
	{'U', "kms-url", "URL", "where it is asked"},
	{'a', "kms-ca", "FILE", "PEM roots for https"},
	{'N', "naf", "FQDN", "the KMS's name in NAF_Id, where it is not the host of its identity"},
	{'b', "answerer", "FILE", "credentials of the called terminal, played here as well"},
	{'g', "gateway", "SOCKET", "control socket of the gateway the call goes through"},
	{'S', "sip", "HOST:PORT", "address of the own SIP side (TCP)"},
	{'P', "proxy", "HOST:PORT", "SIP proxy the call goes through"},
	{'w', "wait", NULL, "wait for a call and answer it"},
	{'o', "local", "ADDRESS", "where media is received (127.0.0.1)"},
	{'d', "seconds", "N", "how long audio flows in each phase (2)"},
	{'h', "hold", NULL, "hold and resume after the first phase"},
	{'e', "renew", NULL, "renew the keys and go on"},
};

static const struct option_row *row_of(int letter)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

static bool read_number(const char *text, uint32_t max, uint32_t *out)
{
	uint64_t v;

	if (str_to_u64(str_of(text), max, &v) || v == 0)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool read_word(const char *text, const char *const *words, unsigned *out)
{
	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(text, words[i])) {
			*out = i;
			return true;
		}
	return false;
}

static bool read_rekey(struct options *o, const char *text)
{
	static const char *const words[] = {"none", "caller", "called", "both", NULL};
	unsigned who;

	if (!read_word(text, words, &who))
		return false;
	o->initiator_rekeys = who & 1;
	o->responder_rekeys = who & 2;
	return true;
}

static bool read_level(struct options *o, const char *text)
{
	static const char *const words[] = {"session", "media", NULL};
	unsigned level;

	if (!read_word(text, words, &level))
		return false;
	o->level = level ? UE_LEVEL_MEDIA : UE_LEVEL_SESSION;
	return true;
}

static bool take_peer(struct options *o, const char *text)
{
	if (o->n_to == OPTIONS_PEERS_MAX)
		return false;
	o->to[o->n_to++] = text;
	return true;
}

static bool take_protection(struct options *o, const char *text)
{
	o->user_has_said = true;
	return !ue_protection_find(str_of(text), &o->protection);
}

static bool take_texts(struct options *o, int letter, const char *text)
{
	const char **const to[] = {&o->credentials, &o->state, &o->call,     &o->ticket,
	                           &o->from,        &o->name,  &o->kms_id,   &o->kms_url,
	                           &o->kms_ca,      &o->naf,   &o->answerer, &o->gateway,
	                           &o->sip,         &o->proxy, &o->local,    &o->caller};
	static const char letters[] = "csCTfniUaNbgSPoF";

	*to[strchr(letters, letter) - letters] = text;
	return true;
}

static bool take(struct options *o, int letter, const char *text)
{
	switch (letter) {
	case 't':
		return take_peer(o, text);
	case 'p':
		return take_protection(o, text);
	case 'm':
		return read_number(text, 4, &o->mode);
	case 'l':
		return read_number(text, UE_TICKET_LIFETIME_MAX_S, &o->lifetime_s);
	case 'u':
		return (o->suite = suite_find(str_of(text))) != NULL;
	case 'L':
		return read_level(o, text);
	case 'R':
		return read_rekey(o, text);
	case 'd':
		return read_number(text, 3600, &o->seconds);
	case 'r':
		return o->reuse = true;
	case '=':
		return o->same = true;
	case 'k':
		return o->show_keys = true;
	case 'w':
		return o->wait = true;
	case 'h':
		return o->hold = true;
	case 'e':
		return o->renew = true;
	default:
		return take_texts(o, letter, text);
	}
}

static bool has_needed(const char *command, const char *needs, const bool seen[128])
{
	for (; *needs; needs++)
		if (!seen[(unsigned char)*needs]) {
			fprintf(stderr, "sluice-ue %s: --%s is needed: %s\n", command,
			        row_of(*needs)->name, row_of(*needs)->help);
			return false;
		}
	return true;
}

bool options_read(struct options *o, const char *command, const char *takes, const char *needs,
                  int argc, char **argv)
{
	struct option long_options[ARRAY_LEN(rows) + 1] = {0};
	bool seen[128] = {false};
	int c;

	*o = (struct options){.lifetime_s = UE_TICKET_LIFETIME_S,
	                      .suite = suite_get(SUITE_AES_CM_128_HMAC_SHA1_80),
	                      .seconds = 2,
	                      .local = "127.0.0.1"};
	for (size_t i = 0, n = 0; i < ARRAY_LEN(rows); i++)
		if (strchr(takes, rows[i].letter))
			long_options[n++] = (struct option){
				rows[i].name, rows[i].argument ? required_argument : no_argument,
				NULL, rows[i].letter};
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == '?')
			return false;
		seen[c] = true;
		if (!take(o, c, optarg)) {
			fprintf(stderr, "sluice-ue %s: --%s %s: %s is wanted\n", command,
			        row_of(c)->name, optarg, row_of(c)->argument);
			return false;
		}
	}
	o->files = argv + optind;
	o->n_files = argc - optind;
	return has_needed(command, needs, seen);
}

void options_help(FILE *to, const char *takes, const char *needs)
{
	for (; *takes; takes++) {
		const struct option_row *r = row_of(*takes);
		char word[48];

		snprintf(word, sizeof(word), "--%s %s", r->name, r->argument ? r->argument : "");
		fprintf(to, "      %-28s %s%s\n", word, strchr(needs, r->letter) ? "(needed) " : "",
		        r->help);
	}
}
