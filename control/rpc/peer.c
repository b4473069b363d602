/* SPDX-License-Identifier: MIT */
/* Sends each peer the events that it subscribed to. */
#include "control/rpc/peer.h"

#include "base/buf.h"
#include "base/mem.h"
#include "control/doc/json.h"

struct rpc_peer {
	struct listen_conn *conn;
	struct events_subscription *subscription;
	struct doc_arena *arena;
	struct buf line;
};

struct rpc_peer *rpc_peer_of(struct listen_conn *c)
{
	struct rpc_peer *peer = listen_conn_user(c);

	if (peer)
		return peer;
	peer = mem_alloc(sizeof(*peer));
	if (!peer || doc_arena_new(&peer->arena)) {
		mem_free(peer);
		return NULL;
	}
	peer->conn = c;
	listen_conn_set_user(c, peer);
	return peer;
}

void rpc_peer_free(struct rpc_peer *peer)
{
	if (!peer)
		return;
	events_unsubscribe(peer->subscription);
	doc_arena_free(peer->arena);
	buf_free(&peer->line);
	mem_free(peer);
}

static void on_event(void *arg, const struct session_event *e)
{
	struct rpc_peer *peer = arg;
	struct doc *d = events_doc(peer->arena, e);

	buf_reset(&peer->line);
	buf_text(&peer->line, "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":");
	if (d && !doc_arena_failed(peer->arena))
		doc_json_encode(&peer->line, d);
	else
		peer->line.bad = true;
	buf_text(&peer->line, "}\n");
	if (peer->line.bad)
		listen_conn_close(peer->conn);
	else
		listen_conn_send(peer->conn, buf_as_str(&peer->line));
	doc_arena_reset(peer->arena);
}

enum err rpc_peer_subscribe(struct rpc_peer *peer, struct events *ev,
                            const struct events_filter *filter, uint64_t *missed)
{
	struct events_subscription *made = NULL;

	*missed = 0;
	if (filter->kinds && events_subscribe(&made, ev, filter, missed, on_event, peer))
		return ERR_NOMEM;
	events_unsubscribe(peer->subscription);
	peer->subscription = made;
	/* A connection that waits for events may stay idle. */
	listen_conn_keep(peer->conn, made != NULL);
	return ERR_OK;
}
