"""How long a whole assessment takes: data, model, assistant, controls and log, section by section.

Run ``python benchmarks/assessment.py`` (``--help`` lists the options). A bank's table of invented records is
made in a temporary folder, a model is trained on seventy of a hundred of them, and ``secure-ai assess`` runs
in a process of its own, as a user would start it. Each section is timed by the line that the command prints
when the section is done. Beside gradient boosting by histograms stands the slow, older one of scikit-learn on
the same records: sections that train models like the assessed one pay for its price. Where
``../shared/data/adult.csv`` is there, Adult is assessed too, its data alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

ROOT = Path(__file__).resolve().parents[1]
ADULT = ROOT.parent / "shared" / "data" / "adult.csv"
SEED = 7
TRAINED_ON = 0.7
COMMAND = [sys.executable, "-m", "secure_ai.cli", "assess"]
FAMILIES = "direct_injection, system_prompt_leak, privilege_escalation"


def make(folder: Path, rows: int) -> None:
    """Write the table, the records for the model, the rules, the plan, the controls and the log."""
    from sklearn.datasets import make_classification

    from secure_ai.assess.controls.examples import write_example

    values, label = make_classification(
        rows, 16, n_informative=8, n_redundant=3, flip_y=0.1, class_sep=0.8, random_state=SEED
    )
    rng = np.random.default_rng(SEED)
    table = pd.DataFrame(values.round(4), columns=[f"figure_{i}" for i in range(16)])
    table["age"] = np.clip(rng.normal(47, 15, rows), 18, 95).astype(int)
    table["sex"] = rng.integers(0, 2, rows)
    table["region"] = rng.zipf(1.6, rows) % 50
    table["products"] = rng.poisson(2 + label, rows)
    table["defaulted"] = label
    cut = int(rows * TRAINED_ON)
    table[:cut].to_parquet(folder / "training.parquet")
    table[cut:].to_parquet(folder / "held_out.parquet")
    born = pd.Timestamp("2026-01-01") - pd.to_timedelta(table["age"] * 365 + rng.integers(0, 365, rows), "D")
    table["birth_date"] = born.dt.strftime("%Y-%m-%d")
    table["zip"] = [f"{zip_code:05d}" for zip_code in rng.zipf(1.4, rows) % 900 + 10000]
    table["account"] = [f"AC{number:09d}" for number in range(rows)]
    table.to_parquet(folder / "table.parquet")
    (folder / "rules.yaml").write_text("immutable: [age, sex]\ninteger: [products, region]\n")
    (folder / "plan.yaml").write_text(
        "model.evasion:\n  owner: Head of credit\n  due: '2027-01-31'\n  decision: mitigate\n"
    )
    write_example("finance", folder / "controls.yaml", folder / "evidence")
    write_log(folder / "log.jsonl", rows)


def write_log(path: Path, events: int) -> None:
    """Write a quarter of honest access by eighty people."""
    rng = np.random.default_rng(SEED)
    starts = np.sort(rng.integers(0, 90 * 24 * 3600, events))
    times = pd.Timestamp("2026-07-01", tz="UTC") + pd.to_timedelta(starts, "s")
    actors, subjects = rng.integers(0, 80, events), rng.integers(0, 5000, events)
    with path.open("w", encoding="utf-8") as file:
        for number, (when, actor, subject) in enumerate(zip(times, actors, subjects, strict=True)):
            event = {
                "time": when.isoformat(timespec="milliseconds"),
                "actor": f"user-{actor}",
                "action": "view",
                "target": f"acc-{subject:05d}",
                "outcome": "allowed",
                "purpose": "payment",
                "event_id": f"ev-{number:06d}",
                "details": {"role": "clerk", "relation": "branch"},
            }
            file.write(json.dumps(event) + "\n")


def train(folder: Path, kind: str) -> tuple[float, int]:
    """Train and write a model; return the seconds and the size of its file."""
    import skops.io
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

    table = pd.read_parquet(folder / "training.parquet")
    made = {
        "histogram": HistGradientBoostingClassifier(random_state=SEED),
        "exact": GradientBoostingClassifier(n_estimators=100, random_state=SEED),
    }[kind]
    began = time.perf_counter()
    made.fit(table.drop(columns="defaulted"), table["defaulted"])
    seconds = time.perf_counter() - began
    skops.io.dump(made, folder / f"{kind}.skops")
    return seconds, (folder / f"{kind}.skops").stat().st_size


def parameters(folder: Path, kind: str) -> dict[str, object]:
    """Return what the whole assessment is asked for."""
    return {
        "sector": "finance", "data": str(folder / "table.parquet"), "date": "2026-11-15",
        "model": str(folder / f"{kind}.skops"), "target": "defaulted",
        "training": str(folder / "training.parquet"), "held_out": str(folder / "held_out.parquet"),
        "groups": ["sex"], "attributes": ["sex"], "rules": str(folder / "rules.yaml"),
        "assistant": "naive", "families": FAMILIES.split(", "),
        "controls": str(folder / "controls.yaml"), "evidence": str(folder / "evidence"),
        "log": str(folder / "log.jsonl"), "plan": str(folder / "plan.yaml"),
    }  # fmt: skip


def assess(folder: Path, given: dict[str, object]) -> None:
    """Run the command, and print a line for each section as it ends."""
    file = folder / "parameters.yaml"
    file.write_text(json.dumps(given))  # JSON is YAML
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = last = time.perf_counter()
    used = 0.0
    process = subprocess.Popen(
        [*COMMAND, "-f", str(file), "--out", str(folder / "report")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
    )  # fmt: skip
    for line in process.stdout or ():
        now, cpu = time.perf_counter(), processor_seconds(process.pid)
        if not line.partition(":")[2].strip().startswith("not assessed:") or now - last > 1:
            print_line(line.partition(":")[0][:34], now - last, max(cpu - used, 0.0))
        last, used = now, max(cpu, used)
    failed = process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print_line("after the last line", time.perf_counter() - last, max(cpu - used, 0.0))
    print_line("all of it", time.perf_counter() - began, cpu, f"{peak:>9,.0f} MB peak of one process")
    print(f"  ended with {failed}; {load()}\n", flush=True)


def processor_seconds(process: int) -> float:
    """Processor seconds of a running process, of those that it started, and of theirs that have ended."""
    total = 0.0
    try:
        parent = psutil.Process(process)
        for one in (parent, *parent.children(recursive=True)):
            total += sum(one.cpu_times()[:4])
    except psutil.Error:
        pass
    return total


def print_line(name: str, wall: float, cpu: float, more: str = "") -> None:
    """Print one line of the table."""
    print(f"  {name:<36}{wall:>8.1f} s{cpu:>8.1f} s of processor{more}", flush=True)


def load() -> str:
    """Say how busy the machine is."""
    return f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="records, of which 70%% were trained on")
    parser.add_argument("--models", default="histogram,exact", help="which gradient boosting; none for none")
    parser.add_argument("--no-adult", action="store_true", help="leave Adult out")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, {load()} at the start\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = [kind for kind in options.models.split(",") if kind not in ("", "none")]
        if models:
            make(folder, options.rows)
        for kind in models:
            seconds, size = train(folder, kind)
            print(f"{options.rows:,} records, gradient boosting ({kind}), trained in {seconds:.1f} s, "
                  f"a file of {size / 1e6:.1f} MB", flush=True)  # fmt: skip
            assess(folder, parameters(folder, kind))
        if ADULT.is_file() and not options.no_adult:
            print("Adult, its data alone", flush=True)
            assess(folder, {"sector": "finance", "data": str(ADULT), "date": "2026-11-15"})


if __name__ == "__main__":
    main()
