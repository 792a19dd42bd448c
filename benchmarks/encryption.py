"""How fast files are encrypted, in how much memory: beside the library in memory, cp and openssl speed.

Run ``python benchmarks/encryption.py`` (about two minutes and 3.3 GB of disk; ``--help`` lists the options).
Five questions: a file of 1 GiB, encrypted, decrypted and verified; peak memory of a program that does so;
chunk sizes; what encryption costs DuckDB and Parquet; single values.

The share is that of the in-memory rate of the same library on one core, in the same run. Two workers share a
file, so the processor seconds stand beside the rate. 'write' creates a file of the same size, no encryption.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from cryptography.fernet import Fernet

from secure_ai.encrypt.fields import FieldCipher, decrypt_columns, encrypt_columns
from secure_ai.encrypt.files.throughput import (
    CHUNK_SIZES,
    Throughput,
    measure_throughput,
    openssl_speed,
    shown_size,
)
from secure_ai.encrypt.files.workers import WORKERS
from secure_ai.encrypt.key_rings import LocalKeyRing
from secure_ai.encrypt.stores import measure_stores

GOAL = 0.8

PROGRAM = """
import resource, sys
from secure_ai.encrypt.files import decrypt_file, encrypt_file, verify_file
from secure_ai.encrypt.key_rings.local import LocalKeyRing
ring = LocalKeyRing.in_memory("benchmark")
plain, sealed, back = sys.argv[1:]
encrypt_file(plain, sealed, ring, "benchmark")
verify_file(sealed, ring)
decrypt_file(sealed, back, ring)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def print_operations(found: Throughput) -> None:
    """Print one line per operation, with the share of the in-memory rate."""
    memory = found.timing("in memory")
    print(f"{'':<12}{'GB/s':>8}{'median':>8}{'share':>8}{'user s':>9}{'system s':>10}")
    for timing in found.timings:
        print(
            f"{timing.operation:<12}{timing.rate:>8.2f}{timing.median_rate:>8.2f}"
            f"{timing.rate / memory.rate:>8.0%}{timing.user_seconds:>9.3f}{timing.system_seconds:>10.3f}"
        )


def print_goal(found: Throughput) -> None:
    """Say for each reading of the goal whether it is reached."""
    memory = found.timing("in memory")
    print(f"Goal: {GOAL:.0%} of the in-memory rate of one core, {GOAL * memory.rate:.2f} GB/s")
    for operation, reading in (
        ("encrypt", "to a new file, wall clock"),
        ("decrypt", "to a new file, wall clock"),
        ("verify", "without writing, wall clock"),
        ("write", "writing such a file without encryption, for comparison"),
        ("copy", "copying such a file without encryption, for comparison"),
    ):
        timing = found.timing(operation)
        reached = "reached" if timing.rate >= GOAL * memory.rate else "not reached"
        print(f"  {operation:<9}{timing.rate / memory.rate:>5.0%}  {reached:<13}{reading}")
    encrypt, cipher = found.timing("encrypt"), memory.user_seconds + memory.system_seconds
    print(
        f"  encrypt's processor time in user mode: {encrypt.user_seconds:.3f} s, the cipher's alone: "
        f"{cipher:.3f} s; inside the system (page cache): {encrypt.system_seconds:.3f} s"
    )


def copy_rate(size: int, folder: Path, repeats: int) -> float | None:
    """Return GB a second of the program ``cp``, bytes copied and not shared; None where it is not there."""
    if shutil.which("cp") is None:
        return None
    source, target = folder / "plain", folder / "copy"
    with source.open("wb") as file:
        block = os.urandom(1 << 20)
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
    flags = ["--reflink=never"] if sys.platform == "linux" else []
    took = []
    for _ in range(repeats):
        target.unlink(missing_ok=True)
        os.sync()
        began = time.perf_counter()
        subprocess.run(["cp", *flags, str(source), str(target)], check=True)
        took.append(time.perf_counter() - began)
    return size / min(took) / 1e9


def peak_memory(size: int, folder: Path) -> float:
    """Return the peak memory, in MB, of a program that encrypts, verifies and decrypts ``size`` bytes."""
    source = folder / "sparse"
    source.touch()
    os.truncate(source, size)
    names = [str(folder / name) for name in ("sparse", "sealed", "back")]
    # Through a shell: the peak of this process would count for a child that it starts itself.
    code = [sys.executable, "-c", PROGRAM, *names]
    run = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", *code], capture_output=True, text=True, check=True
    )
    return int(re.findall(r"\d+", run.stdout)[-1]) / 1e6


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1 << 30, help="bytes of the large file")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on which disk; /dev/shm is none at all")
    parser.add_argument("--chunk-file", type=int, default=128 << 20, help="bytes of the file for chunk sizes")
    options = parser.parse_args()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{os.cpu_count()} processors{load}; {WORKERS} workers share a file. {openssl_speed().sentence()}\n"
    )

    found = measure_throughput((options.size,), CHUNK_SIZES[4:5], options.repeats, folder=options.folder)
    print(f"A file of {options.size:,} bytes in chunks of {shown_size(CHUNK_SIZES[4])}; quickest of "
          f"{options.repeats}, and median")  # fmt: skip
    print_operations(found)
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        copied = copy_rate(options.size, Path(place), options.repeats)
        if copied is not None:
            print(f"{'cp':<12}{copied:>8.2f}{'':>8}{copied / found.timing('in memory').rate:>8.0%}")
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        peak = peak_memory(options.size, Path(place))
    print(
        f"Peak memory of a program that encrypts, verifies and decrypts it: {peak:.0f} MB, imports included\n"
    )
    print_goal(found)

    chunks = measure_throughput(
        (options.chunk_file,), CHUNK_SIZES, options.repeats, folder=options.folder,
        operations=("encrypt", "decrypt", "verify"),
    )  # fmt: skip
    print(f"\nChunk sizes, a file of {options.chunk_file / 1e6:,.0f} MB, GB/s")
    print(f"{'chunk':<12}{'in memory':>11}{'encrypt':>10}{'decrypt':>10}{'verify':>10}")
    for size in CHUNK_SIZES:
        rates = [
            chunks.timing(name, None, size).rate for name in ("in memory", "encrypt", "decrypt", "verify")
        ]
        print(f"{shown_size(size):<12}{rates[0]:>11.2f}" + "".join(f"{rate:>10.2f}" for rate in rates[1:]))

    print_stores()
    print_fields()


def print_fields() -> None:
    """Print how many single values a second are encrypted and decrypted, beside the library's Fernet."""
    frame = pd.DataFrame({"id": range(100_000), "note": [f"value {i}" for i in range(100_000)]})
    cipher = FieldCipher(LocalKeyRing.in_memory("benchmark"), "benchmark", table="t")
    fernet = Fernet(Fernet.generate_key())
    start = time.process_time()
    sealed = encrypt_columns(frame, ["note"], cipher, row_key="id")
    middle = time.process_time()
    decrypt_columns(sealed, ["note"], cipher, row_key="id")
    end = time.process_time()
    tokens = [fernet.encrypt(note.encode()) for note in frame["note"]]
    peer = time.process_time()
    for token in tokens:
        fernet.decrypt(token)
    print("\nSingle values, thousand a processor second")
    print(f"{'':<12}{'ours':>8}{'Fernet':>8}")
    for name, ours, theirs in (
        ("encrypt", middle - start, peer - end),
        ("decrypt", end - middle, time.process_time() - peer),
    ):
        print(f"{name:<12}{len(frame) / ours / 1e3:>8.0f}{len(frame) / theirs / 1e3:>8.0f}")


def print_stores() -> None:
    """Print what encryption costs a database and a Parquet file, beside the same ones without it."""
    found = measure_stores(LocalKeyRing.in_memory("benchmark"), "benchmark", repeats=6)
    print(f"\nStores, a table of {found['rows'].iloc[0]:,} rows, million rows a second")
    print(f"{'':<18}{'plain':>8}{'encrypted':>11}{'ratio':>8}")
    for row in found.itertuples():
        name = f"{row.store} {row.operation}"
        print(f"{name:<18}{row.plain_rows_per_second / 1e6:>8.2f}"
              f"{row.encrypted_rows_per_second / 1e6:>11.2f}{row.ratio:>8.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
