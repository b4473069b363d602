/* SPDX-License-Identifier: MIT */
/* Levelled log lines of typed fields, as logfmt or JSON. Control thread only; workers send events
 * instead.
 *
 *   log_warn("listen", "cannot accept a connection", LOG_TEXT(listener, where),
 *            LOG_UINT(connections, n), LOG_ERRNO(errno));
 *
 * gives
 *
 *   time=… level=warn mod=listen msg="cannot accept a connection" listener=tcp:127.0.0.1:2224
 *   connections=7 reason="Too many open files"
 *
 * Every value is escaped (base/escape.h). The message is a constant: what changes is a field. Never
 * log a key; never log per packet. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"

/* error: an operator must act. warn: an operator may have to act. info: normal events, such as the
 * end of a session. debug: details for developers. */
enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
/* Does a line begin with <N>, its syslog severity (sd-daemon(3)), and have no time? AUTO: if
 * standard error is a stream of the journal (JOURNAL_STREAM). */
enum log_priority { LOG_PRIORITY_AUTO, LOG_PRIORITY_YES, LOG_PRIORITY_NO };

struct log_config {
	enum log_level level; /* the least severe level that is logged */
	enum log_format format;
	enum log_priority priority;
};

/* Applies the settings, and looks what standard error is. May be called again. A line that standard
 * error cannot take at once is dropped and counted: logging never waits. */
void log_configure(const struct log_config *config);
enum log_format log_get_format(void);
/* `name` is "error", "warn", "info" or "debug". */
enum err log_level_parse(struct str name, enum log_level *out) MUST_USE;

/* Every name of a field, and what it means. One thing has one name, in all lines: a name that is
 * not in this list does not compile. docs/operations.md repeats the list. */
#define LOG_NAMES(X)                                                                            \
	X(time, "when, in UTC; absent in lines for the journal")                                \
	X(level, "`error`, `warn`, `info` or `debug`")                                          \
	X(mod, "the part of the program that logs")                                             \
	X(msg, "what happened; a constant text")                                                \
	X(reason, "why it happened, in words")                                                  \
	X(error, "number of a MIKEY Error (RFC 3830 6.12)")                                     \
	X(status, "status of an HTTP answer")                                                   \
	X(session, "the call: id of its session")                                               \
	X(media, "id of a media")                                                               \
	X(leg, "a leg of the media: `a`, `core` ...")                                           \
	X(interface, "name of an interface")                                                    \
	X(address, "an address of this host, or the source of a leg's packets")                 \
	X(listener, "our listener: a socket's path, or protocol and address")                   \
	X(peer, "address of the other side of a connection or request")                         \
	X(url, "URL of another server")                                                         \
	X(subject, "name in a certificate")                                                     \
	X(state, "state of the offer and answer of a call")                                     \
	X(event, "what changed that state")                                                     \
	X(finding, "what the gateway found out while no packet authenticates")                  \
	X(ssrc, "SSRC, in hexadecimal")                                                         \
	X(count, "how often; for an event, its count")                                          \
	X(total, "how often since the start")                                                   \
	X(connections, "connections that are open")                                             \
	X(connections_max, "how many may be open")                                              \
	X(peer_max, "how many a peer may have open")                                            \
	X(kind, "what the listener is for: `control`, `ng`, `http`, `kms`, `admin`")            \
	X(bytes, "number of octets")                                                            \
	X(bytes_max, "largest allowed number of octets")                                        \
	X(unlocked_bytes, "key memory that is not locked")                                      \
	X(attempt, "number of the attempt, from 1")                                             \
	X(networks, "number of networks")                                                       \
	X(networks_max, "largest allowed number of networks")                                   \
	X(words, "keys or flags of an ng request")                                              \
	X(settings, "names of settings")                                                        \
	X(signal, "number of a signal")                                                         \
	X(users, "number of users of the KMS")                                                  \
	X(failed, "number of parts that failed")                                                \
	X(requests, "number of requests")                                                       \
	X(lines, "number of log or audit lines")                                                \
	X(like, "the message of the suppressed lines")                                          \
	X(cut, "octets that did not fit into the line; the values that lack them end in `...`") \
	X(expr, "the broken invariant")                                                         \
	X(at, "place in the source")                                                            \
	X(version, "version of the program")                                                    \
	X(control, "listeners of the JSON protocol")                                            \
	X(ng, "listeners of ng")                                                                \
	X(http, "listeners of HTTP")                                                            \
	X(listen, "listener of the KMS")                                                        \
	X(tls, "whether the listener has TLS")                                                  \
	X(metrics, "listener of the metrics")                                                   \
	X(admin, "listener of the provisioning API")                                            \
	X(workers, "number of worker threads")                                                  \
	X(engine, "the SRTP engine")                                                            \
	X(interfaces, "each interface: name, address, back end")                                \
	X(op, "audit: the operation")                                                           \
	X(result, "audit: its result")                                                          \
	X(mode, "audit: mode of the ticket (RFC 6043 4.1.1)")                                   \
	X(csb, "audit: CSB ID, in hexadecimal")                                                 \
	X(owner, "audit: owner of the sender's key")                                            \
	X(sender, "audit: the sender that the message names")                                   \
	X(initiator, "audit: IDRi")                                                             \
	X(responder, "audit: the first IDRr")                                                   \
	X(kms, "audit: the other KMS")                                                          \
	X(client, "audit: the client of the provisioning API")                                  \
	X(role, "audit: its role")                                                              \
	X(user, "audit: the user that was changed")

#define LOG_NAME_OF(name_, meaning_) LOG_NAME_##name_,
enum log_name { LOG_NAME_none, LOG_NAMES(LOG_NAME_OF) LOG_NAME_COUNT };

enum log_kind { LOG_KIND_TEXT, LOG_KIND_UINT, LOG_KIND_HEX, LOG_KIND_ADDR, LOG_KIND_IP };

struct log_field {
	enum log_name name;
	enum log_kind kind;
	union {
		struct str text;
		uint64_t number;
		const struct addr *addr;
	};
};

/* A field. An empty text, a NULL and an address that is "none" make no field. */
#define LOG_TEXT(name_, text_) \
	((struct log_field){LOG_NAME_##name_, LOG_KIND_TEXT, {.text = str_of(text_)}})
#define LOG_STR(name_, str_) ((struct log_field){LOG_NAME_##name_, LOG_KIND_TEXT, {.text = (str_)}})
#define LOG_UINT(name_, n_)  ((struct log_field){LOG_NAME_##name_, LOG_KIND_UINT, {.number = (n_)}})
/* Eight hexadecimal digits, a text in JSON. */
#define LOG_HEX(name_, n_) ((struct log_field){LOG_NAME_##name_, LOG_KIND_HEX, {.number = (n_)}})
/* An address with and without its port; `a_` is a const struct addr *. */
#define LOG_ADDR(name_, a_) ((struct log_field){LOG_NAME_##name_, LOG_KIND_ADDR, {.addr = (a_)}})
#define LOG_IP(name_, a_)   ((struct log_field){LOG_NAME_##name_, LOG_KIND_IP, {.addr = (a_)}})
/* reason= with the text of an errno. */
#define LOG_ERRNO(e_) LOG_TEXT(reason, strerror(e_))
#define LOG_NOTHING   ((struct log_field){LOG_NAME_none, LOG_KIND_TEXT, {.text = {"", 0}}})

/* A place that logs. Similar lines are those of one site: after a burst (error and warn: 10, info:
 * 100) a site may log 1 line a second (info: 20). The lines beyond are counted, and a later line
 * names their number. Debug lines are not limited. A site is static, or
 * log_site_forget is called before it is freed. */
struct log_site {
	enum log_level level;
	const char *mod, *msg;
	bool any_level; /* logs at every level that is configured */
	bool unlimited; /* has no limit */
	/* private to log.c */
	uint64_t next_ns, told_ns, suppressed;
	struct log_site *next;
	bool is_listed;
};

/* Logs a line. `fields` ends with a field whose name is none; such fields at the beginning are
 * skipped. */
void log_line(struct log_site *site, const struct log_field *fields);
bool log_wants(enum log_level level);

#define LOG_ARRAY(...) ((const struct log_field[]){__VA_ARGS__, LOG_END})
#define LOG_END        ((struct log_field){LOG_NAME_COUNT, LOG_KIND_TEXT, {.text = {"", 0}}})
#define LOG_AT(level_, always_, mod_, msg_, ...)                                     \
	do {                                                                         \
		static struct log_site log_site_ = {.level = (level_),               \
		                                    .mod = (mod_),                   \
		                                    .msg = (msg_),                   \
		                                    .any_level = (always_),          \
		                                    .unlimited = (always_)};         \
		if ((always_) || log_wants(level_))                                  \
			log_line(&log_site_, LOG_ARRAY(LOG_NOTHING, ##__VA_ARGS__)); \
	} while (0)

#define log_error(mod_, msg_, ...) LOG_AT(LOG_ERROR_LEVEL, false, mod_, msg_, ##__VA_ARGS__)
#define log_warn(mod_, msg_, ...)  LOG_AT(LOG_WARN_LEVEL, false, mod_, msg_, ##__VA_ARGS__)
#define log_info(mod_, msg_, ...)  LOG_AT(LOG_INFO_LEVEL, false, mod_, msg_, ##__VA_ARGS__)
#define log_debug(mod_, msg_, ...) LOG_AT(LOG_DEBUG_LEVEL, false, mod_, msg_, ##__VA_ARGS__)
/* At every level and without a limit: for lines that scripts wait for. */
#define log_always(mod_, msg_, ...) LOG_AT(LOG_INFO_LEVEL, true, mod_, msg_, ##__VA_ARGS__)

/* May `site` log a line at `now_ns`? If not, counts it. */
bool log_site_admit(struct log_site *site, uint64_t now_ns);
/* Call it before the memory of a site is freed. */
void log_site_forget(struct log_site *site);
/* Logs how many lines of each site were suppressed, if that is due. Call it every few seconds;
 * with `all` true, at the end of the program. */
void log_tell_suppressed(bool all);

struct log_counts {
	uint64_t suppressed; /* lines beyond the limit of their site */
	uint64_t dropped;    /* lines that standard error did not take */
};
void log_get_counts(struct log_counts *out);

enum {
	LOG_LINE_MAX = 4000, /* octets of a line: less than PIPE_BUF, so a write is whole */
	LOG_VALUE_MAX = 640  /* octets of an escaped value */
};
/* Writes the fields (see log_line) to `out` as a line without line end, and a NUL; returns its
 * length, at most room - 1. `room` is at least 128. What does not fit is cut, and a field `cut`
 * tells how many octets. */
size_t log_print(const struct log_field *fields, enum log_format format, char *out, size_t room);

const char *log_name_text(enum log_name name);
const char *log_name_meaning(enum log_name name);

#endif
