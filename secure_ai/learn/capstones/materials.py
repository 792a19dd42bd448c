"""What a capstone works on: the sector's synthetic tables, handed over by the notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.learn.attacked_models import STORIES, Story
from secure_ai.learn.monitoring_scenes import FRAUD, KINDS

if TYPE_CHECKING:
    import pandas as pd

MOST_CASES = 2400
FEWEST_CASES = 800
HELD_OUT = 0.4
SOURCES = 5
"""Places that send training rows. The last one has no key, and cannot sign."""
ACCESSES = 1500
TWICE = (*KINDS[:6], "extraction")
"""Misuse of records, and theft of the model."""


def planted(sector: str) -> dict[str, int]:
    """Return how many incidents of each kind the days of a capstone have: several of what is judged.

    With one or two of a kind, chance would decide whether a watch is good enough.
    """
    once = dict.fromkeys((*KINDS, *FRAUD[sector]), 1)
    return once | dict.fromkeys(TWICE, 2) | dict.fromkeys(FRAUD[sector], 5)


@dataclass(frozen=True)
class Materials:
    """Cases, a log, and a few days of work of one invented organization.

    Attributes:
        sector: ``"healthcare"`` or ``"finance"``.
        seed: of everything that is drawn.
        story: what the model decides and what its attacker can change, with numeric columns only.
        train, test: rows and outcomes.
        source: (training rows,) place that sent each row, 0 to ``SOURCES`` - 1.
        log: accesses with ``relation`` (bool), ``misuse`` (bool) and ``break_glass`` (bool).
        staff: whose accesses these are.
        people: the table with the identifiers that a thief looks for.
        month: a few days of activity with planted incidents.
    """

    sector: str
    seed: int
    story: Story
    train: tuple[pd.DataFrame, np.ndarray]
    test: tuple[pd.DataFrame, np.ndarray]
    source: np.ndarray
    log: pd.DataFrame
    staff: pd.DataFrame
    people: pd.DataFrame
    month: Any


def gather(cases: Any, data: Any, month: Any, *, seed: int = 0) -> Materials:
    """Put together what a capstone works on.

    Args:
        cases: a learning table (``inputs``, ``outcome``, ``people``, ``task``); up to 2,400 cases are used,
            no person both for learning and for judging.
        data: the sector's dataset, of which staff, people and the access log are read.
        month: a few days of activity (:func:`synthetic_data.activity.make_month`).
        seed: of what is drawn.

    Raises:
        UserError: if there are fewer than 800 cases, or the parts are of different sectors.
    """
    import pandas as pd
    from sklearn.model_selection import GroupShuffleSplit

    if data.sector != month.sector or cases.task not in STORIES:
        raise UserError("Cases, data and month must be of one sector, and the task one of the kit's.")
    rng = np.random.default_rng(seed)
    outcome = np.asarray(cases.outcome).astype(int)
    if len(outcome) < FEWEST_CASES:
        raise UserError(f"A capstone needs {FEWEST_CASES} cases or more: load more rows.")
    # Where few cases are positive, all of these are kept and others drawn beside them.
    positive, negative = (rng.permutation(np.flatnonzero(outcome == value)) for value in (1, 0))
    kept = min(len(positive), MOST_CASES // 4)
    chosen = np.sort(np.concatenate([positive[:kept], negative[: MOST_CASES - kept]]))
    inputs = cases.inputs.select_dtypes("number").iloc[chosen].reset_index(drop=True)
    outcome, people = outcome[chosen], np.asarray(cases.people)[chosen]
    split = GroupShuffleSplit(n_splits=1, test_size=HELD_OUT, random_state=seed)
    learned, judged = next(split.split(inputs, outcome, people))
    parts = [(inputs.iloc[rows].reset_index(drop=True), outcome[rows]) for rows in (learned, judged)]
    # A row and its twin from the same person come from the same place.
    codes = pd.factorize(people[learned])[0]
    subjects = "patients" if data.sector == "healthcare" else "customers"
    return Materials(
        sector=data.sector,
        seed=seed,
        story=_numbers_only(STORIES[cases.task], list(inputs)),
        train=parts[0],
        test=parts[1],
        source=rng.permutation(codes.max() + 1)[codes] % SOURCES,
        log=_log(data, rng),
        staff=data["staff"],
        people=data[subjects].head(400),
        month=month,
    )


def _numbers_only(story: Story, columns: Sequence[str]) -> Story:
    rules = story.constraints
    kept = {
        name: tuple(column for column in getattr(rules, name) if column in columns)
        for name in ("immutable", "increasing", "decreasing")
    }
    costs = {name: cost for name, cost in rules.costs.items() if name in columns}
    ranges = {name: bounds for name, bounds in rules.ranges.items() if name in columns}
    return replace(story, constraints=replace(rules, **kept, ordered={}, costs=costs, ranges=ranges))


def _log(data: Any, rng: np.random.Generator) -> pd.DataFrame:
    """Return accesses with relation, misuse and emergency in the same columns in both sectors."""
    log = data["access_log"]
    if data.sector == "healthcare":
        log = log.assign(relation=log["treatment_relation"], misuse=log["snooping"])
    else:
        homes = data["customers"].set_index("customer_id")["branch_id"]
        desks = data["staff"].set_index("staff_id")["branch_id"]
        own = log["staff_id"].map(desks) == log["customer_id"].map(homes)
        log = log.assign(relation=own, misuse=log["is_snooping"])
    rare = log["misuse"] | log["break_glass"] if "break_glass" in log else log["misuse"]
    always = np.flatnonzero(rare)
    others = rng.permutation(np.flatnonzero(~rare))[: max(ACCESSES - len(always), 0)]
    return log.iloc[np.sort(np.concatenate([always, others]))].reset_index(drop=True)
