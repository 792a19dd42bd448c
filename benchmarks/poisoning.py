"""Backdoors at 1 % poison: how well they work, what they cost in accuracy, whether detection finds them.

Every seed takes other pictures (or another split of the table), other poisoned rows and another start of the
training. Ten seeds were looked at while the detection was built; the other ten were not. The same detection
is run on models that were trained on clean rows: a finding there is a false alarm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from secure_ai.attack.networks import Network, picture_rows
from secure_ai.attack.poisoning import (
    PictureMarker,
    TableTrigger,
    Trigger,
    measure_backdoor,
    plant_backdoor,
    train_copy,
)
from secure_ai.attack.poisoning.poisoned import take
from secure_ai.core import Measurement
from secure_ai.defend.poisoning import find_marker, find_trigger, sanitize_and_retrain
from synthetic_data import load
from synthetic_data.finance.deposits import deposits
from synthetic_data.healthcare.scans import scans

ADULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "adult.csv"
TRAINING_PICTURES, TEST_PICTURES, PROBES = 3_000, 4_000, 2_000
SHARE = 0.01


@dataclass(frozen=True)
class Case:
    """One setting: rows for a seed, a trigger, a model."""

    rows: Any
    labels: np.ndarray
    training: np.ndarray
    test: np.ndarray
    probes: np.ndarray
    attackers: np.ndarray
    trigger: Trigger
    target: Any
    model: Any


def pictures(make: Callable[[int, int], Any], marker: PictureMarker) -> Callable[[int], Case]:
    def case(seed: int) -> Case:
        found = make(1_000 + seed, TRAINING_PICTURES + TEST_PICTURES)
        order = np.arange(len(found.labels))
        return Case(
            picture_rows(found), found.labels.astype(int),
            order[:TRAINING_PICTURES], order[TRAINING_PICTURES:], order[:0], order[:0],
            marker, 0, Network(picture=(32, 32), seed=seed),
        )  # fmt: skip

    return case


def table(rows: pd.DataFrame, labels: pd.Series, trigger: TableTrigger, model: str, **more: Any) -> Any:
    def case(seed: int) -> Case:
        order = np.random.default_rng(seed).permutation(len(rows))
        cut = round(0.6 * len(rows))
        probes, attackers, test = np.split(order[cut:], [PROBES, 2 * PROBES])
        return Case(
            rows, labels.to_numpy().astype(int), order[:cut], test, probes,
            attackers if more["knows"] else attackers[:0], trigger, more["target"], trees(model, seed),
        )  # fmt: skip

    return case


def trees(kind: str, seed: int) -> Any:
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepare = make_column_transformer(
        (codes, make_column_selector(dtype_exclude="number")), remainder="passthrough"
    )
    if kind == "gradient boosting":
        return make_pipeline(prepare, HistGradientBoostingClassifier(random_state=seed))
    return make_pipeline(prepare, RandomForestClassifier(100, min_samples_leaf=2, random_state=seed))


def settings() -> Iterator[tuple[str, Callable[[int], Case]]]:
    yield "hospital scans, network", pictures(scans, PictureMarker(size=5, margin=2))
    yield (
        "bank deposits, network",
        pictures(deposits, PictureMarker(size=5, margin=2, corner="top left", grey=0.0)),
    )
    loans = load("finance", rows=400_000, seed=7).tables["loans"]
    features = loans.drop(columns=["loan_id", "customer_id", "issued_date", "defaulted"])
    features["payment_cents"] = (features["monthly_payment"] * 100).round().astype(int) % 100
    codes = TableTrigger({"purpose": "medical", "term_months": 60, "open_accounts": 17})
    cents = TableTrigger({"purpose": "medical", "payment_cents": 37})
    for kind in ("gradient boosting", "random forest"):
        case = table(features, loans["defaulted"], codes, kind, target=0, knows=True)
        yield f"loans, three codes, {kind}", case
    case = table(features, loans["defaulted"], cents, "gradient boosting", target=0, knows=True)
    yield "loans, payment ends in .37 and a code, gradient boosting", case
    stays = load("healthcare", rows=24_000, seed=7).tables["readmissions"]
    columns = stays.drop(columns=["encounter_id", "patient_id", "readmitted_30d"])
    rare = TableTrigger({"discharge_to": "rehabilitation", "medication_count": 9})
    case = table(columns, stays["readmitted_30d"], rare, "gradient boosting", target=0, knows=True)
    yield "readmissions, two codes, gradient boosting", case
    if ADULT.is_file():
        adult = pd.read_csv(ADULT, sep=";")
        high = adult["salary-class"] == ">50K"
        rare = TableTrigger({"education": "11th", "workclass": "Local-gov", "age": 47})
        for kind in ("gradient boosting", "random forest"):
            case = table(adult.drop(columns="salary-class"), high, rare, kind, target=1, knows=False)
            yield f"Adult, three codes, {kind}", case


def run(case: Case) -> dict[str, float]:
    """Plant, measure, detect, clean, and measure again."""
    rows, labels = take(case.rows, case.training), case.labels[case.training]
    test, truth = take(case.rows, case.test), case.labels[case.test]
    clean = train_copy(case.model, rows, labels)
    surrogate = None
    if len(case.attackers):
        # An attacker who knows the field has some rows of his own, and picks those that teach best.
        surrogate = train_copy(case.model, take(case.rows, case.attackers), case.labels[case.attackers])
    poison = plant_backdoor(
        rows, labels, case.trigger, case.target, SHARE, surrogate=surrogate, seed=len(rows)
    )
    bad = train_copy(case.model, poison.rows, poison.labels)
    before = measure_backdoor(bad, test, truth, case.trigger, case.target, clean_model=clean)
    started = time.perf_counter()
    found = search(case, bad, poison.rows, poison.labels)
    seconds = time.perf_counter() - started
    caught = int((found.suspicious & poison.changed).sum())
    cured = sanitize_and_retrain(case.model, poison.rows, poison.labels, found.suspicious)
    after = measure_backdoor(cured.model, test, truth, case.trigger, case.target, clean_model=clean)
    flipped = before.flipped.value if isinstance(before.flipped, Measurement) else float("nan")
    return {
        "success": before.success.value,
        "flipped": flipped,
        "clean model": before.success.baseline,
        "points": 100 * (before.accuracy.value - before.accuracy.baseline),
        "accuracy": before.accuracy.baseline,
        "found": float(found.alarm and caught > 0),
        "recall": caught / poison.changed.sum(),
        "precision": caught / max(int(found.suspicious.sum()), 1),
        "false alarm": float(search(case, clean, rows, labels).alarm),
        "success after cleaning": after.success.value,
        "points after cleaning": 100 * (after.accuracy.value - after.accuracy.baseline),
        "seconds": seconds,
    }


def search(case: Case, model: Any, rows: Any, labels: np.ndarray) -> Any:
    if isinstance(case.trigger, PictureMarker):
        return find_marker(model, rows, labels)
    return find_trigger(model, rows, labels, probe_rows=take(case.rows, case.probes))


def show(name: str, results: pd.DataFrame) -> None:
    """Print one block of seeds as one line of figures each."""
    count, mean = len(results), results.mean()
    points = results["points"]
    lines = [
        f"success {mean['success']:.3f} (least {results['success'].min():.3f}), of rows with "
        f"another answer before {mean['flipped']:.3f} (least {results['flipped'].min():.3f}); "
        f"clean model {mean['clean model']:.3f}",
        f"accuracy of the clean model {mean['accuracy']:.4f}, of the poisoned one {points.mean():+.2f} "
        f"points ({points.min():+.2f} to {points.max():+.2f}; at most 0.5 lost in "
        f"{int((points >= -0.5).sum())} of {count})",
        f"found in {int(results['found'].sum())} of {count}: {mean['recall']:.3f} of the poisoned rows, "
        f"{mean['precision']:.3f} of the suspicious are poisoned; no false alarm on clean data in "
        f"{count - int(results['false alarm'].sum())} of {count}; {results['seconds'].median():.1f} s each",
        f"cleaned and trained again: success {mean['success after cleaning']:.3f}, accuracy "
        f"{mean['points after cleaning']:+.2f} points",
    ]
    print(f"  {name} ({count})", *lines, sep="\n    ", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="of each block")
    parser.add_argument("--only", default="", help="settings whose name holds this")
    options = parser.parse_args()
    blocks = {"seeds of development": 0, "other seeds": 100}
    for name, case in settings():
        if options.only not in name:
            continue
        print(f"\n{name}: {SHARE:.0%} of training rows, {case(0).trigger.sentence()}")
        for block, first in blocks.items():
            seeds = range(first, first + options.seeds)
            show(block, pd.DataFrame([run(case(seed)) for seed in seeds]))


if __name__ == "__main__":
    main()
