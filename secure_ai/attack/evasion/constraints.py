"""What an attacker can change about a row, and at what price: rules declared by people, checked on frames.

A change that nobody can make is no attack: age does not fall, a monthly rate follows from amount and term,
one of the one-hot columns is 1. Only cells that were changed are judged; a row as it came breaks no rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.evasion.formulas import Formula
from secure_ai.attack.targets import TargetError
from secure_ai.core import UserError

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES = 60
TOLERANCE = 1e-5
DIRECTIONS = ("up", "down", "fixed")


@dataclass(frozen=True)
class Constraints:
    """The rules of what can be changed. What is not named is free within the values seen in reference rows.

    Attributes:
        immutable: columns, or one-hot groups by name, that cannot be changed.
        increasing: columns that can only rise; of an ordered category, only later values.
        decreasing: columns that can only fall.
        integer: columns of whole numbers; found by themselves where all values seen are whole.
        ranges: column → (least, most); None leaves a side open. Not declared: the range seen.
        categories: column → the values that it may take. Not declared: the values seen.
        ordered: column → the values that it may take, from low to high, for ``increasing`` and for costs.
        one_hot: name of a group → its 0/1 columns, of which exactly one is 1.
        none_allowed: groups of ``one_hot`` of which all may be 0 (found by itself where that is seen).
        formulas: ties, such as ``"installment = amount / months"`` (the column is computed anew) and
            ``"amount <= 5 * income"`` (must stay true); see :mod:`secure_ai.attack.evasion.formulas`.
        costs: column or group → what a change costs: a number (per unit of a number, per step of an ordered
            category, per change of another), or a mapping with ``up``, ``down`` and ``fixed``. Where costs
            are declared, what has none is free; where none are, cost is Gower's distance (a change over the
            whole range seen, or to another category, counts 1).
        cost_unit: ``"USD"``, ``"days"``; without declared costs it is Gower's distance.

    Raises:
        UserError: if a rule contradicts the shape above.
    """

    immutable: Sequence[str] = ()
    increasing: Sequence[str] = ()
    decreasing: Sequence[str] = ()
    integer: Sequence[str] = ()
    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    categories: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    ordered: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    one_hot: Mapping[str, Sequence[str]] = field(default_factory=dict)
    none_allowed: Sequence[str] = ()
    formulas: Sequence[str] = ()
    costs: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    cost_unit: str = ""

    def __post_init__(self) -> None:
        for part in fields(self):
            value, wanted = getattr(self, part.name), part.default
            if isinstance(wanted, tuple):
                if isinstance(value, str):
                    raise UserError(f"{part.name}='{value}': give a list of columns, ['{value}'].")
                object.__setattr__(self, part.name, tuple(value))
            elif wanted != "" and not isinstance(value, Mapping):
                raise UserError(f"{part.name}: give a mapping, column → value.")
        for name, bounds in self.ranges.items():
            _check_range(name, bounds)
        for name, members in self.one_hot.items():
            if isinstance(members, str) or len(members) < 2:
                raise UserError(f"one_hot '{name}': list the two or more columns of the group.")
        for name, values in {**self.categories, **self.ordered}.items():
            if isinstance(values, str) or len(set(values)) != len(values) or not len(values):
                raise UserError(f"categories of '{name}': list distinct values.")
        for name, price in self.costs.items():
            _check_cost(name, price)
        for tie in self.ties:
            if tie.target in self.costs:
                raise UserError(
                    f"Column '{tie.target}' follows from '{tie.text}', so that nobody pays for it by itself: "
                    "give the cost to what it is computed from."
                )

    @property
    def ties(self) -> tuple[Formula, ...]:
        """Return the formulas, read."""
        return tuple(map(Formula, self.formulas))

    @classmethod
    def from_yaml(cls, path: str | Path) -> Constraints:
        """Read constraints from a YAML file with the names above.

        Raises:
            UserError: if it cannot be read, or a name or value in it is wrong.
        """
        from secure_ai.attack.evasion.constraints_file import read

        return cls(**read(path))

    def learn(self, reference_rows: Any) -> Constraints:
        """Return these constraints with what was not declared taken from rows: whole numbers, ranges, values.

        Args:
            reference_rows: a frame, or an array (its columns are named ``x0``, ``x1``, …).

        Raises:
            UserError: if a rule names a column that is not there.
            TargetError: if the rules contradict each other, so that nothing can be changed.
        """
        frame = as_frame(reference_rows)
        self._check_columns(list(frame.columns))
        integer, ranges, categories = set(self.integer), dict(self.ranges), dict(self.categories)
        for name in frame.columns:
            values = frame[name]
            if is_category(self, values):
                if name in (*self.increasing, *self.decreasing) and name not in self.ordered:
                    raise UserError(
                        f"Column '{name}' is a category and rises or falls only in an order: list its "
                        "values, from low to high, under ordered."
                    )
                if name not in self.ordered and name not in categories:
                    categories[name] = tuple(values.value_counts().index[:MOST_VALUES])
                continue
            numbers = values.to_numpy(dtype=float)
            if (numbers == np.round(numbers)).all():
                integer.add(name)
            low, high = ranges.get(name, (None, None))
            seen = (float(numbers.min(initial=np.inf)), float(numbers.max(initial=-np.inf)))
            low, high = seen[0] if low is None else low, seen[1] if high is None else high
            if low > high:
                raise TargetError(
                    f"Column '{name}' has no value that is allowed: its range starts above where it ends, or "
                    "above every value seen. Correct the range."
                )
            ranges[name] = (float(low), float(high))
        none = [
            group for group, members in self.one_hot.items() if (frame[list(members)] == 0).all(axis=1).any()
        ]
        return replace(
            self,
            integer=tuple(name for name in frame.columns if name in integer),
            ranges=ranges,
            categories=categories,
            none_allowed=tuple(dict.fromkeys([*self.none_allowed, *none])),
        )

    def violations(self, original: Any, changed: Any) -> pd.DataFrame:
        """Return every rule that a change breaks: columns ``row`` (place from 0), ``column``, ``rule``.

        Args:
            original: rows as they came.
            changed: the same rows as they are after.

        Raises:
            UserError: if both differ in columns or length, or a rule names a column that is not there.
        """
        import pandas as pd

        before, after = as_frame(original), as_frame(changed)
        if list(before.columns) != list(after.columns) or len(before) != len(after):
            raise UserError("Both need the same rows and columns: give the rows before and after the change.")
        self._check_columns(list(before.columns))
        found: list[tuple[int, str, str]] = []
        moved = {name: _differs(before[name], after[name]) for name in before.columns}
        for name in before.columns:
            for rule, broken in self._broken(name, before[name], after[name], moved[name]):
                found += [(int(row), name, rule) for row in np.flatnonzero(broken)]
        for group, members in self.one_hot.items():
            touched = np.any([moved[m] for m in members], axis=0)
            values = after[list(members)].to_numpy(dtype=float)
            total = values.sum(axis=1)
            right = np.isin(values, (0, 1)).all(axis=1) & (
                (total == 1) | ((total == 0) & (group in self.none_allowed))
            )
            frozen = touched & (group in self.immutable)
            found += [(int(r), group, "one-hot: exactly one is 1") for r in np.flatnonzero(touched & ~right)]
            found += [(int(r), group, "immutable") for r in np.flatnonzero(frozen)]
        for tie in self.ties:
            involved = [*tie.names, *([tie.target] if tie.target else [])]
            touched = np.any([moved[name] for name in involved], axis=0) if involved else np.zeros(len(after))
            value = tie.compute(
                {name: after[name].to_numpy() for name in tie.names} or {"": np.zeros(len(after))}
            )
            right = (
                value.astype(bool)
                if tie.target is None
                else self._follows(after[tie.target], value, tie.target)
            )
            found += [(int(r), tie.target or involved[0], tie.text) for r in np.flatnonzero(touched & ~right)]
        return pd.DataFrame(sorted(found), columns=["row", "column", "rule"])

    def to_frame(self) -> pd.DataFrame:
        """Return the rules as a table for people: columns ``column``, ``rule``, ``cost of a change``."""
        import pandas as pd

        rules: dict[str, list[str]] = {}
        for kind in ("immutable", "increasing", "decreasing", "integer"):
            for name in getattr(self, kind):
                rules.setdefault(name, []).append(
                    kind if kind in ("immutable", "integer") else f"{kind} only"
                )
        for name, (low, high) in self.ranges.items():
            ends = f"{'any' if low is None else f'{low:g}'} to {'any' if high is None else f'{high:g}'}"
            rules.setdefault(name, []).append(ends)
        for name, values in {**self.categories, **self.ordered}.items():
            rules.setdefault(name, []).append(
                f"one of {len(values)} values" + ", ordered" * (name in self.ordered)
            )
        for name, members in self.one_hot.items():
            rules.setdefault(name, []).append(f"one of {len(members)} columns is 1")
        for tie in self.ties:
            rules.setdefault(tie.target or (*tie.names, "row")[0], []).append(tie.text)
        names = [*rules, *(name for name in self.costs if name not in rules)]
        rows = [(name, "; ".join(rules.get(name, [])), self._price(name)) for name in names]
        return pd.DataFrame(rows, columns=["column", "rule", "cost of a change"])

    def cost_of(self, name: str) -> tuple[float, float, float]:
        """Return (up, down, fixed) of a column or group with declared costs; 0 for what has none."""
        price = self.costs.get(name, 0.0)
        if isinstance(price, Mapping):
            return tuple(float(price.get(part, 0.0)) for part in DIRECTIONS)
        return float(price), float(price), 0.0

    def _price(self, name: str) -> str:
        if name not in self.costs:
            return ""
        up, down, fixed = self.cost_of(name)
        unit = f" {self.cost_unit}".rstrip()
        text = f"{up:g}{unit}" if up == down else f"up {up:g}{unit}, down {down:g}{unit}"
        return text + (f", {fixed:g}{unit} at once" if fixed else "")

    def _broken(self, name: str, before: Any, after: Any, moved: np.ndarray) -> list[tuple[str, np.ndarray]]:
        found = [("immutable", moved & (name in self.immutable))]
        if name in self.ordered or name in self.categories:
            allowed = list(self.ordered.get(name, self.categories.get(name, ())))
            found.append(("category", moved & ~np.isin(after.to_numpy(dtype=object), allowed)))
        if name in self.ordered:
            places = {value: place for place, value in enumerate(allowed)}
            old, new = (
                np.array([places.get(v, np.nan) for v in side], dtype=float) for side in (before, after)
            )
        elif is_category(self, before):
            return found
        else:
            old, new = before.to_numpy(dtype=float), after.to_numpy(dtype=float)
            found.append(("integer", moved & (new != np.round(new)) & (name in self.integer)))
            low, high = self.ranges.get(name, (None, None))
            low, high = -np.inf if low is None else low, np.inf if high is None else high
            near = TOLERANCE * np.maximum(1.0, np.abs(new))
            found.append(("range", moved & ~((new >= low - near) & (new <= high + near))))
        found.append(("increasing only", moved & ~(new >= old) & (name in self.increasing)))
        found.append(("decreasing only", moved & ~(new <= old) & (name in self.decreasing)))
        return found

    def _follows(self, column: Any, value: np.ndarray, name: str) -> np.ndarray:
        near = 0.5 + 1e-9 if name in self.integer else TOLERANCE * np.maximum(1.0, np.abs(value))
        return np.abs(column.to_numpy(dtype=float) - value) <= near

    def _check_columns(self, columns: list[str]) -> None:
        members = [name for group in self.one_hot.values() for name in group]
        named = [
            *self.increasing,
            *self.decreasing,
            *self.integer,
            *self.ranges,
            *self.categories,
            *self.ordered,
        ]
        named += members + [n for tie in self.ties for n in (*tie.names, *filter(None, [tie.target]))]
        named += [name for name in (*self.immutable, *self.costs) if name not in self.one_hot]
        unknown = [name for name in named if name not in columns]
        if unknown:
            raise UserError(
                f"The constraints name a column '{unknown[0]}' that the rows do not have: "
                f"choose from {', '.join(map(str, columns[:12]))}{' …' if len(columns) > 12 else ''}."
            )
        if len(set(members)) < len(members):
            raise UserError("A column is in two one-hot groups: name it in one.")


def as_frame(rows: Any) -> pd.DataFrame:
    """Return rows as a frame with names of columns as texts; those of an array are ``x0``, ``x1``, …"""
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        frame = rows.reset_index(drop=True)
        frame.columns = [str(name) for name in frame.columns]
        if frame.columns.has_duplicates:
            raise UserError("Two columns of the rows have the same name: rename one.")
        return frame
    values = np.asarray(rows)
    if values.ndim != 2:
        raise UserError("Rows are a frame, or an array with two dimensions: rows and features.")
    frame = pd.DataFrame(values, columns=[f"x{place}" for place in range(values.shape[1])])
    return frame.infer_objects() if values.dtype == object else frame


def is_category(constraints: Constraints, values: pd.Series) -> bool:
    """Say whether a column is a category: declared so, or not of numbers."""
    import pandas as pd

    declared = values.name in constraints.categories or values.name in constraints.ordered
    numbers = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    return declared or not numbers


def _differs(before: pd.Series, after: pd.Series) -> np.ndarray:
    return before.to_numpy(dtype=object) != after.to_numpy(dtype=object)


def _check_range(name: str, bounds: Any) -> None:
    try:
        low, high = bounds
        right = all(end is None or np.isfinite(float(end)) for end in (low, high))
    except (TypeError, ValueError):
        right = False
    if not right:
        raise UserError(f"ranges of '{name}': give (least, most), each a number or None.")


def _check_cost(name: str, price: Any) -> None:
    parts = price if isinstance(price, Mapping) else {"up": price}
    try:
        right = set(parts) <= set(DIRECTIONS) and all(0 <= float(p) < np.inf for p in parts.values())
    except (TypeError, ValueError):
        right = False
    if not right:
        raise UserError(f"costs of '{name}': give a number from 0, or up, down and fixed with such numbers.")
