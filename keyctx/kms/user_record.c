/* SPDX-License-Identifier: MIT */
/* Writes and reads provisioned users as records of the store. */
#include "keyctx/kms/user_record.h"

#include "base/mem.h"

enum { FORMAT = 1 };

static void write_part(struct wr *w, struct view v)
{
	if (v.n > UINT16_MAX)
		w->bad = true;
	wr_u16(w, (uint16_t)v.n);
	wr_view(w, v);
}

/* Writes a name, its type octet included; an empty part if there is none. */
static void write_name(struct wr *w, const struct kms_name *n)
{
	write_part(w, n ? (struct view){n->octets, n->n} : (struct view){0});
}

enum err user_record_write(const struct kms_user *u, uint8_t *room, size_t room_n, size_t *len)
{
	struct wr w = wr_make(room, room_n);

	if (u->names.n > UINT16_MAX)
		return ERR_TOO_BIG;
	wr_u8(&w, FORMAT);
	wr_u64(&w, u->version);
	wr_u64(&w, u->psk_until_s);
	write_name(&w, u->psk_id);
	write_part(&w, (struct view){u->psk.octets, u->psk.len});
	write_part(&w, (struct view){(const uint8_t *)u->impi, strlen(u->impi)});
	wr_u16(&w, (uint16_t)u->names.n);
	for (size_t i = 0; i < u->names.n; i++)
		write_name(&w, u->names.v[i]);
	if (!wr_ok(&w))
		return ERR_TOO_BIG;
	*len = wr_len(&w);
	return ERR_OK;
}

static struct view read_part(struct rd *r)
{
	return rd_octets(r, rd_u16(r));
}

/* Leaves `*out` NULL if the part is empty. */
static enum err read_name(struct rd *r, struct kms_name **out)
{
	struct view v = read_part(r);

	if (v.n == 0)
		return ERR_OK;
	if (v.n < 2 || v.n > KMS_NAME_MAX)
		return ERR_SYNTAX;
	*out = kms_name_new((struct mikey_id){v.p[0], {v.p + 1, v.n - 1}});
	return *out ? ERR_OK : ERR_NOMEM;
}

static enum err read_names(struct rd *r, struct kms_names *out)
{
	size_t n = rd_u16(r);
	enum err e = n ? ERR_OK : ERR_SYNTAX;

	for (size_t i = 0; !e && i < n; i++) {
		struct kms_name *name = NULL;

		e = read_name(r, &name);
		if (!e)
			e = name ? kms_names_take(out, name) : ERR_SYNTAX;
		if (e)
			mem_free(name);
	}
	return e;
}

enum err user_record_read(struct kms_user **out, struct view record)
{
	struct rd r = rd_view(record);
	struct kms_user *u = mem_alloc(sizeof(*u));
	struct view psk, impi;
	enum err e = rd_u8(&r) == FORMAT ? ERR_OK : ERR_SYNTAX;

	if (!u)
		return ERR_NOMEM;
	u->origin = KMS_USER_PROVISIONED;
	u->version = rd_u64(&r);
	u->psk_until_s = rd_u64(&r);
	if (!e)
		e = read_name(&r, &u->psk_id);
	psk = read_part(&r);
	if (!e && psk.n)
		e = secret_set(&u->psk, psk.p, psk.n);
	impi = read_part(&r);
	if (!e && impi.n && memchr(impi.p, 0, impi.n))
		e = ERR_SYNTAX;
	if (!e)
		e = str_copy(str_make((const char *)impi.p, impi.n), u->impi, sizeof(u->impi));
	if (!e)
		e = read_names(&r, &u->names);
	if (!e && !rd_done(&r))
		e = ERR_SYNTAX;
	if (e) {
		kms_user_free(u);
		return e == ERR_TOO_BIG ? ERR_SYNTAX : e;
	}
	*out = u;
	return ERR_OK;
}
