/* SPDX-License-Identifier: MIT */
/* Reads and writes the files of sluice-ue. */
#include "cmd/sluice-ue/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/sluice-ue/input.h"
#include "keyctx/ue/desc.h"

static enum err write_all(int fd, struct view octets)
{
	while (octets.n) {
		ssize_t n = write(fd, octets.p, octets.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		octets.p += n;
		octets.n -= (size_t)n;
	}
	return ERR_OK;
}

/* Returns true for a pipe or a device, which must not be replaced by a file. */
static bool is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static enum err write_in_place(const struct files_one *o, struct why *why)
{
	int fd = open(o->path, O_WRONLY | O_CLOEXEC);
	enum err e =
		fd < 0 ? ERR_IO : write_all(fd, (struct view){o->octets.octets, o->octets.len});

	if (fd >= 0 && close(fd))
		e = ERR_IO;
	return e ? why_fail(why, ERR_IO, "%s: cannot be written: %s", o->path, strerror(errno))
	         : ERR_OK;
}

static mode_t wanted_mode(bool is_secret)
{
	mode_t mask = umask(0);

	umask(mask);
	return is_secret ? 0600 : 0666 & ~mask;
}

static enum err write_beside(char *temporary, struct view octets, bool is_secret)
{
	int fd = mkstemp(temporary);
	enum err e;

	if (fd < 0)
		return ERR_IO;
	e = write_all(fd, octets);
	if (!e && (fchmod(fd, wanted_mode(is_secret)) || fsync(fd)))
		e = ERR_IO;
	if (close(fd))
		e = ERR_IO;
	if (e) {
		int kept = errno;

		unlink(temporary);
		errno = kept;
	}
	return e;
}

enum err files_add(struct files *f, const struct files_content *c, struct why *why)
{
	const char *path = c->path;
	struct files_one *o = &f->one[f->n];
	size_t n = strlen(path);
	char *t;

	CHECK(f->n < FILES_MAX);
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->one[i].path, path))
			return why_fail(why, ERR_INVALID,
			                "%s: is given for two files; each needs a name of its own",
			                path);
	if (c->is_new && !access(path, F_OK) && (c->is_secret || !is_special(path)))
		return why_fail(why, ERR_EXISTS,
		                "%s: the file exists and may hold another call's keys; remove it "
		                "or choose another name",
		                path);
	if (is_special(path)) {
		*o = (struct files_one){.path = path};
		if (c->octets.n && secret_set(&o->octets, c->octets.p, c->octets.n))
			return why_fail(why, ERR_NOMEM, "out of memory");
		f->n++;
		return ERR_OK;
	}
	t = mem_alloc(n + sizeof(".XXXXXX"));
	if (!t)
		return why_fail(why, ERR_NOMEM, "out of memory");
	memcpy(t, path, n);
	memcpy(t + n, ".XXXXXX", sizeof(".XXXXXX"));
	if (write_beside(t, c->octets, c->is_secret)) {
		mem_free(t);
		return why_fail(why, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
	}
	*o = (struct files_one){.path = path, .temporary = t, .is_new = c->is_new};
	f->n++;
	return ERR_OK;
}

enum err files_add_sdp(struct files *f, const char *path, const struct sdp *s, bool is_new,
                       struct why *why)
{
	size_t room = sdp_length(s), n = 0;
	char *text = mem_alloc(room + 1);
	enum err e = text ? sdp_print(s, text, room, &n) : ERR_NOMEM;

	if (e)
		why_fail(why, e, "cannot print the description: %s", err_meaning(e));
	else
		e = files_add(f,
		              &(struct files_content){.path = path,
		                                      .octets = {(const uint8_t *)text, n},
		                                      .is_new = is_new},
		              why);
	if (text)
		secret_wipe(text, n); /* the text may hold a=crypto keys */
	mem_free(text);
	return e;
}

/* Puts the temporary file in place. An existing file is exchanged with it, so that the old one can
 * come back. */
static enum err place(struct files_one *o, struct why *why)
{
	struct stat st;
	bool exists = !lstat(o->path, &st);
	unsigned how = exists && !o->is_new ? RENAME_EXCHANGE : RENAME_NOREPLACE;
	int failed = renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, how);

	/* EINVAL: the file system cannot exchange files. */
	if (failed && how == RENAME_EXCHANGE && errno == EINVAL) {
		how = 0;
		failed = rename(o->temporary, o->path);
	}
	if (failed)
		return why_fail(why, errno == EEXIST ? ERR_EXISTS : ERR_IO,
		                "%s: the new file cannot be moved to this name: %s", o->path,
		                strerror(errno));
	o->is_placed = true;
	o->is_exchanged = how == RENAME_EXCHANGE;
	if (!o->is_exchanged) {
		mem_free(o->temporary);
		o->temporary = NULL;
	}
	return ERR_OK;
}

static void take_back(struct files_one *o)
{
	if (o->is_placed && o->is_exchanged)
		(void)!renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, RENAME_EXCHANGE);
	else if (o->is_placed)
		unlink(o->path);
	o->is_placed = false;
}

enum err files_commit(struct files *f, const struct report *report, struct why *why)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < f->n && !e; i++)
		if (!f->one[i].temporary)
			e = write_in_place(&f->one[i], why);
	if (!e && report)
		e = report_print(report, why);
	for (size_t i = 0; i < f->n && !e; i++)
		if (f->one[i].temporary)
			e = place(&f->one[i], why);
	for (size_t i = f->n; i-- > 0 && e;)
		take_back(&f->one[i]);
	return e;
}

void files_drop(struct files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->one[i].temporary)
			unlink(f->one[i].temporary);
		mem_free(f->one[i].temporary);
		secret_clear(&f->one[i].octets);
	}
	f->n = 0;
}

enum err files_read_sdp(struct sdp **out, const char *path, struct why *why)
{
	struct buf in = {0};
	enum err e = input_read(&in, path, why);

	if (!e) {
		e = ue_desc_parse(out, buf_as_str(&in), why);
		if (e)
			why_prefix(why, "%s", path);
	}
	if (in.p)
		secret_wipe(in.p, in.n);
	buf_free(&in);
	return e;
}

enum err files_add_state(struct files *f, const char *what, const struct files_content *c,
                         struct why *why)
{
	struct files_content whole = *c;
	struct secret all = {0};
	size_t n = strlen(what);
	enum err e = secret_make(&all, n + 1 + c->octets.n);

	if (e)
		return why_fail(why, e, "out of memory");
	memcpy(all.octets, what, n);
	all.octets[n] = '\n';
	memcpy(all.octets + n + 1, c->octets.p, c->octets.n);
	whole.octets = (struct view){all.octets, all.len};
	whole.is_secret = true;
	e = files_add(f, &whole, why);
	secret_clear(&all);
	return e;
}

static enum err read_whole(struct secret *out, const char *path, struct why *why)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = ERR_OK;

	if (fd < 0 || fstat(fd, &st))
		e = why_fail(why, ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		e = why_fail(why, ERR_DENIED,
		             "%s: holds keys, but other users have access; set its mode to 0600",
		             path);
	else if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILES_STATE_MAX_BYTES)
		e = why_fail(why, ERR_SYNTAX,
		             "%s: must be a regular file of 1 to %d octets that sluice-ue wrote",
		             path, FILES_STATE_MAX_BYTES);
	else if (secret_make(out, (size_t)st.st_size))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	else if (read(fd, out->octets, out->len) != (ssize_t)out->len)
		e = why_fail(why, ERR_IO, "%s: cannot be read", path);
	if (fd >= 0)
		close(fd);
	return e;
}

enum err files_read_state(struct secret *out, struct rd *r, const char *path, const char *what,
                          struct why *why)
{
	struct view head = {(const uint8_t *)what, strlen(what)};
	struct secret s = {0};
	enum err e = read_whole(&s, path, why);

	if (!e) {
		*r = rd_make(s.octets, s.len);
		if (!view_eq(rd_octets(r, head.n), head) || rd_u8(r) != '\n')
			e = why_fail(why, ERR_SYNTAX, "%s: does not begin with \"%s\"", path, what);
	}
	if (e)
		secret_clear(&s);
	else
		*out = s;
	return e;
}
