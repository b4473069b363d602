/* SPDX-License-Identifier: MIT */
/* The table of scenarios. */
#include "bench/gen/scenario.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"

const char scenario_names[] = "steady|ramp|wrap|hold|rekey|ssrc|loss|spurts|attack";

static const struct scenario scenarios[] = {
	{.name = "steady", .help = "every call sends all the time"},
	{
		.name = "ramp",
		.ramp = true,
		.help = "the highest load that stays within --loss-max and --p99-max",
	},
	{
		.name = "wrap",
		.starts_at_wrap = true,
		.help = "sequence numbers wrap (the ROC changes) during the measurement",
	},
	{
		.name = "hold",
		.event = SCENARIO_HOLD,
		.help = "each call is held and resumed under the same keys",
	},
	{
		.name = "rekey",
		.event = SCENARIO_REKEY,
		.help = "each call's access endpoint changes its key",
	},
	{
		.name = "ssrc",
		.event = SCENARIO_SSRC,
		.help = "each flow starts again under another SSRC",
	},
	{
		.name = "loss",
		.drop = 0.05,
		.swap = 0.05,
		.help = "5 % of packets lost and 5 % reordered before the target",
	},
	{
		.name = "spurts",
		.talk_ms = 1000,
		.pause_ms = 1350,
		.help = "talk spurts of 1 s, silence of 1.35 s, on average",
	},
	{
		.name = "attack",
		.attack = true,
		.help = "forged, replayed, garbage and clear packets beside the good ones",
	},
};

const struct scenario *scenario_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
		if (!strcmp(name, scenarios[i].name))
			return &scenarios[i];
	return NULL;
}
