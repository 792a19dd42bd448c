"""The smallest set of columns, and the coarsest values, that keep a model's accuracy for its purpose.

Data minimization as a measurement: columns go one by one, values become coarser, and after each change the
model of the purpose is scored again. What is left is the proposal; the curve shows what each change cost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from secure_ai.anonymize.minimize.ladders import Level, is_number, ladder
from secure_ai.anonymize.minimize.result import DroppedColumn, KeptColumn, Minimization
from secure_ai.anonymize.minimize.score import Scorer, checked_target
from secure_ai.anonymize.tabular.proposal import FREE_TEXT_LENGTH, KNOWN_TO_OUTSIDERS, OUTSIDER_ENTITIES
from secure_ai.core import UserError
from secure_ai.core.sources import open_source, shown

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator

    from secure_ai.core import Measurement
    from secure_ai.discover.inventory import ColumnProfile

TOLERANCE = 0.01
MOST_ROWS = 20_000
"""Rows that are scored; of a larger table a sample, because more would change no decision."""

UNIQUE_SHARE = 0.9
"""From this share of different values on, a column of texts is a code for its row."""

ALL_COLUMNS = "all columns"
NEVER_NEEDED = "points to one person: no model needs it"
SPARED = "not needed: without it the score stays within the tolerance"


def minimize(
    table: pd.DataFrame,
    target: str,
    purpose: str,
    *,
    tolerance: float = TOLERANCE,
    seed: int = 0,
    estimator: BaseEstimator | None = None,
) -> Minimization:
    """Find the smallest set of columns and the coarsest values that keep the accuracy of a purpose.

    First go columns that point to one person, free text, codes that differ in every row, and constants.
    Then, greedily: (1) columns are dropped that the model misses least, the identifying ones first among
    equals, while half of the tolerance is unspent; (2) the values of the rest are made coarser, identifying
    columns first, each as far as the tolerance allows; (3) more columns go, until the next would break it.
    The score is the AUC (two outcomes), the accuracy (more) or R² (a number) of a logistic or ridge
    regression on steps and categories, in five-fold cross-validation; it does not depend on the order of
    rows. Steps that do not hold on folds other than those of the search are taken back.

    Args:
        table: one row per case, the target among its columns.
        target: column to predict.
        purpose: what the prediction is for, in words; recorded with the result.
        tolerance: how much of the score may be lost, above 0 and at most 0.5. It is reckoned from the score
            with all columns, or from a better one met on the way: a model often gains where columns go
            that only distract it, and that gain is not given away.
        seed: of the folds.
        estimator: the purpose's own scikit-learn model, if another is meant.

    Raises:
        UserError: if the purpose is empty, the target is missing, constant, without values or different in
            nearly every row, there are too few rows, two columns share a name, no column is left that a
            model could use, or the tolerance is out of range.

    Source: GDPR Art. 5(1)(c); 45 CFR 164.502(b).
    """
    from threadpoolctl import threadpool_limits

    from secure_ai.discover import inventory

    _checked(table, target, purpose, tolerance)
    table = table.reset_index(drop=True)
    outcome, kind = checked_target(table, target)
    inputs = table.loc[outcome.index, [name for name in table.columns if name != target]]
    profiles = {c.name: c for c in inventory(open_source(_readable(inputs)), sample=300, seed=seed).columns}
    search = _Search({}, {}, {}, [])
    for name in inputs.columns:
        reason = _never_needed(inputs[name], profiles[name])
        if reason:
            search.dropped.append(
                DroppedColumn(name, reason, profiles[name].direct or _outsider(profiles[name]))
            )
        else:
            search.ladders[name] = ladder(name, inputs[name], profiles[name].entities)
            search.at[name] = 0
            search.identifying[name] = _outsider(profiles[name])
    if not search.ladders:
        raise UserError(
            "No column is left that a model could learn from: all are constant, free text, codes or point to "
            "one person."
        )
    notes = []
    if len(outcome) < len(table):
        notes.append(f"{len(table) - len(outcome):,} rows without a value of the target were left out.")
    if len(inputs) > MOST_ROWS:
        notes.append(f"Scored on {MOST_ROWS:,} of {len(inputs):,} rows.")
    scorer = Scorer(
        inputs, search.ladders, outcome, kind=kind, seed=seed, estimator=estimator, most=MOST_ROWS
    )
    # The models are small: threads of linear algebra would wait for each other, and add up differently.
    with threadpool_limits(1):
        rows = _walk(search, scorer, tolerance)
        end, confirmed = _confirm(search, scorer, rows, tolerance)
    kept = search.chosen(rows[end].at)
    full, score = rows[0].measured, rows[end].measured
    half = (full.interval[1] - full.interval[0]) / 2
    if half > tolerance:
        notes.append(
            f"From {full.n:,} rows a score is known within ± {half:.3f} only, more than the tolerance. "
            "Steps are compared on the same rows and are surer than that; more rows would help."
        )
    return Minimization(
        target=target,
        purpose=purpose.strip(),
        tolerance=tolerance,
        seed=seed,
        full=full,
        score=score,
        confirmed=confirmed,
        kept=tuple(
            KeptColumn(name, kept[name], len(search.ladders[name]), search.identifying[name])
            for name in inputs.columns
            if name in kept
        ),
        dropped=tuple(search.dropped[: rows[end].dropped]),
        curve=_frame(rows, end),
        notes=tuple(notes),
    )


@dataclass
class _Search:
    """Where the search stands: ladders, the place of each remaining column on its own, what went."""

    ladders: dict[str, tuple[Level, ...]]
    at: dict[str, int]
    identifying: dict[str, bool]
    dropped: list[DroppedColumn]

    def chosen(self, at: Mapping[str, int]) -> dict[str, Level]:
        """Return the level of every column of ``at``."""
        return {name: self.ladders[name][place] for name, place in at.items()}

    def levels(self, without: str = "", other: Mapping[str, int] | None = None) -> dict[str, Level]:
        """Return the level of every remaining column, but ``without`` one or with one at an ``other``."""
        at = self.at | dict(other or {})
        return self.chosen({name: place for name, place in at.items() if name != without})


class _Row(NamedTuple):
    change: str
    at: dict[str, int]
    dropped: int
    measured: Measurement
    identifying: int
    within: bool


def _walk(search: _Search, scorer: Scorer, tolerance: float) -> list[_Row]:
    """Drop, coarsen, drop again within the tolerance, then drop on to the last column; return all steps."""
    never = len(search.dropped)
    seen = scorer.score(search.levels())
    best = seen.value
    rows: list[_Row] = []

    def note(change: str) -> None:
        identifying = sum(search.identifying[name] for name in search.at)
        within = seen.value >= best - tolerance
        rows.append(
            _Row(change, dict(search.at), len(search.dropped), scorer.measured(seen), identifying, within)
        )

    def drop(spend: float, reason: str) -> None:
        nonlocal seen, best
        refused: set[str] = set()
        while len(search.at) > 1:
            name = next((name for name in _order(search, seen, tolerance) if name not in refused), None)
            if name is None:
                return
            tried = scorer.score(search.levels(without=name))
            if tried.value < best - spend:
                refused.add(name)
                continue
            seen, best = tried, max(best, tried.value)
            del search.at[name]
            search.dropped.append(DroppedColumn(name, reason, search.identifying[name]))
            note(f"{name} dropped")

    def coarsen() -> None:
        nonlocal seen, best
        for name in sorted(search.at, key=lambda name: (not search.identifying[name], name)):
            for place in range(len(search.ladders[name]) - 1, search.at[name], -1):
                tried = scorer.score(search.levels(other={name: place}))
                if tried.value >= best - tolerance:
                    seen, best = tried, max(best, tried.value)
                    search.at[name] = place
                    note(f"{name}: {search.ladders[name][place].name}")
                    break

    note(f"all but {never} that no model needs" if never else ALL_COLUMNS)
    drop(tolerance / 2, SPARED)
    coarsen()
    drop(tolerance, SPARED)
    drop(float("inf"), "")  # on to the last column, for the curve
    return rows


def _confirm(search: _Search, scorer: Scorer, rows: list[_Row], tolerance: float) -> tuple[int, Measurement]:
    """Return the last step that the tolerance allows, on the folds of the search and on others, too.

    The search takes what looks best on its folds, which is partly chance; so it is checked on folds that
    had no part in it, and steps are taken back until it holds there as well.
    """
    end = max(step for step, row in enumerate(rows) if all(before.within for before in rows[: step + 1]))
    while True:
        confirmed = scorer.confirmed(search.chosen(rows[end].at))
        if end == 0 or confirmed.value >= confirmed.control - tolerance:
            return end, confirmed
        end -= 1


def _order(search: _Search, seen, tolerance: float) -> list[str]:
    """Return the remaining columns, first the one to drop: least missed, and identifying among equals."""

    def rank(name: str) -> tuple:
        loss = max(0.0, seen.losses[name])
        return (int(loss / (tolerance / 4)), not search.identifying[name], loss, name)

    return sorted(search.at, key=rank)


def _checked(table: pd.DataFrame, target: str, purpose: str, tolerance: float) -> None:
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise UserError("minimize() takes a pandas DataFrame: read the table first.")
    if not isinstance(purpose, str) or not purpose.strip():
        raise UserError("Say in words what the prediction is for: data is minimal only for a purpose.")
    number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    if not number or not 0 < tolerance <= 0.5:
        raise UserError(f"tolerance={tolerance!r}: give a number above 0 and at most 0.5, such as 0.01.")
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise UserError(f"Two columns are called '{shown(str(twice[0]))}': rename one.")
    if not all(isinstance(name, str) and name.strip() for name in table.columns):
        raise UserError("Column names must be texts: name the columns that are numbers or empty.")
    if target not in table.columns:
        names = ", ".join(shown(name) for name in table.columns[:20])
        raise UserError(f"The table has no column '{shown(str(target))}' to predict: choose from {names}.")


def _readable(inputs: pd.DataFrame) -> pd.DataFrame:
    """Return ``inputs`` in types that the inventory reads: mixed and nested values as text."""

    return inputs.apply(
        lambda values: (
            values
            if is_number(values) and values.dtype != object
            else values.astype(object).map(str, na_action="ignore")
        )
    )


def _never_needed(values: pd.Series, profile: ColumnProfile) -> str:
    texts = values.dropna().map(str)
    if not len(texts):
        return "holds no value"
    if texts.nunique() == 1 and len(texts) == len(values):
        return "the same value in every row"
    if profile.direct:
        return NEVER_NEEDED
    if is_number(values):
        return ""
    if profile.free_text or (texts.map(len).mean() > FREE_TEXT_LENGTH and texts.nunique() > len(texts) / 2):
        return "free text: to be de-identified, this model does not read it"
    if "ZIP_CODE" not in profile.entities and texts.nunique() >= max(3, UNIQUE_SHARE * len(texts)):
        return "differs in nearly every row: a code for the row, or as good as one"
    return ""


def _outsider(profile: ColumnProfile) -> bool:
    words = set(re.findall(r"[^\W\d_]+", profile.name.lower()))
    return bool(
        words & set(KNOWN_TO_OUTSIDERS.split())
        or set(profile.entities) & set(OUTSIDER_ENTITIES.split())
        or profile.hipaa
    )


def _frame(rows: list[_Row], end: int) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "step": step,
                "change": row.change,
                "columns": len(row.at),
                "score": row.measured.value,
                "low": row.measured.interval[0],
                "high": row.measured.interval[1],
                "identifying": row.identifying,
                "within": step <= end,
            }
            for step, row in enumerate(rows)
        ]
    )
