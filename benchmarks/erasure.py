"""Erase people from a hospital of a million rows, and search every byte of it for them afterwards.

Beside it, what is usually done: rewrite every table with pandas, without the person's rows. Both are searched
with the same search, which is run before the erasure, too: a search that finds nothing then proves nothing.
Run: .venv/bin/python benchmarks/erasure.py [patients] [people to erase]
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from secure_ai.govern.estate import Estate, Subject, build_estate
from secure_ai.govern.estate.search import Traces, search_files
from secure_ai.govern.estate.statistics import without
from synthetic_data import load

DAY = date(2026, 3, 1)


def people(tables: Mapping[str, pd.DataFrame], count: int) -> list[str]:
    """Return keys: the person with most notes, messages and training rows first, then some at random."""
    texts = pd.concat([tables[name]["patient_id"] for name in ("notes", "messages", "readmissions")])
    known = texts.value_counts()
    first = min(known.index[known == known.max()])
    keys = np.random.default_rng(7).permutation(tables["patients"]["patient_id"].to_numpy())
    return list(dict.fromkeys([first, *keys[:count]]))[:count]


def with_mentions(tables: Mapping[str, pd.DataFrame], keys: list[str]) -> dict[str, pd.DataFrame]:
    """Return the tables with each person written into two notes of others, before any backup is made.

    Once in capitals with the telephone, as relatives are; once by the bare name.
    """
    notes, patients = tables["notes"].copy(), tables["patients"].set_index("patient_id")
    for number, key in enumerate(keys):
        first, last, phone = patients.loc[key, ["first_name", "last_name", "phone"]]
        others = notes.index[~notes["patient_id"].isin(keys)]
        beside, bare = others[2 * number], others[2 * number + 1]
        notes.loc[beside, "text"] += (
            f" Brought in by {first.upper()} {last.upper()}, {phone.replace('-', ' ')}."
        )
        notes.loc[bare, "text"] += f" Asked about {first} {last}."
    return {**tables, "notes": notes}


def with_pandas(folder: Path, key: str) -> float:
    """Rewrite every table of a copy of the estate without the person's rows; return seconds."""
    start = time.perf_counter()
    with closing(sqlite3.connect(folder / "hospital.sqlite")) as connection:
        named = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (table,) in connection.execute(named).fetchall():
            frame = pd.read_sql(f'SELECT * FROM "{table}"', connection)
            if "patient_id" in frame:
                frame[frame["patient_id"] != key].to_sql(table, connection, index=False, if_exists="replace")
        connection.commit()
    import duckdb

    with closing(duckdb.connect(str(folder / "hospital.duckdb"))) as connection:
        frame = connection.execute("SELECT * FROM claims").df()
        connection.register("rest", frame[frame["patient_id"] != key])
        connection.execute("CREATE OR REPLACE TABLE claims AS SELECT * FROM rest")
    for path in (*folder.glob("extracts/*.parquet"), *folder.glob("training/*.csv")):
        reader, writer = (
            (pd.read_parquet, "to_parquet") if path.suffix == ".parquet" else (pd.read_csv, "to_csv")
        )
        frame = reader(path)
        getattr(frame[frame["patient_id"] != key], writer)(path, index=False)
    return time.perf_counter() - start


def places(found: Traces) -> str:
    """Return how many traces there are, in how many files."""
    files = {trace.file for trace in found.found}
    return f"{sum(trace.count for trace in found.found):,} in {len(files):,}" if files else "none"


def main(patients: int = 22_000, count: int = 3) -> None:
    """Print one table: seconds, traces before and after, statistics and backups, ours and the peer's."""
    tables = load("healthcare", rows=patients, seed=1).tables
    rows = sum(map(len, tables.values()))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "hospital"
        start = time.perf_counter()
        keys = people(tables, count)
        estate = build_estate(folder, "healthcare", with_mentions(tables, keys), seed=1)
        built = time.perf_counter() - start
        size = sum(path.stat().st_size for path in estate.files())
        print(
            f"{rows:,} rows of {patients:,} patients, {len(estate.files()):,} files, {size / 1e6:,.0f} MB "
            f"(built in {built:.0f} s); {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
        )
        copy = Path(place) / "copy"
        shutil.copytree(folder, copy)
        print(
            f"{'':<10}{'records':>9}{'mentions':>9}{'erase s':>9}{'search s':>9}{'traces before':>16}"
            f"{'after':>8}  {'statistics':<11}{'others restored':>15}"
        )
        subjects = [estate.subject(key) for key in keys]
        for number, subject in enumerate(subjects, start=1):
            ours(estate, subject, number)
        first = subjects[0]
        seconds = with_pandas(copy, first.key)
        left = search_files([path for path in copy.rglob("*") if path.is_file()], first, root=copy)
        print(f"{'pandas':<10}{'':>9}{'':>9}{seconds:>9.1f}{'':>9}{'':>16}{places(left):>16}")


def ours(estate: Estate, subject: Subject, number: int) -> None:
    """Erase one person and print the line of the table."""
    statistics, backup = estate.store("statistics"), estate.store("nightly backup")
    before = estate.search(subject)
    expected = without(statistics.read(), statistics.part_of(subject))
    copies = sum(1 for _ in backup.restore())
    start = time.perf_counter()
    receipt = estate.erase(subject, today=DAY, reference=f"R-{number}")
    whole = time.perf_counter() - start
    search = receipt.seconds["search"]
    told = "exact" if statistics.read() == expected else "WRONG"
    restored = sum(1 for _ in backup.restore())
    others = f"{restored:,} of {copies - 1:,}"
    print(
        f"{f'person {number}':<10}{receipt.records:>9,}{receipt.mentions:>9,}{whole - search:>9.1f}"
        f"{search:>9.1f}{places(before):>16}{places(receipt.traces):>8}  {told:<11}{others:>15}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
