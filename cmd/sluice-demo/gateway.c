/* SPDX-License-Identifier: MIT */
/* Starts the gateway and places a call through its control socket. */
#include "cmd/sluice-demo/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/secret.h"
#include "control/client.h"
#include "control/conf.h"

enum {
	START_TRIES = 100,
	STOP_TRIES = 100,
	PAUSE_MS = 50,
	CALL_TIMEOUT_MS = 5000,
	INLINE_MAX = 80
};

extern char **environ;

static void pause_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static bool answers_ping(struct demo_gateway *g, struct why *why)
{
	const struct doc *result;

	if (client_open(&g->client, g->where, CALL_TIMEOUT_MS, why))
		return false;
	if (!client_request(g->client, "ping", NULL, &result, why))
		return true;
	client_close(g->client);
	g->client = NULL;
	return false;
}

bool gateway_is_up(const struct demo_gateway *g)
{
	return g->pid > 0 && waitpid(g->pid, NULL, WNOHANG) == 0;
}

enum err gateway_start(struct demo_gateway *g, const char *program, struct why *why)
{
	char *argv[] = {(char *)(uintptr_t)program, NULL};
	posix_spawnattr_t attr;
	int e;

	g->where = conf_standard_control();
	if (answers_ping(g, NULL))
		return why_fail(why, ERR_EXISTS, "another gateway is running at %s: stop it first",
		                g->where);
	/* In a process group of its own the gateway does not receive Ctrl-C: the demo stops it when
	 * the call has ended. */
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	e = posix_spawn(&g->pid, program, NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (e) {
		g->pid = 0;
		return why_fail(why, ERR_IO, "can't start %s: %s", program, strerror(e));
	}
	for (int i = 0; i < START_TRIES; i++) {
		if (answers_ping(g, why))
			return ERR_OK;
		if (!gateway_is_up(g)) {
			g->pid = 0;
			return why_fail(why, ERR_IO,
			                "sluiced exited at start; see its last log lines above");
		}
		pause_ms(PAUSE_MS);
	}
	why_prefix(why, "sluiced does not answer on its control socket %s", g->where);
	return ERR_TIMEOUT;
}

bool gateway_stop(struct demo_gateway *g)
{
	int status = 0;

	client_close(g->client);
	g->client = NULL;
	if (g->pid <= 0)
		return true;
	kill(g->pid, SIGTERM);
	for (int i = 0; i < STOP_TRIES; i++) {
		if (waitpid(g->pid, &status, WNOHANG) == g->pid) {
			g->pid = 0;
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		}
		pause_ms(PAUSE_MS);
	}
	kill(g->pid, SIGKILL);
	waitpid(g->pid, &status, 0);
	g->pid = 0;
	return false;
}

static void add_keying(struct doc_arena *a, struct doc *leg, const char *direction,
                       const struct keyctx *k)
{
	uint8_t master[SUITE_MASTER_MAX];
	char text[INLINE_MAX];
	struct doc *dir = doc_dict(a), *keying = doc_dict(a);
	size_t n = (size_t)k->suite->key_len + k->suite->salt_len;

	memcpy(master, k->key, k->suite->key_len);
	memcpy(master + k->suite->key_len, k->salt, k->suite->salt_len);
	CHECK(!b64_encode(master, n, true, text, sizeof(text)));
	doc_set_text(a, keying, "suite", str_of(k->suite->name));
	doc_set_text(a, keying, "inline", str_of(text));
	doc_set(dir, "keying", keying);
	doc_set(leg, direction, dir);
	secret_wipe(master, sizeof(master));
	secret_wipe(text, sizeof(text));
}

static struct doc *make_leg(struct doc_arena *a, const struct addr *remote, const char *rtcp)
{
	struct doc *leg = doc_dict(a);
	char text[ADDR_TEXT_MAX];

	doc_set_text(a, leg, "interface", STR("default"));
	doc_set_text(a, leg, "remote", str_of(addr_print(remote, text)));
	doc_set_text(a, leg, "rtcp", str_of(rtcp));
	return leg;
}

static enum err read_local(const struct doc *legs, const char *name, struct addr *rtp,
                           struct addr *rtcp, struct why *why)
{
	const struct doc *leg = doc_get(legs, name);
	struct str local = doc_get_text(leg, "local"), local_rtcp = doc_get_text(leg, "local_rtcp");

	if (addr_parse(local, rtp) || addr_parse(local_rtcp.n ? local_rtcp : local, rtcp))
		return why_fail(why, ERR_SYNTAX,
		                "the answer to session.create has no address for leg %s", name);
	return ERR_OK;
}

/* Returns media[0].legs of the reply; NULL if it is missing. */
static const struct doc *legs_of(const struct doc *result)
{
	const struct doc *media = doc_get(result, "media");

	return media && media->kind == DOC_LIST && media->n ? doc_get(media->first, "legs") : NULL;
}

enum err gateway_place_call(struct demo_gateway *g, const struct gateway_ends *ends,
                            struct gateway_call *out, struct why *why)
{
	struct doc *params, *media, *first, *legs, *leg;
	const struct doc *result;
	struct doc_arena *a;
	enum err e = doc_arena_new(&a);

	if (e)
		return why_fail(why, e, "out of memory");
	params = doc_dict(a);
	media = doc_list(a);
	first = doc_dict(a);
	legs = doc_dict(a);
	leg = make_leg(a, &ends->terminal, "mux");
	add_keying(a, leg, "receive", ends->receive);
	add_keying(a, leg, "send", ends->send);
	doc_set(legs, "a", leg);
	doc_set(legs, "b", make_leg(a, &ends->core, "pair"));
	doc_set_text(a, first, "id", STR("audio"));
	doc_set_text(a, first, "mode", STR("e2ae"));
	doc_set(first, "legs", legs);
	doc_append(media, first);
	doc_set_text(a, params, "id", STR("demo"));
	doc_set(params, "media", media);
	e = doc_arena_failed(a) ? why_fail(why, ERR_NOMEM, "out of memory")
	                        : client_request(g->client, "session.create", params, &result, why);
	if (!e)
		e = read_local(legs_of(result), "a", &out->a, &out->a_rtcp, why);
	if (!e)
		e = read_local(legs_of(result), "b", &out->b, &out->b_rtcp, why);
	doc_arena_free(a);
	return e;
}

enum err gateway_end_call(struct demo_gateway *g, struct why *why)
{
	const struct doc *result;
	struct doc *params;
	struct doc_arena *a;
	enum err e = doc_arena_new(&a);

	if (e)
		return why_fail(why, e, "out of memory");
	params = doc_dict(a);
	doc_set_text(a, params, "id", STR("demo"));
	e = client_request(g->client, "session.delete", params, &result, why);
	doc_arena_free(a);
	return e;
}
