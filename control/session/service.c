/* SPDX-License-Identifier: MIT */
/* The service: new, free, settings and counts. Its requests are in service_request.c. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clk.h"
#include "base/mem.h"
#include "control/session/service_state.h"
#include "keyctx/prim.h"

/* --- making and ending ------------------------------------------------------ */

enum err service_new(struct service **out, const struct service_config *config, struct why *why)
{
	struct service *sv = mem_alloc(sizeof(*sv));
	uint64_t number = 0;
	struct interfaces interfaces = {.items = config->context.interfaces,
	                                .n = config->context.n_interfaces};
	enum err e = ERR_OK;

	if (!sv)
		return why_fail(why, ERR_NOMEM, "out of memory");
	sv->config = *config;
	if (!sv->config.now_ns)
		sv->config.now_ns = clk_mono_ns;
	sv->scratch.media = sv->scratch_media;
	list_init(&sv->awaiting_ports);
	if (registry_new(&sv->registry) ||
	    targets_new(&sv->targets, config->context.interfaces, config->context.n_interfaces,
	                config->media_deny, config->media_allow))
		e = why_fail(why, ERR_NOMEM, "out of memory");
	if (!e && prim_random(&number, sizeof(number)))
		e = why_fail(why, ERR_CRYPTO, "the random generator failed");
	snprintf(sv->instance, sizeof(sv->instance), "%016" PRIx64, number);
	if (!e)
		e = local_new(&sv->local, &interfaces, config->port_quarantine_ms, why);
	if (e) {
		service_free(sv);
		return e;
	}
	*out = sv;
	return ERR_OK;
}

void service_free(struct service *sv)
{
	if (!sv)
		return;
	registry_free(sv->registry);
	targets_free(sv->targets);
	local_free(sv->local);
	mem_free(sv);
}

void service_reconfigure(struct service *sv, const struct service_config *config)
{
	struct service_config old = sv->config;

	sv->config = *config;
	sv->config.relay = old.relay;
	sv->config.now_ns = old.now_ns;
	sv->config.context.interfaces = old.context.interfaces;
	sv->config.context.n_interfaces = old.context.n_interfaces;
	local_set_quarantine(sv->local, config->port_quarantine_ms);
}

struct registry *service_registry(struct service *sv)
{
	return sv->registry;
}

const struct spec_context *service_context(const struct service *sv)
{
	return &sv->config.context;
}

const struct service_config *service_get_config(const struct service *sv)
{
	return &sv->config;
}

struct relay *service_relay(struct service *sv)
{
	return sv->config.relay;
}

const char *service_instance(const struct service *sv)
{
	return sv->instance;
}

struct targets *service_targets(const struct service *sv)
{
	return sv->targets;
}

void service_count_refused_target(struct service *sv)
{
	sv->counts.targets_refused++;
}

void service_count_media_as_request(struct service *sv)
{
	sv->counts.media_as_requests++;
}

uint64_t service_now_ns(const struct service *sv)
{
	return sv->config.now_ns();
}

/* --- sessions that are ending ----------------------------------------------- */

void service_set_ending(struct service *sv, struct registry_session *s, bool on)
{
	if (s->is_ending != on)
		sv->counts.ending += on ? 1 : (uint32_t)-1;
	s->is_ending = on;
	if (sv->counts.ending > sv->config.sessions_max && sv->reclaim &&
	    sv->reclaim(sv->reclaim_arg))
		sv->counts.reclaimed++;
}

void service_set_reclaimer(struct service *sv, service_reclaim_fn *fn, void *arg)
{
	sv->reclaim = fn;
	sv->reclaim_arg = arg;
}

size_t service_count_sessions(const struct service *sv)
{
	return registry_count(sv->registry) - sv->counts.ending;
}

/* --- facts ------------------------------------------------------------------ */

static struct addr told_at(const struct service *sv, const struct spec_place *p)
{
	return p->port ? addr_with_port(&sv->config.context.interfaces[p->interface].advertised,
	                                p->port)
	               : (struct addr){0};
}

struct addr service_local(const struct service *sv, const struct spec_leg *leg)
{
	return leg->exists ? told_at(sv, &leg->at) : (struct addr){0};
}

struct addr service_local_other(const struct service *sv, const struct spec_leg *leg)
{
	return leg->exists ? told_at(sv, &leg->other) : (struct addr){0};
}

struct addr service_local_rtcp(const struct service *sv, const struct spec_leg *leg)
{
	struct addr a = service_local(sv, leg);

	if (leg->relay.rtcp != RELAY_RTCP_PAIR || addr_is_none(&a))
		return (struct addr){0};
	return addr_with_port(&a, (uint16_t)(a.port + 1));
}

bool service_refuses_key(const struct registry_session *s, const struct keyctx *k, bool is_send)
{
	return s->relay && relay_session_refuses_key(s->relay, k, is_send);
}

void service_set_draining(struct service *sv, bool on)
{
	sv->draining = on;
}

bool service_is_draining(const struct service *sv)
{
	return sv->draining;
}

void service_get_counts(const struct service *sv, struct service_counts *out)
{
	*out = sv->counts;
	out->sessions = (uint32_t)service_count_sessions(sv);
	out->sessions_max = sv->config.sessions_max;
}

uint64_t service_note_lines(struct service *sv, unsigned passed, unsigned refused)
{
	sv->counts.lines_passed += passed;
	sv->counts.lines_refused += refused;
	return sv->counts.lines_passed + sv->counts.lines_refused;
}

void service_port_usage(struct service *sv, unsigned interface, struct ports_usage *out)
{
	local_usage(sv->local, interface, sv->config.now_ns(), out);
}
