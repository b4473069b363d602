/* SPDX-License-Identifier: MIT */
/* sluice-ue: the terminal's tool, a table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "cmd/sluice-ue/input.h"
#include "keyctx/mikey/tree.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_MISUSED = 2 };

struct command {
	const char *name, *arguments, *help;
	int (*run)(int argc, char **argv);
};

static int complain(const struct why *why)
{
	fprintf(stderr, "sluice-ue: %s\n", why->text);
	return EXIT_REFUSED;
}

static int show(struct view octets, bool json)
{
	struct mikey_tree tree;
	struct buf out = {0};
	struct why why;
	bool faulty;

	if (mikey_tree_make(&tree, octets)) {
		why_fail(&why, ERR_NOMEM, "out of memory");
		return complain(&why);
	}
	if (json)
		mikey_tree_json(&tree, &out);
	else
		mikey_tree_text(&tree, &out);
	if (json)
		buf_char(&out, '\n');
	fwrite(out.p, 1, out.n, stdout);
	faulty = tree.has_fault || out.bad;
	buf_free(&out);
	mikey_tree_free(&tree);
	return faulty ? EXIT_REFUSED : EXIT_DONE;
}

/* decode [--json] [FILE] */
static int decode(int argc, char **argv)
{
	bool json = argc > 0 && strcmp(argv[0], "--json") == 0;
	const char *path = argc > json ? argv[json] : "-";
	struct buf in = {0}, octets = {0};
	struct why why;
	int status;

	if (argc > json + 1 || (path[0] == '-' && path[1]))
		return EXIT_MISUSED;
	if (input_read(&in, path, &why) || input_octets(&octets, buf_as_view(&in), &why))
		status = complain(&why);
	else
		status = show(buf_as_view(&octets), json);
	buf_free(&in);
	buf_free(&octets);
	return status;
}

static const struct command commands[] = {
	{"decode", "[--json] [FILE|-]", "print a MIKEY message (octets, base64, hexadecimal or an a=key-mgmt line) as a tree and name its first fault",
         decode},
};

static int usage(FILE *to, int status)
{
	fputs("usage: sluice-ue COMMAND [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].help);
	fputs("\nexit status: 0 done, 1 refused or faulty, 2 misused\n", to);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout, EXIT_DONE);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("sluice-ue " SLUICE_VERSION) < 0;
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, argv[1]) == 0) {
			int status = commands[i].run(argc - 2, argv + 2);

			return status == EXIT_MISUSED ? usage(stderr, status) : status;
		}
	return usage(stderr, EXIT_MISUSED);
}
