"""How fast tables are measured and anonymized, and what that costs: ours beside anjana and pyCANON.

Run ``python benchmarks/anonymity.py`` (about three minutes; ``--help`` lists the options). Three questions:

- k=10 on the census records of ``../shared/data/adult.csv`` (six quasi-identifiers): Mondrian and
  full-domain generalization beside anjana's k-anonymity, seconds and loss. The loss (NCP) is counted twice:
  over what a released value stands for, and over what its class really holds, which is kinder to the peer.
- k, ℓ and t of the same table beside pyCANON, values and seconds.
- growth from 10⁵ to 10⁷ rows in a Parquet file: k; k with ℓ and t; Mondrian from file to file. Each in a
  process of its own, so that its peak memory is its own. pyCANON reads the smallest file.

The peers need older numpy and pandas: ``benchmarks/peers.py`` makes an environment of their own, once.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from peers import peer_python

from secure_ai.anonymize.tabular.apply import released_frame, write_released
from secure_ai.anonymize.tabular.full_domain import generalize
from secure_ai.anonymize.tabular.hierarchies import read_hierarchy
from secure_ai.anonymize.tabular.loss import information_loss, share_of_categories, share_of_range
from secure_ai.anonymize.tabular.measures import privacy_measures
from secure_ai.anonymize.tabular.mondrian import mondrian
from secure_ai.anonymize.tabular.partitioning import Partitioning
from secure_ai.anonymize.tabular.requirements import Requirements

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
QUASI_IDENTIFIERS = ["sex", "age", "race", "marital-status", "education", "native-country"]
SENSITIVE = "occupation"
K = 10
PEER_LIMITS = (0, 5)  # percent of records that anjana and our full-domain search may suppress

# Columns as common as the census has them: two sexes, 74 ages, 41 countries of which one holds nine in ten.
GROWTH = """
COPY (SELECT
  ['Female', 'Male'][1 + CAST(floor(random() * 2) AS INT)] AS sex,
  17 + CAST(floor(74 * pow(random(), 1.6)) AS INT) AS age,
  'race ' || CAST(floor(5 * pow(random(), 4)) AS INT) AS race,
  'status ' || CAST(floor(7 * pow(random(), 1.5)) AS INT) AS "marital-status",
  'education ' || CAST(floor(16 * pow(random(), 1.3)) AS INT) AS education,
  'country ' || CAST(floor(41 * pow(random(), 8)) AS INT) AS "native-country",
  'occupation ' || CAST(floor(14 * pow(random(), 1.2)) AS INT) AS occupation
FROM range(ROWS)) TO 'PATH' (FORMAT parquet)
"""
NEARLY_UNIQUE = """
COPY (SELECT
  ['Female', 'Male'][1 + CAST(floor(random() * 2) AS INT)] AS sex,
  DATE '1930-01-01' + CAST(floor(random() * 30000) AS INT) AS age,
  lpad(CAST(CAST(floor(random() * 20000) AS INT) AS VARCHAR), 5, '0') AS race,
  CAST(floor(random() * 5) AS INT) AS "marital-status",
  round(20000 + 200000 * random() * random(), 2) AS education,
  CAST(floor(random() * 200) AS INT) AS "native-country",
  'occupation ' || CAST(floor(14 * pow(random(), 1.2)) AS INT) AS occupation
FROM range(ROWS)) TO 'PATH' (FORMAT parquet)
"""
TABLES = {"like the census": GROWTH, "nearly every record unique": NEARLY_UNIQUE}

ANJANA = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from anjana.anonymity import k_anonymity
path, folder, columns, k, limit, out = sys.argv[1:]
columns, k, limit = json.loads(columns), int(k), int(limit)
data = pd.read_csv(path, sep=";")
hierarchies = {}
for name in columns:
    table = pd.read_csv(f"{folder}/adult_hierarchy_{name}.csv", sep=";", header=None)
    if name == "age":
        table[0] = table[0].astype(int)
    hierarchies[name] = {level: table[level].values for level in table}
data["record"] = range(len(data))
began = time.perf_counter()
made = k_anonymity(data, [], columns, k, limit, hierarchies)
seconds = time.perf_counter() - began
made.to_csv(out, index=False)
print(json.dumps(seconds))
"""
PYCANON = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from pycanon import anonymity
path, columns, sensitive = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
data = pd.read_csv(path, sep=";")
found = {}
for name, measure in (
    ("k", lambda: anonymity.k_anonymity(data, columns)),
    ("l", lambda: anonymity.l_diversity(data, columns, [sensitive])),
    ("t", lambda: anonymity.t_closeness(data, columns, [sensitive])),
):
    began = time.perf_counter()
    value = measure()
    found[name] = [float(value), time.perf_counter() - began]
print(json.dumps(found))
"""


def best(work: Callable[[], object], runs: int) -> tuple[float, object]:
    """Return the least seconds of several runs, and what the last one returned."""
    least, found = float("inf"), None
    for _ in range(runs):
        began = time.perf_counter()
        found = work()
        least = min(least, time.perf_counter() - began)
    return least, found


def members_loss(original: pd.DataFrame, released: pd.DataFrame) -> tuple[float, float]:
    """NCP of a release by what its values stand for, and by what its classes hold; 1 where a record is gone.

    Args:
        original: all records.
        released: those that are left, with their row number in ``record``.
    """
    there = original.iloc[released["record"].to_numpy()].reset_index(drop=True)
    classes = released.groupby(QUASI_IDENTIFIERS, sort=False).ngroup()
    gone = 1 - len(released) / len(original)
    totals = []
    for by in (None, classes):
        cells = []
        for name in QUASI_IDENTIFIERS:
            column, groups = there[name], released[name].to_numpy() if by is None else by
            held = column.groupby(groups)
            if pd.api.types.is_numeric_dtype(column):
                low, high = held.transform("min"), held.transform("max")
                cells.append(share_of_range(low, high, original[name].min(), original[name].max()).mean())
            else:
                cells.append(share_of_categories(held.transform("nunique"), original[name].nunique()).mean())
        totals.append(float(np.mean(cells)) * (1 - gone) + gone)
    return totals[0], totals[1]


def print_census(peer: str | None, runs: int) -> None:
    """k=10 on the census records: seconds and loss."""
    table = pd.read_csv(SHARED / "adult.csv", sep=";")

    def ours() -> Partitioning:
        found = mondrian(table, QUASI_IDENTIFIERS, Requirements(k=K))
        released_frame(found, table)  # anjana, too, returns a table
        return found

    seconds, found = best(ours, runs)
    loss = information_loss(found).ncp
    print(f"k={K} on {len(table):,} census records, quasi-identifiers: {', '.join(QUASI_IDENTIFIERS)}")
    print(f"  {'':<44}{'seconds':>9}{'NCP':>8}{'by members':>12}{'suppressed':>12}")
    _row("ours, Mondrian", seconds, loss, loss, 0)
    hierarchies = {
        name: read_hierarchy(SHARED / f"adult_hierarchy_{name}.csv", name) for name in QUASI_IDENTIFIERS
    }
    for limit in PEER_LIMITS:
        share, requirements = limit / 100, Requirements(k=K)
        took, done = best(
            lambda share=share, requirements=requirements: generalize(
                table, QUASI_IDENTIFIERS, requirements, hierarchies, suppression_limit=share, every_node=False
            ),
            runs,
        )
        width = information_loss(done.partitioning).ncp
        _row(f"ours, full domain, up to {limit}% suppressed", took, width, None, done.suppressed_records)
        if peer is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            out = str(Path(folder) / "released.csv")
            arguments = [str(SHARED / "adult.csv"), str(SHARED), json.dumps(QUASI_IDENTIFIERS)]
            printed = _run(peer, ANJANA, [*arguments, str(K), str(limit), out])
            released = pd.read_csv(out)
            value, members = members_loss(table, released)
            gone = len(table) - len(released)
        _row(f"anjana, full domain, up to {limit}% suppressed", printed, value, members, gone)
        print(
            f"    Mondrian: {printed / seconds:,.0f} times as fast as anjana, NCP {loss:.3f} to {value:.3f}"
        )


def print_measures(peer: str | None, runs: int) -> None:
    """k, ℓ and t of the census records: values and seconds."""
    path = SHARED / "adult.csv"
    seconds, found = best(lambda: privacy_measures(str(path), QUASI_IDENTIFIERS, [SENSITIVE]), runs)
    figures = found[SENSITIVE].worst
    print(f"\nk, ℓ and t of the same records, sensitive: {SENSITIVE}")
    print(f"  {'':<44}{'seconds':>9}{'k':>8}{'l':>8}{'t':>12}")
    values = (found.k, figures["distinct_l"].value, figures["t"].value)
    name = "ours, all measures, reading the file too"
    print(f"  {name:<44}{seconds:>9.2f}{values[0]:>8}{values[1]:>8.0f}{values[2]:>12.6f}")
    if peer is not None:
        theirs = _run(peer, PYCANON, [str(path), json.dumps(QUASI_IDENTIFIERS), SENSITIVE])
        took = sum(figure[1] for figure in theirs.values())
        print(
            f"  {'pyCANON, these three, the file already read':<44}{took:>9.2f}"
            f"{theirs['k'][0]:>8.0f}{theirs['l'][0]:>8.0f}{theirs['t'][0]:>12.6f}"
        )
        print(f"    ours: {took / seconds:,.0f} times as fast")


def work_in_a_process(name: str, path: str, out: str, queue) -> None:
    """Do one piece of work on a file and report seconds and peak memory."""
    privacy_measures(pd.DataFrame({"a": [1, 2], "b": [1, 2]}), ["a"], ["b"])
    began = time.perf_counter()
    if name == "k":
        privacy_measures(path, QUASI_IDENTIFIERS)
    elif name == "k, l, t":
        privacy_measures(path, QUASI_IDENTIFIERS, [SENSITIVE])
    else:
        write_released(mondrian(path, QUASI_IDENTIFIERS, Requirements(k=K)), path, out)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queue.put((seconds, peak / 1e6 if sys.platform == "darwin" else peak / 1e3))


def print_growth(peer: str | None, sizes: list[int]) -> None:
    """Seconds and peak memory as rows grow."""
    context = multiprocessing.get_context("spawn")
    for kind, query in TABLES.items():
        print(f"\nA Parquet file, {kind}, six quasi-identifiers; seconds (peak MB of the whole process)")
        print(f"  {'rows':>12}{'k':>20}{'k, l, t':>20}{f'Mondrian k={K}, to file':>26}")
        for rows in sizes:
            with tempfile.TemporaryDirectory() as folder:
                path = str(Path(folder) / "table.parquet")
                connection = duckdb.connect()
                connection.execute("SET threads = 1; SELECT setseed(0.5)")
                connection.execute(query.replace("ROWS", str(rows)).replace("PATH", path))
                cells = []
                for name in ("k", "k, l, t", "Mondrian"):
                    queue = context.Queue()
                    arguments = (name, path, str(Path(folder) / "out.parquet"), queue)
                    process = context.Process(target=work_in_a_process, args=arguments)
                    process.start()
                    seconds, peak = queue.get()
                    process.join()
                    cells.append(f"{seconds:.2f} ({peak:,.0f})")
                print(f"  {rows:>12,}{cells[0]:>20}{cells[1]:>20}{cells[2]:>26}", flush=True)
                if peer is not None and rows == min(sizes):
                    text = str(Path(folder) / "table.csv")
                    connection.execute(f"COPY '{path}' TO '{text}' (DELIMITER ';')")
                    theirs = _run(peer, PYCANON, [text, json.dumps(QUASI_IDENTIFIERS), SENSITIVE])
                    both = sum(figure[1] for figure in theirs.values())
                    print(f"  {'pyCANON':>12}{theirs['k'][1]:>20.2f}{both:>20.2f}", flush=True)


def _row(name: str, seconds: float, value: float, members: float | None, gone: int) -> None:
    by_members = "" if members is None else f"{members:.3f}"
    print(f"  {name:<44}{seconds:>9.2f}{value:>8.3f}{by_members:>12}{gone:>12,}", flush=True)


def _run(interpreter: str, code: str, arguments: list[str]):
    done = subprocess.run([interpreter, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="100000,1000000,10000000", help="rows, separated by commas")
    parser.add_argument("--runs", type=int, default=7, help="runs on the census records; the least counts")
    options = parser.parse_args()
    peer = peer_python("peers-anonymity")
    print(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n" if hasattr(os, "getloadavg") else ""
    )
    if (SHARED / "adult.csv").exists():
        print_census(peer, options.runs)
        print_measures(peer, options.runs)
    else:
        print("The census records are not beside the checkout: only the growth is measured.")
    print_growth(peer, [int(size) for size in options.sizes.split(",")])


if __name__ == "__main__":
    main()
