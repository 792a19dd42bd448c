"""How easily a model is evaded within the rules: success, questions and price, beside random changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.evasion.black_box import Evasions, evade
from secure_ai.attack.evasion.coding import TableCode
from secure_ai.attack.evasion.constraints import Constraints, as_frame
from secure_ai.attack.targets import (
    Target,
    TargetError,
    check_rows,
    check_target,
    open_target,
    reason_instead,
)
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.intervals import clopper_pearson, wilson

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "Pierazzi et al., Intriguing properties of adversarial ML attacks in the problem space (2020)"
GOWER = "Gower, A general coefficient of similarity (1971)"
RESAMPLES = 400
CHUNK = 20_000


@dataclass(frozen=True)
class EvasionResult:
    """What evasion within the rules reaches on a model.

    Attributes:
        success: share of attacked rows answered as the attacker wants, after a change that keeps every rule
            (and costs at most ``most_cost``). Baseline: random allowed changes, as many questions for each
            row. Control: the rows asked again unchanged.
        valid: share of the changed rows that keep every rule, checked on the rows and not by the search.
        queries: median number of questions until the first success, a failure counted as all it asked.
        cost: median cost of the successes; Unassessed if there is none. Baseline: of the random changes.
        evasions: the rows before and after, those attacked alone.
        random_first: (rows,), questions until the first random success; infinite without one.
        random_cost: (rows,), cost of the cheapest random success; infinite without one.
        most_cost: what the attacker can pay.
        name: of the model.
    """

    success: Measurement
    valid: Measurement | Unassessed
    queries: Measurement
    cost: Measurement | Unassessed
    evasions: Evasions
    random_first: np.ndarray
    random_cost: np.ndarray
    most_cost: float | None = None
    name: str = "model"

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured."""
        figures = (self.success, self.valid, self.queries, self.cost)
        return [figure for figure in figures if isinstance(figure, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: measure, value, low, high, baseline, control, n, unit, method."""
        import pandas as pd

        rows = [
            (m.name, m.value, *m.interval, m.baseline, m.control, m.n, m.unit, m.method)
            for m in self.measurements()
        ]
        names = ["measure", "value", "low", "high", "baseline", "control", "n", "unit", "method"]
        return pd.DataFrame(rows, columns=names)

    def curve(self) -> pd.DataFrame:
        """Return success against budget: columns ``queries``, ``success``, ``random`` (shares of rows)."""
        import pandas as pd

        ours, theirs = self._within(self.evasions.first, self.evasions.cost), self.random_first
        points = np.unique(np.concatenate([[0.0], ours[np.isfinite(ours)], theirs[np.isfinite(theirs)]]))
        points = np.append(points, max(points[-1], float(self.evasions.queries.max())))
        shares = [(int(p), float(np.mean(ours <= p)), float(np.mean(theirs <= p))) for p in np.unique(points)]
        return pd.DataFrame(shares, columns=["queries", "success", "random"])

    def sentence(self) -> str:
        """Say what the attack reached, in plain words."""
        low, high = self.success.interval
        limit = (
            "" if self.most_cost is None else f" for at most {self.most_cost:,.6g} {self.evasions.cost_unit}"
        )
        text = (
            f"{percent(self.success.value)} of {self.success.n} rows ({percent(low)} to {percent(high)}) get "
            f"another answer of the {self.name} by changes within the rules{limit}, half of them after "
            f"{self.queries.value:,.0f} questions or fewer; random allowed changes reach "
            f"{percent(self.success.baseline)} with as many questions, asking again unchanged "
            f"{percent(self.success.control or 0.0)}"
        )
        if isinstance(self.cost, Measurement):
            unit = self.evasions.cost_unit
            text += f". The median change costs {self.cost.value:,.4g} {unit}"
            if np.isfinite(self.cost.baseline):
                text += f" (random: {self.cost.baseline:,.4g})"
        return text + "."

    def _within(self, figures: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Return the questions until the first success that the attacker can pay."""
        if self.most_cost is None:
            return figures
        history = self.evasions.history
        affordable = history[history["cost"] <= self.most_cost].groupby("row")["queries"].min()
        first = np.full(len(cost), np.inf)
        first[affordable.index.to_numpy(dtype=int)] = affordable.to_numpy()
        return first


@reason_instead
def measure_evasion(
    model: Any,
    rows: Any,
    reference_rows: Any,
    constraints: Constraints | None = None,
    *,
    budget: int = 500,
    goal: Any = None,
    most_cost: float | None = None,
    seed: int = 0,
) -> EvasionResult:
    """Measure how many rows get the answer that an attacker wants, at what price and with how many questions.

    Args:
        model: what :func:`secure_ai.attack.targets.open_target` takes.
        rows: ten or more; those that the model answers with ``goal`` already are left out.
        reference_rows: rows of the same kind that the attacker owns, without labels.
        constraints: what can be changed and what it costs.
        budget: questions for each row at most.
        goal: the class that the attacker wants; None takes any other than the model's.
        most_cost: what the attacker can pay for a row; None for any price.
        seed: of reference rows, the attacker's own model, random changes and resampling.

    Returns:
        The result, or :class:`Unassessed` with the reason where the model cannot be attacked or judged.

    Raises:
        UserError: if an argument is wrong.
    """
    if most_cost is not None and not most_cost > 0:
        raise UserError(f"most_cost={most_cost!r}: give what the attacker can pay, more than 0, or None.")
    target = open_target(model)
    check_rows(as_frame(rows))
    labels = check_target(target, rows, reference_rows)
    if goal is not None:
        target.index_of(goal)
        attacked = np.flatnonzero(labels != goal)
        if not len(attacked):
            raise TargetError(
                f"The {target.name} gives the wanted answer for all rows: nothing is to be gained."
            )
        rows = rows.iloc[attacked] if hasattr(rows, "iloc") else np.asarray(rows)[attacked]
    code = TableCode(constraints or Constraints(), reference_rows, rows)
    evasions = evade(target, rows, reference_rows, constraints, budget=budget, goal=goal, seed=seed)
    again = target.labels(rows)
    confirmed = _wanted(target.labels(evasions.changed), evasions)
    broken = np.isin(np.arange(len(confirmed)), evasions.violations()["row"].to_numpy(dtype=int))
    random_first, random_cost = _random(target, code, evasions, most_cost, seed)
    hit = evasions.found & confirmed & ~broken
    if most_cost is not None:
        hit &= evasions.cost <= most_cost
    return EvasionResult(
        success=_success(evasions, hit, random_first, again, most_cost),
        valid=_validity(evasions, broken),
        queries=_queries(evasions, random_first, seed),
        cost=_cost(evasions, hit, random_cost, seed),
        evasions=evasions,
        random_first=random_first,
        random_cost=random_cost,
        most_cost=most_cost,
        name=target.name,
    )


def _wanted(labels: np.ndarray, evasions: Evasions) -> np.ndarray:
    return labels == evasions.goal if evasions.goal is not None else labels != evasions.before


def _random(
    target: Target, code: TableCode, evasions: Evasions, most_cost: float | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ask random allowed changes, as many for each row as the attack asked; return first success and cost."""
    rng = np.random.default_rng([seed, 1])
    coded = code.encode(evasions.original)
    made = [
        code.random_changes(row, int(asked), rng) for row, asked in zip(coded, evasions.queries, strict=True)
    ]
    cost = np.concatenate([code.costs(row, changes) for row, changes in zip(coded, made, strict=True)])
    owner = np.repeat(np.arange(len(coded)), [len(changes) for changes in made])
    order = np.concatenate([np.arange(1, len(changes) + 1) for changes in made])
    every = np.vstack(made)
    parts = [every[start : start + CHUNK] for start in range(0, len(every), CHUNK)]
    labels = np.concatenate([evasions.before[:0], *(target.labels(code.decode(part)) for part in parts)])
    hit = labels == evasions.goal if evasions.goal is not None else labels != evasions.before[owner]
    if most_cost is not None:
        hit &= cost <= most_cost
    first, cheapest = np.full(len(coded), np.inf), np.full(len(coded), np.inf)
    np.minimum.at(first, owner[hit], order[hit])
    np.minimum.at(cheapest, owner[hit], cost[hit])
    return first, cheapest


def _success(
    evasions: Evasions, hit: np.ndarray, random_first: np.ndarray, again: np.ndarray, most_cost: float | None
) -> Measurement:
    limit = "" if most_cost is None else f" for at most {most_cost:g} {evasions.cost_unit}"
    n = len(hit)
    return Measurement(
        name="evasion_success",
        value=float(hit.mean()),
        unit="share of rows",
        n=n,
        baseline=float(np.isfinite(random_first).mean()),
        control=float(_wanted(again, evasions).mean()),
        interval=wilson(float(hit.sum()), n),
        method=f"search within the rules{limit}, answers confirmed; Wilson interval; "
        "baseline: random allowed changes, as many questions; control: asked again unchanged",
        source=SOURCE,
    )


def _validity(evasions: Evasions, broken: np.ndarray) -> Measurement | Unassessed:
    n = int(evasions.found.sum())
    if not n:
        return Unassessed("No row was evaded: there are no changed rows whose rules could be checked.")
    right = int((evasions.found & ~broken).sum())
    return Measurement(
        name="evasion_valid_examples",
        value=right / n,
        unit="share of changed rows",
        n=n,
        baseline=1.0,
        interval=clopper_pearson(right, n),
        method="every rule checked on the rows before and after; Clopper-Pearson interval",
        source=SOURCE,
    )


def _queries(evasions: Evasions, random_first: np.ndarray, seed: int) -> Measurement:
    asked = np.where(np.isfinite(evasions.first), evasions.first, evasions.queries)
    by_chance = np.where(np.isfinite(random_first), random_first, evasions.queries)
    return Measurement(
        name="evasion_queries",
        value=float(np.median(asked)),
        unit="questions per row",
        n=len(asked),
        baseline=float(np.median(by_chance)),
        interval=_median_interval(asked, seed),
        method="median until the first success, a failure counted as all it asked; bootstrap interval; "
        f"{evasions.setup_queries:,} questions about reference rows asked once beside; "
        "baseline: random allowed changes",
        source=SOURCE,
    )


def _cost(
    evasions: Evasions, hit: np.ndarray, random_cost: np.ndarray, seed: int
) -> Measurement | Unassessed:
    if not hit.any():
        return Unassessed("No row was evaded: no change has a price.")
    return Measurement(
        name="evasion_cost",
        value=float(np.median(evasions.cost[hit])),
        unit=evasions.cost_unit,
        n=int(hit.sum()),
        baseline=float(np.median(random_cost[hit])),
        interval=_median_interval(evasions.cost[hit], seed),
        method="median cost of the cheapest change found; bootstrap interval; baseline: random changes "
        "of the same rows (infinite: half of them find none)",
        source=GOWER if not evasions.constraints.costs else "costs declared by the user",
    )


def _median_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng([seed, 2])
    drawn = np.median(rng.choice(values, size=(RESAMPLES, len(values))), axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)
