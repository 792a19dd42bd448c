"""What personal data a table holds: every column, its regimes, its tier and the evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.sources import NUMERIC, Source, column_list, quote_identifier
from secure_ai.discover.classification import ENTITY_CLASSES, FREE_TEXT, LINKED, Tier, classify
from secure_ai.discover.column_names import entity_of_name
from secure_ai.discover.columns import judge_column
from secure_ai.discover.header import refuse_data_as_header
from secure_ai.discover.scoring import mask
from secure_ai.discover.verdict import DOUBTFUL, EXACT_ROWS, FieldVerdict, Verdict

ROWS_PER_VALUE = 10
"""Rows read for each distinct value asked for: enough for shares, and bounded whatever the table."""

COUNTED_TOGETHER = 20
"""Columns whose different values are counted exactly in one reading: a million of each fit into 500 MB."""

# Columns whose meaning stands in the description beside them.
_SAID_BY_ANOTHER = {"code", "value", "result"}
_ROW = '"row number\t"'  # a name that no column has


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What one column holds, and what that means.

    Attributes:
        name: column name.
        sql_type: DuckDB type.
        entities: what was found, the most certain first; names of ``ENTITY_CLASSES``.
        hipaa: letter of the Safe Harbor identifier (45 CFR 164.514(b)(2)(i)), or None. Free text can
            hold several: ``hipaa_letters`` has all.
        pci: cardholder or sensitive authentication data.
        glba: nonpublic personal information where a financial institution holds it.
        gdpr_special: special category of GDPR Art. 9.
        tier: sensitivity.
        confidence: 0 to 1; 0 where nothing was found.
        evidence: why, in words.
        distinct: distinct values (approximate above a million rows).
        null_share: share of rows without a value.
        reason: why this tier.
        hipaa_letters: all letters that apply.
        free_text: whether the column holds prose.
        identifier_share: for free text, the share of sampled rows in which identifiers were found.
        samples: up to three values, masked.
        fields: for a nested column its paths (``name[].family``), each as a column of its own; counts
            of theirs are over the sample.
    """

    name: str
    sql_type: str
    entities: tuple[str, ...]
    hipaa: str | None
    pci: bool
    glba: bool
    gdpr_special: bool
    tier: Tier
    confidence: float
    evidence: str
    distinct: int
    null_share: float
    reason: str = ""
    hipaa_letters: tuple[str, ...] = ()
    free_text: bool = False
    identifier_share: float | None = None
    samples: tuple[str, ...] = ()
    fields: tuple[ColumnProfile, ...] = ()

    @property
    def direct(self) -> bool:
        """Whether the column points to one person by itself."""
        return classify(self.entities).direct


@dataclass(frozen=True, slots=True)
class Inventory:
    """The columns of one table.

    Attributes:
        label: name of the source, without its folder.
        n_rows: rows of the table.
        columns: profiles in table order.
        sampled: rows that were read for values.
    """

    label: str
    n_rows: int
    columns: tuple[ColumnProfile, ...]
    sampled: int

    @property
    def tier(self) -> Tier:
        """Tier of the table: that of its worst column."""
        return max((column.tier for column in self.columns), default=Tier.INTERNAL)

    def __getitem__(self, name: str) -> ColumnProfile:
        """Return the profile of the column ``name``, or of the path ``name`` of a nested one.

        Raises:
            UserError: if there is none.
        """
        paths = (field for column in self.columns for field in column.fields)
        found = next((column for column in (*self.columns, *paths) if column.name == name), None)
        if found is None:
            raise UserError(
                f"{self.label} has no column '{name}': choose from {', '.join(c.name for c in self.columns)}."
            )
        return found

    def to_frame(self, *, fields: bool = False) -> pd.DataFrame:
        """Return one row per column, fit for a report: tiers as words, values masked.

        Args:
            fields: whether the paths of a nested column follow it, a row each.
        """
        shown = [one for column in self.columns for one in (column, *(column.fields if fields else ()))]
        return pd.DataFrame(
            [
                {
                    "column": column.name,
                    "sql_type": column.sql_type,
                    "entities": ", ".join(column.entities),
                    "hipaa": ", ".join(column.hipaa_letters),
                    "pci": column.pci,
                    "glba": column.glba,
                    "gdpr_special": column.gdpr_special,
                    "tier": column.tier.name,
                    "reason": column.reason,
                    "confidence": column.confidence,
                    "evidence": column.evidence,
                    "distinct": column.distinct,
                    "null_share": column.null_share,
                    "samples": "; ".join(column.samples),
                }
                for column in shown
            ]
        )


def inventory(source: Source, *, sample: int = 2000, seed: int = 0) -> Inventory:
    """Find out what personal data ``source`` holds, column by column.

    Counts (rows, distinct values, nulls, greatest age) are over the whole table; values are judged
    on a sample of rows. Nested columns, and JSON in text, are judged path by path. No raw value leaves
    this function: evidence is words and shares, samples are masked. A column of names under a
    meaningless header is found where the names model knows enough of them; with patterns alone
    (``SECURE_AI_NLP=blank``) it is missed.

    Args:
        source: an opened table.
        sample: most distinct values of a column to look at; ten times as many rows are read.
        seed: chooses the rows; the same seed gives the same inventory.

    Raises:
        UserError: if ``sample`` is below 1, a row cannot be read, or the header line looks like data.
    """
    if sample < 1:
        raise UserError(f"sample={sample}: look at one value at least.")
    refuse_data_as_header(source)
    n_rows = source.n_rows
    most = sample * ROWS_PER_VALUE
    rows = _sample(source, n_rows, most, seed)
    # A table that was read whole is counted where it lies.
    counts = _counts(source, n_rows) if n_rows > most else None
    rng = np.random.default_rng(seed)
    columns = []
    for position, (name, sql_type) in enumerate(source.types.items()):
        values = rows.iloc[:, position].dropna().value_counts(sort=False)
        if counts is None:
            n_values, distinct, largest = int(values.sum()), len(values), _largest(name, values)
        else:
            n_values, distinct, largest = counts[name]
        shown = _chosen(values, sample, rng)
        verdict = judge_column(name, sql_type, shown, n_values=n_values, distinct=distinct, largest=largest)
        null_share = 1 - n_values / n_rows if n_rows else 0.0
        columns.append(
            _profile(
                name, sql_type, verdict, distinct=distinct, null_share=null_share, values=list(shown)[:3]
            )
        )
    return Inventory(source.label, n_rows, tuple(_linked(_beside_clinical_terms(columns))), len(rows))


def _chosen(values: pd.Series, most: int, rng: np.random.Generator) -> dict[str, int]:
    """Return at most ``most`` values with their rows, shuffled.

    Half of them are the most frequent; the others stand for all that are left out, rows included, so
    that shares of rows stay right.
    """
    # Shuffled, so that whoever reads only the first of them still reads from the whole table.
    values = values.iloc[rng.permutation(len(values))]
    if len(values) > most:
        order = np.argsort(-values.to_numpy(), kind="stable")
        frequent, others = np.sort(order[: most // 2]), np.sort(order[most // 2 :])
        chosen = others[: most - len(frequent)]
        scale = values.iloc[others].sum() / values.iloc[chosen].sum()
        numbers = values.to_numpy().astype(float)
        numbers[chosen] *= scale
        kept = np.sort(np.concatenate([frequent, chosen]))
        values = pd.Series(np.maximum(np.rint(numbers[kept]), 1), index=values.index[kept])
    pairs = zip(map(str, values.index.tolist()), values.tolist(), strict=True)
    return {value: int(count) for value, count in pairs if value.strip()}


def _largest(name: str, values: pd.Series) -> float | None:
    if not _may_be_age(name):
        return None
    numbers = pd.to_numeric(pd.Series(values.index), errors="coerce").dropna()
    return float(numbers.max()) if len(numbers) else None


def _may_be_age(name: str) -> bool:
    announced = entity_of_name(name)
    return announced is not None and announced[0] == "AGE"


def _profile(
    name: str, sql_type: str, verdict: Verdict, *, distinct: int, null_share: float, values: list[str]
) -> ColumnProfile:
    meaning = classify(verdict.entities)
    in_prose = bool(verdict.identifier_share)
    return ColumnProfile(
        name=name,
        sql_type=sql_type,
        entities=verdict.entities,
        hipaa=meaning.hipaa,
        pci=meaning.pci,
        glba=meaning.glba,
        gdpr_special=meaning.gdpr_special,
        tier=Tier.RESTRICTED if in_prose else meaning.tier,
        confidence=round(verdict.confidence, 2),
        evidence=verdict.evidence,
        distinct=distinct,
        null_share=round(null_share, 4),
        reason=FREE_TEXT if in_prose else meaning.reason,
        hipaa_letters=tuple(
            sorted({ENTITY_CLASSES[e].hipaa for e in verdict.entities if e in ENTITY_CLASSES} - {None})
        ),
        free_text=verdict.free_text,
        identifier_share=verdict.identifier_share,
        samples=tuple(mask(value) for value in values),
        fields=tuple(_linked([_field_profile(one) for one in verdict.fields])),
    )


def _field_profile(one: FieldVerdict) -> ColumnProfile:
    field = one.field
    return _profile(
        field.path,
        field.sql_type,
        one.verdict,
        distinct=len(field.counts),
        null_share=1 - field.share,
        values=list(field.counts)[:3],
    )


def _beside_clinical_terms(columns: list[ColumnProfile]) -> list[ColumnProfile]:
    """Take the code and the value of what a column of clinical terms describes as health data too."""
    if not any("clinical terms" in column.evidence for column in columns):
        return columns
    meaning = classify(("HEALTH",))
    return [
        replace(
            column,
            entities=("HEALTH",),
            gdpr_special=meaning.gdpr_special,
            tier=meaning.tier,
            reason=meaning.reason,
            confidence=DOUBTFUL,
            evidence=f"named '{column.name.lower()}' beside a column of clinical terms",
        )
        if not column.entities and column.name.lower() in _SAID_BY_ANOTHER
        else column
        for column in columns
    ]


def _linked(columns: list[ColumnProfile]) -> list[ColumnProfile]:
    # A diagnosis is one thing in a table of counts and another beside the name of its patient.
    if not any(column.direct for column in columns):
        return columns
    return [_raised(replace(column, fields=tuple(map(_raised, column.fields)))) for column in columns]


def _raised(column: ColumnProfile) -> ColumnProfile:
    if column.gdpr_special and column.tier < Tier.RESTRICTED:
        return replace(column, tier=Tier.RESTRICTED, reason=LINKED)
    return column


def _counts(source: Source, n_rows: int) -> dict[str, tuple[int, int, float | None]]:
    exact = n_rows <= EXACT_ROWS
    distinct = "count(DISTINCT {})" if exact else "approx_count_distinct({})"
    parts: list[str] = []
    for name, kind in source.types.items():
        column = quote_identifier(name)
        number = column if kind in NUMERIC else f"TRY_CAST(CAST({column} AS VARCHAR) AS DOUBLE)"
        # Only ages are asked for their greatest value; of other columns it would cost a cast a row.
        parts += [
            f"count({column})",
            distinct.format(column),
            f"max({number})" if _may_be_age(name) else "NULL",
        ]
    # Exact counting holds every value: of a few columns at a time, where only their parts of a file are read.
    step = 3 * COUNTED_TOGETHER if exact and _columnar(source) else len(parts)
    row: list = []
    for start in range(0, len(parts), step):
        row += source.sql(f"SELECT {', '.join(parts[start : start + step])} FROM source").fetchone()
    # An estimate can exceed the number of values.
    return {
        name: (row[3 * i], min(row[3 * i + 1], row[3 * i]), row[3 * i + 2])
        for i, name in enumerate(source.columns)
    }


def _columnar(source: Source) -> bool:
    return all(path.lower().endswith(".parquet") for path in source.files)


def _as_text(name: str, kind: str) -> str:
    column = quote_identifier(name)
    if kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]"):
        # DuckDB's own text for nested values cannot be parsed; JSON keeps names, types and quotes.
        return f"CAST(to_json({column}) AS VARCHAR) AS {column}"
    return f"CAST({column} AS VARCHAR) AS {column}"


def _sample(source: Source, n_rows: int, most: int, seed: int) -> pd.DataFrame:
    texts = ", ".join(_as_text(name, kind) for name, kind in source.types.items())
    if n_rows <= most:
        return source.sql(f"SELECT {texts} FROM source").df()
    # Row numbers drawn here, not DuckDB's TABLESAMPLE: that depends on the number of threads.
    positions = np.sort(np.random.default_rng(seed).choice(n_rows, most, replace=False)) + 1
    return source.sql(
        f"SELECT {texts} FROM "
        f"(SELECT {column_list(source.columns)}, row_number() OVER () AS {_ROW} FROM source) "
        f"WHERE {_ROW} IN (SELECT unnest(?)) ORDER BY {_ROW}",
        [positions.tolist()],
    ).df()
