/* SPDX-License-Identifier: MIT */
/* Reads the command lines of sluice-ue. */
#include "cmd/sluice-ue/options.h"

#include <string.h>

static const struct ue_options defaults = {.lifetime_s = UE_TICKET_LIFETIME_S,
                                           .suite_name = "AES_CM_128_HMAC_SHA1_80",
                                           .level_name = "session",
                                           .rekey_name = "none",
                                           .local = "127.0.0.1",
                                           .seconds = 2};

/* Lists the options of all commands; their values are stored in `o`. */
static size_t all_rows(struct opt rows[OPT_ROWS_MAX], struct ue_options *o)
{
	const struct opt table[] = {
		{"credentials", OPT_TEXT, &o->credentials, .arg = "FILE",
	         .help = "the terminal's identity and keys"},
		{"to", OPT_TEXTS, &o->to, .max = OPTIONS_PEERS_MAX, .arg = "URI",
	         .help = "the called party; for a ticket, an identity that may resolve it "
	                 "(repeatable)"},
		{"state", OPT_TEXT, &o->state, .arg = "FILE",
	         .help = "state of the offer: offer writes it, finish reads it to check the "
	                 "answer"},
		{"call", OPT_TEXT, &o->call, .arg = "FILE",
	         .help = "the state of an established call, for its updates"},
		{"ticket", OPT_TEXT, &o->ticket, .arg = "FILE",
	         .help = "the ticket that request writes and offer uses"},
		{"protect", OPT_CHOICE, &o->protection_name,
	         .choices = "e2e-kms|e2e-sdes|e2ae|none",
	         .help = "protection of this call; default: the policy of the credentials"},
		{"caller", OPT_TEXT, &o->caller, .arg = "URI",
	         .help = "the caller's identity from the signalling, for the policy; default: the "
	                 "identity in the offer's message"},
		{"mode", OPT_COUNT, &o->mode, .min = 1, .max = 4, .arg = "1|2|3|4",
	         .help = "maker of the ticket: 1 (default of request), 2: the KMS; 3 (default of "
	                 "offer and call), 4: the terminal. In modes 2 and 4 the called party "
	                 "opens the ticket without the KMS"},
		{"ticket-type", OPT_COUNT, &o->ticket_type, .min = TICKET_TYPE_MIKEY,
	         .max = TICKET_TYPE_3GPP, .arg = "1|2",
	         .help = "type of the ticket: 1 (default), the MIKEY base ticket; 2, the 3GPP base "
	                 "ticket"},
		{"lifetime", OPT_COUNT, &o->lifetime_s, .min = 1, .max = UE_TICKET_LIFETIME_MAX_S,
	         .arg = "SECONDS", .help = "lifetime of the ticket"},
		{"suite", OPT_TEXT, &o->suite_name, .arg = "NAME", .help = "SRTP crypto suite"},
		{"level", OPT_CHOICE, &o->level_name, .choices = "session|media",
	         .help = "one message for all m= lines, or one for each"},
		{"no-response", OPT_FLAG, &o->no_response,
	         .help = "the called terminal sends no TRANSFER_RESP (flag F is not set): the "
	                 "answer has no message"},
		{"reuse", OPT_FLAG, &o->reuse, .help = "the ticket may serve several calls"},
		{"rekey", OPT_CHOICE, &o->rekey_name, .choices = "caller|called|both|none",
	         .help = "the side that may supply new keys during the call"},
		{"same", OPT_FLAG, &o->same,
	         .help = "keep the keys: for hold, resume or another address"},
		{"show-keys", OPT_FLAG, &o->show_keys, .help = "print master keys and salts"},
		{"from", OPT_TEXT, &o->from, .arg = "FILE",
	         .help = "the GBA client's output: ks, rand, impi, btid, lifetime"},
		{"name", OPT_TEXT, &o->name, .arg = "URI",
	         .help = "the terminal's identity, for new credentials"},
		{"kms-id", OPT_TEXT, &o->kms_id, .arg = "URI",
	         .help = "identity of the KMS, for new credentials"},
		{"kms-url", OPT_TEXT, &o->kms_url, .arg = "URL", .help = "URL of the KMS"},
		{"kms-ca", OPT_TEXT, &o->kms_ca, .arg = "FILE",
	         .help = "PEM file of CA certificates for https"},
		{"naf", OPT_TEXT, &o->naf, .arg = "FQDN",
	         .help = "the KMS's name in NAF_Id; default: the host of its identity"},
		{"answerer", OPT_TEXT, &o->answerer, .arg = "FILE",
	         .help = "credentials of the called terminal, which this program also runs"},
		{"gateway", OPT_TEXT, &o->gateway, .arg = "SOCKET",
	         .help = "control socket of the gateway that carries the call"},
		{"sip", OPT_TEXT, &o->sip, .arg = "HOST:PORT", .help = "local SIP address (TCP)"},
		{"proxy", OPT_TEXT, &o->proxy, .arg = "HOST:PORT",
	         .help = "SIP proxy that routes the call"},
		{"wait", OPT_FLAG, &o->wait, .help = "wait for a call and answer it"},
		{"local", OPT_TEXT, &o->local, .arg = "ADDRESS", .help = "local address for media"},
		{"seconds", OPT_COUNT, &o->seconds, .min = 1, .max = 3600, .arg = "N",
	         .help = "duration of the audio in each phase"},
		{"hold", OPT_FLAG, &o->hold,
	         .help = "hold and resume the call after the first phase"},
		{"renew", OPT_FLAG, &o->renew, .help = "renew the keys, then send audio again"},
		{"json", OPT_FLAG, &o->json, .help = "print the tree as JSON"},
	};

	_Static_assert(ARRAY_LEN(table) <= OPT_ROWS_MAX, "OPT_ROWS_MAX");
	memcpy(rows, table, sizeof(table));
	return ARRAY_LEN(table);
}

static bool has_word(const char *words, const char *word)
{
	struct str rest = str_of(words);

	while (rest.n)
		if (str_is(str_cut(rest, ' ', &rest), word))
			return true;
	return false;
}

/* Keeps the rows of the options that the command takes, in the order of the table. */
static size_t choose_rows(struct opt *rows, size_t n, const struct ue_command *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!has_word(c->takes, rows[i].name))
			continue;
		rows[kept] = rows[i];
		rows[kept++].required = has_word(c->needs, rows[i].name);
	}
	return kept;
}

static int unknown_suite(const struct ue_options *o, const struct opt_command *c)
{
	char names[SUITE_COUNT * (SUITE_NAME_MAX + 2)] = "";
	size_t n = 0;

	for (size_t i = 0; i < SUITE_COUNT && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "",
		                      suite_get(suite_best_first[i])->name);
	return opt_misused(c, "--suite: '%s' is not an SRTP crypto suite; it must be one of %s",
	                   o->suite_name, names);
}

static enum opt_outcome resolve(struct ue_options *o, const struct opt_command *c, int *status)
{
	o->initiator_rekeys = !strcmp(o->rekey_name, "caller") || !strcmp(o->rekey_name, "both");
	o->responder_rekeys = !strcmp(o->rekey_name, "called") || !strcmp(o->rekey_name, "both");
	o->level = !strcmp(o->level_name, "media") ? UE_LEVEL_MEDIA : UE_LEVEL_SESSION;
	o->user_has_said = o->protection_name != NULL;
	if (o->user_has_said)
		CHECK(!ue_protection_find(str_of(o->protection_name), &o->protection));
	o->suite = suite_find(str_of(o->suite_name));
	if (o->suite)
		return OPT_GO;
	*status = unknown_suite(o, c);
	return OPT_STOP;
}

enum opt_outcome options_read(struct ue_options *o, const struct ue_command *command, int argc,
                              char **argv, int *status)
{
	struct opt rows[OPT_ROWS_MAX];
	char name[64];
	struct opt_command c = {.name = name,
	                        .usage = command->files,
	                        .about = command->help,
	                        .opts = rows,
	                        .n_opts = choose_rows(rows, all_rows(rows, o), command),
	                        .words_min = command->files_min,
	                        .words_max = command->files_max};
	const char *wrong;

	*o = defaults;
	snprintf(name, sizeof(name), "sluice-ue %s", command->name);
	if (opt_parse(&c, argc, argv, &o->n_files, status) == OPT_STOP)
		return OPT_STOP;
	o->files = argv + 1;
	if (resolve(o, &c, status) == OPT_STOP)
		return OPT_STOP;
	wrong = command->misuse ? command->misuse(o) : NULL;
	if (!wrong)
		return OPT_GO;
	*status = opt_misused(&c, "%s", wrong);
	return OPT_STOP;
}

/* --- options that belong together, or exclude each other ---------------------- */

static const char *misuse_of_ticket(const struct ue_options *o)
{
	return o->no_response && o->responder_rekeys
	               ? "--no-response cannot be combined with --rekey called or both: the called "
	                 "side's keys need a response (RFC 6043 6.10, flag M needs flag F)"
	               : NULL;
}

const char *misuse_of_request(const struct ue_options *o)
{
	if (o->mode > 2)
		return "--mode: must be 1 or 2 for a request; in modes 3 and 4 the terminal "
		       "makes the ticket itself, with its offer";
	return misuse_of_ticket(o);
}

const char *misuse_of_offer(const struct ue_options *o)
{
	if (o->to.n != 1)
		return "--to: give exactly one called party";
	if (o->ticket && o->mode)
		return "--mode cannot be combined with --ticket: the ticket already has a mode";
	if (o->ticket && o->ticket_type)
		return "--ticket-type cannot be combined with --ticket: the ticket already has a "
		       "type";
	if (o->ticket && o->no_response)
		return "--no-response cannot be combined with --ticket: the ticket already says "
		       "it";
	return misuse_of_ticket(o);
}

const char *misuse_of_finish(const struct ue_options *o)
{
	return o->state || o->call ? NULL
	                           : "give either --state (answer to an offer) or --call (answer "
	                             "to an update)";
}

const char *misuse_of_update(const struct ue_options *o)
{
	return o->n_files == 3 && o->same
	               ? "--same is only for offers (two files): an answer keeps or renews the "
	                 "keys as its offer does"
	               : NULL;
}

const char *misuse_of_call(const struct ue_options *o)
{
	bool calls = o->to.n == 1 && o->proxy && !o->wait;
	bool waits = o->wait && !o->to.n && !o->proxy;

	if (o->sip && (o->gateway || o->answerer))
		return "--sip runs one terminal; it cannot be combined with --gateway or "
		       "--answerer";
	if (o->sip)
		return calls || waits ? NULL
		                      : "--sip needs either --to and --proxy to call, or --wait to "
		                        "be called";
	if (!o->gateway || !o->answerer || o->to.n != 1 || o->wait || o->proxy)
		return "give --to, --answerer and --gateway; or --sip with --to and --proxy; or "
		       "--sip with --wait";
	return NULL;
}
