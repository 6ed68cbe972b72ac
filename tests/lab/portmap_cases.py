#!/usr/bin/python3
"""Nodes behind routers that map ports: Debian's miniupnpd with nftables, restarted, moved and crowded. What a mapping is
worth is tried from outside. Usage: portmap_cases.py [-v] [CASE..]
"""

import os
import re
import signal
import sys
import time
import unittest

import cases
from lab import FORGET, PROBE_HOST, LabError, require_namespaces, wait_until

USUAL = {"peer-tcp": 4001, "peer-udp": 4001, "http": 5001, "turn-udp": 6001, "turn-tcp": 6001}
MAPPED_SECONDS = 10
FETCH = """
import hashlib, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=3) as answer:
    print(hashlib.sha256(answer.read()).hexdigest())
"""


class LabCase(cases.LabCase):
    """With what these cases share."""

    def home(self, *nodes, protocol="auto"):
        lab = self.lab(*nodes)
        lab.start_bootstrap()
        node = lab.node("a", flags=("--portmap", protocol))
        node.sums = node.make_stores([300_000])
        return lab, node

    def row(self, node, family="ipv4"):
        return next(row for row in node.ask("status")["mappings"] if row["family"] == family)

    def wait_for_state(self, node, state, seconds=MAPPED_SECONDS, family="ipv4"):
        wait_until(lambda: self.row(node, family)["state"] == state, seconds, lambda: f"{state}: {self.row(node, family)}")
        return self.row(node, family)

    def ports(self, node, family="ipv4"):
        return {port["purpose"]: int(port["external"].rsplit(":", 1)[1]) for port in self.row(node, family)["ports"]}

    def fetch(self, lab, address, port, store, host="ext"):
        return lab.run(host, sys.executable, "-c", FETCH, f"http://{address}:{port}/download/{store}").strip()

    def assert_reached(self, lab, node, address=None, port=None):
        """A store comes whole through the mapping to somebody on the internet."""
        address, port = address or lab.outside["a"], port or self.ports(node)["http"]
        wait_until(lambda: node.sums.keys() <= node.complete(), 10, "the node has hashed its store")
        for store, digest in node.sums.items():
            self.assertEqual(self.fetch(lab, address, port, store), digest)

    def rules(self, lab):
        """What the router forwards: {(transport, external port): (address, internal port)}."""
        text = lab.run("a-r", "nft", "list", "table", "inet", "nat")
        found = re.findall(r"0x(\w+) th dport (\d+) dnat ip to ([\d.]+):(\d+)", text)
        return {({"6": "tcp", "11": "udp"}[proto], int(port)): (to, int(inner)) for proto, port, to, inner in found}

    def pinholes(self, lab):
        return len(re.findall(r"@nh,192,128 .*accept", lab.run("a-r", "nft", "list", "chain", "inet", "fw", "upnp_fwd")))

    def assert_usual_group(self, lab, node, protocol):
        row = self.row(node)
        self.assertEqual((row["protocol"], row["group"], row["external"]), (protocol, True, lab.outside["a"]))
        self.assertEqual(self.ports(node), USUAL)
        self.assertEqual(set(self.rules(lab)), {("tcp", 4001), ("udp", 4001), ("tcp", 5001), ("tcp", 6001), ("udp", 6001)})

    def stop_router(self, lab):
        """Power off: the daemon dies, and with it what it had told the kernel to forward."""
        pid = int((lab.folder / "natlab" / lab.id / "a-r.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "miniupnpd is gone")
        for table, chain in (("nat", "upnp_pre"), ("nat", "upnp_post"), ("fw", "upnp_fwd")):
            lab.run("a-r", "nft", "flush", "chain", "inet", table, chain)

    def start_router(self, lab):
        folder = lab.folder / "natlab" / lab.id
        return lab.start("a-r", "miniupnpd", "-d", "-f", folder / "a-r.upnp", "-P", folder / "a-r.pid", log="miniupnpd.log")


def change_address(lab, other):
    """The provider gives home a another address."""
    device = lab.run("inet", "ip", "-o", "route", "show", lab.outside["a"]).split("dev ")[1].split()[0]
    lab.run("inet", "ip", "route", "add", f"{other}/32", "dev", device)
    lab.run("a-r", "sh", "-c", f"ip addr add {other}/32 dev wan && ip addr del {lab.outside['a']}/32 dev wan")


def mapping_case(protocol):
    """The whole life of a mapping by one protocol."""
    def test(self):
        lab, node = self.home("a=portres+upnp", protocol=protocol)
        store = next(iter(node.sums))
        began = time.monotonic()
        node.start()
        self.wait_for_state(node, "mapped")
        print(f"{protocol}: mapped {time.monotonic() - began:.2f} s after the start", file=sys.stderr)
        self.assert_usual_group(lab, node, protocol)
        self.assert_reached(lab, node)
        self.assertEqual(node.process.stop(), 0)
        self.assertEqual(self.rules(lab), {}, "something is left on the router")
        with self.assertRaises(LabError):
            self.fetch(lab, lab.outside["a"], 5001, store)
    return test


class PcpMapsTheGroup(LabCase):
    test_and_takes_it_back = mapping_case("pcp")


class NatPmpMapsTheGroup(LabCase):
    test_and_takes_it_back = mapping_case("nat-pmp")


class UpnpMapsTheGroup(LabCase):
    test_and_takes_it_back = mapping_case("upnp")


class RouterOffersAllThree(LabCase):
    def test_the_node_takes_pcp_and_leaves_one_mapping_a_port(self):
        lab, node = self.home("a=portres+upnp")
        node.start()
        self.wait_for_state(node, "mapped")
        self.assert_usual_group(lab, node, "pcp")
        self.assert_reached(lab, node)


class PortMappingIsSwitchedOff(LabCase):
    def test_the_router_is_not_asked(self):
        lab, node = self.home("a=portres+upnp", protocol="off")
        node.start()
        node.wait_connected()
        self.assertEqual(self.row(node)["state"], "off")
        self.assertEqual(self.rules(lab), {})


class PortIsTakenOnTheRouter(LabCase):
    """By a neighbour in the same home, who got there first."""

    def move(self, protocol):
        lab, node = self.home("a=portres+upnp", "n=lan@a", protocol=protocol)
        neighbour = lab.run("n", "ip", "-4", "-o", "addr", "show", "eth0").split()[3].split("/")[0]
        lab.run("n", "upnpc", "-a", neighbour, "5001", "5001", "TCP")
        node.start()
        row = self.wait_for_state(node, "mapped", 15)
        ports = self.ports(node)
        base = ports["peer-tcp"]
        self.assertTrue(row["group"])
        self.assertNotEqual(base, 4001)
        self.assertEqual(ports, {purpose: base + port - 4001 for purpose, port in USUAL.items()})
        self.assert_reached(lab, node)
        rules = self.rules(lab)
        self.assertEqual(rules[("tcp", 5001)], (neighbour, 5001), "the neighbour's port was taken away")
        self.assertEqual(len(rules), 6, "something of the first try is left on the router")
        node.process.stop()
        self.assertEqual(set(self.rules(lab)), {("tcp", 5001)})

    def test_the_group_moves_by_pcp(self):
        self.move("pcp")

    def test_the_group_moves_by_nat_pmp(self):
        self.move("nat-pmp")

    def test_the_group_moves_by_upnp(self):
        self.move("upnp")


class RouterReboots(LabCase):
    def reboot(self, protocol, seconds):
        lab, node = self.home("a=portres+upnp", protocol=protocol)
        time.sleep(5)  # RFC 6886's rule cannot see the restart of a router that had hardly run when it was first asked
        node.start()
        self.wait_for_state(node, "mapped")
        self.stop_router(lab)
        time.sleep(3)
        self.assertEqual(self.rules(lab), {})
        self.start_router(lab)
        began = time.monotonic()
        wait_until(lambda: len(self.rules(lab)) == 5, seconds, lambda: f"five ports mapped again: {self.row(node)}")
        print(f"{protocol}: mapped again {time.monotonic() - began:.2f} s after the router's start", file=sys.stderr)
        self.wait_for_state(node, "mapped")
        self.assert_usual_group(lab, node, protocol)
        self.assert_reached(lab, node)

    def test_pcp_maps_anew(self):
        self.reboot("pcp", 40)

    def test_nat_pmp_maps_anew(self):
        self.reboot("nat-pmp", 40)

    def test_upnp_maps_anew(self):
        self.reboot("upnp", 70)


class ExternalAddressChanges(LabCase):
    OTHER = "25.0.77.1"

    def change(self, protocol, seconds=45):
        lab, node = self.home("a=portres+upnp", protocol=protocol)
        node.start()
        self.wait_for_state(node, "mapped")
        change_address(lab, self.OTHER)
        began = time.monotonic()
        wait_until(lambda: self.row(node)["external"] == self.OTHER and len(self.ports(node)) == 5, seconds,
                   lambda: f"the new address: {self.row(node)}")
        print(f"{protocol}: noticed {time.monotonic() - began:.2f} s after the change", file=sys.stderr)
        self.wait_for_state(node, "mapped")
        self.assert_reached(lab, node, address=self.OTHER)

    def test_pcp_notices(self):
        self.change("pcp")

    def test_nat_pmp_notices(self):
        self.change("nat-pmp")

    def test_upnp_notices(self):
        self.change("upnp")

    def test_a_node_that_hears_the_routers_announcement_notices_at_once(self):
        self.change("auto", 10)


class MappedSourcesRouterInMidSync(LabCase):
    """The router of the home that another one fetches from, through a mapped port, in the middle of 64 MiB at 60 Mbit/s."""

    def sync_through(self, disturb, address):
        size = 64 * cases.MIB
        lab = self.lab("a=portres+upnp+rate=60mbit", "b=portres")
        lab.start_bootstrap("--probe-address", PROBE_HOST)
        a, b = lab.node("a"), lab.node("b")
        sums = a.make_stores([size // 4] * 4)
        a.start()
        a.wait_for_verdict("http", f"{lab.outside['a']}:5001", "proved")
        b.start()
        b.wait_for_bytes(10 * cases.MIB)
        self.assert_only_http(b)
        disturb(lab)
        b.wait_for_stores(sums, 90)
        fetched = b.bytes_by_rung()
        self.assertLessEqual(fetched.keys(), {"http", "bootstrap-relay"})
        self.assertEqual(sum(fetched.values()), size, "a verified piece was fetched twice")
        _, sent = lab.wan_bytes(a.router)
        self.assertLess(sent, (size + cases.IN_FLIGHT) * cases.HEADERS, "more was sent than what was lost in flight again")
        began = time.monotonic()
        a.wait_for_verdict("http", f"{address or lab.outside['a']}:5001", "proved", seconds=70)
        print(f"proved again {time.monotonic() - began:.1f} s after the sync", file=sys.stderr)
        wait_until(lambda: (lab.told_of("ext", a.ask("status")["peer_id"]) or [[]])[0] == [f"{address or lab.outside['a']}:5001"], 10,
                   "strangers are told of the door where it is now, and of no other")
        more = a.make_stores([5 * cases.MIB], seed=2)
        b.wait_for_stores(more, 30)
        self.assertEqual(b.bytes_by_rung().get("http", 0), fetched["http"] + 5 * cases.MIB, "not through the mapped port again")

    def assert_only_http(self, node):
        self.assertEqual(set(node.bytes_by_rung()), {"http"})

    def test_restarts_and_the_home_is_a_direct_source_again(self):
        def reboot(lab):
            self.stop_router(lab)
            lab.run("a-r", sys.executable, "-c", FORGET)
            time.sleep(3)
            self.start_router(lab)
        self.sync_through(reboot, None)

    def test_gets_another_address_and_the_home_is_a_direct_source_there(self):
        self.sync_through(lambda lab: change_address(lab, ExternalAddressChanges.OTHER), ExternalAddressChanges.OTHER)


class NodeIsKilled(LabCase):
    def test_and_takes_its_own_mappings_back_when_it_is_there_again(self):
        lab, node = self.home("a=portres+upnp", protocol="pcp")
        node.start()
        self.wait_for_state(node, "mapped")
        node.process.kill()
        self.assertEqual(len(self.rules(lab)), 5)
        node.start()
        self.wait_for_state(node, "mapped")
        self.assert_usual_group(lab, node, "pcp")
        self.assert_reached(lab, node)


class RouterMapsNothing(LabCase):
    def test_no_router_answers(self):
        _, node = self.home("a=portres")
        node.start()
        node.wait_connected(3)  # which does not wait for a router that is silent
        row = self.wait_for_state(node, "no-answer")
        self.assertIn("switch on UPnP", row["reason"])
        self.assertIsNotNone(row["next_action_seconds"])
        began = time.monotonic()
        node.process.stop()
        self.assertLess(time.monotonic() - began, 5)

    def test_a_home_without_a_router_has_no_gateway_that_maps(self):
        _, node = self.home("a=open")
        node.start()
        self.assertIn(self.wait_for_state(node, "no-answer")["ports"], ([],))


class RouterIsBehindItsCarrier(LabCase):
    def behind(self, protocol, state="carrier-address"):
        lab, node = self.home("isp=cgn-portres", "a=portres@isp+upnp", protocol=protocol)
        node.start()
        return self.wait_for_state(node, state, 15)

    def test_it_is_named_by_whatever_the_router_says(self):
        row = self.behind("auto")
        self.assertIn("CGNAT", row["reason"])
        self.assertTrue(row["external"].startswith("100.64."))

    def test_upnp_alone_says_only_that_there_is_no_public_address(self):
        self.assertIn("behind another NAT", self.behind("upnp", "no-address")["reason"])


class RouterLies(LabCase):
    """It grants everything and forwards nothing."""

    def lie(self, nodes, state, protocol="auto"):
        lab, node = self.home(*nodes, protocol=protocol)
        node.start()
        self.wait_for_state(node, state, 15)
        return lab, node

    def test_about_an_address_of_the_carriers_range(self):
        for protocol in ("nat-pmp", "upnp"):
            with self.subTest(protocol=protocol):
                self.lie(["isp=cgn-portres", "a=portres@isp+liar"], "carrier-address", protocol)

    def test_about_a_private_address(self):
        self.lie(["a=portres+liar=10.9.9.9"], "private-address")

    def test_about_no_address_at_all(self):
        self.lie(["a=portres+liar=0.0.0.0"], "no-address")

    def test_about_a_public_address_and_nobody_is_told_of_it(self):
        lab, node = self.lie(["a=portres+liar=25.0.9.9"], "mapped")
        self.assertNotIn("25.0.9.9:5001", node.ask("status")["external"])


class Ipv6FirewallOpens(LabCase):
    def pinhole(self, protocol):
        lab, node = self.home("a=portres+upnp+v6fw", protocol=protocol)
        store, digest = next(iter(node.sums.items()))
        node.start()
        row = self.wait_for_state(node, "mapped", 15, "ipv6")
        self.assertEqual(row["protocol"], protocol)
        own = row["ports"][2]["external"].rsplit(":", 1)[0]
        self.assertEqual(self.ports(node, "ipv6"), USUAL)
        self.assertEqual(self.pinholes(lab), 5)
        wait_until(lambda: store in node.complete(), 10, "the node has hashed its store")
        self.assertEqual(self.fetch(lab, own, 5001, store), digest)
        self.wait_for_state(node, "mapped")
        self.assert_reached(lab, node)
        node.process.stop()
        self.assertEqual(self.pinholes(lab), 0)
        with self.assertRaises(LabError):
            self.fetch(lab, own, 5001, store)

    def test_by_pcp(self):
        self.pinhole("pcp")

    def test_by_upnp(self):
        self.pinhole("upnp")

    def test_not_where_port_mapping_is_off(self):
        lab, node = self.home("a=portres+upnp+v6fw", protocol="off")
        node.start()
        node.wait_connected()
        with self.assertRaises(LabError):
            self.fetch(lab, "[2001:db8:1::2]", 5001, next(iter(node.sums)))


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
