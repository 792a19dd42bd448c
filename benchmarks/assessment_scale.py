"""How fast the data of an assessment are measured, and in how much memory, as rows grow.

Run ``python benchmarks/assessment_scale.py`` (``--rows 1000000,10000000`` for more; ``--help`` lists the
options). A Parquet file of a hospital's kind is made in a temporary folder, and a process of its own runs the
four data sections. The peer is a plain pandas run of the same counts (filled cells, different values, classes
of the same quasi-identifiers and of their combinations of up to three) in a process of its own, where the
table fits into memory. pandas finds no personal data and anonymizes nothing: the seconds of our counting
sections stand beside it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb

# Bytes that pandas needs for a cell of this file while it counts, about: half of the memory is the limit.
PEER_BYTES = 40
KNOWN = """
  DATE '1930-01-01' + CAST(floor(random() * 30000) AS INT) AS birth_date,
  CAST(floor(random() * 100) AS INT) AS age,
  CASE WHEN random() < 0.5 THEN 'f' ELSE 'm' END AS sex,
  lpad(CAST(CAST(floor(pow(random(), 3) * 900) AS INT) AS VARCHAR), 3, '0') AS zip3,
  ['White', 'Black', 'Asian', 'Other'][1 + CAST(floor(pow(random(), 2) * 4) AS INT)] AS race,
  ['single', 'married', 'divorced', 'widowed'][1 + CAST(floor(random() * 4) AS INT)] AS marital_status,
  'P' || lpad(CAST(i AS VARCHAR), 9, '0') AS patient_id,
  ['E11.9', 'I10', 'J45.909', 'N18.3'][1 + CAST(floor(random() * 4) AS INT)] AS diagnosis
"""
OTHERS = (
    "random() * 200 AS lab_value_{0}",
    "CAST(floor(random() * 1000) AS INT) AS count_{0}",
    "'K' || CAST(floor(random() * 500) AS INT) AS code_{0}",
    "CASE WHEN random() < 0.1 THEN NULL ELSE random() < 0.3 END AS flag_{0}",
)


def make(path: str, rows: int, columns: int) -> None:
    """Write the Parquet file."""
    others = [OTHERS[i % len(OTHERS)].format(i) for i in range(max(0, columns - 8))]
    query = f"SELECT {', '.join([KNOWN.strip(), *others])} FROM range({rows}) t(i)"
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SET memory_limit = '1GB'; SELECT setseed(0.5)")
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 122880)")


def peak_megabytes() -> float:
    """Peak resident memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def ours(path: str, engine: str, queue) -> None:
    """Run the data sections, in a process of its own."""
    from secure_ai.assess.inputs import Inputs
    from secure_ai.assess.parameters import AssessmentParameters
    from secure_ai.assess.progress import Progress
    from secure_ai.assess.registry import PARTS

    given = {"data": path, "sector": "healthcare", "engine": engine}
    seconds: dict[str, tuple[float, float]] = {}
    with Inputs(AssessmentParameters.read(given)) as inputs:
        for part in (part for part in PARTS if part.id.startswith("data.")):
            began, used = time.perf_counter(), time.process_time()
            part.run(inputs, Progress())
            seconds[part.id] = time.perf_counter() - began, time.process_time() - used
        columns = list(inputs.quasi_identifiers[0])
    queue.put((seconds, peak_megabytes(), columns))


def peer(path: str, quasi_identifiers: str, queue) -> None:
    """Count the same with pandas, in a process of its own."""
    import pandas as pd

    began, used = time.perf_counter(), time.process_time()
    frame = pd.read_parquet(path)
    frame.count()
    frame.nunique()
    known = json.loads(quasi_identifiers)
    groups = [tuple(known[:size]) for size in range(1, len(known) + 1)]
    groups += [group for size in (1, 2, 3) for group in itertools.combinations(known, size)]
    for group in groups:
        sizes = frame.groupby(list(group), dropna=False, observed=True).size()
        sizes.value_counts()
    queue.put((time.perf_counter() - began, time.process_time() - used, peak_megabytes()))


def in_a_process(work, *arguments):
    """Return what a function puts into its queue, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=work, args=(*arguments, queue))
    process.start()
    while True:
        try:
            found = queue.get(timeout=1)
            break
        except multiprocessing.queues.Empty:
            if not process.is_alive():
                return None
    process.join()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="1000000", help="rows, separated by commas")
    parser.add_argument("--columns", type=int, default=100, help="columns of the table")
    parser.add_argument("--engine", choices=["auto", "duckdb", "dask"], default="auto")
    parser.add_argument("--no-peer", action="store_true", help="leave the run of pandas out")
    options = parser.parse_args()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} processors{load}\n")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    for rows in (int(size) for size in options.rows.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "table.parquet")
            make(path, rows, options.columns)
            size = Path(path).stat().st_size / 1e6
            print(f"{rows:,} rows, {options.columns} columns, a Parquet file of {size:,.0f} MB", flush=True)
            found = in_a_process(ours, path, options.engine)
            if found is None:
                print("  ours: the process was ended, for want of memory as a rule\n")
                continue
            seconds, peak, columns = found
            for name, (wall, cpu) in seconds.items():
                print(f"  {name:<28}{wall:>9.1f} s{cpu:>9.1f} s of processor")
            print_total("ours, all of it", *map(sum, zip(*seconds.values(), strict=True)), peak)
            fits = rows * options.columns * PEER_BYTES < memory / 2
            if options.no_peer or not fits:
                why = "left out" if options.no_peer else "does not fit into half of the memory"
                print(f"  {'pandas, the counts alone':<28}  {why}\n")
                continue
            theirs = in_a_process(peer, path, json.dumps(columns))
            if theirs is None:
                print(f"  {'pandas, the counts alone':<28}  ended, for want of memory as a rule\n")
                continue
            print_total("pandas, the counts alone", *theirs)
            counting = sum(seconds[name][1] for name in ("data.exposure", "data.reidentification"))
            print(f"    our two counting sections took {counting:.1f} s of processor\n", flush=True)


def print_total(name: str, wall: float, cpu: float, peak: float) -> None:
    """Print a line with the peak."""
    print(f"  {name:<28}{wall:>9.1f} s{cpu:>9.1f} s of processor{peak:>9,.0f} MB peak", flush=True)


if __name__ == "__main__":
    main()
