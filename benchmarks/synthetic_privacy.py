"""How fast, and with what result, the privacy of synthetic data is measured: ours beside anonymeter.

Run ``python benchmarks/synthetic_privacy.py`` (about a minute; ``--help`` lists the options). Anonymeter
needs an older numpy and so an environment of its own; ``SECURE_AI_PEERS`` names its interpreter::

    python3 -m venv /tmp/anonymeter && /tmp/anonymeter/bin/pip install anonymeter
    SECURE_AI_PEERS=/tmp/anonymeter/bin/python .venv/bin/python benchmarks/synthetic_privacy.py

Without it the table has our column alone and says so. The data are census records (``../shared/data/adult.csv``)
if they are there, else invented ones; half of the rows are synthesized from, half are the control group.
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

from secure_ai.attack.synthetic_data import SyntheticPrivacy, sequential_trees, synthetic_privacy
from secure_ai.core import Measurement

ADULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "adult.csv"
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

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
        began = time.perf_counter()
        done = attack()
        best = min(best, time.perf_counter() - began)
    results, risk = done.results(), done.risk()
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
    rng = np.random.default_rng(0)
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


def ours(
    tables: tuple[pd.DataFrame, ...], settings: dict, runs: int
) -> tuple[SyntheticPrivacy, dict[str, float], float]:
    """Our result, the seconds of each attack alone, and those of all of them in one call."""

    def seconds(**options) -> tuple[SyntheticPrivacy, float]:
        best = float("inf")
        for _ in range(runs):
            began = time.perf_counter()
            result = synthetic_privacy(*tables, n_attacks=settings["n_attacks"], **options)
            best = min(best, time.perf_counter() - began)
        return result, best

    asked = {name: settings[name] for name in ("secrets", "linked")}
    result, together = seconds(**asked)
    alone = seconds()[1]  # singling out is always done: what the others take is the difference
    each = {"singling out, several columns": alone}
    each["linkability"] = seconds(linked=asked["linked"])[1] - alone
    for secret in asked["secrets"]:
        each[f"inference of {secret}"] = seconds(secrets=[secret])[1] - alone
    return result, each, together


def anonymeter(tables: tuple[pd.DataFrame, ...], settings: dict, runs: int) -> dict[str, list[float]] | None:
    """Anonymeter's rates, risk, interval and seconds of each attack; None without its interpreter."""
    interpreter = os.environ.get("SECURE_AI_PEERS", "")
    if (
        not interpreter
        or subprocess.run(
            [interpreter, "-c", "import anonymeter"], capture_output=True, check=False
        ).returncode
    ):
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name, table in zip(("original", "synthetic", "control"), tables, strict=True):
            table.to_csv(Path(folder) / f"{name}.csv", index=False)
        done = subprocess.run(
            [interpreter, "-c", PEER, folder, str(runs), json.dumps(settings)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print one table for each synthesizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=30_000, help="training and control records together")
    parser.add_argument("--attacks", type=int, default=1000, help="attacks of each kind")
    parser.add_argument("--runs", type=int, default=2, help="runs, of which the quickest counts")
    options = parser.parse_args()
    table, settings = census(options.rows)
    settings["n_attacks"] = options.attacks
    half = len(table) // 2
    original, control = table[:half], table[half:]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(f"{cores} cores{load}; wall-clock seconds, the quickest of {options.runs}; ours on one core")
    print(
        f"{half:,} training and {len(control):,} control records, {options.attacks:,} attacks of each kind\n"
    )
    for leaf in (1, 20):
        tables = (original, sequential_trees(original, min_samples_leaf=leaf, seed=1), control)
        result, each, together = ours(tables, settings, options.runs)
        peer = anonymeter(tables, settings, options.runs)
        print(f"trees with at least {leaf} record{'s' * (leaf > 1)} in a leaf")
        head = f"{'train':>7}{'control':>9}{'risk':>8}{'95 % interval':>18}{'s':>9}{'ratio':>8}"
        print(f"  {'attack':<31}{'by':<12}{head}")
        for name, took in each.items():
            attack = result[name]
            found = attack.excess or (float("nan"),) * 3
            _line(name, "ours", (attack.success.value, attack.success.control, *found, took), None)
            if peer:
                _line("", "anonymeter", peer[name], peer[name][-1] / took)
            if not isinstance(attack.risk, Measurement):
                print("    ours is reported as not assessed: not better than naive guessing, or too few")
        print(f"  ours, all of them with one column in one call: {together:.2f} s", end="")
        print(
            f"; anonymeter, the four above: {sum(line[-1] for line in peer.values()):.2f} s" if peer else ""
        )
        print()
    if not os.environ.get("SECURE_AI_PEERS") or peer is None:
        print("Anonymeter is absent: name the interpreter of its environment in SECURE_AI_PEERS to compare.")


def _line(name: str, by: str, figures, ratio: float | None) -> None:
    training, control, risk, low, high, took = figures
    interval = f"{low:.3f} to {high:.3f}"
    times = f"{ratio:>8.1f}" if ratio else ""
    print(f"  {name:<31}{by:<12}{training:>7.3f}{control:>9.3f}{risk:>8.3f}{interval:>18}{took:>9.2f}{times}")


if __name__ == "__main__":
    main()
