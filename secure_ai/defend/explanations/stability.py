"""How stable explanations are: the case again, with another seed, other people, slightly other values.

An explanation that changes when nothing does is no reason to give to anybody.

Source: Alvarez-Melis & Jaakkola, On the robustness of interpretability methods (2018); agreement of the
    strongest features: Krishna et al., The disagreement problem in explainable machine learning (2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.targets import TargetError, reason_instead
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.defend.explanations.explain_decision import METHODS, choose_method, explain_rows
from secure_ai.defend.explanations.explanation import rank_by_size
from secure_ai.defend.explanations.players import as_frame, make_players

SOURCE = "Krishna et al., The disagreement problem in explainable machine learning (2022)"
KINDS = ("another seed", "other background rows", "neighbors")
RESAMPLES = 1000


@dataclass(frozen=True)
class ExplanationStability:
    """How far the strongest features of explanations stay the same.

    Attributes:
        agreement: one :class:`Measurement` for each change: the mean share of the ``top`` strongest features
            that stay among them. Baseline: features in random order. Control: explained again unchanged.
        rank_correlation: change → mean Spearman correlation of the sizes of all contributions.
        per_row: columns change, row, agreement, rank_correlation.
        top: how many features count as the strongest.
        method: of the explanations.
    """

    agreement: dict[str, Measurement]
    rank_correlation: dict[str, float]
    per_row: pd.DataFrame
    top: int
    method: str

    def measurements(self) -> list[Measurement]:
        """Return the agreement under each change."""
        return list(self.agreement.values())

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each change: agreement, low, high, baseline, control, rank_correlation, n."""
        rows = [
            (change, m.value, *m.interval, m.baseline, m.control, self.rank_correlation[change], m.n)
            for change, m in self.agreement.items()
        ]
        columns = ["change", "agreement", "low", "high", "baseline", "control", "rank_correlation", "n"]
        return pd.DataFrame(rows, columns=columns)

    def sentence(self) -> str:
        """Say how much stays under each change."""
        parts = [f"{percent(m.value)} with {change}" for change, m in self.agreement.items()]
        first = next(iter(self.agreement.values()))
        return (
            f"Of the {self.top} strongest features these stay: {', '.join(parts)} ({self.method}, {first.n} "
            f"rows; features in random order would keep {percent(first.baseline)})."
        )


@reason_instead
def explanation_stability(
    model: Any,
    rows: Any,
    background: Any,
    *,
    label: Any,
    method: str = "auto",
    top: int = 4,
    nudge: float = 0.05,
    seed: int = 0,
    **settings: Any,
) -> ExplanationStability | Unassessed:
    """Explain the rows again with another seed, other background rows, and numbers changed a little.

    Args:
        model: any classifier, function or endpoint.
        rows: cases, 10 or more.
        background: other people's rows; each half is used once, so 20 or more.
        label: class that all answers are about.
        method: as for :func:`~secure_ai.defend.explanations.explain_decision.explain`.
        top: how many features count as the strongest.
        nudge: how far the numbers of a neighbor lie from the case's, in standard deviations.
            Whole numbers, columns with two values and grouped columns stay as they are.
        seed: of everything.
        settings: ``groups``, ``scale``, ``permutations``, ``background_rows``.

    Returns:
        The stability, or :class:`~secure_ai.core.Unassessed` with the reason.
    """
    others, as_array = as_frame(background)
    cases, _ = as_frame(rows)
    if as_array:
        cases.columns = others.columns
    players = make_players(list(others.columns), settings.get("groups"))
    method = choose_method(method, len(players))
    if not 1 <= top < len(players):
        raise UserError(f"top={top}: give 1 to {len(players) - 1} of the {len(players)} features.")
    if len(cases) < 10 or len(others) < 20:
        raise TargetError(
            f"{len(cases)} rows and {len(others)} background rows are too few to judge stability: "
            "give 10 and 20 or more."
        )

    def found(these: pd.DataFrame, those: pd.DataFrame, at: int) -> np.ndarray:
        given = (these.to_numpy(), those.to_numpy()) if as_array else (these, those)
        result = explain_rows(model, *given, label=label, method=method, seed=at, **settings)
        if isinstance(result, Unassessed):
            raise TargetError(result.reason)
        return result.to_numpy()

    rng = np.random.default_rng(seed)
    halves = np.array_split(rng.permutation(len(others)), 2)
    first, second = (others.iloc[np.sort(half)].reset_index(drop=True) for half in halves)
    plain = found(cases, first, seed)
    grouped = {column for columns in (settings.get("groups") or {}).values() for column in columns}
    near = _neighbors(cases, first, nudge, grouped, rng)
    compared = {
        "another seed": found(cases, first, seed + 10_000),
        "other background rows": found(cases, second, seed),
        "neighbors": found(near, first, seed),
    }
    again = found(cases, first, seed)
    frames, agreement, correlation = [], {}, {}
    control = float(overlap(plain, again, top).mean())
    for change, changed in compared.items():
        kept, ranked = overlap(plain, changed, top), rank_correlation(plain, changed)
        frames.append(
            pd.DataFrame(
                {"change": change, "row": range(len(cases)), "agreement": kept, "rank_correlation": ranked}
            )
        )
        correlation[change] = float(ranked.mean())
        agreement[change] = Measurement(
            name="explanation_agreement",
            value=float(kept.mean()),
            unit=f"share of the {top} strongest features",
            n=len(cases),
            baseline=top / len(players),
            control=control,
            interval=_interval(kept, rng),
            method=f"{METHODS[method]}; {change}",
            source=SOURCE,
        )
    return ExplanationStability(
        agreement, correlation, pd.concat(frames, ignore_index=True), top, METHODS[method]
    )


def overlap(first: np.ndarray, second: np.ndarray, top: int) -> np.ndarray:
    """Return (rows,) the share of the ``top`` strongest features that both name.

    Args:
        first, second: (rows, features) contributions.
        top: how many features.
    """
    both = (rank_by_size(first) <= top) & (rank_by_size(second) <= top)
    return both.sum(axis=1) / top


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return (rows,) Spearman's correlation of the sizes of contributions; 0 where one has no order."""
    from scipy.stats import rankdata

    ranks = [rankdata(np.abs(part), axis=1) for part in (first, second)]
    centered = [part - part.mean(axis=1, keepdims=True) for part in ranks]
    top = (centered[0] * centered[1]).sum(axis=1)
    size = np.sqrt((centered[0] ** 2).sum(axis=1) * (centered[1] ** 2).sum(axis=1))
    return np.divide(top, size, out=np.zeros(len(top)), where=size > 0)


def _neighbors(
    cases: pd.DataFrame, others: pd.DataFrame, nudge: float, grouped: set[Any], rng: np.random.Generator
) -> pd.DataFrame:
    near = cases.copy()
    moved = 0
    for column in others.columns:
        values = others[column]
        if column in grouped or not pd.api.types.is_float_dtype(values.dtype):
            continue
        numbers = values.to_numpy(dtype=float)
        if len(np.unique(numbers)) <= 2 or (numbers == np.round(numbers)).all():
            continue
        step = nudge * numbers.std() * rng.choice([-1.0, 1.0], size=len(near))
        near[column] = np.clip(
            near[column] + step,
            min(numbers.min(), near[column].min()),
            max(numbers.max(), near[column].max()),
        )
        moved += 1
    if not moved:
        # Whole numbers only: one step up or down is the smallest change there is.
        for column in others.select_dtypes("number").columns:
            numbers = others[column].to_numpy(dtype=float)
            if column not in grouped and len(np.unique(numbers)) > 2:
                step = rng.choice([-1, 1], size=len(near))
                changed = np.clip(near[column] + step, numbers.min(), numbers.max())
                near[column] = changed.astype(near[column].dtype)
    return near


def _interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    means = _resampled(values, np.mean, rng)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _resampled(values: np.ndarray, figure: Callable[..., Any], rng: np.random.Generator) -> np.ndarray:
    return figure(values[rng.integers(len(values), size=(RESAMPLES, len(values)))], axis=1)
