/* SPDX-License-Identifier: MIT */
/* Reads settings from their defaults, the file and the flags, and prints help and manual. */
#include "control/conf.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "control/net/listen.h"

/* One source of settings: the file or the flags. `given` notes which settings the source has set,
 * because the first item of a list in this source replaces the list of the earlier source. */
struct source {
	struct conf *conf;
	const char *name; /* path of the file; NULL: the source is the flags */
	uint64_t given;   /* bit i: this source has set conf_settings[i] */
	struct why *why;
	enum err e;
};

const char *conf_standard_control(void)
{
	static char path[CONF_WHERE_MAX];
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0 || !runtime || runtime[0] != '/' || strlen(runtime) > 80)
		return "/run/sluice/control.sock";
	snprintf(path, sizeof(path), "%s/sluice/control.sock", runtime);
	return path;
}

/* --- one value -------------------------------------------------------------- */

static void *value_of(struct conf *c, const struct conf_setting *s)
{
	return (uint8_t *)c + s->offset;
}

static enum err put_number(const struct conf_setting *s, void *at, struct str text, struct why *why)
{
	uint64_t v;

	if (str_to_u64(text, UINT64_MAX, &v))
		return why_fail(why, ERR_INVALID, "\"%.*s\": must be an integer from %llu to %llu",
		                STR_SHOWN(text), (unsigned long long)s->min,
		                (unsigned long long)s->max);
	if (v < s->min || v > s->max)
		return why_fail(why, ERR_RANGE, "%.*s is out of range (%llu to %llu)",
		                STR_SHOWN(text), (unsigned long long)s->min,
		                (unsigned long long)s->max);
	if (s->type == CONF_PORT)
		*(uint16_t *)at = (uint16_t)v;
	else
		*(unsigned *)at = (unsigned)v;
	return ERR_OK;
}

static enum err put_octal(const struct conf_setting *s, void *at, struct str text, struct why *why)
{
	uint64_t v = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '7' || text.n > 6)
			return why_fail(why, ERR_INVALID,
			                "\"%.*s\": must be an octal number, for example 0660",
			                STR_SHOWN(text));
		v = v * 8 + (uint64_t)(text.p[i] - '0');
	}
	if (text.n == 0 || v > s->max)
		return why_fail(why, ERR_RANGE, "\"%.*s\" is out of range (0 to 0%llo)",
		                STR_SHOWN(text), (unsigned long long)s->max);
	*(unsigned *)at = (unsigned)v;
	return ERR_OK;
}

static enum err put_bool(void *at, struct str text, struct why *why)
{
	static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false",
	                                                                            "off", "0"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (str_is(text, yes[i]) || str_is(text, no[i])) {
			*(bool *)at = str_is(text, yes[i]);
			return ERR_OK;
		}
	}
	return why_fail(why, ERR_INVALID, "\"%.*s\": must be yes or no", STR_SHOWN(text));
}

static enum err put_word(const struct conf_setting *s, void *at, struct str text, struct why *why)
{
	const struct word *w = word_find(s->words, text);

	if (w && (!s->max || w->value <= s->max)) {
		*(unsigned *)at = w->value;
		return ERR_OK;
	}
	return why_fail(why, ERR_INVALID, "\"%.*s\": must be one of %s", STR_SHOWN(text), s->arg);
}

static enum err put_list(const struct conf_setting *s, struct conf_list *list, struct str text,
                         struct why *why)
{
	enum err e;

	if (list->n == CONF_LISTEN_MAX)
		return why_fail(why, ERR_LIMIT, "may be given at most %d times", CONF_LISTEN_MAX);
	e = s->check ? s->check(text, why) : ERR_OK;
	if (e)
		return e;
	if (str_copy(text, list->items[list->n], CONF_WHERE_MAX))
		return why_fail(why, ERR_TOO_BIG, "must be at most %d octets", CONF_WHERE_MAX - 1);
	list->n++;
	return ERR_OK;
}

static enum err put_nets(struct targets_nets *nets, struct str text, struct why *why)
{
	struct str rest;

	for (;; text = rest) {
		struct str one = str_trim(str_cut(text, ',', &rest));

		if (nets->n == TARGET_NETS_MAX)
			return why_fail(why, ERR_LIMIT, "at most %d networks are allowed",
			                TARGET_NETS_MAX);
		if (addr_net_parse(one, &nets->items[nets->n]))
			return why_fail(why, ERR_INVALID,
			                "\"%.*s\": must be a network or an address, for example "
			                "192.0.2.0/24 or 2001:db8::/32, separated by commas",
			                STR_SHOWN(one));
		nets->n++;
		if (str_find(text, ',') == text.n)
			return ERR_OK;
	}
}

static enum err put(struct conf *c, const struct conf_setting *s, struct str text, struct why *why)
{
	void *at = value_of(c, s);

	switch (s->type) {
	case CONF_UINT:
	case CONF_PORT:
		return put_number(s, at, text, why);
	case CONF_BOOL:
		return put_bool(at, text, why);
	case CONF_WORD:
		return put_word(s, at, text, why);
	case CONF_OCTAL:
		return put_octal(s, at, text, why);
	case CONF_LIST:
		return put_list(s, at, text, why);
	case CONF_NETS:
		return put_nets(at, text, why);
	case CONF_INTERFACES:
		break;
	}
	return conf_put_interfaces(at, text, why);
}

/* --- the file ---------------------------------------------------------------- */

static const struct conf_setting *find(struct str name)
{
	for (size_t i = 0; i < conf_settings_n; i++)
		if (str_is(name, conf_settings[i].name))
			return &conf_settings[i];
	return NULL;
}

static enum err source_put(struct source *src, const struct conf_setting *s, struct str value)
{
	uint64_t bit = 1ull << (s - conf_settings);

	if (!(src->given & bit) && s->type == CONF_LIST)
		((struct conf_list *)value_of(src->conf, s))->n = 0;
	if (!(src->given & bit) && s->type == CONF_NETS)
		((struct targets_nets *)value_of(src->conf, s))->n = 0;
	if (!(src->given & bit) && s->type == CONF_INTERFACES)
		((struct conf_interfaces *)value_of(src->conf, s))->n = 0;
	if (src->given & bit && s->type != CONF_LIST && s->type != CONF_NETS &&
	    s->type != CONF_INTERFACES && src->name)
		return why_fail(src->why, ERR_EXISTS, "is given twice; give it once");
	src->given |= bit;
	return put(src->conf, s, value, src->why);
}

static void presets(struct conf *c)
{
	*c = (struct conf){.port_min = 0};
	for (size_t i = 0; i < conf_settings_n; i++) {
		const struct conf_setting *s = &conf_settings[i];
		struct why why = {""};

		if (s->preset && put(c, s, str_of(s->preset), &why))
			CHECK(!"the default of a setting is not a valid value");
	}
	c->control.n = 1;
	snprintf(c->control.items[0], CONF_WHERE_MAX, "%s", conf_standard_control());
}

/* libinih calls this for each "name = value"; a return of 0 stops it (INI_STOP_ON_FIRST_ERROR). */
static int on_ini(void *user, const char *section, const char *name, const char *value)
{
	struct source *src = user;
	const struct conf_setting *s = find(str_of(name));

	if (src->e)
		return 0;
	if (section[0] && strcmp(section, "sluiced") != 0)
		src->e = why_fail(src->why, ERR_NOT_FOUND,
		                  "unknown section [%.40s]: the only section is [sluiced], and its "
		                  "line may be omitted",
		                  section);
	else if (!s)
		src->e = why_fail(src->why, ERR_NOT_FOUND,
		                  "unknown setting \"%.60s\"; sluiced --help lists them", name);
	else {
		src->e = source_put(src, s, str_trim(str_of(value)));
		if (src->e)
			why_prefix(src->why, "%s", s->name);
	}
	return src->e == ERR_OK;
}

/* Adds file and line to the error. `rc` is the result of libinih: the wrong line, if positive. */
static enum err ini_result(struct source *src, int rc)
{
	if (rc == 0 && !src->e)
		return ERR_OK;
	if (rc == -2)
		return why_fail(src->why, ERR_NOMEM, "out of memory");
	if (!src->e)
		src->e = why_fail(src->why, ERR_SYNTAX, "must be \"name = value\"");
	if (rc > 0)
		why_prefix(src->why, "%s:%d", src->name, rc);
	return src->e;
}

struct lines {
	FILE *file;
	int error;    /* errno of a failed read, for example of a directory */
	bool has_nul; /* a line contains NUL; libinih would ignore the rest of that line */
};

static char *read_line(char *out, int room, void *stream)
{
	struct lines *lines = stream;
	int n = 0, c = 0;

	while (n < room - 1 && c != '\n' && (c = getc(lines->file)) != EOF) {
		lines->has_nul |= c == 0;
		out[n++] = (char)c;
	}
	if (ferror(lines->file))
		lines->error = errno;
	out[n] = '\0';
	return n > 0 && !lines->error && !lines->has_nul ? out : NULL;
}

static enum err load_file(struct conf *c, const char *file, bool must_exist, struct why *why)
{
	struct source src = {.conf = c, .name = file, .why = why};
	struct lines lines = {.file = fopen(file, "re")};
	enum err e;

	if (!lines.file && errno == ENOENT && !must_exist)
		return ERR_OK;
	if (!lines.file)
		return why_fail(why, ERR_IO, "cannot open the settings file %s: %s", file,
		                strerror(errno));
	e = ini_result(&src, ini_parse_stream(read_line, &lines, on_ini, &src));
	fclose(lines.file);
	if (!e && lines.error)
		e = why_fail(why, ERR_IO, "cannot read the settings file %s: %s", file,
		             strerror(lines.error));
	if (!e && lines.has_nul)
		e = why_fail(why, ERR_SYNTAX, "%s: is not a text file: it contains a NUL octet",
		             file);
	return e;
}

/* Gives libinih the next line of the slice `stream`, as fgets does for a file. */
static char *read_slice(char *out, int room, void *stream)
{
	struct str *left = stream;
	size_t n = str_find(*left, '\n');

	if (left->n == 0 || room < 2)
		return NULL;
	n = n < left->n ? n + 1 : n;
	if (n > (size_t)room - 1)
		n = (size_t)room - 1;
	memcpy(out, left->p, n);
	out[n] = '\0';
	*left = str_skip(*left, n);
	return out;
}

/* --- the command line ------------------------------------------------------- */

/* Splits `--name value` or `--name=value`. For `--name value` moves *i to the value. */
static enum err flag_split(char *const *argv, int *i, struct str *name, struct str *value,
                           struct why *why)
{
	struct str arg = str_of(argv[*i]);

	if (!str_starts(arg, "--") || arg.n == 2)
		return why_fail(why, ERR_INVALID,
		                "\"%.80s\" is not a flag; sluiced --help lists them", argv[*i]);
	*name = str_cut(str_skip(arg, 2), '=', value);
	if (name->n + 2 < arg.n)
		return ERR_OK;
	if (!find(*name) && !str_is(*name, "config"))
		return why_fail(why, ERR_NOT_FOUND,
		                "unknown flag --%.*s; sluiced --help lists them", STR_SHOWN(*name));
	if (!argv[*i + 1])
		return why_fail(why, ERR_INVALID, "%s needs a value", argv[*i]);
	*value = str_of(argv[++*i]);
	return ERR_OK;
}

/* Writes settings to `src` (NULL: skips them) and all other options to `command`. */
static enum err read_flags(struct source *src, struct conf_command *command, int argc,
                           char *const *argv, struct why *why)
{
	for (int i = 1; i < argc; i++) {
		struct str name, value;
		const struct conf_setting *s;
		enum err e;

		if (strcmp(argv[i], "-n") == 0 || strcmp(argv[i], "--check") == 0) {
			command->check_only = true;
			continue;
		}
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			command->help = true;
			continue;
		}
		if (strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0) {
			command->version = true;
			continue;
		}
		e = flag_split(argv, &i, &name, &value, why);
		if (e)
			return e;
		s = find(name);
		if (str_is(name, "config"))
			command->file = value.p;
		else if (str_is(name, "help") || str_is(name, "version") || str_is(name, "check"))
			return why_fail(why, ERR_INVALID, "--%.*s takes no value", STR_SHOWN(name));
		else if (!s)
			return why_fail(why, ERR_NOT_FOUND,
			                "unknown flag --%.*s; sluiced --help lists them",
			                STR_SHOWN(name));
		else if (src) {
			e = source_put(src, s, value);
			if (e) {
				why_prefix(why, "--%s", s->name);
				return e;
			}
		}
	}
	return ERR_OK;
}

/* --- loading ---------------------------------------------------------------- */

static enum err check(struct conf *c, struct why *why)
{
	if ((c->port_min + 1u) / 2 * 2 + 1 > c->port_max)
		return why_fail(
			why, ERR_RANGE,
			"the range port-min %u to port-max %u must contain an even port and the "
			"port after it",
			c->port_min, c->port_max);
	for (unsigned i = 0; i < c->interfaces.n; i++) {
		c->interfaces.items[i].port_min = c->port_min;
		c->interfaces.items[i].port_max = c->port_max;
	}
	return ERR_OK;
}

enum err conf_load(struct conf *out, struct conf_command *command, int argc, char *const *argv,
                   struct why *why)
{
	struct conf *c = mem_alloc(sizeof(*c));
	struct source flags = {.conf = c, .why = why};
	struct conf_command asked = {.file = NULL};
	enum err e;

	if (!c)
		return why_fail(why, ERR_NOMEM, "out of memory");
	e = read_flags(NULL, &asked, argc, argv, why);
	if (!e && !asked.help && !asked.version) {
		presets(c);
		e = load_file(c, asked.file ? asked.file : CONF_STANDARD_FILE, asked.file != NULL,
		              why);
		if (!e)
			e = read_flags(&flags, &asked, argc, argv, why);
		if (!e)
			e = check(c, why);
	}
	if (!e) {
		*out = *c;
		*command = asked;
	}
	mem_free(c);
	return e;
}

enum err conf_load_text(struct conf *out, struct str text, struct why *why)
{
	struct conf *c = mem_alloc(sizeof(*c));
	struct source src = {.conf = c, .name = "text", .why = why};
	struct str left = text;
	enum err e;

	if (!c)
		return why_fail(why, ERR_NOMEM, "out of memory");
	presets(c);
	e = ini_result(&src, ini_parse_stream(read_slice, &left, on_ini, &src));
	if (!e)
		e = check(c, why);
	if (!e)
		*out = *c;
	mem_free(c);
	return e;
}

static size_t size_of(const struct conf_setting *s)
{
	switch (s->type) {
	case CONF_PORT:
		return sizeof(uint16_t);
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_LIST:
		return sizeof(struct conf_list);
	case CONF_INTERFACES:
		return sizeof(struct conf_interfaces);
	case CONF_NETS:
		return sizeof(struct targets_nets);
	case CONF_UINT:
	case CONF_WORD:
	case CONF_OCTAL:
		break;
	}
	return sizeof(unsigned);
}

static bool interfaces_eq(const struct conf_interfaces *a, const struct conf_interfaces *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (strcmp(a->items[i].name, b->items[i].name) != 0 ||
		    !addr_eq(&a->items[i].bind, &b->items[i].bind) ||
		    !addr_eq(&a->items[i].advertised, &b->items[i].advertised))
			return false;
	return true;
}

static bool list_eq(const struct conf_list *a, const struct conf_list *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool nets_eq(const struct targets_nets *a, const struct targets_nets *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->items[i].bits != b->items[i].bits ||
		    !addr_ip_eq(&a->items[i].net, &b->items[i].net))
			return false;
	return true;
}

static bool value_eq(const struct conf_setting *s, const void *a, const void *b)
{
	if (s->type == CONF_INTERFACES)
		return interfaces_eq(a, b);
	if (s->type == CONF_LIST)
		return s->is_eq ? s->is_eq(a, b) : list_eq(a, b);
	if (s->type == CONF_NETS)
		return nets_eq(a, b);
	return memcmp(a, b, size_of(s)) == 0;
}

void conf_reload(struct conf *now, const struct conf *next, struct buf *need_restart)
{
	for (size_t i = 0; i < conf_settings_n; i++) {
		const struct conf_setting *s = &conf_settings[i];
		const void *from = (const uint8_t *)next + s->offset;

		if (s->reloads)
			memcpy(value_of(now, s), from, size_of(s));
		else if (!value_eq(s, value_of(now, s), from))
			buf_printf(need_restart, "%s%s", need_restart->n ? ", " : "", s->name);
	}
}

/* --- help, manual, example file --------------------------------------------- */

/* Returns "; range: 1 to 604800" for a setting that is a number, otherwise "". */
static const char *range_of(const struct conf_setting *s, char out[48])
{
	out[0] = '\0';
	if (s->type == CONF_UINT || s->type == CONF_PORT)
		snprintf(out, 48, "; range: %llu to %llu", (unsigned long long)s->min,
		         (unsigned long long)s->max);
	return out;
}

void conf_print_help(FILE *out)
{
	fputs("usage: sluiced [--SETTING VALUE]... [--config FILE] [-n]\n\n"
	      "The Sluice media relay and gateway. It runs in the foreground and logs a line when "
	      "it is ready.\n\n"
	      "  --config FILE    settings file; default " CONF_STANDARD_FILE " if it exists\n"
	      "  -n, --check      check the settings and exit; changes nothing\n"
	      "  -V, --version    print the version\n"
	      "  -h, --help       print this help\n\n"
	      "Settings, as flags or as lines \"name = value\" of the file (r: a reload by SIGHUP "
	      "applies it):\n\n",
	      out);
	for (size_t i = 0; i < conf_settings_n; i++) {
		const struct conf_setting *s = &conf_settings[i];
		char range[48];

		fprintf(out, "  --%s %s%s\n        %s\n        default: %s%s\n", s->name, s->arg,
		        s->reloads ? "  (r)" : "", s->help, s->preset ? s->preset : s->preset_text,
		        range_of(s, range));
	}
}

/* troff sets a bare "-" as a hyphen, which cannot be searched for or pasted. */
static void print_troff(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			buf_char(out, '\\');
		buf_char(out, *text);
	}
}

void conf_print_manual(struct buf *out)
{
	for (size_t i = 0; i < conf_settings_n; i++) {
		const struct conf_setting *s = &conf_settings[i];
		char range[48];

		buf_text(out, ".TP\n.BI \"");
		print_troff(out, s->name);
		buf_text(out, " = \" ");
		print_troff(out, s->arg);
		buf_char(out, '\n');
		print_troff(out, s->help);
		buf_text(out, ".\nDefault: ");
		print_troff(out, s->preset ? s->preset : s->preset_text);
		buf_printf(out, "%s.\n%s.\n", range_of(s, range),
		           s->reloads ? "A reload (SIGHUP) applies it" : "Needs a restart");
	}
}

void conf_print_example(struct buf *out)
{
	buf_text(
		out,
		"# SPDX-License-Identifier: MIT\n"
		"# Settings of sluiced, for " CONF_STANDARD_FILE
		". Every line is optional.\n# The commented lines show defaults, or examples where "
		"no value is the default.\n"
		"# Flags of the same names override this file. `sluiced -n` checks it; "
		"sluiced.conf(5) explains it.\n");
	for (size_t i = 0; i < conf_settings_n; i++) {
		const struct conf_setting *s = &conf_settings[i];
		char range[48];

		buf_printf(out, "\n# %s: %s%s.%s\n", s->arg, s->help, range_of(s, range),
		           s->reloads ? " A reload (SIGHUP) applies it." : "");
		if (!s->preset)
			buf_printf(out, "# Default: %s. For example:\n", s->preset_text);
		buf_printf(out, "#%s = %s\n", s->name, s->preset ? s->preset : s->example);
	}
}

struct admit_limits conf_limits(const struct conf *c, unsigned conns_max)
{
	return (struct admit_limits){.conns_max = conns_max,
	                             .peer_max = c->clients_per_peer,
	                             .idle_s = c->client_idle_s,
	                             .message_s = c->client_request_s};
}
