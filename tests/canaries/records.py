"""A patient and a customer that nobody is, as the rooms take them: a record, a table, a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .planted import PERSONAL

COLUMNS = ("name", "ssn", "diagnosis", "note", "card number", "iban")


def record() -> dict[str, object]:
    """One record with every personal canary in it."""
    return {"patient_id": "P000001", "age": 71, **PERSONAL}


def table(rows: int = 40) -> pd.DataFrame:
    """A table in which every third row is planted."""
    plain = {name: f"nothing planted {name}" for name in COLUMNS}
    return pd.DataFrame(
        [
            {"patient_id": f"P{number:06d}", **(PERSONAL if number % 3 == 0 else plain)}
            for number in range(rows)
        ]
    )


def text_file(folder: Path, size: int = 1 << 20) -> Path:
    """A file of ``size`` bytes with every personal canary at its start, in its middle and at its end."""
    planted = "\n".join(PERSONAL.values()).encode()
    path = folder / "letters.txt"
    filler = bytes(max(0, size // 2 - 2 * len(planted)))
    path.write_bytes(planted + filler + planted + filler + planted)
    return path
