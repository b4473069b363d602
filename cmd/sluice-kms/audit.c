/* SPDX-License-Identifier: MIT */
/* Writes the audit trail in logfmt. */
#include "cmd/sluice-kms/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

struct audit {
	int fd;
	char *file;   /* NULL: standard error */
	bool is_torn; /* true: the last line was cut short */
	/* number of lines lost since the last warning; time of that warning */
	uint64_t lost, told_ns;
};

static int open_file(const char *file)
{
	return open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

enum err audit_open(struct audit **out, const char *file, struct why *why)
{
	struct audit *a = mem_alloc(sizeof(*a));

	if (!a)
		return why_fail(why, ERR_NOMEM, "out of memory");
	a->fd = STDERR_FILENO;
	if (file) {
		a->file = mem_text(file, strlen(file));
		a->fd = a->file ? open_file(file) : -1;
	}
	if (a->fd < 0) {
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

static void add_id(struct buf *b, const char *name, struct mikey_id id)
{
	char text[300], quoted[620];

	if (!mikey_id_is_set(id))
		return;
	buf_printf(
		b, " %s=%s", name,
		log_quote(str_of(kms_name_print(id, text, sizeof(text))), quoted, sizeof(quoted)));
}

/* Counts a lost line. Logs lost lines at most once a second, so that other log lines remain
 * readable. */
static void lose_line(struct audit *a, uint64_t now_ns, const char *reason)
{
	a->lost++;
	if (now_ns - a->told_ns < NS_PER_S && a->told_ns)
		return;
	log_error("audit", "msg=\"audit lines were lost\" lines=%" PRIu64 " reason=\"%s\"", a->lost,
	          reason);
	a->lost = 0;
	a->told_ns = now_ns;
}

/* Writes each line with one write, so that lines of several writers never mix. If the previous line
 * was cut short, writes a line end first. */
static void put_line(struct audit *a, const struct buf *b, uint64_t now_ns)
{
	size_t skip = a->is_torn ? 0 : 1;
	ssize_t n;

	if (b->bad) {
		lose_line(a, now_ns, "out of memory");
		return;
	}
	n = write(a->fd, b->p + skip, b->n - skip);
	if (n == (ssize_t)(b->n - skip)) {
		a->is_torn = false;
		return;
	}
	a->is_torn |= n > 0;
	lose_line(a, now_ns, n < 0 ? strerror(errno) : "no room for a whole line");
}

/* Begins a line with its time. */
static void begin_line(struct buf *b, uint64_t wall_ns)
{
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	char when[32];

	gmtime_r(&s, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_char(b, '\n'); /* written only if the previous line was cut short */
	buf_printf(b, "time=%s.%06uZ", when, (unsigned)(wall_ns % NS_PER_S / NS_PER_US));
}

static void add_text(struct buf *b, const char *name, const char *text)
{
	char quoted[640];

	if (text[0])
		buf_printf(b, " %s=%s", name, log_quote(str_of(text), quoted, sizeof(quoted)));
}

void audit_write(void *arg, const struct kms_audit *line)
{
	static const char *const operations[] = {
		[KMS_REQUEST] = "request", [KMS_RESOLVE] = "resolve"};
	struct audit *a = arg;
	struct buf b = {0};

	begin_line(&b, line->wall_ns);
	buf_printf(&b, " op=%s result=%s", operations[line->operation],
	           kms_result_name(line->result));
	if (line->has_error)
		buf_printf(&b, " error=%u", (unsigned)line->error);
	if (line->mode)
		buf_printf(&b, " mode=%d", line->mode);
	buf_printf(&b, " csb=%08" PRIx32, line->csb_id);
	add_id(&b, "owner", line->owner);
	add_id(&b, "sender", line->sender);
	add_id(&b, "initiator", line->initiator);
	add_id(&b, "responder", line->responder);
	add_id(&b, "kms", line->other_kms);
	add_text(&b, "why", line->text);
	buf_char(&b, '\n');
	put_line(a, &b, line->wall_ns);
	buf_free(&b);
}

void audit_write_admin(void *arg, const struct admin_audit *line)
{
	struct audit *a = arg;
	struct buf b = {0};
	char from[ADDR_TEXT_MAX];

	begin_line(&b, line->wall_ns);
	buf_printf(&b, " op=%s result=%s status=%d", line->operation,
	           line->status < 400 ? "done" : "refused", line->status);
	add_text(&b, "client", line->client);
	add_text(&b, "role", line->role);
	buf_printf(&b, " from=%s", addr_print(&line->from, from));
	add_id(&b, "user", line->user);
	add_text(&b, "why", line->text);
	buf_char(&b, '\n');
	put_line(a, &b, line->wall_ns);
	buf_free(&b);
}
