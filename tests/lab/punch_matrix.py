#!/usr/bin/python3
"""Punches every pair of NAT kinds many times and prints a Markdown table: how many got through, how fast, at what price,
beside what the two behaviours allow. Usage: punch_matrix.py [--runs N] [KIND..]
"""

import argparse
import itertools
import sys

from lab import Lab, LabError, require_namespaces
from punching import forget, is_allowed, needs_guessing, punch, start_stun, summary

KINDS = ["open", "fullcone", "restricted", "portres", "adm", "symmetric"]
DELAY = 10  # milliseconds each way, of each home


def rows(kinds, runs):
    for first, second in itertools.combinations_with_replacement(kinds, 2):
        with Lab(f"a={first}+delay={DELAY}", f"b={second}+delay={DELAY}") as lab:
            start_stun(lab)
            count = runs if is_allowed(first, second) else min(runs, 2)
            homes = [name for name, kind in (("a", first), ("b", second)) if kind != "open"]
            found = []
            for _ in range(count):
                forget(lab, *homes)
                found.append(punch(lab))
            yield first, second, summary(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("kinds", nargs="*", default=KINDS)
    asked = parser.parse_args()
    require_namespaces()
    print("| pair | theory | punched | p50 ms | p95 ms | probes, both ends | NAT entries, one end |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    bad = 0
    for first, second, found in rows(asked.kinds, asked.runs):
        theory = "no way" if not is_allowed(first, second) else "by guessing" if needs_guessing(first, second) else "always"
        least = {"no way": 0, "by guessing": 0.95, "always": 1}[theory]
        bad += found["punched"] < least * found["runs"]
        times = [f"{found[key]:.0f}" if found[key] else "" for key in ("p50", "p95")]
        print(f"| {first} × {second} | {theory} | {found['punched']} of {found['runs']} | {times[0]} | {times[1]} | "
              f"{found['probes']:.0f} | {found['entries']} |", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    try:
        main()
    except LabError as failure:
        sys.exit(str(failure))
