/* SPDX-License-Identifier: MIT */
/* Events that are raised only once arrive even if control does not read its ring for a long time
 * and the ring is full. */
#include "tests/harness/call.h"

#include "base/bytes.h"
#include "base/clk.h"

enum { CALLS = 170, LEGS = 2, EVENTS = CALLS * RELAY_MEDIA_MAX * LEGS };
_Static_assert(EVENTS > 5000, "more than the ring has room for");

/* Calls with 16 media each, on separate ports. */
struct crowd {
	struct stage g;
	struct relay_session *calls[CALLS];
	unsigned told[RELAY_EVENT_COUNT];
	uint8_t times[CALLS][RELAY_MEDIA_MAX][LEGS][RELAY_EVENT_COUNT];
};

static struct crowd crowd; /* static because it is large */

static void on_event(void *arg, const struct relay_event *e)
{
	struct crowd *c = arg;
	size_t call = (size_t)(uintptr_t)e->owner - 1;

	c->told[e->kind]++;
	if (call < CALLS && e->leg < LEGS && e->media < RELAY_MEDIA_MAX)
		c->times[call][e->media][e->leg][e->kind]++;
}

static uint16_t port_of(unsigned call, unsigned media, unsigned leg)
{
	return (uint16_t)(30000 + (call * RELAY_MEDIA_MAX + media) * LEGS + leg);
}

static bool crowd_open(uint32_t inactivity_ms, uint32_t setup_ms)
{
	static struct relay_media_spec media[RELAY_MEDIA_MAX];
	struct relay_session_spec spec;

	memset(&crowd, 0, sizeof(crowd));
	if (!stage_open(&crowd.g, "evp", 1))
		return false;
	relay_set_listener(crowd.g.relay, on_event, &crowd);
	for (unsigned i = 0; i < CALLS; i++) {
		for (unsigned m = 0; m < RELAY_MEDIA_MAX; m++) {
			call_spec(&spec, &media[m], RELAY_MODE_RTP, RELAY_RTCP_MUX);
			for (unsigned k = 0; k < LEGS; k++) {
				media[m].legs[k].port_rtp = port_of(i, m, k);
				media[m].legs[k].inactivity_ms = inactivity_ms;
			}
		}
		spec.media = media;
		spec.n_media = RELAY_MEDIA_MAX;
		spec.setup_timeout_ms = setup_ms;
		spec.owner = (void *)(uintptr_t)(i + 1);
		if (!EXPECT_OK(call_create(&crowd.g, &crowd.calls[i], &spec)))
			return false;
	}
	return true;
}

static void crowd_close(void)
{
	for (unsigned i = 0; i < CALLS; i++)
		EXPECT_OK(call_delete(&crowd.g, crowd.calls[i]));
	stage_close(&crowd.g);
}

/* Advances the time while control reads no events. */
static void without_control(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++) {
		sim_set_time(crowd.g.sim, sim_time(crowd.g.sim) + NS_PER_MS);
		while (relay_step(crowd.g.relay, sim_time(crowd.g.sim)))
			;
	}
}

static void everybody_sends(uint32_t ssrc, uint64_t index)
{
	for (unsigned i = 0; i < CALLS; i++) {
		for (unsigned m = 0; m < RELAY_MEDIA_MAX; m++) {
			for (unsigned k = 0; k < LEGS; k++) {
				struct addr to = addr_with_port(&call_local_a, port_of(i, m, k));
				uint8_t octets[256];
				size_t n = call_rtp(octets, ssrc, index);

				EXPECT_OK(sim_send(crowd.g.sim, k ? &call_peer_b : &call_peer_a,
				                   &to, octets, n));
			}
		}
		without_control(1);
	}
}

static void expect_each_once(enum relay_event_kind kind)
{
	unsigned wrong = 0;

	EXPECT_INT(crowd.told[kind], EVENTS);
	for (unsigned i = 0; i < CALLS; i++)
		for (unsigned m = 0; m < RELAY_MEDIA_MAX; m++)
			for (unsigned k = 0; k < LEGS; k++)
				wrong += crowd.times[i][m][k][kind] != 1;
	EXPECT_INT(wrong, 0);
	EXPECT_INT(relay_events_lost(crowd.g.relay), 0);
}

static void media_begins_everywhere(void)
{
	if (!crowd_open(0, 0))
		return;
	everybody_sends(7, 1);
	EXPECT_INT(crowd.told[RELAY_EVENT_FIRST_MEDIA], 0);
	stage_run(&crowd.g, 5);
	expect_each_once(RELAY_EVENT_FIRST_MEDIA);
	crowd_close();
}

/* The core is disconnected, so every call becomes silent at the same time. A call that recovers
 * before its event was delivered raises no event. */
static void silence_everywhere(void)
{
	if (!crowd_open(2000, 0))
		return;
	everybody_sends(7, 1);
	stage_run(&crowd.g, 5);
	without_control(3000);
	EXPECT_INT(crowd.told[RELAY_EVENT_MEDIA_TIMEOUT], 0);
	stage_run(&crowd.g, 50);
	expect_each_once(RELAY_EVENT_MEDIA_TIMEOUT);
	crowd_close();
}

/* Without any media, every call raises setup-timeout, although leg events are queued first. */
static void setup_times_out_in_every_call(void)
{
	if (!crowd_open(1500, 2000))
		return;
	without_control(3000);
	stage_run(&crowd.g, 100);
	EXPECT_INT(crowd.told[RELAY_EVENT_SETUP_TIMEOUT], CALLS);
	expect_each_once(RELAY_EVENT_MEDIA_TIMEOUT);
	crowd_close();
}

/* Calls that end before their events are delivered raise no event; the events of other calls still
 * arrive. */
static void calls_end_before_their_events(void)
{
	if (!crowd_open(0, 0))
		return;
	everybody_sends(7, 1);
	for (unsigned i = 0; i < CALLS; i++)
		relay_session_delete(crowd.g.relay, crowd.calls[i], NULL, NULL);
	without_control(20);
	stage_run(&crowd.g, 50);
	EXPECT_INT(crowd.told[RELAY_EVENT_FIRST_MEDIA], 0);
	stage_close(&crowd.g);
}

TEST_MAIN("told", {"media begins everywhere", media_begins_everywhere},
          {"silence everywhere", silence_everywhere},
          {"setup times out in every call", setup_times_out_in_every_call},
          {"calls end before their events", calls_end_before_their_events})
