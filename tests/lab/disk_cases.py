#!/usr/bin/python3
"""What a node does with a disk that fills up or rots, with its owner's limits, and with stores that are nobody's business.
Usage: disk_cases.py [-v] [CASE..]
"""

import os
import subprocess
import time
import unittest

from cases import MIB, LabCase
from lab import require_namespaces, sha256, wait_until

RESERVE = 8 * MIB


class FullDisk(LabCase):
    def test_pauses_with_a_reason_and_goes_on_when_there_is_space(self):
        size = 48 * MIB
        lab = self.lab("a=open+rate=80mbit", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs="http", flags=("--reserve", RESERVE, "--max-disk", "1GiB"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", b.data], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", b.data], check=False)
        sums = a.make_stores([size])
        store = next(iter(sums))
        a.start()
        b.start()
        b.wait_for_bytes(8 * MIB)
        filler = b.data / "somebody-elses.bin"
        free = os.statvfs(b.data).f_bavail * os.statvfs(b.data).f_frsize
        filler.write_bytes(bytes(free - RESERVE - 2 * MIB))
        paused = wait_until(lambda: (lambda row: row if row.get("state") == "paused" else None)(b.row(store)), 30,
                            lambda: f"b pauses: {b.row(store)}")
        self.assertIn("the disk is full", paused["reason"])
        self.assertIn("kept in reserve", paused["reason"])
        self.assertIsNotNone(paused["next_action_seconds"])
        self.assertTrue(any("the disk is full" in line for line in b.ask("why", store)["history"]))
        left = os.statvfs(b.data).f_bavail * os.statvfs(b.data).f_frsize
        self.assertGreaterEqual(left, RESERVE - MIB, "the reserve was used")
        before = sum(b.bytes_by_rung().values())
        filler.unlink()
        b.wait_for_stores(sums, 40)
        self.assertEqual(b.bytes_by_rung(), {"http": size}, "verified pieces were fetched again, or by another road")
        self.assertGreater(before, 0)
        self.assertIsNone(b.process.popen.poll())


class StoreLargerThanTheDisk(LabCase):
    def test_is_refused_before_its_first_byte_and_the_others_come(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs="http", flags=("--reserve", RESERVE, "--max-disk", "1GiB"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", b.data], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", b.data], check=False)
        small, large = a.make_stores([5 * MIB], seed=1), a.make_stores([64 * MIB], seed=2)
        a.start()
        b.start()
        b.wait_for_stores(small, 20)
        store = next(iter(large))
        wait_until(lambda: b.row(store).get("state") == "paused", 20, lambda: f"b refuses it: {b.row(store)}")
        self.assertIn("the disk is full", b.row(store)["reason"])
        self.assertEqual(sum(b.bytes_by_rung().values()), 5 * MIB)


class Limits(LabCase):
    """What passes a home's router is, within 10 %, what its owner allows."""

    LIMIT = 2 * MIB

    def rate(self, lab, node, direction, sink, start, end):
        """Bytes a second by the router's counter, while the sink fetched bytes start..end."""
        sink.wait_for_bytes(start, 60)
        first, began = lab.wan_bytes(node.router)[direction], time.monotonic()
        sink.wait_for_bytes(end, 60)
        return (lab.wan_bytes(node.router)[direction] - first) / (time.monotonic() - began)

    def assert_limited(self, rate):
        self.assertGreater(rate, self.LIMIT * 0.90, "slower than allowed")
        self.assertLess(rate, self.LIMIT * 1.10, "faster than allowed")

    def run_case(self, nodes, rung, upload, download):
        lab = self.lab(*nodes)
        lab.start_bootstrap()
        a = lab.node("a", flags=("--upload-limit", self.LIMIT) if upload else ())
        b = lab.node("b", rungs=rung, flags=("--download-limit", self.LIMIT) if download else ())
        sums = a.make_stores([8 * MIB] * 3)
        a.start()
        b.start()
        watched, direction = (a, 1) if upload else (b, 0)
        self.assert_limited(self.rate(lab, watched, direction, b, 2 * MIB, 22 * MIB))
        b.wait_for_stores(sums, 30)
        self.assert_only_rung(b, rung, 24 * MIB)

    def test_uploads_over_http(self):
        self.run_case(("a=open", "b=portres"), "http", True, False)

    def test_uploads_through_the_relay(self):
        self.run_case(("a=symmetric", "b=symmetric"), "bootstrap-relay", True, False)

    def test_downloads_over_http(self):
        self.run_case(("a=open", "b=portres"), "http", False, True)

    def test_downloads_through_the_relay(self):
        self.run_case(("a=symmetric", "b=symmetric"), "bootstrap-relay", False, True)

    def test_two_homes_share_an_upload_limit_equally(self):
        lab = self.lab("a=open", "b=portres", "c=portres")
        lab.start_bootstrap()
        a = lab.node("a", flags=("--upload-limit", self.LIMIT))
        b, c = lab.node("b", rungs="http", sync="listed"), lab.node("c", rungs="http", sync="listed")
        many, one = a.make_stores([4 * MIB] * 4, seed=1), a.make_stores([16 * MIB], seed=2)
        b.flags = tuple(flag for store in many for flag in ("--store", store))
        c.flags = ("--store", next(iter(one)))
        for node in (a, b, c):
            node.start()
        b.wait_for_bytes(MIB, 60)
        c.wait_for_bytes(MIB, 60)
        first = [lab.wan_bytes(node.router)[0] for node in (b, c)]
        c.wait_for_bytes(8 * MIB, 60)
        got = [lab.wan_bytes(node.router)[0] - before for node, before in zip((b, c), first)]
        self.assertGreater(got[0] / got[1], 0.75, f"four stores against one: {got}")
        self.assertLess(got[0] / got[1], 1.33, f"four stores against one: {got}")


class PrivateStore(LabCase):
    def test_is_in_no_list_no_answer_and_no_look_up(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b")
        shared, secret = a.make_stores([MIB], seed=1), a.make_stores([MIB + 1], seed=2)
        store = next(iter(secret))
        a.ask("share", store, "off")
        a.start()
        b.start()
        b.wait_for_stores(shared, 20)
        address = f"http://{lab.outside['a']}:5001"
        curl = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}")
        absent = "f" * 64
        for path in (f"/download/{store}", f"/v1/layer/{store}?root={'0' * 64}"):
            self.assertEqual(lab.run("b", *curl, address + path), "404")
            self.assertEqual(lab.run("b", "curl", "-s", address + path),
                             lab.run("b", "curl", "-s", address + path.replace(store, absent)))
        self.assertNotIn(store, lab.run("b", "curl", "-s", address + "/stores"))
        self.assertEqual(b.row(store), {})
        self.assertFalse(a.row(store)["shared"])
        a.process.stop()
        a.start()
        wait_until(lambda: a.row(store).get("state") == "complete", 10, "a has its store again")
        self.assertEqual(lab.run("b", *curl, f"{address}/download/{store}"), "404")
        a.ask("share", store, "on")
        b.wait_for_stores(secret, 20)


class DamagedStore(LabCase):
    def test_is_put_aside_and_fetched_again(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs="http")
        sums = a.make_stores([5 * MIB])
        store = next(iter(sums))
        a.start()
        b.start()
        b.wait_for_stores(sums, 20)
        file = b.data / f"{store}.dig"
        with open(file, "r+b") as out:
            out.seek(MIB)
            out.write(b"rot")
        aside = b.data / f"{store}.dig.damaged"
        wait_until(aside.exists, 20, lambda: f"the damaged file is put aside: {b.row(store)}")
        damaged = sha256(aside)
        b.wait_for_stores(sums, 20)
        self.assertIn(aside.name, b.row(store)["reason"])
        self.assertEqual(sha256(aside), damaged)
        # Its owner may replace it, though.
        mine = b.data / "mine.bin"
        mine.write_bytes(b"mine" * 1000)
        b.ask("add", mine, "--id", store, "--replace")
        wait_until(lambda: b.row(store).get("mark") == "own", 20, lambda: f"it is the owner's: {b.row(store)}")


class FolderIsWatched(LabCase):
    def test_a_moved_in_store_is_served_within_a_second(self):
        lab = self.lab("a=open", "b=portres")
        lab.start_bootstrap()
        a, b = lab.node("a"), lab.node("b", rungs="http")
        a.start()
        b.start()
        a.wait_connected()
        b.wait_connected()
        a.make_stores([MIB])
        began = time.monotonic()
        wait_until(a.complete, 10, "a has the store", poll=0.02)
        self.assertLess(time.monotonic() - began, 1.5)  # 0.5 s of settling, and the commands' own time
        wait_until(b.complete, 10, "b has it")


class GoingDown(LabCase):
    def test_an_idle_node_and_bootstrap_end_at_once(self):
        lab = self.lab("a=open", "b=symmetric")
        bootstrap = lab.start_bootstrap()
        # The search for a router that has just begun, on a thread of its own, is not idleness.
        nodes = [lab.node(host, flags=("--portmap", "off")) for host in ("a", "b")]
        for node in nodes:
            node.start()
            node.wait_connected()
        for process in [node.process for node in nodes] + [bootstrap]:
            began = time.monotonic()
            self.assertEqual(process.stop(), 0)
            self.assertLess(time.monotonic() - began, 1, "it waited for something")  # 0.3 on a quiet machine


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
