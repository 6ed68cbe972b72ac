#!/usr/bin/python3
"""The demo: an open home with 49 stores; a port-restricted home that fetches them over http, and a home that is let out on
TCP 80 and 443 only, which fetches them through the bootstrap's relay. Ends with a table, and with 0 only if every file
is equal, came by the road it should have come by, and the routers' byte counters agree within 5 %.
"""

import concurrent.futures
import os
import sys
import time

sys.dont_write_bytecode = True
from lab import Lab, LabError, require_namespaces, sha256  # noqa: E402

STORES, SMALLEST, LARGEST = 49, 100_000, 64_000_000
CURVE = 0.38  # bends the sizes between the two so that they add up to about 1 GB
DEADLINE = 120
ROADS = {"home": "http", "web": "bootstrap-relay"}
KINDS = {"open": "open", "home": "portres", "web": "web"}
MEANING = {"open": "public address", "home": "port-restricted NAT", "web": "only TCP 80 and 443 out"}


def store_sizes():
    ratio = LARGEST / SMALLEST
    return [round(SMALLEST * ratio ** ((i / (STORES - 1)) ** CURVE)) for i in range(STORES)]


def mega(count):
    return f"{count / 1e6:,.1f} MB"


class Progress:
    """One line a home, rewritten in place on a terminal, printed now and then elsewhere."""

    def __init__(self, homes):
        self.homes, self.live, self.drawn, self.next = homes, sys.stdout.isatty(), False, 0.0

    def show(self, done, seconds, began, total, last=False):
        now = time.monotonic()
        if not last and now < self.next:
            return
        self.next = now + (0.2 if self.live else 2)
        if self.live and self.drawn:
            sys.stdout.write(f"\x1b[{len(self.homes)}A")
        self.drawn = True
        for home in self.homes:
            stores, rungs = done[home.host]
            count, took = sum(rungs.values()), seconds.get(home.host, now - began)
            if home.host in seconds and not self.live and not last:
                continue
            start = f"[{'#' * round(24 * min(1, count / total)):<24}]" if self.live else f"{took:4.1f} s"
            print(f"  {home.host:<5} {start} {stores:2}/{STORES} stores {mega(count):>10} {count / took / 1e6:6.1f} MB/s  "
                  f"{', '.join(sorted(rungs)) or '-'}" + ("\x1b[K" if self.live else ""))
        sys.stdout.flush()


def follow(homes, sums, total, began):
    """Until every home has every store, or the deadline. Returns the seconds that each took."""
    progress, seconds, done = Progress(homes), {}, {home.host: (0, {}) for home in homes}
    while len(seconds) < len(homes):
        if time.monotonic() > began + DEADLINE:
            break
        for home in homes:
            if home.host in seconds:
                continue
            done[home.host] = (len(sums.keys() & home.complete()), home.bytes_by_rung())
            if done[home.host][0] == len(sums):
                seconds[home.host] = time.monotonic() - began
                done[home.host] = (len(sums), home.bytes_by_rung())
        progress.show(done, seconds, began, total)
        time.sleep(0.1)
    progress.show(done, seconds, began, total, last=True)
    return seconds


def compare(homes, sums):
    """{home: stores that are there and equal, by SHA-256 of the whole file}"""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        checks = {(home.host, store): pool.submit(sha256, home.data / f"{store}.dig")
                  for home in homes for store in sums if (home.data / f"{store}.dig").exists()}
    return {home.host: sum(checks[home.host, store].result() == digest for store, digest in sums.items()
                           if (home.host, store) in checks) for home in homes}


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def judge(lab, homes, sums, total, seconds):
    """Prints the two tables; returns what is wrong."""
    wrong, equal = [], compare(homes, sums)
    rows, counters = [["home", "behind", "stores", "bytes", "MB/s", "by rung", "equal by SHA-256"]], []
    for home in homes:
        name, road, rungs = home.host, ROADS[home.host], home.bytes_by_rung()
        fetched = sum(rungs.values())
        rate = f"{total / seconds[name] / 1e6:.1f}" if name in seconds else "-"
        rows.append([name, MEANING[name], f"{len(sums.keys() & home.complete())}", mega(fetched), rate,
                     ", ".join(f"{rung} {mega(count)}" for rung, count in sorted(rungs.items())) or "-",
                     f"{equal[name]} of {len(sums)}"])
        if equal[name] != len(sums):
            wrong.append(f"{name} has {equal[name]} of {len(sums)} stores equal to the source's")
        if set(rungs) != {road}:
            wrong.append(f"{name} was to fetch by {road} alone, and fetched by {rungs}")
        received, _ = lab.wan_bytes(home.router)
        off = received / fetched - 1 if fetched else 1
        counters.append([name, mega(fetched), mega(received), f"{off:+.1%}"])
        if abs(off) > 0.05:
            wrong.append(f"{name}'s router let in {mega(received)}, {off:+.1%} of what the node says it fetched")
    print()
    table(rows)
    print()
    table([["home", "fetched, says the node", "let in, says its router", "difference"], *counters])
    return wrong


def main():
    began = time.monotonic()
    with Lab(*(f"{name}={kind}" for name, kind in KINDS.items())) as lab:
        lab.start_bootstrap()
        source = lab.node("open")
        sizes = store_sizes()
        print(f"making {STORES} stores, {mega(sum(sizes))}, in the open home", flush=True)
        sums = source.make_stores(sizes, seed=time.time_ns())
        source.start()
        homes = [lab.node(name) for name in ROADS]
        print("bootstrap on 443 and 3000; starting a node in each home", flush=True)
        started = time.monotonic()
        for home in homes:
            home.start()
        seconds = follow(homes, sums, sum(sizes), started)
        wrong = judge(lab, homes, sums, sum(sizes), seconds)
        for home in homes:
            if home.host not in seconds:
                print(f"  {home.host} was not done after {DEADLINE} s; its log ends:\n{home.process.tail()}")
    print()
    for line in wrong:
        print(f"  WRONG: {line}")
    print(f"  {'failed' if wrong else 'done'} after {time.monotonic() - began:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    require_namespaces()
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"demo: {error}")
