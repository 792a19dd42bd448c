"""The minimum table of a purpose: its columns and rows, who consented, de-identified, and looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from secure_ai.anonymize.deidentify.deidentifier import Deidentifier
from secure_ai.anonymize.deidentify.policy import Policy
from secure_ai.anonymize.deidentify.receipt import Receipt
from secure_ai.anonymize.deidentify.scan import scan
from secure_ai.anonymize.tabular.classes import equivalence_class_sizes
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import Source, TableLike, as_source, open_source, quote_identifier, shown
from secure_ai.encrypt.private_files import open_private
from secure_ai.encrypt.secret_keys import Key
from secure_ai.govern.consent.callback import Consent, ask_consent
from secure_ai.govern.handover.details import TABLE
from secure_ai.govern.handover.purpose import Purpose
from secure_ai.govern.handover.refusals import HandoverRefused
from secure_ai.govern.retention.periods import checked_day

_PERSON = "(whose row)"
_REMOVED = ("redact", "drop")


@dataclass(frozen=True)
class Extract:
    """What may leave for a purpose.

    Attributes:
        table: the de-identified table.
        people: keys of those whose rows are in it, for the sender's register alone; empty where the purpose
            names no person column.
        receipt: what the de-identification did.
        steps: one row per step: step, rows, why.
        k: the least class size that was measured; None if not asked for.
    """

    table: pa.Table
    people: tuple[str, ...]
    receipt: Receipt
    steps: pd.DataFrame
    k: int | None

    def __repr__(self) -> str:
        """Show sizes alone: it holds keys of people."""
        return f"Extract({self.table.num_rows} rows, {self.table.num_columns} columns)"


def extract_minimum(
    source: TableLike | Source,
    purpose: Purpose,
    *,
    today: date,
    key: Key | str | Path | None = None,
    seed: int | None = None,
    consent: Consent | None = None,
) -> Extract:
    """Take the columns and rows of a purpose, leave out who did not consent, de-identify, and check.

    Where the purpose names a person column, rows without a person are left out, and the steps say so.

    Args:
        source: a table (file, frame, database; see :mod:`secure_ai.core.sources`).
        purpose: what is needed.
        today: the day; its year is that of the rule of ages over 89.
        key: of the de-identification, where its policy computes with one.
        seed: makes random codes repeatable, for tests and lessons only.
        consent: asked once with all people; None where the legal basis needs none.

    Raises:
        HandoverRefused: if no row is left, there are too many, an identifier is left, or k is not reached.
        UserError: if a column is missing, the policy needs a key, or the consent callback fails or answers
            wrongly.
    """
    checked_day(today)
    opened = as_source(source)
    opened.require([*purpose.columns, *(condition.column for condition in purpose.rows)])
    if purpose.person_column is not None:
        opened.require([purpose.person_column])
    if consent is not None and purpose.person_column is None:
        raise UserError("Consent is asked per person: name the person_column of the purpose.")
    frame = _selected(opened, purpose)
    steps = [("in the source", opened.n_rows, "before anything"), ("purpose", len(frame), _filters(purpose))]
    if consent is not None:
        _require_rows(frame, purpose)
        frame = frame[_consented(frame[_PERSON], purpose, consent)].reset_index(drop=True)
        if frame.empty:
            raise HandoverRefused(
                f"Nobody in the table consents to '{shown(purpose.name)}' today: hand over nothing."
            )
        steps.append(("consent", len(frame), "people who did not consent, or withdrew, are left out"))
    _require_rows(frame, purpose)
    if _PERSON in frame and (nobody := int(frame[_PERSON].isna().sum())):
        frame = _of_somebody(frame, purpose)
        steps.append(
            ("person", len(frame), f"{nobody:,} rows belong to nobody known: no withdrawal would find them")
        )
    policy = purpose.policy()
    table, receipt = _deidentified(frame, purpose, policy, today, key, seed)
    people, k = _people(frame), None
    if purpose.k is not None:
        table, kept, k = _k_anonymous(table, purpose)
        people = _people(frame[kept])
        steps.append(("k", table.num_rows, f"classes of fewer than {purpose.k} are left out"))
    _require_nothing_left(table, purpose, policy, receipt)
    return Extract(table, people, receipt, pd.DataFrame(steps, columns=["step", "rows", "why"]), k)


def _filters(purpose: Purpose) -> str:
    return "; ".join(condition.sentence() for condition in purpose.rows) or "every row"


def _selected(source: Source, purpose: Purpose) -> pd.DataFrame:
    wanted = [quote_identifier(column) for column in purpose.columns]
    if purpose.person_column is not None:
        wanted.append(f"{quote_identifier(purpose.person_column)}::VARCHAR AS {quote_identifier(_PERSON)}")
    parts, values = [], []
    for condition in purpose.rows:
        sql, given = condition.sql(quote_identifier(condition.column))
        parts.append(sql)
        values += given
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    try:
        return source.sql(f"SELECT {', '.join(wanted)} FROM source{where}", values).df()
    except (duckdb.Error, UserError):
        _require_comparable(source, purpose)
        raise


def _require_comparable(source: Source, purpose: Purpose) -> None:
    """Find the condition whose value is of another kind than its column."""
    for condition in purpose.rows:
        sql, given = condition.sql(quote_identifier(condition.column))
        try:
            source.sql(f"SELECT count(*) FROM source WHERE {sql}", given).fetchone()
        except (duckdb.Error, UserError):
            raise UserError(
                f"The condition on {shown(condition.column)} compares it with a value of another kind: "
                "write the value as the table has it."
            ) from None


def _consented(people: pd.Series, purpose: Purpose, consent: Consent) -> pd.Series:
    known = people.dropna().drop_duplicates()
    answers = ask_consent(consent, known.tolist(), purpose.consent_purpose or purpose.name)
    # A row of nobody known has nobody's consent.
    return people.isin(known[answers])


def _require_rows(frame: pd.DataFrame, purpose: Purpose) -> None:
    if frame.empty:
        raise HandoverRefused(
            f"No row is left for the purpose '{shown(purpose.name)}': look at its conditions."
        )
    if purpose.most_rows is not None and len(frame) > purpose.most_rows:
        raise HandoverRefused(
            f"{len(frame):,} rows are more than the {purpose.most_rows:,} of the purpose: "
            "narrow its conditions."
        )


def _of_somebody(frame: pd.DataFrame, purpose: Purpose) -> pd.DataFrame:
    kept = frame[frame[_PERSON].notna()].reset_index(drop=True)
    if kept.empty:
        raise HandoverRefused(
            f"All {len(frame):,} rows belong to nobody known ({shown(str(purpose.person_column))} is empty): "
            "no withdrawal would find them."
        )
    return kept


def _deidentified(  # noqa: PLR0917
    frame: pd.DataFrame,
    purpose: Purpose,
    policy: Policy,
    today: date,
    key: Key | str | Path | None,
    seed: int | None,
) -> tuple[pa.Table, Receipt]:
    cleaner = Deidentifier(policy, key, seed=seed, as_of=today.year)
    columns = list(purpose.columns)
    person = purpose.person_column
    # Dates are shifted per person, also where the person's key itself stays here.
    moved = any(rule.action == "shift_date" for rule in policy.rules)
    carried = person is not None and person not in columns and moved
    given = frame[columns].assign(**({person: frame[_PERSON]} if carried else {}))
    cleaned = cleaner.table(given, person_column=person if carried or person in columns else None)
    kept = [column for column in columns if column in cleaned.columns]
    table = pa.Table.from_pandas(cleaned[kept], preserve_index=False).replace_schema_metadata(None)
    receipt = cleaner.receipt()
    if receipt.remaining:
        found = ", ".join(sorted(receipt.remaining))
        raise HandoverRefused(
            f"After de-identification a second look still finds {found}: name these columns in the policy."
        )
    if gone := [column for column in columns if column not in kept]:
        raise HandoverRefused(
            f"The policy {policy.name} drops the column {shown(gone[0])}, which the purpose asks for: "
            "take it out of the purpose, or name it under columns in a policy of your own."
        )
    return table, receipt


def _k_anonymous(table: pa.Table, purpose: Purpose) -> tuple[pa.Table, pd.Series, int]:
    """Leave out the rows of small classes, if few enough; return table, which rows stayed, and k."""
    frame = table.select(list(purpose.quasi_identifiers)).to_pandas()
    sizes = frame.groupby(list(purpose.quasi_identifiers), dropna=False).transform("size")
    kept = sizes >= purpose.k
    share = 1 - kept.mean()
    if share > purpose.most_suppressed:
        raise HandoverRefused(
            f"{int((~kept).sum()):,} of {len(frame):,} rows are in classes of fewer than {purpose.k}, "
            f"more than the {purpose.most_suppressed:.0%} that may be left out: "
            "make the quasi-identifiers coarser first."
        )
    if not kept.any():
        raise HandoverRefused(f"No class has {purpose.k} rows: nothing is left to hand over.")
    table = table.filter(pa.array(kept.to_numpy()))
    # Measured on what leaves, by the counting that the rest of the kit uses.
    least = equivalence_class_sizes(open_source(table), purpose.quasi_identifiers)["class_size"].min()
    return table, kept, int(least)


def _require_nothing_left(table: pa.Table, purpose: Purpose, policy: Policy, receipt: Receipt) -> None:
    with TemporaryDirectory(prefix="secure-ai-handover-") as folder:
        path = Path(folder) / TABLE
        write_table(table, path)
        found = scan(path, threshold=policy.threshold)
    # Where values were replaced as a whole, a name like 'npi' alone would make a find of the replacements.
    read = {change.column for change in receipt.columns if change.kept or change.rule == "text"}
    left = [
        row
        for row in found.rows
        if policy.rule(row.entity).action in _REMOVED
        and row.place not in purpose.accepted_finds
        and row.place in read
    ]
    if left:
        raise HandoverRefused(
            f"The scan of what would leave finds {left[0].entity} in the column {shown(left[0].place)}: "
            "name it in the policy, or say in accepted_finds why it is none."
        )


def _people(frame: pd.DataFrame) -> tuple[str, ...]:
    return tuple(sorted(frame[_PERSON].dropna().unique())) if _PERSON in frame else ()


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet, readable by its owner alone."""
    try:
        with open_private(path) as file:
            pq.write_table(table, file, compression="zstd")
    except OSError as error:
        raise UserError(f"The table cannot be written ({system_reason(error)}): free some space.") from None
