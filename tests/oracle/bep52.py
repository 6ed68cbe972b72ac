#!/usr/bin/python3
"""Compares our roots and piece layers with libtorrent's, file by file.

Usage: bep52.py <store_hash>, a program that prints "size root" and then one piece hash a line.
"""

import hashlib
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    import libtorrent
except ImportError:
    sys.exit("bep52: libtorrent is missing for /usr/bin/python3: apt-get install python3-libtorrent")

KIB, MIB = 1 << 10, 1 << 20
SIZES = [1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 3, 64 * MIB]


def theirs(file):
    """(size, root, layer) as libtorrent puts them into a v2 torrent; the layer is empty up to one piece."""
    storage = libtorrent.file_storage()
    libtorrent.add_files(storage, str(file))
    torrent = libtorrent.create_torrent(storage, piece_size=MIB, flags=libtorrent.create_torrent.v2_only)
    libtorrent.set_piece_hashes(torrent, str(file.parent))
    made = torrent.generate()
    entry = made[b"info"][b"file tree"][file.name.encode()][b""]
    root = entry[b"pieces root"]
    layer = made.get(b"piece layers", {}).get(root, b"")
    return entry[b"length"], root.hex(), [layer[i : i + 32].hex() for i in range(0, len(layer), 32)]


def ours(tool, file):
    lines = subprocess.run([tool, file], check=True, capture_output=True, text=True).stdout.split("\n")
    size, root = lines[0].split()
    layer = lines[1:-1]
    if int(size) <= MIB:
        if layer != [root]:
            raise SystemExit(f"bep52: a store of {size} bytes should have its root as its only piece hash")
        layer = []  # BEP 52 writes none
    return int(size), root, layer


def main(tool):
    failed = 0

    def compare(what, file):
        nonlocal failed
        mine, other = ours(tool, file), theirs(file)
        if mine != other or mine[0] != file.stat().st_size:
            failed += 1
            print(f"{what}: DIFFERS: ours {mine[:2]} ({len(mine[2])} pieces), theirs {other[:2]} ({len(other[2])} pieces)")
        else:
            print(f"{what}: {mine[1]} and {len(mine[2])} layer hashes, equal")
        return mine

    with tempfile.TemporaryDirectory(prefix="turnpike-oracle-") as folder:
        folder = pathlib.Path(folder)
        for size in SIZES:
            file = folder / f"{size}.bin"
            file.write_bytes(random.Random(size).randbytes(size))
            compare(f"{size} bytes", file)
            file.unlink()
        zeroes = folder / "zeroes.bin"
        zeroes.write_bytes(bytes(3 * MIB))
        compare("3 MiB of zeroes", zeroes)

        # The file of two leaf hashes has the root of the two-leaf file; the size must tell them apart.
        two = folder / "two_leaves.bin"
        two.write_bytes(random.Random(2).randbytes(32 * KIB))
        hashes = folder / "two_hashes.bin"
        data = two.read_bytes()
        hashes.write_bytes(b"".join(hashlib.sha256(data[i : i + 16 * KIB]).digest() for i in (0, 16 * KIB)))
        real, imitation = compare("two leaves", two), compare("their two hashes", hashes)
        if real[1] != imitation[1] or real[:2] == imitation[:2]:
            failed += 1
            print("the file of two leaf hashes: its root should be equal, its (size, root) should not")
    print(f"libtorrent {libtorrent.__version__}: {failed} differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
