"""A small internet for one test: natlab's namespaces, a bootstrap on its relay host, nodes in its homes.

    with Lab("a=open", "b=portres") as lab:
        lab.start_bootstrap()
        a = lab.node("a"); sums = a.make_stores([100_000, 5 << 20]); a.start()
        b = lab.node("b", rungs="http"); b.start()
        b.wait_for_stores(sums, seconds=20)

Everything is torn down at the end of the `with`, whatever happened in it; what was started dies with this process as well.
Standard library only, for Debian 12's /usr/bin/python3. Needs root or user namespaces.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NATLAB = HERE / "natlab"
TURNPIKE = Path(os.environ.get("TURNPIKE", ROOT / "build/release/apps/turnpike/turnpike"))
BOOTSTRAP_HOST = "198.51.100.10"
BOOTSTRAP_HOST6 = "2001:db8::10"
PROBE_HOST, PROBE_HOST6 = "198.51.100.11", "2001:db8::11"
POLL_SECONDS = 0.05
# A program for a router: every connection that it knows, forgotten (a netlink message IPCTNL_MSG_CT_DELETE for all).
FORGET = ("import socket, struct; s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12); "
          "s.send(struct.pack('=IHHIIBBH', 20, 1 << 8 | 2, 5, 1, 0, 0, 0, 0)); "
          "assert struct.unpack_from('=i', s.recv(4096), 16)[0] == 0")
RUNGS = "http,bootstrap-relay"
# What the relay gives to peers that were granted nothing: cases that are not about money must not wait for it.
FREE = "free=unlimited:64:1"


class LabError(Exception):
    """Something that should have happened by now did not. Its text says what was there instead."""


def require_namespaces():
    """Goes on as root, or starts this program again as root of a user namespace of its own. A polite end unwinds."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    if os.geteuid() == 0:
        return
    if os.environ.get("TURNPIKE_LAB_UNSHARED"):
        sys.exit("lab: still not root inside a user namespace")
    inside = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && exec "$@"'
    argv = ["unshare", "-Urnm", "sh", "-c", inside, "sh", sys.executable, *sys.argv]
    if subprocess.run(["unshare", "-Urnm", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        sys.exit("lab: needs root or user namespaces, and has neither; run it with sudo")
    os.execvpe("unshare", argv, {**os.environ, "TURNPIKE_LAB_UNSHARED": "1"})


def clear_abandoned():
    """Removes the labs and folders of processes that were killed before they could."""
    for name in {path.name.split("-")[0] for path in Path("/run/netns").glob("nlt*x*-*")}:
        if not Path("/proc", name[3:].split("x")[0]).exists():
            subprocess.run([NATLAB, "down"], env={**os.environ, "NATLAB_ID": name[2:]}, timeout=60, check=False)
    for folder in Path(tempfile.gettempdir()).glob("turnpike-lab-*-*"):
        if not Path("/proc", folder.name.split("-")[2]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def wait_until(condition, seconds, what, poll=POLL_SECONDS):
    """Returns the first true value of condition(); raises LabError with `what` (a text, or a function giving one)."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(poll)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def clean_environment(more=None):
    """Ours without this machine's own proxies, which no program in the lab may ask; and what is added."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | (more or {})


class Process:
    """One program in one host's namespace, its output in a file."""

    def __init__(self, lab, host, argv, log, env=None):
        self.log = Path(log)
        self.output = open(self.log, "ab")
        self.popen = subprocess.Popen(lab.argv(host, ["setpriv", "--pdeathsig", "KILL", *map(str, argv)]),
                                      stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT,
                                      env=clean_environment(env))

    def text(self):
        return self.log.read_text(errors="replace")

    def tail(self):
        return "\n".join(self.text().splitlines()[-15:])

    def wait_for_line(self, start, seconds=10, after=0):
        """The first line of output, past byte `after`, that begins with `start`."""
        def find():
            for line in self.text()[after:].splitlines():
                if line.startswith(start):
                    return line
            if self.popen.poll() is not None:
                raise LabError(f"{self.popen.args[4:]} ended with {self.popen.returncode}:\n{self.tail()}")
            return None
        return wait_until(find, seconds, lambda: f"a line '{start}…' from {self.popen.args[4:]}:\n{self.tail()}")

    def kill(self):
        """As the power cut would: no chance to say goodbye."""
        self._end(signal.SIGKILL)

    def stop(self, seconds=10):
        self._end(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.popen.wait(seconds)
        self.kill()
        raise LabError(f"{self.popen.args[4:]} did not end within {seconds} s of SIGTERM:\n{self.tail()}")

    def _end(self, number):
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        if number == signal.SIGKILL:
            self.popen.wait()


class Lab:
    def __init__(self, *nodes, turnpike=TURNPIKE):
        self.nodes, self.turnpike = nodes, turnpike
        self.id = f"t{os.getpid()}x{time.monotonic_ns() % 100000}"
        self.pin, self.bootstrap, self.processes = None, None, []

    def __enter__(self):
        clear_abandoned()
        self.folder = Path(tempfile.mkdtemp(prefix=f"turnpike-lab-{os.getpid()}-"))
        try:
            up = self._natlab("up", *self.nodes)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.outside = {line.split()[0]: line.split("outside=")[1].split()[0] for line in up.splitlines()}
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and issubclass(kind, Exception):
            self.tell()
        for process in self.processes:
            process.kill()
            process.output.close()
        self._natlab("down")
        if not os.environ.get("TURNPIKE_LAB_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def tell(self):
        """Prints how each program's output ended, for a reader of a failure."""
        for log in sorted({process.log for process in self.processes}):
            print(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]), file=sys.stderr)

    def _natlab(self, *argv):
        done = subprocess.run([NATLAB, *argv], env={**os.environ, "NATLAB_ID": self.id, "NATLAB_DIR": self.folder / "natlab"},
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise LabError(f"natlab {argv[0]}: {done.stderr.strip()}")
        return done.stdout

    def argv(self, host, argv):
        """A command line that runs `argv` in the namespace of a node, of a router (NAME-r), relay, ext or inet."""
        return ["ip", "netns", "exec", f"nl{self.id}-{host}", *map(str, argv)]

    def run(self, host, *argv, seconds=60):
        """Runs a short program in a namespace; its output. A failure raises."""
        done = subprocess.run(self.argv(host, argv), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=False)
        if done.returncode != 0:
            raise LabError(f"{host}: {' '.join(map(str, argv))}: exit {done.returncode}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def start(self, host, *argv, log=None, env=None):
        process = Process(self, host, argv, self.folder / (log or f"{host}-{len(self.processes)}.log"), env)
        self.processes.append(process)
        return process

    def wan_bytes(self, host):
        """(received, sent) so far by the outside link of a router (NAME-r) or an open host, as the kernel counted them."""
        stats = json.loads(self.run(host, "ip", "-json", "-stats", "link", "show", "dev", "wan"))[0]["stats64"]
        return stats["rx"]["bytes"], stats["tx"]["bytes"]

    def start_bootstrap(self, *flags):
        """Its relay is not held to a tier unless `flags` name one. TLS on 443 and plain on 3000 of the relay host; started again after an end, it is the same bootstrap. Its second
        addresses, for --probe-address, are PROBE_HOST and PROBE_HOST6."""
        data = self.folder / "bootstrap"
        data.mkdir(exist_ok=True)
        log = self.folder / "bootstrap.log"
        after = log.stat().st_size if log.exists() else 0
        tier = () if "--tier" in flags else ("--tier", FREE)
        self.bootstrap = self.start("relay", self.turnpike, "bootstrap", "--data", data, *tier, *flags, log=log.name)
        pin = self.bootstrap.wait_for_line("pin: ", after=after).split()[1]
        self.bootstrap.wait_for_line("listening", after=after)
        if self.pin not in (None, pin):
            raise LabError(f"the bootstrap came back with another certificate: {self.pin}, then {pin}")
        self.pin = pin
        return self.bootstrap

    def told_of(self, host, peer):
        """What the bootstrap tells a stranger in `host` of that peer: its HTTP endpoints and its other services."""
        fetch = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"
        page = json.loads(self.run(host, sys.executable, "-c", fetch, f"http://{BOOTSTRAP_HOST}:3000/v1/peers"))
        rows = [row for row in page["peers"] if row["peer"] == peer]
        return [(row["http"], row["services"]) for row in rows][0] if rows else None

    def node(self, host, rungs=RUNGS, sync="all", bootstrap=BOOTSTRAP_HOST, flags=(), env=None, names=None):
        """`flags` and the environment variables of `env` are the node's, and its `doctor`'s. `bootstrap` may be None. `names`: {name:
        addresses}, which the node finds in an /etc/hosts of its own."""
        return Node(self, host, rungs, sync, bootstrap, flags, env, names)


class Node:
    """A `turnpike node` in a home. Its data folder outlives its process."""

    def __init__(self, lab, host, rungs, sync, bootstrap, flags, env, names):
        self.lab, self.host, self.rungs, self.sync = lab, host, rungs, sync
        self.bootstrap, self.flags, self.env = bootstrap, flags, env
        self.data = lab.folder / host
        self.data.mkdir()
        self.process, self.prefix = None, ()
        if names:
            hosts = lab.folder / f"{host}.hosts"
            hosts.write_text("".join(f"{address} {name}\n" for name, addresses in names.items() for address in addresses))
            self.prefix = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts)
        behind_router = Path(f"/run/netns/nl{lab.id}-{host}-r").exists()
        self.router = f"{host}-r" if behind_router else host

    def start(self, seconds=10):
        at = ["--bootstrap", f"https://{self.bootstrap}", "--bootstrap-pin", self.lab.pin] if self.bootstrap else []
        self.process = self.lab.start(
            self.host, *self.prefix, self.lab.turnpike, "node", "--data", self.data, "--port", "4001", *at, "--sync", self.sync,
            "--rungs", self.rungs, *self.flags, log=f"{self.host}.log", env=self.env)
        wait_until(lambda: self._answers(), seconds, lambda: f"{self.host} answers status:\n{self.process.tail()}")
        return self

    def _answers(self):
        if self.process.popen.poll() is not None:
            raise LabError(f"{self.host} ended with {self.process.popen.returncode}:\n{self.process.tail()}")
        try:
            return self.ask("status")
        except LabError:
            return None

    def ask(self, *command, seconds=20):
        """What `turnpike COMMAND --json` answers."""
        argv = [str(self.lab.turnpike), *command, "--json", "--data", str(self.data)]
        done = subprocess.run(self.lab.argv(self.host, argv), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=False)
        if done.returncode != 0:
            raise LabError(f"{self.host}: {' '.join(command)}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
        return json.loads(done.stdout)

    def doctor(self, seconds=15):
        """What `turnpike doctor --json` finds, as {check: row}; its exit code under "exit". Bootstraps are "bootstrap"."""
        began = time.monotonic()
        proxy = self.flags[self.flags.index("--proxy"):][:2] if "--proxy" in self.flags else ()
        argv = [self.lab.turnpike, "doctor", "--json", "--data", self.data, "--bootstrap", f"https://{self.bootstrap}",
                "--bootstrap-pin", self.lab.pin, *proxy]
        done = subprocess.run(self.lab.argv(self.host, argv), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=False, env=clean_environment(self.env))
        if done.returncode not in (0, 7):
            raise LabError(f"{self.host}: doctor: exit {done.returncode}: {done.stderr.strip()[-300:]}")
        report = json.loads(done.stdout)
        rows = {row["check"].split(" ")[0]: row for row in report["checks"]}
        return rows | {"exit": done.returncode, "ok": report["ok"], "seconds": time.monotonic() - began}

    def make_stores(self, sizes, seed=1):
        """Writes stores of these sizes, inside the home's namespace. Returns {id: SHA-256 of the file}."""
        return json.loads(self.lab.run(self.host, sys.executable, HERE / "make_stores.py", self.data, seed, *sizes))

    def row(self, store):
        """The row of `ls` about a store, or an empty one."""
        return next((row for row in self.ask("ls") if row["store"] == store), {})

    def copy_stores(self, other):
        for file in other.data.glob("*.dig"):
            shutil.copy(file, self.data)

    def complete(self):
        return {row["store"] for row in self.ask("ls") if row["state"] == "complete"}

    def transfers(self):
        return {row["store"]: row for row in self.ask("transfers")}

    def bytes_by_rung(self):
        """What this process has fetched since it was started; rungs that carried nothing are left out."""
        return {rung: count for rung, count in self.ask("status")["bytes_by_rung"].items() if count}

    def wait_connected(self, seconds=10):
        wait_until(lambda: all(b["connected"] for b in self.ask("status")["bootstraps"]), seconds,
                   lambda: f"{self.host} reaches its bootstrap: {self.ask('status')['bootstraps']}")

    def doors(self):
        """{(kind, endpoint): verdict} of every way in that is not a private address."""
        rows = self.ask("status")["reachability"]
        return {(row["kind"], row["endpoint"]): row["verdict"] for row in rows if row["verdict"] != "local"}

    def wait_for_verdict(self, kind, endpoint, verdict, seconds=20):
        wait_until(lambda: self.doors().get((kind, endpoint)) == verdict, seconds,
                   lambda: f"{self.host} calls {kind} {endpoint} {verdict}: {self.doors()}")

    def wait_for_stores(self, sums, seconds):
        """Until every store of {id: sum} is complete here; then compares each file's SHA-256."""
        wait_until(lambda: sums.keys() <= self.complete(), seconds,
                   lambda: f"{self.host} has {len(sums.keys() & self.complete())} of {len(sums)} stores: "
                           f"{json.dumps(self.ask('transfers'))[:2000]}")
        unequal = self.unequal(sums)
        if unequal:
            raise LabError(f"{self.host}: {len(unequal)} of {len(sums)} stores differ: {sorted(unequal)[:3]}")

    def unequal(self, sums):
        return {store for store, digest in sums.items() if not (self.data / f"{store}.dig").exists() or
                sha256(self.data / f"{store}.dig") != digest}

    def wait_for_bytes(self, count, seconds=20):
        """Until this process has fetched at least `count` bytes; returns how many it has, by then."""
        return wait_until(lambda: (lambda got: got if got >= count else 0)(sum(self.bytes_by_rung().values())), seconds,
                          lambda: f"{self.host} fetched {self.bytes_by_rung()} of {count} bytes", poll=0.02)
