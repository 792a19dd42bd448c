"""The crosswalk as a document: turned to the side wanted, with what nothing touches and what is no law."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pandas as pd

from secure_ai.core.frameworks import entries
from secure_ai.core.frameworks.standing import count_specifications, standing
from secure_ai.govern.crosswalk.tables import coverage, coverage_frame, crosswalk_frame
from secure_ai.govern.records import Bullets, Paragraph, Record, Section, Table

LONGEST = 90
SIDES = {
    "framework": "What touches each identifier",
    "threat": "Threats, and the identifiers that name them",
    "control": "Controls, and the identifiers that ask for them",
    "chapter": "Chapters, and the identifiers that they cite",
    "finding": "Findings, and the identifiers that they carry",
}
NOT_FULFILLED = (
    "Touched does not mean fulfilled: it says that a lesson, a threat, a control or a finding bears on the "
    "entry, and where to look."
)


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a turned crosswalk for reading: tuples as words, long names cut, headings spelled out."""
    shown = frame.copy()
    for column in shown.columns:
        shown[column] = [_words(cell) for cell in shown[column]]
    return shown.rename(columns=lambda name: {"ids": "identifiers", "key": "id"}.get(name, name))


def crosswalk_record(
    by: str = "framework", *, today: date, frameworks: Iterable[str] | None = None
) -> Record:
    """Return the crosswalk as a document for people, ready for ``records.write_record``.

    Args:
        by: the side that it is turned to, see ``crosswalk_frame``.
        today: the day for which it is said what is in force.
        frameworks: only these frameworks; None for all.

    Raises:
        UserError: if there is no such side or framework.
    """
    chosen = list(frameworks) if frameworks is not None else None
    names = chosen or list(dict.fromkeys(found.framework for found in entries()))
    results = [coverage(name, today=today) for name in names]
    if by == "framework":
        frame = crosswalk_frame(by)
        frame = frame[frame["framework"].isin(names)]
        tables = [
            Table.from_frame(
                f"{name}: what touches each identifier",
                readable(frame[frame["framework"] == name].drop(columns="framework")),
            )
            for name in names
            if (frame["framework"] == name).any()
        ]
    else:
        tables = [Table.from_frame(SIDES[by], readable(crosswalk_frame(by, framework=_only(chosen))))]
    counts = coverage_frame(today=today)
    counts = counts[counts["framework"].isin(names)].replace({True: "all", False: "those used"})
    both = count_specifications()
    return Record(
        title="Crosswalk of threats, controls, lessons and findings with laws and frameworks",
        kind="Crosswalk",
        file_name=f"crosswalk_by_{by}",
        facts={"As of": today.isoformat(), "Turned by": by, "Frameworks": str(len(names))},
        summary=NOT_FULFILLED,
        dated=today,
        sections=(
            Section(SIDES[by], tuple(tables)),
            Section(
                "How much of each framework is touched",
                (
                    Table.from_frame(
                        "Entries touched, by framework and level",
                        counts.rename(columns={"complete": "entries listed", "verified": "names verified"}),
                    ),
                    Paragraph(
                        f"The HIPAA Security Rule has {both.required} required and {both.addressable} "
                        "addressable implementation specifications; they are counted apart. Addressable is "
                        "not optional (45 CFR 164.306(d)(3))."
                    ),
                ),
            ),
            Section("What nothing touches", (_untouched(results),)),
            Section("What is not in force", (_not_in_force(names, today),)),
        ),
    )


def _untouched(results) -> Bullets:
    rows = [
        f"{result.framework}: {', '.join(result.untouched) if result.untouched else 'nothing is left out'}"
        for result in results
    ]
    return Bullets(tuple(rows))


def _not_in_force(names: list[str], today: date) -> Table | Paragraph:
    rows = []
    for found in entries():
        if found.framework in names:
            stands = standing(found.id, today)
            if stands.state != "in force":
                rows.append((found.id, found.name, stands.state, stands.words, stands.source))
    if not rows:
        return Paragraph("Everything listed is in force.")
    return Table(
        "Not in force: nothing is scored against these",
        ("identifier", "name", "state", "from when", "source"),
        tuple(rows),
    )


def _only(chosen: list[str] | None) -> str | None:
    return chosen[0] if chosen is not None and len(chosen) == 1 else None


def _words(cell: object) -> str:
    text = ", ".join(map(str, cell)) if isinstance(cell, tuple) else str(cell)
    if not isinstance(cell, tuple) and len(text) > LONGEST:
        text = text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"
    return text
