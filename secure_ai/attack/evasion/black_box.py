"""Evasion by questions alone: the cheapest change, within the rules, that the model answers otherwise.

The attacker owns some rows of the same kind (no labels needed) and asks. Rows of the wanted class show which
changes can work (donors); what was not needed is taken back; single changes teach what combinations cost
least; numbers are brought back by bisection. All rows are searched side by side, so that a service is asked
in batches. Probabilities help; classes alone suffice, the attacker then trains a model of their own on the
answers about the reference rows to know what to ask first.

Source: own search; its parts: nearest opposite-class rows (Brendel, Rauber & Bethge, Decision-based
    adversarial attacks, 2018, start so), reverting (Pierazzi et al., Intriguing properties of adversarial ML
    attacks in the problem space, 2020), knapsack (Nemhauser & Ullmann, 1969).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.evasion.coding import TableCode
from secure_ai.attack.evasion.constraints import Constraints, as_frame
from secure_ai.attack.evasion.own_model import OwnModel
from secure_ai.attack.evasion.row_search import LEAST_MARGIN, RowSearch
from secure_ai.attack.targets import Target, TargetError, check_rows, open_target
from secure_ai.core import UserError

if TYPE_CHECKING:
    import pandas as pd

LEAST_BUDGET = 20
SETUP_SHARE = 0.1
SETUP_LEAST, SETUP_MOST = 50, 2_000
CHUNK = 20_000
SMALLEST = 1e-9
LEAST_ANSWERED = 40


@dataclass(frozen=True)
class Evasions:
    """Rows before and after the search.

    Attributes:
        original: rows as they came (frame or array).
        changed: the same rows after the cheapest change found; as they came where none was found.
        found: (rows,), whether the model's answer is the wanted one after the change.
        cost: (rows,), of the change in ``cost_unit``; 0 where the answer was the wanted one before, infinite
            where none was found.
        queries: (rows,), rows asked for each.
        first: (rows,), rows asked until the first success; infinite where there was none.
        before, after: (rows,), the model's classes.
        setup_queries: rows asked once for all: the reference rows.
        history: columns ``row``, ``queries``, ``cost``: each success that was cheaper than the one before.
        constraints: as declared, with what was learned from the reference rows.
        goal: the class that was wanted; None for any other than the model's.
    """

    original: Any
    changed: Any
    found: np.ndarray
    cost: np.ndarray
    queries: np.ndarray
    first: np.ndarray
    before: np.ndarray
    after: np.ndarray
    setup_queries: int
    history: pd.DataFrame
    constraints: Constraints
    goal: Any = None

    @property
    def cost_unit(self) -> str:
        """Return the unit of ``cost``."""
        return self.constraints.cost_unit if self.constraints.costs else "Gower distance"

    def changes(self) -> pd.DataFrame:
        """Return every changed cell: columns ``row`` (place from 0), ``column``, ``before``, ``after``."""
        import pandas as pd

        before, after = as_frame(self.original), as_frame(self.changed)
        cells = [
            (int(row), name, before[name].iloc[row], after[name].iloc[row])
            for name in before.columns
            for row in np.flatnonzero(
                before[name].to_numpy(dtype=object) != after[name].to_numpy(dtype=object)
            )
        ]
        frame = pd.DataFrame(cells, columns=["row", "column", "before", "after"])
        return frame.sort_values("row", kind="stable", ignore_index=True)

    def violations(self) -> pd.DataFrame:
        """Return every rule that a change breaks, checked on the rows and not by the search: none."""
        return self.constraints.violations(self.original, self.changed)

    def to_frame(self) -> pd.DataFrame:
        """Return one line for each row: found, cost, queries, first, before, after."""
        import pandas as pd

        names = ("found", "cost", "queries", "first", "before", "after")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def evade(
    model: Any,
    rows: Any,
    reference_rows: Any,
    constraints: Constraints | None = None,
    *,
    budget: int = 500,
    goal: Any = None,
    seed: int = 0,
) -> Evasions:
    """Look for the cheapest allowed change of each row after which the model answers ``goal``.

    Args:
        model: what :func:`secure_ai.attack.targets.open_target` takes.
        rows: a frame, or an array rows x features, as the model takes it.
        reference_rows: rows of the same kind that the attacker owns; they need no labels.
        constraints: what can be changed and what it costs; None learns ranges, whole numbers and categories.
        budget: rows asked for each row at most, its share of the reference rows included.
        goal: the class that is wanted; None takes any other than the model's.
        seed: of the choice of reference rows and of the attacker's own model.

    Raises:
        TargetError: if the model does not answer, the rows have missing values, or nothing can be changed.
        UserError: if an argument is wrong.
    """
    from threadpoolctl import threadpool_limits

    target = open_target(model)
    if not isinstance(budget, int) or budget < LEAST_BUDGET:
        raise UserError(
            f"budget={budget!r}: give a whole number of queries for each row, {LEAST_BUDGET} or more."
        )
    with threadpool_limits(1):
        return _evaded(target, rows, reference_rows, constraints, budget=budget, goal=goal, seed=seed)


def _evaded(
    target: Target,
    rows: Any,
    reference_rows: Any,
    constraints: Constraints | None,
    *,
    budget: int,
    goal: Any,
    seed: int,
) -> Evasions:
    check_rows(as_frame(rows), least=1)
    check_rows(as_frame(reference_rows), least=2, what="reference rows")
    if goal is not None:
        target.index_of(goal)
    code = TableCode(constraints or Constraints(), reference_rows, rows)
    room = target.left() / len(rows)
    if room < LEAST_BUDGET:
        raise TargetError(
            f"The {target.name} may be asked {target.left():,.0f} times only: too few for {len(rows):,} rows."
        )
    budget = int(min(budget, room))
    coded = code.encode(rows)
    before, margins, wanted = _judge(target, rows, goal)
    open_rows = np.flatnonzero(~wanted)
    donors, own_model, setup = _set_up(
        target, code, reference_rows, goal, total=budget * max(len(open_rows), 1), seed=seed
    )
    # Of three classes or more, one question each tells which one was reached.
    last = 1 + (goal is None and len(target.classes) > 2)
    own = budget - last - math.ceil(setup / max(len(open_rows), 1))
    searches = {
        int(place): RowSearch(
            code,
            coded[place],
            margins[place],
            donors(before[place]),
            budget=own,
            own_model=own_model is not None,
        )
        for place in open_rows
    }
    after = _lock_step(target, code, searches, own_model=own_model, before=before, goal=goal)
    return _collected(
        rows, code, coded, searches=searches, before=before, after=after, setup=setup, goal=goal
    )


def _lock_step(
    target: Target,
    code: TableCode,
    searches: dict[int, RowSearch],
    *,
    own_model: OwnModel | None,
    before: np.ndarray,
    goal: Any,
) -> np.ndarray:
    """Run all searches, asking in one call what each wants to know next; return the classes after."""
    running = {place: search.run() for place, search in searches.items()}
    pending = {place: next(run, None) for place, run in running.items()}
    while pending := {place: question for place, question in pending.items() if question is not None}:
        for own in (False, True):
            places = [place for place, question in pending.items() if question and question.own == own]
            if not places:
                continue
            batch = np.vstack([pending[place].rows for place in places])
            sizes = [len(pending[place].rows) for place in places]
            owner = np.repeat(places, sizes)
            if own:
                margins = np.repeat(own_model.log_odds(batch, goal, before[owner])[:, None], 2, axis=1)
                hit = margins[:, 0] >= 0
            else:
                labels, margins, hit = _judge(target, code.decode(batch), goal, before[owner])
                if own_model is not None:
                    own_model.learn(batch, labels)
            ends = np.cumsum(sizes)[:-1]
            for place, *answer in zip(places, np.split(hit, ends), np.split(margins, ends), strict=True):
                try:
                    pending[place] = running[place].send(tuple(answer))
                except StopIteration:
                    pending[place] = None
    after = before.copy()
    solved = [place for place, search in searches.items() if search.best is not None]
    if solved and goal is not None:
        after[solved] = goal
    elif solved and len(target.classes) == 2:
        after[solved] = target.classes[(before[solved] == target.classes[0]).astype(int)]
    elif solved:
        after[solved] = target.labels(code.decode(np.array([searches[place].best for place in solved])))
    return after


def _judge(
    target: Target, rows: Any, goal: Any, before: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, margins (rows x 2: log odds, probability; below 0 before success) and success."""
    parts = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    if target.answer == "labels":
        labels = np.concatenate([target.labels(part) for part in parts])
        margins = None
    else:
        chances = np.concatenate([target.probabilities(part) for part in parts])
        labels = target.decide(chances)
        margins = _margins(target, chances, goal, labels if before is None else before)
    if goal is not None:
        hit = labels == goal
    else:
        hit = np.zeros(len(rows), dtype=bool) if before is None else labels != before
    if margins is None:
        margins = np.repeat(np.where(hit, 1.0, LEAST_MARGIN)[:, None], 2, axis=1)
    return labels, margins, hit


def _margins(target: Target, chances: np.ndarray, goal: Any, before: np.ndarray) -> np.ndarray:
    if goal is not None:
        column = np.full(len(chances), target.index_of(goal))
        wanted = chances[np.arange(len(chances)), column]
    else:
        column = np.array([target.index_of(label) for label in before])
        wanted = 1 - chances[np.arange(len(chances)), column]
    if len(target.classes) == 2:
        second = (column == 1) == (goal is not None)
        limit = np.where(second, target.threshold, 1 - target.threshold)
        log_odds = np.log(np.maximum(wanted, SMALLEST) / np.maximum(1 - wanted, SMALLEST))
        return np.column_stack([log_odds - np.log(limit / (1 - limit)), wanted - limit])
    others = chances.copy()
    others[np.arange(len(chances)), column] = -1
    own, rest = chances[np.arange(len(chances)), column], others.max(axis=1)
    sign = 1 if goal is not None else -1
    ratio = np.log(np.maximum(own, SMALLEST) / np.maximum(rest, SMALLEST))
    return sign * np.column_stack([ratio, own - rest])


def _set_up(
    target: Target, code: TableCode, reference_rows: Any, goal: Any, *, total: int, seed: int
) -> tuple[Callable[[Any], np.ndarray], OwnModel | None, int]:
    """Ask about part of the reference rows; return donors of a class, the attacker's own model, the count."""
    rng = np.random.default_rng(seed)
    least = min(SETUP_LEAST, total // 4)
    count = int(min(len(reference_rows), max(SETUP_SHARE * total, least), SETUP_MOST))
    chosen = np.sort(rng.choice(len(reference_rows), count, replace=False))
    taken = (
        reference_rows.iloc[chosen] if hasattr(reference_rows, "iloc") else np.asarray(reference_rows)[chosen]
    )
    labels, coded = target.labels(taken), code.reference[chosen]

    def donors(label: Any) -> np.ndarray:
        return coded[labels == goal] if goal is not None else coded[labels != label]

    if target.answer == "probabilities" or len(np.unique(labels)) < 2 or count < LEAST_ANSWERED:
        return donors, None, count
    return donors, OwnModel(code, coded, labels, seed), count


def _collected(
    rows: Any,
    code: TableCode,
    coded: np.ndarray,
    *,
    searches: dict[int, RowSearch],
    before: np.ndarray,
    after: np.ndarray,
    setup: int,
    goal: Any,
) -> Evasions:
    import pandas as pd

    n = len(coded)
    found, cost = np.ones(n, dtype=bool), np.zeros(n)
    queries, first = np.ones(n, dtype=int), np.zeros(n)
    changed, history = coded.copy(), []
    for place, search in searches.items():
        found[place] = search.best is not None
        cost[place], queries[place] = search.cost, 1 + search.asked
        first[place] = 1 + search.history[0][0] if search.history else np.inf
        history += [(place, 1 + asked, value) for asked, value in search.history]
        if search.best is not None:
            changed[place] = search.best
    after_rows = code.decode(changed)
    if isinstance(rows, pd.DataFrame):
        after_rows = after_rows.set_axis(rows.index)
    return Evasions(
        original=rows,
        changed=after_rows,
        found=found,
        cost=cost,
        queries=queries,
        first=first,
        before=before,
        after=after,
        setup_queries=setup,
        history=pd.DataFrame(history, columns=["row", "queries", "cost"]),
        constraints=code.constraints,
        goal=goal,
    )
