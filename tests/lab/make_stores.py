#!/usr/bin/python3
"""Writes stores of random bytes and prints {id: SHA-256 of the file} as JSON. Ids are random: nothing may rely
on a relation between an id and its bytes.
Usage: make_stores.py FOLDER SEED SIZE..
"""

import hashlib
import json
import os
import random
import sys

BLOCK = 8 << 20


def make_store(folder, rng, size):
    digest, name, part = hashlib.sha256(), rng.randbytes(32).hex(), os.path.join(folder, ".making")
    with open(part, "wb") as file:
        while size > 0:
            block = rng.randbytes(min(size, BLOCK))
            digest.update(block)
            file.write(block)
            size -= len(block)
    os.rename(part, os.path.join(folder, f"{name}.dig"))
    return name, digest.hexdigest()


def main(folder, seed, *sizes):
    rng = random.Random(int(seed))
    print(json.dumps(dict(make_store(folder, rng, int(size)) for size in sizes)))


if __name__ == "__main__":
    main(*sys.argv[1:])
