#!/usr/bin/python3
"""A bootstrap that may relay so much and no more. Usage: budget_cases.py [-v] [CASE..]"""

import json
import re
import unittest

from cases import MIB, LabCase
from lab import require_namespaces, wait_until

BUDGET = 200_000_000  # bytes, at the price below
# An hour before the month ends, where what is projected is what is spent.
MONEY = ("--budget-usd", "0.018", "--price-per-gb", "0.09", "--budget-date", "2026-11-30T23:00:00Z", "--tier", "free=5:1:1")


def ask_bootstrap(lab, *command):
    argv = [lab.turnpike, "bootstrap", *command, "--json", "--data", lab.folder / "bootstrap"]
    return json.loads(lab.run("relay", *argv))


def relay_reason(node, store):
    """What `why` says of the relay to the one peer that has the store."""
    rows = [rung for peer in node.ask("why", store)["peers"] for rung in peer.get("rungs", [])
            if rung["rung"] == "bootstrap-relay"]
    return next((row["reason"] for row in rows if row["reason"]), "")


class BudgetOf200Megabytes(LabCase):
    def test_is_let_through_whole_and_never_exceeded_and_the_node_says_why_it_stops(self):
        lab = self.lab("a=symmetric", "b=symmetric")
        bootstrap = lab.start_bootstrap(*MONEY)
        a, b = lab.node("a", rungs="bootstrap-relay"), lab.node("b", rungs="bootstrap-relay")
        sums = a.make_stores([40 * MIB] * 8)
        a.start()
        ask_bootstrap(lab, "grant", "--peer", b.ask("id")["peer_id"], "--tier", "premium")
        before = lab.wan_bytes("relay")[1]
        b.start()
        quote = wait_until(lambda: self.quote_of(b), 20, "peers shows the quote of the session")
        self.assertGreater(quote["bytes"], BUDGET * 0.9)
        self.assertEqual(quote["bytes_per_second"], 12_500_000)
        budget = wait_until(lambda: self.spent(lab), 90, lambda: f"the budget is spent: {ask_bootstrap(lab, 'budget')}")
        self.assertLessEqual(budget["bytes_out"], BUDGET, "more was relayed than the budget allows")
        self.assertGreaterEqual(budget["bytes_out"], BUDGET * 0.98)
        self.assertLessEqual(budget["spent_usd"], 0.018)

        missing = next(store for store in sums if store not in b.complete())
        reason = wait_until(lambda: (lambda got: got if "spent" in got else None)(relay_reason(b, missing)), 30,
                            lambda: f"why explains it: {json.dumps(b.ask('why', missing))[:3000]}")
        self.assertIn("its budget for this month is spent", reason)
        self.assertGreater(int(re.search(r"ask again after (\d+) s", reason)[1]), 3000, "until the month ends")
        self.assertIn("it suggests", reason)
        self.assertNotIn("broke", bootstrap.text())

        fetched = b.bytes_by_rung()["bootstrap-relay"]
        self.assertGreater(fetched, BUDGET * 0.93, "what was relayed are bytes of the stores")
        complete = b.complete()
        self.assertEqual(b.unequal({store: digest for store, digest in sums.items() if store in complete}), set())
        sent = lab.wan_bytes("relay")[1] - before
        self.assertLess(sent, BUDGET * 1.06 + 2_000_000, "the kernel counted more than the ledger")

        rows = ask_bootstrap(lab, "ledger")
        self.assertLessEqual(rows["bytes_out"], BUDGET)
        bootstrap.stop()
        again = lab.start_bootstrap(*MONEY)
        self.assertEqual(ask_bootstrap(lab, "budget")["mode"], "spent", "a start does not open the month again")
        again.kill()

    def quote_of(self, node):
        rungs = [rung for peer in node.ask("peers") for rung in peer["rungs"] if rung["rung"] == "bootstrap-relay"]
        return next((rung["quote"] for rung in rungs if rung.get("quote")), None)

    def spent(self, lab):
        budget = ask_bootstrap(lab, "budget")
        running = sum(budget["sessions"].values())
        return budget if budget["mode"] == "spent" and running == 0 else None


class BootstrapKilledInMidSession(LabCase):
    def test_forfeits_what_was_reserved_and_names_an_edited_row(self):
        lab = self.lab("a=symmetric", "b=symmetric")
        bootstrap = lab.start_bootstrap("--tier", "free=40:4:1")
        a, b = lab.node("a", rungs="bootstrap-relay"), lab.node("b", rungs="bootstrap-relay")
        sums = a.make_stores([30 * MIB])
        a.start()
        b.start()
        got = b.wait_for_bytes(5 * MIB)
        bootstrap.kill()
        lab.start_bootstrap("--tier", "free=unlimited:4:1")
        forfeited = ask_bootstrap(lab, "budget")["bytes_out"]
        self.assertGreaterEqual(forfeited, got, "what flowed before the kill is charged")
        b.wait_for_stores(sums, 60)
        lab.bootstrap.stop()
        ledger = lab.folder / "bootstrap/.turnpike/ledger.db"
        lab.run("relay", "/usr/bin/python3", "-c",
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('UPDATE rows SET bytes_out = 0 "
                "WHERE kind = 4'); c.commit()", ledger)
        lab.start_bootstrap("--tier", "free=unlimited:4:1")
        answer = ask_bootstrap(lab, "budget")
        self.assertIn("row ", answer["ledger_error"])
        self.assertIn("row ", lab.bootstrap.text())
        b.wait_connected(20)  # peers still find each other


if __name__ == "__main__":
    require_namespaces()
    unittest.main()
