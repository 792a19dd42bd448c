"""Search for a backdoor's trigger in a table: a rare combination of values to which the model gives in.

Three things must come together. In the training rows: a combination of values whose rows almost all have one
label, far more often than their single values explain. In the model: rows of other classes get that label
when they are given the combination, and a model that only adds up single values does not give it to them.

Source: the idea of rebuilding the trigger and testing it on the model: Wang et al., Neural Cleanse (2019);
    combinations over-represented by label: subgroup discovery (Atzmueller, 2015); bound on
    chance: Hoeffding (1956).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom
from threadpoolctl import threadpool_limits

from secure_ai.attack.poisoning import TableTrigger, train_copy
from secure_ai.attack.poisoning.poisoned import label_array, take
from secure_ai.attack.targets import (
    Target,
    TargetError,
    check_rows,
    check_target,
    open_target,
    reason_instead,
)
from secure_ai.core import UserError
from secure_ai.core.figures import percent
from secure_ai.defend.poisoning.expectation import additive_model, as_frame, expected_classes
from secure_ai.defend.poisoning.items import Item, list_items

PURITY = 0.9
LIFT = 0.08
CHANCE = 0.01
OBEYS = 0.5
UNEXPLAINED = 0.4
MOST_SHARE = 0.1
TRIED = 300
LEAST_TRIED = 10
MOST_ASKED = 2_000
LEAST_OF_A_CLASS = 20
MOST_TRIGGERS = 4
KEPT = 150
TESTED = 8


@dataclass(frozen=True)
class FoundTrigger:
    """A combination of values that may be a trigger.

    Attributes:
        items: its parts.
        target: the label that its rows have.
        rows: (n,) places of the training rows with the combination and that label.
        support: training rows with the combination.
        purity: share of them that has the label.
        expected: share that the single values explain.
        chance: bound on the probability of such a share by accident, times the combinations looked at.
        obeyed: share of rows of other classes that the model gives the label once stamped.
        explained: the same of the model that only adds up single values.
    """

    items: tuple[Item, ...]
    target: Any
    rows: np.ndarray
    support: int
    purity: float
    expected: float
    chance: float
    obeyed: float
    explained: float

    @property
    def trigger(self) -> TableTrigger:
        """The combination as something that can be stamped on rows."""
        return TableTrigger(
            values={item.column: item.value for item in self.items if not item.modulus},
            endings={item.column: (item.value, item.modulus) for item in self.items if item.modulus},
        )

    @property
    def is_backdoor(self) -> bool:
        """Whether the model gives in to the combination, and single values do not explain that."""
        return self.obeyed >= OBEYS and self.obeyed - self.explained >= UNEXPLAINED


@dataclass(frozen=True)
class TriggerSearch:
    """What a search for triggers found.

    Attributes:
        found: the most suspicious combinations, backdoors first.
        alarm: whether one of them is a backdoor.
        suspicious: (training rows,) booleans: rows that carry a found trigger and its label.
        looked_at: how many combinations the bound on chance allows for.
        queries: rows asked of the model.
    """

    found: tuple[FoundTrigger, ...]
    alarm: bool
    suspicious: np.ndarray
    looked_at: int
    queries: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per combination, as in :class:`FoundTrigger`, and whether it is a backdoor."""
        names = ["target", "support", "purity", "expected", "chance", "obeyed", "explained"]
        rows = [
            [one.trigger.sentence(), *(getattr(one, name) for name in names), one.is_backdoor]
            for one in self.found
        ]
        columns = ["trigger", *names, "backdoor"]
        return pd.DataFrame(rows, columns=columns)

    def sentence(self) -> str:
        """Say whether a trigger was found, and which."""
        if not self.alarm:
            return (
                f"No trigger was found among {self.looked_at:,} combinations of values; a trigger outside "
                "of them (a single rare code, a range) would not be."
            )
        first = self.found[0]
        return (
            f"A backdoor was found: rows with {first.trigger.sentence()} have one label in "
            f"{percent(first.purity)} of {first.support:,} cases (expected from single values: "
            f"{percent(first.expected)}), and the model gives it to {percent(first.obeyed)} of rows of other "
            f"classes once they carry it (expected: {percent(first.explained)}). "
            f"{int(self.suspicious.sum()):,} rows are suspicious."
        )


@reason_instead
def find_trigger(
    model: Any,
    rows: Any,
    labels: Any,
    *,
    probe_rows: Any | None = None,
    least_share: float = 0.002,
    parts: int = 3,
    seed: int = 0,
) -> TriggerSearch:
    """Search the training rows for a trigger that the model obeys.

    Args:
        model: the trained classifier, function, endpoint or target.
        rows: the rows that it was trained on (a frame, or an array rows x features).
        labels: (rows,) their labels.
        probe_rows: rows of the same columns that the model has not seen, without labels; a model that knows
            its training rows by heart gives in on new rows alone. None tries the training rows.
        least_share: smallest share of rows with the same combination that is looked at.
        parts: largest number of values in a combination, 1 to 4.
        seed: of folds and of the rows that are stamped.

    Returns:
        The search, or ``Unassessed`` with the reason.

    Raises:
        UserError: if an argument is wrong.
    """
    if not 0 < least_share < MOST_SHARE or not 1 <= parts <= 4:
        raise UserError(f"least_share must lie between 0 and {MOST_SHARE}, and parts between 1 and 4.")
    known = label_array(labels, rows)
    target = open_target(model)
    check_rows(rows, least=50)
    # Else a model that never answers would pass for one that no trigger commands.
    check_target(target, take(rows, np.random.default_rng(seed).permutation(len(known))[:MOST_ASKED]))
    frame = as_frame(rows)
    least = max(10, round(len(frame) * least_share))
    probe = frame if probe_rows is None else as_frame(probe_rows)
    task = _Task(target, frame, known, probe, isinstance(rows, pd.DataFrame), least, parts, seed)
    left = np.arange(len(frame))
    found: list[FoundTrigger] = []
    looked_at = 0
    for _ in range(MOST_TRIGGERS):
        with threadpool_limits(1):
            part, tried = _search(task, left)
        looked_at += tried
        if not part or not part[0].is_backdoor:
            found += part
            break
        # A backdoor bends what its single values seem to do: look again without its rows.
        found.append(part[0])
        left = left[~part[0].trigger.present(frame.iloc[left])]
        if min(np.unique(known[left], return_counts=True)[1], default=0) < LEAST_OF_A_CLASS:
            break
    suspicious = np.zeros(len(frame), dtype=bool)
    for one in found:
        if one.is_backdoor:
            suspicious[one.rows] = True
    found.sort(key=lambda one: (not one.is_backdoor, one.chance, -one.obeyed))
    alarm = bool(found) and found[0].is_backdoor
    return TriggerSearch(tuple(found), alarm, suspicious, looked_at, target.queries)


@dataclass(frozen=True)
class _Task:
    """What stays the same from round to round."""

    target: Target
    frame: pd.DataFrame
    labels: np.ndarray
    probe: pd.DataFrame
    as_frame: bool
    least: int
    parts: int
    seed: int

    def answers(self, rows: pd.DataFrame) -> np.ndarray:
        return self.target.labels(rows if self.as_frame else rows.to_numpy())


def _search(task: _Task, left: np.ndarray) -> tuple[list[FoundTrigger], int]:
    """Return what was found among the rows that are ``left``, the worst first, and how many were tried."""
    part, labels = task.frame.iloc[left].reset_index(drop=True), task.labels[left]
    expected, classes = expected_classes(part, labels, seed=task.seed)
    items, members = list_items(part, task.least)
    if not items:
        return [], 0
    found: list[FoundTrigger] = []
    tried = 0
    for place, label in enumerate(classes):
        has, believed = labels == label, expected[:, place]
        candidates, number = _combinations(items, members, has, believed, task)
        tried += number
        for chosen in candidates:
            inside = members[:, list(chosen)].all(axis=1)
            support, hits, mean = int(inside.sum()), int((inside & has).sum()), float(believed[inside].mean())
            by_chance = float(binom.sf(hits - 1, support, mean))
            found.append(FoundTrigger(
                items=tuple(items[index] for index in chosen), target=label, rows=left[inside & has],
                support=support, purity=hits / support, expected=mean, chance=by_chance,
                obeyed=0.0, explained=0.0,
            ))  # fmt: skip
    found = [replace(one, chance=min(1.0, one.chance * tried)) for one in found]
    found = [one for one in found if one.chance <= CHANCE]
    if not found:
        return [], tried
    innocent = np.setdiff1d(left, np.concatenate([one.rows for one in found]))
    kept, labels = task.frame.iloc[innocent], task.labels[innocent]
    try:
        additive = train_copy(additive_model(kept), kept, labels)
    except TargetError:
        return found, tried
    tested = [_tested(one, task, additive) for one in found]
    tested.sort(key=lambda one: (not one.is_backdoor, one.chance, len(one.items)))
    return tested, tried


def _combinations(
    items: list[Item], members: np.ndarray, has: np.ndarray, expected: np.ndarray, task: _Task
) -> tuple[list[tuple[int, ...]], int]:
    """Return the combinations whose rows have the label too often, and how many were tried."""
    has, expected = has.astype(np.float32), expected.astype(np.float32)
    least, parts, most = task.least, task.parts, MOST_SHARE * len(has)
    weights = (np.ones_like(has), has - expected, expected * (1 - expected), has)
    names = {item.column: number for number, item in enumerate(items)}
    columns = np.array([names[item.column] for item in items])
    valid: dict[tuple[int, ...], float] = {}
    tried = 0
    layer = [(index,) for index in range(len(items))]
    masks = members
    for depth in range(1, parts + 1):
        # All of what is kept with every single item, in one product of matrices.
        n, s, v, h = (
            weight @ members if depth == 1 else (masks * weight[:, None]).T @ members for weight in weights
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(n >= least, s / np.sqrt(np.maximum(v, 0.05 * n)), -np.inf)
            good = (n >= least) & (n <= most) & (h >= PURITY * n) & (s >= LIFT * n)
        if depth > 1:
            same = np.stack([np.isin(columns, columns[list(one)]) for one in layer])
            z[same], good[same] = -np.inf, False
        tried += int((n >= least).sum())
        flat = z.ravel()
        for place in np.argsort(-flat)[: 20 * KEPT]:
            if not np.isfinite(flat[place]):
                break
            combo = _combo(place, layer, len(items), depth)
            if good.ravel()[place]:
                valid[combo] = max(valid.get(combo, -np.inf), float(flat[place]))
        if depth < parts:
            best = [int(p) for p in np.argsort(-flat)[: 2 * KEPT * depth] if np.isfinite(flat[p])]
            layer = sorted({_combo(place, layer, len(items), depth) for place in best}, key=str)
            if not layer:
                break
            masks = np.stack([members[:, list(one)].all(axis=1) for one in layer], axis=1).astype(np.float32)
    ranked = sorted(valid, key=lambda one: (-valid[one], one))
    return ranked[:TESTED], max(tried, 1)


def _combo(place: int, layer: list[tuple[int, ...]], items: int, depth: int) -> tuple[int, ...]:
    if depth == 1:
        return (int(place),)
    return tuple(sorted((*layer[place // items], int(place % items))))


def _tested(found: FoundTrigger, task: _Task, additive: Any) -> FoundTrigger:
    """Give rows of other classes the combination, and see who gives in."""
    asked = task.probe.iloc[np.random.default_rng(task.seed).permutation(len(task.probe))]
    asked = asked[~found.trigger.present(asked)]
    asked = asked[additive.predict(asked) != found.target][:MOST_ASKED]
    if len(asked):
        asked = asked[task.answers(asked) != found.target][:TRIED]
    if len(asked) < LEAST_TRIED:
        return found
    stamped = found.trigger.stamp(asked)
    return replace(
        found,
        obeyed=float((task.answers(stamped) == found.target).mean()),
        explained=float((additive.predict(stamped) == found.target).mean()),
    )
