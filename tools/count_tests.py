#!/usr/bin/env python3
"""Adds up what scripts/test ran, and closes with the line `N passed, N failed`.

RESULTS holds checks.txt ("pass NAME" or "fail NAME" a line) and, for each run of ctest called X, X.xml (its JUnit
report), X.json (`ctest --show-only=json-v1`) and X/*.xml (one report per GoogleTest program, whose cases are counted
one by one; any other ctest test counts as one). Fewer passes than MINIMUM is a failure. A skipped test fails where
CI=true, because it was not run.
Usage: count_tests.py RESULTS [MINIMUM]
"""

import json
import os
import sys
import xml.etree.ElementTree as Xml
from pathlib import Path


class Count:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []


def count_program(report, count):
    for case in Xml.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None:
            count.failed.append(name)
        elif case.get("result") == "skipped" or case.get("status") == "notrun":
            count.skipped.append(name)
        else:
            count.passed += 1


def count_ctest(folder, name, count):
    commands = {t["name"]: Path(t.get("command", [""])[0]).name
                for t in json.loads((folder / f"{name}.json").read_text())["tests"]}
    programs = {p.stem.rsplit("_", 1)[0] if p.stem.rsplit("_", 1)[-1].isdigit() else p.stem
                for p in (folder / name).glob("*.xml")}
    for report in sorted((folder / name).glob("*.xml")):
        count_program(report, count)
    for case in Xml.parse(folder / f"{name}.xml").getroot().iter("testcase"):
        status, test = case.get("status"), case.get("name")
        if status == "run":
            count.passed += commands.get(test) not in programs
        elif status == "fail":
            # A program that named the cases that failed has told it already; one that died or leaked has not.
            report = folder / name / f"{commands.get(test)}.xml"
            if not report.exists() or Xml.parse(report).getroot().find(".//failure") is None:
                count.failed.append(test)
        else:
            count.skipped.append(test)


def main(folder, minimum):
    count = Count()
    for line in (folder / "checks.txt").read_text().splitlines():
        verdict, name = line.split(" ", 1)
        if verdict == "pass":
            count.passed += 1
        else:
            count.failed.append(name)
    for report in sorted(folder.glob("*.json")):
        count_ctest(folder, report.stem, count)
    if os.environ.get("CI") == "true":
        count.failed += [f"{name} (skipped)" for name in count.skipped]
        count.skipped = []
    if count.passed < minimum:
        count.failed.append(f"only {count.passed} tests passed; tests/minimum_count asks for {minimum}")
    for name in count.failed:
        print(f"FAILED {name}")
    for name in count.skipped:
        print(f"skipped {name}")
    print(f"{count.passed} passed, {len(count.failed)} failed" +
          (f", {len(count.skipped)} skipped" if count.skipped else ""))
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
