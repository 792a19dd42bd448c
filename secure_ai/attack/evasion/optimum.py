"""The exact cheapest evasion of a linear model, by mixed-integer programming: the yardstick of every search.

White box: the attacker holds the model. Any pipeline counts whose log odds are a sum over the columns, linear
in the numbers (scaling, one-hot encoding, logistic regression); that is learned from its answers and checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from secure_ai.attack.evasion.coding import TableCode, Unit
from secure_ai.attack.evasion.constraints import Constraints, as_frame
from secure_ai.attack.evasion.formulas import Formula
from secure_ai.attack.targets import Target, TargetError, check_rows, open_target
from secure_ai.core import UserError

# How far past the boundary is asked for: the solver's own tolerance may leave the first just short of it.
BEYOND = (1e-12, 1e-7, 1e-5)
LINEAR = 1e-6
SMALLEST = 1e-300
SECONDS = 10.0
GREATER = {"Gt": 1, "GtE": 1, "Lt": -1, "LtE": -1}


@dataclass(frozen=True)
class ExactEvasions:
    """The cheapest changes that exist.

    Attributes:
        original: rows as they came.
        changed: the same rows after the cheapest change; as they came where there is none.
        found: (rows,), whether one exists.
        cost: (rows,), of the cheapest; 0 where the answer was the wanted one before, infinite where none
            exists, NaN where the row itself breaks a formula or the solver ran out of time.
    """

    original: Any
    changed: Any
    found: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True)
class _Linear:
    """Log odds of the wanted class: the constant plus a value for each option or a slope for each number."""

    slopes: np.ndarray
    values: dict[int, np.ndarray]
    constant: float

    def log_odds(self, coded: np.ndarray) -> np.ndarray:
        total = self.constant + coded @ self.slopes
        for place, values in self.values.items():
            total = total + values[coded[:, place].astype(int)]
        return total


def exact_evasion(
    model: Any,
    rows: Any,
    reference_rows: Any,
    constraints: Constraints | None = None,
    *,
    goal: Any = None,
) -> ExactEvasions:
    """Return the cheapest allowed change of each row after which a linear model answers otherwise.

    Args:
        model: a binary classifier with ``decision_function`` or ``predict_proba``, linear in its columns.
        rows, reference_rows, constraints: as of :func:`secure_ai.attack.evasion.evade`.
        goal: the class that is wanted; None takes the other one of each row.

    Raises:
        TargetError: if the model is not linear, not binary, or gives labels only.
        UserError: if a formula is not linear.

    Source: HiGHS through :func:`scipy.optimize.milp`; Ustun, Spangher & Liu, Actionable recourse in linear
        classification (2019), for the formulation.
    """
    target = open_target(model)
    if len(target.classes) != 2:
        raise TargetError(f"The {target.name} has more than two classes: the exact optimum is for two.")
    check_rows(as_frame(rows), least=1)
    check_rows(as_frame(reference_rows), least=2, what="reference rows")
    code = TableCode(constraints or Constraints(), reference_rows, rows)
    for tie in code.constraints.ties:
        _check_linear(tie, code)
    coded = code.encode(rows)
    linear = _learned(target, model, code, coded)
    before = target.labels(rows)
    changed, cost = coded.copy(), np.zeros(len(coded))
    for place, row in enumerate(coded):
        wanted = goal if goal is not None else target.classes[int(before[place] == target.classes[0])]
        if before[place] == wanted:
            continue
        sign = 1.0 if wanted == target.classes[1] else -1.0
        solution, cost[place] = _cheapest(code, linear, row, sign)
        if solution is not None:
            changed[place] = solution
    return ExactEvasions(rows, code.decode(changed), np.isfinite(cost), cost)


def _learned(target: Target, model: Any, code: TableCode, coded: np.ndarray) -> _Linear:
    """Ask what each column adds, then check on rows that this is all there is."""

    def log_odds(rows: np.ndarray) -> np.ndarray:
        decoded = code.decode(rows)
        limit = np.log(target.threshold / (1 - target.threshold))
        if callable(getattr(model, "decision_function", None)):
            return np.asarray(model.decision_function(decoded), dtype=float).ravel() - limit
        chances = np.maximum(target.probabilities(decoded), SMALLEST)
        return np.log(chances[:, 1]) - np.log(chances[:, 0]) - limit

    base = coded[0]
    origin = float(log_odds(base[None, :])[0])
    slopes, values = np.zeros(coded.shape[1]), {}
    for place in range(coded.shape[1]):
        count = code.values_of(place)
        probes = np.repeat(base[None, :], count or 1, axis=0)
        if count:
            probes[:, place] = np.arange(count)
            values[place] = log_odds(probes) - origin
        else:
            step = code.spread_of(place)
            probes[:, place] += step
            slopes[place] = (float(log_odds(probes)[0]) - origin) / step
    linear = _Linear(slopes, values, origin - float(base @ slopes))
    sample = np.vstack([coded, code.reference[:200]])
    truth = log_odds(sample)
    if np.abs(linear.log_odds(sample) - truth).max() > LINEAR * max(1.0, float(np.abs(truth).max())):
        raise TargetError(
            f"The {target.name} is not linear in its columns: the exact optimum is known for logistic "
            "regression and its like. Use evade instead."
        )
    return linear


def _check_linear(tie: Formula, code: TableCode) -> None:
    rule = tie.linear()
    names = [*tie.names, *filter(None, [tie.target])]
    kind = tie.comparison.__name__ if tie.comparison else ""
    listed = any(code.values_of(code.columns.index(name)) for name in names)
    rounded = tie.target in code.constraints.integer
    if rule is None or listed or rounded or (tie.target is None and kind not in {*GREATER, "Eq"}):
        raise UserError(
            f"Formula '{tie.text[:80]}' is not linear in numbers: the exact optimum needs formulas with "
            "sums and fixed factors alone. Use evade instead."
        )


class _Program:
    """Variables, bounds and rows of a mixed-integer program, collected one by one."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.kind: list[int] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []

    def variable(self, cost: float, low: float, high: float, kind: int) -> int:
        """Add a variable; kind 0 continuous, 1 whole, 2 and 3 the same or zero."""
        for store, value in zip(
            (self.cost, self.low, self.high, self.kind), (cost, low, high, kind), strict=True
        ):
            store.append(value)
        return len(self.cost) - 1

    def solve(self, goal: tuple[dict[int, float], float, float]) -> tuple[str, np.ndarray | None]:
        """Return ("solved" | "impossible" | "unknown", values) under the rows and the goal."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        rows = [*self.rows, goal]
        matrix = np.zeros((len(rows), len(self.cost)))
        for place, (factors, _, _) in enumerate(rows):
            matrix[place, list(factors)] = list(factors.values())
        low, high = np.array([row[1:] for row in rows]).T
        found = milp(
            np.array(self.cost),
            integrality=np.array(self.kind),
            bounds=Bounds(np.array(self.low), np.array(self.high)),
            constraints=LinearConstraint(matrix, low, high),
            options={"time_limit": SECONDS, "mip_rel_gap": 1e-6},
        )
        if found.status == 0:
            return "solved", found.x
        return ("impossible" if found.status == 2 else "unknown"), None


def _cheapest(
    code: TableCode, linear: _Linear, row: np.ndarray, sign: float
) -> tuple[np.ndarray | None, float]:
    program = _Program()
    gains: dict[int, float] = {}
    # Column → variables that move it, with the step of one unit of each.
    moves: dict[int, list[tuple[int, float]]] = {}
    patterns: dict[int, tuple[Unit, np.ndarray]] = {}
    for unit in code.units:
        if unit.kind == "number":
            _add_number(program, code, unit.places[0], row, moves=moves, fixed=code.price_fixed[unit.name])
            continue
        options = code.options(unit, row)
        variables = []
        for option in options:
            candidate = row.copy()
            candidate[list(unit.places)] = option
            if not code.valid(row, candidate[None, :])[0]:
                continue
            variable = program.variable(float(code.costs(row, candidate[None, :])[0]), 0, 1, 1)
            variables.append(variable)
            patterns[variable] = (unit, option)
            gains[variable] = sign * float(np.diff(linear.log_odds(np.vstack([row, candidate])))[0])
            for place in unit.places:
                moves.setdefault(place, []).append((variable, candidate[place] - row[place]))
        if variables:
            program.rows.append((dict.fromkeys(variables, 1.0), 0, 1))
    if not _add_ties(program, code, row, moves):
        return None, float("nan")
    for place, variables in moves.items():
        for variable, step in variables:
            if variable not in patterns:
                gains[variable] = gains.get(variable, 0.0) + sign * linear.slopes[place] * step
    start = sign * float(linear.log_odds(row[None, :])[0])
    if not gains:
        return None, float("inf")
    for beyond in BEYOND:
        status, values = program.solve((gains, beyond - start, np.inf))
        if values is None:
            return None, float("inf") if status == "impossible" else float("nan")
        changed = _changed(code, row, values, moves, patterns)
        if sign * linear.log_odds(changed)[0] > 0:
            return changed[0], float(code.costs(row, changed)[0])
    return None, float("nan")


def _changed(
    code: TableCode,
    row: np.ndarray,
    values: np.ndarray,
    moves: dict[int, list[tuple[int, float]]],
    patterns: dict[int, tuple[Unit, np.ndarray]],
) -> np.ndarray:
    """Return the row (1, columns) that a solution of the program means."""
    changed = row.copy()
    for place, variables in moves.items():
        step = sum(values[variable] * size for variable, size in variables if variable not in patterns)
        changed[place] = row[place] + step
        changed[place] = np.round(changed[place]) if code.is_whole_at(place) else changed[place]
    for variable, (unit, option) in patterns.items():
        if values[variable] > 0.5:
            changed[list(unit.places)] = option
    return code.tie(row, changed[None, :])


def _add_number(
    program: _Program,
    code: TableCode,
    place: int,
    row: np.ndarray,
    *,
    moves: dict[int, list[tuple[int, float]]],
    fixed: float,
) -> None:
    """Add how far a number goes up and down, each within its bounds, or not at all."""
    low, high = code.bounds(place, row)
    whole = code.is_whole_at(place)
    if whole and row[place] != np.round(row[place]):
        return
    added = []
    for step, price in ((1.0, code.price_up[place]), (-1.0, code.price_down[place])):
        near, far = (
            (low - row[place], high - row[place]) if step > 0 else (row[place] - high, row[place] - low)
        )
        if far <= 0:
            continue
        # A value outside its range may stay, or jump into it.
        jump = near > 0
        variable = program.variable(price, max(near, 0.0), far, whole + 2 * jump)
        moves.setdefault(place, []).append((variable, step))
        added.append((variable, far))
    if fixed and added:
        switch = program.variable(fixed, 0, 1, 1)
        for variable, far in added:
            program.rows.append(({variable: 1.0, switch: -far}, -np.inf, 0))


def _add_ties(
    program: _Program, code: TableCode, row: np.ndarray, moves: dict[int, list[tuple[int, float]]]
) -> bool:
    """Add the formulas; say False where the row itself breaks one, so that it is no linear matter."""
    for tie in code.constraints.ties:
        factors, constant = tie.linear()
        places = {code.columns.index(name): factor for name, factor in factors.items()}
        now = constant + sum(factor * row[place] for place, factor in places.items())
        change: dict[int, float] = {}
        for place, factor in places.items():
            for variable, step in moves.get(place, []):
                change[variable] = change.get(variable, 0.0) + factor * step
        if tie.target is not None:
            place = code.columns.index(tie.target)
            if abs(now - row[place]) > LINEAR * max(1.0, abs(now)):
                return False
            if not change:
                continue
            low, high = code.bounds(place, row)
            if code.is_frozen(place):
                low = high = row[place]
            if not low <= row[place] <= high:
                return False
            program.rows.append((change, low - row[place], high - row[place]))
            moves[place] = list(change.items())
            continue
        kind = tie.comparison.__name__
        sign = GREATER.get(kind, 1)
        if sign * now < -LINEAR or (kind == "Eq" and abs(now) > LINEAR):
            return False
        if change:
            low, high = (-now, np.inf) if sign > 0 else (-np.inf, -now)
            edge = LINEAR if kind in ("Gt", "Lt") else 0.0
            low, high = (-now, -now) if kind == "Eq" else (low + edge, high - edge)
            program.rows.append((change, low, high))
    return True
