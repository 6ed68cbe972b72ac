#!/usr/bin/python3
"""Hosts of one home that find each other, with nobody outside to help them. Usage: lan_cases.py [-v] [CASE..]
"""

import unittest

from cases import MIB, SIZES, LabCase
from lab import LabError, require_namespaces, wait_until


class LanCase:
    def host(self, lab, name, **more):
        """A node that knows of no bootstrap."""
        return lab.node(name, bootstrap=None, **more)


class TwoHostsOfOneLan(LabCase, LanCase):
    def test_sync_both_ways_by_lan_with_no_bootstrap_ever_alive(self):
        lab = self.lab("a=portres", "b=lan@a")
        a, b = self.host(lab, "a", rungs="lan,direct,http"), self.host(lab, "b", rungs="lan,direct,http")
        from_a, from_b = a.make_stores(SIZES, seed=1), b.make_stores([3 * MIB], seed=2)
        a.start()
        b.start()
        b.wait_for_stores(from_a, 30)
        a.wait_for_stores(from_b, 30)
        self.assert_only_rung(b, "lan", sum(SIZES))
        self.assert_only_rung(a, "lan", 3 * MIB)
        rows = {row["peer_id"]: row for row in b.ask("peers")}
        row = rows[a.ask("status")["peer_id"]]
        self.assertIn("lan", row["found"])
        self.assertEqual([connection["transport"] for connection in row["connections"]], ["quic"])

        later = a.make_stores([2 * MIB], seed=3)
        b.wait_for_stores(later, 15)
        self.assert_only_rung(b, "lan", sum(SIZES) + 2 * MIB)


class PrivateStoreInALan(LabCase, LanCase):
    def test_is_named_to_nobody(self):
        lab = self.lab("a=portres", "b=lan@a")
        a = self.host(lab, "a", rungs="lan")
        public, private = a.make_stores([MIB], seed=1), a.make_stores([MIB], seed=2)
        a.flags = ("--private", next(iter(private)))
        a.start()
        b = self.host(lab, "b", rungs="lan")
        b.start()
        b.wait_for_stores(public, 30)
        self.assertEqual({row["store"] for row in b.ask("ls")}, set(public))


class MdnsSwitchedOff(LabCase, LanCase):
    def test_sends_not_a_packet_and_finds_nobody(self):
        lab = self.lab("a=portres", "b=lan@a")
        lab.run("a", "nft", "add table inet seen; add chain inet seen out { type filter hook output priority 0; };"
                            "add rule inet seen out udp dport 5353 counter")
        a, b = self.host(lab, "a", rungs="lan", flags=("--mdns", "off")), self.host(lab, "b", rungs="lan")
        a.make_stores([MIB])
        a.start()
        b.start()
        with self.assertRaisesRegex(LabError, "anybody"):
            wait_until(lambda: b.ask("peers"), 4, "anybody")
        self.assertIn("counter packets 0", lab.run("a", "nft", "list", "table", "inet", "seen"))


class TwoLansThatShareAnAddressRange(LabCase, LanCase):
    def test_hear_nothing_of_each_other(self):
        lab = self.lab("a=portres+lan=192.168.9", "b=portres+lan=192.168.9")
        a, b = self.host(lab, "a", rungs="lan"), self.host(lab, "b", rungs="lan")
        a.make_stores([MIB])
        a.start()
        b.start()
        with self.assertRaisesRegex(LabError, "anybody"):
            wait_until(lambda: b.ask("peers"), 4, "anybody")


class SourceOfALanThatDiesInMidStore(LabCase, LanCase):
    def test_is_found_again_and_no_verified_piece_comes_twice(self):
        size = 64 * MIB
        lab = self.lab("a=portres", "b=lan@a")
        lab.run("a", "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "250mbit", "burst", "64kb", "latency", "50ms")
        a, b = self.host(lab, "a", rungs="lan"), self.host(lab, "b", rungs="lan")
        sums = a.make_stores([size])
        a.start()
        b.start()
        b.wait_for_bytes(16 * MIB, seconds=30)
        a.process.kill()
        before = b.wait_for_bytes(16 * MIB)
        a.start()
        b.wait_for_stores(sums, 90)
        self.assert_only_rung(b, "lan", size)
        self.assertGreater(before, 0)


class OneStoreFromThreeHostsOfALan(LabCase, LanCase):
    def test_comes_from_all_of_them_at_once(self):
        size = 48 * MIB
        lab = self.lab("a=portres", "b=lan@a", "c=lan@a", "d=lan@a")
        sources = [self.host(lab, name, rungs="lan") for name in "abc"]
        sums = sources[0].make_stores([size])
        for source in sources[1:]:
            source.copy_stores(sources[0])
        for source in sources:
            lab.run(source.host, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "60mbit", "burst", "64kb",
                    "latency", "50ms")
            source.start()
        d = self.host(lab, "d", rungs="lan")
        d.start()
        d.wait_for_stores(sums, 60)
        self.assert_only_rung(d, "lan", size)
        share = {row["peer_id"]: sum(rung["bytes"] for rung in row["rungs"]) for row in d.ask("peers")}
        for source in sources:
            brought = share[source.ask("status")["peer_id"]]
            self.assertGreater(brought, size * 0.15, f"{source.host} brought {brought} of {size}: {share}")
        self.assertEqual(sum(share.values()), size)


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
