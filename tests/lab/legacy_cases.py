#!/usr/bin/python3
"""An old node in one home, which speaks HTTP and nothing else (tests/interop/legacy_client.mjs), and a Turnpike in
another. Usage: legacy_cases.py [-v] [CASE..]
"""

import json
import unittest

from cases import MIB, LabCase
from lab import BOOTSTRAP_HOST, PROBE_HOST, ROOT, require_namespaces, wait_until

INTEROP = ROOT / "tests/interop"
ORACLE_NODE = ROOT / "tests/.oracle/bin/node"
SIZES = [1, 100_000, MIB + 1, 5 * MIB + 3, 20_000_000]


def fetch_all(case, lab, sums, way):
    """The old node in home b fetches every store; who it had them from."""
    held = json.loads(lab.run("b", ORACLE_NODE, INTEROP / "legacy_fetch.mjs", f"http://{BOOTSTRAP_HOST}:3000", len(sums),
                              way, seconds=90))
    case.assertEqual({store: got["sha256"] for store, got in held.items()}, sums, f"by {way}")
    return {got["from"] for got in held.values()}


def assert_sent_once(case, lab, host, before):
    _, after = lab.wan_bytes(host)
    case.assertGreater(after - before, sum(SIZES), f"{host} sent less than what arrived")
    case.assertLess(after - before, sum(SIZES) * 1.15 + 200_000, f"{host} sent it more than once")


class OldNodeAndASourceThatNobodyReaches(LabCase):
    def test_gets_equal_stores_from_the_bootstrap(self):
        lab = self.lab("a=symmetric", "b=portres")
        lab.start_bootstrap()
        a = lab.node("a", sync="off")
        sums = a.make_stores(SIZES)
        a.start()
        for way in ("download", "relay"):
            _, before = lab.wan_bytes(a.router)
            senders = fetch_all(self, lab, sums, way)
            self.assertEqual(len(senders), 1)
            self.assertNotIn(a.ask("status")["peer_id"], senders, "nobody can reach it")
            assert_sent_once(self, lab, a.router, before)


class OldNodeAndASourceThatIsProved(LabCase):
    def test_gets_equal_stores_straight_from_it(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap("--probe-address", PROBE_HOST)
        a = lab.node("a", sync="off")
        sums = a.make_stores(SIZES)
        a.start()
        peer = a.ask("status")["peer_id"]
        wait_until(lambda: (lab.told_of("b", peer) or ([], []))[0], 20, "a's HTTP is proved and told")
        _, before = lab.wan_bytes("a")
        self.assertEqual(fetch_all(self, lab, sums, "download"), {peer})
        assert_sent_once(self, lab, "a", before)


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
