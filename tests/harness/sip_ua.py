# SPDX-License-Identifier: MIT
"""A minimal SIP user agent over UDP: a test sends message by message and checks each message that arrives."""
import re
import socket
import time


class Message:
    def __init__(self, octets):
        head, _, self.body = octets.decode(errors="replace").partition("\r\n\r\n")
        self.start, *lines = head.split("\r\n")
        self.headers = [tuple(x.strip() for x in line.split(":", 1)) for line in lines if ":" in line]
        self.text = octets.decode(errors="replace")

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        return (self.all(name) or [""])[0]

    @property
    def status(self):
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self):
        return self.get("CSeq").split()[1]

    def is_(self, what):
        """True if this message matches: "INVITE", a request; 200, a response; "200 INVITE", a response to that method."""
        if isinstance(what, int) or what[0].isdigit():
            want = str(what).split()
            return self.status == int(want[0]) and (len(want) == 1 or self.method == want[1])
        return not self.status and self.method == what


def tag_of(value):
    found = re.search(r";tag=([^;>\s]+)", value)
    return found.group(1) if found else None


class Ua:
    """One user agent. Its `tag` identifies its dialogs; a call is a Dialog."""

    def __init__(self, host, port, name):
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.host, self.port, self.name = host, self.sock.getsockname()[1], name
        self.seen, self.waiting, self.n = [], [], 0

    @property
    def at(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def close(self):
        self.sock.close()

    def send(self, to, start, headers, body="", kind="application/sdp"):
        lines = [start, *(f"{n}: {v}" for n, v in headers)]
        if body:
            lines.append(f"Content-Type: {kind}")
        body = body.replace("\r\n", "\n").replace("\n", "\r\n")
        self.sock.sendto(("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]) + body).encode(), to)

    def read(self, deadline):
        self.sock.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            octets, source = self.sock.recvfrom(65536)
        except (socket.timeout, BlockingIOError):
            return None
        if len(octets) < 20:
            return None
        m = Message(octets)
        m.source = source
        self.seen.append(m)
        return m

    def expect(self, what, seconds=15, call=None):
        """Returns the next message of this kind and keeps others for later. Skips retransmissions of messages that were already returned."""
        deadline = time.monotonic() + seconds
        while True:
            for m in self.waiting:
                if m.is_(what) and (not call or m.get("Call-ID") == call):
                    self.waiting = [x for x in self.waiting if x.text != m.text]
                    return m
            if time.monotonic() >= deadline:
                raise AssertionError(f"{self.name}: no {what} arrived; the last messages were {[m.start for m in self.seen[-8:]]}")
            m = self.read(deadline)
            if m and not any(m.text == x.text for x in self.seen[:-1]):
                self.waiting.append(m)

    def nothing(self, what, seconds=1.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            m = self.read(deadline)
            if m:
                self.waiting.append(m)
        for m in self.waiting:
            if m.is_(what):
                raise AssertionError(f"{self.name}: unexpected message: {m.start}")

    def respond(self, request, status, body="", tag=None, kind="application/sdp", more=()):
        headers = [("Via", v) for v in request.all("Via")] + [("Record-Route", v) for v in request.all("Record-Route")]
        to = request.get("To")
        if tag and not tag_of(to):
            to += f";tag={tag}"
        headers += [("From", request.get("From")), ("To", to), ("Call-ID", request.get("Call-ID")), ("CSeq", request.get("CSeq")),
                    ("Contact", f"<sip:{self.name}@{self.at}>"), *more]
        self.send(request.source, f"SIP/2.0 {status} Of a test", headers, body, kind)


class Dialog:
    """The caller's or the callee's state of one call."""

    def __init__(self, ua, proxy=None, uri=None, invite=None, tag=None):
        ua.n += 1
        self.ua, self.proxy, self.cseq, self.branch = ua, proxy, 0, 0
        if invite:
            self.call, self.local, self.remote = invite.get("Call-ID"), invite.get("To"), invite.get("From")
            if tag and not tag_of(self.local):
                self.local += f";tag={tag}"
            self.target = re.search(r"<([^>]+)>", invite.get("Contact")).group(1)
            self.routes = [r for v in invite.all("Record-Route") for r in v.split(",")]
        else:
            self.call = f"{ua.name}-{ua.n}-{time.monotonic_ns()}"
            self.local, self.remote = f"<sip:{ua.name}@{ua.at}>;tag={ua.name}{ua.n}", f"<{uri}>"
            self.target, self.routes = uri, []

    def learn(self, response):
        """For the caller: takes tag, target and route set from a response."""
        self.remote = response.get("To")
        contact = re.search(r"<([^>]+)>", response.get("Contact"))
        self.target = contact.group(1) if contact else self.target
        self.routes = [r for v in response.all("Record-Route") for r in v.split(",")][::-1]

    def next_hop(self):
        if not self.routes:
            return self.proxy
        host, port = re.search(r"sip:(?:[^@>]*@)?(\[[^\]]+\]|[^:;>]+)(?::(\d+))?", self.routes[0]).groups()
        return host.strip("[]"), int(port or 5060)

    def request(self, method, body="", cseq=None, kind="application/sdp", more=()):
        self.cseq = cseq or self.cseq + 1
        self.branch += method != "CANCEL"
        headers = [("Via", f"SIP/2.0/UDP {self.ua.at};branch=z9hG4bK{self.ua.name}{self.call}{self.branch}"), *(("Route", r.strip()) for r in self.routes),
                   ("From", self.local), ("To", self.remote), ("Call-ID", self.call), ("CSeq", f"{self.cseq} {method}"),
                   ("Contact", f"<sip:{self.ua.name}@{self.ua.at}>"), ("Max-Forwards", "70"), *more]
        self.ua.send(self.next_hop(), f"{method} {self.target} SIP/2.0", headers, body, kind)

    def ack(self, body=""):
        self.request("ACK", body, cseq=self.cseq)

    def bye(self):
        self.request("BYE")
        return self.ua.expect("200 BYE", call=self.call)
