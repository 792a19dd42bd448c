"""Rows as numbers for the search: what moves together, which changes are allowed, what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.evasion.constraints import Constraints, as_frame, is_category
from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError

if TYPE_CHECKING:
    import pandas as pd

FEW_NUMBERS = 12
GRID = np.linspace(0.05, 0.95, 8)
CLOSE = np.array([1 / 64, 1 / 16, 1 / 4])
TIE_BREAK = 1e-6


@dataclass(frozen=True)
class Unit:
    """What changes at once: a column, or the columns of a one-hot group.

    Attributes:
        name: of the column or group.
        places: of its columns in a coded row.
        kind: ``"number"``, ``"category"`` or ``"one_hot"``.
    """

    name: str
    places: tuple[int, ...]
    kind: str


class TableCode:
    """Rows as a matrix of floats (categories as places in their list of values), and the rules over it.

    Args:
        constraints: declared by people; what they leave open is learned from the reference rows.
        reference: rows of the same kind.
        rows: those that will be changed.

    Attributes:
        constraints: with what was learned.
        units: what can be moved.
        reference: the reference rows, coded.
        price_up, price_down: (columns,), cost of a unit up and down.
        price_fixed: unit → cost of any change of it.

    Raises:
        UserError: if columns differ, or a computed column is a category.
        TargetError: if the rules leave nothing that could be changed.
    """

    def __init__(self, constraints: Constraints, reference: Any, rows: Any) -> None:
        import pandas as pd

        frame, other = as_frame(rows), as_frame(reference)
        if list(frame.columns) != list(other.columns):
            raise UserError("The reference rows need the same columns, in the same order, as the rows.")
        self.constraints = constraints.learn(other)
        self.columns = list(frame.columns)
        self._as_given = (
            (lambda table: table.set_axis(rows.columns, axis=1))
            if isinstance(rows, pd.DataFrame)
            else (lambda table: table.to_numpy(dtype=np.asarray(rows).dtype))
        )
        self._dtypes = frame.dtypes
        self._values: dict[int, pd.Series] = {}
        self._allowed: dict[int, int] = {}
        for place, name in enumerate(self.columns):
            if is_category(self.constraints, frame[name]):
                self._learn_values(place, frame[name], other[name])
        rules = self.constraints
        self._at = {name: place for place, name in enumerate(self.columns)}
        self._groups = [
            (np.array([self._at[m] for m in members]), name in rules.none_allowed)
            for name, members in rules.one_hot.items()
        ]
        frozen = {m for name in rules.immutable for m in rules.one_hot.get(name, (name,))}
        self._frozen = np.array([name in frozen for name in self.columns])
        self._up = np.array([name in rules.increasing for name in self.columns])
        self._down = np.array([name in rules.decreasing for name in self.columns])
        # What can neither fall nor rise stays: an attack that moves nothing must not score 0.
        self._frozen |= self._up & self._down
        self._whole = np.array(
            [name in rules.integer and p not in self._values for p, name in enumerate(self.columns)]
        )
        bounds = [rules.ranges.get(n, (None, None)) if p not in self._values else (0, self._allowed[p] - 1)
                  for p, n in enumerate(self.columns)]  # fmt: skip
        self._low = np.array([-np.inf if low is None else low for low, _ in bounds], dtype=float)
        self._high = np.array([np.inf if high is None else high for _, high in bounds], dtype=float)
        self._ties = [
            (formula, self._at.get(formula.target), [self._at[name] for name in formula.names])
            for formula in rules.ties
        ]
        computed = {formula.target for formula, place, _ in self._ties if place is not None}
        if any(self._at[name] in self._values for name in computed):
            raise UserError("A formula computes a column of categories: it can only compute numbers.")
        self.reference = self.encode(other)
        self._seen = np.quantile(self.reference, GRID, axis=0)
        self.units = self._units(computed)
        self._scale_costs()
        if not self.units:
            raise TargetError(
                "The constraints leave nothing that could be changed: free at least one column."
            )
        self._check_ties(other)

    def _check_ties(self, reference: Any) -> None:
        for formula in self.constraints.ties:
            if formula.target is not None or not formula.names:
                continue
            holds = formula.compute({name: reference[name].to_numpy() for name in formula.names})
            if not np.any(holds):
                raise TargetError(
                    f"The rule '{formula.text}' holds for none of {len(reference):,} reference rows: look "
                    "for a mistake in it."
                )

    def encode(self, rows: Any) -> np.ndarray:
        """Return (rows, columns) floats."""
        import pandas as pd

        frame = as_frame(rows)
        coded = np.empty(frame.shape, dtype=float)
        for place, name in enumerate(self.columns):
            if place in self._values:
                coded[:, place] = pd.Index(self._values[place]).get_indexer(frame[name])
            else:
                coded[:, place] = frame[name].to_numpy(dtype=float)
        return coded

    def decode(self, coded: np.ndarray) -> Any:
        """Return rows as the model takes them: a frame with its kinds of columns, or an array."""
        import pandas as pd

        columns = {}
        for place, name in enumerate(self.columns):
            column = coded[:, place]
            if place in self._values:
                columns[name] = self._values[place].array.take(column.astype(int))
            else:
                columns[name] = column.astype(self._dtypes.iloc[place])
        return self._as_given(pd.DataFrame(columns))

    def project(self, row: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return ``row`` changed towards each of ``others`` as far as each column may change."""
        near = others.copy()
        outside = (others < self._low) | (others > self._high)
        near[outside] = np.broadcast_to(row, near.shape)[outside]
        near = np.where(self._up & (near < row) | self._down & (near > row) | self._frozen, row, near)
        for members, _ in self._groups:
            stuck = (near[:, members] != others[:, members]).any(axis=1)
            near[np.ix_(stuck, members)] = row[members]
        return self.tie(row, near)

    def tie(self, row: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Return candidates with the columns that formulas compute set anew where their inputs changed."""
        for formula, place, inputs in self._ties:
            if place is None:
                continue
            touched = (candidates[:, inputs] != row[inputs]).any(axis=1)
            value = formula.compute(
                {n: self._column(candidates, n) for n in formula.names} or {"": candidates[:, 0]}
            )
            value = np.round(value) if self._whole[place] else value
            candidates[:, place] = np.where(touched, value, row[place])
        return candidates

    def valid(self, row: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Return (candidates,): whether every changed cell keeps to the rules."""
        moved = candidates != row
        wrong = moved & (
            self._frozen
            | ~np.isfinite(candidates)
            | (candidates < self._low)
            | (candidates > self._high)
            | self._up & (candidates < row)
            | self._down & (candidates > row)
            | self._whole & (candidates != np.round(candidates))
        )
        right = ~wrong.any(axis=1)
        for members, none in self._groups:
            values = candidates[:, members]
            total = values.sum(axis=1)
            whole = np.isin(values, (0, 1)).all(axis=1) & ((total == 1) | (none & (total == 0)))
            right &= whole | ~moved[:, members].any(axis=1)
        for formula, place, inputs in self._ties:
            if place is None:
                touched = moved[:, inputs].any(axis=1)
                held = formula.compute({name: self._column(candidates, name) for name in formula.names})
                right &= held.astype(bool) | ~touched
        return right

    def costs(self, row: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Return (candidates,): what the changes cost, in the unit of the constraints."""
        step = candidates - row
        total = np.maximum(step, 0) @ self.price_up + np.maximum(-step, 0) @ self.price_down
        for unit in self.units:
            if self.price_fixed[unit.name]:
                total = total + self.price_fixed[unit.name] * (step[:, unit.places] != 0).any(axis=1)
        return total

    def options(self, unit: Unit, row: np.ndarray) -> np.ndarray:
        """Return (options, columns of the unit): other values it could take, the nearest first."""
        place = unit.places[0]
        if unit.kind == "one_hot":
            members, none = next(g for g in self._groups if g[0][0] == place)
            found = np.eye(len(members))
            found = np.vstack([found, np.zeros(len(members))]) if none else found
            return found[(found != row[members]).any(axis=1)]
        low, high = self.bounds(place, row)
        if unit.kind == "category" or (self._whole[place] and high - low < FEW_NUMBERS):
            found = np.arange(np.ceil(low), np.floor(high) + 1)
        else:
            seen = self._seen[:, place]
            ends = np.array([end for end in (low, high) if np.isfinite(end)])
            close = row[place] + np.outer(ends - row[place], CLOSE).ravel()
            found = np.concatenate([seen, ends, close])
            found = np.unique(np.round(found) if self._whole[place] else found)
        found = found[(found >= low) & (found <= high) & (found != row[place])]
        return found[np.argsort(np.abs(found - row[place]), kind="stable")][:, None]

    def bounds(self, place: int, row: np.ndarray) -> tuple[float, float]:
        """Return the least and the most that a column of the row may become."""
        low = max(row[place], self._low[place]) if self._up[place] else self._low[place]
        high = min(row[place], self._high[place]) if self._down[place] else self._high[place]
        return float(low), float(high)

    def random_changes(self, row: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return up to ``count`` allowed changes: values of random reference rows in random units."""
        drawn = np.repeat(row[None, :], count, axis=0)
        share = rng.integers(1, len(self.units) + 1, size=count) / len(self.units)
        for unit in self.units:
            chosen = rng.random(count) < share
            source = self.reference[rng.integers(len(self.reference), size=count)]
            drawn[np.ix_(chosen, unit.places)] = source[np.ix_(chosen, unit.places)]
        drawn = self.project(row, drawn)
        return drawn[self.valid(row, drawn) & (drawn != row).any(axis=1)]

    def is_whole(self, unit: Unit) -> bool:
        """Say whether a unit is a whole number."""
        return bool(self._whole[unit.places[0]])

    def is_whole_at(self, place: int) -> bool:
        """Say whether a column holds whole numbers."""
        return bool(self._whole[place])

    def is_frozen(self, place: int) -> bool:
        """Say whether a column cannot be changed."""
        return bool(self._frozen[place])

    def values_of(self, place: int) -> int:
        """Return how many values the list of a category has; 0 for a number."""
        return len(self._values.get(place, ()))

    def spread_of(self, place: int) -> float:
        """Return the width of the range of the values seen in a column."""
        return float(self._spread[place])

    def is_number(self, unit: Unit) -> bool:
        """Say whether the values between two values of a unit are values too."""
        return unit.kind == "number" or unit.name in self.constraints.ordered

    def _learn_values(self, place: int, column: pd.Series, other: pd.Series) -> None:
        import pandas as pd

        name, rules = column.name, self.constraints
        known = list(rules.ordered.get(name, rules.categories.get(name, ())))
        if isinstance(column.dtype, pd.CategoricalDtype):
            known = [value for value in known if value in column.dtype.categories]
        more = [v for v in pd.unique(pd.concat([column, other]).astype(object)) if v not in set(known)]
        self._allowed[place] = len(known)
        self._values[place] = pd.Series([*known, *more], dtype=object).astype(column.dtype)

    def _units(self, computed: set[str]) -> list[Unit]:
        rules = self.constraints
        grouped = {m: name for name, members in rules.one_hot.items() for m in members}
        units = [
            Unit(name, (place,), "category" if place in self._values else "number")
            for place, name in enumerate(self.columns)
            if name not in grouped and name not in computed and not self._frozen[place]
        ]
        for name, members in rules.one_hot.items():
            places = tuple(self._at[m] for m in members)
            if not self._frozen[list(places)].all():
                units.append(Unit(name, places, "one_hot"))
        return units

    def _scale_costs(self) -> None:
        rules = self.constraints
        both = self.reference
        self._spread = np.ptp(both, axis=0)
        self._spread[self._spread == 0] = 1.0
        prices = np.zeros((2, len(self.columns)))
        self.price_fixed: dict[str, float] = {}
        for unit in self.units:
            up, down, once = rules.cost_of(unit.name)
            gower = 1.0 if not rules.costs else TIE_BREAK
            place = unit.places[0]
            if unit.kind == "number" or unit.name in rules.ordered:
                steps = self._spread[place] if unit.kind == "number" else max(self._allowed[place] - 1, 1)
                prices[:, place] = np.array([up, down]) + gower / steps
            else:
                once = max(up, down) + once + gower
            self.price_fixed[unit.name] = once
        self.price_up, self.price_down = prices

    def _column(self, coded: np.ndarray, name: str) -> np.ndarray:
        place = self._at[name]
        if place not in self._values:
            return coded[:, place]
        return self._values[place].to_numpy()[coded[:, place].astype(int)]
