"""Stored and sent files altered on purpose: bits, chunks and ends; what their reader says to each copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.encrypt.files.header import HEADER_BYTES, TAG_BYTES
from secure_ai.encrypt.files.operations import inspect_file, sealed_position

FEWEST_CHUNKS = 3


@dataclass(frozen=True)
class CopyTrial:
    """What came of reading one copy.

    Attributes:
        what: what was done to it.
        accepted: whether its reader took it for genuine.
        answer: the sentence of the refusal; empty if it was accepted.
    """

    what: str
    accepted: bool
    answer: str


@dataclass(frozen=True)
class CopyTrials:
    """Every copy tried, in the order given."""

    trials: tuple[CopyTrial, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per copy: ``what``, ``outcome`` ("accepted" or "refused"), ``answer``."""
        rows = [(t.what, "accepted" if t.accepted else "refused", t.answer) for t in self.trials]
        return pd.DataFrame(rows, columns=["what", "outcome", "answer"])

    def sentence(self) -> str:
        """Say how many were refused."""
        refused = sum(not trial.accepted for trial in self.trials)
        accepted = [trial.what for trial in self.trials if trial.accepted]
        rest = f"; accepted: {', '.join(accepted)}" if accepted else ""
        return f"{refused} of {len(self.trials)} copies were refused{rest}."


def try_copies(copies: Mapping[str, Path], read: Callable[[Path], object]) -> CopyTrials:
    """Read each copy and note what its reader says.

    Args:
        copies: what was done, in words → the copy.
        read: returns if the copy is genuine, and raises UserError if it is not.
    """
    trials = []
    for what, copy in copies.items():
        try:
            read(copy)
        except UserError as error:
            trials.append(CopyTrial(what, False, str(error)))
        else:
            trials.append(CopyTrial(what, True, ""))
    return CopyTrials(tuple(trials))


def flip_bit(source: Path | str, target: Path | str, position: int) -> Path:
    """Copy a file with the lowest bit of one byte flipped, and return the copy.

    Raises:
        UserError: if the file has no such byte.
    """
    content = bytearray(Path(source).read_bytes())
    if not 0 <= position < len(content):
        raise UserError(f"The file has {len(content):,} bytes, and none at {position:,}: name another place.")
    content[position] ^= 1
    return _written(target, bytes(content))


def altered_copies(sealed: Path | str, other: Path | str, folder: Path | str) -> dict[str, Path]:
    """Write altered copies of a file of :mod:`secure_ai.encrypt.files`, as one who stores it could.

    No key is needed: the places of the chunks follow from the head, which is open to read.

    Args:
        sealed: an encrypted file of at least three chunks; it stays as it is.
        other: another encrypted file with the same chunk size and at least two chunks, to take parts from.
        folder: where the copies go; made if need be.

    Returns:
        what was done, in words → the copy; the first is a faithful one.

    Raises:
        UserError: if a file is not encrypted, too short, or the chunk sizes differ.
    """
    info, donor = inspect_file(sealed), inspect_file(other)
    if info.chunks < FEWEST_CHUNKS or donor.chunks < FEWEST_CHUNKS - 1:
        raise UserError(
            f"{info.name} has {info.chunks} chunks and {donor.name} {donor.chunks}: at least "
            f"{FEWEST_CHUNKS} and {FEWEST_CHUNKS - 1} are needed, so encrypt them with smaller chunks."
        )
    if info.chunk_size != donor.chunk_size:
        raise UserError("The two files have chunks of different sizes: encrypt both with the same.")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    content, foreign = Path(sealed).read_bytes(), Path(other).read_bytes()
    size = info.chunk_size + TAG_BYTES
    first, second = (sealed_position(number, info.chunk_size) for number in (0, 1))
    last = sealed_position(info.chunks - 1, info.chunk_size)
    changed = {
        "two chunks exchanged": content[:first]
        + content[second : second + size]
        + content[first:second]
        + content[second + size :],
        "last chunk cut off": content[:last],
        "last byte cut off": content[:-1],
        "first chunk appended once more": content + content[first:second],
        "chunk of another file put in": content[:first] + foreign[first:second] + content[second:],
        "head of another file put on": foreign[:HEADER_BYTES] + content[HEADER_BYTES:],
    }
    copies = {"left as it was": Path(shutil.copyfile(sealed, place / "copy-0"))}
    copies["one bit flipped"] = flip_bit(sealed, place / "copy-1", second + size // 2)
    for number, (what, bytes_) in enumerate(changed.items(), start=2):
        copies[what] = _written(place / f"copy-{number}", bytes_)
    return copies


def _written(target: Path | str, content: bytes) -> Path:
    path = Path(target)
    path.write_bytes(content)
    return path
