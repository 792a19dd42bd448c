"""How fast a table is examined, and in how much memory: ours beside Presidio, value by value, on one sample.

Run ``python benchmarks/inventory.py`` (about two minutes; ``--help`` lists the options). Three questions:
a Parquet file of five million rows with a nested and a free-text column, seconds and peak memory; the same
sampled values through stock Presidio's analyzer, as ``presidio-structured`` asks it; a thousand columns.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from pii import stock_presidio

from secure_ai.core.sources import open_source
from secure_ai.discover import detect, inventory
from secure_ai.discover.compare import detect_by_patterns

PEER_VALUES = 100
"""Distinct values a column that the peer reads; ``presidio-structured`` takes a share of all rows."""

FILE = """
COPY (SELECT
  'P' || lpad(CAST(i AS VARCHAR), 9, '0') AS record,
  ['Maria', 'John', 'Wei', 'Aisha', 'Olga', 'Peter', 'Fatima', 'Luca'][1 + CAST(floor(random() * 8) AS INT)]
    AS first_name,
  DATE '1930-01-01' + CAST(floor(random() * 30000) AS INT) AS birth_date,
  CAST(floor(random() * 100) AS INT) AS age,
  'user' || i || '@example.org' AS contact,
  lpad(CAST(CAST(floor(random() * 99999) AS INT) AS VARCHAR), 5, '0') AS zip,
  random() * 200 AS amount,
  ['E11.9', 'I10', 'J45.909', 'N18.3'][1 + CAST(floor(random() * 4) AS INT)] AS diagnosis,
  CASE WHEN random() < 0.3 THEN 'Call from (212) 555-01' || lpad(CAST(i % 100 AS VARCHAR), 2, '0')
    || ' about the refill of order ' || i ELSE 'No change to the plan of today.' END AS note,
  {'line': i % 1000 || ' Maple Street', 'zip': '02155'} AS address
FROM range(ROWS) t(i)) TO 'PATH' (FORMAT parquet)
"""


def peak_megabytes() -> float:
    """Peak resident memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def ours_in_a_process(path: str, queue) -> None:
    """Measure the inventory of ``path`` in a process of its own, so that its peak is its own."""
    detect(["Warm up, Anna Keller, (212) 555-0142"])
    before = peak_megabytes()
    wall, cpu = time.perf_counter(), time.process_time()
    found = inventory(open_source(path))
    took = time.perf_counter() - wall, time.process_time() - cpu
    named = {column.name: column.entities for column in found.columns}
    queue.put((took, before, peak_megabytes(), named))


def sampled_values(path: str, most: int) -> dict[str, list[str]]:
    """Return distinct values of every column as text, from a sample of the rows."""
    with duckdb.connect() as connection:
        frame = connection.execute(f"SELECT * FROM '{path}' USING SAMPLE 5000 ROWS (reservoir, 7)").df()
    return {name: list(dict.fromkeys(frame[name].map(str)))[:most] for name in frame.columns}


def peer_seconds(values: dict[str, list[str]]) -> tuple[str, float, dict[str, str]]:
    """Ask stock Presidio for every value; as in presidio-structured a column is what most values are."""
    name, find = stock_presidio()
    find(["Warm up, Anna Keller, (212) 555-0142"])
    began = time.process_time()
    verdicts = {}
    for column, texts in values.items():
        kinds = Counter(spans[0].entity_type for spans in find(texts) if spans)
        verdicts[column] = kinds.most_common(1)[0][0] if kinds else ""
    return name, time.process_time() - began, verdicts


def wide_table(columns: int, rows: int) -> pd.DataFrame:
    """Return a table of many columns: numbers, codes, e-mail addresses, flags and streets."""
    rng = np.random.default_rng(0)
    makers = [
        lambda: rng.normal(size=rows),
        lambda: rng.integers(0, 1000, rows),
        lambda: [f"K{v}" for v in rng.integers(0, 500, rows)],
        lambda: [f"u{v}@example.org" for v in rng.integers(0, 5000, rows)],
        lambda: rng.choice(["yes", "no"], rows),
        lambda: [f"{v} Maple Street" for v in rng.integers(0, 500, rows)],
    ]
    return pd.DataFrame({f"x{i}": makers[i % len(makers)]() for i in range(columns)})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the Parquet file")
    parser.add_argument("--columns", type=int, default=1_000, help="columns of the wide table")
    options = parser.parse_args()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} cores{load}\n")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "big.parquet")
        with duckdb.connect() as connection:
            connection.execute("SELECT setseed(0.5)")
            connection.execute(FILE.replace("ROWS", str(options.rows)).replace("PATH", path))
        size = Path(path).stat().st_size / 1e6
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        process = context.Process(target=ours_in_a_process, args=(path, queue))
        process.start()
        (wall, cpu), before, peak, named = queue.get()
        process.join()
        print(f"A Parquet file of {options.rows:,} rows, {len(named)} columns, {size:,.0f} MB")
        print(f"  ours, whole inventory          {wall:>8.1f} s, {cpu:.1f} s of processor; peak memory "
              f"{peak:,.0f} MB ({before:,.0f} MB before)")  # fmt: skip
        values = sampled_values(path, PEER_VALUES)
    name, theirs, verdicts = peer_seconds(values)
    n = sum(map(len, values.values()))
    print(f"The same {n:,} distinct values of the sample, a column at a time, processor seconds")
    print(f"  {name:<30} {theirs:>8.2f} s")
    for label, find in (("ours, patterns", detect_by_patterns), ("ours, names and patterns", detect)):
        find(["Warm up, Anna Keller, (212) 555-0142"])
        began = time.process_time()
        for texts in values.values():
            find(texts)
        took = time.process_time() - began
        print(f"  {label:<30} {took:>8.2f} s, {theirs / took:,.1f} times as fast")
    print()
    print(f"{'column':<14}{'ours':<52}{name}")
    for column, entities in named.items():
        print(f"{column:<14}{', '.join(entities) or '–':<52}{verdicts[column] or '–'}")
    wide = open_source(wide_table(options.columns, 2_000))
    began, cpu = time.perf_counter(), time.process_time()
    inventory(wide)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    print(f"\nA table of {options.columns:,} columns and 2,000 rows: {took:.1f} s, {used:.1f} s of processor")


if __name__ == "__main__":
    main()
