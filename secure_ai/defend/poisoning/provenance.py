"""Where each training row comes from: batches signed by their source, verified before training.

A source signs the digests of its rows with its own Ed25519 key. Before training every row must be one that
its source signed: an altered, added or repeated row is named, and so is a batch that is missing, sent twice
or signed by somebody else. A signature says who sent a row, not that the row is right: with
:func:`~secure_ai.defend.poisoning.leave_one_source_out` it says whom to ask.

Digests of rows with few possible values can be guessed: keep the list of digests where the rows are kept.

Source: RFC 8032 (Ed25519); FIPS 180-4 (SHA-256).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_directory
from secure_ai.core.sources import shown
from secure_ai.encrypt.transport.packages.errors import PackageError
from secure_ai.encrypt.transport.packages.manifest import sign, signed_by
from secure_ai.encrypt.transport.public_keys import read_public_line

PURPOSE = "training rows"
MOST_NAMED = 5
FILES = ("rows.parquet", "manifest.json", "manifest.sig")
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ProvenanceError(UserError):
    """Rows that may not be trained on, because their origin is not proven."""


class BatchManifest(BaseModel):
    """What a source signs.

    Attributes:
        source: who sends the rows.
        number: of the batch, counted from 1 for each source.
        columns: of the rows, in order.
        digests: SHA-256 of each row, in order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["secure-ai training rows 1"] = "secure-ai training rows 1"
    source: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    number: Annotated[int, Field(ge=1)]
    columns: list[str]
    digests: list[Digest]


@dataclass(frozen=True)
class SignedBatch:
    """Rows with the list of their digests and its signature.

    Attributes:
        rows: as they are now; whether they are as signed is what verifying says.
        manifest: bytes of the :class:`BatchManifest`.
        signature: one line.
    """

    rows: pd.DataFrame
    manifest: bytes
    signature: bytes

    def save(self, folder: str | Path) -> Path:
        """Write rows.parquet, manifest.json and manifest.sig into ``folder``; a previous one is replaced.

        Raises:
            UserError: if it cannot be written.
        """
        target = Path(folder)
        with atomic_directory(target) as draft:
            self.rows.to_parquet(draft / FILES[0], index=False)
            (draft / FILES[1]).write_bytes(self.manifest)
            (draft / FILES[2]).write_bytes(self.signature)
        return target

    @classmethod
    def load(cls, folder: str | Path) -> SignedBatch:
        """Read what :meth:`save` wrote; nothing is verified yet.

        Raises:
            ProvenanceError: if a file is missing or cannot be read.
        """
        place = Path(folder)
        try:
            rows = pd.read_parquet(place / FILES[0])
            return cls(rows, (place / FILES[1]).read_bytes(), (place / FILES[2]).read_bytes())
        except Exception as error:
            raise ProvenanceError(
                f"The batch {shown(place.name)} cannot be read ({type(error).__name__}): a batch is a folder "
                f"with {', '.join(FILES)}; ask its source for it again."
            ) from None


@dataclass(frozen=True)
class BatchCheck:
    """What verifying a batch found.

    Attributes:
        source: who signed it; "" where that is not proven.
        number: of the batch; 0 where not proven.
        reason: why nothing of it may be used; "" where the list of digests is proven.
        foreign: (n,) places of rows that are not as signed: altered, added, or repeated.
        missing: (n,) places, in the signed list, of rows that are no longer there.
        rows: how many rows there are now.
    """

    source: str
    number: int
    reason: str
    foreign: np.ndarray
    missing: np.ndarray
    rows: int

    @property
    def intact(self) -> bool:
        """Whether all rows are there as signed, and no other."""
        return not self.reason and not len(self.foreign) and not len(self.missing)

    def sentence(self) -> str:
        """Say whether the batch may be used, and which rows are not as signed (by place, never by value)."""
        if self.reason:
            return self.reason
        name = f"Batch {self.number} of {shown(self.source)}"
        if self.intact:
            return f"{name}: all {self.rows:,} rows are as signed."
        parts = []
        if len(self.foreign):
            parts.append(f"{_places(self.foreign)} not as signed")
        if len(self.missing):
            parts.append(f"{_places(self.missing)} of the signed list no longer there")
        return f"{name}: {'; '.join(parts)}. Ask the source for the batch again."


@dataclass(frozen=True)
class VerifiedRows:
    """Training rows whose origin is proven.

    Attributes:
        rows: the rows of all batches, one after the other.
        origin: one row for each: ``source``, ``batch``, ``row`` (place in the batch), ``digest``.
        checks: what verifying each batch found.
    """

    rows: pd.DataFrame
    origin: pd.DataFrame
    checks: tuple[BatchCheck, ...]

    def sentence(self) -> str:
        """Say how many rows are proven, and how many were left out."""
        left_out = sum(check.rows for check in self.checks) - len(self.rows)
        text = (
            f"{len(self.rows):,} rows of {self.origin['source'].nunique()} sources are as these signed them"
        )
        return f"{text}; {left_out:,} rows were left out." if left_out else f"{text}."


def row_digests(rows: pd.DataFrame) -> list[str]:
    """Return the SHA-256 of each row: of the names and values of its columns, whatever its place.

    A whole number has one form, 5 and 5.0 alike; a missing value is null; times are written as ISO 8601.

    Raises:
        UserError: if a column's name is no text or stands twice, or a value is none that a table holds.
    """
    names = list(rows.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise UserError("Training rows need columns with distinct names: name them before they are signed.")
    columns = [[_plain(value, name) for value in rows[name].tolist()] for name in names]
    head = json.dumps(names, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
    return [
        hashlib.sha256(head + json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
        for row in zip(*columns, strict=True)
    ]


def sign_batch(rows: pd.DataFrame, *, source: str, number: int, key: Ed25519PrivateKey) -> SignedBatch:
    """Sign training rows, with their label among the columns.

    Args:
        rows: what is sent.
        source: who sends it.
        number: of the batch, counted from 1 for each source.
        key: the source's private signing key (``encrypt.transport.public_keys.load_private_key``).

    Raises:
        UserError: if there is no row, or the rows, the name or the number cannot be signed.
    """
    if not len(rows):
        raise UserError("A batch without rows proves nothing: give one row or more.")
    try:
        manifest = BatchManifest(
            source=source,
            number=number,
            columns=[str(name) for name in rows.columns],
            digests=row_digests(rows),
        )
    except ValidationError:
        raise UserError(
            "Give the source's name (up to 200 characters) and the batch's number from 1."
        ) from None
    raw = json.dumps(manifest.model_dump(), sort_keys=True, separators=(",", ":")).encode()
    return SignedBatch(rows.reset_index(drop=True), raw, sign(PURPOSE, raw, key))


def verify_batch(batch: SignedBatch, trusted: Mapping[str, str]) -> BatchCheck:
    """Verify one batch; nothing of it is believed before its signature.

    Args:
        batch: rows, list and signature as they came.
        trusted: for each source its public signing key, one line (``ed25519:...``).

    Raises:
        OrganizationKeyError: if a line of ``trusted`` is no key.
    """
    none = np.zeros(0, dtype=int)

    def refused(reason: str) -> BatchCheck:
        return BatchCheck("", 0, reason, none, none, len(batch.rows))

    keys = {name: read_public_line(line, "ed25519") for name, line in trusted.items()}
    try:
        signer = signed_by(PURPOSE, batch.manifest, batch.signature, keys)
        manifest = BatchManifest.model_validate_json(batch.manifest)
    except PackageError as error:
        return refused(f"The origin of a batch of {len(batch.rows):,} rows is not proven. {error}")
    except ValidationError:
        return refused("The signed list of a batch is of another format: ask its source to sign it again.")
    if manifest.source != signer:
        return refused(f"A batch says that it comes from another source than {shown(signer)}, who signed it.")
    try:
        digests = row_digests(batch.rows)
    except UserError as error:
        return refused(str(error))
    signed = Counter(manifest.digests)
    foreign = []
    for place, digest in enumerate(digests):
        if signed[digest] > 0:
            signed[digest] -= 1
        else:
            foreign.append(place)
    present = Counter(digests)
    missing = []
    for place, digest in enumerate(manifest.digests):
        if present[digest] > 0:
            present[digest] -= 1
        else:
            missing.append(place)
    return BatchCheck(
        signer, manifest.number, "", np.array(foreign, dtype=int), np.array(missing, dtype=int), len(digests)
    )


def verify_batches(
    batches: Sequence[SignedBatch], trusted: Mapping[str, str], *, leave_out: bool = False
) -> VerifiedRows:
    """Return the rows that may be trained on, each with its origin.

    Args:
        batches: all batches of the training data.
        trusted: for each source its public signing key, one line.
        leave_out: leave out rows and batches that are not as signed; else they are an error.

    Raises:
        ProvenanceError: if a batch is not proven, a row is not as signed (its place is named), a batch comes
            twice, or one of a source's numbers is missing; with ``leave_out`` only if no row remains.
    """
    checks = [verify_batch(batch, trusted) for batch in batches]
    problems = [check.sentence() for check in checks if not check.intact]
    seen: set[tuple[str, int]] = set()
    parts, origins = [], []
    for batch, check in zip(batches, checks, strict=True):
        if check.reason:
            continue
        if (check.source, check.number) in seen:
            problems.append(f"Batch {check.number} of {shown(check.source)} comes twice: use it once.")
            continue
        seen.add((check.source, check.number))
        kept = np.setdiff1d(np.arange(check.rows), check.foreign)
        rows = batch.rows.iloc[kept]
        parts.append(rows)
        origins.append(
            pd.DataFrame(
                {"source": check.source, "batch": check.number, "row": kept, "digest": row_digests(rows)}
            )
        )
    for source in sorted({source for source, _ in seen}):
        numbers = {number for name, number in seen if name == source}
        gaps = sorted(set(range(1, max(numbers) + 1)) - numbers)
        if gaps:
            problems.append(f"Batch {gaps[0]} of {shown(source)} is missing: ask the source for it.")
    if problems and not leave_out:
        more = f" ({len(problems) - 1} more problems.)" if len(problems) > 1 else ""
        raise ProvenanceError(f"These rows may not be trained on. {problems[0]}{more}")
    if not parts or not sum(map(len, parts)):
        raise ProvenanceError("No row has a proven origin: there is nothing to train on.")
    return VerifiedRows(
        pd.concat(parts, ignore_index=True), pd.concat(origins, ignore_index=True), tuple(checks)
    )


def _plain(value: Any, column: str) -> Any:
    """Return a value in its one form for JSON: null, true, a number, or text."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isnan(number):
            return None
        if abs(number) == float("inf"):
            raise UserError(f"Column '{column}' holds infinite values: leave those rows out.")
        return int(number) if number.is_integer() else number
    if isinstance(value, str):
        return value
    if hasattr(value, "isoformat"):
        return {"time": value.isoformat()}
    raise UserError(
        f"Column '{column}' holds values of type {type(value).__name__}: use text, numbers or times."
    )


def _places(places: np.ndarray) -> str:
    named = ", ".join(str(place) for place in places[:MOST_NAMED])
    more = f" and {len(places) - MOST_NAMED:,} more" if len(places) > MOST_NAMED else ""
    return f"row {named} is" if len(places) == 1 else f"rows {named}{more} are"
