"""How far groups are apart, how sure that is, and what chance alone would show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.intervals import wilson
from secure_ai.govern.fairness.cases import FEWEST, GroupedCases, whole_number
from secure_ai.govern.fairness.rates import RATES, GroupRates, group_rates

SHUFFLES = 400
MOST_SHUFFLES = 10_000
NEWCOMBE = (
    "Newcombe, Interval estimation for the difference between independent proportions (1998), method 10"
)


@dataclass(frozen=True)
class Gap:
    """Two groups compared in one rate.

    Attributes:
        rate: name of the rate.
        group, reference: the two groups.
        difference: rate of ``group`` minus rate of ``reference``.
        interval: 95 % interval of the difference, adjusted for the number of comparisons (Bonferroni).
        ratio: rate of ``group`` divided by that of ``reference``; NaN where that is 0.
    """

    rate: str
    group: str
    reference: str
    difference: float
    interval: tuple[float, float]
    ratio: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves out no difference at all."""
        return self.interval[0] > 0 or self.interval[1] < 0


def compare_groups(
    rates: GroupRates, rate: str, reference: str | None = None
) -> list[Gap | tuple[str, Unassessed]]:
    """Compare every group with one reference group.

    Args:
        rates: of the groups.
        rate: which one.
        reference: the group to compare with; the one with the most people if not given.

    Returns:
        For each other group a :class:`Gap`, or its name and the reason why it could not be compared: it,
        or the reference, has too few cases.

    Raises:
        UserError: if the rate or the reference is unknown.
    """
    table = rates.of(rate).set_index("group")
    if reference is None:
        reference = rates.largest
    if reference not in table.index:
        raise UserError(f"There is no group '{reference}': choose from {', '.join(table.index)}.")
    others = [name for name in table.index if name != reference]
    known = [name for name in others if not np.isnan(table.loc[name, "value"])]
    if np.isnan(table.loc[reference, "value"]):
        few = Unassessed(f"the reference {reference} has {rates.why_not(reference)}")
        return [(name, few) for name in others]
    return [
        _gap(rate, table, name, reference, len(known))
        if name in known
        else (name, Unassessed(rates.why_not(name)))
        for name in others
    ]


def all_gaps(rates: GroupRates, names: Sequence[str], *, times: int = 1) -> list[Gap]:
    """Compare every two groups in several rates, with intervals that hold for all comparisons together.

    Args:
        rates: of the groups.
        names: which rates.
        times: how many such sets of comparisons there are, for all of which the intervals hold.
    """
    tables = {rate: rates.of(rate).set_index("group").dropna(subset="value") for rate in names}
    pairs = {rate: list(combinations(table.index, 2)) for rate, table in tables.items()}
    comparisons = times * sum(map(len, pairs.values()))
    return [_gap(rate, tables[rate], one, other, comparisons) for rate in names for one, other in pairs[rate]]


def _gap(rate: str, table: pd.DataFrame, group: str, reference: str, comparisons: int) -> Gap:
    row, base = table.loc[group], table.loc[reference]
    interval = difference_interval(
        int(row["hits"]), int(row["n"]), int(base["hits"]), int(base["n"]), comparisons=comparisons
    )
    ratio = row["value"] / base["value"] if base["value"] else np.nan
    return Gap(rate, group, reference, float(row["value"] - base["value"]), interval, float(ratio))


def difference_interval(
    hits: int, n: int, other_hits: int, other_n: int, *, comparisons: int = 1
) -> tuple[float, float]:
    """Return the interval of the difference of two shares that holds for all ``comparisons`` together.

    Source: Newcombe (1998), method 10, with the Wilson limits at the adjusted level.
    """
    from scipy.stats import norm

    z = float(norm.isf(0.025 / max(comparisons, 1)))
    share, other = hits / n, other_hits / other_n
    (low, high), (other_low, other_high) = _limits(hits, n, z), _limits(other_hits, other_n, z)
    difference = share - other
    below = np.hypot(share - low, other_high - other)
    above = np.hypot(high - share, other - other_low)
    return float(max(difference - below, -1.0)), float(min(difference + above, 1.0))


def _limits(hits: int, n: int, z: float) -> tuple[float, float]:
    # Wilson's interval at another level is that of as many times fewer trials.
    scale = (1.959963984540054 / z) ** 2
    low, high = wilson(hits * scale, n * scale)
    return low, high


def worst_gap(
    cases: GroupedCases,
    rate: str = "selection_rate",
    *,
    fewest: int = FEWEST,
    seed: int = 0,
    times: int = 1,
) -> Measurement | Unassessed:
    """Measure the largest difference of a rate between any two groups.

    The largest of several differences is never zero, not even where groups mean nothing. The baseline is
    what the same cases show when the groups are dealt out at random; a gap counts by what it has beyond that.

    Args:
        cases: decisions by group.
        rate: which one.
        fewest: smaller groups are left out.
        seed: of the random groupings.
        times: of how many such gaps this is to be the worst: interval and control then hold for all of them
            together (Bonferroni).

    Returns:
        The measurement, or why there is none. Its interval is what the intervals of all pairs allow together:
        it starts at 0 where no pair differs beyond chance. Its control is what random groupings stay below in
        19 of 20 draws, in all of them together.

    Raises:
        UserError: if there is no such rate, or a setting is no number.
    """
    times = whole_number(times, "times", 1)
    if rate not in RATES:
        raise UserError(f"There is no rate '{rate}': choose from {', '.join(RATES)}.")
    seed = whole_number(seed, "seed", 0)
    if RATES[rate].needs_outcome and cases.outcome is None:
        return Unassessed("the true outcomes are not known")
    rates = group_rates(cases, fewest=fewest)
    known = rates.of(rate).dropna(subset="value")
    if len(known) < 2:
        return Unassessed(f"fewer than two groups have {fewest} cases")
    sizes, hits = known["n"].to_numpy(dtype=int), known["hits"].to_numpy(dtype=int)
    gaps = all_gaps(rates, [rate], times=times)
    draws = min(SHUFFLES * times, MOST_SHUFFLES)
    shuffled = np.random.default_rng(seed).multivariate_hypergeometric(sizes, int(hits.sum()), size=draws)
    chance = np.ptp(shuffled / sizes, axis=1)
    # Of several gaps one that was drawn, not between two: so few draws lie beyond that a step is long.
    control = np.quantile(chance, 1 - 0.05 / times, method="linear" if times == 1 else "higher")
    of_all, together = ("", "") if times == 1 else (f" of each of {times} gaps", f", for {times} together")
    return Measurement(
        name=f"largest_gap_in_{rate}",
        value=float(np.ptp(hits / sizes)),
        unit="difference of shares",
        n=int(sizes.sum()),
        baseline=float(chance.mean()),
        control=float(control),
        interval=(
            max(max(gap.interval[0], -gap.interval[1], 0.0) for gap in gaps),
            max(max(abs(bound) for bound in gap.interval) for gap in gaps),
        ),
        method=(
            f"largest minus smallest rate of {len(known)} groups of at least {fewest}; simultaneous interval "
            f"over {len(gaps)} pairs{of_all} (Bonferroni); baseline "
            f"and 95th percentile (control{together}) from {draws:,} random groupings"
        ),
        source=NEWCOMBE,
    )
