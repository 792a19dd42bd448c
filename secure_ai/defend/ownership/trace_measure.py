"""How much a leaked file may be changed before its mark is lost, and whether anybody innocent is accused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.attack.targets import check_rows, check_target, open_target, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import clopper_pearson
from secure_ai.defend.ownership.marks import mark_model
from secure_ai.defend.ownership.trace import FALSE_ACCUSATION, trace_leak
from secure_ai.defend.ownership.weights import read_weights, with_values

COX = "Cox et al., Secure spread spectrum watermarking for multimedia (1997)"
Values = np.ndarray
Change = Callable[[list[Values], np.ndarray, np.random.Generator], Values]


def _rounded(decimals: int) -> Change:
    """Keep so many significant digits of the usual size of each array."""
    return lambda copies, scales, rng: np.round(copies[0] / scales, decimals) * scales


def _half(copies: list[Values], scales: np.ndarray, rng: np.random.Generator) -> Values:
    return copies[0].astype(np.float16).astype(float)


def _redrawn(share: float) -> Change:
    def change(copies: list[Values], scales: np.ndarray, rng: np.random.Generator) -> Values:
        hit = rng.random(len(scales)) < share
        return np.where(hit, rng.normal(0, scales), copies[0])

    return change


def _noise(size: float) -> Change:
    return lambda copies, scales, rng: copies[0] + rng.normal(0, size, len(scales)) * scales


def _mean(copies: list[Values], scales: np.ndarray, rng: np.random.Generator) -> Values:
    return np.mean(copies, axis=0)


def _picked(copies: list[Values], scales: np.ndarray, rng: np.random.Generator) -> Values:
    return np.choose(rng.integers(0, len(copies), len(scales)), copies)


def _extreme(copies: list[Values], scales: np.ndarray, rng: np.random.Generator) -> Values:
    return np.where(rng.random(len(scales)) < 0.5, np.min(copies, axis=0), np.max(copies, axis=0))


# What a leaker does -> how many copies it takes, and the change.
CHANGES: dict[str, tuple[int, Change]] = {
    "as it was": (1, lambda copies, scales, rng: copies[0]),
    "rounded to 4 decimals": (1, _rounded(4)),
    "rounded to 2 decimals": (1, _rounded(2)),
    "rounded to 1 decimal": (1, _rounded(1)),
    "half precision": (1, _half),
    "noise of 1% on each weight": (1, _noise(0.01)),
    "noise of 10% on each weight": (1, _noise(0.1)),
    "a tenth of the weights redrawn": (1, _redrawn(0.1)),
    "half of the weights redrawn": (1, _redrawn(0.5)),
    "two copies, averaged": (2, _mean),
    "two copies, each weight from one of them": (2, _picked),
    "two copies, the lowest or the highest": (2, _extreme),
    "three copies, averaged": (3, _mean),
}


@dataclass(frozen=True)
class TracingResult:
    """What marks are worth.

    Attributes:
        changes: one row for each way to change a leaked file: ``change``, ``leaks``, ``traced`` (at least one
            leaker was accused), ``all traced`` (all of them were), ``innocent accused`` (leaks in which
            somebody else was), ``agreement`` (rows on which the changed file still answers as the original).
        traced: share of leaks that were traced, over the changes after which at least 95 % of the answers
            stay: the file is then still worth stealing.
        false_accusations: share of all leaks, and of files without a mark, in which an innocent was accused.
        strength: of the marks.
    """

    changes: pd.DataFrame = field(repr=False)
    traced: Measurement
    false_accusations: Measurement
    strength: float

    def measurements(self) -> tuple[Measurement, ...]:
        """Return both figures."""
        return self.traced, self.false_accusations

    def to_frame(self) -> pd.DataFrame:
        """Return the changes, one row each."""
        return self.changes

    def sentence(self) -> str:
        """Say how often the leaker was found, and how often somebody else was accused."""
        lost = self.changes.loc[self.changes["traced"] < self.changes["leaks"], "change"].tolist()
        text = (
            f"{percent(self.traced.value)} of {self.traced.n} leaks that still work were traced to a leaker; "
            f"somebody innocent was accused in {self.false_accusations.value:.1%} of "
            f"{self.false_accusations.n} cases."
        )
        return text + (f" Not always traced: {'; '.join(lost)}." if lost else "")


@reason_instead
@threadpool_limits.wrap(limits=1)
def measure_tracing(
    model: Any,
    rows: Any,
    key: bytes,
    *,
    recipients: int = 20,
    leaks: int = 10,
    false_accusation: float = FALSE_ACCUSATION,
    tuned: Mapping[str, Callable[[Any], Any]] | None = None,
    seed: int = 0,
) -> TracingResult | Unassessed:
    """Mark copies for many recipients, let some leak in changed form, and trace them.

    Args:
        model: the original.
        rows: rows on which no class may change by a mark.
        key: the owner's.
        recipients: how many are given a copy.
        leaks: how often each change is tried, by other leakers.
        false_accusation: bound that is accepted.
        tuned: further changes: name -> a function from a marked model to a changed one, such as fine-tuning.
        seed: of leakers and changes.

    Returns:
        The result, or :class:`~secure_ai.core.Unassessed` where the model has no weights to mark or decides
        nothing.

    Raises:
        UserError: as :func:`~secure_ai.defend.ownership.marks.mark_model`; if there are fewer than 4
            recipients.
    """
    if recipients < 4 or leaks < 1:
        raise UserError("Tracing is measured with 4 or more recipients and 1 or more leaks of each kind.")
    check_rows(rows)
    truth = check_target(open_target(model), rows)
    names = [f"recipient {number + 1}" for number in range(recipients)]
    rng, original = np.random.default_rng(seed), read_weights(model)
    first = mark_model(model, names[0], key, rows)
    made = [first, *(mark_model(model, name, key, rows, strength=first.strength) for name in names[1:])]
    copies, strength = {one.recipient: one.model for one in made}, max(one.strength for one in made)
    values = {name: read_weights(copy).values for name, copy in copies.items()}

    def accused_in(leaked: Any) -> set[str]:
        found = trace_leak(leaked, model, key, names, strength, false_accusation=false_accusation)
        return set(found.accused)

    ways: dict[str, tuple[int, Callable[[list[str]], Any]]] = {}
    for change, (count, alter) in CHANGES.items():
        ways[change] = (
            count,
            lambda who, alter=alter: with_values(
                model, alter([values[one] for one in who], original.scales, rng)
            ),
        )
    for change, tune in (tuned or {}).items():
        ways[change] = (1, lambda who, tune=tune: tune(copies[who[0]]))
    lines = []
    for change, (count, leak) in ways.items():
        figures = np.zeros(4)
        for _ in range(leaks):
            who = {str(name) for name in rng.choice(names, count, replace=False)}
            leaked = leak(sorted(who))
            accused = accused_in(leaked)
            agreed = np.mean(open_target(leaked).labels(rows) == truth)
            figures += (bool(accused & who), who <= accused, bool(accused - who), agreed / leaks)
        lines.append((change, leaks, *figures[:3].astype(int), figures[3]))
    table = pd.DataFrame(
        lines, columns=["change", "leaks", "traced", "all traced", "innocent accused", "agreement"]
    )
    unmarked = 0
    for _ in range(leaks):
        noise = original.values + rng.normal(0, strength, len(original)) * original.scales
        unmarked += bool(accused_in(with_values(model, noise)))
    works = table[table["agreement"] >= 0.95]
    hits, tried = int(works["traced"].sum()), int(works["leaks"].sum())
    wrong, cases = int(table["innocent accused"].sum()) + unmarked, int(table["leaks"].sum()) + leaks
    return TracingResult(
        changes=table,
        traced=Measurement(
            "leaks_traced", hits / tried, "probability", tried, 1 / recipients, clopper_pearson(hits, tried),
            f"{recipients} recipients; 95% of answers stay; control: files without a mark",
            COX, control=unmarked / leaks,
        ),
        false_accusations=Measurement(
            "false_accusations", wrong / cases, "probability", cases, false_accusation,
            clopper_pearson(wrong, cases), f"{recipients} recipients; baseline: the bound that was set", COX,
        ),
        strength=strength,
    )  # fmt: skip
