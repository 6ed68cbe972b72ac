#!/usr/bin/python3
"""The edge of the network, for real: proxies, captive portals, IPv6, and routers that forget in the middle of it all.
Usage: edge_cases.py [-v] [CASE..]
"""

import re
import sys
import time
import unittest
from pathlib import Path

from cases import HEADERS, IN_FLIGHT, MIB, SIZES, LabCase
from lab import BOOTSTRAP_HOST, BOOTSTRAP_HOST6, FORGET, PROBE_HOST, PROBE_HOST6, require_namespaces, wait_until

HERE = Path(__file__).resolve().parent
BOOTSTRAP_V6 = "[2001:db8::10]"
DUAL_STACK = ("--listen", "tls://[::]:443", "--listen", "http://[::]:3000")
# Both of the relay host's addresses answer, so that the kind of NAT shows (RFC 5780).
STUN = ("--stun", "198.51.100.10:3478", "--stun", "198.51.100.11:3479")
PROXY = ("--proxy", "http://ann:s%65cret@192.168.2.1:3128")
GAP = 10  # seconds without a new byte, at most
# Whoever only receives has nothing to send that would be refused: he finds out by the silence, and only then asks anew.
RELAY_GAP = 20
WINDOWS = 4 * 4 * MIB  # four stores at once, each with a window of four MiB



def bootstrap_row(node):
    return node.ask("status")["bootstraps"][0]


class ProxyHome(LabCase):
    def test_syncs_through_connect_with_credentials_and_shows_them_nowhere(self):
        lab = self.lab("a=portres", "b=proxy+auth=ann:secret")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", flags=PROXY)
        from_a, from_b = a.make_stores(SIZES, seed=1), b.make_stores([3 * MIB], seed=2)
        a.start()
        b.start()
        b.wait_for_stores(from_a, 60)
        a.wait_for_stores(from_b, 60)
        self.assert_only_rung(b, "bootstrap-relay", sum(SIZES))
        self.assert_only_rung(a, "bootstrap-relay", 3 * MIB)
        self.assertEqual(bootstrap_row(b)["via"], "proxy")
        status = b.ask("status")
        self.assertEqual(status["proxy"], {"address": "192.168.2.1:3128", "source": "--proxy", "credentials": True,
                                           "reason": None, "next_action_seconds": None})
        self.assertNotIn("secret", str(status) + b.process.text())
        found = b.doctor()
        self.assertEqual((found["proxy"]["value"], found["bootstrap"]["value"]), ("works", "reached"))
        self.assertEqual(found["udp"]["value"], "blocked")
        self.assertEqual(found["exit"], 7)

    def test_takes_the_proxy_from_the_environment(self):
        lab = self.lab("a=portres", "b=proxy+auth=ann:secret")
        lab.start_bootstrap()
        a = lab.node("a")
        b = lab.node("b", env={"HTTPS_PROXY": "http://ann:secret@192.168.2.1:3128", "no_proxy": "10.0.0.0/8,.example"})
        sums = a.make_stores([MIB + 1])
        a.start()
        b.start()
        b.wait_for_stores(sums, 40)
        self.assert_only_rung(b, "bootstrap-relay", MIB + 1)

    def test_without_credentials_the_reason_names_407(self):
        lab = self.lab("b=proxy", "c=proxy+auth=ann:secret")
        lab.start_bootstrap()
        b = lab.node("c", flags=("--proxy", "http://192.168.2.1:3128"))
        b.start()
        wait_until(lambda: "asks for credentials (HTTP 407)" in (bootstrap_row(b)["reason"] or ""), 30,
                   lambda: f"the reason names 407: {bootstrap_row(b)}")
        self.assertFalse(bootstrap_row(b)["connected"])
        self.assertIn("HTTP 407", b.ask("status")["proxy"]["reason"])
        found = b.doctor()
        self.assertEqual(found["proxy"]["value"], "refuses")
        self.assertIn("user:password@", found["proxy"]["advice"])


class CaptivePortalHome(LabCase):
    def test_is_recognised_blames_nobody_and_recovers_when_the_portal_opens(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs="http")
        sums = a.make_stores(SIZES)
        a.start()
        portal = lab.start("b-r", sys.executable, HERE / "portal.py", lab.folder)
        portal.wait_for_line("portal")
        lab.run("b-r", "nft", "table inet portal { chain pre { type nat hook prerouting priority -150; "
                "iifname lan tcp dport 443 redirect to :8443; iifname lan tcp dport != { 8080, 8443 } redirect to :8080; }; "
                "chain forward { type filter hook forward priority -10; iifname lan drop; }; }")
        b.start()
        row = wait_until(lambda: (lambda r: r if r["captive"] else None)(bootstrap_row(b)), 30,
                         lambda: f"b sees the portal: {bootstrap_row(b)}")
        self.assertIn("http://login.hotel.example/", row["reason"])
        found = b.doctor()
        self.assertEqual((found["captive"]["value"], found["bootstrap"]["value"]), ("captive", "captive"))
        time.sleep(12)  # a while behind the portal: no back-off may grow
        self.assertLessEqual(bootstrap_row(b)["next_action_seconds"] or 0, 7)
        lab.run("b-r", "nft", "delete table inet portal")
        b.wait_connected(15)
        b.wait_for_stores(sums, 30)
        self.assert_only_rung(b, "http", sum(SIZES))
        self.assertFalse(bootstrap_row(b)["captive"])

    def test_a_wrong_pin_is_none(self):
        lab = self.lab("b=portres")
        lab.start_bootstrap()
        right, lab.pin = lab.pin, "A" * 43
        b = lab.node("b")
        b.start()
        wait_until(lambda: right in (bootstrap_row(b)["reason"] or ""), 20,
                   lambda: f"the reason names the pin that was seen: {bootstrap_row(b)}")
        self.assertFalse(bootstrap_row(b)["captive"])
        self.assertEqual(b.doctor()["bootstrap"]["value"], "wrong-key")
        lab.pin = right


class Ipv6OnlyHome(LabCase):
    def test_syncs_over_http(self):
        lab = self.lab("a=open+v6", "b=portres+v6only")
        lab.start_bootstrap(*DUAL_STACK)
        # a's IPv6 address can be proved only where the bootstrap sees it over IPv6.
        a, b = lab.node("a", bootstrap=BOOTSTRAP_V6), lab.node("b", rungs="http", bootstrap=BOOTSTRAP_V6)
        sums = a.make_stores(SIZES)
        a.start()
        b.start()
        b.wait_for_stores(sums, 40)
        self.assert_only_rung(b, "http", sum(SIZES))
        found = b.doctor()
        self.assertEqual((found["ipv6"]["value"], found["bootstrap"]["value"]), ("works", "reached"))
        self.assertEqual(found["udp"]["state"], "unknown")


class DualStackHome(LabCase):
    """Its bootstrap's name has addresses of both families, and a connection to it has one of them."""

    def test_is_proved_and_told_of_over_both_families(self):
        lab = self.lab("a=portres+upnp+v6", "b=portres", "c=portres+v6only")
        lab.start_bootstrap(*DUAL_STACK, "--probe-address", PROBE_HOST, "--probe-address", PROBE_HOST6)
        a = lab.node("a", bootstrap="boot.example", names={"boot.example": (BOOTSTRAP_HOST, BOOTSTRAP_HOST6)})
        b, c = lab.node("b", rungs="http"), lab.node("c", rungs="http", bootstrap=BOOTSTRAP_V6)
        sums = a.make_stores(SIZES)
        for node in (a, b, c):
            node.start()
        four, six = f"{lab.outside['a']}:5001", "[2001:db8:1::2]:5001"
        a.wait_for_verdict("http", four, "proved")
        a.wait_for_verdict("http", six, "proved")
        peer = a.ask("status")["peer_id"]
        wait_until(lambda: sorted((lab.told_of("ext", peer) or [[]])[0]) == sorted([four, six]), 5,
                   lambda: f"the bootstrap tells of both: {lab.told_of('ext', peer)}")
        for node in (b, c):
            node.wait_for_stores(sums, 40)
            self.assert_only_rung(node, "http", sum(SIZES))
            self.assert_counter_agrees(lab, node, sum(SIZES))


class Ipv6FirewalledHomes(LabCase):
    def test_sync_by_the_bootstraps_relay(self):
        lab = self.lab("a=portres+v6fw", "b=portres+v6fw")
        lab.start_bootstrap(*DUAL_STACK)
        a, b = lab.node("a", bootstrap=BOOTSTRAP_V6), lab.node("b", bootstrap=BOOTSTRAP_V6)
        sums = a.make_stores(SIZES)
        a.start()
        b.start()
        b.wait_for_stores(sums, 40)
        self.assert_only_rung(b, "bootstrap-relay", sum(SIZES))
        self.assert_counter_agrees(lab, b, sum(SIZES))


class RouterCase:
    """A home whose router does something in the middle of a sync of 64 MiB at 60 Mbit/s."""

    def sync_through(self, rungs, source, disturb):
        size = 16 * MIB
        lab = self.lab(f"a={source}+rate=60mbit", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs=rungs)
        sums = a.make_stores([size] * 4)
        a.start()
        b.start()
        b.wait_for_bytes(10 * MIB)
        back = disturb(lab)
        gap, seen, last = 0.0, sum(b.bytes_by_rung().values()), time.monotonic()
        while sums.keys() - b.complete():
            now, got = time.monotonic(), sum(b.bytes_by_rung().values())
            if got > seen:
                gap, seen, last = max(gap, now - max(last, back)), got, now
            self.assertLess(now - last, 60, f"the sync does not go on: {b.ask('transfers')}")
            time.sleep(0.05)
        b.wait_for_stores(sums, 5)
        print(f"{rungs}: longest time without a new byte: {gap:.1f} s", file=sys.stderr)
        self.assertLessEqual(gap, RELAY_GAP if rungs == "bootstrap-relay" else GAP, "the sync stood still for too long")
        _, sent = lab.wan_bytes(a.router)
        self.assertLess(sent, (4 * size + WINDOWS) * HEADERS, "the source sent more than what was lost in flight again")
        self.assert_only_rung(b, rungs, 4 * size)
        self.assertLessEqual(sum(row["bytes_duplicate"] for row in b.ask("transfers")), IN_FLIGHT)

    @staticmethod
    def reboot(lab):
        """Three seconds without power, and nothing remembered afterwards. Returns when it was back."""
        lab.run("b-r", "nft", "table inet dark { chain everything { type filter hook prerouting priority -300; drop; }; }")
        lab.run("b-r", sys.executable, "-c", FORGET)
        time.sleep(3)
        lab.run("b-r", sys.executable, "-c", FORGET)
        lab.run("b-r", "nft", "delete table inet dark")
        return time.monotonic()

    @staticmethod
    def change_address(lab):
        """The provider gives the home another address, as after a night's forced reconnection."""
        old = lab.outside["b"]
        new = re.sub(r"\.1$", ".77", old)
        lab.run("inet", "ip", "route", "add", f"{new}/32", "dev", "w2")
        lab.run("b-r", "ip", "addr", "add", f"{new}/32", "dev", "wan")
        lab.run("b-r", "ip", "addr", "del", f"{old}/32", "dev", "wan")
        lab.run("inet", "ip", "route", "del", f"{old}/32", "dev", "w2")
        lab.run("b-r", sys.executable, "-c", FORGET)
        return time.monotonic()


class RouterRebootsInMidSync(LabCase):
    def test_http_goes_on_by_itself(self):
        RouterCase.sync_through(self, "http", "open", RouterCase.reboot)

    def test_the_relay_goes_on_by_itself(self):
        RouterCase.sync_through(self, "bootstrap-relay", "portres", RouterCase.reboot)


class ExternalAddressChangesInMidSync(LabCase):
    def test_http_goes_on_by_itself(self):
        RouterCase.sync_through(self, "http", "open", RouterCase.change_address)

    def test_the_relay_goes_on_by_itself(self):
        RouterCase.sync_through(self, "bootstrap-relay", "portres", RouterCase.change_address)


class DoctorInEachHome(LabCase):
    """What `doctor` finds behind each kind of router, without a node running."""

    def examine(self, kind, *more):
        lab = self.lab(*more, f"h={kind}")
        lab.start_bootstrap(*DUAL_STACK, *STUN)
        found = lab.node("h").doctor()
        self.assertLess(found["seconds"], 11)
        self.assertEqual(found["bootstrap"]["value"], "reached", found["bootstrap"])
        self.assertEqual((found["clock"]["value"], found["captive"]["value"]), ("right", "open"))
        for row in found.values():
            if isinstance(row, dict) and row["state"] == "problem":
                self.assertTrue(row["advice"], row)
        return found

    def values(self, found, *checks):
        return tuple(found[check]["value"] for check in checks)

    def test_open(self):
        found = self.examine("open")
        self.assertEqual(self.values(found, "udp", "nat-mapping", "nat-layers", "hairpin", "mapping", "mtu"),
                         ("open", "none", "none", "not-needed", "not-needed", "1500"))
        self.assertEqual((found["exit"], found["ok"]), (0, True))

    def test_portres(self):
        found = self.examine("portres")
        self.assertEqual(self.values(found, "udp", "nat-mapping", "nat-filtering", "nat-layers", "hairpin", "mapping"),
                         ("open", "endpoint-independent", "address-and-port-dependent", "none", "no", "none"))

    def test_fullcone_with_hairpin_and_a_small_mtu(self):
        found = self.examine("fullcone+hairpin+mtu=1400")
        self.assertEqual(self.values(found, "nat-mapping", "nat-filtering", "hairpin", "mtu"),
                         ("endpoint-independent", "endpoint-independent", "works", "1400"))

    def test_a_router_that_maps_ports(self):
        found = self.examine("portres+upnp")
        self.assertIn(found["mapping"]["value"], ("pcp", "nat-pmp", "upnp"), found["mapping"])
        self.assertEqual(self.values(found, "nat-mapping", "nat-layers"), ("endpoint-independent", "none"))
        self.assertEqual((found["exit"], found["ok"]), (0, True))

    def test_symmetric(self):
        found = self.examine("symmetric")
        self.assertEqual(self.values(found, "udp", "nat-mapping"), ("open", "address-and-port-dependent"))
        self.assertEqual(found["exit"], 7)

    def test_no_udp(self):
        found = self.examine("udpblock")
        self.assertEqual(self.values(found, "udp", "nat-mapping"), ("blocked", "unknown"))
        self.assertEqual(found["exit"], 7)

    def test_behind_a_carriers_nat(self):
        found = self.examine("portres@isp", "isp=cgn-portres")
        self.assertEqual(self.values(found, "udp", "nat-layers"), ("open", "carrier"))
        self.assertEqual(found["exit"], 7)

    def test_a_black_hole_for_large_packets(self):
        found = self.examine("portres+mtu=1300+nopmtud")
        self.assertEqual(found["mtu"]["value"], "black-hole")


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
