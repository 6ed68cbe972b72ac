#!/usr/bin/python3
"""Holes through real NATs: each pair is punched five times, and a store fetched over QUIC through each hole.
Usage: punch_cases.py [-v] [CASE..]
"""

import hashlib
import unittest

from cases import MIB, SIZES, LabCase
from lab import require_namespaces
from punching import STORE_SIZE, punch, start_stun

RUNS = 5
MOST_PROBES = 1536 + 64


class PunchCase:
    def punched(self, *kinds, runs=RUNS, ends=("a", "b")):
        lab = self.lab(*kinds)
        start_stun(lab)
        found = [punch(lab, *ends) for _ in range(runs)]
        for results, _ in found:
            for end in results:
                self.assertNotIn("failed", end)
                self.assertLessEqual(end["probes"], MOST_PROBES)
            # The controlled end made its store from a seed, as the other did: the same bytes at both.
            self.assertEqual(len(results[0]["sha256"]), hashlib.sha256().digest_size * 2)
        self.assertEqual(len({results[0]["sha256"] for results, _ in found}), 1)
        return found

    def assert_quick(self, found, milliseconds):
        for results, _ in found:
            self.assertLess(max(end["opened_ms"] for end in results), milliseconds)


class PunchConeToCone(LabCase, PunchCase):
    def test_two_port_restricted_homes_meet_within_a_few_round_trips(self):
        found = self.punched("a=portres+delay=10", "b=portres+delay=10")
        self.assert_quick(found, 1500)


class PunchRandomPorts(LabCase, PunchCase):
    def test_a_symmetric_home_is_met_by_many_sockets_and_guesses_whichever_end_asks(self):
        for first, second in (("portres", "symmetric"), ("symmetric", "portres")):
            with self.subTest(first=first, second=second):
                found = self.punched(f"a={first}+delay=10", f"b={second}+delay=10")
                hard = 0 if first == "symmetric" else 1
                self.assertEqual({told[hard]["allocation"] for _, told in found}, {"random"})
                self.assertTrue(all(results[hard]["extra_socket"] for results, _ in found))


class PunchBehindACarrier(LabCase, PunchCase):
    def test_a_home_behind_two_nats_meets_another(self):
        self.punched("isp=cgn-portres", "a=portres@isp+delay=10", "b=portres+delay=10")

    def test_two_customers_of_one_carrier_meet_by_its_hairpin(self):
        self.punched("isp=cgn-portres+hairpin", "a=portres@isp", "b=portres@isp")


class PunchInsideOneHome(LabCase, PunchCase):
    def test_two_machines_of_one_home_meet_without_its_router(self):
        for results, _ in self.punched("a=portres", "b=lan@a"):
            self.assertLess(results[0]["rtt_ms"], 50)


class PunchHopeless(LabCase, PunchCase):
    def test_two_symmetric_homes_are_told_why_and_few_packets_are_spent(self):
        lab = self.lab("a=symmetric", "b=symmetric")
        start_stun(lab)
        results, _ = punch(lab)
        for end in results:
            self.assertIn("nobody can know", end["failed"])
            self.assertLessEqual(end["probes"], 64)


class PunchedNodes(LabCase):
    """Real nodes: what they have to say to each other goes through the bootstrap, the stores do not."""

    def homes(self, *kinds):
        lab = self.lab(*kinds)
        start_stun(lab)
        nodes = [lab.node(name, rungs="punched,bootstrap-relay") for name in ("a", "b")]
        return lab, *nodes

    def test_two_homes_sync_through_a_hole_and_not_by_the_relay(self):
        lab, a, b = self.homes("a=portres+delay=10", "b=portres+delay=10")
        sums = a.make_stores(SIZES)
        a.start()
        b.start()
        before = lab.wan_bytes("relay")
        b.wait_for_stores(sums, seconds=60)
        self.assertEqual(b.unequal(sums), set())
        by_rung = b.bytes_by_rung()
        self.assertEqual(by_rung.get("punched"), sum(SIZES))
        self.assertEqual(by_rung.get("bootstrap-relay", 0), 0)
        carried = sum(lab.wan_bytes("relay")) - sum(before)
        self.assertLess(carried, sum(SIZES) / 20, "the bootstrap's own counter")

    def test_a_symmetric_home_begins_by_the_relay_and_goes_on_through_the_hole(self):
        lab, a, b = self.homes("a=portres+delay=10", "b=symmetric+delay=10")
        sizes = [8 * MIB] * 12
        sums = a.make_stores(sizes)
        a.start()
        b.start()
        b.wait_for_stores(sums, seconds=90)
        self.assertEqual(b.unequal(sums), set())
        by_rung = b.bytes_by_rung()
        self.assertGreater(by_rung.get("punched", 0), sum(sizes) / 2)
        fetched = sum(by_rung.values())
        self.assertLessEqual(fetched, sum(sizes) + 8 * MIB, "no verified piece travels twice")


if __name__ == "__main__":
    require_namespaces()
    unittest.main(verbosity=2)
