"""Membership inference beside ART's and sacroml's on the same targets: what is found, how soon, what is left.

Run ``python benchmarks/privacy_attacks.py`` (a few minutes; ``--help`` lists the options). The targets are
random forests of scikit-learn's default settings, each trained on 5,000 records of
``../shared/data/adult.csv``: distinct ones, for of two equal records no attack can say which was a member;
categories as codes. 5,000 other records are no members. Where the file is absent, invented people are there.

- ours: the loss threshold, which needs no other model; RMIA, LiRA and answers alone with reference models
  trained on halves of these 10,000 records, once for all three (their time is in each of the figures).
- ART's MembershipInferenceBlackBox (group ``bench``) learns from half of the members and of the others, whom
  its attacker must know, and is judged on the other half; then the other way round, and the mean is shown.
- sacroml's LiRA, with as many shadow models on halves of the same records, in an environment of its own that
  ``benchmarks/peers.py`` makes once; without torch, which it needs for models of torch alone.

Figures are the mean of all targets. Seconds are those of the clock and, after the stroke, of all processors
together; a busy machine changes the first more than the second. "left" is what lies on disk after an attack.
The last table is the control: our attacks on forests that were trained on neither group.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peers import peer_python
from privacy_attacks_peers import size
from sklearn.ensemble import RandomForestClassifier

from secure_ai.attack.membership import (
    label_only_attack,
    lira_attack,
    loss_threshold_attack,
    reference_models,
    rmia_attack,
)
from secure_ai.attack.membership.figures import auc, roc

ADULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "adult.csv"
RATES = (0.005, 0.01)
FEW = 4
SACROML = {
    "LiRA, online": {"mode": "online-carlini"},
    "LiRA, online, one variance": {"mode": "online-carlini", "fix_variance": True},
    "LiRA, offline": {"mode": "offline"},
}


@dataclass(frozen=True)
class Split:
    """One target and the records that it is asked about: members first, then as many that are none."""

    rows: np.ndarray
    labels: np.ndarray
    members: int
    model: RandomForestClassifier
    seed: int

    @property
    def groups(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Members and non-members, rows and labels each."""
        n = self.members
        return (self.rows[:n], self.labels[:n]), (self.rows[n:], self.labels[n:])


@dataclass
class Line:
    """What one attack reached on one target."""

    auc: float
    tpr: tuple[float, ...]
    seconds: float
    busy: float
    left: int


def census(distinct: bool) -> tuple[np.ndarray, np.ndarray]:
    """Records as numbers, and their classes."""
    if ADULT.exists():
        table = pd.read_csv(ADULT, sep=";")
        table = table.drop_duplicates() if distinct else table
        columns = table.drop(columns="salary-class")
        codes = [c if c.dtype.kind in "if" else c.astype("category").cat.codes for _, c in columns.items()]
        return np.column_stack(codes).astype(float), table["salary-class"].str.contains(">").to_numpy(int)
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.integers(0, top, 20_000) for top in (70, 2, 5, 7, 16, 14)]).astype(float)
    return rows, (rows[:, 0] / 30 + rows[:, 4] / 8 + rng.normal(0, 1, len(rows)) > 2.5).astype(int)


def make_split(rows: np.ndarray, labels: np.ndarray, members: int, seed: int, *, control: bool) -> Split:
    """Draw members and others and train the target; the control's target is trained on third records."""
    order = np.random.default_rng(seed).permutation(len(rows))
    asked = order[: 2 * members]
    trained = order[2 * members : 3 * members] if control else order[:members]
    model = RandomForestClassifier(random_state=1000 + seed).fit(rows[trained], labels[trained])
    return Split(rows[asked], labels[asked], members, model, 1000 + seed)


def figures(members: np.ndarray, others: np.ndarray) -> tuple[float, tuple[float, ...]]:
    """The AUC, and the share of members found at each rate of false alarms; the same code for everybody."""
    false, true = roc(members, others)
    return auc(members, others), tuple(float(true[false <= rate].max(initial=0)) for rate in RATES)


def processor_seconds() -> float:
    """Seconds of this process and of its children that have ended, on all processors."""
    return sum(os.times()[:4])


@contextmanager
def watched() -> Iterator[Path]:
    """A folder for everything temporary, and where a script would write."""
    with tempfile.TemporaryDirectory() as folder:
        here, before = Path.cwd(), {name: os.environ.get(name) for name in ("TMPDIR", "JOBLIB_TEMP_FOLDER")}
        os.environ.update(TMPDIR=folder, JOBLIB_TEMP_FOLDER=folder)
        tempfile.tempdir = folder
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(here)
            tempfile.tempdir = None
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def timed(run: Callable[[], Any]) -> tuple[Any, float, float, int]:
    """Return the result, seconds of the clock and of all processors, and bytes left on disk."""
    from joblib.externals.loky import get_reusable_executor

    with watched() as folder:
        began, busy = time.perf_counter(), processor_seconds()
        found = run()
        seconds = time.perf_counter() - began
        get_reusable_executor().shutdown(wait=True)  # its processes count once they have ended
        return found, seconds, processor_seconds() - busy, size(folder)


def ours(split: Split, models: int, jobs: int) -> dict[str, Line]:
    """Our attacks on one target."""
    recipe, seed = RandomForestClassifier(), split.seed
    found: dict[str, Line] = {}

    def note(name: str, run: Callable[[], Any], before: tuple[float, float, int] = (0.0, 0.0, 0)) -> None:
        attack, seconds, busy, left = timed(run)
        false, true = attack.roc["fpr"].to_numpy(), attack.roc["tpr"].to_numpy()
        tpr = tuple(float(true[false <= rate].max(initial=0)) for rate in RATES)
        found[name] = Line(attack.auc.value, tpr, seconds + before[0], busy + before[1], left + before[2])

    def train(count: int) -> tuple[Any, tuple[float, float, int]]:
        def run() -> Any:
            return reference_models(recipe, split.rows, split.labels, count, seed=seed, n_jobs=jobs)

        references, *cost = timed(run)
        return references, tuple(cost)

    target = (split.model, *split.groups)
    kept = {"overlap": "keep", "seed": seed}
    note("loss threshold", lambda: loss_threshold_attack(*target, seed=seed))
    few, cost = train(FEW)
    note(f"RMIA, {FEW} references", lambda: rmia_attack(*target, few, **kept), cost)
    many, cost = train(models)
    note("answers alone", lambda: label_only_attack(*target, many, **kept), cost)
    note("RMIA", lambda: rmia_attack(*target, many, **kept), cost)
    note("LiRA, online", lambda: lira_attack(*target, many, **kept), cost)
    return found


def art(split: Split) -> dict[str, Line]:
    """ART's attack, with the two learners that need no torch; empty where ART is not installed."""
    try:
        from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
        from art.estimators.classification.scikitlearn import SklearnClassifier
    except ImportError:
        return {}
    (x_in, y_in), (x_out, y_out) = split.groups
    half = split.members // 2
    parts = [(slice(None, half), slice(half, None)), (slice(half, None), slice(None, half))]
    found = {}
    for kind, name in (("rf", "learned, forest"), ("gb", "learned, boosting")):
        lines = []
        for learn, judge in parts:

            def run(learn: slice = learn, judge: slice = judge, kind: str = kind) -> tuple[Any, Any]:
                attack = MembershipInferenceBlackBox(SklearnClassifier(split.model), attack_model_type=kind)
                attack.fit(x_in[learn], y_in[learn], x_out[learn], y_out[learn])
                return tuple(
                    np.ravel(attack.infer(x[judge], y[judge], probabilities=True))
                    for x, y in ((x_in, y_in), (x_out, y_out))
                )

            scores, seconds, busy, left = timed(run)
            lines.append(Line(*figures(*scores), seconds, busy, left))
        found[name] = mean(lines)
    return found


def sacroml(splits: list[Split], models: int) -> list[dict[str, Line]]:
    """sacroml's attack on every target; empty without its interpreter."""
    interpreter = peer_python("peers-membership")
    if interpreter is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        for place, split in enumerate(splits):
            np.savez(
                Path(folder) / f"split_{place:02d}.npz",
                rows=split.rows, labels=split.labels, members=split.members, seed=split.seed,
                answers=split.model.predict_proba(split.rows),
            )  # fmt: skip
        script = Path(__file__).with_name("privacy_attacks_peers.py")
        command = [interpreter, str(script), folder, str(models), json.dumps(list(SACROML.values()))]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            print(f"sacroml failed: {done.stderr.strip().splitlines()[-1]}")
            return []
        found: list[dict[str, Line]] = [{} for _ in splits]
        for line in json.loads(done.stdout.splitlines()[-1]):
            if not line["same"]:
                print(f"sacroml's target of {line['split']} is not ours: another version of scikit-learn.")
            place = int(line["split"].removeprefix("split_"))
            scores = np.load(Path(folder) / f"scores_{line['split']}_{line['setting']}.npy")
            n = splits[place].members
            found[place][list(SACROML)[line["setting"]]] = Line(
                *figures(scores[:n], scores[n:]), line["seconds"], line["busy"], line["left"]
            )
    return found


def mean(lines: list[Line]) -> Line:
    """The mean of each figure; of what is left on disk, the most."""
    return Line(
        float(np.mean([line.auc for line in lines])),
        tuple(np.mean([line.tpr for line in lines], axis=0)),
        float(np.mean([line.seconds for line in lines])),
        float(np.mean([line.busy for line in lines])),
        max(line.left for line in lines),
    )


def print_lines(by: str, found: list[dict[str, Line]]) -> None:
    """One line for each attack, the mean of all targets."""
    for name in found[0] if found else ():
        line = mean([one[name] for one in found])
        rates = "".join(f"{share:>9.1%}" for share in line.tpr)
        took = f"{line.seconds:.1f} / {line.busy:.1f}"
        left = f"{line.left / 1e6:,.0f} MB" if line.left else "nothing"
        print(f"  {by:<9}{name:<28}{line.auc:>7.3f}{rates}{took:>15}{left:>10}", flush=True)


def print_control(rows: np.ndarray, labels: np.ndarray, options: argparse.Namespace) -> None:
    """Our attacks where nobody is a member: the AUC must be a half."""
    found: dict[str, list[float]] = {}
    for seed in range(options.control):
        split = make_split(rows, labels, options.members, 100 + seed, control=True)
        for name, line in ours(split, options.models, options.jobs).items():
            found.setdefault(name, []).append(line.auc)
    print(f"\n{options.control} forests trained on neither group: our AUC")
    print(f"  {'attack':<28}{'mean':>8}{'least':>8}{'most':>8}")
    for name, values in found.items():
        print(f"  {name:<28}{np.mean(values):>8.3f}{min(values):>8.3f}{max(values):>8.3f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=5_000, help="records that train a target (5,000)")
    parser.add_argument("--models", type=int, default=16, help="reference or shadow models (16)")
    parser.add_argument("--targets", type=int, default=4, help="targets of which the mean is shown (4)")
    parser.add_argument("--control", type=int, default=10, help="seeds of the control; 0 for none (10)")
    parser.add_argument("--jobs", type=int, default=2, help="processes that train our references (2)")
    parser.add_argument("--equal", action="store_true", help="keep records that are equal to others")
    parser.add_argument("--ours", action="store_true", help="our attacks alone")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows, labels = census(not options.equal)
    if len(rows) < 3 * options.members:
        parser.error(f"{len(rows):,} records are too few for three groups of {options.members:,}")
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} cores{load}; seconds of the clock / of all processors")
    print(
        f"{options.targets} forests, {options.members:,} members and as many others, {options.models} "
        f"references where not said otherwise; {'all' if options.equal else 'distinct'} records\n"
    )
    splits = [
        make_split(rows, labels, options.members, seed, control=False) for seed in range(options.targets)
    ]
    head = "".join(f"{f'TPR@{rate:.1%}':>9}" for rate in RATES)
    print(f"  {'by':<9}{'attack':<28}{'AUC':>7}{head}{'seconds':>15}{'left':>10}")
    print_lines("ours", [ours(split, options.models, options.jobs) for split in splits])
    if not options.ours:
        theirs = [art(split) for split in splits]
        if theirs and theirs[0]:
            print_lines("ART", theirs)
        else:
            print("  ART is not installed here: the group bench has it.")
        print_lines("sacroml", sacroml(splits, options.models))
    if options.control:
        print_control(rows, labels, options)


if __name__ == "__main__":
    sys.exit(main())
