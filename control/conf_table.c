/* SPDX-License-Identifier: MIT */
/* The table of settings, in the order of --help. */
#include "control/conf.h"
#include "base/log.h"
#include "control/cpus.h"
#include "control/dialog/dialog.h"
#include "control/net/listen.h"
#include "control/metrics.h"
#include "control/sdes_offer.h"
#include "control/session/spec.h"
#include "control/wiring.h"

#define FIELD(member_) .offset = offsetof(struct conf, member_)

static const struct word engine_words[] = {{"auto", 0}, {"mb", 1}, {"evp", 2}, {"libsrtp", 3}, {0}};
static const struct word io_words[] = {{"auto", 0}, {"xdp", 1}, {"sock", 2}, {0}};
static const struct word level_words[] = {{"error", LOG_ERROR_LEVEL},
                                          {"warn", LOG_WARN_LEVEL},
                                          {"info", LOG_INFO_LEVEL},
                                          {"debug", LOG_DEBUG_LEVEL},
                                          {0}};
static const struct word format_words[] = {
	{"logfmt", LOG_FORMAT_LOGFMT}, {"json", LOG_FORMAT_JSON}, {0}};
static const struct word priority_words[] = {
	{"auto", LOG_PRIORITY_AUTO}, {"yes", LOG_PRIORITY_YES}, {"no", LOG_PRIORITY_NO}, {0}};
static const struct word lifetime_words[] = {{"report", 0}, {"enforce", 1}, {0}};
static const struct word both_words[] = {{"pass", 0}, {"recrypt", 1}, {0}};
static const struct word pass_words[] = {{"pass", 0}, {"drop", 1}, {0}};

const struct conf_setting conf_settings[] = {
	{
		.name = "interface",
		.type = CONF_INTERFACES,
		FIELD(interfaces),
		.preset = "default/127.0.0.1",
		.arg = "[NAME/]ADDR[!ADVERTISED]",
		.help = "local address for media, and after ! the address to write into SDP "
			"instead of it; repeatable. A name may have several addresses, IPv4 and "
			"IPv6",
	},
	{
		.name = "port-min",
		.type = CONF_PORT,
		FIELD(port_min),
		.preset = "30000",
		.min = 1,
		.max = 65534,
		.arg = "PORT",
		.help = "lowest UDP port for media, on every interface",
	},
	{
		.name = "port-max",
		.type = CONF_PORT,
		FIELD(port_max),
		.preset = "40000",
		.min = 2,
		.max = 65535,
		.arg = "PORT",
		.help = "highest UDP port for media, on every interface",
	},
	{
		.name = "workers",
		.type = CONF_UINT,
		FIELD(workers),
		.preset = "0",
		.max = RELAY_WORKERS_MAX,
		.arg = "N",
		.help = "threads that relay packets; 0: one for each processor of the setting cpus",
	},
	{
		.name = "pin-workers",
		.type = CONF_BOOL,
		FIELD(pin_workers),
		.preset = "no",
		.arg = "yes|no",
		.help = "pin each worker to a processor of its own",
	},
	{
		.name = "cpus",
		.type = CONF_LIST,
		FIELD(cpus),
		.preset_text = "the processors this process may use",
		.example = "2-5",
		.is_eq = cpus_eq,
		.check = cpus_check,
		.arg = "N[-M][,...]",
		.help = "processors to pin the workers to, one worker on each, in this order; "
			"repeatable",
	},
	{
		.name = "control",
		.type = CONF_LIST,
		FIELD(control),
		.preset_text =
			"/run/sluice/control.sock, or below XDG_RUNTIME_DIR for an ordinary user",
		.example = "/run/sluice/control.sock",
		.check = listen_check,
		.arg = "PATH|tcp:HOST:PORT",
		.help = "where the JSON control protocol listens; HOST must be a loopback address; "
			"repeatable",
	},
	{
		.name = "control-mode",
		.type = CONF_OCTAL,
		FIELD(control_mode),
		.preset = "0660",
		.max = 0777,
		.arg = "OCTAL",
		.help = "permission bits of the control sockets; a user who may write to one "
			"controls the gateway",
	},
	{
		.name = "control-clients",
		.type = CONF_UINT,
		FIELD(control_clients),
		.preset = "256",
		.min = 1,
		.max = 65536,
		.arg = "N",
		.help = "maximum number of connections to each control listener",
	},
	{
		.name = "ng-clients",
		.type = CONF_UINT,
		FIELD(ng_clients),
		.preset = "256",
		.min = 1,
		.max = 65536,
		.arg = "N",
		.help = "maximum number of TCP connections to each ng listener",
	},
	{
		.name = "http-clients",
		.type = CONF_UINT,
		FIELD(http_clients),
		.preset = "64",
		.min = 1,
		.max = 65536,
		.arg = "N",
		.help = "maximum number of connections to each http listener",
	},
	{
		.name = "clients-per-peer",
		.type = CONF_UINT,
		FIELD(clients_per_peer),
		.preset = "0",
		.max = 65536,
		.arg = "N",
		.help = "maximum number of connections of one address (IPv6: of one /64) to a "
			"listener; 0: three quarters of the listener's maximum",
	},
	{
		.name = "client-idle-timeout",
		.type = CONF_UINT,
		FIELD(client_idle_s),
		.preset = "600",
		.max = 86400,
		.arg = "SECONDS",
		.help = "close a connection to control or ng after this long without a request; "
			"a connection that gets events stays open; 0: never",
	},
	{
		.name = "client-request-timeout",
		.type = CONF_UINT,
		FIELD(client_request_s),
		.preset = "10",
		.min = 1,
		.max = 3600,
		.arg = "SECONDS",
		.help = "close a connection to control, ng or http whose request is not complete "
			"this long after its first octet",
	},
	{
		.name = "ng",
		.type = CONF_LIST,
		FIELD(ng),
		.preset_text = "none",
		.example = "127.0.0.1:2223",
		.check = signalling_check_ng,
		.arg = "HOST:PORT",
		.help = "where the ng protocol listens (UDP and TCP); use a loopback address or "
			"one that no media interface has; the usual port is 2223; repeatable",
	},
	{
		.name = "ng-allow",
		.type = CONF_LIST,
		FIELD(ng_allow),
		.preset_text = "loopback addresses only",
		.example = "192.0.2.0/24",
		.check = signalling_check_allow,
		.arg = "NET[/BITS]",
		.help = "networks that may send ng requests, in addition to loopback addresses; "
			"repeatable",
	},
	{
		.name = "ng-srtp",
		.type = CONF_WORD,
		FIELD(ng_srtp),
		.preset = "pass",
		.words = both_words,
		.reloads = true,
		.arg = "pass|recrypt",
		.help = "calls over ng with SRTP on both sides: pass the SRTP from end to end, or "
			"terminate it here on both sides, like the ng flag recrypt",
	},
	{
		.name = "other-media",
		.type = CONF_WORD,
		FIELD(other_media),
		.preset = "relay",
		.words = dialog_other_words,
		.reloads = true,
		.arg = "relay|relay-only|pass|refuse",
		.help = "m-lines that are not RTP. relay: relay UDP, pass others; relay-only: "
			"relay UDP, refuse others; pass: pass all; refuse: refuse all",
	},
	{
		.name = "osrtp",
		.type = CONF_WORD,
		FIELD(osrtp),
		.preset = "end",
		.words = dialog_osrtp_words,
		.max = DIALOG_OSRTP_PASS,
		.reloads = true,
		.arg = "end|pass",
		.help = "default for optional SRTP, which is RTP/AVP with a=crypto (RFC 8643): "
			"terminate it here, or pass it unless the request names another profile",
	},
	{
		.name = "sdes-offer",
		.type = CONF_LIST,
		FIELD(sdes_offer),
		.preset_text = "every suite, AES_CM with 128-bit keys first",
		.example = "AES_CM_128_HMAC_SHA1_80,AES_CM_128_HMAC_SHA1_32",
		.check = sdes_offer_check,
		.reloads = true,
		.arg = "SUITE[,...]",
		.help = "SRTP suites to offer over ng, best first; repeatable",
	},
	{
		.name = "media-deny",
		.type = CONF_NETS,
		FIELD(media_deny),
		.reloads = true,
		.preset_text = "none",
		.example = "10.0.0.0/8, 2001:db8:1::/48",
		.arg = "NET[/BITS][,...]",
		.help = "networks that media is not sent to, unless media-allow names the address; "
			"repeatable",
	},
	{
		.name = "media-allow",
		.type = CONF_NETS,
		FIELD(media_allow),
		.reloads = true,
		.preset_text = "none",
		.example = "10.1.2.0/24",
		.arg = "NET[/BITS][,...]",
		.help = "exceptions from media-deny and from the rule against loopback and "
			"link-local addresses; the gateway's listeners remain forbidden; "
			"repeatable",
	},
	{
		.name = "http",
		.type = CONF_LIST,
		FIELD(http),
		.preset_text = "none",
		.example = "127.0.0.1:9101",
		.check = metrics_check_where,
		.arg = "HOST:PORT",
		.help = "where HTTP serves GET /metrics (Prometheus), /healthz and /readyz; "
			"repeatable",
	},
	{
		.name = "engine",
		.type = CONF_WORD,
		FIELD(engine),
		.preset = "auto",
		.words = engine_words,
		.arg = "auto|mb|evp|libsrtp",
		.help = "SRTP engine; auto takes the fastest that passes its self-test",
	},
	{
		.name = "io",
		.type = CONF_WORD,
		FIELD(io),
		.preset = "auto",
		.words = io_words,
		.arg = "auto|xdp|sock",
		.help = "packet back end; auto takes xdp where it works, else sock",
	},
	{
		.name = "log-level",
		.type = CONF_WORD,
		FIELD(log_level),
		.preset = "info",
		.words = level_words,
		.reloads = true,
		.arg = "error|warn|info|debug",
		.help = "lowest severity that is logged to standard error",
	},
	{
		.name = "log-format",
		.type = CONF_WORD,
		FIELD(log_format),
		.preset = "logfmt",
		.words = format_words,
		.reloads = true,
		.arg = "logfmt|json",
		.help = "format of log lines",
	},
	{
		.name = "log-priority",
		.type = CONF_WORD,
		FIELD(log_priority),
		.preset = "auto",
		.words = priority_words,
		.reloads = true,
		.arg = "auto|yes|no",
		.help = "begin each log line with <N>, its syslog severity, and leave out the "
			"time; auto: if standard error goes to the systemd journal",
	},
	{
		.name = "sessions-max",
		.type = CONF_UINT,
		FIELD(sessions_max),
		.preset = "100000",
		.min = 1,
		.max = 10000000,
		.reloads = true,
		.arg = "N",
		.help = "maximum number of sessions; the gateway refuses further sessions",
	},
	{
		.name = "port-quarantine-ms",
		.type = CONF_UINT,
		FIELD(port_quarantine_ms),
		.preset = "2000",
		.max = 600000,
		.reloads = true,
		.arg = "MS",
		.help = "how long a port pair is left unused after a call",
	},
	{
		.name = "setup-timeout-ms",
		.type = CONF_UINT,
		FIELD(setup_timeout_ms),
		.preset = "60000",
		.max = 86400000,
		.reloads = true,
		.arg = "MS",
		.help = "raise the event setup-timeout when a new session receives no packet for "
			"this long; 0 disables",
	},
	{
		.name = "inactivity-ms",
		.type = CONF_UINT,
		FIELD(inactivity_ms),
		.preset = "60000",
		.max = 86400000,
		.reloads = true,
		.arg = "MS",
		.help = "raise media-timeout when a leg that expects packets gets none for this "
			"long; "
			"calls over ng end when all such legs are silent. 0 disables",
	},
	{
		.name = "silent-timeout",
		.type = CONF_UINT,
		FIELD(silent_timeout_s),
		.preset = "3600",
		.min = 1,
		.max = 604800,
		.reloads = true,
		.arg = "S",
		.help = "a call over ng that is on hold or unanswered ends after this many seconds "
			"without packets",
	},
	{
		.name = "delete-delay",
		.type = CONF_UINT,
		FIELD(delete_delay_s),
		.preset = "30",
		.max = 3600,
		.reloads = true,
		.arg = "S",
		.help = "seconds that a call continues after its delete over ng; an offer or "
			"answer during that time cancels the delete; 0: the call ends at once",
	},
	{
		.name = "rekey-overlap-ms",
		.type = CONF_UINT,
		FIELD(rekey_overlap_ms),
		.preset = "5000",
		.max = 600000,
		.reloads = true,
		.arg = "MS",
		.help = "how long the previous receive key still decrypts packets after a new key",
	},
	{
		.name = "e2ae-rekey",
		.type = CONF_WORD,
		FIELD(e2ae_rekey),
		.preset = "reject",
		.words = spec_rekey_words,
		.reloads = true,
		.arg = "reject|accept",
		.help = "reject or accept a new key for an e2ae access leg whose address did not "
			"change (TS 33.328 7.4)",
	},
	{
		.name = "rekey-roc",
		.type = CONF_WORD,
		FIELD(rekey_roc),
		.preset = "either",
		.words = relay_rekey_roc_words,
		.reloads = true,
		.arg = "either|keep|zero",
		.help = "rollover counter of a stream under a new key at the same address: accept "
			"either, require the old one, or require zero (RFC 3711 3.3.1)",
	},
	{
		.name = "dscp",
		.type = CONF_UINT,
		FIELD(dscp),
		.preset = "46",
		.max = 63,
		.reloads = true,
		.arg = "0..63",
		.help = "differentiated services code point of sent packets",
	},
	{
		.name = "ssrcs-per-leg",
		.type = CONF_UINT,
		FIELD(ssrcs_per_leg),
		.preset = "64",
		.min = 1,
		.max = 1024,
		.arg = "N",
		.help = "maximum number of SSRCs on a leg; packets with further SSRCs are dropped "
			"and reported",
	},
	{
		.name = "replay-window",
		.type = CONF_UINT,
		FIELD(replay_window),
		.preset = "128",
		.min = 64,
		.max = 1024,
		.arg = "PACKETS",
		.help = "replay window: a packet this many or more packets behind the newest is "
			"dropped "
			"(RFC 3711 3.3.2); rounded up to a power of two",
	},
	{
		.name = "replay-window-video",
		.type = CONF_UINT,
		FIELD(replay_window_video),
		.preset = "1024",
		.min = 64,
		.max = 1024,
		.arg = "PACKETS",
		.help = "replay-window for video, where 128 packets are only half a second",
	},
	{
		.name = "receive-lifetime",
		.type = CONF_WORD,
		FIELD(receive_lifetime),
		.preset = "report",
		.words = lifetime_words,
		.arg = "report|enforce",
		.help = "when the signalled lifetime (a=crypto) of a peer's key is used up: show "
			"it in statistics and continue, or drop the packets; the gateway's own "
			"keys always stop",
	},
	{
		.name = "send-window",
		.type = CONF_UINT,
		FIELD(send_window),
		.preset = "1024",
		.min = 64,
		.max = 1024,
		.arg = "PACKETS",
		.help = "window of sent packets of an SSRC: a packet this many or more packets "
			"behind the newest is not sent",
	},
	{
		.name = "pkts-per-worker",
		.type = CONF_UINT,
		FIELD(pkts_per_worker),
		.preset = "4096",
		.min = 256,
		.max = 1048576,
		.arg = "N",
		.help = "number of packet buffers of each worker",
	},
	{
		.name = "auth-fail-rate",
		.type = CONF_UINT,
		FIELD(auth_fail_rate),
		.preset = "50",
		.max = 1000000,
		.arg = "N",
		.help = "raise the event auth-failures when this many packets per second fail "
			"authentication on a leg; 0 disables",
	},
	{
		.name = "non-rtp",
		.type = CONF_WORD,
		FIELD(non_rtp),
		.preset = "pass",
		.words = pass_words,
		.arg = "pass|drop",
		.help = "packets between plain legs that are neither RTP nor RTCP (ZRTP, "
			"keep-alives) and come from a known peer: pass or drop them",
	},
	{
		.name = "keys-remembered",
		.type = CONF_UINT,
		FIELD(keys_remembered),
		.preset = "100000",
		.max = 10000000,
		.arg = "N",
		.help = "how many send keys of ended sessions the gateway remembers; it refuses a "
			"session that uses one again; 0: none",
	},
	{
		.name = "gather-delay-us",
		.type = CONF_UINT,
		FIELD(gather_delay_us),
		.preset = "0",
		.max = 10000,
		.arg = "US",
		.help = "wait this long to receive more packets in one batch: less work per "
			"packet, more delay",
	},
	{
		.name = "busy-poll-us",
		.type = CONF_UINT,
		FIELD(busy_poll_us),
		.preset = "0",
		.max = 1000000,
		.arg = "US",
		.help = "poll sockets this long before sleeping",
	},
	{
		.name = "require-locked-memory",
		.type = CONF_BOOL,
		FIELD(require_locked_memory),
		.preset = "no",
		.arg = "yes|no",
		.help = "refuse keys when their memory cannot be locked (RLIMIT_MEMLOCK), instead "
			"of logging a warning",
	},
	{
		.name = "core-dumps",
		.type = CONF_BOOL,
		FIELD(core_dumps),
		.preset = "no",
		.arg = "yes|no",
		.help = "allow core files and debuggers; core files never contain key memory",
	},
};
const size_t conf_settings_n = ARRAY_LEN(conf_settings);

const char *conf_engine_name(const struct conf *c)
{
	return word_name(engine_words, c->engine);
}

const char *conf_io_name(const struct conf *c)
{
	return word_name(io_words, c->io);
}
