#!/usr/bin/python3
"""A bootstrap's plain port behind Debian's nginx, which does the TLS: two nodes connect, register and relay a store
through it, and the bootstrap sees their addresses and not nginx's. Everything on loopback, on ports that were free.
Usage: nginx_front.py TURNPIKE
"""

import base64
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZE = (5 << 20) + 3
PROXY_ADDRESS = "127.0.0.9"  # nginx goes to the bootstrap from there, so that it is told from those who come straight

CONF = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{front} ssl;
    ssl_certificate {folder}/front.crt; ssl_certificate_key {folder}/front.key;
    client_max_body_size 4m;
    location / {{
      proxy_pass http://127.0.0.1:{plain};
      proxy_bind {proxy_address};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_buffering off; proxy_request_buffering off;
      proxy_read_timeout 1h; proxy_send_timeout 1h;
    }}
  }}
}}
"""


def free_port(also=()):
    """A port that was free a moment ago, as are those at these distances from it."""
    while True:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                for distance in also:
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port + distance))
            except (OSError, OverflowError):
                continue
            return port


def start(stack, argv, log):
    output = stack.enter_context(open(log, "ab"))
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, argv)], stdin=subprocess.DEVNULL,
                               stdout=output, stderr=subprocess.STDOUT)

    def stop():
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    stack.callback(stop)
    return process


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.05)
    return value


def fetch(url, *options):
    done = subprocess.run(["curl", "-sS", "--insecure", "--max-time", "10", *options, url], capture_output=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def pin_of(certificate):
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], capture_output=True, check=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key.stdout, capture_output=True, check=True)
    return base64.urlsafe_b64encode(hashlib.sha256(der.stdout).digest()).decode().rstrip("=")


def main(turnpike):
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="turnpike-nginx-")))
        folder.chmod(0o755)  # nginx's worker is another user
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=front", "-keyout", folder / "front.key", "-out", folder / "front.crt"],
                       check=True, capture_output=True)
        plain, front = free_port(), free_port()
        (folder / "nginx.conf").write_text(CONF.format(folder=folder, front=front, plain=plain, proxy_address=PROXY_ADDRESS))
        start(stack, [turnpike, "bootstrap", "--data", folder / "boot", "--tier", "free=unlimited:64:1", "--listen", f"http://127.0.0.1:{plain}",
                      "--trusted-proxy", f"{PROXY_ADDRESS}/32", "--public-url", "https://boot.example"],
              folder / "boot.log")
        start(stack, ["/usr/sbin/nginx", "-e", folder / "nginx.log", "-c", folder / "nginx.conf"], folder / "nginx.out")
        url = f"https://127.0.0.1:{front}"
        health = wait_until(lambda: fetch(f"{url}/health"), 20, lambda: (folder / "nginx.log").read_text())
        assert health["service"] == "turnpike bootstrap", health
        assert health["public_url"] == "https://boot.example", health

        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        os.environ.clear()
        os.environ.update(environment)
        pin, content = pin_of(folder / "front.crt"), os.urandom(SIZE)
        store = hashlib.sha256(content).hexdigest()
        (folder / "a").mkdir()
        (folder / "a" / f"{store}.dig").write_bytes(content)
        for name in ("a", "b"):
            start(stack, [turnpike, "node", "--data", folder / name, "--port", free_port((1000, 2000)), "--bootstrap", url,
                          "--bootstrap-pin", pin, "--rungs", "bootstrap-relay"], folder / f"{name}.log")

        def status(name):
            done = subprocess.run([turnpike, "status", "--json", "--data", folder / name], capture_output=True, check=False)
            return json.loads(done.stdout) if done.returncode == 0 else None

        for name in ("a", "b"):
            wait_until(lambda: (status(name) or {}).get("bootstraps", [{}])[0].get("registered"), 30,
                       lambda: f"{name} is registered: {status(name)} {(folder / (name + '.log')).read_text()}")
            assert status(name)["bootstraps"][0]["observed"] == "127.0.0.1", status(name)
        # What a client says of itself stands left of what nginx adds, and is not believed; both nodes are there.
        peers = fetch(f"{url}/v1/peers", "-H", "X-Forwarded-For: 203.0.113.9")["peers"]
        assert {peer["observed"] for peer in peers} == {"127.0.0.1"} and len(peers) == 2, peers

        wait_until((folder / "b" / f"{store}.dig").exists, 60, lambda: f"b has the store: {status('b')}")
        assert (folder / "b" / f"{store}.dig").read_bytes() == content
        by_rung = {rung: count for rung, count in status("b")["bytes_by_rung"].items() if count}
        assert by_rung == {"bootstrap-relay": SIZE}, by_rung
        relayed = fetch(f"{url}/v1/stats")["relay"]["bytes"]
        assert SIZE <= relayed < SIZE * 1.05 + 100_000, relayed
    print(f"two nodes met and relayed {SIZE} bytes through nginx")


if __name__ == "__main__":
    main(sys.argv[1])
