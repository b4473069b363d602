/* SPDX-License-Identifier: MIT */
/* relay/io/frame parses any octets as a frame or refuses them. An accepted frame that is built
 * again parses to the same values. */
#include "base/err.h"
#include "relay/io/frame.h"
#include "tests/harness/harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t room[FRAME_HEADERS_MAX + 65536];
	struct frame f, again;
	struct frame_link link;
	uint8_t *start, *payload = room + FRAME_HEADERS_MAX;

	if (frame_parse(data, size, &f))
		return 0;
	CHECK((size_t)f.at + f.len <= size);
	memcpy(payload, data + f.at, f.len);
	frame_link_make(&link, data, data + 6, f.vlan, f.to.version);
	start = frame_build(payload, f.len, &link,
	                    &(struct frame_ends){.from = &f.from, .to = &f.to});
	CHECK(frame_parse(start, (size_t)(payload + f.len - start), &again) == ERR_OK);
	CHECK(addr_eq(&f.from, &again.from) && addr_eq(&f.to, &again.to));
	CHECK(f.vlan == again.vlan && f.len == again.len);
	CHECK(memcmp(start + again.at, data + f.at, f.len) == 0);
	return 0;
}
