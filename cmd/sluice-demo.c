/* SPDX-License-Identifier: MIT */
/* Starts a gateway, plays one e2ae call through it and checks every octet; used by `make run`. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/opt.h"
#include "cmd/sluice-demo/audio.h"
#include "cmd/sluice-demo/endpoint.h"
#include "cmd/sluice-demo/gateway.h"

enum { EXIT_GOOD = 0, EXIT_BAD = 1, SETTLE_MS = 500, REPORT_EVERY_FRAMES = 1000 / AUDIO_FRAME_MS };

struct demo {
	const char *audio_path;
	unsigned seconds; /* duration of the call; 0: until Ctrl-C */
	struct audio audio;
	struct demo_gateway gateway;
	struct endpoint *terminal, *core;
	struct keyctx *up, *down; /* keys of SRTP from the terminal (up) and to it (down) */
	bool is_tty;
};

static volatile sig_atomic_t must_end;

static void end_soon(int signo)
{
	(void)signo;
	must_end = 1;
}

static const char about[] =
	"Starts the gateway on loopback, places one e2ae call through its control socket and plays "
	"a recording both ways:\n\n"
	"  terminal ==SRTP==> [a] sluiced [b] --RTP--> core\n"
	"  terminal <==SRTP== [a] sluiced [b] <--RTP-- core";

static const char closing[] = "Exit status: 0 every packet arrived and decrypted to the octets "
			      "that were sent, 1 a packet was lost or altered, "
			      "2 wrong command line.\n";

/* Writes the path of a file that is given relative to the folder of this program: sluiced and the
 * recording are found this way. */
static void find_beside(char *out, size_t room, const char *relative)
{
	char self[3072];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	snprintf(out, room, "%s/%s", self, relative);
}

static enum err open_audio(struct demo *d, struct why *why)
{
	/* Two paths from a build folder to the source tree, then the path of an installed
	 * program. */
	static const char *const places[] = {"../../cmd/share/audio/call.wav",
	                                     "../../../cmd/share/audio/call.wav",
	                                     "../share/sluice/audio/call.wav"};
	char path[4096];

	if (d->audio_path)
		return audio_open(&d->audio, d->audio_path, why);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		find_beside(path, sizeof(path), places[i]);
		if (access(path, R_OK) == 0)
			return audio_open(&d->audio, path, why);
	}
	return why_fail(why, ERR_NOT_FOUND,
	                "the recording call.wav was not found; give a WAV file with --audio");
}

static enum err open_endpoints(struct demo *d, struct why *why)
{
	const struct suite *suite = suite_get(SUITE_AES_CM_128_HMAC_SHA1_80);
	struct endpoint_config terminal = {
		.name = "terminal", .rtcp_mux = true, .plays = &d->audio};
	struct endpoint_config core = {.name = "core", .plays = &d->audio};
	enum err e = keyctx_generate(&d->up, suite);

	if (!e)
		e = keyctx_generate(&d->down, suite);
	if (e)
		return why_fail(why, e, "cannot generate keys: %s", err_meaning(e));
	CHECK(!addr_parse(STR("127.0.0.1:0"), &terminal.local));
	core.local = terminal.local;
	terminal.send = d->up;
	terminal.receive = d->down;
	e = endpoint_open(&d->terminal, &terminal, why);
	return e ? e : endpoint_open(&d->core, &core, why);
}

static enum err connect_call(struct demo *d, struct why *why)
{
	struct gateway_ends ends = {endpoint_local(d->terminal), endpoint_local(d->core), d->up,
	                            d->down};
	struct gateway_call call;
	enum err e = gateway_place_call(&d->gateway, &ends, &call, why);
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX], t[ADDR_TEXT_MAX], c[ADDR_TEXT_MAX];

	if (e)
		return e;
	endpoint_connect(d->terminal, &call.a, &call.a_rtcp, d->core);
	endpoint_connect(d->core, &call.b, &call.b_rtcp, d->terminal);
	printf("\n  terminal %s  ==SRTP==  [a] %s  sluiced  [b] %s  --RTP--  core %s\n\n",
	       addr_print(&ends.terminal, t), addr_print(&call.a, a), addr_print(&call.b, b),
	       addr_print(&ends.core, c));
	printf("  control socket: %s\n  try in another terminal: build/bin/sluicectl get demo    "
	       "build/bin/sluicectl top\n\n",
	       d->gateway.where);
	return ERR_OK;
}

static void print_side(const char *way, const struct endpoint_counts *sender,
                       const struct endpoint_counts *c)
{
	printf("  %-22s %7llu sent %7llu received %5llu lost %5llu wrong  jitter %6.2f ms  round "
	       "trip %6.2f ms\n",
	       way, (unsigned long long)sender->sent, (unsigned long long)c->received,
	       (unsigned long long)c->lost, (unsigned long long)(c->wrong + c->refused),
	       c->jitter_ms, c->round_trip_ms);
}

static void show(struct demo *d, bool again)
{
	struct endpoint_counts t = endpoint_get_counts(d->terminal),
			       c = endpoint_get_counts(d->core);

	if (d->is_tty && again)
		printf("\033[2A");
	print_side("SRTP in, RTP out", &t, &c);
	print_side("RTP in, SRTP out", &c, &t);
	fflush(stdout);
}

static void listen_until(struct demo *d, uint64_t until_ns)
{
	struct pollfd fds[4];
	int raw[4];
	unsigned n = endpoint_fds(d->terminal, raw);

	n += endpoint_fds(d->core, raw + n);
	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = raw[i], .events = POLLIN};
	for (uint64_t now = clk_mono_ns(); now < until_ns && !must_end; now = clk_mono_ns()) {
		struct timespec wait = {.tv_sec = (time_t)((until_ns - now) / NS_PER_S),
		                        .tv_nsec = (long)((until_ns - now) % NS_PER_S)};

		if (ppoll(fds, n, &wait, NULL) <= 0)
			continue;
		now = clk_mono_ns();
		endpoint_receive(d->terminal, now);
		endpoint_receive(d->core, now);
	}
}

static void play(struct demo *d)
{
	uint64_t start = clk_mono_ns(), frames = 0;
	uint64_t last = d->seconds ? (uint64_t)d->seconds * REPORT_EVERY_FRAMES : UINT64_MAX;

	while (!must_end && frames < last) {
		endpoint_send_frame(d->terminal);
		endpoint_send_frame(d->core);
		frames++;
		if (frames % REPORT_EVERY_FRAMES == 0) {
			endpoint_send_report(d->terminal, clk_mono_ns());
			endpoint_send_report(d->core, clk_mono_ns());
			show(d, frames > REPORT_EVERY_FRAMES);
			if (!gateway_is_up(&d->gateway))
				return;
		}
		listen_until(d, start + frames * AUDIO_FRAME_MS * NS_PER_MS);
	}
	must_end = 0;
	listen_until(d, clk_mono_ns() + SETTLE_MS * NS_PER_MS);
}

static bool heard_all(const struct endpoint_counts *sender, const struct endpoint_counts *c)
{
	return sender->sent > 0 && c->received == sender->sent && c->wrong == 0 && c->refused == 0;
}

static int verdict(struct demo *d)
{
	struct endpoint_counts t = endpoint_get_counts(d->terminal),
			       c = endpoint_get_counts(d->core);
	bool good = heard_all(&t, &c) && heard_all(&c, &t);

	printf("\n");
	show(d, false);
	printf("\n  %s\n", good ? "every packet arrived and decrypted to the octets that were sent"
	                        : "FAILED: packets were lost or altered (see the counts above)");
	return good ? EXIT_GOOD : EXIT_BAD;
}

static int run(struct demo *d)
{
	char sluiced[4096];
	struct why why = {{0}};
	int status = EXIT_BAD;

	find_beside(sluiced, sizeof(sluiced), "sluiced");
	if (open_audio(d, &why) || open_endpoints(d, &why) ||
	    gateway_start(&d->gateway, sluiced, &why) || connect_call(d, &why)) {
		fprintf(stderr, "sluice-demo: %s\n", why.text);
		goto out;
	}
	play(d);
	status = verdict(d);
	if (gateway_end_call(&d->gateway, &why)) {
		fprintf(stderr, "sluice-demo: session.delete failed: %s\n", why.text);
		status = EXIT_BAD;
	}
out:
	if (!gateway_stop(&d->gateway)) {
		fprintf(stderr, "sluice-demo: sluiced did not exit with status 0 after SIGTERM\n");
		status = EXIT_BAD;
	}
	endpoint_close(d->terminal);
	endpoint_close(d->core);
	keyctx_free(d->up);
	keyctx_free(d->down);
	audio_close(&d->audio);
	return status;
}

static enum opt_outcome read_options(struct demo *d, int argc, char **argv, int *status)
{
	const struct opt rows[] = {
		{"audio", OPT_TEXT, &d->audio_path, .min = 1, .arg = "FILE",
	         .help = "a WAV file, mu-law, 8,000 Hz, mono (default: the recording installed "
	                 "with this program)"},
		{"seconds", OPT_COUNT, &d->seconds, .max = 86400, .arg = "N",
	         .help = "end after N seconds; 0: run until Ctrl-C", .env = "DEMO_SECONDS"},
	};
	const struct opt_command command = {.name = "sluice-demo",
	                                    .usage = "",
	                                    .about = about,
	                                    .examples = closing,
	                                    .version = SLUICE_VERSION,
	                                    .opts = rows,
	                                    .n_opts = ARRAY_LEN(rows)};

	return opt_parse(&command, argc, argv, NULL, status);
}

int main(int argc, char **argv)
{
	struct demo d = {.is_tty = isatty(STDOUT_FILENO)};
	struct sigaction act = {.sa_handler = end_soon};
	int status;

	if (read_options(&d, argc, argv, &status) == OPT_STOP)
		return status;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	return run(&d);
}
