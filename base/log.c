/* SPDX-License-Identifier: MIT */
/* Log lines: their fields, their limit, and where they go. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/escape.h"

static const char *const level_names[] = {
	[LOG_ERROR_LEVEL] = "error",
	[LOG_WARN_LEVEL] = "warn",
	[LOG_INFO_LEVEL] = "info",
	[LOG_DEBUG_LEVEL] = "debug",
};
/* Severities of syslog (RFC 5424 6.2.1). */
static const char severities[] = {
	[LOG_ERROR_LEVEL] = '3',
	[LOG_WARN_LEVEL] = '4',
	[LOG_INFO_LEVEL] = '6',
	[LOG_DEBUG_LEVEL] = '7',
};

#define NAME_AND_MEANING(name_, meaning_) [LOG_NAME_##name_] = {#name_, meaning_},
static const struct {
	const char *name, *meaning;
} names[LOG_NAME_COUNT] = {LOG_NAMES(NAME_AND_MEANING)};

static struct {
	struct log_config config;
	int fd;         /* where lines go: standard error, or our own descriptor of it */
	bool is_socket; /* fd is a socket: a stream of the journal */
	bool has_severity;
	bool is_torn;     /* the last line was cut short */
	uint64_t dropped; /* lines dropped that no line has told yet */
	struct log_counts counts;
	struct log_site *sites; /* sites with suppressed lines that no line has told yet */
} out = {.config.level = LOG_INFO_LEVEL, .fd = STDERR_FILENO};

enum err log_level_parse(struct str name, enum log_level *level)
{
	for (unsigned i = 0; i < ARRAY_LEN(level_names); i++) {
		if (str_is(name, level_names[i])) {
			*level = (enum log_level)i;
			return ERR_OK;
		}
	}
	return ERR_INVALID;
}

enum log_format log_get_format(void)
{
	return out.config.format;
}

bool log_wants(enum log_level level)
{
	return level <= out.config.level;
}

void log_get_counts(struct log_counts *counts)
{
	*counts = out.counts;
}

const char *log_name_text(enum log_name name)
{
	return names[name].name;
}

const char *log_name_meaning(enum log_name name)
{
	return names[name].meaning;
}

/* --- a line as text --------------------------------------------------------- */

enum { TAIL_ROOM = 32 }; /* room kept for the field `cut` and the end of the object */

struct line {
	char *p;
	size_t n, room;
	enum log_format format;
	size_t n_fields;
	uint64_t cut;
};

static void add(struct line *l, const char *text, size_t n)
{
	memcpy(l->p + l->n, text, n);
	l->n += n;
}

/* Writes what stands before a value. Returns false if there is no room for a useful value. */
static bool begin_field(struct line *l, const char *name)
{
	size_t len = strlen(name);

	if (l->n + len + TAIL_ROOM + 24 > l->room)
		return false;
	if (l->format == LOG_FORMAT_JSON) {
		add(l, l->n_fields ? ",\"" : "{\"", 2);
		add(l, name, len);
		add(l, "\":", 2);
	} else {
		add(l, " ", l->n_fields ? 1 : 0);
		add(l, name, len);
		add(l, "=", 1);
	}
	l->n_fields++;
	return true;
}

static void add_value(struct line *l, const char *name, struct str value)
{
	size_t room, used;

	if (!begin_field(l, name)) {
		l->cut += value.n;
		return;
	}
	room = l->room - l->n - TAIL_ROOM;
	room = room < LOG_VALUE_MAX ? room : LOG_VALUE_MAX;
	if (l->format == LOG_FORMAT_LOGFMT && value.n <= room && escape_is_word(value)) {
		add(l, value.p, value.n);
		return;
	}
	add(l, "\"", 1);
	/* Room for the marks of a cut, and for the quote at the end. */
	l->n += escape_quoted(value, l->p + l->n, room - 5, &used);
	if (used < value.n)
		add(l, "...", 3);
	l->cut += value.n - used;
	add(l, "\"", 1);
}

static void add_number(struct line *l, const char *name, uint64_t v)
{
	char text[STR_U64_MAX];
	size_t n = str_put_u64(text, v);

	if (begin_field(l, name))
		add(l, text, n);
	else
		l->cut += n;
}

static void add_field(struct line *l, const struct log_field *f)
{
	const char *name = names[f->name].name;
	char text[ADDR_TEXT_MAX];

	switch (f->kind) {
	case LOG_KIND_UINT:
		add_number(l, name, f->number);
		break;
	case LOG_KIND_HEX:
		snprintf(text, sizeof(text), "%08" PRIx64, f->number);
		add_value(l, name, str_of(text));
		break;
	case LOG_KIND_ADDR:
	case LOG_KIND_IP:
		if (f->addr && !addr_is_none(f->addr))
			add_value(l, name,
			          str_of(f->kind == LOG_KIND_IP ? addr_print_ip(f->addr, text)
			                                        : addr_print(f->addr, text)));
		break;
	case LOG_KIND_TEXT:
		if (f->text.n)
			add_value(l, name, f->text);
		break;
	}
}

static void add_fields(struct line *l, const struct log_field *fields)
{
	for (; fields->name != LOG_NAME_COUNT; fields++)
		if (fields->name != LOG_NAME_none)
			add_field(l, fields);
}

/* Ends the line. The room for it was kept by begin_field. */
static void end_fields(struct line *l)
{
	if (l->cut)
		l->n += (size_t)snprintf(l->p + l->n, l->room - l->n,
		                         l->format == LOG_FORMAT_JSON ? ",\"cut\":%" PRIu64
		                                                      : " cut=%" PRIu64,
		                         l->cut);
	if (l->format == LOG_FORMAT_JSON)
		add(l, l->n_fields ? "}" : "{}", l->n_fields ? 1 : 2);
	l->p[l->n] = '\0';
}

size_t log_print(const struct log_field *fields, enum log_format format, char *p, size_t room)
{
	struct line l = {.p = p, .room = room, .format = format};

	add_fields(&l, fields);
	end_fields(&l);
	return l.n;
}

/* --- standard error --------------------------------------------------------- */

/* Is standard error the stream of the journal that JOURNAL_STREAM names (systemd.exec(5))? */
static bool is_journal(const struct stat *st)
{
	const char *text = getenv("JOURNAL_STREAM");
	struct str ino, dev = str_cut(str_of(text), ':', &ino);
	uint64_t d, i;

	return text && !str_to_u64(dev, UINT64_MAX, &d) && !str_to_u64(ino, UINT64_MAX, &i) &&
	       d == st->st_dev && i == st->st_ino;
}

void log_configure(const struct log_config *config)
{
	struct stat st = {0};

	if (out.fd != STDERR_FILENO)
		close(out.fd);
	out.fd = STDERR_FILENO;
	out.config = *config;
	out.is_socket = false;
	if (fstat(STDERR_FILENO, &st) == 0) {
		out.is_socket = S_ISSOCK(st.st_mode);
		/* Other processes share the descriptor, so it must not become non-blocking: open
		 * the same pipe or terminal again. */
		if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
			out.fd = open("/proc/self/fd/2",
			              O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (out.fd < 0)
			out.fd = STDERR_FILENO;
	}
	out.has_severity = config->priority == LOG_PRIORITY_YES ||
	                   (config->priority == LOG_PRIORITY_AUTO && is_journal(&st));
}

/* Writes without waiting. A pipe that poll calls writable has room for PIPE_BUF octets. */
static ssize_t write_now(const char *p, size_t n)
{
	struct pollfd ready = {.fd = out.fd, .events = POLLOUT};

	if (out.is_socket)
		return send(out.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (out.fd == STDERR_FILENO && poll(&ready, 1, 0) != 1)
		return -1;
	return write(out.fd, p, n);
}

/* Writes a line with one write, so that lines of several processes do not mix. p[0] is a line end,
 * which is written only if the previous line was cut short. */
static bool put_octets(const char *p, size_t n)
{
	size_t skip = out.is_torn ? 0 : 1;
	ssize_t done = write_now(p + skip, n - skip);

	if (done == (ssize_t)(n - skip)) {
		out.is_torn = false;
		return true;
	}
	out.is_torn |= done > 0;
	out.dropped++;
	out.counts.dropped++;
	return false;
}

static void add_time(struct line *l)
{
	struct timespec now;
	struct tm tm;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", tm.tm_year + 1900,
	         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	         now.tv_nsec / 1000000);
	add_value(l, "time", str_of(text));
}

static bool put_line(const struct log_site *site, const struct log_field *fields)
{
	char text[LOG_LINE_MAX + 16];
	size_t n = 0;
	struct line l;

	text[n++] = '\n';
	if (out.has_severity) {
		text[n++] = '<';
		text[n++] = severities[site->level];
		text[n++] = '>';
	}
	l = (struct line){.p = text + n, .room = LOG_LINE_MAX, .format = out.config.format};
	if (!out.has_severity)
		add_time(&l);
	add_value(&l, "level", str_of(level_names[site->level]));
	add_value(&l, "mod", str_of(site->mod));
	add_value(&l, "msg", str_of(site->msg));
	add_fields(&l, fields);
	end_fields(&l);
	n += l.n;
	text[n++] = '\n';
	return put_octets(text, n);
}

/* --- the limit of a site ---------------------------------------------------- */

enum { TELL_AFTER_S = 5 };

static const struct {
	unsigned burst, per_s;
} limits[] = {
	[LOG_ERROR_LEVEL] = {10, 1},
	[LOG_WARN_LEVEL] = {10, 1},
	[LOG_INFO_LEVEL] = {100, 20},
};

bool log_site_admit(struct log_site *site, uint64_t now_ns)
{
	uint64_t period;

	if (site->unlimited || site->level >= ARRAY_LEN(limits))
		return true;
	period = NS_PER_S / limits[site->level].per_s;
	if (site->next_ns < now_ns)
		site->next_ns = now_ns;
	if (site->next_ns - now_ns <= (limits[site->level].burst - 1) * period) {
		site->next_ns += period;
		return true;
	}
	if (!site->is_listed) {
		site->is_listed = true;
		site->told_ns = now_ns;
		site->next = out.sites;
		out.sites = site;
	}
	site->suppressed++;
	out.counts.suppressed++;
	return false;
}

static void tell_dropped(void)
{
	static struct log_site site = {.level = LOG_WARN_LEVEL,
	                               .mod = "log",
	                               .msg = "log lines dropped: standard error did not take them",
	                               .any_level = true,
	                               .unlimited = true};
	uint64_t lines = out.dropped;

	out.dropped = 0;
	/* A line that is dropped again is counted by put_octets; it is no further line. */
	if (!put_line(&site, LOG_ARRAY(LOG_UINT(lines, lines)))) {
		out.dropped = lines;
		out.counts.dropped--;
	}
}

static void tell_suppressed(const struct log_site *of)
{
	struct log_site site = {
		.level = of->level, .mod = of->mod, .msg = "similar lines suppressed"};

	(void)put_line(&site, LOG_ARRAY(LOG_UINT(lines, of->suppressed), LOG_TEXT(like, of->msg)));
}

static void tell_due(uint64_t now_ns, bool all)
{
	for (struct log_site **at = &out.sites; *at;) {
		struct log_site *site = *at;

		if (!all && now_ns - site->told_ns < TELL_AFTER_S * NS_PER_S) {
			at = &site->next;
			continue;
		}
		tell_suppressed(site);
		site->suppressed = 0;
		site->is_listed = false;
		*at = site->next;
	}
}

void log_site_forget(struct log_site *site)
{
	for (struct log_site **at = &out.sites; *at; at = &(*at)->next)
		if (*at == site) {
			tell_suppressed(site);
			site->is_listed = false;
			*at = site->next;
			return;
		}
}

void log_tell_suppressed(bool all)
{
	if (out.dropped)
		tell_dropped();
	tell_due(clk_mono_ns(), all);
}

void log_line(struct log_site *site, const struct log_field *fields)
{
	uint64_t now_ns = clk_mono_ns();

	if ((!site->any_level && !log_wants(site->level)) || !log_site_admit(site, now_ns))
		return;
	if (out.dropped)
		tell_dropped();
	(void)put_line(site, fields);
	if (out.sites)
		tell_due(now_ns, false);
}
