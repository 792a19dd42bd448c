"""Tables for people who decide: what an attacker can win, and what limits on rows and values cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from secure_ai.anonymize.differential_privacy.bounds import PrivacyUnit
from secure_ai.anonymize.differential_privacy.error_curves import error_curve
from secure_ai.anonymize.differential_privacy.odds import guessing_game, odds_factor, posterior
from secure_ai.anonymize.differential_privacy.queries import Count, Mean
from secure_ai.core.errors import UserError
from secure_ai.core.sources import Source, TableLike, as_source

if TYPE_CHECKING:
    import pandas as pd


def odds_report(epsilons: Sequence[float] = (0.1, 0.5, 1.0, 3.0, 10.0), seed: int = 7) -> pd.DataFrame:
    """Return what each epsilon allows an attacker, in words and shares.

    Columns: epsilon, the factor of the odds, how sure somebody can become who was 1% and 50% sure, and the
    share of right guesses in a simulated game (see :func:`guessing_game`).
    """
    import pandas as pd

    rows = []
    for epsilon in epsilons:
        factor = odds_factor(epsilon)
        rows.append(
            (
                f"{epsilon:g}",
                f"{factor:,.0f}" if factor >= 1000 else f"{factor:.2f}",
                *(f"{posterior(prior, epsilon):.1%}" for prior in (0.01, 0.5)),
                f"{guessing_game(epsilon, seed=seed).value:.1%}",
            )
        )
    heads = [
        "epsilon",
        "odds grow at most by",
        "1% sure becomes",
        "50% sure becomes",
        "right guesses in a game",
    ]
    return pd.DataFrame(rows, columns=heads)


def attack_report(tried: pd.DataFrame) -> pd.DataFrame:
    """Return the result of :func:`differencing_success` as shares, one row for each epsilon."""
    shares = tried[["success", "bound"]].map("{:.0%}".format)
    shares.insert(0, "epsilon", tried["epsilon"].map("{:g}".format))
    shares.columns = ["epsilon", "right guesses (simulated)", "no attacker can have more than"]
    return shares


def rows_report(
    source: TableLike | Source, person: str, limits: Sequence[int], *, epsilon: float
) -> pd.DataFrame:
    """Return what each limit on the rows of a person costs when rows are counted: one row for each limit.

    It is computed from the exact count, so it is for planning and not for release.

    Raises:
        UserError: if a column is missing, or a limit or epsilon makes no sense.
    """
    import pandas as pd

    if not len(limits):
        raise UserError("Give at least one limit on the rows of a person, such as 5.")
    opened = as_source(source)
    rows = []
    for limit in limits:
        curve = error_curve(opened, Count(), [epsilon], unit=PrivacyUnit(person, limit))
        found = curve.table.iloc[0]
        rows.append((limit, f"{found['noise']:,.1f}", f"{abs(curve.bias):,.0f}", f"{found['error']:,.0f}"))
    heads = ["rows that count for one person", "error of the noise", "rows left out", "error of both"]
    return pd.DataFrame(rows, columns=heads)


def bounds_report(
    source: TableLike | Source,
    column: str,
    bounds: Sequence[tuple[float, float]],
    *,
    epsilon: float,
    unit: PrivacyUnit | None = None,
) -> pd.DataFrame:
    """Return what each pair of bounds costs the mean of a column: one row for each pair.

    It is computed from the exact mean, so it is for planning and not for release.

    Raises:
        UserError: if the column is missing, or bounds or epsilon make no sense.
    """
    import pandas as pd

    if not len(bounds):
        raise UserError("Give at least one pair of bounds, such as (0, 120).")
    opened = as_source(source)
    rows = []
    for pair in bounds:
        query = Mean(column, pair)
        curve = error_curve(opened, query, [epsilon], unit=unit)
        found = curve.table.iloc[0]
        named = f"{query.bounds.low:,.10g} to {query.bounds.high:,.10g}"
        rows.append((named, f"{found['noise']:,.2f}", f"{abs(curve.bias):,.2f}", f"{found['error']:,.2f}"))
    return pd.DataFrame(
        rows, columns=["bounds", "error of the noise", "moved by the limits", "error of both"]
    )
