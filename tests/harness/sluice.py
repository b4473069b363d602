# SPDX-License-Identifier: MIT
"""Starts the gateway for a test and speaks JSON-RPC to it; shared by tests/system and tests/interop."""
import base64
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
BIN = os.path.join(BUILD, "bin")
KEY_OCTETS = {
    "AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30,
    "AES_192_CM_HMAC_SHA1_80": 38, "AES_192_CM_HMAC_SHA1_32": 38,
    "AES_256_CM_HMAC_SHA1_80": 46, "AES_256_CM_HMAC_SHA1_32": 46,
    "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44, "F8_128_HMAC_SHA1_80": 30,
}


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(error.get("message"))
        self.error = error


class Report:
    """Prints PASS, FAIL and SKIP lines; `exit` ends the program with the correct status."""

    def __init__(self, suite):
        self.suite, self.failed = suite, 0

    def ok(self, name):
        print(f"PASS {self.suite}/{name}", flush=True)

    def fail(self, name, why):
        self.failed += 1
        print(f"FAIL {self.suite}/{name}: {why}", flush=True)

    def skip(self, name, why):
        print(f"SKIP {self.suite}/{name}: {why}", flush=True)

    def case(self, name, fn, *args):
        try:
            fn(*args)
            self.ok(name)
        except Exception as e:  # the test must report any error
            self.fail(name, f"{type(e).__name__}: {e}")

    def exit(self):
        sys.exit(1 if self.failed else 0)


def need(report, *programs):
    """Skips the whole script if a foreign program is not installed."""
    for p in programs:
        if not shutil.which(p):
            report.skip("all", f"{p} is not installed")
            report.exit()


def free_port_block(count=200, step=2):
    """
    Returns the first port of a free block of `count` ports, for --port-min and --port-max. The block is below the kernel's ephemeral ports if
    possible, because the gateway checks a source address that may be one of its own ports before it learns the address. Tests that run in
    parallel start their search at different blocks.
    """
    blocks = range(20000, 60000 - count, count)
    for base in sorted(blocks, key=lambda b: (b + count > 32768, (b // count - os.getpid()) % 7)):
        socks = []
        try:
            for port in (base, base + count // 2, base + count - 1):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind(("127.0.0.1", port))
                socks.append(s)
            return base
        except OSError:
            pass
        finally:
            for s in socks:
                s.close()
    raise RuntimeError("no free block of ports")


def udp_socket(host="127.0.0.1"):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, 0))
    return s


given_pairs = set()  # what free_udp_pair has returned: the caller may not have opened it yet


def free_udp_pair(host="127.0.0.1"):
    """
    Returns an even port that is free for UDP and TCP (ng listens on both), and whose odd neighbour is free for UDP. The kernel gives its own
    ports, from 32768 on, to any socket: such a port could be taken before the caller uses it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(200):
        port = random.randrange(10000, 19000, 2)
        if port in given_pairs:
            continue
        try:
            for kind, number in ((socket.SOCK_DGRAM, port), (socket.SOCK_DGRAM, port + 1), (socket.SOCK_STREAM, port)):
                with socket.socket(family, kind) as s:
                    s.bind((host, number))
            given_pairs.add(port)
            return port
        except OSError:
            continue
    raise RuntimeError("no free pair of ports")


class Client:
    """A connection to the gateway's JSON-RPC socket."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(path)
        self.buffer, self.next_id, self.events = b"", 1, []

    def send_raw(self, octets):
        self.sock.sendall(octets)

    def read(self):
        while b"\n" not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("the gateway closed the connection")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, params=None):
        request = {"jsonrpc": "2.0", "id": self.next_id, "method": method}
        if params is not None:
            request["params"] = params
        self.next_id += 1
        self.send_raw(json.dumps(request).encode() + b"\n")
        while True:
            reply = self.read()
            if reply.get("id") != request["id"]:
                self.events.append(reply)
                continue
            if "error" in reply:
                raise RpcError(reply["error"])
            return reply["result"]

    def close(self):
        self.sock.close()


class Gateway:
    """A sluiced of its own: `with Gateway() as g: g.client.call("ping")`."""

    def __init__(self, *flags, ports=200, prefix=(), build=None):
        self.dir = tempfile.mkdtemp(prefix="sluice-test-")
        self.path = os.path.join(self.dir, "control.sock")
        self.log_path = os.path.join(self.dir, "log")
        base = self.port_min = free_port_block(ports)
        program = os.path.join(build or BUILD, "bin", "sluiced")
        self.args = [*prefix, program, "--control", self.path,
                     "--port-min", str(base), "--port-max", str(base + ports - 1), *flags]
        self.process = self.client = None

    def __enter__(self):
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(self.args, stderr=self.log, stdout=self.log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.client = Client(self.path)
                self.client.call("ping")
                return self
            except OSError:
                time.sleep(0.05)
        log = self.read_log()
        self.__exit__(None, None, None)
        raise RuntimeError(f"the gateway did not start: {log[-800:]}")

    def read_log(self):
        self.log.flush()
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def __exit__(self, *exc):
        if self.client:
            self.client.close()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def random_key(suite):
    """Returns a new random master key and salt twice: in base64 (for JSON and SDP), and in hexadecimal."""
    octets = os.urandom(KEY_OCTETS[suite])
    return base64.b64encode(octets).decode(), octets.hex()


def keying(suite, inline, **more):
    return {"keying": {"suite": suite, "inline": inline, **more}}
