"""What changed since the earlier report, as a section of this one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from secure_ai.assess.diff import ORDER, Comparison, compare
from secure_ai.assess.earlier import read_report, report_of
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.section import Section, Table, Text, blocks
from secure_ai.core import Finding

ID = "treatment.changes"
TITLE = "What changed since the earlier report"


def changes_section(parameters: AssessmentParameters, findings: Sequence[Finding]) -> Section:
    """Return the section on what got better, worse, new, gone, assessed or not.

    Raises:
        UserError: as :func:`secure_ai.assess.earlier.read_report`.
    """
    earlier = read_report(Path(parameters.previous or ""))
    found = compare(earlier, report_of(parameters, findings))
    dated = f" of {earlier.date}" if earlier.date else ""
    return Section(
        id=ID,
        title=TITLE,
        summary=found.sentence(),
        assessed=f"against an earlier report{dated}",
        blocks=blocks(
            Text(text="SOMETHING GOT WORSE since the earlier report.") if found.worse else None,
            Text(text=f"Compared with the earlier report{dated}. {found.rule}"),
            [Text(text=one) for one in found.unlike],
            _table(found, strict=parameters.redact == "strict"),
        ),
        facts={
            "counts_as_worse": found.worse,
            **{kind.replace(" ", "_"): len(found.of_kind(kind)) for kind in ORDER},
        },
    )


def _table(found: Comparison, *, strict: bool) -> Table | Text:
    frame = found.to_frame()
    if strict:
        # The title of what is gone is the earlier report's, which may have shown names of columns.
        frame["risk"] = frame["risk"].where(frame["change"] != "gone", frame["id"])
    frame = frame[frame["change"] != "unassessed"].drop(columns=["id", "counts as worse"])
    if frame.empty:
        return Text(text="Neither report measured anything that the other has, too.")
    frame = frame.rename(columns=dict(zip(("before", "now"), found.sides, strict=True)))
    order = "the worst comes first, none is better" if found.apart else "what got worse comes first"
    return Table.of(f"Each finding in both reports; {order}", frame)
