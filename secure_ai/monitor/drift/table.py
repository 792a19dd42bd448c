"""Compare a current table with a reference, column by column, without taking noise for drift."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from secure_ai.core import Unassessed, UserError
from secure_ai.core.sources import Source, TableLike, as_source, shown
from secure_ai.monitor.drift.columns import FAMILIES, Draft, compare_column
from secure_ai.monitor.drift.population import MAJOR, MODERATE
from secure_ai.monitor.drift.report import (
    FEED_SIGNS,
    FIGURES,
    LEVELS,
    ColumnDrift,
    DriftReport,
    Level,
    Role,
    Sign,
)

SAMPLE = 100_000
KS_FLOOR = 0.10
SHARE_FLOORS = {"missing": 0.05, "unseen": 0.01, "out_of_range": 0.01}
MAJOR_SHARE = 0.25


def measure_drift(
    reference: TableLike | Source,
    current: TableLike | Source,
    *,
    columns: Collection[str] | None = None,
    ignore: Collection[str] = (),
    score: str | None = None,
    label: str | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    alpha: float = 0.05,
    sample: int = SAMPLE,
    seed: int = 0,
) -> DriftReport:
    """Compare two tables column by column.

    A column is called drifted only where the change is both too large for chance and large enough to
    matter: PSI of at least 0.1 *and* above its noise bound; Kolmogorov-Smirnov distance of at least 0.1
    *and* significant after Holm's correction; missing values 5 points apart; unseen categories, or values
    outside the range of the reference, in at least 1 % of the rows *and* beyond chance. The chance of any
    alarm at all where nothing drifted is at most ``alpha``, shared by the five methods.

    Args:
        reference: what the model was trained or last approved on: a file, database table or DataFrame.
        current: the data to judge.
        columns: which to compare; by default all of the reference.
        ignore: columns to leave out, such as identifiers.
        score: the column with the model's score, if any.
        label: the column with the true outcome, if any.
        ranges: column → smallest and largest possible value, where you know them.
        alpha: error rate of the whole report, between 0.0001 and 0.5.
        sample: at most so many rows of each table are compared, drawn with ``seed``.
        seed: for samples, permutations and bootstrap.

    Raises:
        UserError: if a table is empty or not a table, a named column does not exist, or an option is wrong.
    """
    if not 0.0001 <= alpha <= 0.5:
        raise UserError("alpha is the chance of a false alarm: give a number from 0.0001 to 0.5, as 0.05.")
    if sample < 1:
        raise UserError("sample is the number of rows to compare: give at least 1.")
    old, new = (
        _load(table, name, sample, seed)
        for table, name in ((reference, "The reference"), (current, "The current table"))
    )
    names = _chosen(old, columns, ignore, score=score, label=label, ranges=ranges or {})
    rng = np.random.default_rng(seed)
    if label is not None and (label not in new.columns or new[label].isna().all()):
        names.remove(label)
    drafts = [
        compare_column(
            name,
            old[name],
            new[name] if name in new.columns else None,
            alpha=alpha / len(FAMILIES) / max(len(names), 1),
            limits=(ranges or {}).get(name),
            rng=rng,
        )
        for name in names
    ]
    corrected = {family: _holm({d.column: d.p_values.get(family) for d in drafts}) for family in FAMILIES}
    per_family = alpha / len(FAMILIES)
    roles: dict[str, Role] = {score or "": "score", label or "": "label"}
    judged = [
        _judge(
            replace(draft, p_values={f: corrected[f][draft.column] for f in draft.p_values}),
            roles.get(draft.column, "input"),
            per_family,
        )
        for draft in drafts
    ]
    if label is not None and label not in names:
        judged.append(_no_label(label))
    judged.sort(key=lambda column: (LEVELS.index(column.level), -np.nan_to_num(column.value("psi"))))
    warnings = (
        [] if label in (None, *names) else ["No label has come yet: only scores and inputs are judged."]
    )
    if len(new) < 200:
        warnings.append(
            f"With {len(new):,} current rows only large changes stand out from chance: see the noise bounds."
        )
    new_columns = tuple(str(name) for name in new.columns if name not in old.columns and name not in ignore)
    return DriftReport(len(old), len(new), tuple(judged), new_columns, alpha, tuple(warnings))


def _load(table: TableLike | Source, name: str, sample: int, seed: int) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        if not len(table) or not len(table.columns):
            raise UserError(f"{name} is empty: give a table with rows and columns.")
        if not table.columns.is_unique:
            raise UserError(f"{name} has two columns of the same name: rename one.")
        frame = table if len(table) <= sample else table.sample(sample, random_state=seed)
        return frame.rename(columns=str)
    source = as_source(table)
    if source.n_rows <= sample:
        return source.to_pandas()
    return source.sql(f"SELECT * FROM source USING SAMPLE reservoir({sample} ROWS) REPEATABLE ({seed})").df()


def _chosen(
    old: pd.DataFrame,
    columns: Collection[str] | None,
    ignore: Collection[str],
    *,
    score: str | None,
    label: str | None,
    ranges: Mapping[str, tuple[float, float]],
) -> list[str]:
    if isinstance(columns, str) or isinstance(ignore, str):
        raise UserError("columns and ignore are lists of names: write ['age'], not 'age'.")
    asked = [*(columns or ()), *([score] if score else []), *([label] if label else []), *ranges]
    missing = next((name for name in asked if name not in old.columns), None)
    if missing is not None:
        raise UserError(
            f"The reference has no column '{shown(str(missing))}': choose from "
            f"{', '.join(shown(str(name)) for name in old.columns[:20])}."
        )
    for name, limits in ranges.items():
        if len(limits) != 2 or not limits[0] < limits[1]:
            raise UserError(f"The range of '{shown(name)}' needs a smaller and a larger number.")
    wanted = list(old.columns) if columns is None else list(dict.fromkeys(asked))
    names = [name for name in wanted if name not in set(ignore)]
    if not names:
        raise UserError("No column is left to compare: name fewer in ignore.")
    return names


def _holm(p_values: Mapping[str, float | None]) -> dict[str, float]:
    """Correct p-values for their number (Holm, A simple sequentially rejective test procedure, 1979)."""
    known = sorted((value, name) for name, value in p_values.items() if value is not None)
    out, largest = {}, 0.0
    for i, (value, name) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - i)))
        out[name] = largest
    return out


def _no_label(label: str) -> ColumnDrift:
    figures = {name: Unassessed("no label has come yet") for name in FIGURES}
    return ColumnDrift(label, "label", "other", "unassessed", figures)


def _judge(draft: Draft, role: Role, alpha: float) -> ColumnDrift:
    signs = list(draft.signs)
    psi, ks = draft.value("psi"), draft.value("ks")
    bound = draft.bounds.get("psi", np.inf)
    sure = {name: p < alpha for name, p in draft.p_values.items()}
    level: Level = "stable"
    if psi > bound or sure.get("ks"):
        level = "small"
    if psi >= MODERATE and psi > bound:
        level = "major" if psi >= MAJOR else "moderate"
        signs.append(Sign("psi", f"PSI {psi:.2f}, where chance alone gives up to {bound:.2f}"))
    if sure.get("ks") and ks >= KS_FLOOR:
        level = "moderate" if level == "small" else level
        signs.append(Sign("ks", f"Kolmogorov-Smirnov distance {ks:.2f}"))
    words = {
        "missing": "{0:.0%} missing, {1:.0%} in the reference",
        "unseen": "{0:.0%} of the values are in categories that the reference does not know",
        "out_of_range": "{0:.0%} of the values lie outside the range",
    }
    for name, floor in SHARE_FLOORS.items():
        if role == "label" and name == "missing":
            continue  # Labels come late: that is no drift.
        value, usual = draft.value(name), draft.baseline(name)
        if sure.get(name) and abs(value - usual) >= floor:
            signs.append(Sign(name, words[name].format(value, usual)))
            worst = abs(value - usual) >= MAJOR_SHARE
            level = "major" if worst or level == "major" else "moderate"
        elif sure.get(name) and level == "stable":
            level = "small"
    if any(sign.name in ("type_changed", "column_missing", "scale") for sign in signs):
        level = "major"
    elif any(sign.name == "infinite" for sign in signs) and level not in ("major",):
        level = "moderate"
    if level == "stable" and np.isnan(psi):
        level = "unassessed"
    # What points to the feed comes first: nothing else can be judged before it is mended.
    signs.sort(key=lambda sign: FEED_SIGNS.index(sign.name) if sign.name in FEED_SIGNS else len(FEED_SIGNS))
    return ColumnDrift(
        draft.column, role, draft.kind, level, draft.figures, draft.bounds, draft.p_values, tuple(signs)
    )
