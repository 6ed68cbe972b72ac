#!/usr/bin/python3
"""Homes that find each other when no bootstrap is left to tell them. Usage: discovery_cases.py [-v] [CASE..]
"""

import unittest

from cases import MIB, LabCase
from lab import PROBE_HOST, require_namespaces, wait_until


class ThreeHomes:
    """b has met a, c has met b, a and c have never heard of each other; then every bootstrap dies."""

    def three_homes(self, flags, sync="listed"):
        lab = self.lab("a=open", "b=open", "c=open")
        lab.start_bootstrap("--probe-address", PROBE_HOST)
        a, b, c = (lab.node(name, rungs="direct", sync=sync, flags=flags) for name in "abc")
        of_a, of_b = a.make_stores([MIB], seed=1), b.make_stores([MIB], seed=2)
        b.flags, c.flags = (*flags, "--store", next(iter(of_a))), (*flags, "--store", next(iter(of_b)))
        for node in (a, b, c):
            node.start()
        b.wait_for_stores(of_a, 30)
        c.wait_for_stores(of_b, 30)
        for node in (a, b, c):
            wait_until(lambda: self.proved(node), 30, lambda: f"{node.host} is proved reachable: {node.doors()}")
        lab.bootstrap.stop()
        return lab, a, b, c

    def proved(self, node):
        return any(kind == "tcp" and verdict == "proved" for (kind, _), verdict in node.doors().items())

    def found(self, node, other):
        """By which means `node` has found `other`."""
        peer = other.ask("status")["peer_id"]
        return next((set(row["found"]) for row in node.ask("peers") if row["peer_id"] == peer), set())

    def want(self, node, sums):
        for store in sums:
            node.lab.start(node.host, node.lab.turnpike, "get", store, "--data", node.data, log=f"{node.host}-get.log")


class ThreeOpenHomesWithoutABootstrap(LabCase, ThreeHomes):
    def test_sync_by_direct_found_through_the_dht(self):
        _, a, b, c = self.three_homes(("--peer-exchange", "off"))
        before = {node: node.bytes_by_rung().get("direct", 0) for node in (b, c)}
        sums = a.make_stores([3 * MIB + 7], seed=9)
        for node in (b, c):
            self.want(node, sums)
        for node in (b, c):
            node.wait_for_stores(sums, 60)
            self.assert_only_rung(node, "direct", before[node] + 3 * MIB + 7)
        found = self.found(c, a)
        self.assertIn("dht", found)
        self.assertFalse(found & {"bootstrap", "exchange", "known", "lan"}, found)

        more = c.make_stores([2 * MIB], seed=10)
        self.want(a, more)
        a.wait_for_stores(more, 60)


class AHomeThatStartsAgainWithoutABootstrap(LabCase, ThreeHomes):
    def test_remembers_whom_it_met_and_finds_the_others_through_them(self):
        _, a, b, c = self.three_homes(("--peer-exchange", "off"))
        sums = a.make_stores([2 * MIB], seed=9)
        self.assertEqual(c.process.stop(), 0)
        c.start()
        self.want(c, sums)
        c.wait_for_stores(sums, 60)
        self.assert_only_rung(c, "direct", 2 * MIB)
        self.assertIn("known", self.found(c, b))
        self.assertIn("dht", self.found(c, a))


class HomesThatIntroduceEachOther(LabCase, ThreeHomes):
    def test_sync_with_somebody_whom_only_another_peer_knew(self):
        _, a, _, c = self.three_homes(("--dht", "off"), sync="all")
        wait_until(lambda: "exchange" in self.found(c, a) | self.found(a, c), 30,
                   lambda: f"a and c are introduced: {c.ask('peers')}")
        sums = a.make_stores([2 * MIB], seed=9)
        c.wait_for_stores(sums, 60)
        self.assertEqual(set(c.bytes_by_rung()), {"direct"})


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
