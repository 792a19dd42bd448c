"""Many records in one message: a table as JSON, with the purpose of use that its sender declares."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from secure_ai.encrypt.transport.messages import MAX_FIELDS, BadMessage, plain_value, read_object

Value = str | int | float | bool | None
LONGEST_NAME = 200
_TYPES = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True)
class Batch:
    """Records of the same fields.

    Attributes:
        columns: their names.
        rows: one list of values for each record, in the order of ``columns``; not shown by ``repr``.
        purpose: what the answers are for, as the caller declares it; empty where none is declared.
    """

    columns: tuple[str, ...]
    rows: list[list[Value]] = field(repr=False)
    purpose: str = ""

    def __len__(self) -> int:
        return len(self.rows)


def batch_to_json(columns: Sequence[str], rows: Iterable[Sequence], purpose: str = "") -> bytes:
    """Return records as JSON: text, numbers, truth values; dates as ISO 8601; what is missing as null.

    Raises:
        BadMessage: if a value is something else (its row and column are named by their place).
    """
    made = []
    for number, row in enumerate(rows, start=1):
        values = [value if type(value) in (str, int, bool) else plain_value(value) for value in row]
        if not set(map(type, values)) <= _TYPES or len(values) != len(columns):
            raise BadMessage(
                f"Row {number} holds something that is no text, number, date or truth value, or has not "
                f"{len(columns)} values: convert it or leave it out."
            )
        made.append(values)
    fields = {"purpose": purpose, "columns": [str(name) for name in columns], "rows": made}
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()


def batch_from_json(body: bytes, most_rows: int) -> Batch:
    """Read records from the bytes of a request.

    Raises:
        BadMessage: if they are no such table, a number is not finite, or there are more than ``most_rows``.
    """
    fields = read_object(body)
    columns, rows, purpose = (fields.get(name) for name in ("columns", "rows", "purpose"))
    purpose = "" if purpose is None else purpose
    if set(fields) - {"columns", "rows", "purpose"} or not isinstance(purpose, str):
        raise BadMessage("A batch has columns, rows and a purpose, and nothing else.")
    if (
        not isinstance(columns, list)
        or not 0 < len(columns) <= MAX_FIELDS
        or not all(isinstance(name, str) and 0 < len(name) <= LONGEST_NAME for name in columns)
        or len(set(columns)) != len(columns)
    ):
        raise BadMessage(f"The columns are up to {MAX_FIELDS:,} different names.")
    if not isinstance(rows, list) or not rows or len(rows) > most_rows:
        raise BadMessage(f"A batch has 1 to {most_rows:,} rows: send more of them in further batches.")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(columns) or not set(map(type, row)) <= _TYPES:
            raise BadMessage(f"Row {number} has not one plain value for each of {len(columns)} columns.")
        if any(type(value) is float and not math.isfinite(value) for value in row):
            raise BadMessage(f"A number in row {number} is not finite.")
    return Batch(tuple(columns), rows, purpose[:LONGEST_NAME])
