"""How fast the bank's data are made, beside a plain per-row Faker loop, and whether memory stays flat.

Run ``python benchmarks/data_generation.py`` (about a minute on a quiet machine; ``--help`` lists options).
Each of our figures is a whole run in a fresh process, with the start of Python, all tables and texts; the
loop is timed on fewer rows and makes the columns of the transactions only.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("transaction_id", "account_id", "card_id", "timestamp", "amount", "currency", "merchant", "mcc",
           "channel", "country", "ip", "device", "distance_from_home", "is_fraud", "fraud_type")  # fmt: skip

_CHILD = """
import resource, sys
from pathlib import Path
from synthetic_data.generate import write_dataset
write_dataset("finance", rows=int(sys.argv[1]), seed=7, out=Path(sys.argv[2]), fmt=sys.argv[3])
unit = 1 if sys.platform == "darwin" else 1024
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print(resource.getrusage(who).ru_maxrss * unit)
"""


def faker_loop(rows: int, out: Path) -> float:
    """Seconds in which a loop with a Faker call for each value writes ``rows`` transactions to a CSV file."""
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(7)
    began = time.perf_counter()
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            fraud = fake.boolean(chance_of_getting_true=2)
            writer.writerow(
                (
                    f"T{number:010d}",
                    fake.numerify("A##########"),
                    fake.numerify("K##########"),
                    fake.date_time_between("-180d", "now").isoformat(sep=" "),
                    fake.pydecimal(left_digits=4, right_digits=2, positive=True),
                    fake.random_element(("USD", "EUR", "GBP")),
                    fake.company(),
                    fake.numerify("####"),
                    fake.random_element(("chip", "contactless", "online", "atm", "transfer", "wire")),
                    fake.country_code(),
                    fake.ipv4_public(),
                    fake.hexify("dev-^^^^^^^^^^"),
                    fake.pyfloat(min_value=0, max_value=9000, right_digits=1),
                    fraud,
                    fake.random_element(("card_testing", "cloned_card", "bust_out")) if fraud else "none",
                )
            )
    return time.perf_counter() - began


def ours(rows: int, fmt: str, folder: Path) -> tuple[float, int, int]:
    """Seconds, and peak bytes of the parent and of its largest worker, for one run in a fresh process."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(rows), str(folder / f"{fmt}-{rows}"), fmt],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - began
    own, child = map(int, done.stdout.split())
    return seconds, own, child


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes of our runs")
    parser.add_argument("--faker-rows", type=int, default=5_000, help="rows of the Faker loop")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, of which the quickest counts")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(f"{cores} cores{load}; quickest of {options.runs} runs; memory is the peak, in MiB\n")
    print(f"{'what':<34}{'rows':>11}{'seconds':>10}{'rows/s':>12}{'ratio':>8}{'parent':>10}{'worker':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loop = min(faker_loop(options.faker_rows, folder / "faker.csv") for _ in range(options.runs))
        pace = options.faker_rows / loop
        print(_line("Faker, row by row, one table, csv", options.faker_rows, loop, 1.0))
        for fmt in ("csv", "parquet"):
            for rows in options.rows:
                runs = [ours(rows, fmt, folder) for _ in range(options.runs)]
                seconds = min(run[0] for run in runs)
                own, child = max(run[1] for run in runs), max(run[2] for run in runs)
                print(
                    _line(
                        f"secure-ai, all ten tables, {fmt}", rows, seconds, rows / seconds / pace, own, child
                    )
                )


def _line(what: str, rows: int, seconds: float, ratio: float, *memory: int) -> str:
    peaks = "".join(f"{size / 2**20:>10.0f}" for size in memory)
    return f"{what:<34}{rows:>11,}{seconds:>10.2f}{rows / seconds:>12,.0f}{ratio:>8.1f}{peaks}"


if __name__ == "__main__":
    main()
