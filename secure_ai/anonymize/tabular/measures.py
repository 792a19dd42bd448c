"""How well a table protects its people: k, and α, ℓ, t, β and δ of sensitive attributes at their worst."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from secure_ai.anonymize.tabular import cluster
from secure_ai.anonymize.tabular.classes import equivalence_class_sizes
from secure_ai.anonymize.tabular.coding import coded
from secure_ai.anonymize.tabular.summary import RECORDS, checked_keys, finite_only, summaries
from secure_ai.anonymize.tabular.worst import WorstClass, WorstClasses, measures, whole_table
from secure_ai.core import Measurement, UserError
from secure_ai.core.sources import Source, as_source, open_source, shown

if TYPE_CHECKING:
    import pandas as pd

EXACT = "exact count over all records"
SWEENEY = "Sweeney, k-anonymity: a model for protecting privacy (2002)"
NUMBERS_AND_DATES = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
)
NUMBERS_AND_DATES += ("UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIME", "INTERVAL")
RECURSIVE_L = (2, 3)


@dataclass(frozen=True)
class AttributeMeasures:
    """What the classes give away about one sensitive attribute.

    Attributes:
        attribute: its name.
        ordered: whether its values are ordered; t is then over ranks, else over equal distances.
        values: how many values it has in the table, a missing one included.
        worst: measure → its worst class: ``alpha``, ``distinct_l``, ``entropy_l``, ``recursive_c_l2`` (the
            c above which the table is recursively (c,2)-diverse, infinite if none), ``t``, ``basic_beta``,
            ``enhanced_beta``, ``enhanced_beta_strict``, ``delta``, ``delta_strict``.
        whole: measure → the figure of the whole table as one class: what is known without quasi-identifiers.
        units: measure → its unit.
        sources: measure → the paper that defines it.
    """

    attribute: str
    ordered: bool
    values: int
    worst: dict[str, WorstClass]
    whole: dict[str, float]
    units: dict[str, str]
    sources: dict[str, str]


@dataclass(frozen=True)
class PrivacyMeasures:
    """k and all that is measured of the sensitive attributes, for one set of quasi-identifiers.

    Attributes:
        quasi_identifiers: the columns that an attacker is taken to know.
        n: records.
        classes: equivalence classes.
        k: records of the smallest class.
        uniques: records that are alone in their class.
        attributes: the sensitive attributes.
    """

    quasi_identifiers: tuple[str, ...]
    n: int
    classes: int
    k: int
    uniques: int
    attributes: tuple[AttributeMeasures, ...]

    def __getitem__(self, attribute: str) -> AttributeMeasures:
        """Return the measures of one sensitive attribute."""
        return next(a for a in self.attributes if a.attribute == attribute)

    def measurements(self) -> list[Measurement]:
        """Return every figure; the name of a sensitive attribute stands in brackets behind its measures."""
        k = float(self.k)
        found = [Measurement("k", k, "records", self.n, float(self.n), (k, k), EXACT, SWEENEY)]
        for attribute in self.attributes:
            for name, worst in attribute.worst.items():
                kind = (", ranks" if attribute.ordered else ", equal distances") if name == "t" else ""
                found.append(
                    Measurement(
                        f"{name}[{attribute.attribute}]",
                        worst.value,
                        attribute.units[name],
                        self.n,
                        attribute.whole[name],
                        (worst.value, worst.value),
                        f"{EXACT}{kind}; worst is class {worst.index} of {worst.size} records",
                        attribute.sources[name],
                    )
                )
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return a row per figure: attribute, measure, value, baseline, class_size, class_index."""
        import pandas as pd

        rows: list[tuple] = [("", "k", float(self.k), float(self.n), self.k, None)]
        rows += [
            (a.attribute, name, worst.value, a.whole[name], worst.size, worst.index)
            for a in self.attributes
            for name, worst in a.worst.items()
        ]
        frame = pd.DataFrame(
            rows, columns=["attribute", "measure", "value", "baseline", "class_size", "class_index"]
        )
        return frame.astype({"class_index": "Int64"})

    def sentence(self) -> str:
        """Return the findings in words."""
        known = ", ".join(map(shown, self.quasi_identifiers))
        if self.k == 1:
            text = f"Who knows {known} finds {self.uniques:,} of {self.n:,} records alone (k = 1)."
        else:
            text = (
                f"Who knows {known} finds each record among {self.k:,} or more look-alikes (k = {self.k:,})."
            )
        for a in self.attributes:
            share, few, t = a.worst["alpha"], a.worst["distinct_l"], a.worst["t"]
            text += (
                f" About {shown(a.attribute)}: one value is up to {share.value:.0%} of a class "
                f"({a.whole['alpha']:.0%} over the whole table); classes hold {few.value:.0f} or more "
                f"of {a.values:,} values, and their distribution is up to {t.value:.3f} from the table's."
            )
        return text


@dataclass(frozen=True)
class PrivacyMeasuresBySet:
    """Measures for several sets of quasi-identifiers, each what one kind of attacker could know.

    Attributes:
        sets: name → measures.
    """

    sets: dict[str, PrivacyMeasures]

    @property
    def worst(self) -> str:
        """Name of the set with the smallest k; of equals, with the most unique records, then the first."""
        return min(self.sets, key=lambda name: (self.sets[name].k, -self.sets[name].uniques))

    def measurements(self) -> list[Measurement]:
        """Return the measurements of every set; its name stands before theirs."""
        return [
            replace(m, name=f"{name}: {m.name}")
            for name, found in self.sets.items()
            for m in found.measurements()
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the frames of all sets with the column ``quasi_identifiers`` (the set's name) in front."""
        import pandas as pd

        frames = [
            found.to_frame().assign(quasi_identifiers=name)[["quasi_identifiers", *found.to_frame().columns]]
            for name, found in self.sets.items()
        ]
        return pd.concat(frames, ignore_index=True)

    def sentence(self) -> str:
        """Return the finding of the worst set in words."""
        worst = self.worst
        return f"Of {len(self.sets)} sets, '{shown(worst)}' is the worst. {self.sets[worst].sentence()}"


@overload
def privacy_measures(
    source: Any,
    quasi_identifiers: Mapping[str, Sequence[str]],
    sensitive: Sequence[str] = (),
    *,
    ordered: Collection[str] | None = None,
    recursive_l: Sequence[int] = RECURSIVE_L,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> PrivacyMeasuresBySet: ...


@overload
def privacy_measures(
    source: Any,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str] = (),
    *,
    ordered: Collection[str] | None = None,
    recursive_l: Sequence[int] = RECURSIVE_L,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> PrivacyMeasures: ...


def privacy_measures(
    source: Any,
    quasi_identifiers: Sequence[str] | Mapping[str, Sequence[str]],
    sensitive: Sequence[str] = (),
    *,
    ordered: Collection[str] | None = None,
    recursive_l: Sequence[int] = RECURSIVE_L,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> PrivacyMeasures | PrivacyMeasuresBySet:
    """Measure what the equivalence classes of a table give away.

    Each sensitive attribute is measured by itself over the classes of the quasi-identifiers: pyCANON's
    default; its other mode, which adds the other sensitive attributes to the quasi-identifiers, is had by
    naming them there. A missing value is a value of its own, in quasi-identifiers and in sensitive
    attributes; in the ordered distance it is the rank above the largest value.

    Where pyCANON (1.0) prints something else: its entropy ℓ is the whole part of ours; its recursive c
    takes the rarest value for r₁ where the definition takes the most frequent; its enhanced β and its δ
    are the closed forms that we also give as ``enhanced_beta`` and ``delta``, and ``enhanced_beta_strict``
    and ``delta_strict`` follow the definitions to the letter, infinite where no β or δ will do.

    Args:
        source: a :class:`Source`, or anything :func:`open_source` opens. Parquet is never loaded whole.
        quasi_identifiers: columns that an attacker could know; or several sets of them by name.
        sensitive: columns an attacker wants to learn.
        ordered: sensitive attributes whose values have an order; numbers and dates if not given.
        recursive_l: ℓ for which the c of recursive (c,ℓ)-diversity is given.
        engine: ``"duckdb"`` or ``"dask"``.
        scheduler: address of a Dask scheduler.

    Raises:
        UserError: if there is no quasi-identifier, a column is missing, has both roles, or holds infinite
            values, lists or objects; if ℓ is not a whole number of at least 1; or the engine fails.
    """
    cluster.check_engine(engine, scheduler)
    if any(isinstance(l, bool) or not isinstance(l, int | np.integer) or l < 1 for l in recursive_l):  # noqa: E741
        raise UserError("l of recursive diversity must be whole numbers of at least 1: 2 and 3 are usual.")
    source = as_source(source)
    attributes = _attributes(source, sensitive, ordered)
    several = isinstance(quasi_identifiers, Mapping)
    sets = quasi_identifiers if several else {"": quasi_identifiers}
    if not sets:
        raise UserError("No set of quasi-identifiers was named: name at least one.")
    columns = {name: _quasi_identifiers(source, chosen, attributes) for name, chosen in sets.items()}
    found = {}
    for name, chosen in columns.items():
        if engine == "dask":
            found[name] = _measured_on_dask(source, chosen, attributes, recursive_l, scheduler)
        else:
            found[name] = _measured(source, chosen, attributes, recursive_l)
    return PrivacyMeasuresBySet(found) if several else found[""]


def _attributes(source: Source, sensitive: Sequence[str], ordered: Collection[str] | None) -> dict[str, bool]:
    """Return each sensitive attribute, and whether it is ordered."""
    names = [sensitive] if isinstance(sensitive, str) else list(dict.fromkeys(sensitive))
    if names:
        checked_keys(source, names)
    if ordered is None:
        return {name: source.types[name].startswith(NUMBERS_AND_DATES) for name in names}
    ordered = [ordered] if isinstance(ordered, str) else ordered
    unknown = next((name for name in ordered if name not in names), None)
    if unknown is not None:
        raise UserError(
            f"'{shown(unknown)}' is named as ordered, but not as sensitive attribute: name it there."
        )
    return {name: name in ordered for name in names}


def _quasi_identifiers(source: Source, columns: Sequence[str], sensitive: Collection[str]) -> list[str]:
    names = checked_keys(source, columns)
    both = next((name for name in names if name in sensitive), None)
    if both is not None:
        raise UserError(
            f"'{shown(both)}' is named as quasi-identifier and as sensitive attribute: choose one of the two."
        )
    return names


def _measured(
    source: Source,
    columns: list[str],
    attributes: dict[str, bool],
    recursive_l: Sequence[int],
    *,
    weighted: bool = False,
) -> PrivacyMeasures:
    if not attributes and not weighted:
        finite_only(source, columns)
        found = equivalence_class_sizes(source, columns)
        sizes = dict(zip(found["class_size"].tolist(), found["classes"].tolist(), strict=True))
        return _collected(columns, sizes, ())
    with coded(source, columns, list(attributes), weighted=weighted) as table:
        seen = {
            name: WorstClasses(measures(ordered, recursive_l), table.overall[name])
            for name, ordered in attributes.items()
        }
        for records in table.passes():
            for name, worst in seen.items():
                for histogram in records.histograms(name, table.overall[name]):
                    worst.add(histogram)
    parts = tuple(_attribute(name, attributes[name], worst) for name, worst in seen.items())
    return _collected(columns, next(iter(seen.values())).sizes, parts)


def _measured_on_dask(
    source: Source,
    columns: list[str],
    attributes: dict[str, bool],
    recursive_l: Sequence[int],
    scheduler: str | None,
) -> PrivacyMeasures:
    groups = [[*columns, name] for name in attributes] or [columns]
    tables = [open_source(frame) for frame in summaries(source, groups, scheduler)]
    if not attributes:
        counts = tables[0].sql(f'SELECT "{RECORDS}", count(*) FROM source GROUP BY 1').fetchall()
        return _collected(columns, dict(counts), ())
    found = [
        _measured(table, columns, {name: ordered}, recursive_l, weighted=True)
        for table, (name, ordered) in zip(tables, attributes.items(), strict=True)
    ]
    return replace(found[0], attributes=tuple(part.attributes[0] for part in found))


def _attribute(name: str, ordered: bool, seen: WorstClasses) -> AttributeMeasures:
    whole = whole_table(seen.overall)
    return AttributeMeasures(
        name,
        ordered,
        len(seen.overall),
        seen.found(),
        # The table is no distance from itself, whatever the last bits of the sums.
        {measure.name: round(float(measure.figure(whole)[0]), 12) for measure in seen.measures},
        {measure.name: measure.unit for measure in seen.measures},
        {measure.name: measure.source for measure in seen.measures},
    )


def _collected(
    columns: Sequence[str], sizes: Mapping[int, int], attributes: tuple[AttributeMeasures, ...]
) -> PrivacyMeasures:
    n = sum(size * classes for size, classes in sizes.items())
    return PrivacyMeasures(tuple(columns), n, sum(sizes.values()), min(sizes), sizes.get(1, 0), attributes)
