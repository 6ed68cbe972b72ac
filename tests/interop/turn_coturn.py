#!/usr/bin/python3
"""coturn's own clients at our STUN and TURN server, and our client at coturn's server, all on loopback.
Usage: turn_coturn.py TURNPIKE TURN_TALK"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXTERNAL = ["198.51.100.1", "2001:db8::1"]  # what relayed addresses are made of: no socket is ever bound to them
USER = ["-u", "alice", "-w", "secret"]


def free_port(*hosts):
    """One that is free for UDP and TCP at all of `hosts`."""
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            port = 0
            try:
                for host in hosts:
                    family = socket.AF_INET6 if ":" in host else socket.AF_INET
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        taken = stack.enter_context(socket.socket(family, kind))
                        taken.bind((host, port))
                        port = taken.getsockname()[1]
                return port
            except OSError:
                continue
    sys.exit("turn_coturn: no free port")


@contextlib.contextmanager
def running(argv, ready, folder, **options):
    """A server, from the line that says it is ready to the end of the block; gives its output."""
    log = Path(folder, Path(argv[0]).name + ".log")
    with open(log, "wb") as output:
        process = subprocess.Popen(list(map(str, argv)), stdout=output, stderr=subprocess.STDOUT, **options)
    try:
        for _ in range(200):
            if ready in log.read_text(errors="replace"):
                break
            if process.poll() is not None:
                sys.exit(f"{argv[0]} ended:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        else:
            sys.exit(f"{argv[0]} is not ready:\n{log.read_text(errors='replace')[-2000:]}")
        yield log
    finally:
        process.terminate()
        process.wait(20)


def run(*argv, seconds=40, **options):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=seconds, check=False, **options)
    return done.returncode, done.stdout + done.stderr


def check_client_to_client(at, *options, packets=200, clients=4, interval=2):
    """uclient's clients in pairs through us. Every message comes to the end that it was meant for."""
    host, port = at
    code, out = run("turnutils_uclient", "-y", "-c", "-n", packets, "-m", clients, "-l", 500, "-z", interval, "-p", port, *USER,
                    *options, host)
    lost = re.findall(r"Total lost packets (\d+)", out)
    received = re.findall(r"tot_recv_msgs=(\d+)", out)
    assert code == 0 and lost and received, f"uclient {options} exits {code}:\n{out[-1500:]}"
    assert int(lost[-1]) == 0 and int(received[-1]) == packets * clients, f"uclient {options}:\n{out[-800:]}"
    print(f"uclient -y {' '.join(options) or '(UDP, channels)'} at {host}: {received[-1]} messages, none lost")


def check_refused(at):
    """The classic echo peer is a third host."""
    host, port = at
    with subprocess.Popen(["turnutils_peer", "-L", "127.0.0.1", "-p", str(free_port("127.0.0.1"))],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as peer:
        try:
            _, out = run("turnutils_uclient", "-c", "-v", "-n", 2, "-p", port, *USER, "-e", "127.0.0.1", host)
        finally:
            peer.kill()
    assert "403" in out, f"a third host was not refused:\n{out[-1500:]}"
    print("uclient towards turnutils_peer: 403")


def check_wrong_password(at):
    host, port = at
    code, out = run("turnutils_uclient", "-y", "-c", "-n", 1, "-p", port, "-u", "alice", "-w", "wrong", host)
    assert code != 0 and "Cannot complete Allocation" in out, out[-800:]


def check_binding(at):
    host, port = at
    code, out = run("turnutils_stunclient", "-p", port, host)
    assert code == 0 and re.search(r"reflexive addr: (127\.0\.0\.1|.*::1)", out), out
    print(f"stunclient at {host}: {out.strip().splitlines()[-1]}")


def check_discovery(port):
    for what, expected in (("-m", "Endpoint Independent Mapping|NAT with|No NAT"), ("-f", "Endpoint Independent Filtering|No NAT")):
        code, out = run("turnutils_natdiscovery", what, "-p", port, "-L", "127.0.0.1", "127.0.0.1")
        assert code == 0 and re.search(expected, out), f"natdiscovery {what} exits {code}:\n{out}"
        print(f"natdiscovery {what}: {re.search(expected, out)[0]}")


def check_ours_at_coturn(talk, folder):
    port, tls = free_port("127.0.0.1", "::1"), free_port("127.0.0.1", "::1")
    crt, key = Path(folder, "turn.crt"), Path(folder, "turn.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=turn",
                    "-keyout", key, "-out", crt], check=True, capture_output=True)
    spki = subprocess.run(f"openssl x509 -in {crt} -noout -pubkey | openssl pkey -pubin -outform der | "
                          "openssl dgst -sha256 -binary | basenc --base64url | tr -d =", shell=True, check=True,
                          capture_output=True, text=True).stdout.strip()
    argv = ["turnserver", "-n", "-a", "-u", "alice:secret", "-r", "example.org", "-L", "127.0.0.1", "-L", "::1", "-E", "127.0.0.1",
            "-E", "::1", "-p", port, "--tls-listening-port", tls, "--cert", crt, "--pkey", key, "--allow-loopback-peers",
            "--cli-password", "x", "--no-cli", "--log-file", "stdout", "--pidfile", Path(folder, "pid"), "--userdb",
            Path(folder, "db")]
    with running(argv, "Total General servers", folder):
        time.sleep(1)  # it says so of each listener, and has several
        for transport, at in (("udp", f"127.0.0.1:{port}"), ("tcp", f"127.0.0.1:{port}"), ("tls", f"127.0.0.1:{tls}")):
            code, out = run(talk, transport, at, "alice", "secret", 500, env={**os.environ, "TURN_PIN": spki})
            assert code == 0, f"turn_talk {transport} at coturn exits {code}: {out}"
            print(f"turn_talk {transport} at coturn: {out.strip().splitlines()[-1]}")


def main():
    turnpike, talk = sys.argv[1:]
    one, two = free_port("127.0.0.1", "127.0.0.2", "::1"), free_port("127.0.0.1", "127.0.0.2")
    tls = free_port("127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="turnpike-turn-") as folder:
        argv = [turnpike, "bootstrap", "--data", folder, "--turn-user", "alice:secret",
                "--listen", f"tls://127.0.0.1:{tls}", *(f"--turn-external={address}" for address in EXTERNAL)]
        with running([*argv, "--stun", f"[::]:{one}"], "listening stun://", folder) as log:
            v4, v6, secure = ("127.0.0.1", one), ("::1", one), ("127.0.0.1", tls)
            for at in (v4, v6):
                check_binding(at)
                for options in ((), ("-s",), ("-t",), ("-t", "-s")):
                    check_client_to_client(at, *options)
            check_client_to_client(v4, "-x")  # IPv4 to the server, IPv6 relayed addresses
            # uclient takes what one TLS record brings for one message: so slowly that ours carry no two.
            check_client_to_client(secure, "-t", "-S", packets=20, clients=2, interval=50)
            check_client_to_client(secure, "-t", "-S", "-s", packets=20, clients=2, interval=50)
            check_refused(v4)
            check_wrong_password(v4)
            pin = re.search(r"pin: (\S+)", log.read_text())[1]
            for transport, (host, port) in (("udp", v4), ("tcp", v4), ("tls", secure)):
                code, out = run(talk, transport, f"{host}:{port}", "alice", "secret", 500, env={**os.environ, "TURN_PIN": pin})
                assert code == 0, f"turn_talk {transport} at ours exits {code}: {out}"
                print(f"turn_talk {transport} at ours: {out.strip().splitlines()[-1]}")
        with running([*argv, "--stun", f"127.0.0.1:{one}", "--stun", f"127.0.0.2:{two}"], f"stun://127.0.0.2:{two}", folder):
            check_discovery(one)
        check_ours_at_coturn(talk, folder)


if __name__ == "__main__":
    missing = [tool for tool in ("turnutils_uclient", "turnserver") if not any(
        Path(folder, tool).exists() for folder in os.environ["PATH"].split(":"))]
    if missing:
        print(f"turn_coturn: not run, for there is no {missing[0]}; scripts/test installs coturn")
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    main()
