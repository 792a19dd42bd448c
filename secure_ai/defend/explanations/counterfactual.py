"""What would have to change: the cheapest change, within the rules, after which the model answers otherwise.

Good news for a customer and a recipe for a fraudster are the same search. What differs is whether a feature
can be changed honestly: declare what cannot (`immutable`), and give such advice for those that can.

Source: Wachter, Mittelstadt & Russell, Counterfactual explanations without opening the black box (2018);
    Ustun, Spangher & Liu, Actionable recourse in linear classification (2019).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from secure_ai.attack.targets import TargetError, check_rows, open_target, reason_instead
from secure_ai.core import UserError
from secure_ai.defend.explanations.explanation import show_value
from secure_ai.defend.explanations.players import as_frame, as_row

if TYPE_CHECKING:
    from secure_ai.attack.evasion import Constraints

REPEATED = 20


@dataclass(frozen=True)
class WhatWouldChange:
    """Ways to another answer, the cheapest first.

    Attributes:
        ways: columns way, column, before, after, cost (of the whole way); not shown in `repr`.
        before: the model's answer about the case.
        wanted: the answer after any of the ways.
        cost_unit: unit of the cost.
        queries: rows the model was asked about.
    """

    ways: pd.DataFrame = field(repr=False)
    before: Any
    wanted: Any
    cost_unit: str
    queries: int

    def to_frame(self) -> pd.DataFrame:
        """Return the ways."""
        return self.ways

    def sentence(self, names: dict[str, str] | None = None) -> str:
        """Say each way in words; it holds the case's own values, so it is for whoever may see them.

        Args:
            names: column → what the reader calls it.
        """
        words, said = names or {}, []
        for way, changes in self.ways.groupby("way", sort=True):
            parts = [
                f"{words.get(change.column, change.column)} were {show_value(change.after)} instead of "
                f"{show_value(change.before)}"
                for change in changes.itertuples()
            ]
            said.append(f"{'If' if way == 1 else 'or if'} {' and '.join(parts)}")
        return (
            f"{', '.join(said)}, this model would answer '{self.wanted}' instead of '{self.before}'. "
            "It is what the model of today would answer, no promise."
        )


@reason_instead
def what_would_change(
    model: Any,
    row: Any,
    reference_rows: Any,
    constraints: Constraints | None = None,
    *,
    goal: Any = None,
    ways: int = 2,
    budget: int = 500,
    seed: int = 0,
) -> WhatWouldChange:
    """Search the cheapest changes of one case that the rules allow and that turn the model's answer.

    Every way after the first leaves alone what the ways before it changed most, so that they differ.

    Args:
        model: any classifier, function or endpoint.
        row: the case: a frame of one row, a Series, a mapping or a list of values.
        reference_rows: rows of other people.
        constraints: what can be changed and what it costs (:class:`~secure_ai.attack.evasion.Constraints`).
        goal: the answer that is wanted; any other than the model's if not given.
        ways: how many ways at most.
        budget: queries for each way.
        seed: of the search.

    Returns:
        The ways, or :class:`~secure_ai.core.Unassessed` where the model cannot be asked or no allowed change
        turns its answer.

    Raises:
        UserError: if an argument is wrong, or the case has the wanted answer already.
    """
    from secure_ai.attack.evasion import Constraints, evade

    if ways < 1:
        raise UserError(f"ways={ways}: give 1 or more.")
    others, as_array = as_frame(reference_rows)
    case = as_row(row, others)
    given = (case.to_numpy(), others.to_numpy()) if as_array else (case, others)
    target = open_target(model)
    already = target.queries
    check_rows(case, least=1, what="rows to change")
    # One row alone does not show whether the model answers by chance.
    asked = pd.concat([case, others.head(REPEATED)], ignore_index=True)
    asked = asked.to_numpy() if as_array else asked
    labels = target.labels(asked)
    if (target.labels(asked) != labels).any():
        raise TargetError(
            f"The {target.name} answers otherwise when asked again about the same rows: no change of one "
            "means anything. Fix its seed, or ask it without noise."
        )
    before = labels[0]
    if goal is not None and before == goal:
        raise UserError("The case has the wanted answer already: there is nothing to change.")
    rules = constraints or Constraints()
    found: list[pd.DataFrame] = []
    wanted, unit = goal, ""
    for way in range(1, ways + 1):
        try:
            one = evade(target, *given, rules, budget=budget, goal=goal, seed=seed)
        except TargetError:
            if found:
                # Nothing is left that may be changed.
                break
            raise
        if not one.found[0]:
            break
        changes = one.changes().drop(columns="row")
        found.append(changes.assign(way=way, cost=float(one.cost[0])))
        wanted, unit = one.after[0], one.cost_unit
        rules = replace(rules, immutable=(*rules.immutable, _main_change(changes, others, rules)))
    if not found:
        raise TargetError(
            f"No change within the rules was found in {budget} questions after which the {target.name} "
            "answers otherwise: that is what to tell, or loosen the rules."
        )
    table = pd.concat(found, ignore_index=True)[["way", "column", "before", "after", "cost"]]
    return WhatWouldChange(table, before, wanted, unit, target.queries - already)


def _main_change(changes: pd.DataFrame, others: pd.DataFrame, rules: Constraints) -> str:
    """Return the column or one-hot group that changed most; a computed one only if alone."""
    computed = {tie.target for tie in rules.ties}
    group_of = {column: group for group, columns in rules.one_hot.items() for column in columns}
    sizes = {}
    for change in changes.itertuples():
        values = others[change.column]
        if pd.api.types.is_numeric_dtype(values.dtype):
            size = abs(float(change.after) - float(change.before)) / (
                float(values.astype(float).std()) or 1.0
            )
        else:
            size = 1.0
        sizes[group_of.get(change.column, change.column)] = size - 1e6 * (change.column in computed)
    return max(sizes, key=lambda name: sizes[name])
