#!/usr/bin/python3
"""Real nodes behind real NATs: which road carried the bytes, that they are the right ones, and that no byte travelled
twice. Usage: cases.py [-v] [CASE..]
"""

import json
import subprocess
import sys
import unittest

from lab import BOOTSTRAP_HOST6, PROBE_HOST, PROBE_HOST6, Lab, require_namespaces, wait_until

MIB = 1 << 20
SIZES = [1, 16385, 100_000, MIB, MIB + 1, 5 * MIB + 3, 16 * MIB]
# What may be under way when a road or a process ends: 4 stores at once, or 4 ranges of one, and what the kernel buffers.
IN_FLIGHT = 12 * MIB
# Of a frame of 1514 bytes 1448 are payload; a segment that the kernel did not cut counts less.
HEADERS = 1.05


class LabCase(unittest.TestCase):
    def run(self, result=None):
        self.result = result
        return super().run(result)

    def lab(self, *nodes):
        lab = self.enterContext(Lab(*nodes))
        self.addCleanup(lambda: lab.tell() if self.result.failures or self.result.errors else None)
        return lab

    def assert_only_rung(self, node, rung, count):
        self.assertEqual(node.bytes_by_rung(), {rung: count}, f"{node.host} fetched by another road, or another amount")

    def assert_counter_agrees(self, lab, node, count):
        """The router of a home that only fetched has let in what the node says it fetched, within 5 %."""
        received, _ = lab.wan_bytes(node.router)
        self.assertGreater(received, count * 0.95, f"{node.router} let in less than {node.host} says it fetched")
        self.assertLess(received, count * 1.05 + 100_000, f"{node.router} let in more than {node.host} says it fetched")


class OpenToPortRestricted(LabCase):
    def test_goes_over_http(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs="http")
        sums = a.make_stores(SIZES)
        a.start()
        b.start()
        b.wait_for_stores(sums, 30)
        self.assert_only_rung(b, "http", sum(SIZES))
        self.assert_counter_agrees(lab, b, sum(SIZES))


class OpenToOpenDirect(LabCase):
    def test_goes_over_a_connection_of_their_own_both_ways(self):
        lab = self.lab("a=open", "b=open")
        lab.start_bootstrap()
        a, b = lab.node("a", rungs="direct"), lab.node("b", rungs="direct")
        from_a, from_b = a.make_stores(SIZES, seed=1), b.make_stores([3 * MIB], seed=2)
        before = lab.wan_bytes("relay")[1]
        a.start()
        b.start()
        b.wait_for_stores(from_a, 30)
        a.wait_for_stores(from_b, 30)
        self.assert_only_rung(b, "direct", sum(SIZES))
        self.assert_only_rung(a, "direct", 3 * MIB)
        received, sent = lab.wan_bytes(b.router)
        self.assertLess(received, sum(SIZES) * HEADERS + 300_000, f"{b.router} let in more than the stores of a")
        self.assertLess(sent, (3 * MIB + sum(SIZES) * 0.02) * HEADERS + 300_000, f"{b.router} sent more than its own store")
        self.assertLess(lab.wan_bytes("relay")[1] - before, 300_000, "the bootstrap carried stores")
        rows = {row["peer_id"]: row for row in b.ask("peers")}
        row = rows[a.ask("status")["peer_id"]]
        self.assertIn("bootstrap", row["found"])
        self.assertTrue(row["connections"], "peers shows the connection")


class RestrictedDialsOpenDirect(LabCase):
    def test_the_open_home_fetches_over_the_connection_that_the_other_made(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a", rungs="direct"), lab.node("b", rungs="direct")
        from_a, from_b = a.make_stores([5 * MIB], seed=1), b.make_stores([3 * MIB], seed=2)
        a.start()
        b.start()
        b.wait_for_stores(from_a, 30)
        a.wait_for_stores(from_b, 40)
        self.assert_only_rung(b, "direct", 5 * MIB)
        self.assert_only_rung(a, "direct", 3 * MIB)
        rows = {row["peer_id"]: row for row in a.ask("peers")}
        found = rows[b.ask("status")["peer_id"]]["found"]
        self.assertIn("inbound", found)


class DirectConnectionCutInMidStore(LabCase):
    def test_goes_on_over_a_new_one_and_fetches_no_verified_piece_twice(self):
        size = 64 * MIB
        lab = self.lab("a=open+rate=250mbit", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a", rungs="direct"), lab.node("b", rungs="direct")
        sums = a.make_stores([size])
        a.start()
        b.start()
        b.wait_for_bytes(16 * MIB)
        a.process.kill()
        a.start()
        b.wait_for_stores(sums, 60)
        self.assert_only_rung(b, "direct", size)
        _, sent = lab.wan_bytes(a.router)
        self.assertLess(sent, (size + IN_FLIGHT) * HEADERS, "the source sent more than what was lost in flight again")


class ProvedByTheBootstrap(LabCase):
    def test_an_open_home_is_told_of_with_nobody_else_there(self):
        lab = self.lab("a=open")
        lab.start_bootstrap("--probe-address", PROBE_HOST)
        a = lab.node("a")
        a.start()
        a.wait_for_verdict("http", "203.0.1.1:5001", "proved", seconds=5)
        a.wait_for_verdict("quic", "203.0.1.1:4001", "proved", seconds=5)
        a.wait_for_verdict("turn-udp", "203.0.1.1:6001", "proved", seconds=5)
        a.wait_for_verdict("turn-tcp", "203.0.1.1:6001", "proved", seconds=5)
        peer = a.ask("status")["peer_id"]

        def told():
            row = lab.told_of("ext", peer)
            return row and (row[0], {each["kind"] for each in row[1]})

        everything = (["203.0.1.1:5001"], {"tcp", "quic", "turn-udp", "turn-tcp"})
        wait_until(lambda: told() == everything, 5, lambda: f"the bootstrap tells of {peer}: {told()}")


class MappedHome(LabCase):
    def test_a_home_whose_router_maps_ports_is_a_direct_source_once_that_is_proved(self):
        lab = self.lab("a=portres+upnp", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs="http")
        sums = a.make_stores(SIZES)
        a.start()
        b.start()
        b.wait_for_stores(sums, 30)
        self.assert_only_rung(b, "http", sum(SIZES))
        self.assert_counter_agrees(lab, b, sum(SIZES))
        for kind, port in (("http", 5001), ("quic", 4001), ("turn-udp", 6001), ("turn-tcp", 6001)):
            a.wait_for_verdict(kind, f"{lab.outside['a']}:{port}", "proved")
        self.assertEqual(lab.told_of("ext", a.ask("status")["peer_id"])[0], [f"{lab.outside['a']}:5001"])


class FirewalledHome(LabCase):
    def test_a_shut_port_is_found_out_and_told_to_nobody(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap("--probe-address", PROBE_HOST)
        lab.run("a", "nft", "add table inet shut; add chain inet shut in { type filter hook input priority 0; };"
                            "add rule inet shut in iifname wan tcp dport 5001 drop")
        a, b = lab.node("a"), lab.node("b")
        sums = a.make_stores(SIZES)
        a.start()
        b.start()
        b.wait_for_stores(sums, 30)
        self.assert_only_rung(b, "bootstrap-relay", sum(SIZES))
        a.wait_for_verdict("http", "203.0.1.1:5001", "firewall")
        a.wait_for_verdict("turn-udp", "203.0.1.1:6001", "proved")
        self.assertEqual(lab.told_of("ext", a.ask("status")["peer_id"])[0], [])


class NobodyToProve(LabCase):
    def test_an_address_that_nobody_could_try_is_told_to_nobody_until_somebody_can(self):
        lab = self.lab("a=open", "w=web", "b=portres")
        lab.start_bootstrap()
        a, w, b = lab.node("a"), lab.node("w"), lab.node("b", sync="off")
        sums = a.make_stores(SIZES)
        a.start()
        w.start()
        w.wait_for_stores(sums, 30)
        self.assert_only_rung(w, "bootstrap-relay", sum(SIZES))
        self.assertNotEqual(a.doors()[("http", "203.0.1.1:5001")], "proved")
        peer = a.ask("status")["peer_id"]
        self.assertEqual(lab.told_of("ext", peer)[0], [])
        b.start()
        a.wait_for_verdict("http", "203.0.1.1:5001", "proved", seconds=5)


class Ipv6Homes(LabCase):
    def test_one_behind_a_firewall_is_found_out_and_one_without_is_reached(self):
        lab = self.lab("a=portres+v6fw", "b=portres+v6", "c=portres+v6")
        lab.start_bootstrap("--listen", "tls://[::]:443", "--listen", "http://[::]:3000", "--probe-address", PROBE_HOST6)
        at = f"[{BOOTSTRAP_HOST6}]"
        a, b = lab.node("a", sync="off", bootstrap=at), lab.node("b", sync="off", bootstrap=at)
        c = lab.node("c", bootstrap=at)
        from_a, from_b = a.make_stores([MIB + 1], seed=1), b.make_stores([3 * MIB], seed=2)
        a.start()
        b.start()
        b.wait_for_verdict("http", "[2001:db8:2::2]:5001", "proved", seconds=5)
        a.wait_for_verdict("http", "[2001:db8:1::2]:5001", "firewall", seconds=30)
        c.start()
        c.wait_for_stores(from_a | from_b, 30)
        self.assertEqual(c.bytes_by_rung(), {"bootstrap-relay": MIB + 1, "http": 3 * MIB})


class RoutersThatLie(LabCase):
    """Behind a carrier's NAT a router's forwarding reaches nobody, whatever it says; nothing is told to others."""

    def never_advertised(self, home, mapping, claims=None, verdict=None):
        """`mapping`: what the node calls its router. Where this one grants ports at the address that `claims` tells,
        `verdict` is what the node finds out about each of them; else it has granted none."""
        lab = self.lab("isp=cgn-portres", home, "b=portres")
        lab.start_bootstrap("--probe-address", PROBE_HOST)
        a, b = lab.node("a"), lab.node("b")
        sums = a.make_stores(SIZES)
        a.start()
        b.start()
        b.wait_for_stores(sums, 30)
        self.assert_only_rung(b, "bootstrap-relay", sum(SIZES))
        self.assert_counter_agrees(lab, b, sum(SIZES))
        row = wait_until(lambda: (lambda rows: rows[0] if rows[0]["state"] == mapping else None)(a.ask("status")["mappings"]), 15,
                         lambda: f"a calls its router {mapping}: {a.ask('status')['mappings']}")
        self.assertTrue(row["reason"] or mapping == "mapped", row)
        if claims:
            claimed = claims(lab)
            for kind, port in (("http", 5001), ("turn-udp", 6001), ("turn-tcp", 6001)):
                a.wait_for_verdict(kind, f"{claimed}:{port}", verdict)
        else:
            self.assertEqual((row["ports"], a.doors()), ([], {}))
        self.assertEqual(set(a.doors().values()), {verdict} - {None})
        status, peer = a.ask("status"), a.ask("status")["peer_id"]
        self.assertEqual(status["external"], ["192.168.2.2:5001"], "more than what a neighbour may use")
        self.assertEqual(lab.told_of("ext", peer), ([], []))
        self.assertNotIn(peer, {row["peer_id"] for row in b.ask("peers") if row.get("connections")})

    def test_a_mapping_router_behind_a_carriers_nat_is_not_believed(self):
        self.never_advertised("a=portres@isp+upnp", "carrier-address")

    def test_a_router_that_reports_a_mapping_and_forwards_nothing_is_not_believed(self):
        self.never_advertised("a=portres@isp+liar", "carrier-address", lambda lab: lab.outside["a"], "cgnat")

    def test_one_that_reports_the_address_the_world_sees_is_not_believed_either(self):
        self.never_advertised("a=portres@isp+liar=203.0.1.1", "mapped", lambda _: "203.0.1.1", "lying-router")


class SymmetricToSymmetric(LabCase):
    def test_goes_over_the_bootstraps_relay_both_ways(self):
        lab = self.lab("a=symmetric", "b=symmetric")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b")
        from_a, from_b = a.make_stores(SIZES, seed=1), b.make_stores([3 * MIB], seed=2)
        a.start()
        b.start()
        b.wait_for_stores(from_a, 30)
        a.wait_for_stores(from_b, 30)
        self.assert_only_rung(b, "bootstrap-relay", sum(SIZES))
        self.assert_only_rung(a, "bootstrap-relay", 3 * MIB)


class WebOnlyToNoUdp(LabCase):
    def test_goes_over_the_bootstraps_relay(self):
        lab = self.lab("a=web", "b=udpblock")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b")
        sums = a.make_stores(SIZES)
        a.start()
        b.start()
        b.wait_for_stores(sums, 30)
        self.assert_only_rung(b, "bootstrap-relay", sum(SIZES))
        self.assert_counter_agrees(lab, b, sum(SIZES))


class BootstrapRestartsInMidSync(LabCase):
    def test_the_sync_goes_on_and_no_verified_piece_travels_twice(self):
        lab = self.lab("a=symmetric+rate=200mbit", "b=symmetric")
        bootstrap = lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b")
        sums = a.make_stores([16 * MIB] * 4)
        a.start()
        b.start()
        b.wait_for_bytes(16 * MIB)
        bootstrap.kill()
        lab.start_bootstrap()
        b.wait_for_stores(sums, 60)
        _, sent = lab.wan_bytes(a.router)
        self.assertLess(sent, (64 * MIB + IN_FLIGHT) * HEADERS, "the source sent more than what was lost in flight again")


class NodeKilledInMidStore(LabCase):
    def test_goes_on_where_it_was(self):
        size = 64 * MIB
        lab = self.lab("a=open+rate=250mbit", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs="http")
        sums = a.make_stores([size])
        a.start()
        b.start()
        before = b.wait_for_bytes(20 * MIB)
        b.process.kill()
        self.assertFalse(list(b.data.glob("*.dig")), "a store took its name before it was whole")
        b.start()
        b.wait_for_stores(sums, 30)
        self.assertLessEqual(sum(b.bytes_by_rung().values()), size - before + MIB, "verified pieces were fetched again")
        _, sent = lab.wan_bytes(a.router)
        self.assertLess(sent, (size + IN_FLIGHT) * HEADERS, "the source sent more than what was lost in flight again")


class SourceLeavesInMidStore(LabCase):
    def test_another_takes_over(self):
        size = 64 * MIB
        lab = self.lab("a=open+rate=150mbit", "b=portres", "c=open+rate=150mbit")
        lab.start_bootstrap()
        a, b, c = lab.node("a"), lab.node("b", rungs="http"), lab.node("c", sync="off")
        sums = a.make_stores([size])
        c.copy_stores(a)
        a.start()
        b.start()
        b.wait_for_bytes(8 * MIB)
        c.start()
        wait_until(c.complete, 10, "c has hashed its store")
        b.wait_for_bytes(16 * MIB)
        a.process.kill()
        b.wait_for_stores(sums, 30)
        self.assert_only_rung(b, "http", size)
        sent = lab.wan_bytes(a.router)[1] + lab.wan_bytes(c.router)[1]
        self.assertLess(sent, (size + IN_FLIGHT) * HEADERS, "the sources sent more than what was lost in flight again")


class TheLabItself(LabCase):
    """The laboratory itself, with Python's HTTP server in the place of ours."""

    def test_a_web_only_home_reaches_443_and_no_other_port(self):
        lab = self.lab("w=web")
        for port in (443, 8000):
            lab.start("relay", sys.executable, "-u", "-m", "http.server", port, "--directory", lab.folder)
        fetch = ("import sys, urllib.request as u; print(len(u.urlopen(sys.argv[1], timeout=1.5).read()))")
        wait_until(lambda: "443" in lab.processes[0].text() and "8000" in lab.processes[1].text(), 5, "both servers listen")
        lab.run("w", sys.executable, "-c", fetch, "http://198.51.100.10:443/")
        with self.assertRaises(Exception):
            lab.run("w", sys.executable, "-c", fetch, "http://198.51.100.10:8000/")

    def test_the_routers_counters_count_what_passed(self):
        lab = self.lab("b=portres")
        (lab.folder / "blob").write_bytes(bytes(8 * MIB))
        server = lab.start("relay", sys.executable, "-u", "-m", "http.server", 80, "--directory", lab.folder)
        server.wait_for_line("Serving")
        before, _ = lab.wan_bytes("b-r")
        fetch = "import urllib.request as u; print(len(u.urlopen('http://198.51.100.10:80/blob').read()))"
        self.assertEqual(int(lab.run("b", sys.executable, "-c", fetch)), 8 * MIB)
        received = lab.wan_bytes("b-r")[0] - before
        self.assertGreater(received, 8 * MIB)
        self.assertLess(received, 8 * MIB * HEADERS)

    def test_nothing_is_left_when_it_ends(self):
        with Lab("a=open") as lab:
            process = lab.start("a", "sleep", "1000")
            folder, name = lab.folder, lab.id
        self.assertIsNotNone(process.popen.poll())
        self.assertFalse(folder.exists())
        self.assertNotIn(name, lab_namespaces())


def lab_namespaces():
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
