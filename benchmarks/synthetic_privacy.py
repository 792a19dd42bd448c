"""How fast, and with what result, the privacy of synthetic data is measured: ours beside anonymeter.

Run ``python benchmarks/synthetic_privacy.py`` (about a minute; ``--help`` lists the options). Anonymeter
needs an older numpy and so an environment of its own, which ``benchmarks/peers.py`` makes once. Where it
cannot, the table has our figures alone and says so. The data are the census records of
``../shared/data/adult.csv`` if they are there, else invented ones; half of the rows are synthesized from,
half are the control group. Anonymeter counts predicates that it could not make as attacks that failed; its
figures here are over those that it made, as ours are. It also takes equal records for one person, and then
corrects the control group for its size; ours takes them for two, and needs no correction.

The last table says how often the intervals are right where nothing leaks.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from peers import peer_python

from secure_ai.attack.synthetic_data import (
    SyntheticPrivacy,
    independent_columns,
    sequential_trees,
    synthetic_privacy,
)

ADULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "adult.csv"
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator
from anonymeter.evaluators import singling_out_evaluator
from anonymeter.stats.confidence import EvaluationResults

generate, made = singling_out_evaluator._generate_singling_out_queries, []

def counting(**options):
    queries = generate(**options)
    made.append(len(queries))
    return queries

singling_out_evaluator._generate_singling_out_queries = counting

folder, runs, settings = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
original, synthetic, control = (
    pd.read_csv(f"{folder}/{name}.csv", keep_default_na=False)
    for name in ("original", "synthetic", "control")
)
n, known = settings["n_attacks"], original.columns
tables = {"ori": original, "syn": synthetic, "control": control, "n_attacks": n}

def single(mode):
    return SinglingOutEvaluator(**tables, n_cols=3, seed=0, max_attempts=50 * n).evaluate(mode=mode)

def infer(secret):
    aids = [name for name in known if name != secret]
    number = pd.api.types.is_numeric_dtype(original[secret])
    return InferenceEvaluator(**tables, aux_cols=aids, secret=secret, regression=number).evaluate()

attacks = {
    "singling out, several columns": lambda: single("multivariate"),
    "linkability": lambda: LinkabilityEvaluator(**tables, aux_cols=settings["linked"]).evaluate(),
    **{f"inference of {secret}": lambda secret=secret: infer(secret) for secret in settings["secrets"]},
}
LinkabilityEvaluator(  # numba compiles the first time
    ori=original[:50], syn=synthetic[:50], control=control[:50], aux_cols=settings["linked"], n_attacks=10
).evaluate()
found = {}
for name, attack in attacks.items():
    best = float("inf")
    for _ in range(runs):
        began = time.process_time()
        done = attack()
        best = min(best, time.process_time() - began)
    results = done.results()
    if name.startswith("singling"):
        results = EvaluationResults(made[-1], results.n_success, 0, results.n_control)
    risk = results.risk()
    found[name] = [
        results.n_success / results.n_attacks_ori, results.n_control / results.n_attacks_control,
        risk.value, *risk.ci, best,
    ]
print(json.dumps(found))
"""


def census(rows: int) -> tuple[pd.DataFrame, dict]:
    """The public census records, or invented people where those are absent, and what is attacked."""
    if ADULT.exists():
        table = pd.read_csv(ADULT, sep=";").sample(frac=1, random_state=0, ignore_index=True)[:rows]
        linked = (["age", "sex", "race", "education"], list(table.columns[[3, 5, 6, 7, 8]]))
        return table, {"secrets": ["salary-class", "age"], "linked": linked}
    return invented(rows, 0)


def invented(rows: int, seed: int) -> tuple[pd.DataFrame, dict]:
    """Invented people of one population, and what is attacked in them."""
    rng = np.random.default_rng(seed)
    trait = rng.normal(size=(rows, 4))
    table = pd.DataFrame(
        {
            "age": np.clip(45 + 15 * trait[:, 0], 18, 95).round().astype(int),
            "income": np.exp(10 + 0.5 * trait[:, 0] + 0.4 * trait[:, 1]).round(-2),
            "weight": (75 + 12 * trait[:, 2]).round(1),
            "city": rng.choice(list("abcdefghij"), rows, p=np.arange(10, 0, -1) / 55),
            "sex": rng.choice(["f", "m"], rows),
            "diagnosis": np.digitize(trait[:, 1] + 0.5 * trait[:, 3], [-1, 0, 1]).astype(str),
        }
    )
    return table, {
        "secrets": ["diagnosis", "income"],
        "linked": (["age", "income", "city"], ["weight", "sex", "diagnosis"]),
    }


def ours(tables: tuple[pd.DataFrame, ...], settings: dict, runs: int) -> tuple[SyntheticPrivacy, float]:
    """Our result, and the processor seconds of all attacks together."""
    best = float("inf")
    for _ in range(runs):
        began = time.process_time()
        result = synthetic_privacy(*tables, **settings)
        best = min(best, time.process_time() - began)
    return result, best


def anonymeter(tables: tuple[pd.DataFrame, ...], settings: dict, runs: int) -> dict[str, list[float]] | None:
    """Anonymeter's rates, risk, interval and seconds of each attack; None without its interpreter."""
    interpreter = peer_python("peers-synthetic")
    if interpreter is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name, table in zip(("original", "synthetic", "control"), tables, strict=True):
            table.to_csv(Path(folder) / f"{name}.csv", index=False)
        done = subprocess.run(
            [interpreter, "-c", PEER, folder, str(runs), json.dumps(settings)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def print_calibration(seeds: int, rows: int = 1000) -> None:
    """How often the 95 % interval holds zero where nothing is known of the training records."""
    found: dict[tuple[str, str], list[tuple[float, float, float, bool]]] = {}
    for seed in range(seeds):
        (training, settings), (control, _), (others, _) = (invented(rows, 3 * seed + i) for i in range(3))
        kinds = {"other people": others, "independent noise": independent_columns(others, seed=seed)}
        for kind, synthetic in kinds.items():
            for attack in synthetic_privacy(training, synthetic, control, seed=seed, **settings).attacks:
                if attack.excess:
                    found.setdefault((kind, attack.title), []).append((*attack.excess, bool(attack.risk)))
    print(f"{seeds} seeds, {rows:,} records in each table; 95 % intervals that hold zero")
    print(f"  {'synthetic data':<19}{'attack':<31}{'mean risk':>10}{'hold zero':>11}{'assessed':>10}")
    for (kind, attack), figures in found.items():
        value, low, high, assessed = np.array(figures, dtype=float).T
        held = ((low <= 0) & (high >= 0)).mean()
        print(f"  {kind:<19}{attack:<31}{value.mean():>10.4f}{held:>11.1%}{assessed.mean():>10.0%}")


def main() -> None:
    """Print one table for each synthesizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=30_000, help="training and control records together")
    parser.add_argument("--attacks", type=int, default=1000, help="attacks of each kind")
    parser.add_argument("--runs", type=int, default=2, help="runs, of which the quickest counts")
    parser.add_argument("--seeds", type=int, default=20, help="repetitions of the calibration")
    options = parser.parse_args()
    table, settings = census(options.rows)
    settings["n_attacks"] = options.attacks
    half = len(table) // 2
    original, control = table[:half], table[half:]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(f"{cores} cores{load}; processor seconds, the quickest of {options.runs} runs")
    print(
        f"{half:,} training and {len(control):,} control records, {options.attacks:,} attacks of each kind\n"
    )
    for leaf in (1, 20):
        tables = (original, sequential_trees(original, min_samples_leaf=leaf, seed=1), control)
        result, took = ours(tables, settings, options.runs)
        peer = anonymeter(tables, settings, options.runs)
        print(f"trees with at least {leaf} record{'s' * (leaf > 1)} in a leaf")
        head = f"{'train':>7}{'control':>9}{'risk':>8}{'95 % interval':>18}"
        print(f"  {'attack':<31}{'by':<12}{head}")
        for attack in result.attacks[1:]:
            rates = attack.success.value, attack.success.control
            _line(attack.title, "ours", (*rates, *(attack.excess or (float("nan"),) * 3)))
            if peer:
                _line("", "anonymeter", peer[attack.title][:5])
        print(f"  ours, these and one column: {took:.2f} s", end="")
        if peer:
            theirs = sum(line[-1] for line in peer.values())
            print(f"; anonymeter, these: {theirs:.2f} s, {theirs / took:.0f} times as long", end="")
        print("\n")
    if options.seeds:
        print_calibration(options.seeds)


def _line(name: str, by: str, figures) -> None:
    training, control, risk, low, high = figures
    interval = f"{low:.3f} to {high:.3f}"
    print(f"  {name:<31}{by:<12}{training:>7.3f}{control:>9.3f}{risk:>8.3f}{interval:>18}")


if __name__ == "__main__":
    main()
