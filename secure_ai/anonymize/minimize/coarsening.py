"""What coarser values buy and cost: how many people stay unique, and what a model loses, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from secure_ai.anonymize.minimize.ladders import Level, ladder
from secure_ai.anonymize.minimize.score import Scorer, checked_target
from secure_ai.core import UserError
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20_000


def coarsening_curve(
    table: pd.DataFrame, target: str, columns: Sequence[str], *, beside: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Make ``columns`` coarser by one level at a time, in turn, until all are gone, and measure each state.

    Args:
        table: one row per case.
        target: what a model predicts.
        columns: quasi-identifiers to coarsen, such as ZIP code and birth date.
        beside: columns that the model has anyway, unchanged; they do not count as known to outsiders.
        seed: of the folds.

    Returns:
        One row per state: ``values`` (what the columns still show), ``unique`` (share of rows that are alone
        in what the columns show), ``score``, ``low``, ``high`` (95 %), from the finest to none.

    Raises:
        UserError: if a column is missing, or the target cannot be predicted.
    """
    import pandas as pd
    from threadpoolctl import threadpool_limits

    columns, beside = list(dict.fromkeys(columns)), list(dict.fromkeys(beside))
    if not columns or not beside:
        raise UserError("Name at least one column to coarsen, and one that the model has beside it.")
    missing = [name for name in (*columns, *beside, target) if name not in table.columns]
    if missing:
        raise UserError(f"The table has no column {', '.join(map(shown, missing))}.")
    table = table.reset_index(drop=True)
    outcome, kind = checked_target(table, target)
    table = table.loc[outcome.index]
    ladders: dict[str, tuple[Level | None, ...]] = {
        name: (*ladder(name, table[name]), None) for name in columns
    }
    fixed = {name: ladder(name, table[name])[:1] for name in beside}
    whole = {name: levels[:-1] for name, levels in ladders.items()} | fixed
    scorer = Scorer(table, whole, outcome, kind=kind, seed=seed, estimator=None, most=MOST_ROWS)
    rows = []
    with threadpool_limits(1):
        for at in _states({name: len(levels) for name, levels in ladders.items()}):
            levels = {name: ladders[name][place] for name, place in at.items()}
            shown_levels = {name: level for name, level in levels.items() if level is not None}
            seen = scorer.score(shown_levels | {name: level for name, (level,) in fixed.items()})
            values = ", ".join(
                f"{name.replace('_', ' ')}: {level.name if level else 'none'}"
                for name, level in levels.items()
            )
            rows.append((values, _unique(table, shown_levels), seen.value, seen.low, seen.high))
    return pd.DataFrame(rows, columns=["values", "unique", "score", "low", "high"])


def _states(lengths: dict[str, int]) -> list[dict[str, int]]:
    """Return all states from the finest to the coarsest, each one level of one column after the last."""
    at = dict.fromkeys(lengths, 0)
    states = [dict(at)]
    while any(at[name] < length - 1 for name, length in lengths.items()):
        for name, length in lengths.items():
            if at[name] < length - 1:
                at[name] += 1
                states.append(dict(at))
    return states


def _unique(table: pd.DataFrame, levels: dict[str, Level]) -> float:
    if not levels:
        return 0.0
    seen = table[list(levels)].copy()
    for name, level in levels.items():
        seen[name] = level.apply(table[name]).astype(object).map(str)
    return float((~seen.duplicated(keep=False)).mean())
