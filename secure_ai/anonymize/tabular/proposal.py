"""Which columns to take as quasi-identifiers, and which combinations single people out most."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular import cluster
from secure_ai.anonymize.tabular.classes import checked_columns, class_key, equivalence_class_sizes
from secure_ai.anonymize.tabular.summary import (
    RECORDS,
    class_sizes,
    sizes_of_classes,
    summaries,
    summarize,
)
from secure_ai.core import UserError
from secure_ai.core.sources import Source, as_source, open_source, quote_identifier
from secure_ai.discover.classification import classify

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.discover.inventory import ColumnProfile, Inventory

# Words of column names: attributes that neighbors, employers or registers know of a person.
KNOWN_TO_OUTSIDERS = """
    age sex gender race ethnicity ethnic marital birth birthdate birthday birthplace dob born birthyear death
    deathdate zip zipcode postal postcode city town county state province region country nationality citizen
    citizenship foreign education degree occupation job profession workclass employment employer religion
    language household dependents alter geschlecht plz geburtsdatum beruf edad sexo sexe
"""
# Words of column names that name a person, a household or a number given to one of them.
NAMES_ONE_PERSON = """
    id uuid guid ssn passport license licence drivers driver name first last maiden surname firstname lastname
    fullname phone telephone mobile fax email mail address street mrn npi iban account card pan username login
    lat lon latitude longitude ip url
"""
# Kinds of content that outsiders commonly know, by the name the inventory gives them.
OUTSIDER_ENTITIES = """
    LOCATION ZIP_CODE DATE_TIME DATE_OF_BIRTH AGE_OVER_89 AGE SEX MARITAL_STATUS EDUCATION OCCUPATION
    NATIONALITY STATE LANGUAGE RACE_ETHNICITY NRP RELIGION
"""
# From this share of different values on, a column names its record rather than describing it.
IDENTIFYING_SHARE = 0.9
FREE_TEXT_LENGTH = 40
SPLITS_NO_FURTHER = "splits the records no further than those chosen"
LEFT_OUT = (
    "as well known as those chosen, but splits the records less: who knows it too is not in the figures"
)
# Above this, exact counting of classes for every candidate would hold too much at once.
EXACT_ROWS = 1_000_000
# Columns whose different values are counted exactly in one reading: a million of each fit into 500 MB.
COUNTED_TOGETHER = 20
# Up to this many cells (8 bytes each) a table is read once and kept as codes while combinations are tried.
CODED_CELLS = 20_000_000
# A column named like an identifier is one if it has this many values, or half as many as records.
IDENTIFIER_VALUES = 50


class Role(StrEnum):
    """What a column can be to someone who wants to trace its records."""

    QUASI_IDENTIFIER = "quasi-identifier"
    DIRECT_IDENTIFIER = "direct identifier"
    NOT_PROPOSED = "not proposed"


@dataclass(frozen=True)
class QuasiIdentifierChoice:
    """What was decided about one column, and why.

    Attributes:
        column: its name.
        role: quasi-identifier, direct identifier (remove or replace it) or not proposed.
        reason: one clause for the reader of a report.
        classes: classes that all columns chosen so far make together; None unless chosen.
        uniques: records that are alone in their class then; None unless chosen.
    """

    column: str
    role: Role
    reason: str
    classes: int | None = None
    uniques: int | None = None


def propose_quasi_identifiers(
    source: Source,
    inventory: Inventory | None = None,
    most: int = 6,
    *,
    exclude: Sequence[str] = (),
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> list[str]:
    """Return the columns that :func:`explain_quasi_identifiers` chooses, in the order of choice."""
    choices = explain_quasi_identifiers(
        source, inventory, most, exclude=exclude, engine=engine, scheduler=scheduler
    )
    return [choice.column for choice in choices if choice.role is Role.QUASI_IDENTIFIER]


def explain_quasi_identifiers(
    source: Source,
    inventory: Inventory | None = None,
    most: int = 6,
    *,
    exclude: Sequence[str] = (),
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> list[QuasiIdentifierChoice]:
    """Propose quasi-identifiers by how much they single out, with a reason for every column.

    Dropped first: constants, free text, columns whose values nearly all differ, and what the
    inventory (or the column's name) calls a direct identifier. Of the rest, columns of a kind that
    outsiders commonly know (by the inventory: a place or a date; by name: age, sex, occupation ...) are
    taken; only where fewer than two of them exist are all remaining columns candidates. Then greedy: each
    step takes the column that splits the records into the most classes, because classes over
    records is the success rate of an attacker; it stops at ``most`` columns, or when no column splits
    any further. A proposal is a start for people who know who could know what, not a verdict.

    Args:
        source: the table; one pass per step in DuckDB (class counts are approximate, within about
            2 %, above one million rows).
        inventory: what :func:`secure_ai.discover.inventory` found, for identifiers that no name shows.
        most: largest number of columns to propose.
        exclude: columns that are not to be proposed (the sensitive attribute, for instance).
        engine: who counts the classes: ``"duckdb"``, or ``"dask"`` (exactly, at any size). How many values a
            column has, DuckDB says for both: one pass over the files, in constant memory.
        scheduler: address of a Dask scheduler.

    Returns:
        The chosen columns in order of choice, then the others in table order.

    Raises:
        UserError: if an excluded column is not there, ``most`` is not positive, or the engine fails.
    """
    cluster.check_engine(engine, scheduler)
    if most < 1:
        raise UserError(f"At least one quasi-identifier must be allowed, not {most}.")
    source.require(exclude)
    profiles = {} if inventory is None else {profile.name: profile for profile in inventory.columns}
    facts, n = _facts(source), source.n_rows
    rest: dict[str, QuasiIdentifierChoice] = {}
    outsiders: list[str] = []
    others: list[str] = []
    for column in source.columns:
        known, identifier = _kind(column, profiles.get(column), facts[column])
        reason, role = _drop_reason(facts[column], n, known, identifier)
        if column in exclude:
            reason, role = "named as sensitive: what an attacker wants to learn", Role.NOT_PROPOSED
        if reason:
            rest[column] = QuasiIdentifierChoice(column, role, reason)
        else:
            (outsiders if known else others).append(column)

    candidates, why = outsiders, "of a kind that outsiders commonly know"
    if len(outsiders) < 2:
        candidates, why = outsiders + others, "splits the records although its kind is not recognized"
    if engine == "dask":
        chosen = _greedy(
            candidates, most, lambda groups: [len(group) for group in summaries(source, groups, scheduler)]
        )
    else:
        source = _coded(source, candidates)
        chosen = _greedy(candidates, most, lambda groups: _count_classes(source, groups))
    choices = []
    for step in range(len(chosen)):
        sizes = class_sizes(source, chosen[: step + 1], engine=engine, scheduler=scheduler)
        uniques = int(sizes.loc[sizes["class_size"] == 1, "records"].sum())
        clause = "of a kind that outsiders commonly know" if chosen[step] in outsiders else why
        choices.append(
            QuasiIdentifierChoice(
                chosen[step], Role.QUASI_IDENTIFIER, clause, int(sizes["classes"].sum()), uniques
            )
        )
    for column in facts:
        if column in rest:
            choices.append(rest[column])
        elif column not in chosen:
            reason = (
                (LEFT_OUT if len(chosen) == most else SPLITS_NO_FURTHER)
                if column in candidates
                else "not of a kind that outsiders commonly know: name it if it is in your case"
            )
            choices.append(QuasiIdentifierChoice(column, Role.NOT_PROPOSED, reason))
    return choices


def identifying_columns(
    source: Source, columns: Sequence[str], inventory: Inventory | None = None
) -> dict[str, tuple[Role, str]]:
    """Return those of ``columns`` that would single people out beside a release, each with role and reason.

    Direct identifiers; what names its record because nearly every value differs; free text; and, with the
    role of a quasi-identifier, what outsiders commonly know.

    Args:
        source: the table.
        columns: columns that are meant to stay as they are.
        inventory: what :func:`secure_ai.discover.inventory` found in them.

    Raises:
        UserError: if a column is not there.
    """
    source.require(columns)
    if not columns:
        return {}
    profiles = {} if inventory is None else {profile.name: profile for profile in inventory.columns}
    facts, n = _facts(replace(source, types={name: source.types[name] for name in columns})), source.n_rows
    found: dict[str, tuple[Role, str]] = {}
    for column in columns:
        known, identifier = _kind(column, profiles.get(column), facts[column])
        reason, role = _drop_reason(facts[column], n, known, identifier)
        harmless = facts[column].distinct < 2
        if known and not reason:
            role, reason = Role.QUASI_IDENTIFIER, "of a kind that outsiders commonly know"
        if reason and (role is Role.DIRECT_IDENTIFIER or not harmless):
            found[column] = (role, reason)
    return found


def riskiest_combinations(
    source: Source | Any,
    columns: Sequence[str] | Mapping[str, Sequence[str]],
    size: int = 3,
    *,
    top: int = 10,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> pd.DataFrame:
    """Return the combinations of at most ``size`` columns that leave the most records unique.

    Args:
        source: the table, or anything :func:`open_source` opens; each combination is one grouping in DuckDB.
        columns: columns to combine; or several sets of them by name, each what one attacker could know.
        size: largest number of columns in a combination.
        top: number of combinations to return.
        engine: ``"duckdb"``, or ``"dask"``: all combinations in one reading.
        scheduler: address of a Dask scheduler.

    Returns:
        Riskiest first: ``columns`` (tuple), ``size``, ``k``, ``classes``, ``uniques``,
        ``share_unique`` (of all records). Of two that are equally risky, the shorter comes first. Of several
        sets ``top`` each, with the name of the set in front as ``quasi_identifiers``.

    Raises:
        UserError: if no column or set is named or a column is not there, or ``size`` or ``top`` is below 1.
    """
    import pandas as pd

    for what, number in (("size of a combination", size), ("number of combinations", top)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UserError(f"The {what} must be a whole number of at least 1, not {number}.")
    cluster.check_engine(engine, scheduler)
    source = as_source(source)
    if isinstance(columns, Mapping):
        if not columns:
            raise UserError("No set of quasi-identifiers was named: name at least one.")
        frames = []
        for name, chosen in columns.items():
            frame = riskiest_combinations(source, chosen, size, top=top, engine=engine, scheduler=scheduler)
            frame.insert(0, "quasi_identifiers", name)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)
    names = checked_columns(source, columns)
    combinations = [
        combination
        for length in range(1, min(size, len(names)) + 1)
        for combination in itertools.combinations(names, length)
    ]
    if engine == "dask":
        found = [sizes_of_classes(counted) for counted in summaries(source, combinations, scheduler)]
    else:
        coded = _coded(source, names)
        found = [equivalence_class_sizes(coded, combination) for combination in combinations]
    rows = []
    for combination, sizes in zip(combinations, found, strict=True):
        records = sizes["records"]
        uniques = int(records[sizes["class_size"] == 1].sum())
        k, classes = int(sizes["class_size"].min()), int(sizes["classes"].sum())
        rows.append((combination, len(combination), k, classes, uniques, uniques / int(records.sum())))
    frame = pd.DataFrame(rows, columns=["columns", "size", "k", "classes", "uniques", "share_unique"])
    order = frame.sort_values(["uniques", "size", "classes"], ascending=[False, True, False], kind="stable")
    return order.head(top).reset_index(drop=True)


def minimal_uniques(
    source: Source | Any,
    columns: Sequence[str],
    size: int = 3,
    *,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> pd.DataFrame:
    """Count for each combination of columns the records that it singles out and no smaller part of it does.

    These are the minimal sample uniques of SUDA. A record that two columns single out is far easier to
    trace than one that takes six, and a combination with many of its own shows which columns to coarsen
    together. Everything is counted on the distinct combinations of values.

    Args:
        source: a :class:`Source`, or anything :func:`open_source` opens.
        columns: columns to combine.
        size: largest number of columns in a combination.
        engine: ``"duckdb"`` or ``"dask"``.
        scheduler: address of a Dask scheduler.

    Returns:
        Most minimal uniques first, of equals the shorter: ``columns`` (tuple), ``size``, ``uniques`` (records
        it singles out), ``minimal_uniques`` (those that none of its parts does), ``share_minimal`` (of all).

    Raises:
        UserError: if no column is named, one is missing or infinite, or ``size`` is below 1.

    Source: Elliot et al., SUDA: a program for detecting special uniques (2005).
    """
    import pandas as pd

    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UserError(f"The size of a combination must be a whole number of at least 1, not {size}.")
    summary = summarize(source, columns, engine=engine, scheduler=scheduler)
    records = summary[RECORDS].to_numpy(np.int64)
    names = [name for name in summary.columns if name != RECORDS]
    codes = {name: pd.factorize(summary[name], use_na_sentinel=False)[0].astype(np.int64) for name in names}
    groups: dict[tuple[str, ...], NDArray[np.int64]] = {(): np.zeros(len(records), np.int64)}
    alone: dict[tuple[str, ...], NDArray[np.bool_]] = {(): records.sum() == np.ones(len(records), np.int64)}
    rows = []
    for length in range(1, min(size, len(names)) + 1):
        shorter, groups = groups, {}
        for combination in itertools.combinations(names, length):
            last = codes[combination[-1]]
            key = shorter[combination[:-1]] * (last.max() + 1) + last
            _, group = np.unique(key, return_inverse=True)
            held = np.bincount(group, weights=records)
            groups[combination] = group
            alone[combination] = held[group] == 1
            parts = [alone[part] for part in itertools.combinations(combination, length - 1)]
            # A record that a still smaller part singles out is singled out by one of these as well.
            minimal = int((alone[combination] & ~np.logical_or.reduce(parts)).sum())
            uniques = int(alone[combination].sum())
            rows.append((combination, length, uniques, minimal, minimal / int(records.sum())))
    frame = pd.DataFrame(rows, columns=["columns", "size", "uniques", "minimal_uniques", "share_minimal"])
    order = frame.sort_values(["minimal_uniques", "size"], ascending=[False, True], kind="stable")
    return order.reset_index(drop=True)


@dataclass(frozen=True)
class _Facts:
    present: int
    distinct: int
    mean_length: float
    is_text: bool


def _facts(source: Source) -> dict[str, _Facts]:
    distinct = _distinct_count(source)
    parts = []
    for name in source.columns:
        key = class_key(source, name)
        length = f"avg(length({quote_identifier(name)}))" if source.types[name] == "VARCHAR" else "0.0"
        parts.append(f"count({key}), {distinct}{key}), {length}")
    # Exact counting holds every value: of a few columns at a time, where only their parts of a file are read.
    columnar = all(path.lower().endswith(".parquet") for path in source.files)
    step = COUNTED_TOGETHER if columnar and source.n_rows <= EXACT_ROWS else len(parts)
    row: list = []
    for start in range(0, len(parts), step):
        row += source.sql(f"SELECT {', '.join(parts[start : start + step])} FROM source").fetchone()
    return {
        name: _Facts(row[3 * i], row[3 * i + 1], float(row[3 * i + 2] or 0), source.types[name] == "VARCHAR")
        for i, name in enumerate(source.columns)
    }


def _kind(column: str, profile: ColumnProfile | None, facts: _Facts) -> tuple[bool, bool]:
    """Return whether outsiders commonly know such a column, and whether it names one person."""
    words = set(re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).lower()))
    known = bool(words & set(KNOWN_TO_OUTSIDERS.split()))
    # A code with two values called 'telephone' says whether there is one, not which.
    named_so = bool(words & set(NAMES_ONE_PERSON.split())) and facts.distinct >= min(
        IDENTIFIER_VALUES, facts.present / 2
    )
    entities = set(profile.entities) if profile else set()
    if classify(entities).direct:
        return False, True
    known = known or bool(entities & set(OUTSIDER_ENTITIES.split()))
    # 'birth_city_name' is a place: a word for a kind outweighs a word for a name.
    return known, named_so and not known


def _drop_reason(facts: _Facts, n: int, known: bool, identifier: bool) -> tuple[str, Role]:
    if facts.distinct == 0:
        return "holds no value", Role.NOT_PROPOSED
    if identifier:
        return "names one person: remove it or replace it by a token", Role.DIRECT_IDENTIFIER
    if facts.distinct == 1 and facts.present == n:
        return "the same value in every record", Role.NOT_PROPOSED
    if facts.is_text and facts.mean_length > FREE_TEXT_LENGTH and facts.distinct > facts.present / 2:
        return "free text: to be searched for identifiers instead", Role.NOT_PROPOSED
    if not known and n > 1 and facts.distinct >= max(2, IDENTIFYING_SHARE * facts.present):
        return "nearly every value differs: an identifier, or a measurement as good as one", Role.NOT_PROPOSED
    return "", Role.NOT_PROPOSED


def _coded(source: Source, columns: Sequence[str]) -> Source:
    """Return ``columns`` as 64-bit codes in memory, so that a text file is not parsed for every grouping."""
    if not columns or source.n_rows * len(columns) > CODED_CELLS:
        return source
    codes = ", ".join(f"hash({class_key(source, name)}) AS {quote_identifier(name)}" for name in columns)
    return open_source(source.sql(f"SELECT {codes} FROM source").to_arrow_table())


def _greedy(
    candidates: Sequence[str], most: int, count: Callable[[list[tuple[str, ...]]], Sequence[int]]
) -> list[str]:
    """Take the column that makes most classes, then the next, while there are more.

    Args:
        candidates: the columns to choose from.
        most: largest number of columns.
        count: groups of columns → how many classes each makes.
    """
    chosen: list[str] = []
    classes = 1
    while len(chosen) < most:
        left = [name for name in candidates if name not in chosen]
        if not left:
            break
        counts = count([(*chosen, column) for column in left])
        best = max(range(len(left)), key=lambda i: counts[i])
        if counts[best] <= classes:
            break
        chosen.append(left[best])
        classes = counts[best]
    return chosen


def _count_classes(source: Source, groups: Sequence[Sequence[str]]) -> tuple[int, ...]:
    distinct = _distinct_count(source)
    # A 64-bit hash stands for the combination: two classes of 10 million collide once in 400,000 tables.
    keys = [", ".join(class_key(source, name) for name in group) for group in groups]
    return source.sql(f"SELECT {', '.join(f'{distinct}hash({key}))' for key in keys)} FROM source").fetchone()


def _distinct_count(source: Source) -> str:
    return "approx_count_distinct(" if source.n_rows > EXACT_ROWS else "count(DISTINCT "
