"""Leave one source out: a model trained on all other sources judges what this one sent.

Poison comes from somewhere: a branch, a clinic, a vendor, a month. Where the labels of one source differ from
what all others would give the same rows, and the model is better without it, it is looked at before the next
training.

Source: Cretu et al., Casting out demons: sanitizing training data for anomaly sensors (2008); Nelson et al.,
    Exploiting machine learning to subvert your spam filter (2008): reject on negative impact (RONI).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.poisoning import train_copy
from secure_ai.attack.poisoning.poisoned import label_array, take
from secure_ai.attack.targets import TargetError, check_rows, check_target, open_target, reason_instead
from secure_ai.core import UserError
from secure_ai.core.figures import percent

ALARM = 0.001
LEAST_ROWS = 20
LEAST_SOURCES = 3


@dataclass(frozen=True)
class SourceTest:
    """How well each source agrees with the others.

    Attributes:
        table: columns ``source``, ``rows``, ``errors`` (share of its rows whose label a model of the other
            sources does not give), ``usual`` (the same over all other sources), ``p_value`` (of so many by
            chance, times the number of sources), ``harm`` (accuracy on trusted rows without the source, less
            that with it; NaN without trusted rows), ``alarm``; the strangest first.
        suspicious: (rows,) booleans: rows of sources that raise an alarm.
        skipped: sources with too few rows to be judged.
    """

    table: pd.DataFrame
    suspicious: np.ndarray
    skipped: int

    @property
    def alarm(self) -> bool:
        """Whether a source differs."""
        return bool(self.table["alarm"].any())

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def sentence(self) -> str:
        """Say which source differs."""
        if not self.alarm:
            return f"None of {len(self.table)} sources differs from the others in what its labels say."
        worst = self.table.iloc[0]
        return (
            f"The source '{worst['source']}' differs: a model of the other sources contradicts "
            f"{percent(worst['errors'])} of its {worst['rows']:,} labels; "
            f"{percent(worst['usual'])} is usual."
        )


@reason_instead
def leave_one_source_out(
    model: Any,
    rows: Any,
    labels: Any,
    sources: Any,
    *,
    trusted: tuple[Any, Any] | None = None,
) -> SourceTest:
    """Judge each source by a copy of the model that was trained on all others.

    Args:
        model: a classifier with ``fit`` (copied, not changed), or a function that returns one.
        rows: the training rows, a frame or an array.
        labels: (rows,) their labels.
        sources: (rows,) where each comes from.
        trusted: rows and labels that somebody has checked, to tell whether a source helps.

    Returns:
        The test, or ``Unassessed`` with the reason.

    Raises:
        UserError: if labels or sources do not fit the rows.
    """
    known, names = label_array(labels, rows), np.asarray(sources).ravel()
    if len(names) != len(known):
        raise UserError(f"There are {len(known):,} rows and {len(names):,} sources: give one for each.")
    check_rows(rows, least=50)
    if pd.isna(names).any():
        raise UserError("Some rows name no source: leave them out, or give them a name of their own.")
    kinds, counts = np.unique(names, return_counts=True)
    judged = kinds[counts >= LEAST_ROWS]
    if len(judged) < LEAST_SOURCES:
        raise TargetError(
            f"{len(judged)} sources have {LEAST_ROWS} rows or more: {LEAST_SOURCES} or more are needed "
            "to say that one differs."
        )
    full = train_copy(model, rows, known)
    check_target(open_target(full), rows)
    before = _accuracy(full, trusted)
    errors, harm = {}, {}
    for source in judged:
        inside = names == source
        without = train_copy(model, take(rows, np.flatnonzero(~inside)), known[~inside])
        answers = open_target(without).labels(take(rows, np.flatnonzero(inside)))
        errors[source] = int((answers != known[inside]).sum())
        harm[source] = _accuracy(without, trusted) - before
    sizes = dict(zip(kinds, counts, strict=True))
    table = []
    for source in judged:
        others = [other for other in judged if other != source]
        rates = np.array([(errors[other] + 0.5) / (sizes[other] + 1) for other in others])
        size = int(sizes[source])
        usual = float(sum(errors[other] for other in others) / sum(sizes[other] for other in others))
        p_value = min(
            1.0, _tail(errors[source], size, usual, rates, [sizes[o] for o in others]) * len(judged)
        )
        table.append([source, size, errors[source] / size, usual, p_value, harm[source], p_value < ALARM])
    columns = ["source", "rows", "errors", "usual", "p_value", "harm", "alarm"]
    frame = pd.DataFrame(table, columns=columns).sort_values(
        ["p_value", "errors"], ascending=[True, False], ignore_index=True
    )
    suspicious = np.isin(names, frame.loc[frame["alarm"], "source"])
    return SourceTest(frame, suspicious, len(kinds) - len(judged))


def _tail(errors: int, size: int, usual: float, rates: np.ndarray, sizes: list[int]) -> float:
    """Return the chance of so many errors where sources differ from each other as the others do.

    Honest sources differ by more than chance; their spread beyond it widens the binomial to a beta-binomial.
    """
    from scipy.stats import betabinom, binom

    chance = np.mean([usual * (1 - usual) / one for one in sizes])
    # With half of them at least alike, the middle spread is that of honest sources though one is not.
    spread = (1.4826 * np.median(np.abs(rates - np.median(rates)))) ** 2 - chance
    center = min(max(float(np.median(rates)), 1e-6), 1 - 1e-6)
    if spread <= 1e-9:
        return float(binom.sf(errors - 1, size, center))
    total = max(center * (1 - center) / spread - 1, 1.0)
    return float(betabinom.sf(errors - 1, size, center * total, (1 - center) * total))


def _accuracy(model: Any, trusted: tuple[Any, Any] | None) -> float:
    if trusted is None:
        return float("nan")
    rows, labels = trusted
    return float((open_target(model).labels(rows) == np.asarray(labels).ravel()).mean())
