# SPDX-License-Identifier: MIT
"""Calls through Kamailio with its rtpengine module and the shipped configuration, for the tests of interop/."""
import base64
import os
import re
import subprocess
import tempfile
import time

import sluice

SCENARIOS = os.path.join(sluice.ROOT, "tests", "interop", "sipp")
CONFIG = os.path.join(sluice.ROOT, "docs", "examples", "kamailio", "kamailio.cfg")
SUITE = "AES_CM_128_HMAC_SHA1_80"
SSRC = 0x12345678
SILENT = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def part(name):
    with open(os.path.join(SCENARIOS, name)) as f:
        return f.read()


def body(port, key=None, tag=1, address="127.0.0.1", direction=None):
    lines = [f"c=IN IP4 {address}", "t=0 0", f"m=audio {port} RTP/{'SAVP' if key else 'AVP'} 0", "a=rtpmap:0 PCMU/8000"]
    if key:
        lines.append(f"a=crypto:{tag} {SUITE} inline:{key}")
    if direction:
        lines.append(f"a={direction}")
    return "\n".join(lines)


def write_caller(path, offers, last_pause, pause, to="[remote_ip]:[remote_port]"):
    again = "".join(part("reinvite.xml").replace("OFFER", o).replace("NUMBER", str(i + 2)).replace("PAUSE", str(pause))
                    for i, o in enumerate(offers[1:]))
    text = part("caller.xml").replace("OFFER1", offers[0]).replace("REINVITES", again).replace("LAST_PAUSE", str(last_pause))
    text = text.replace("INVITE sip:callee@[remote_ip]:[remote_port]", f"INVITE sip:callee@{to}", 1)
    with open(path, "w") as f:
        f.write(text)


def write_callee(path, answers):
    texts = [part("answer.xml").replace("ANSWER", a).replace("TAG", "" if i else ";tag=[pid]b[call_number]") for i, a in enumerate(answers)]
    again = "".join('  <recv request="INVITE" rrs="true"/>\n' + t for t in texts[1:])
    with open(path, "w") as f:
        f.write(part("callee.xml").replace("ANSWER_FIRST", texts[0]).replace("REINVITES", again))


class Rig:
    """Starts sluiced and Kamailio, with a folder for all other files. `sip`: Kamailio's port for terminals; `inside`: Kamailio's
    port for the core; `core`: the core's port."""

    def __init__(self, *defines):
        self.defines = defines

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-kamailio-")
        self.ng, self.sip, self.inside, self.core, self.caller = (sluice.free_udp_pair() for _ in range(5))
        self.gateway = sluice.Gateway("--interface", "access/127.0.0.1", "--interface", "core/127.0.0.1", "--ng", f"127.0.0.1:{self.ng}",
                                      "--port-quarantine-ms", "500", ports=4000)
        self.gateway.__enter__()
        self.log = open(os.path.join(self.folder, "kamailio.log"), "wb")
        self.kamailio = subprocess.Popen(
            ["kamailio", "-f", CONFIG, "-DD", "-E", "-m", "64", "-M", "8", "-Y", self.folder, "-A", f"LISTEN=udp:127.0.0.1:{self.sip}",
             "-A", f"LISTEN_CORE=udp:127.0.0.1:{self.inside}", "-A", f'NG="udp:127.0.0.1:{self.ng}"', "-A", f'CORE="sip:127.0.0.1:{self.core}"',
             *(x for d in self.defines for x in ("-A", d))],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.wait_bound(self.sip)
        return self

    def wait_bound(self, port, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with open("/proc/net/udp") as f:
                if f":{port:04X} " in f.read():
                    return
            time.sleep(0.05)
        raise RuntimeError(f"no program listens on UDP port {port}; log of Kamailio: {self.kamailio_log()[-500:]}")

    def kamailio_log(self):
        with open(os.path.join(self.folder, "kamailio.log"), errors="replace") as f:
            return f.read()

    def sipp(self, scenario, port, to=None, *more):
        # The test reads the messages that the caller received; SIPp ends after -m calls.
        args = ["sipp", "-sf", scenario, "-i", "127.0.0.1", "-p", str(port), "-m", "1", "-nostdin", "-trace_msg",
                "-message_file", scenario + ".msg", "-trace_err", "-error_file", scenario + ".err", *more]
        return subprocess.Popen(args + [f"127.0.0.1:{to}" if to else "127.0.0.1"], cwd=self.folder, **SILENT)

    def __exit__(self, *exc):
        self.kamailio.terminate()
        try:
            self.kamailio.wait(10)
        except subprocess.TimeoutExpired:
            self.kamailio.kill()
            self.kamailio.wait()
        self.log.close()
        self.gateway.__exit__(*exc)
        subprocess.run(["rm", "-rf", self.folder], check=False)


def received(path, which, marker, seconds=15):
    """Returns port and key of the nth SDP received in a SIPp message trace, in messages that contain `marker`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text = open(path, errors="replace").read() if os.path.exists(path) else ""
        bodies = [m for m in re.split(r"-{20,}.*\n", text) if re.search(r"message received", m) and marker in m and "m=audio" in m]
        if len(bodies) > which and re.search(r"m=audio (\d+)[^\0]*\n", bodies[which]):
            key = re.search(r"inline:([A-Za-z0-9+/=]+)", bodies[which])
            return int(re.search(r"m=audio (\d+)", bodies[which]).group(1)), key and key.group(1)
        time.sleep(0.05)
    raise AssertionError(f"SDP number {which + 1} did not arrive")


class Audio:
    def __init__(self, folder, seconds):
        with open(os.path.join(sluice.ROOT, "cmd/share/audio/call.wav"), "rb") as f:
            data = f.read().split(b"data", 1)[1][4:]
        self.octets = (data[8000:] * 3)[:int(seconds * 8000)]
        self.raw = os.path.join(folder, f"audio-{seconds}.ul")
        with open(self.raw, "wb") as f:
            f.write(self.octets)


def send(audio, port, key, ssrc=SSRC, local=None):
    protect, scheme = (["-srtp_out_suite", SUITE, "-srtp_out_params", key], "srtp") if key else ([], "rtp")
    return subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "mulaw", "-ar", "8000", "-ac", "1", "-i", audio.raw,
                             "-c:a", "copy", "-f", "rtp", "-ssrc", str(ssrc), *protect, f"{scheme}://127.0.0.1:{port}?pkt_size=172" +
                             (f"&localrtpport={local}" if local else "")], **SILENT)


def receive(rig, out, port, key):
    """Starts GStreamer before the first packet arrives; writes the RTP payload to a file."""
    caps = "application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMU,payload=0"
    if key:
        hexkey = base64.b64decode(key + "=" * (-len(key) % 4)).hex()
        caps = (f"application/x-srtp,media=audio,clock-rate=8000,encoding-name=PCMU,payload=0,ssrc=(uint){SSRC},"
                f"srtp-key=(buffer){hexkey},srtp-cipher=(string)aes-128-icm,srtp-auth=(string)hmac-sha1-80,"
                f"srtcp-cipher=(string)aes-128-icm,srtcp-auth=(string)hmac-sha1-80,roc=(uint)0")
    chain = ["!", "srtpdec"] if key else []
    p = subprocess.Popen(["gst-launch-1.0", "-q", "udpsrc", f"port={port}", f"caps={caps}", *chain, "!", "rtppcmudepay", "!",
                          "filesink", f"location={out}", "buffer-mode=unbuffered"], **SILENT)
    rig.wait_bound(port)
    return p


def compare(out, want, what, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (os.path.exists(out) and os.path.getsize(out) >= len(want)):
        time.sleep(0.1)
    got = open(out, "rb").read() if os.path.exists(out) else b""
    if got != want:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        raise AssertionError(f"{what}: {len(got)} of {len(want)} octets, the first difference at {at}")


def stop(*processes):
    for p in processes:
        if p and p.poll() is None:
            p.kill()
        if p:
            p.wait()


def sessions(rig, want, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        n = rig.gateway.client.call("ping")["sessions"]
        if n == want:
            return
        time.sleep(0.1)
    raise AssertionError(f"the gateway has {n} sessions, expected {want}")


class Call:
    """A call between two SIPp processes. The caller sends `offers` one after the other; the callee answers each with `answer`. `from_core`: the core calls a
    terminal, otherwise a terminal calls the core."""

    def __init__(self, rig, name, offers, answer, pause, from_core=False):
        self.rig, self.to = rig, rig.inside if from_core else rig.sip
        self.caller, self.callee = (os.path.join(rig.folder, f"{name}-{x}.xml") for x in ("caller", "callee"))
        write_caller(self.caller, offers, 5000, pause, *[f"127.0.0.1:{rig.core}"] * from_core)
        write_callee(self.callee, [answer] * len(offers))
        self.children = []

    def __enter__(self):
        self.uas = self.keep(self.rig.sipp(self.callee, self.rig.core))
        self.rig.wait_bound(self.rig.core)
        self.uac = self.keep(self.rig.sipp(self.caller, self.rig.caller, self.to))
        return self

    def keep(self, process):
        self.children.append(process)
        return process

    def told_caller(self, nth=0):
        return received(self.caller + ".msg", nth, "SIP/2.0 200")

    def told_callee(self, nth=0):
        return received(self.callee + ".msg", nth, "INVITE")

    def ends_well(self):
        if self.uac.wait(40) or self.uas.wait(40):
            raise AssertionError("SIPp reports a failed call")
        sessions(self.rig, 0)

    def __exit__(self, *exc):
        stop(*self.children)
