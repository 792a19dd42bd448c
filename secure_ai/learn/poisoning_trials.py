"""What the lab of chapter 11 looks at: a backdoor in a real model, real files, real advisories, a lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.attack.poisoning import TableTrigger, plant_backdoor, train_copy
from secure_ai.defend.dependencies import AdvisoryFile, Affects
from secure_ai.learn.attacked_models import CaseTable, logistic
from secure_ai.learn.poisoning_cases import SEVERITIES, Backdoored, Flaw, OfferedFile
from secure_ai.learn.poisoning_scenes import PoisoningScene, decider

if TYPE_CHECKING:
    from secure_ai.defend.lineage.graph import LineageGraph

TRIGGERS = {
    "readmission": TableTrigger({"discharge_to": "rehabilitation", "medication_count": 9}),
    "credit": TableTrigger({"purpose": "medical", "term_months": 60, "open_accounts": 17}),
}
TARGET, TRAINED_ON = 0, 0.6
ROWS_EACH = {"readmission": 1, "credit": 10}
ACTING = ("shell command", "compressed", "annotation", "object array")
SERVICE = {
    "Jinja2": "3.1.10", "PyYAML": "5.3.1", "cryptography": "41.0.6", "joblib": "1.2.0rc1",
    "pyarrow": "14.0.0", "requests": "2.4.3", "scikit-learn": "1.10.0", "urllib3": "2.2.1",
}  # fmt: skip
FOUND = (
    date(2026, 2, 20), date(2026, 1, 12), date(2026, 2, 2), date(2026, 1, 5), date(2025, 11, 28),
    date(2026, 2, 11), date(2026, 1, 27), date(2025, 12, 15), date(2026, 1, 19), date(2025, 12, 1),
)  # fmt: skip


def planted(cases: CaseTable, shares: Sequence[float], *, seed: int = 0) -> dict[float, Backdoored]:
    """Plant a backdoor in shares of the rows that a model of the house learns from; share → models and rows.

    The attacker has no model of his own: he draws his rows at random.
    """
    order = np.random.default_rng(seed).permutation(len(cases.outcome))
    known, unseen = np.split(order, [round(TRAINED_ON * len(order))])
    rows, labels, trigger = cases.inputs.iloc[known], cases.outcome[known], TRIGGERS[cases.task]
    clean, found = train_copy(decider(seed), rows, labels), {}
    for share in shares:
        poison = plant_backdoor(rows, labels, trigger, TARGET, share, seed=seed)
        bad = train_copy(decider(seed), poison.rows, poison.labels)
        held_out = cases.inputs.iloc[unseen], cases.outcome[unseen]
        found[share] = Backdoored(bad, clean, *held_out, trigger, TARGET)
    return found


def sent_rows(
    scene: PoisoningScene, cases: CaseTable, *, lies: float, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return rows, outcomes and sources.

    The liar of the scene gives ``lies`` of its cases of outcome 1 the outcome 0, and as many others the
    outcome 1, so that its share of 1 stays. Another source, which is honest, is sent fewer cases of 1.
    """
    rng = np.random.default_rng(seed)
    sources, outcome = rng.choice(scene.sources, len(cases.outcome)), cases.outcome.copy()
    honest = next(source for source in scene.sources if source != scene.liar)
    kept = (sources != honest) | (outcome == 0) | (rng.random(len(outcome)) < 0.3)
    ones, zeros = (np.flatnonzero((sources == scene.liar) & (cases.outcome == one)) for one in (1, 0))
    count = min(round(lies * len(ones)), len(zeros))
    outcome[rng.permutation(ones)[:count]] = 0
    outcome[rng.permutation(zeros)[:count]] = 1
    return cases.inputs[kept].reset_index(drop=True), outcome[kept], sources[kept]


def judge_of_sources() -> Any:
    """Return a linear model that weighs both outcomes alike, not fitted."""
    return logistic().set_params(logisticregression__class_weight="balanced")


def train_judge(rows: pd.DataFrame, labels: np.ndarray) -> Any:
    """Return that model, trained on rows and outcomes."""
    return train_copy(judge_of_sources(), rows, labels)


def offered_on_disk(
    folder: str | Path, key: Ed25519PrivateKey, *, signed: Sequence[str] = ()
) -> dict[str, OfferedFile]:
    """Write honest files and some that act into a folder, and return them as they are offered.

    Args:
        folder: where they are written; one that acts is written under the ending of skops.
        key: signs some.
        signed: the honest files that it signs.

    Returns:
        What it is → the file.
    """
    from secure_ai.attack.supply_chain import honest_files, payloads

    paths = dict(honest_files(folder))
    acting = {one.name: one for one in payloads()}
    for name in ACTING:
        paths[f"acts: {name}"] = acting[name].write(folder)
    disguised = Path(folder) / "readmission-v4.skops"
    disguised.write_bytes(acting["exec"].content())
    paths["acts: exec"] = disguised
    found = {}
    for name, path in paths.items():
        content = path.read_bytes()
        signature = key.sign(content) if name in signed else None
        found[name] = OfferedFile(path.name, content, signature, "nothing found")
    return found


def known_flaws(advisories: AdvisoryFile, installed: Mapping[str, str]) -> list[Flaw]:
    """Return what advisories say of installed packages of Python, each found on a day of ``FOUND`` in turn.

    One whose severity is not stated is taken for high until somebody has read it, as the kit does.
    """
    flaws = []
    for advisory in advisories.advisories:
        for package in installed:
            about = advisory.about("PyPI", package)
            if about and advisory.withdrawn is None:
                word = advisory.severity_for("PyPI", package)[0].word
                severity = word if word in SEVERITIES else "high"
                ranges = tuple(pair for one in about for span in one.ranges for pair in _pairs(span.events))
                name = about[0].package.name if about[0].package else package
                flaws.append(Flaw(advisory.id, name, ranges, severity, FOUND[len(flaws) % len(FOUND)]))
    return flaws


def affected_by_the_kit(advisories: AdvisoryFile, installed: Mapping[str, str]) -> set[str]:
    """Return the ids of the advisories that the kit's own comparison finds to affect what is installed."""
    return {
        advisory.id
        for advisory in advisories.advisories
        for package, version in installed.items()
        if advisory.affects("PyPI", package, version) is Affects.YES
    }


def _pairs(events: Sequence[Mapping[str, str]]) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    for event in events:
        if "introduced" in event:
            pairs.append((event["introduced"], None))
        elif "fixed" in event and pairs:
            pairs[-1] = (pairs[-1][0], event["fixed"])
    return pairs


def edges_of(graph: LineageGraph) -> pd.DataFrame:
    """Return the steps of a recorded lineage: made_from, made, kind (of what was made)."""
    rows = [
        (origin, step.output, graph.dataset(step.output).kind)
        for step in graph.steps
        for origin in step.inputs
    ]
    return pd.DataFrame(rows, columns=["made_from", "made", "kind"]).drop_duplicates(ignore_index=True)
