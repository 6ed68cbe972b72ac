#!/usr/bin/python3
"""Homes whose router maps a port relay for homes that nobody can reach: by TURN, with QUIC end to end inside it.
Usage: peer_relay_cases.py [-v] [CASE..]
"""

import re
import unittest

from cases import HEADERS, IN_FLIGHT, MIB, LabCase
from lab import PROBE_HOST, require_namespaces, wait_until

ALL = "direct,http,peer-relay,bootstrap-relay"
FAST = ("--relay-rate", "none")
# What a bootstrap carries of signalling and of a relay session that is opened and not used.
SIGNALLING = MIB


class PeerRelayCase:
    def homes(self, *kinds, relays=("t",), relay_flags=FAST):
        lab = self.lab(*kinds)
        lab.start_bootstrap("--probe-address", PROBE_HOST)
        self.relays = {}
        for name in relays:
            node = lab.node(name, rungs=ALL, sync="off", flags=relay_flags)
            node.start()
            for kind in ("turn-udp", "turn-tcp"):
                node.wait_for_verdict(kind, f"{lab.outside[name]}:6001", "proved")
            self.relays[name] = node
        return lab, lab.node("a", rungs=ALL), lab.node("b", rungs=ALL)

    def bootstrap_bytes(self, lab):
        return sum(lab.wan_bytes("relay"))

    def assert_maps_no_more_than_usual(self, lab, name):
        """Its router forwards the node's own ports, and no port for any session."""
        text = lab.run(f"{name}-r", "nft", "list", "table", "inet", "nat")
        self.assertEqual({int(port) for port in re.findall(r"th dport (\d+) dnat", text)}, {4001, 5001, 6001})


class SymmetricToSymmetricByAPeer(LabCase, PeerRelayCase):
    def test_49_stores_go_through_a_home_with_one_mapped_port_and_none_through_the_bootstrap(self):
        lab, a, b = self.homes("t=portres+upnp", "a=symmetric", "b=symmetric")
        sizes = [20_000 + 37_501 * number for number in range(48)] + [9 * MIB + 5]
        sums = a.make_stores(sizes)
        a.start()
        a.wait_connected()
        before = self.bootstrap_bytes(lab)
        b.start()
        b.wait_for_stores(sums, 60)
        self.assertEqual(len(sums), 49)
        self.assert_only_rung(b, "peer-relay", sum(sizes))
        self.assert_counter_agrees(lab, b, sum(sizes))
        received, sent = lab.wan_bytes("t-r")
        self.assertGreater(min(received, sent), sum(sizes), "the relaying home's router has seen all of it twice")
        self.assertLess(self.bootstrap_bytes(lab) - before, SIGNALLING, "the bootstrap carried content")
        self.assert_maps_no_more_than_usual(lab, "t")


class RelayIsKilledInMidStore(LabCase, PeerRelayCase):
    def test_another_goes_on_and_no_verified_piece_is_fetched_again(self):
        size = 48 * MIB
        lab, a, b = self.homes("t=portres+upnp", "u=portres+upnp", "a=symmetric+rate=50mbit", "b=symmetric",
                               relays=("t", "u"))
        sums = a.make_stores([size])
        a.start()
        b.start()
        b.wait_for_bytes(8 * MIB)
        carried = {name: sum(lab.wan_bytes(f"{name}-r")) for name in self.relays}
        busiest = max(carried, key=carried.get)
        self.relays[busiest].process.kill()
        b.wait_for_stores(sums, 60)
        self.assert_only_rung(b, "peer-relay", size)
        _, sent = lab.wan_bytes(a.router)
        self.assertLess(sent, (size + IN_FLIGHT) * HEADERS, "the source sent more than what was lost in flight again")


class UdpBlockedHomeByAPeer(LabCase, PeerRelayCase):
    def test_is_relayed_to_over_tcp(self):
        lab, a, b = self.homes("t=portres+upnp", "a=symmetric", "b=udpblock")
        sizes = [300_000, 5 * MIB + 3]
        sums = a.make_stores(sizes)
        a.start()
        b.start()
        b.wait_for_stores(sums, 60)
        text = lab.run("b", "ss", "-Htn")
        self.assertIn(f"{lab.outside['t']}:6001", text)
        self.assertGreater(b.bytes_by_rung().get("peer-relay", 0), 0, b.bytes_by_rung())


class ReachableRequester(LabCase, PeerRelayCase):
    def test_has_the_other_end_connect_to_it_and_nothing_is_relayed(self):
        lab, a, b = self.homes("t=portres+upnp", "a=symmetric", "b=portres+upnp")
        sizes = [300_000, 5 * MIB + 3]
        sums = a.make_stores(sizes)
        b.start()
        for kind in ("tcp", "quic"):
            b.wait_for_verdict(kind, f"{lab.outside['b']}:4001", "proved")
        a.start()
        b.wait_for_stores(sums, 60)
        self.assert_only_rung(b, "direct", sum(sizes))


class OwnerWhoGivesNothing(LabCase, PeerRelayCase):
    def test_is_not_asked(self):
        lab, a, b = self.homes("t=portres+upnp", "a=symmetric", "b=symmetric", relay_flags=("--relay", "off"))
        sums = a.make_stores([300_000])
        a.start()
        b.start()
        b.wait_for_stores(sums, 60)
        self.assert_only_rung(b, "bootstrap-relay", 300_000)
        self.assertLess(sum(lab.wan_bytes("t-r")), MIB // 2)


class MonthIsUsedUp(LabCase, PeerRelayCase):
    def test_the_bootstrap_goes_on_and_the_home_has_given_what_its_owner_said(self):
        lab, a, b = self.homes("t=portres+upnp", "a=symmetric", "b=symmetric",
                               relay_flags=(*FAST, "--relay-per-month", "4MiB"))
        size = 12 * MIB
        sums = a.make_stores([size])
        a.start()
        b.start()
        b.wait_for_stores(sums, 90)
        by_rung = b.bytes_by_rung()
        self.assertEqual(sum(by_rung.values()), size)
        self.assertGreater(by_rung.get("bootstrap-relay", 0), 0, by_rung)
        wait_until(lambda: sum(lab.wan_bytes("t-r")) < 2 * 4 * MIB * 1.2 + MIB, 1, "the home gave no more than it said")


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
