"""The responsibility chart as a document: who does what, who holds which role, and the officer's position."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from secure_ai.govern.records.document import Bullets, Paragraph, Record, Section, Table, Text, ToBeFilled
from secure_ai.govern.responsibilities import (
    LETTERS,
    activity_references,
    check_people,
    check_responsibilities,
    officer_duties,
    responsibility_chart,
    roles,
)


def responsibility_record(
    organization: str | ToBeFilled,
    people: Mapping[str, str] | None = None,
    chart: pd.DataFrame | None = None,
    *,
    dated: date | None = None,
) -> Record:
    """Return the responsibility chart as a document, with its gaps.

    Args:
        organization: whose chart it is.
        people: role → who holds it; roles without a name stay to be filled.
        chart: as :func:`~secure_ai.govern.responsibilities.responsibility_chart` returns it; the kit's
            proposal for everything if not given.
        dated: date of the chart.

    Raises:
        UserError: for an unknown role or a chart that cannot be read.
    """
    people = people or {}
    chart = responsibility_chart("all") if chart is None else chart
    gaps = [*check_responsibilities(chart), *check_people(people)]
    references = activity_references("all")
    rows = tuple(
        (str(activity), *(str(cell or "") for cell in row), ", ".join(references.get(str(activity), ())))
        for activity, row in zip(
            chart.index, chart.fillna("").itertuples(index=False, name=None), strict=True
        )
    )
    holders = tuple((role, what, _holder(people, role)) for role, what in roles().items())
    duties = officer_duties()
    legend = "; ".join(f"{letter} {meaning}" for letter, meaning in LETTERS.items())
    found = tuple(f"{gap.activity}: {gap.problem}." for gap in gaps)
    return Record(
        title="Responsibilities for AI: security and governance",
        sections=(
            Section("Who holds which role", (Table("Roles", ("Role", "Answers for", "Name"), holders),)),
            Section(
                "Who does what",
                (
                    Paragraph(f"{legend}."),
                    Table("Activities", ("Activity", *map(str, chart.columns), "Asked for by"), rows),
                ),
            ),
            Section(
                "Gaps",
                (Bullets(found) if found else Paragraph("No gap was found in the chart or the names."),),
            ),
            Section(
                "The data protection officer",
                (Table.from_frame("Tasks and position", duties.rename(columns=str.capitalize)),),
            ),
        ),
        file_name="responsibilities",
        kind="Responsibility chart (RACI)",
        facts={"Organization": organization},
        summary=f"{len(found)} {'gap was' if len(found) == 1 else 'gaps were'} found." if found else "",
        dated=dated,
    )


def _holder(people: Mapping[str, str], role: str) -> Text:
    if role == "staff":
        return "everybody"
    return str(people.get(role) or "").strip() or ToBeFilled(f"who is the {role}")
