#!/usr/bin/python3
"""Our HTTP server as curl sees it: files, ranges, conditions, HEAD, TLS. Usage: http_curl.py NET_PEER"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE = (5 << 20) + 3


def curl(*args):
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "20", *map(str, args)], capture_output=True,
                          check=False)
    return done.returncode, done.stdout


def fetch(url, *args):
    """(status, headers by lower-case name, body)"""
    code, out = curl("--include", url, *args)
    assert code == 0, f"curl exits {code} for {url} {args}"
    head, _, body = out.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    return int(first.split()[1]), headers, body


def check_files(base, content, *options):
    status, headers, body = fetch(f"{base}/file", *options)
    assert (status, body) == (200, content)
    assert headers["accept-ranges"] == "bytes" and headers["content-length"] == str(SIZE)
    etag = headers["etag"]

    status, headers, body = fetch(f"{base}/file", "--head", *options)
    assert (status, headers["content-length"], body) == (200, str(SIZE), b"")

    for asked, first, last in (("0-0", 0, 0), ("1000-1999999", 1000, 1999999), ("5000000-", 5000000, SIZE - 1),
                               ("-10", SIZE - 10, SIZE - 1), ("0-99999999999", 0, SIZE - 1)):
        status, headers, body = fetch(f"{base}/file", "--range", asked, *options)
        assert status == 206, asked
        assert headers["content-range"] == f"bytes {first}-{last}/{SIZE}", asked
        assert body == content[first:last + 1], asked

    status, headers, _ = fetch(f"{base}/file", "--range", f"{SIZE}-", *options)
    assert (status, headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert fetch(f"{base}/file", "--range", "0-1,5-6", *options)[0] == 200

    assert fetch(f"{base}/file", "--range", "0-9", "-H", f"If-Range: {etag}", *options)[0] == 206
    assert fetch(f"{base}/file", "--range", "0-9", "-H", 'If-Range: "other"', *options)[2] == content
    assert fetch(f"{base}/file", "-H", f"If-None-Match: {etag}", *options)[0] == 304

    # curl's own resume: half of the file is there, the rest comes.
    with tempfile.NamedTemporaryFile() as half:
        half.write(content[:SIZE // 2])
        half.flush()
        code, _ = curl("--continue-at", "-", "--output", half.name, f"{base}/file", *options)
        assert code == 0 and Path(half.name).read_bytes() == content

    status, _, body = fetch(f"{base}/echo", "--data-binary", "some words", *options)
    assert (status, body) == (200, b"some words")
    with tempfile.NamedTemporaryFile() as large:
        large.write(content[:1 << 20])
        large.flush()
        # 1 MiB makes curl ask with Expect: 100-continue, and the second time send chunks.
        assert fetch(f"{base}/echo", "--data-binary", f"@{large.name}", "-H", "Expect: 100-continue", *options)[2].endswith(
            content[:1 << 20])
        assert fetch(f"{base}/echo", "--data-binary", f"@{large.name}", "-H", "Transfer-Encoding: chunked",
                     *options)[2].endswith(content[:1 << 20])
        large.write(b"x")
        large.flush()
        assert fetch(f"{base}/echo", "--data-binary", f"@{large.name}", "-H", "Expect:", *options)[0] == 413
    assert fetch(f"{base}/none", *options)[0] == 404
    assert fetch(f"{base}/file", "--data", "x", *options)[1]["allow"] == "GET, HEAD"

    # Several requests on one connection.
    code, out = curl("--write-out", "%{num_connects} ", "--range", "0-1", *options, f"{base}/file", f"{base}/file",
                     "--output", "/dev/null", "--output", "/dev/null")
    assert code == 0 and out.split() == [b"1", b"0"], out


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        file, content = Path(folder, "file"), os.urandom(SIZE)
        file.write_bytes(content)
        with subprocess.Popen([program, "serve", file, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as peer:
            said = dict(peer.stdout.readline().split() for _ in range(3))
            plain, secure = f"http://127.0.0.1:{said['http']}", f"https://127.0.0.1:{said['https']}"
            check_files(plain, content)
            check_files(secure, content, "--insecure", "--http1.1")
            check_files(secure, content, "--insecure", "--tls-max", "1.2")
            check_files(secure, content, "--insecure", "--no-alpn")
            assert curl(f"{secure}/file")[0] == 60, "an unknown certificate is not trusted"
            pin = said["pin"].replace("-", "+").replace("_", "/") + "="
            assert fetch(f"{secure}/file", "--insecure", "--pinnedpubkey", f"sha256//{pin}")[2] == content
            assert curl(f"{secure}/file", "--insecure", "--pinnedpubkey", "sha256//" + "A" * 43 + "=")[0] == 90
            peer.stdin.close()
            assert peer.wait(10) == 0
    print("curl gets what it asks for")


if __name__ == "__main__":
    main(sys.argv[1])
