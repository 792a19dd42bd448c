"""What generalizing a table cost: how wide its cells became (NCP), and how large its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secure_ai.core import Measurement

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.anonymize.tabular.partitioning import Partitioning

Floats = NDArray[np.float64]

XU = "Xu et al., Utility-based anonymization using local recoding (2006)"
BAYARDO = "Bayardo & Agrawal, Data privacy through optimal k-anonymization (2005)"
LEFEVRE = "LeFevre et al., Mondrian multidimensional k-anonymity (2006)"
EXACT = "exact, over all records; a suppressed record counts as fully generalized"


def share_of_range(low: ArrayLike, high: ArrayLike, lowest: float, highest: float) -> Floats:
    """Return the NCP of numeric cells: the width of each cell over that of the whole column.

    A column with a single value loses nothing.

    Args:
        low: least value of each cell.
        high: greatest value of each cell.
        lowest: least value of the column.
        highest: greatest value of the column.

    Source: Xu et al. (2006), normalized certainty penalty of a numeric attribute.
    """
    # Halves, because the range of a column can be beyond the largest number.
    whole = float(highest) / 2 - float(lowest) / 2
    width = np.asarray(high, float) / 2 - np.asarray(low, float) / 2
    return np.clip(width / whole, 0.0, 1.0) if whole > 0 else np.zeros_like(width)


def share_of_categories(categories: ArrayLike, all_categories: int) -> Floats:
    """Return the NCP of categorical cells: their categories less one, over those of the column less one.

    For a node of a hierarchy, the leaves below it.

    Source: Xu et al. (2006); Ghinita et al., Fast data anonymization with low information loss (2007).
    """
    counts = np.asarray(categories, float)
    if all_categories < 2:
        return np.zeros_like(counts)
    return np.clip((counts - 1) / (all_categories - 1), 0.0, 1.0)


def discernibility(sizes: ArrayLike, suppressed: int = 0) -> int:
    """Return the sum over records of how many records each cannot be told from.

    A suppressed record cannot be told from any record of the table.

    Args:
        sizes: records of each released class.
        suppressed: records whose quasi-identifiers all show ``*``.

    Source: Bayardo & Agrawal (2005), discernibility metric.
    """
    counts = [int(size) for size in np.asarray(sizes, np.int64)]
    # Python's integers: the square of ten billion records is beyond 64 bits.
    return sum(size * size for size in counts) + suppressed * (sum(counts) + suppressed)


@dataclass(frozen=True)
class InformationLoss:
    """What a released table no longer says.

    Attributes:
        ncp: mean normalized certainty penalty over the cells of all quasi-identifiers, 0 (as it was) to 1.
        by_column: the same for each quasi-identifier.
        discernibility: sum over records of the size of their class; a suppressed record counts the table.
        average_class_size: records that are not suppressed over their classes; 0 where all are.
        normalized_class_size: that over k: 1 is the best that any table with this k can have.
        records: records before.
        suppressed: records whose quasi-identifiers all show ``*``.
        classes: classes, without that of the suppressed records.
    """

    ncp: float
    by_column: dict[str, float]
    discernibility: int
    average_class_size: float
    normalized_class_size: float
    records: int
    suppressed: int
    classes: int

    def measurements(self) -> list[Measurement]:
        """Return every figure with its baseline: the table with nothing generalized."""

        def exact(name: str, value: float, unit: str, baseline: float, source: str) -> Measurement:
            return Measurement(name, value, unit, self.records, baseline, (value, value), EXACT, source)

        share = self.suppressed / self.records
        return [
            exact("ncp", self.ncp, "share", 0.0, XU),
            exact("discernibility", float(self.discernibility), "pairs of records", self.records, BAYARDO),
            exact("average_class_size", self.average_class_size, "records", 1.0, LEFEVRE),
            exact("normalized_class_size", self.normalized_class_size, "times k", 1.0, LEFEVRE),
            exact("suppressed_records", share, "share of records", 0.0, "count"),
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per figure: ``measure``, ``value``, ``unit``, ``baseline``, ``source``."""
        import pandas as pd

        rows = [(m.name, m.value, m.unit, m.baseline, m.source) for m in self.measurements()]
        rows[1:1] = [(f"ncp of {name}", loss, "share", 0.0, XU) for name, loss in self.by_column.items()]
        return pd.DataFrame(rows, columns=["measure", "value", "unit", "baseline", "source"])

    def sentence(self) -> str:
        """Say what was lost, in words."""
        widest = max(self.by_column, key=self.by_column.__getitem__)
        left_out = (
            f" {self.suppressed:,} of {self.records:,} records show nothing but *." if self.suppressed else ""
        )
        if self.ncp == 0:
            return f"No value had to be made coarser.{left_out}"
        return (
            f"A cell became {self.ncp:.1%} as wide as its column on average (NCP {self.ncp:.3f}), most "
            f"of all in {widest} ({self.by_column[widest]:.3f}).{left_out}"
        )


def information_loss(partitioning: Partitioning) -> InformationLoss:
    """Return what a table lost by being partitioned, with or without hierarchies.

    NCP is the mean over cells of the width of the cell's range, or the number of its categories less one,
    over that of the whole column; for a node of a hierarchy, of what lies below it
    (:meth:`~secure_ai.anonymize.tabular.partitioning.Partitioning.widths`). A suppressed record counts 1 in
    every cell, and cannot be told from any record of the table.
    """
    sizes, suppressed = partitioning.class_sizes, partitioning.suppressed_records
    released = int(sizes.sum())
    records = released + suppressed
    means = (sizes @ partitioning.widths() + suppressed) / records
    average = released / len(sizes) if len(sizes) else 0.0
    return InformationLoss(
        ncp=float(means.mean()),
        by_column=dict(zip(partitioning.quasi_identifiers, means.tolist(), strict=True)),
        discernibility=discernibility(sizes, suppressed),
        average_class_size=average,
        normalized_class_size=average / partitioning.requirements.k,
        records=records,
        suppressed=suppressed,
        classes=len(sizes),
    )
