# SPDX-License-Identifier: MIT
"""An ng client for tests: bencode and JSON dictionaries over UDP and TCP."""
import json
import os
import select
import socket
import time


def bencode(v):
    if isinstance(v, bool):
        return b"i%de" % v
    if isinstance(v, int):
        return b"i%de" % v
    if isinstance(v, str):
        v = v.encode()
    if isinstance(v, bytes):
        return b"%d:%s" % (len(v), v)
    if isinstance(v, list):
        return b"l" + b"".join(bencode(x) for x in v) + b"e"
    return b"d" + b"".join(bencode(k) + bencode(x) for k, x in v.items()) + b"e"


def _bdecode(data, at):
    c = data[at:at + 1]
    if c == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if c in b"dl":
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = _bdecode(data, at)
            items.append(item)
        return (items if c == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end].decode(), end


def bdecode(data):
    value, end = _bdecode(data, 0)
    if end != len(data):
        raise ValueError("there are octets after the value")
    return value


class Client:
    """`port`: value of sluiced --ng; `syntax`: bencode or json; `carrier`: udp or tcp."""

    def __init__(self, host, port, syntax="bencode", carrier="udp"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = socket.SOCK_DGRAM if carrier == "udp" else socket.SOCK_STREAM
        self.sock = socket.socket(family, kind)
        self.sock.settimeout(10)
        self.sock.connect((host, port))
        self.syntax, self.cookie, self.name = syntax, 0, os.urandom(6).hex()
        self.answered = set()  # a request that was sent twice can be answered twice

    def encode(self, message):
        return json.dumps(message).encode() if self.syntax == "json" else bencode(message)

    def send(self, message, cookie=None):
        if cookie is None:
            self.cookie += 1
            cookie = f"{self.name}-{self.cookie}"
        self.sock.sendall(cookie.encode() + b" " + self.encode(message))
        return cookie

    def receive(self):
        # One recv gets a whole reply, over TCP too, because only one request is under way at a time.
        cookie, body = self.sock.recv(65536).split(b" ", 1)
        return cookie.decode(), json.loads(body) if body[:1] == b"{" else bdecode(body)

    def ask(self, message, cookie=None):
        """Sends a request and returns its reply. Over UDP it is sent again every second until the time-out, as proxies do."""
        sent = self.send(message, cookie)
        deadline = time.monotonic() + (self.sock.gettimeout() or 10)
        while self.sock.type == socket.SOCK_DGRAM and not select.select([self.sock], [], [], 1)[0]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no reply to {message.get('command')}")
            self.send(message, sent)
        got, reply = self.receive()
        while got != sent and got in self.answered:
            got, reply = self.receive()
        if got != sent:
            raise AssertionError(f"the reply has cookie {got}, expected {sent}")
        self.answered.add(sent)
        return reply

    def close(self):
        self.sock.close()
