"""What travels beside the sealed table: its schema, purpose, legal basis, contract and dates; no values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from secure_ai.core.yaml_files import Strict
from secure_ai.govern.handover.refusals import HandoverRefused

FORMAT = "secure-ai hand-over 1"
DETAILS, TABLE, SEALED = "handover.json", "data.parquet", "data.parquet.sealed"
_BLOCK = 1 << 20
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Column(Strict):
    """A column that is handed over: its name, Arrow type, and why the purpose needs it."""

    name: Text
    type: Text
    why: Text


class HandoverDetails(Strict):
    """What the vendor may do with what, until when; the package's signature covers it.

    Attributes:
        contract: its number.
        purpose, description: what for.
        legal_basis: framework ids.
        sender, recipient: who hands over, to whom.
        contact: where questions and incidents go.
        prepared: the day.
        retention_until: the last day on which the vendor may keep the data.
        receipt_due, destruction_due: when the receipt and the destruction certificate must be there.
        policy, standard: the de-identification policy and its legal standard.
        filters: which rows, in words.
        rows: how many.
        k: least class size over ``quasi_identifiers``, as measured; None where the purpose asks for none.
        quasi_identifiers: over which columns.
        columns: in the order of the table.
        sha256, size: of the table before it was sealed.
    """

    format: Literal["secure-ai hand-over 1"] = FORMAT
    contract: Text
    purpose: Text
    description: Text
    legal_basis: tuple[Text, ...]
    sender: Text
    recipient: Text
    contact: Text
    prepared: date
    retention_until: date
    receipt_due: date
    destruction_due: date
    policy: Text
    standard: Text
    filters: tuple[str, ...] = ()
    rows: Annotated[int, Field(ge=1)]
    k: int | None = None
    quasi_identifiers: tuple[Text, ...] = ()
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=1)]

    def to_bytes(self) -> bytes:
        """Return it as JSON for people and programs."""
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True).encode() + b"\n"

    def context(self) -> dict[str, str]:
        """Return what the sealed table is bound to: it does not open under another contract or purpose."""
        return {"contract": self.contract, "purpose": self.purpose, "prepared": self.prepared.isoformat()}


def read_details(raw: bytes) -> HandoverDetails:
    """Read what came with a package whose signature was verified.

    Raises:
        HandoverRefused: if it is no description of a hand-over.
    """
    try:
        return HandoverDetails.model_validate_json(raw)
    except ValidationError:
        raise HandoverRefused(
            f"The package's {DETAILS} describes no hand-over: ask the sender for it again."
        ) from None


def schema_of(path: Path) -> list[tuple[str, str]]:
    """Return name and type of the columns of a Parquet file.

    Raises:
        HandoverRefused: if it is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return [(field.name, str(field.type)) for field in pq.read_schema(path)]
    except (pa.ArrowException, OSError):
        raise HandoverRefused("What was sealed is no Parquet table: do not use it, ask the sender.") from None


def require_schema(found: Sequence[tuple[str, str]], listed: Sequence[Column]) -> None:
    """Compare the columns of a table with those that are listed.

    Raises:
        HandoverRefused: naming how many are extra, missing or of another type or order; an extra column is
            not named, for its name could be anything.
    """
    expected = [(column.name, column.type) for column in listed]
    if list(found) == expected:
        return
    names, wanted = [name for name, _ in found], [name for name, _ in expected]
    if extra := [name for name in names if name not in wanted]:
        raise HandoverRefused(
            f"The table has {len(extra)} column(s) that are not in the manifest: do not use it."
        )
    if missing := [name for name in wanted if name not in names]:
        raise HandoverRefused(
            f"The table lacks the column {missing[0]} of the manifest: ask the sender for it again."
        )
    raise HandoverRefused(
        "The table's columns have another order or type than the manifest says: do not use it."
    )


def digest(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the size of a file."""
    found, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
            size += len(block)
    return found.hexdigest(), size
