/* SPDX-License-Identifier: MIT */
/* The state file of an offer: version octet, then the fields in the order of struct memo; lengths of 16 bits before octets. */
#include "cmd/sluice-ue/memo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMO_VERSION = 1, MEMO_MAX_BYTES = 65536 };
static const char magic[] = "sluice-ue offer\n";

enum err memo_tape_random(void *ctx, const char *name, uint8_t *out, size_t n)
{
	struct memo_tape *t = ctx;
	enum err e;

	if (!t->source) {
		if (n > t->n - t->at)
			return ERR_TRUNCATED;
		memcpy(out, t->octets + t->at, n);
		t->at += n;
		return ERR_OK;
	}
	if (n > sizeof t->octets - t->n)
		return ERR_TOO_BIG;
	e = t->source->random(t->source->random_ctx, name, out, n);
	if (!e) {
		memcpy(t->octets + t->n, out, n);
		t->n += n;
	}
	return e;
}

static void put_octets(struct wr *w, struct view v)
{
	wr_u16(w, (uint16_t)v.n);
	wr_view(w, v);
}

static void put_id(struct wr *w, struct mikey_id id)
{
	wr_u8(w, id.type);
	put_octets(w, id.data);
}

static enum err put_grant(struct wr *w, const struct ticket_grant *g, const struct mikey_env *env)
{
	struct mikey_keys *packed = mikey_keys_new();
	uint16_t flags = g->policy.tp.flags;
	size_t at;
	enum err e = packed ? ticket_keys_pack(packed, g->keys, flags & TICKET_I, env) : ERR_NOMEM;

	if (!e) {
		put_octets(w, g->body);
		wr_u8(w, (flags & TICKET_I) != 0);
		at = wr_len(w);
		wr_u16(w, 0);
		mikey_keys_write(w, packed);
		wr_patch_u16(w, at, (uint16_t)(wr_len(w) - at - 2));
	}
	mikey_keys_free(packed);
	return e;
}

static enum err encode(struct wr *w, const struct memo *m, const struct mikey_env *env)
{
	enum err e;

	wr_octets(w, magic, sizeof magic - 1);
	wr_u8(w, MEMO_VERSION);
	wr_u8(w, m->is_256);
	wr_u8(w, m->suite);
	wr_u8(w, m->n_media);
	for (unsigned i = 0; i < m->n_media; i++)
		wr_u32(w, m->ssrc[i]);
	wr_u64(w, m->now_ntp);
	wr_u64(w, m->last_ntp);
	put_id(w, m->me);
	put_id(w, m->peer);
	put_octets(w, (struct view){m->tape.octets, m->tape.n});
	put_octets(w, m->offer);
	e = put_grant(w, m->grant, env);
	return !e && !wr_ok(w) ? ERR_TOO_BIG : e;
}

enum err memo_write(const struct memo *m, const char *path, const struct mikey_env *env, struct why *why)
{
	struct secret room = {0};
	struct wr w;
	int fd;
	enum err e = secret_make(&room, MEMO_MAX_BYTES);

	if (e)
		return why_fail(why, e, "out of memory");
	w = wr_make(room.octets, room.len);
	e = encode(&w, m, env);
	if (e) {
		secret_clear(&room);
		return why_fail(why, e, "the state can't be kept: %s", err_meaning(e));
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		e = why_fail(why, errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s", path, strerror(errno));
	else if (write(fd, room.octets, wr_len(&w)) != (ssize_t)wr_len(&w))
		e = why_fail(why, ERR_IO, "%s: can't be written", path);
	if (fd >= 0 && close(fd) && !e)
		e = why_fail(why, ERR_IO, "%s: %s", path, strerror(errno));
	if (e && fd >= 0)
		unlink(path);
	secret_clear(&room);
	return e;
}

static struct view get_octets(struct rd *r)
{
	return rd_octets(r, rd_u16(r));
}

static struct mikey_id get_id(struct rd *r)
{
	struct mikey_id id = {.type = rd_u8(r)};

	id.data = get_octets(r);
	return id;
}

static enum err get_grant(struct rd *r, struct ticket_grant **out)
{
	struct view body = get_octets(r);
	bool forking = rd_u8(r);
	struct view octets = get_octets(r);
	struct mikey_keys *packed = mikey_keys_new();
	struct ticket_keys *keys = ticket_keys_new();
	enum err e = packed && keys ? ERR_OK : ERR_NOMEM;

	if (!e && (!rd_ok(r) || rd_left(r)))
		e = ERR_SYNTAX;
	if (!e)
		e = mikey_keys_read(packed, octets, 0, NULL);
	if (!e)
		e = ticket_keys_unpack(keys, packed, forking, NULL);
	if (!e)
		e = ticket_grant_new(out, body, keys, NULL);
	ticket_keys_free(keys);
	mikey_keys_free(packed);
	return e;
}

static enum err decode(struct memo *m, struct rd *r)
{
	struct view head = rd_octets(r, sizeof magic - 1), tape;

	if (!view_eq(head, (struct view){(const uint8_t *)magic, sizeof magic - 1}) || rd_u8(r) != MEMO_VERSION)
		return ERR_SYNTAX;
	m->is_256 = rd_u8(r);
	m->suite = rd_u8(r);
	m->n_media = rd_u8(r);
	if (m->suite >= SUITE_COUNT || m->n_media > SDP_MEDIA_MAX)
		return ERR_SYNTAX;
	for (unsigned i = 0; i < m->n_media; i++)
		m->ssrc[i] = rd_u32(r);
	m->now_ntp = rd_u64(r);
	m->last_ntp = rd_u64(r);
	m->me = get_id(r);
	m->peer = get_id(r);
	tape = get_octets(r);
	m->offer = get_octets(r);
	if (!rd_ok(r) || tape.n > sizeof m->tape.octets)
		return ERR_SYNTAX;
	memcpy(m->tape.octets, tape.p, tape.n);
	m->tape.n = tape.n;
	return get_grant(r, &m->grant);
}

static enum err read_file(struct secret *out, const char *path, struct why *why)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = ERR_OK;

	if (fd < 0 || fstat(fd, &st))
		e = why_fail(why, ERR_IO, "%s: %s", path, strerror(errno));
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		e = why_fail(why, ERR_DENIED, "%s: holds keys, and others than its owner have access (mode 0600 is wanted)", path);
	else if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MEMO_MAX_BYTES)
		e = why_fail(why, ERR_SYNTAX, "%s: no state of an offer", path);
	else if (secret_make(out, (size_t)st.st_size))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	else if (read(fd, out->octets, out->len) != (ssize_t)out->len)
		e = why_fail(why, ERR_IO, "%s: can't be read", path);
	if (fd >= 0)
		close(fd);
	return e;
}

enum err memo_read(struct memo *out, const char *path, struct why *why)
{
	struct memo m = {0};
	struct rd r;
	enum err e = read_file(&m.file, path, why);

	if (!e) {
		r = rd_view((struct view){m.file.octets, m.file.len});
		e = decode(&m, &r);
		if (e)
			why_fail(why, e, "%s: no state of an offer: %s", path, err_meaning(e));
	}
	if (e)
		memo_clear(&m);
	else
		*out = m;
	return e;
}

void memo_clear(struct memo *m)
{
	ticket_grant_free(m->grant);
	secret_clear(&m->file);
	*m = (struct memo){0};
}
