/* SPDX-License-Identifier: MIT */
/* The table of settings, in the order of --help. */
#include "control/conf.h"
#include "control/cpus.h"
#include "control/net/listen.h"
#include "control/metrics.h"
#include "control/sdes_offer.h"
#include "control/wiring.h"

#define FIELD(member_) .offset = offsetof(struct conf, member_)

static const char *const engine_words[] = {"auto", "mb", "evp", "libsrtp", NULL};
static const char *const io_words[] = {"auto", "xdp", "sock", NULL};
static const char *const level_words[] = {"error", "warn", "info", "debug", NULL};
static const char *const lifetime_words[] = {"report", "enforce", NULL};
static const char *const rekey_words[] = {"reject", "accept", NULL};
static const char *const both_words[] = {"pass", "recrypt", NULL};
static const char *const pass_words[] = {"pass", "drop", NULL};
static const char *const other_words[] = {"relay", "relay-only", "pass", "refuse", NULL};
static const char *const osrtp_words[] = {"end", "pass", NULL};
static const char *const roc_words[] = {"either", "keep", "zero", NULL};

const struct conf_setting conf_settings[] = {
	{.name = "interface", .type = CONF_INTERFACES, FIELD(interfaces), .preset = "default/127.0.0.1",
	 .arg = "[NAME/]ADDR[!ADVERTISED]",
	 .help = "local address for media and what signalling is told of it; repeatable; a name may have several addresses, of both families"},
	{.name = "port-min", .type = CONF_PORT, FIELD(port_min), .preset = "30000", .min = 1, .max = 65534, .arg = "PORT",
	 .help = "lowest UDP port for media, of every interface"},
	{.name = "port-max", .type = CONF_PORT, FIELD(port_max), .preset = "40000", .min = 2, .max = 65535, .arg = "PORT",
	 .help = "highest UDP port for media"},
	{.name = "workers", .type = CONF_UINT, FIELD(workers), .preset = "0", .max = RELAY_WORKERS_MAX, .arg = "N",
	 .help = "data-plane threads; 0: one for each processor of cpus"},
	{.name = "pin-workers", .type = CONF_BOOL, FIELD(pin_workers), .preset = "no", .arg = "yes|no",
	 .help = "each worker stays on a processor of its own"},
	{.name = "cpus", .type = CONF_LIST, FIELD(cpus), .preset_text = "those this process may use", .example = "2-5", .check = cpus_check,
	 .arg = "N[-M][,...]",
	 .help = "processors for the workers, one each in this order, where they stay; repeatable"},
	{.name = "control", .type = CONF_LIST, FIELD(control), .preset_text = "/run/sluice/control.sock, or below XDG_RUNTIME_DIR for an ordinary user",
	 .example = "/run/sluice/control.sock",
	 .check = listen_check, .arg = "PATH|tcp:HOST:PORT",
	 .help = "where the JSON control protocol is spoken; HOST is a loopback address; repeatable"},
	{.name = "control-mode", .type = CONF_OCTAL, FIELD(control_mode), .preset = "0660", .max = 0777, .arg = "OCTAL",
	 .help = "permissions of a control socket: who may write to it may control the gateway"},
	{.name = "control-clients", .type = CONF_UINT, FIELD(control_clients), .preset = "256", .min = 1, .max = 65536, .arg = "N",
	 .help = "connections each control listener takes at a time"},
	{.name = "ng", .type = CONF_LIST, FIELD(ng), .preset_text = "none", .example = "127.0.0.1:2223",
	 .check = signalling_check_ng, .arg = "HOST:PORT",
	 .help = "where the ng protocol is spoken, over UDP and TCP: loopback, or an address that no media interface has; customary port 2223; repeatable"},
	{.name = "ng-allow", .type = CONF_LIST, FIELD(ng_allow), .preset_text = "this host", .example = "192.0.2.0/24",
	 .check = signalling_check_allow, .arg = "NET[/BITS]",
	 .help = "peers beside this host that may speak ng; repeatable"},
	{.name = "ng-srtp", .type = CONF_WORD, FIELD(ng_srtp), .preset = "pass", .words = both_words, .reloads = true, .arg = "pass|recrypt",
	 .help = "SRTP on both sides of a call over ng: it passes from end to end, or ends here on both sides, as with the flag recrypt"},
	{.name = "other-media", .type = CONF_WORD, FIELD(other_media), .preset = "relay", .words = other_words, .reloads = true,
	 .arg = "relay|relay-only|pass|refuse",
	 .help = "m-lines that are not RTP: relay what is UDP (fax, BFCP, data channels) and let the rest pass by, or refuse the rest, or pass all, or refuse all"},
	{.name = "osrtp", .type = CONF_WORD, FIELD(osrtp), .preset = "end", .words = osrtp_words, .reloads = true, .arg = "end|pass",
	 .help = "optional SRTP, which is RTP/AVP with a=crypto (RFC 8643), in calls that do not say: it ends here, or passes where no profile is asked for"},
	{.name = "sdes-offer", .type = CONF_LIST, FIELD(sdes_offer), .preset_text = "every suite, AES_CM of 128 bit first",
	 .example = "AES_CM_128_HMAC_SHA1_80,AES_CM_128_HMAC_SHA1_32", .check = sdes_offer_check, .reloads = true, .arg = "SUITE[,...]",
	 .help = "suites that are offered over ng, best first; repeatable"},
	{.name = "media-deny", .type = CONF_NETS, FIELD(media_deny), .reloads = true, .preset_text = "none", .example = "10.0.0.0/8, 2001:db8:1::/48",
	 .arg = "NET[/BITS][,...]", .help = "networks that media is never sent to, whoever names an address in them; repeatable"},
	{.name = "media-allow", .type = CONF_NETS, FIELD(media_allow), .reloads = true, .preset_text = "none", .example = "10.1.2.0/24",
	 .arg = "NET[/BITS][,...]",
	 .help = "exceptions from media-deny, and from the refusal of loopback and link-local addresses; never from that of our own listeners; repeatable"},
	{.name = "http", .type = CONF_LIST, FIELD(http), .preset_text = "none", .example = "127.0.0.1:9101", .check = metrics_check_where, .arg = "HOST:PORT",
	 .help = "where GET /metrics (Prometheus), /healthz and /readyz are answered; repeatable"},
	{.name = "engine", .type = CONF_WORD, FIELD(engine), .preset = "auto", .words = engine_words, .arg = "auto|mb|evp|libsrtp",
	 .help = "SRTP engine"},
	{.name = "io", .type = CONF_WORD, FIELD(io), .preset = "auto", .words = io_words, .arg = "auto|xdp|sock",
	 .help = "packet back end"},
	{.name = "log-level", .type = CONF_WORD, FIELD(log_level), .preset = "info", .words = level_words, .reloads = true,
	 .arg = "error|warn|info|debug", .help = "lines of at least this weight go to standard error"},
	{.name = "sessions-max", .type = CONF_UINT, FIELD(sessions_max), .preset = "100000", .min = 1, .max = 10000000,
	 .reloads = true, .arg = "N", .help = "sessions at a time; more are refused"},
	{.name = "port-quarantine-ms", .type = CONF_UINT, FIELD(port_quarantine_ms), .preset = "2000", .max = 600000,
	 .reloads = true, .arg = "MS", .help = "how long a port rests after a call before it is given out again"},
	{.name = "setup-timeout-ms", .type = CONF_UINT, FIELD(setup_timeout_ms), .preset = "60000", .max = 86400000,
	 .reloads = true, .arg = "MS", .help = "a session without a packet for so long after create is an event; 0: never"},
	{.name = "inactivity-ms", .type = CONF_UINT, FIELD(inactivity_ms), .preset = "60000", .max = 86400000, .reloads = true,
	 .arg = "MS", .help = "a leg whose peer should speak and is silent for so long is an event, and a call over ng ends when that holds for everybody; 0: never"},
	{.name = "silent-timeout", .type = CONF_UINT, FIELD(silent_timeout_s), .preset = "3600", .min = 1, .max = 604800, .reloads = true,
	 .arg = "S", .help = "a call over ng that is on hold or was not answered ends after so many seconds of silence"},
	{.name = "delete-delay", .type = CONF_UINT, FIELD(delete_delay_s), .preset = "30", .max = 3600, .reloads = true,
	 .arg = "S", .help = "seconds that a call goes on after its delete over ng, which the next offer or answer takes back; 0: it ends at once"},
	{.name = "rekey-overlap-ms", .type = CONF_UINT, FIELD(rekey_overlap_ms), .preset = "5000", .max = 600000, .reloads = true,
	 .arg = "MS", .help = "how long the old receive key still opens packets after a new one came"},
	{.name = "e2ae-rekey", .type = CONF_WORD, FIELD(e2ae_rekey), .preset = "reject", .words = rekey_words, .reloads = true,
	 .arg = "reject|accept", .help = "a new key for an e2ae access leg that did not move (TS 33.328 7.4)"},
	{.name = "rekey-roc", .type = CONF_WORD, FIELD(rekey_roc), .preset = "either", .words = roc_words, .reloads = true,
	 .arg = "either|keep|zero", .help = "rollover counter of a stream under a new key at the same address (RFC 3711 3.3.1)"},
	{.name = "dscp", .type = CONF_UINT, FIELD(dscp), .preset = "46", .max = 63, .reloads = true, .arg = "0..63",
	 .help = "differentiated services code point of packets sent"},
	{.name = "ssrcs-per-leg", .type = CONF_UINT, FIELD(ssrcs_per_leg), .preset = "64", .min = 1, .max = 1024, .arg = "N",
	 .help = "sources a leg may have; more are dropped and reported"},
	{.name = "replay-window", .type = CONF_UINT, FIELD(replay_window), .preset = "128", .min = 64, .max = 1024, .arg = "PACKETS",
	 .help = "how far behind the newest packet one may come and still be taken (RFC 3711 3.3.2), taken up to the next power of two"},
	{.name = "replay-window-video", .type = CONF_UINT, FIELD(replay_window_video), .preset = "1024", .min = 64, .max = 1024, .arg = "PACKETS",
	 .help = "the same for video, where 128 packets last half a second"},
	{.name = "receive-lifetime", .type = CONF_WORD, FIELD(receive_lifetime), .preset = "report", .words = lifetime_words,
	 .arg = "report|enforce", .help = "a peer's key whose lifetime (a=crypto) is used up: goes on and is told of, or stops; ours always stop"},
	{.name = "send-window", .type = CONF_UINT, FIELD(send_window), .preset = "1024", .min = 64, .max = 1024, .arg = "PACKETS",
	 .help = "how far behind the newest packet one may be sent and keep its source"},
	{.name = "pkts-per-worker", .type = CONF_UINT, FIELD(pkts_per_worker), .preset = "4096", .min = 256, .max = 1048576,
	 .arg = "N", .help = "packet buffers of each worker"},
	{.name = "auth-fail-rate", .type = CONF_UINT, FIELD(auth_fail_rate), .preset = "50", .max = 1000000, .arg = "N",
	 .help = "failures of authentication per second on a leg that are an event; 0: never"},
	{.name = "non-rtp", .type = CONF_WORD, FIELD(non_rtp), .preset = "pass", .words = pass_words, .arg = "pass|drop",
	 .help = "what a known peer of a plain leg sends beside RTP and RTCP (ZRTP, keep-alives), where the other leg is plain too"},
	{.name = "keys-remembered", .type = CONF_UINT, FIELD(keys_remembered), .preset = "100000", .max = 10000000, .arg = "N",
	 .help = "send keys of ended sessions that are refused if they come again: their indices would begin again; 0: none"},
	{.name = "gather-delay-us", .type = CONF_UINT, FIELD(gather_delay_us), .preset = "0", .max = 10000, .arg = "US",
	 .help = "wait so long for a fuller batch: less work for each packet, more delay"},
	{.name = "busy-poll-us", .type = CONF_UINT, FIELD(busy_poll_us), .preset = "0", .max = 1000000, .arg = "US",
	 .help = "poll so long before sleeping"},
	{.name = "require-locked-memory", .type = CONF_BOOL, FIELD(require_locked_memory), .preset = "no", .arg = "yes|no",
	 .help = "refuse keys that can't be kept out of swap (RLIMIT_MEMLOCK), instead of warning"},
	{.name = "core-dumps", .type = CONF_BOOL, FIELD(core_dumps), .preset = "no", .arg = "yes|no",
	 .help = "allow core files and debuggers; key memory is left out of them all the same"},
};
const size_t conf_settings_n = ARRAY_LEN(conf_settings);

const char *conf_engine_name(const struct conf *c)
{
	return engine_words[c->engine];
}

const char *conf_io_name(const struct conf *c)
{
	return io_words[c->io];
}
