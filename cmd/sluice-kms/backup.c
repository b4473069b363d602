/* SPDX-License-Identifier: MIT */
/* Copies the state of a KMS into a folder. */
#include "cmd/sluice-kms/backup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "control/kms/store.h"

static const char *const copies[] = {"keys.mdb", "seen.mdb"};

/* Makes the missing folders of `path` with mode 0700. Sets `*kept` to the length of the part that
 * existed before. */
static enum err make_folders(char *path, size_t *kept, struct why *why)
{
	size_t n = strlen(path);
	bool seen = false;

	*kept = n;
	for (size_t i = 1; i <= n; i++) {
		char c = path[i];

		if ((c && c != '/') || path[i - 1] == '/')
			continue;
		path[i] = '\0';
		if (!mkdir(path, 0700)) {
			if (!seen)
				*kept = strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path)
				                           : 0;
			seen = true;
		} else if (errno != EEXIST) {
			char *slash;

			why_fail(why, ERR_IO, "--backup: the folder %s cannot be made: %s", path,
			         strerror(errno));
			slash = strrchr(path, '/');
			if (slash) /* the folders that were made are above this one */
				*slash = '\0';
			return ERR_IO;
		}
		path[i] = c;
	}
	return ERR_OK;
}

static void remove_folders(char *path, size_t kept)
{
	for (char *slash; strlen(path) > kept && !rmdir(path); *slash = '\0') {
		slash = strrchr(path, '/');
		if (!slash)
			return;
	}
}

enum err backup_make(const char *from, const char *to, struct why *why)
{
	char path[PATH_MAX], file[PATH_MAX + 16];
	size_t n = strlen(to), kept;
	enum err e;

	if (n >= sizeof(path))
		return why_fail(why, ERR_TOO_BIG,
		                "--backup: the name has %zu characters, must be "
		                "fewer than %d",
		                n, PATH_MAX);
	while (n > 1 && to[n - 1] == '/')
		n--;
	memcpy(path, to, n);
	path[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(copies); i++) {
		snprintf(file, sizeof(file), "%s/%s", path, copies[i]);
		if (!access(file, F_OK))
			return why_fail(why, ERR_EXISTS,
			                "--backup: %s exists; a copy is never overwritten: name "
			                "another folder",
			                file);
	}
	e = make_folders(path, &kept, why);
	if (!e)
		e = kms_store_disk_backup(from, path, why);
	for (size_t i = 0; i < ARRAY_LEN(copies) && e; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, copies[i]);
		unlink(file);
	}
	if (e)
		remove_folders(path, kept);
	return e;
}
