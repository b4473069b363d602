/* SPDX-License-Identifier: MIT */
/* The machine a result was measured on, and the commit that was measured. */
#include "bench/result/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/str.h"
#include "bench/bench.h"

static const char *const flags_that_matter[] = {"aes",      "vaes",      "pclmulqdq", "vpclmulqdq",
                                                "sha_ni",   "avx2",      "avx512f",   "avx512bw",
                                                "avx512vl", "hypervisor"};

/* Copies the text after the colon of the first line that starts with `key`, as in "model name : AMD
 * EPYC". False: no such line. */
static bool field_of(const char *path, const char *key, char *out, size_t room)
{
	FILE *f = fopen(path, "re");
	char line[8192];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) || !colon)
			continue;
		colon += strspn(colon + 1, " \t") + 1;
		colon[strcspn(colon, "\n")] = 0;
		snprintf(out, room, "%s", colon);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static json_t *cpu_flags(void)
{
	json_t *out = json_array();
	char text[8192] = "";
	struct str rest, word;

	if (!field_of("/proc/cpuinfo", "flags", text, sizeof(text)))
		field_of("/proc/cpuinfo", "Features", text, sizeof(text));
	rest = str_of(text);
	while ((word = str_word(&rest)).n)
		for (size_t i = 0; i < ARRAY_LEN(flags_that_matter); i++)
			if (str_is(word, flags_that_matter[i]))
				json_array_append_new(out, json_string(flags_that_matter[i]));
	return out;
}

json_t *machine_describe(void)
{
	json_t *out = json_object();
	struct utsname name;
	char text[256] = "unknown";
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	field_of("/proc/cpuinfo", "model name", text, sizeof(text));
	json_object_set_new(out, "cpu", json_string(text));
	json_object_set_new(out, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(out, "flags", cpu_flags());
	json_object_set_new(out, "kernel",
	                    json_string(uname(&name) == 0 ? name.release : "unknown"));
	json_object_set_new(out, "memory_mb", json_integer((json_int_t)pages / 1024 * page / 1024));
	return out;
}

/* Runs a shell command and reads the first line of its output. False: no output. */
static bool ask(const char *command, char *out, size_t room)
{
	FILE *f = popen(command, "re");
	bool ok = f && fgets(out, (int)room, f);

	if (f)
		pclose(f);
	if (ok)
		out[strcspn(out, "\n")] = 0;
	return ok;
}

const char *bench_commit(void)
{
	static char commit[64];
	char head[48], changed[64];
	bool is_changed;

	if (*commit)
		return commit;
	if (!ask("git rev-parse --short=12 HEAD 2>/dev/null", head, sizeof(head)))
		return "unknown";
	is_changed = ask("git status --porcelain --untracked-files=no 2>/dev/null", changed,
	                 sizeof(changed));
	snprintf(commit, sizeof(commit), "%s%s", head, is_changed ? "+" : "");
	return commit;
}
