/* SPDX-License-Identifier: MIT */
/* Reads the files of a KMS and of a terminal, and wipes their contents. */
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "control/kms/kms_conf.h"
#include "control/net/private_file.h"

enum err kms_conf_file_read(struct kms_conf_file *out, const char *file, size_t max,
                            struct why *why)
{
	FILE *f = str_is(str_of(file), "-") ? stdin : fopen(file, "rb");
	struct kms_conf_file got = {0};
	size_t room = 0;
	enum err e = ERR_OK;

	if (!f)
		return why_fail(why, ERR_IO, "%s: cannot open: %s", file, strerror(errno));
	while (!e && !feof(f) && !ferror(f)) {
		if (got.n == room) {
			/* Wipe the old copy, which may hold keys; realloc would not wipe it. */
			size_t more = room ? room * 4 : 65536;
			char *p = more > 4 * max ? NULL : mem_alloc(more);

			if (!p) {
				e = why_fail(why, more > 4 * max ? ERR_TOO_BIG : ERR_NOMEM,
				             "%s: must be at most %zu octets", file, max);
				break;
			}
			if (got.n)
				memcpy(p, got.p, got.n);
			kms_conf_file_free(&(struct kms_conf_file){got.p, got.n});
			got.p = p;
			room = more;
		}
		got.n += fread(got.p + got.n, 1, room - got.n, f);
	}
	if (!e && ferror(f))
		e = why_fail(why, ERR_IO, "%s: cannot read: %s", file, strerror(errno));
	if (!e && got.n > max)
		e = why_fail(why, ERR_TOO_BIG, "%s: must be at most %zu octets", file, max);
	if (f != stdin)
		fclose(f);
	if (e) {
		kms_conf_file_free(&got);
		return e;
	}
	*out = got;
	return ERR_OK;
}

enum err kms_conf_file_read_keys(struct kms_conf_file *out, const char *file, size_t max,
                                 struct why *why)
{
	enum err e = private_file_check(file, why);

	return e ? e : kms_conf_file_read(out, file, max, why);
}

void kms_conf_file_free(struct kms_conf_file *f)
{
	if (f->p)
		secret_wipe(f->p, f->n);
	mem_free(f->p);
	f->p = NULL;
}

enum err kms_conf_path(char *path, size_t room, const char *file, struct why *why)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	size_t n = strlen(path), folder = slash ? (size_t)(slash - file) + 1 : 0;

	if (!n || !folder || path[0] == '/' || str_is(str_of(path), "-"))
		return ERR_OK;
	if (folder + n >= room)
		return why_fail(why, ERR_TOO_BIG,
		                "%s: after the folder of %s the name has %zu characters, must be "
		                "fewer than %zu",
		                path, file, folder + n, room);
	memmove(path + folder, path, n + 1);
	memcpy(path, file, folder);
	return ERR_OK;
}
