"""The people whom an attack is surest of, and what they have in common, in words that name nobody.

A value that few people have could itself point at one of them: it is shown as *a rare value*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.core import UserError
from secure_ai.core.figures import percent

if TYPE_CHECKING:
    import pandas as pd

LEAST_SHARING = 10
RARE = f"a rare value (fewer than {LEAST_SHARING} people)"
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
LEVEL = 0.05
SAID = 3


@dataclass(frozen=True)
class RecordsAtRisk:
    """The members that are found first, and what they share.

    Attributes:
        frame: the records, surest first: ``position`` among the members, ``score``, ``false_alarms`` (share
            of non-members that score as high), and ``expected``, the mean probability that models without
            the record give to its class (missing where there were no references). No value of a record.
        shared: what is over-represented, strongest first: ``column``, ``value`` (a quarter of the range for
            numbers; rare values together), ``share_at_risk``, ``share_of_all``, ``times`` (their ratio) and
            ``p_value`` (hypergeometric, corrected for the number of comparisons by Holm's method).
        expected_of_all: mean ``expected`` over all members; None without references.
        members: how many members there are.
    """

    frame: pd.DataFrame
    shared: pd.DataFrame
    expected_of_all: float | None
    members: int

    def to_frame(self) -> pd.DataFrame:
        """Return what they share, one row for each column and value."""
        return self.shared

    def sentence(self) -> str:
        """Say who is most at risk."""
        text = f"The {len(self.frame):,} of {self.members:,} members found first"
        if self.expected_of_all is not None:
            here = float(self.frame["expected"].mean())
            less = "less" if here < self.expected_of_all else "more"
            text += (
                f" have a class that models without them expect {less} than that of other members (mean "
                f"probability {percent(here)}, of all members {percent(self.expected_of_all)});"
            )
        else:
            text += ":"
        if self.shared.empty:
            return text + " no value of a column is more frequent among them than chance explains."
        said = [
            f"{row.column}: {row.value} ({percent(row.share_at_risk)} of them, "
            f"{percent(row.share_of_all)} of all)"
            for row in self.shared.head(SAID).itertuples()
        ]
        return f"{text} more frequent among them is {', '.join(said)}."


def find_records_at_risk(
    frame: Any,
    scores: Any,
    *,
    top: int = 50,
    expected: Any | None = None,
    false_alarms: Any | None = None,
) -> RecordsAtRisk:
    """Return the ``top`` members by score and what is over-represented among them.

    Args:
        frame: the members as people know them, a column for each attribute.
        scores: (members,) greater is surer.
        top: how many are most at risk.
        expected, false_alarms: (members,) see :class:`RecordsAtRisk`.

    Raises:
        UserError: if lengths differ, or ``top`` is not from 1 to fewer than all.

    Source: over-representation: Fisher's exact test, one-sided (hypergeometric); Holm, A simple sequentially
        rejective multiple test procedure (1979).
    """
    import pandas as pd

    rows = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(np.asarray(frame))
    values = np.asarray(scores, dtype=float)
    if len(rows) != len(values):
        raise UserError(f"There are {len(values):,} members and {len(rows):,} rows: give the members' rows.")
    if not 1 <= top < len(rows):
        raise UserError(f"top={top}: choose from 1 to {len(rows) - 1:,}, fewer than there are members.")
    first = np.argsort(-values, kind="stable")[:top]
    listed = pd.DataFrame({"position": first, "score": values[first]})
    for name, given in (("false_alarms", false_alarms), ("expected", expected)):
        listed[name] = np.full(top, np.nan) if given is None else np.asarray(given, dtype=float)[first]
    chosen = np.zeros(len(rows), bool)
    chosen[first] = True
    return RecordsAtRisk(
        frame=listed,
        shared=_shared(rows, chosen),
        expected_of_all=None if expected is None else float(np.mean(expected)),
        members=len(rows),
    )


def _shared(rows: pd.DataFrame, chosen: np.ndarray) -> pd.DataFrame:
    import pandas as pd
    from scipy.stats import hypergeom

    found = []
    for place, column in enumerate(rows.columns):
        words = in_words(rows.iloc[:, place])
        inside = words[chosen].value_counts()
        for value, everywhere in words.value_counts().items():
            hits = int(inside.get(value, 0))
            chance = float(hypergeom.sf(hits - 1, len(rows), int(everywhere), int(chosen.sum())))
            shares = hits / chosen.sum(), everywhere / len(rows)
            found.append((str(column), str(value), *shares, shares[0] / shares[1], chance))
    columns = ["column", "value", "share_at_risk", "share_of_all", "times", "p_value"]
    table = pd.DataFrame(found, columns=columns).sort_values("p_value", kind="stable", ignore_index=True)
    steps = np.arange(len(table), 0, -1)
    table["p_value"] = np.minimum(np.maximum.accumulate(table["p_value"] * steps), 1.0)
    return table[(table["p_value"] < LEVEL) & (table["times"] > 1)].reset_index(drop=True)


def in_words(column: pd.Series) -> pd.Series:
    """Return a column as values that may be shown: numbers by quarter of their range, rare values as such."""
    import pandas as pd

    missing = column.isna()
    if pd.api.types.is_numeric_dtype(column.dtype) and column.nunique() > len(QUARTERS):
        ranks = column.rank(pct=True, method="max")
        quarter = np.ceil(ranks.fillna(0) * 4).clip(1, 4).astype(int) - 1
        words = quarter.map(dict(enumerate(QUARTERS)))
    else:
        words = column.astype(str)
    words = words.astype(object).mask(missing, "missing")
    counts = words.map(words.value_counts())
    return words.mask(counts < LEAST_SHARING, RARE)
