"""Punches between real kernel NATs, one pair of kinds at a time: two punch_peer programs, and this script as the carrier
of what they tell each other. Standard library only, for Debian 12's /usr/bin/python3.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from lab import BOOTSTRAP_HOST, FORGET, PROBE_HOST, ROOT, LabError

PEER = Path(os.environ.get("PUNCH_PEER", ROOT / "build/release/tests/lab/punch_peer"))
STUN = [f"{host}:{port}" for host in (BOOTSTRAP_HOST, PROBE_HOST) for port in (3478, 3479)]
STORE_SIZE = 300_000
# Those whose outside port the other end cannot know. All of natlab's give it out at random.
HARD = {"adm", "symmetric"}
# Those that let in what comes from any port of an address they have spoken to.
OPEN_TO_ADDRESSES = {"open", "fullcone", "restricted", "dmz"}


def is_allowed(first, second):
    """Whether the behaviours of the two (RFC 4787) leave a way at all: a port that cannot be known on both sides does not,
    as none of the hard kinds here lets in what it has not spoken to."""
    return not (first in HARD and second in HARD)


def needs_guessing(first, second):
    hard, other = (first, second) if first in HARD else (second, first)
    return hard in HARD and other not in OPEN_TO_ADDRESSES | HARD


class End:
    """One end under way."""

    def __init__(self, lab, host, role):
        argv = lab.argv(host, [PEER, 4001, role, STORE_SIZE, *STUN])
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            raise LabError(f"punch_peer ended with {self.process.wait(10)}")
        return json.loads(text)

    def tell(self, other):
        self.process.stdin.write(json.dumps(other) + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()


def forget(lab, *homes):
    """The homes' routers forget every mapping: what one attempt has opened must not help the next."""
    for home in homes:
        lab.run(f"{home}-r", sys.executable, "-c", FORGET)


def start_stun(lab):
    """The bootstrap, as two STUN servers at two addresses."""
    lab.start_bootstrap("--stun", f"{BOOTSTRAP_HOST}:3478", "--stun", f"{PROBE_HOST}:3479")


def punch(lab, first="a", second="b"):
    """One attempt: (what the controlling end and the other came to, what the two had told each other)."""
    ends = [End(lab, first, "controlling"), End(lab, second, "controlled")]
    try:
        told = [end.line() for end in ends]
        for end, other in zip(ends, reversed(told)):
            end.tell(other)
        return [end.line() for end in reversed(ends)][::-1], told
    finally:
        for end in ends:
            end.end()


def summary(runs):
    """Of a list of what punch() gave."""
    results = [ends for ends, _ in runs]
    times = sorted(max(end["opened_ms"] for end in ends) for ends in results if all("opened_ms" in end for end in ends))
    return {"runs": len(runs), "punched": len(times),
            "p50": statistics.median(times) if times else None,
            "p95": times[max(0, -(-len(times) * 95 // 100) - 1)] if times else None,
            "probes": statistics.median(sum(end["probes"] for end in ends) for ends in results),
            "entries": max(end["entries"] for ends in results for end in ends)}
