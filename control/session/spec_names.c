/* SPDX-License-Identifier: MIT */
/* Reads and writes interfaces, families, legs and modes: names in JSON, numbers in the spec. */
#include <stdio.h>

#include "control/session/interfaces.h"
#include "control/session/spec_schema.h"

/* --- interface: a name in JSON, a choice in the spec ------------------------ */

static struct interfaces interfaces_of(const void *context)
{
	const struct spec_context *c = context;

	return (struct interfaces){.items = c->interfaces, .n = c->n_interfaces};
}

static enum err interface_read(struct schema_in *in, const struct schema_field *f,
                               const struct doc *d, void *at)
{
	struct interfaces l = interfaces_of(in->context);
	struct why why;
	char list[160];

	if (d->kind == DOC_TEXT && !interfaces_find(&l, d->text, at, &why))
		return ERR_OK;
	return schema_refuse(
		in, ERR_NOT_FOUND, f, d,
		"must be the name of an interface (%s), or NAME/ADDR with an address of it",
		interfaces_print_names(&l, list, sizeof(list)));
}

/* Writes the choice. If the request named no interface, writes the one that the leg uses. */
static struct doc *interface_write(const struct schema_out *out, const struct schema_field *f,
                                   const void *at)
{
	const struct spec_leg *leg =
		(const void *)((const uint8_t *)at - offsetof(struct spec_leg, choice));
	struct interfaces l = interfaces_of(out->context);
	char text[INTERFACES_TEXT_MAX];

	(void)f;
	if (leg->choice == INTERFACES_ANY)
		return doc_borrow(out->arena, interfaces_base(&l.items[leg->at.interface]));
	return doc_text(out->arena, str_of(interfaces_print(&l, leg->choice, text)));
}

static enum err octet_copy(const struct schema_field *f, void *to, const void *from)
{
	(void)f;
	*(uint8_t *)to = *(const uint8_t *)from;
	return ERR_OK;
}

static bool octet_eq(const struct schema_field *f, const void *a, const void *b)
{
	(void)f;
	return *(const uint8_t *)a == *(const uint8_t *)b;
}

const struct schema_type spec_interface_type = {
	.read = interface_read, .write = interface_write, .copy = octet_copy, .eq = octet_eq};

static enum err family_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	if (d->kind != DOC_INT || (d->number != 4 && d->number != 6))
		return schema_refuse(in, ERR_INVALID, f, d, "must be 4 or 6");
	*(uint8_t *)at = (uint8_t)d->number;
	return ERR_OK;
}

static struct doc *family_write(const struct schema_out *out, const struct schema_field *f,
                                const void *at)
{
	(void)f;
	return *(const uint8_t *)at ? doc_uint(out->arena, *(const uint8_t *)at) : NULL;
}

const struct schema_type spec_family_type = {
	.read = family_read, .write = family_write, .copy = octet_copy, .eq = octet_eq};

/* --- a leg's index: "a" "b" "b2" … ------------------------------------------ */

const char *spec_leg_name(unsigned index)
{
	return index < RELAY_LEGS_MAX ? relay_leg_name(index) : "?";
}

enum err spec_leg_find(struct str name, unsigned *out)
{
	for (unsigned i = 0; i < RELAY_LEGS_MAX; i++)
		if (str_is(name, relay_leg_name(i))) {
			*out = i;
			return ERR_OK;
		}
	return ERR_NOT_FOUND;
}

static enum err active_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                            void *at)
{
	unsigned i;

	if (d->kind != DOC_TEXT || spec_leg_find(d->text, &i) || i == RELAY_LEG_ACCESS)
		return schema_refuse(in, ERR_INVALID, f, d, "must be a core leg: b, b2 … b8");
	*(uint8_t *)at = (uint8_t)i;
	return ERR_OK;
}

static struct doc *active_write(const struct schema_out *out, const struct schema_field *f,
                                const void *at)
{
	(void)f;
	return doc_borrow(out->arena, str_of(spec_leg_name(*(const uint8_t *)at)));
}

const struct schema_type spec_active_type = {
	.read = active_read, .write = active_write, .copy = octet_copy, .eq = octet_eq};

/* --- mode: the relay's table of names --------------------------------------- */

static enum err mode_read(struct schema_in *in, const struct schema_field *f, const struct doc *d,
                          void *at)
{
	char list[160] = "";
	enum relay_mode mode;
	size_t n = 0;

	if (d->kind == DOC_TEXT && !relay_mode_find(d->text, &mode)) {
		*(uint8_t *)at = (uint8_t)mode;
		return ERR_OK;
	}
	for (unsigned i = 0; i < RELAY_MODE_COUNT && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
		                      relay_mode_name((enum relay_mode)i));
	return schema_refuse(in, ERR_INVALID, f, d, "must be one of %s", list);
}

static struct doc *mode_write(const struct schema_out *out, const struct schema_field *f,
                              const void *at)
{
	(void)f;
	return doc_borrow(out->arena, str_of(relay_mode_name(*(const uint8_t *)at)));
}

const struct schema_type spec_mode_type = {
	.read = mode_read, .write = mode_write, .copy = octet_copy, .eq = octet_eq};
