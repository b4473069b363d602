/* SPDX-License-Identifier: MIT */
/* Writes the audit trail in logfmt. */
#include "cmd/sluice-kms/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

struct audit {
	int fd;
	char *file;   /* NULL: the log */
	bool is_torn; /* true: the last line was cut short */
	/* number of lines lost since the last warning; time of that warning */
	uint64_t lost, told_ns;
};

/* O_NONBLOCK: a line that a pipe cannot take is lost and counted; the KMS does not wait. */
static int open_file(const char *file)
{
	return open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
}

enum err audit_open(struct audit **out, const char *file, struct why *why)
{
	struct audit *a = mem_alloc(sizeof(*a));

	if (!a)
		return why_fail(why, ERR_NOMEM, "out of memory");
	a->fd = -1;
	if (file) {
		a->file = mem_text(file, strlen(file));
		a->fd = a->file ? open_file(file) : -1;
	}
	if (file && a->fd < 0) {
		enum err e = why_fail(why, ERR_IO, "cannot open the audit file %s: %s", file,
		                      strerror(errno));

		audit_close(a);
		return e;
	}
	*out = a;
	return ERR_OK;
}

void audit_close(struct audit *a)
{
	if (!a)
		return;
	if (a->file && a->fd >= 0)
		close(a->fd);
	mem_free(a->file);
	mem_free(a);
}

enum err audit_reopen(struct audit *a, struct why *why)
{
	int fd;

	if (!a->file)
		return ERR_OK;
	fd = open_file(a->file);
	if (fd < 0)
		return why_fail(why, ERR_IO, "cannot open the audit file %s: %s", a->file,
		                strerror(errno));
	close(a->fd);
	a->fd = fd;
	return ERR_OK;
}

/* Counts a lost line. Logs lost lines at most once a second, so that other log lines remain
 * readable. */
static void lose_line(struct audit *a, uint64_t now_ns, const char *reason)
{
	a->lost++;
	if (now_ns - a->told_ns < NS_PER_S && a->told_ns)
		return;
	log_error("audit", "audit lines were lost", LOG_UINT(lines, a->lost),
	          LOG_TEXT(reason, reason));
	a->lost = 0;
	a->told_ns = now_ns;
}

/* Writes each line with one write, so that lines of several writers never mix. If the previous line
 * was cut short, writes a line end first. */
static void put_in_file(struct audit *a, const struct log_field *fields, uint64_t now_ns)
{
	char text[LOG_LINE_MAX + 2];
	size_t skip = a->is_torn ? 0 : 1, n = 1;
	ssize_t done;

	text[0] = '\n'; /* written only if the previous line was cut short */
	n += log_print(fields, log_get_format(), text + n, LOG_LINE_MAX);
	text[n++] = '\n';
	done = write(a->fd, text + skip, n - skip);
	if (done == (ssize_t)(n - skip)) {
		a->is_torn = false;
		return;
	}
	a->is_torn |= done > 0;
	lose_line(a, now_ns, done < 0 ? strerror(errno) : "no room for a whole line");
}

/* fields[0] is the time, which a log line already has. On standard error refusals are limited like
 * log lines, because anybody can cause them; a file gets all lines. */
static void put_line(struct audit *a, const struct log_field *fields, uint64_t now_ns, bool is_done)
{
	static struct log_site done = {.level = LOG_INFO_LEVEL,
	                               .mod = "audit",
	                               .msg = "request",
	                               .any_level = true,
	                               .unlimited = true};
	static struct log_site refused = {
		.level = LOG_INFO_LEVEL, .mod = "audit", .msg = "request", .any_level = true};

	if (a->file)
		put_in_file(a, fields, now_ns);
	else
		log_line(is_done ? &done : &refused, fields + 1);
}

enum { WHEN_MAX = 48, NAME_MAX_BYTES = 300 };

static const char *print_time(uint64_t wall_ns, char out[WHEN_MAX])
{
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, WHEN_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, WHEN_MAX - n, ".%06uZ", (unsigned)(wall_ns % NS_PER_S / NS_PER_US));
	return out;
}

static const char *print_id(struct mikey_id id, char out[NAME_MAX_BYTES])
{
	return mikey_id_is_set(id) ? kms_name_print(id, out, NAME_MAX_BYTES) : "";
}

void audit_write(void *arg, const struct kms_audit *line)
{
	static const char *const operations[] = {
		[KMS_REQUEST] = "request", [KMS_RESOLVE] = "resolve"};
	char when[WHEN_MAX], names[5][NAME_MAX_BYTES];

	put_line(arg,
	         LOG_ARRAY(LOG_TEXT(time, print_time(line->wall_ns, when)),
	                   LOG_TEXT(op, operations[line->operation]),
	                   LOG_TEXT(result, kms_result_name(line->result)),
	                   line->has_error ? LOG_UINT(error, (unsigned)line->error) : LOG_NOTHING,
	                   line->mode ? LOG_UINT(mode, (unsigned)line->mode) : LOG_NOTHING,
	                   LOG_HEX(csb, line->csb_id),
	                   LOG_TEXT(owner, print_id(line->owner, names[0])),
	                   LOG_TEXT(sender, print_id(line->sender, names[1])),
	                   LOG_TEXT(initiator, print_id(line->initiator, names[2])),
	                   LOG_TEXT(responder, print_id(line->responder, names[3])),
	                   LOG_TEXT(kms, print_id(line->other_kms, names[4])),
	                   LOG_TEXT(reason, line->text)),
	         line->wall_ns, line->result == KMS_GRANTED);
}

void audit_write_admin(void *arg, const struct admin_audit *line)
{
	char when[WHEN_MAX], name[NAME_MAX_BYTES];

	put_line(arg,
	         LOG_ARRAY(LOG_TEXT(time, print_time(line->wall_ns, when)),
	                   LOG_TEXT(op, line->operation),
	                   LOG_TEXT(result, line->status < 400 ? "done" : "refused"),
	                   LOG_UINT(status, (unsigned)line->status), LOG_TEXT(client, line->client),
	                   LOG_TEXT(role, line->role), LOG_ADDR(peer, &line->from),
	                   LOG_TEXT(user, print_id(line->user, name)),
	                   LOG_TEXT(reason, line->text)),
	         line->wall_ns, line->status < 400);
}
