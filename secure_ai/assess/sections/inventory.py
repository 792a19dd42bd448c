"""What personal data the table holds: each column, its tier and rules, and the findings on identifiers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.names import Names
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import judge
from secure_ai.assess.section import Section, Table, Text, blocks
from secure_ai.assess.severity import severity_of_table
from secure_ai.core import Finding, Level, Measurement
from secure_ai.discover.classification import classify
from secure_ai.discover.inventory import ColumnProfile, Inventory
from secure_ai.discover.verdict import EXACT_ROWS

ID, TITLE = "data.inventory", "Inventory and classification"
# Found with less, a column counts in the figure and not in its lower bound.
CONFIDENT = 0.8
CARD_NUMBERS = {"CREDIT_CARD", "CARD_SECURITY_CODE"}
SHOWN_FIELDS = 6
FORMATS = ("text", "text", "text", "text", "text", "text", "figure", "count", "share", "text")
HIPAA = (
    "HIPAA: the letter of the Safe Harbor list, 45 CFR 164.514(b)(2)(i), that applies where a covered entity "
    "holds the column about a patient. Tiers and letters show where a rule may apply. Whether it does "
    "depends on who holds the data, about whom, and why."
)
LIMITS = (
    "The inventory reads column names and a sample of values, nested ones field by field. It finds what its "
    "detectors know, in the languages they know. In free text it can miss an identifier, a name above all; "
    "the evidence of such a column says what read it. Binary content is not examined."
)


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Classify every column and judge identifiers, card numbers and special categories."""
    progress(f"reading names and a sample of {len(inputs.source.columns):,} columns", 0.0)
    found, names = inputs.inventory, inputs.names
    n, columns, sample = found.n_rows, len(found.columns), inputs.parameters.sample
    holding = [profile for profile in found.columns if profile.entities]
    read = "read in full" if n <= sample else f"from names and at most {sample:,} values of each"
    direct = sum(profile.direct for profile in found.columns)
    return Section(
        id=ID,
        title=TITLE,
        summary=(
            f"{len(holding)} of {_count(columns, 'column')} {'holds' if len(holding) == 1 else 'hold'} "
            f"personal data; the table's tier is {found.tier.name.capitalize()}"
        ),
        assessed=f"Personal data and its classification in {_count(columns, 'column')}, {read}",
        findings=tuple(findings(inputs, found)),
        blocks=blocks(
            Text(text=sampling_sentence(found, sample)),
            Table.of("Every column, in table order", columns_frame(found, names), FORMATS),
            Text(text=HIPAA),
            Text(text=LIMITS),
        ),
        facts={
            "records": n,
            "columns": columns,
            "columns_with_personal_data": len(holding),
            "columns_that_name_a_person": direct,
            "tier": found.tier.name.capitalize(),
        },
    )


def sampling_sentence(found: Inventory, sample: int) -> str:
    """Say how many records the detectors read, and how rare a thing they can have missed."""
    counts = "Counts of different values are estimates within about 2 %" if found.n_rows > EXACT_ROWS else ""
    if found.sampled >= found.n_rows:
        records = _count(found.n_rows, "record")
        text = f"All {records} were read, at most {sample:,} different values of a column."
    else:
        # The rule of three: what is in none of m records drawn at random is in fewer than 3/m, at 95 %.
        text = (
            f"Detectors read {found.sampled:,} of {found.n_rows:,} records, drawn at random, and at most "
            f"{sample:,} different values of a column. What stands in none of them stands in fewer than "
            f"1 of {found.sampled // 3:,} records of the table, at 95 % confidence."
        )
    return (
        f"{text} {counts + '; empty' if counts else 'Different and empty'} cells are counted in all records."
    )


def columns_frame(found: Inventory, names: Names) -> pd.DataFrame:
    """Return the inventory in words, without any value of the table, not even a masked one.

    Returns:
        One row per column, in table order: ``Column``, ``Type``, ``Holds``, ``Tier``, ``HIPAA`` (Safe Harbor
        letters), ``Other rules``, ``Confidence``, ``Different values``, ``Empty`` (share), ``Evidence``.
    """
    rows = [
        (
            names.column(profile.name),
            type_in_words(profile.sql_type),
            classify(profile.entities).title if profile.entities else "Nothing recognized",
            profile.tier.name.capitalize(),
            ", ".join(profile.hipaa_letters) or "–",
            ", ".join(_rules(profile)) or "–",
            profile.confidence if profile.entities else None,
            int(profile.distinct),
            float(profile.null_share),
            evidence_of(profile, names),
        )
        for profile in found.columns
    ]
    headings = [
        "Column", "Type", "Holds", "Tier", "HIPAA", "Other rules", "Confidence", "Different values", "Empty",
        "Evidence",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=headings)


def type_in_words(sql_type: str) -> str:
    """Return a type without what stands in it: names of fields and values of a list may be people's."""
    if sql_type.endswith("]"):
        return "LIST"
    kind = re.match(r"[A-Z][A-Z0-9_ ]*", sql_type)
    name = kind.group().strip() if kind else "OTHER"
    return sql_type if re.fullmatch(r"DECIMAL\(\d+,\s?\d+\)", sql_type) else name


def evidence_of(profile: ColumnProfile, names: Names) -> str:
    """Return the evidence in words; names of fields in it only as they may be shown."""
    text = profile.evidence
    if profile.fields:
        # The room's own words name fields: here each goes through the names of the report.
        holding = [one for one in profile.fields if one.entities]
        parts = [f"{names.part(one.name)}: {', '.join(one.entities)}" for one in holding[:SHOWN_FIELDS]]
        more = f"; and {len(holding) - SHOWN_FIELDS} more" if len(holding) > SHOWN_FIELDS else ""
        text = f"nested values; {len(holding)} of {len(profile.fields)} fields were classified"
        return f"{text} ({'; '.join(parts)}{more})" if parts else text
    return re.sub(r" ?'[^']*'", "", text) if names.redact == "strict" else text


def findings(inputs: Inputs, found: Inventory) -> list[Finding]:
    """Return the findings on identifiers of the Safe Harbor list, card numbers and special categories.

    Likelihood of the first two follows the share of records that the columns are filled in: reading them
    takes no skill. A bank keeps to the Interagency Guidelines (12 CFR 30 App. B); the FTC's rule, 16 CFR
    314.4, is for financial institutions that are no bank.
    """
    severity, why = severity_of_table(found)
    listed = [profile for profile in found.columns if profile.hipaa]
    direct = [profile for profile in listed if profile.direct]
    cards = [profile for profile in found.columns if CARD_NUMBERS & set(profile.entities)]
    special = [profile for profile in found.columns if profile.gdpr_special]
    names_person = f"; {_columns(direct, 'name')} a person directly" if direct else ""
    return [
        _finding(
            inputs, found, "data.safe_harbor_identifiers", listed,
            measure="safe_harbor_identifier_columns", source="45 CFR 164.514(b)(2)(i)",
            title=f"{_columns(listed, 'hold', found)} identifiers of the Safe Harbor list{names_person}",
            nothing="No column holds an identifier of the Safe Harbor list",
            success=_filled(direct), severity=severity, why=why,
        ),
        _finding(
            inputs, found, "data.payment_cards", cards,
            measure="card_number_columns", source="PCI DSS 4.0.1, 3.5.1",
            title=f"{_columns(cards, 'hold', found)} payment card numbers in clear",
            nothing="No column holds payment card numbers",
            success=_filled(cards),
        ),
        _finding(
            inputs, found, "data.special_categories", special,
            measure="special_category_columns", source="GDPR Art. 9(1)",
            title=f"{_columns(special, 'hold', found)} special categories of personal data",
            nothing="No column was recognized as a special category of personal data",
            # Whether there is a legal basis cannot be seen in the table: medium, whatever the share.
            success=0.0,
        ),
    ]  # fmt: skip


def _finding(
    inputs: Inputs,
    found: Inventory,
    name: str,
    profiles: Sequence[ColumnProfile],
    *,
    measure: str,
    source: str,
    title: str,
    nothing: str,
    success: float,
    severity: Level | None = None,
    why: str | None = None,
) -> Finding:
    parameters, there = inputs.parameters, bool(profiles)
    certain = sum(profile.confidence >= CONFIDENT for profile in profiles)
    measured = Measurement(
        name=measure,
        value=float(len(profiles)),
        unit="columns",
        n=len(found.columns),
        baseline=0.0,
        interval=(float(certain), float(len(profiles))),
        method=(
            "detectors over a sample of each column and its name; the lower bound counts only columns found "
            f"with a confidence of at least {CONFIDENT:g}; what no detector knows is not counted"
        ),
        source=source,
    )
    finding = judge(
        name,
        title if there else nothing,
        measured,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        success=success,
        severity=severity if there else Level.LOW,
        severity_reason=why if there else "nothing was found.",
        mitigations=None if there else (),
        evidence=TITLE,
    )
    return finding if there else finding.model_copy(update={"residual": "none to treat"})


def _filled(profiles: Sequence[ColumnProfile]) -> float:
    """Return the share of records in which the fullest of these columns names somebody."""
    shares = [
        (1 - one.null_share) * (one.identifier_share if one.identifier_share is not None else 1.0)
        for one in profiles
    ]
    return max(shares, default=0.0)


def _rules(profile: ColumnProfile) -> list[str]:
    rules = (("PCI DSS", profile.pci), ("GLBA", profile.glba), ("GDPR Art. 9", profile.gdpr_special))
    return [name for name, applies in rules if applies]


def _columns(some: Sequence[ColumnProfile], verb: str, found: Inventory | None = None) -> str:
    """Return "1 of 9 columns holds" or "2 columns hold": the verb agrees with the number."""
    of = f" of {len(found.columns)} columns" if found else " column" if len(some) == 1 else " columns"
    return f"{len(some)}{of} {verb}{'s' if len(some) == 1 else ''}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
