# SPDX-License-Identifier: MIT
"""Terminals with their own SIP, RTP and SRTP: they call, refuse or accept calls, and count the media of both sides."""
import base64
import contextlib
import ctypes
import os
import re
import socket
import struct
import threading
import time

import sluice

SUITE = "AES_CM_128_HMAC_SHA1_80"
PACKETS = 50


class SrtpPolicy(ctypes.Structure):
    """The members of srtp_policy_t of libsrtp2; `rtp` and `rtcp` are srtp_crypto_policy_t, six words each."""
    _fields_ = [("ssrc", ctypes.c_uint * 2), ("rtp", ctypes.c_uint * 6), ("rtcp", ctypes.c_uint * 6), ("key", ctypes.c_char_p), ("keys", ctypes.c_void_p),
                ("key_count", ctypes.c_ulong), ("ekt", ctypes.c_void_p), ("window", ctypes.c_ulong), ("repeats", ctypes.c_int),
                ("headers", ctypes.c_void_p), ("header_count", ctypes.c_int), ("next", ctypes.c_void_p)]


class Srtp:
    """libsrtp2 with one key in one direction."""
    lib = None

    def __init__(self, key, receives):
        if not Srtp.lib:
            Srtp.lib = ctypes.CDLL("libsrtp2.so.1")
            Srtp.lib.srtp_init()
        self.context, self.octets = ctypes.c_void_p(), base64.b64decode(key + "=" * (-len(key) % 4))
        policy = SrtpPolicy(key=self.octets)
        policy.ssrc[0] = 2 if receives else 3  # any inbound SSRC, or any outbound SSRC
        self.lib.srtp_crypto_policy_set_rtp_default(ctypes.byref(policy, SrtpPolicy.rtp.offset))
        self.lib.srtp_crypto_policy_set_rtcp_default(ctypes.byref(policy, SrtpPolicy.rtcp.offset))
        if self.lib.srtp_create(ctypes.byref(self.context), ctypes.byref(policy)):
            raise RuntimeError("libsrtp2 refuses the key")
        self.fn = self.lib.srtp_unprotect if receives else self.lib.srtp_protect

    def turn(self, packet):
        """Protects or unprotects; None if the packet does not authenticate."""
        buffer, size = ctypes.create_string_buffer(packet, len(packet) + 160), ctypes.c_int(len(packet))
        return None if self.fn(self.context, buffer, ctypes.byref(size)) else buffer.raw[:size.value]


def header(message, name):
    return re.findall(rf"(?mi)^({name}:[^\r]*)\r$", message)


class Ua:
    """A terminal: hand-written SIP on one socket, RTP on another, SRTP if `secure`."""

    def __init__(self, name, behave=None, secure=False, port=0):
        self.name, self.behave = name, behave
        self.key = sluice.random_key(SUITE)[0] if secure else None
        self.told_key, self.sender, self.receiver = None, None, None
        self.sip, self.rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for s in (self.sip, self.rtp):
            s.bind(("127.0.0.1", port if s is self.sip else 0))
            s.settimeout(10)
        self.port, self.media = self.sip.getsockname()[1], self.rtp.getsockname()[1]
        self.told, self.cseq, self.to, self.routes = None, 0, None, []
        self.log, self.proxy = [], None
        self.ended = threading.Event()
        if behave:
            threading.Thread(target=self.serve, daemon=True).start()

    def sdp(self, direction="sendrecv", version=1):
        crypto = f"a=crypto:1 {SUITE} inline:{self.key}\r\n" if self.key else ""
        return (f"v=0\r\no={self.name} 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {self.media} RTP/{'SAVP' if self.key else 'AVP'} 0\r\n{crypto}a={direction}\r\n")

    def learn(self, message):
        port = re.search(r"m=audio (\d+)", message)
        self.told = int(port.group(1)) if port else self.told
        key = re.search(r"inline:([A-Za-z0-9+/=]+)", message)
        if key and key.group(1) != self.told_key:
            self.told_key, self.receiver = key.group(1), Srtp(key.group(1), True)

    def close(self):
        with contextlib.suppress(OSError):
            self.sip.shutdown(socket.SHUT_RDWR)  # wakes the thread of serve(), which otherwise keeps the port open
        self.sip.close()
        self.rtp.close()

    # --- the caller

    def request(self, method, sdp="", target=None):
        if method != "ACK":
            self.cseq += 1
        branch = f"z9hG4bK{os.urandom(6).hex()}"
        body = f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}" if sdp else "Content-Length: 0\r\n\r\n"
        routes = "".join(f"Route:{r.split(':', 1)[1]}\r\n" for r in self.routes)
        self.sip.sendto((f"{method} {target or f'sip:callee@127.0.0.1:{self.proxy}'} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch}\r\n"
                         f"{routes}From: <sip:{self.name}@127.0.0.1>;tag={self.tag}\r\nTo: {self.to or '<sip:callee@127.0.0.1>'}\r\n"
                         f"Call-ID: {self.call}\r\nCSeq: {self.cseq} {method}\r\nContact: <sip:{self.name}@127.0.0.1:{self.port}>\r\n"
                         f"Max-Forwards: 70\r\n{body}").encode(), ("127.0.0.1", self.proxy))

    def final(self, method):
        """Waits for the final response and acknowledges it."""
        while True:
            message = self.sip.recv(65536).decode()
            status = re.match(r"SIP/2.0 (\d+)", message)
            if not status or f"{self.cseq} {method}" not in message:
                continue
            self.log.append(int(status.group(1)))
            if status.group(1).startswith("1"):
                continue
            if method == "INVITE":
                if status.group(1) == "200":
                    if not self.to:
                        self.to = header(message, "To")[0].split(":", 1)[1].strip()
                        self.routes = list(reversed(header(message, "Record-Route")))
                    self.target = re.search(r"(?mi)^Contact: <([^>]+)>", message).group(1)
                    self.learn(message)
                    self.request("ACK", target=self.target)
            return int(status.group(1))

    def invite(self, proxy, direction="sendrecv"):
        if not self.to:
            self.call, self.tag, self.proxy = os.urandom(6).hex(), os.urandom(4).hex(), proxy
        self.request("INVITE", self.sdp(direction, self.cseq + 1), getattr(self, "target", None))
        return self.final("INVITE")

    def bye(self):
        self.request("BYE", target=self.target)
        return self.final("BYE")

    # --- a callee

    def answer(self, message, peer, status, reason, sdp=""):
        copied = [h for n in ("Via", "From", "Call-ID", "CSeq", "Record-Route") for h in header(message, n)]
        to = header(message, "To")[0]
        to += "" if "tag=" in to else f";tag={self.name}{os.getpid()}"
        body = f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}" if sdp else "Content-Length: 0\r\n\r\n"
        self.sip.sendto((f"SIP/2.0 {status} {reason}\r\n" + "\r\n".join(copied) + f"\r\n{to}\r\nContact: <sip:{self.name}@127.0.0.1:{self.port}>\r\n" +
                         body).encode(), peer)

    def serve(self):
        self.sip.settimeout(None)
        invite = None
        while True:
            try:
                data, peer = self.sip.recvfrom(65536)
            except OSError:
                return
            message = data.decode()
            method = message.split(" ", 1)[0]
            if method == "INVITE":
                if re.search(r"m=audio", message):
                    self.learn(message)
                invite = (message, peer)
                self.behave(self, message, peer)
            elif method == "CANCEL":
                self.answer(message, peer, 200, "OK")
                self.answer(*invite, 487, "Request Terminated")
            elif method == "BYE":
                self.answer(message, peer, 200, "OK")
                self.ended.set()

    # --- media

    def say(self, packet):
        if self.key:
            self.sender = self.sender or Srtp(self.key, False)
            packet = self.sender.turn(packet)
        self.rtp.sendto(packet, ("127.0.0.1", self.told))

    def hear(self):
        """Number of received packets; for SRTP, of those that authenticate."""
        self.rtp.settimeout(0.5)
        n = 0
        try:
            while True:
                packet = self.rtp.recv(2048)
                n += not self.key or (self.receiver and self.receiver.turn(packet)) is not None
        except OSError:
            return n


def busy(after):
    def behave(ua, message, peer):
        ua.answer(message, peer, 180, "Ringing")
        time.sleep(after)
        ua.answer(message, peer, 486, "Busy Here")
    return behave


def rings(ua, message, peer):
    ua.answer(message, peer, 180, "Ringing")


def takes(after, refuses=None):
    """Accepts every INVITE, but answers 488 to a re-INVITE whose SDP contains `refuses`."""
    def behave(ua, message, peer):
        if refuses and "tag=" in header(message, "To")[0] and refuses in message:
            ua.answer(message, peer, 488, "Not Acceptable Here")
            return
        if "tag=" not in header(message, "To")[0]:
            ua.answer(message, peer, 180, "Ringing")
            time.sleep(after)
        direction = "recvonly" if "a=sendonly" in message else "sendrecv"
        ua.answer(message, peer, 200, "OK", ua.sdp(direction))
    return behave


seq = 1000


def packet(i, ssrc):
    return struct.pack("!BBHII", 0x80, 0, i & 0xffff, i * 160 & 0xffffffff, ssrc) + bytes(160)


def talk(a, b):
    """Sends 50 packets in each direction; returns how many arrived."""
    global seq
    for i in range(seq, seq + PACKETS):
        a.say(packet(i, 0x11111111))
        b.say(packet(i, 0x22222222))
        time.sleep(0.002)
    seq += PACKETS
    return a.hear(), b.hear()


def speak(ua, packets):
    """Sends at the rate of a telephone: foreign terminals drop faster streams."""
    for i in range(packets):
        ua.say(packet(i, 0x33333333))
        time.sleep(0.02)


def must_talk(a, b, what):
    heard = talk(a, b)
    if heard != (PACKETS, PACKETS):
        raise AssertionError(f"{what}: {heard[0]} and {heard[1]} of {PACKETS} packets arrived")
