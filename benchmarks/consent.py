"""What the consent gate costs: the same million rows read with it and without it."""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core.sources import open_source
from secure_ai.govern.consent import ConsentGate, ConsentLedger, ConsentText

PURPOSE = "research"


def best_of(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """Return the shortest wall time of some runs in seconds, and the last result."""
    seconds, result = [], None
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def measure(rows: int, people: int, consenting: int, folder: Path) -> pd.DataFrame:
    """Return one row a way of reading: seconds without the gate, with it, and the ratio."""
    rng = np.random.default_rng(1)
    keys = rng.integers(0, people, rows)
    table = pd.DataFrame(
        {
            "patient_id": np.char.add("P", keys.astype(str)),
            "age": rng.integers(0, 90, rows),
            "value": rng.normal(size=rows),
            "code": rng.choice(["A", "B", "C"], rows),
        }
    )
    path = folder / "visits.parquet"
    table.to_parquet(path)
    ledger = ConsentLedger.create(
        folder / "consent.db",
        key=secrets.token_bytes(32),
        witness=folder / "witness.jsonl",
        purposes="healthcare",
        actor="benchmark",
    )
    text = ConsentText("leaflet", "1", "What the records are used for.", (PURPOSE,))
    start = time.perf_counter()
    ledger.give_all([f"P{n}" for n in range(consenting)], PURPOSE, text=text, actor="benchmark")
    together = (time.perf_counter() - start) / consenting
    each, _ = best_of(lambda: ledger.give("P0", PURPOSE, text=text, actor="benchmark"), 5)
    gate = ConsentGate(ledger)
    source = open_source(path)
    plain, frame = best_of(source.to_pandas)
    gated, reading = best_of(lambda: gate.read(source, PURPOSE, "analyst", person="patient_id"))
    assert reading.rows + reading.left_out == len(frame) == rows
    assert reading.rows == int((keys < consenting).sum())
    mask = keys < consenting
    again, _ = best_of(lambda: reading.frame)
    copied, _ = best_of(reading._frame.copy)
    sql = "SELECT code, count(*), avg(value) FROM visits GROUP BY code"
    gate.register("visits", path, person="patient_id")
    bare, _ = best_of(lambda: open_source(path).sql(sql.replace("visits", "source")).df())
    first, _ = best_of(lambda: gate.query(sql, PURPOSE, "analyst").frame, 1)
    kept, _ = best_of(lambda: gate.query(sql, PURPOSE, "analyst").frame)
    asked, _ = best_of(lambda: ledger.allowed(["P0"], PURPOSE), 20)
    opened, _ = best_of(ledger.verify, 1)
    return pd.DataFrame(
        [
            ("read a Parquet file into a frame", plain, gated),
            ("filter a frame (without: by a mask at hand)", best_of(lambda: frame[mask])[0], best_of(
                lambda: gate.read(frame, PURPOSE, "analyst", person="patient_id"))[0]),
            ("look at a reading again", copied, again),
            ("SQL, first query", bare, first),
            ("SQL, further query at the same epoch", bare, kept),
            ("one question to the ledger", np.nan, asked),
            ("one consent recorded (ledger and witness on disk)", np.nan, each),
            ("one of many recorded together", np.nan, together),
            (f"whole chain checked again ({ledger.epoch.sequence:,} events)", np.nan, opened),
        ],
        columns=["work", "without, s", "with gate, s"],
    ).assign(ratio=lambda t: t["with gate, s"] / t["without, s"])  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=22_000)
    parser.add_argument("--consenting", type=int, default=20_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = measure(arguments.rows, arguments.people, arguments.consenting, Path(folder))
    print(f"{arguments.rows:,} rows of {arguments.people:,} people, {arguments.consenting:,} of whom consent")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4f}"))


if __name__ == "__main__":
    main()
