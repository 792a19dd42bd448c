"""The definitions of fairness that are in use, what each asks for, and whether these decisions meet it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from secure_ai.core import UserError
from secure_ai.govern.fairness.cases import real_number
from secure_ai.govern.fairness.gaps import Gap, all_gaps
from secure_ai.govern.fairness.rates import GroupRates

TOLERANCE = 0.05
Answer = Literal["violated", "holds", "undecided", "unassessed"]


@dataclass(frozen=True)
class Definition:
    """A definition of group fairness.

    Attributes:
        rates: which must be equal.
        asks: what it asks for, in words.
        price: what it gives up.
        source: where it is defined.
    """

    rates: tuple[str, ...]
    asks: str
    price: str
    source: str


DEFINITIONS = {
    "demographic parity": Definition(
        ("selection_rate",),
        "The decision falls on every group equally often.",
        "It ignores who is a case: where groups differ in need or risk, some are decided on for their group.",
        "Dwork et al., Fairness through awareness (2012)",
    ),
    "equal opportunity": Definition(
        ("true_positive_rate",),
        "Of those who are cases, every group is found equally often.",
        "It says nothing of those who are wrongly decided on.",
        "Hardt, Price & Srebro, Equality of opportunity in supervised learning (2016)",
    ),
    "equalized odds": Definition(
        ("true_positive_rate", "false_positive_rate"),
        "Every group is found equally often, and wrongly decided on equally often.",
        "Where base rates differ, precision must differ: the same decision means less in one group.",
        "Hardt, Price & Srebro, Equality of opportunity in supervised learning (2016)",
    ),
    "predictive parity": Definition(
        ("precision",),
        "Whoever gets the decision is equally likely to be a case, in every group.",
        "Where base rates differ, the errors must differ: one group is wrongly decided on more often.",
        "Chouldechova, Fair prediction with disparate impact (2017)",
    ),
}


@dataclass(frozen=True)
class Verdict:
    """What the decisions say about one definition.

    Attributes:
        definition: its name.
        answer: ``"violated"`` (a difference surely greater than the tolerance), ``"holds"`` (all differences
            surely within it, and no group left out), ``"undecided"`` (too few cases to tell),
            ``"unassessed"`` (outcomes not known, or a rate with fewer than two groups large enough).
        because: the comparison that decided, in words.
        gaps: all comparisons.
        left_out: groups too small to be compared.
    """

    definition: str
    answer: Answer
    because: str
    gaps: tuple[Gap, ...]
    left_out: tuple[str, ...]


def judge_definitions(
    rates: GroupRates,
    *,
    definitions: Sequence[str] = tuple(DEFINITIONS),
    tolerance: float = TOLERANCE,
) -> pd.DataFrame:
    """Judge the decisions by each definition, every two groups compared.

    Intervals hold for all comparisons of one definition together (Bonferroni).

    Args:
        rates: of the groups.
        definitions: which; all if not given.
        tolerance: a difference of shares that the house accepts, stated beforehand. No law gives it. (The
            four-fifths rule, 29 CFR 1607.4(D), is a rule of thumb of US employment law for a ratio.)

    Returns:
        One row a definition: ``definition``, ``asks``, ``answer``, ``because``, ``left out``, ``price``.

    Raises:
        UserError: if a name is unknown, or the tolerance is not between 0 and 1.
    """
    tolerance = real_number(tolerance, "tolerance", least=0, most=1, open_ends=True)
    rows = []
    for name in definitions:
        if name not in DEFINITIONS:
            raise UserError(f"There is no definition '{name}': choose from {', '.join(DEFINITIONS)}.")
        found = judge(rates, name, tolerance)
        rows.append(
            {
                "definition": name,
                "asks": DEFINITIONS[name].asks,
                "answer": found.answer,
                "because": found.because,
                "left out": ", ".join(found.left_out),
                "price": DEFINITIONS[name].price,
            }
        )
    return pd.DataFrame(rows)


def judge(rates: GroupRates, definition: str, tolerance: float) -> Verdict:
    """Judge the decisions by one definition; see :func:`judge_definitions`."""
    needed = DEFINITIONS[definition].rates
    if not set(needed) <= set(rates.table["rate"]):
        return Verdict(definition, "unassessed", "the true outcomes are not known", (), ())
    gaps = tuple(all_gaps(rates, needed))
    left_out = tuple(
        dict.fromkeys(
            row.group for rate in needed for row in rates.of(rate).itertuples() if np.isnan(row.value)
        )
    )
    if not gaps:
        return Verdict(definition, "unassessed", "no group is large enough to be compared", (), left_out)
    worst = max(gaps, key=lambda gap: abs(gap.difference))
    sure = [gap for gap in gaps if gap.interval[0] > tolerance or gap.interval[1] < -tolerance]
    if sure:
        worst = max(sure, key=lambda gap: abs(gap.difference))
        return Verdict(definition, "violated", _words(worst), gaps, left_out)
    if missing := [rate for rate in needed if not any(gap.rate == rate for gap in gaps)]:
        because = f"{missing[0].replace('_', ' ')}: fewer than two groups are large enough"
        return Verdict(definition, "unassessed", because, gaps, left_out)
    if left_out or any(max(map(abs, gap.interval)) > tolerance for gap in gaps):
        return Verdict(definition, "undecided", _words(worst), gaps, left_out)
    return Verdict(definition, "holds", _words(worst), gaps, left_out)


def _words(gap: Gap) -> str:
    low, high = (100 * bound for bound in gap.interval)
    return (
        f"{gap.rate.replace('_', ' ')}: {gap.group} against {gap.reference} {100 * gap.difference:+.0f} "
        f"points ({low:+.0f} to {high:+.0f})"
    )
