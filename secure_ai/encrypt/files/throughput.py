"""How fast files are encrypted here, beside the same library in memory, a copy, and ``openssl speed``."""

from __future__ import annotations

import os
import platform
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.backends.openssl.backend import backend

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.figures import percent
from secure_ai.encrypt.files.chunks import ChunkCipher, check_chunk_size
from secure_ai.encrypt.files.header import DEFAULT_CHUNK_SIZE, HEADER_BYTES, TAG_BYTES
from secure_ai.encrypt.files.local_files import SourceFile, new_file
from secure_ai.encrypt.files.operations import decrypt_file, encrypt_file, verify_file
from secure_ai.encrypt.key_rings.local import LocalKeyRing

if TYPE_CHECKING:
    import pandas as pd

OPERATIONS = ("in memory", "read", "write", "copy", "encrypt", "decrypt", "verify")
"""In memory: AES-256-GCM of the same library, chunk by chunk, no file. Read, write, copy: no encryption."""

SEALED_SIZES = tuple(4096 << step for step in range(0, 11, 2))
CHUNK_SIZES = tuple(size - TAG_BYTES for size in SEALED_SIZES)
"""4 KiB to 4 MiB with their tags, so that each fills whole pages."""


@dataclass(frozen=True)
class Timing:
    """One operation, timed.

    Attributes:
        operation: one of :data:`OPERATIONS`.
        size: bytes of plaintext.
        chunk_size: bytes of plaintext in each chunk.
        seconds: wall-clock time of each repetition.
        user_seconds: processor time outside of the system, in the quickest repetition.
        system_seconds: processor time inside the system (page cache, disk), in the quickest repetition.
    """

    operation: str
    size: int
    chunk_size: int
    seconds: tuple[float, ...]
    user_seconds: float
    system_seconds: float

    @property
    def rate(self) -> float:
        """GB (10^9 bytes) a second in the quickest repetition: it was disturbed least."""
        return self.size / min(self.seconds) / 1e9

    @property
    def median_rate(self) -> float:
        """GB a second in the median repetition."""
        return self.size / statistics.median(self.seconds) / 1e9


@dataclass(frozen=True)
class Throughput:
    """What was timed on one machine.

    Attributes:
        timings: one for each operation, size and chunk size.
        library: the library that encrypts, with its version of OpenSSL.
    """

    timings: tuple[Timing, ...]
    library: str

    def timing(self, operation: str, size: int | None = None, chunk_size: int | None = None) -> Timing:
        """Return one timing; of the largest size and :attr:`main_chunk` unless told."""
        size = max(t.size for t in self.timings) if size is None else size
        chunk_size = self.main_chunk if chunk_size is None else chunk_size
        for timing in self.timings:
            if (timing.operation, timing.size, timing.chunk_size) == (operation, size, chunk_size):
                return timing
        raise UserError(f"'{operation}' was not timed with this size and chunk size: see to_frame().")

    @property
    def main_chunk(self) -> int:
        """The default chunk size where it was timed, else the largest."""
        timed = {timing.chunk_size for timing in self.timings}
        return DEFAULT_CHUNK_SIZE if DEFAULT_CHUNK_SIZE in timed else max(timed)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per timing.

        Columns: ``operation``, ``size`` and ``chunk_size`` (bytes), ``gb_per_second`` (quickest repetition),
        ``median_gb_per_second``, ``share_of_memory`` (of the rate in memory with the same chunk size),
        ``user_seconds``, ``system_seconds``.
        """
        import pandas as pd

        memory = {(t.size, t.chunk_size): t.rate for t in self.timings if t.operation == "in memory"}
        rows = [
            {
                "operation": t.operation,
                "size": t.size,
                "chunk_size": t.chunk_size,
                "gb_per_second": t.rate,
                "median_gb_per_second": t.median_rate,
                "share_of_memory": t.rate / memory[t.size, t.chunk_size],
                "user_seconds": t.user_seconds,
                "system_seconds": t.system_seconds,
            }
            for t in self.timings
        ]
        return pd.DataFrame(rows)

    def sentence(self) -> str:
        """Say what bounds the encryption of the largest file."""
        memory, encrypt = self.timing("in memory"), self.timing("encrypt")
        verify, copy, write = self.timing("verify"), self.timing("copy"), self.timing("write")
        slower = "writing a file" if write.rate < memory.rate else "the cipher"
        return (
            f"In memory {self.library} encrypts {memory.rate:.1f} GB a second in chunks of "
            f"{shown_size(encrypt.chunk_size)}; a file of {encrypt.size / 1e6:,.0f} MB is encrypted "
            f"at {encrypt.rate:.1f} ({percent(encrypt.rate / memory.rate)} of it), verified at "
            f"{verify.rate:.1f} ({percent(verify.rate / memory.rate)}), copied without encryption at "
            f"{copy.rate:.1f}, and written without reading or encrypting anything at {write.rate:.1f}: "
            f"{slower} is the slower part."
        )


@dataclass(frozen=True)
class OpenSSLSpeed:
    """What the program ``openssl`` reaches, with its own version of the library.

    Attributes:
        program: its name and version; "" where it is not installed.
        gb_per_second: AES-256-GCM in memory, on one core; None where it is not installed.
        block: bytes that it encrypts at a time.
        library: the version of OpenSSL that this kit encrypts with.
    """

    program: str
    gb_per_second: float | None
    block: int
    library: str

    def sentence(self) -> str:
        """Say it in words."""
        if self.gb_per_second is None:
            return f"The program openssl is not installed; this kit encrypts with {self.library}."
        return (
            f"{self.program} encrypts {self.gb_per_second:.1f} GB a second in blocks of "
            f"{shown_size(self.block)} (openssl speed); this kit encrypts with {self.library}."
        )


def measure_throughput(
    sizes: Sequence[int] = (32 << 20,),
    chunk_sizes: Sequence[int] = CHUNK_SIZES,
    repetitions: int = 3,
    *,
    operations: Sequence[str] = OPERATIONS,
    folder: str | Path | None = None,
) -> Throughput:
    """Time files of each size with each chunk size; the files are made for it and deleted.

    Each repetition goes through all operations, so that all see the same machine.

    Args:
        sizes: bytes of plaintext.
        chunk_sizes: bytes of plaintext in a chunk; an in-memory rate is always measured with the same.
        repetitions: how often each is timed; the quickest counts.
        operations: which of :data:`OPERATIONS`.
        folder: on which disk; the one for temporary files if None.

    Raises:
        UserError: if an argument is not valid, or the folder cannot be written.
    """
    if (
        not sizes
        or min(sizes) < 1
        or not chunk_sizes
        or repetitions < 1
        or not set(operations) <= set(OPERATIONS)
    ):
        raise UserError(
            "Throughput is measured with sizes and repetitions above 0 and these operations: "
            f"{', '.join(OPERATIONS)}."
        )
    for chunk_size in chunk_sizes:
        check_chunk_size(chunk_size)
    wanted = [name for name in OPERATIONS if name in {"in memory", *operations}]
    timings = []
    try:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            for size in sizes:
                source = Path(place, "plain")
                _write_random(source, size)
                for chunk_size in chunk_sizes:
                    timings += _time_all(wanted, source, size, chunk_size, repetitions)
    except OSError as error:
        raise UserError(
            f"The files to measure with cannot be written ({system_reason(error)}): name another folder."
        ) from None
    return Throughput(tuple(timings), library_versions())


def openssl_speed(block: int = 1 << 20, seconds: int = 1) -> OpenSSLSpeed:
    """Run ``openssl speed`` for AES-256-GCM on one core, where the program is installed."""
    absent = OpenSSLSpeed("", None, block, library_versions())
    program = shutil.which("openssl")
    if program is None:
        return absent
    name = _output([program, "version"], 10)
    options = ["-mr", "-evp", "aes-256-gcm", "-bytes", str(block), "-seconds", str(seconds)]
    printed = _output([program, "speed", *options], 30 + seconds)
    rates = [line.split(":")[-1] for line in printed.splitlines() if line.startswith("+F:")]
    if not name or not rates:
        return absent
    return OpenSSLSpeed(" ".join(name.split()[:2]), float(rates[-1]) / 1e9, block, library_versions())


def library_versions() -> str:
    """Return the names and versions of what encrypts here."""
    return (
        f"cryptography {version('cryptography')} with {' '.join(backend.openssl_version_text().split()[:2])}"
    )


def shown_size(size: int) -> str:
    """Show a chunk size; one that fills whole KiB with its tag is named by them.

    >>> shown_size(4080), shown_size(1 << 20), shown_size(1000)
    ('4 KiB', '1 MiB', '1,000 bytes')
    """
    for whole in (size, size + TAG_BYTES):
        if whole % (1 << 20) == 0:
            return f"{whole >> 20} MiB"
        if whole % 1024 == 0:
            return f"{whole >> 10} KiB"
    return f"{size:,} bytes"


def _time_all(
    wanted: Sequence[str], source: Path, size: int, chunk_size: int, repetitions: int
) -> list[Timing]:
    ring = LocalKeyRing.in_memory("throughput")
    sealed, target = source.with_name("sealed"), source.with_name("target")
    encrypt_file(source, sealed, ring, "throughput", chunk_size=chunk_size)
    jobs: dict[str, Callable[[], object]] = {
        "in memory": _in_memory(size, chunk_size),
        "read": lambda: _read(source, size, chunk_size),
        "write": lambda: _write(target, size, chunk_size),
        "copy": lambda: shutil.copyfile(source, target),
        "encrypt": lambda: encrypt_file(source, target, ring, "throughput", chunk_size=chunk_size),
        "decrypt": lambda: decrypt_file(sealed, target, ring),
        "verify": lambda: verify_file(sealed, ring),
    }
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in wanted}
    for _ in range(repetitions):
        for name in wanted:
            target.unlink(missing_ok=True)
            _settle()
            runs[name].append(_timed(jobs[name]))
    target.unlink(missing_ok=True)
    sealed.unlink()
    return [
        Timing(name, size, chunk_size, tuple(run[0] for run in found), *min(found)[1:])
        for name, found in runs.items()
    ]


def _timed(job: Callable[[], object]) -> tuple[float, float, float]:
    user, system = _processor_seconds()
    began = time.perf_counter()
    job()
    wall = time.perf_counter() - began
    user_after, system_after = _processor_seconds()
    return wall, user_after - user, system_after - system


def _processor_seconds() -> tuple[float, float]:
    if platform.system() == "Windows":
        used = os.times()
        return used.user, used.system
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


def _settle() -> None:
    # What was written before must not be carried to the disk while the next operation is timed.
    if hasattr(os, "sync"):
        os.sync()


def _in_memory(size: int, chunk_size: int) -> Callable[[], None]:
    """Return a job that encrypts ``size`` bytes in buffers that are in memory already."""
    cipher = ChunkCipher(bytes(32))
    plain, sealed = memoryview(bytearray(chunk_size)), memoryview(bytearray(chunk_size + TAG_BYTES))
    cipher.seal_into(0, False, plain, sealed)

    def encrypt() -> None:
        full, rest = divmod(size, chunk_size)
        for number in range(full):
            cipher.seal_into(number, False, plain, sealed)
        cipher.seal_into(full, True, plain[:rest], sealed[: rest + TAG_BYTES])

    return encrypt


def _read(source: Path, size: int, chunk_size: int) -> None:
    plain = memoryview(bytearray(chunk_size))
    with SourceFile(source) as file:
        for position in range(0, size, chunk_size):
            file.read_into(plain[: size - position], position)


def _write(target: Path, size: int, chunk_size: int) -> None:
    plain = memoryview(bytearray(chunk_size))
    with new_file(target, reserve=HEADER_BYTES + size) as draft:
        for position in range(0, size, chunk_size):
            draft.write(plain[: size - position], position)


def _write_random(target: Path, size: int) -> None:
    block = random.Random(0).randbytes(min(size, 1 << 20))
    with target.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])


def _output(command: list[str], seconds: float) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout if run.returncode == 0 else ""
