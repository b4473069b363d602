/* SPDX-License-Identifier: MIT */
/* The file of the replay cache: a line that names its kind, then records that are appended. */
#include "cmd/sluice-ue/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static const char head[] = "sluice-ue replay\n";

enum {
	HEAD = sizeof(head) - 1,
	RECORDS_MAX = 100000, /* 5.6 MB */
	SHRINK_AT = 64,       /* records; a shorter file is not worth the writing */
};

static enum err failed(const char *path, const char *what, struct why *why)
{
	return why_fail(why, ERR_IO, "%s: the replay cache cannot be %s: %s", path, what,
	                strerror(errno));
}

/* Opens and locks the file. Another program may have replaced it meanwhile: then tries again. */
static enum err open_locked(const char *path, int *out, struct why *why)
{
	struct stat mine, there;

	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0 || flock(fd, LOCK_EX) || fstat(fd, &mine)) {
			enum err e = failed(path, "opened", why);

			if (fd >= 0)
				close(fd);
			return e;
		}
		if (!stat(path, &there) && there.st_ino == mine.st_ino &&
		    there.st_dev == mine.st_dev) {
			*out = fd;
			return ERR_OK;
		}
		close(fd);
	}
}

static enum err check_file(int fd, const char *path, size_t *size, struct why *why)
{
	struct stat st;

	if (fstat(fd, &st))
		return failed(path, "read", why);
	if (!S_ISREG(st.st_mode) || st.st_size > HEAD + (off_t)RECORDS_MAX * 2 * UE_SEEN_RECORD)
		return why_fail(why, ERR_SYNTAX,
		                "%s: is not a replay cache of sluice-ue; name another file in the "
		                "field replay of the credentials",
		                path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return why_fail(
			why, ERR_DENIED,
			"%s: is the replay cache, but other users have access; set its mode "
			"to 0600",
			path);
	*size = (size_t)st.st_size;
	return ERR_OK;
}

static enum err read_file(int fd, const char *path, struct view *out, struct why *why)
{
	uint8_t *p;
	size_t n = 0;
	enum err e = check_file(fd, path, &n, why);

	if (e)
		return e;
	p = mem_alloc(n + 1);
	if (!p)
		return why_fail(why, ERR_NOMEM, "out of memory");
	if (pread(fd, p, n, 0) != (ssize_t)n)
		e = failed(path, "read", why);
	else if (memcmp(p, head, n < HEAD ? n : HEAD)) /* a crash may leave a part of the head */
		e = why_fail(
			why, ERR_SYNTAX,
			"%s: is not a replay cache of sluice-ue; name another file in the field "
			"replay of the credentials",
			path);
	if (e)
		mem_free(p);
	else
		*out = (struct view){p, n};
	return e;
}

static enum err write_at(int fd, struct view v, off_t at)
{
	while (v.n) {
		ssize_t n = pwrite(fd, v.p, v.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		v.p += n;
		v.n -= (size_t)n;
		at += n;
	}
	return fsync(fd) ? ERR_IO : ERR_OK;
}

/* Makes a new name in a folder survive a crash of the machine. */
static enum err sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[512];
	int fd, rc;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
	         slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return rc ? ERR_IO : ERR_OK;
}

/* Replaces the file by one without the records that have ended. Failure is harmless: the old file
 * stays in use. Returns the descriptor of the file in use, locked. */
static int shrink(int fd, const char *path, struct view *file, uint64_t now_ntp)
{
	struct view records = {file->p + HEAD, file->n - HEAD};
	size_t room = file->n + UE_SEEN_RECORD;
	uint8_t *p = mem_alloc(room);
	struct wr w = wr_make(p, p ? room : 0);
	char name[528];
	int made;

	wr_octets(&w, head, HEAD);
	ue_seen_shrink(&w, records, now_ntp);
	snprintf(name, sizeof(name), "%.512s.XXXXXX", path);
	made = wr_ok(&w) && wr_len(&w) <= file->n / 2 ? mkstemp(name) : -1;
	if (made >= 0 && (fchmod(made, 0600) || flock(made, LOCK_EX) ||
	                  write_at(made, (struct view){p, wr_len(&w)}, 0) || rename(name, path))) {
		unlink(name);
		close(made);
		made = -1;
	}
	if (made < 0) {
		mem_free(p);
		return fd;
	}
	(void)!sync_folder(path);
	mem_free((void *)(uintptr_t)file->p);
	*file = (struct view){p, wr_len(&w)};
	close(fd);
	return made;
}

/* Appends the marks after the last whole record. */
static enum err append(struct replay_cache *r, struct view file, const struct replay_marks *marks,
                       struct why *why)
{
	uint8_t room[HEAD + UE_MARKS_MAX * UE_SEEN_RECORD];
	struct wr w = wr_make(room, sizeof(room));
	bool is_new = file.n < HEAD;
	size_t records = is_new ? 0 : (file.n - HEAD) / UE_SEEN_RECORD;
	off_t at = is_new ? 0 : (off_t)(HEAD + records * UE_SEEN_RECORD);

	if (records + marks->n > RECORDS_MAX)
		return why_fail(why, ERR_LIMIT,
		                "%s: the replay cache is full: it has %zu offers and tickets that "
		                "have not ended, at most %d are allowed; try again later",
		                r->path, records, RECORDS_MAX);
	if (is_new)
		wr_octets(&w, head, HEAD);
	for (size_t i = 0; i < marks->n; i++)
		ue_seen_write(&w, &marks->v[i], marks->now_ntp);
	r->changed = true;
	r->size = (uint64_t)at;
	if (!wr_ok(&w) || write_at(r->fd, (struct view){room, wr_len(&w)}, at) ||
	    (is_new && sync_folder(r->path)))
		return why_fail(why, ERR_IO, "%s: the replay cache cannot be written: %s", r->path,
		                strerror(errno));
	return ERR_OK;
}

enum err replay_add(struct replay_cache *r, const char *path, const struct replay_marks *marks,
                    struct why *why)
{
	struct view file = {0};
	int fd;
	enum err e;

	replay_end(r, false);
	e = open_locked(path, &fd, why);
	if (e)
		return e;
	*r = (struct replay_cache){.path = path, .fd = fd};
	e = read_file(fd, path, &file, why);
	r->changed = !e && !file.n; /* an empty file is one that open has made */
	if (!e && file.n >= HEAD + SHRINK_AT * UE_SEEN_RECORD)
		r->fd = shrink(fd, path, &file, marks->now_ntp);
	if (!e)
		e = ue_seen_check(file.n > HEAD ? (struct view){file.p + HEAD, file.n - HEAD}
		                                : (struct view){0},
		                  marks->v, marks->n, marks->now_ntp, why);
	if (e == ERR_SYNTAX && file.n)
		why_prefix(why, "%s", path);
	if (!e)
		e = append(r, file, marks, why);
	if (e)
		replay_end(r, false);
	mem_free((void *)(uintptr_t)file.p);
	return e;
}

void replay_end(struct replay_cache *r, bool keep)
{
	if (!r->path)
		return;
	/* The file is still locked, so nobody else has appended to it. */
	if (!keep && r->changed && !r->size)
		unlink(r->path);
	else if (!keep && r->changed && !ftruncate(r->fd, (off_t)r->size))
		(void)!fsync(r->fd);
	close(r->fd);
	*r = (struct replay_cache){0};
}
