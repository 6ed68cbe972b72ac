#!/usr/bin/python3
"""Stores over QUIC between real nodes: which transport carried them, and what becomes of them when UDP changes its mind
in the middle. Usage: quic_cases.py [-v] [CASE..]
"""

import json
import time
import unittest

import disk_cases
from cases import HEADERS, IN_FLIGHT, MIB, SIZES, LabCase
from lab import PROBE_HOST, require_namespaces, wait_until


def nft(lab, host, text):
    lab.run(host, "sh", "-c", f"nft -f - <<'X'\n{text}\nX")


def count_udp(lab, host):
    """From now on `host`, a router or an open host, counts what comes in over UDP from outside."""
    nft(lab, host, 'table inet counted { counter came { }; chain c { type filter hook prerouting priority -300; '
                   'iifname "wan" meta l4proto udp counter name "came"; }; }')


def udp_bytes(lab, host):
    return json.loads(lab.run(host, "nft", "-j", "list", "counter", "inet", "counted", "came"))["nftables"][-1]["counter"]["bytes"]


def transports(node, peer):
    """Of the connections that `node` has to `peer`."""
    rows = {row["peer_id"]: row for row in node.ask("peers")}
    return [connection["transport"] for connection in rows.get(peer, {}).get("connections", [])]


# Of a packet of 1500 bytes at least 1420 are the store's; early ones are shorter.
DATAGRAMS = 1.1


class QuicCase:
    def homes(self, *kinds, sizes, flags_a=(), flags_b=()):
        lab = self.lab(*kinds)
        lab.start_bootstrap("--probe-address", PROBE_HOST)
        a, b = lab.node("a", rungs="direct", flags=flags_a), lab.node("b", rungs="direct", flags=flags_b)
        sums = a.make_stores(sizes)
        a.start()
        self.source = a.ask("status")["peer_id"]
        count_udp(lab, b.router)
        return lab, a, b, sums

    def assert_came_by_quic(self, lab, node, count):
        """What the node says, and what its router saw: the stores came as UDP datagrams, and once."""
        self.assert_only_rung(node, "direct", count)
        self.assertEqual(transports(node, self.source), ["quic"])
        seen = udp_bytes(lab, node.router)
        self.assertGreater(seen, count, f"{node.router} saw less UDP come in than the stores have")
        self.assertLess(seen, count * DATAGRAMS + 300_000, f"{node.router} saw more UDP come in than the stores take")


class OpenToOpenOverQuic(LabCase, QuicCase):
    def test_carries_the_stores(self):
        lab, a, b, sums = self.homes("a=open", "b=open", sizes=SIZES)
        a.wait_for_verdict("quic", f"{lab.outside['a']}:4001", "proved")
        b.start()
        b.wait_for_stores(sums, 30)
        self.assert_came_by_quic(lab, b, sum(SIZES))


class MappedToRestrictedOverQuic(LabCase, QuicCase):
    def test_carries_the_stores_of_a_home_whose_router_maps_its_port(self):
        lab, a, b, sums = self.homes("a=portres+upnp", "b=portres", sizes=SIZES)
        a.wait_for_verdict("quic", f"{lab.outside['a']}:4001", "proved")
        b.start()
        b.wait_for_stores(sums, 30)
        self.assert_came_by_quic(lab, b, sum(SIZES))


class UdpBlockedInMidStore(LabCase, QuicCase):
    def test_goes_on_over_tcp_within_two_seconds_and_fetches_no_verified_piece_twice(self):
        size = 64 * MIB
        lab, a, b, sums = self.homes("a=open+rate=100mbit", "b=portres", sizes=[size])
        for kind in ("quic", "tcp"):
            a.wait_for_verdict(kind, f"{lab.outside['a']}:4001", "proved")
        b.start()
        b.wait_for_bytes(16 * MIB)
        self.assertEqual(transports(b, self.source), ["quic"])
        nft(lab, b.router, "table inet noudp { chain f { type filter hook forward priority -10; meta l4proto udp drop; }; }")
        blocked = time.monotonic()
        wait_until(lambda: "tcp" in transports(b, self.source), 5, lambda: f"a TCP connection: {b.ask('peers')}")
        after = b.bytes_by_rung()["direct"]
        wait_until(lambda: b.bytes_by_rung()["direct"] > after, 5, "bytes over it")
        self.assertLess(time.monotonic() - blocked, 2.0 + 0.3, "asking for it takes up to 0.3 s")
        b.wait_for_stores(sums, 60)
        self.assert_only_rung(b, "direct", size)
        _, sent = lab.wan_bytes(a.router)
        self.assertLess(sent, (size + IN_FLIGHT) * HEADERS, "the source sent more than what was lost in flight again")


class NatRebindsInMidStore(LabCase, QuicCase):
    def test_goes_on_over_the_same_connection(self):
        size = 64 * MIB
        lab, a, b, sums = self.homes("a=open+rate=100mbit", "b=portres+udptimeout=20", sizes=[size])
        a.wait_for_verdict("quic", f"{lab.outside['a']}:4001", "proved")
        b.start()
        b.wait_for_bytes(16 * MIB)
        self.assertEqual(transports(b, self.source), ["quic"])
        before = [connection["remote"] for row in a.ask("peers") for connection in row["connections"]]
        # From now on another outside port, and the state of the flows so far is gone.
        nft(lab, b.router, "table ip rebind { chain p { type nat hook postrouting priority 90; "
                           "oifname \"wan\" udp dport 4001 masquerade to :50123; }; }")
        lab.run(b.router, "conntrack", "-F")
        b.wait_for_stores(sums, 60)
        self.assert_came_by_quic(lab, b, size)
        since = [connection["seconds"] for row in b.ask("peers") for connection in row["connections"]]
        self.assertEqual(len(since), 1, f"one connection from beginning to end, from {before}")


class QuietNatForgets(LabCase, QuicCase):
    def test_a_connection_outlives_a_nat_that_forgets_after_twenty_seconds_and_carries_more(self):
        lab, a, b, sums = self.homes("a=open", "b=portres+udptimeout=20", sizes=[MIB])
        a.wait_for_verdict("quic", f"{lab.outside['a']}:4001", "proved")
        b.start()
        b.wait_for_stores(sums, 30)
        time.sleep(45)  # more than two of the NAT's lives, with nothing to say
        later = a.make_stores([3 * MIB], seed=2)
        b.wait_for_stores(later, 30)
        self.assert_came_by_quic(lab, b, 4 * MIB)
        rows = {row["peer_id"]: row for row in b.ask("peers")}
        connections = rows[self.source]["connections"]
        self.assertEqual([connection["transport"] for connection in connections], ["quic"])
        self.assertGreater(connections[0]["seconds"], 45)


class LimitsOverQuic(LabCase, QuicCase):
    LIMIT = disk_cases.Limits.LIMIT
    rate, assert_limited = disk_cases.Limits.rate, disk_cases.Limits.assert_limited

    def run_case(self, direction, **flags):
        lab, a, b, sums = self.homes("a=open", "b=portres", sizes=[8 * MIB] * 3, **flags)
        a.wait_for_verdict("quic", f"{lab.outside['a']}:4001", "proved")
        b.start()
        self.assert_limited(self.rate(lab, a if direction else b, direction, b, 2 * MIB, 22 * MIB))
        b.wait_for_stores(sums, 30)
        self.assert_came_by_quic(lab, b, 24 * MIB)

    def test_what_is_sent_keeps_to_the_upload_limit(self):
        self.run_case(1, flags_a=("--upload-limit", self.LIMIT))

    def test_what_is_fetched_keeps_to_the_download_limit(self):
        self.run_case(0, flags_b=("--download-limit", self.LIMIT))


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
