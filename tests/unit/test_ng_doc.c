/* SPDX-License-Identifier: MIT */
/* docs/ng.md says of each key and word what the code does with it, in the words of the code's own tables. */
#include <stdlib.h>

#include "base/buf.h"
#include "control/ng_request.h"
#include "tests/harness/harness.h"

static const char *const hows[] = {[NG_SUPPORTED] = "supported", [NG_IGNORED] = "ignored", [NG_REFUSED] = "refused"};

static bool read_page(struct buf *out)
{
	FILE *f = fopen(test_path("../docs/ng.md"), "r");
	char part[4096];
	size_t n;

	if (!f)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	fclose(f);
	return !out->bad && out->n > 0;
}

static void every_word_is_documented(void)
{
	struct buf page = {0};
	struct ng_word_doc row;
	const char *where = "";

	REQUIRE(read_page(&page));
	for (size_t i = 0; ng_words_row(i, &row); i++) {
		char line[512];

		/* What SLUICE_PRINT asks for is the text to paste. */
		if (getenv("SLUICE_PRINT") && strcmp(where, row.where) != 0)
			printf("\n### `%s`\n\n| word | | |\n|---|---|---|\n", row.where);
		where = row.where;
		snprintf(line, sizeof(line), "| `%s` | %s | %s |\n", row.name, hows[row.how], row.text);
		if (getenv("SLUICE_PRINT"))
			printf("%s", line);
		test_context("%s %s", row.where, row.name);
		EXPECT(strstr(page.p, line) != NULL);
	}
	buf_free(&page);
}

TEST_MAIN("ng-doc", {"every word is documented", every_word_is_documented})
